"""The page of the service in a real browser: live answers, the keyboard, narrow screens, no foreign code."""

import os
from pathlib import Path

import pytest
from serving import ask, served
from small_classifier import taught

SHOTS = os.environ.get("COURSE_SCREENSHOTS")  # a folder: pictures of the page are kept there


@pytest.fixture(scope="module")
def port():
    with served(taught()) as port:
        yield port


@pytest.fixture
def page(browser, port, request):
    """The page, ready; the test fails if it asked elsewhere, complained, or opened a dialogue."""
    context = browser.new_context(**getattr(request, "param", {}))
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.complaints, page.asked = [], []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("dialog", lambda dialog: (page.complaints.append("dialogue"), dialog.dismiss()))
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(f"http://127.0.0.1:{port}/")
    page.wait_for_selector(".bar")
    page.wait_for_selector("#text:focus")  # else the browser may complain of a late autofocus
    yield page
    if SHOTS:
        name = request.node.name.replace("[", "-").replace("]", "")
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)
    context.close()
    assert page.complaints == []
    assert all(url.startswith((f"http://127.0.0.1:{port}/", "data:")) for url in page.asked)


def write(page, text):
    """Put `text` into the box at once, and wait until the page has shown an answer."""
    page.get_by_label("Your text", exact=True).fill(text)
    page.wait_for_function(
        "text => at('text').value === text && !asking && waiting === null && shown === text", arg=text
    )


def bars(page):
    """Class name -> percent, as a screen reader hears them."""
    meters = page.get_by_role("meter").all()
    return {
        m.get_attribute("aria-label").split()[2].strip(","): float(m.get_attribute("aria-valuenow"))
        for m in meters
    }


def test_the_answer_follows_the_typing_with_words_numbers_and_bars(page):
    box = page.get_by_label("Your text", exact=True)
    assert page.evaluate("document.activeElement.id") == "text"  # one can type at once
    page.keyboard.type("a good plot")
    page.wait_for_function("() => shown === 'a good plot'")
    assert page.locator("#verdict").inner_text().startswith("positive, with probability")
    expected = 100 * taught().predict(["a good plot"])["positive"][0]
    assert bars(page)["positive"] == pytest.approx(expected, abs=0.06)
    assert sum(bars(page).values()) == pytest.approx(100, abs=0.11)
    width = page.locator(".bar.chosen .fill").evaluate("e => parseFloat(e.style.width)")
    assert width == pytest.approx(expected, abs=0.01)
    for _ in range(len("good plot")):
        page.keyboard.press("Backspace")
    page.keyboard.type("bad plot")
    page.wait_for_function("() => shown === 'a bad plot'")
    assert page.locator("#verdict").inner_text().startswith("negative, with probability")
    assert box.input_value() == "a bad plot"


def test_the_words_that_mattered_are_marked_by_sign_and_line_and_listed(page):
    write(page, "the bad bad good unheard film")
    marked = page.locator(".word").evaluate_all("all => all.map(e => [e.childNodes[0].data, e.className])")
    assert [word for word, _ in marked] == ["the", "bad", "bad", "good", "unheard", "film"]
    looks = dict(marked)
    assert looks["bad"] == "word for" and looks["good"] == "word against"
    assert looks["film"] == "word" and looks["unheard"] == "word unknown"
    assert page.locator(".word.against sup").last.inner_text().startswith("−")
    row = page.locator("tbody tr").first
    assert row.locator("th").inner_text() == "bad" and row.locator("td").last.inner_text().startswith("−")


def test_typed_code_stays_text(page):
    write(
        page,
        "<script>document.title='taken'</script><img src=x onerror=\"alert(1)\"> "
        "< b >bad< / b > &lt;i&gt;&lt;/i&gt; {{7*7}}",
    )
    assert page.title() == "Ask the classifier"
    assert page.locator("#reading img, #reading script, #reading b, tbody img, tbody script").count() == 0
    assert page.locator("script").count() == 1
    assert "49" not in page.locator("#reading").inner_text()


def test_code_in_the_answer_stays_text_too(page):
    page.route(
        "**/predict",
        lambda route: route.fulfill(
            json={
                "answers": [
                    {
                        "label": "<img src=x onerror=alert(1)>",
                        "probability": 0.5,
                        "probabilities": {"negative": 0.5, "positive": 0.5},
                        "words": 1,
                        "words_known": 1,
                        "words_read": 1,
                        "mattered": [
                            {
                                "words": "<img src=x onerror=alert(2)>",
                                "place": 0,
                                "known": True,
                                "change": 0.4,
                            }
                        ],
                    }
                ]
            }
        ),
    )
    write(page, "good")
    assert page.locator("#verdict").inner_text().startswith("<img src=x")
    assert page.locator(".word").inner_text().startswith("<img src=x") and page.locator("img").count() == 0


def test_the_page_can_be_used_by_keyboard_alone(page):
    reached = []
    for _ in range(5):
        reached.append(page.evaluate("document.activeElement.tagName"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", reached  # where one is can be seen
        page.keyboard.press("Tab")
    assert reached == ["TEXTAREA", "BUTTON", "BUTTON", "BUTTON", "SUMMARY"]
    for _ in range(4):
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_function("() => shown.startsWith('the plot was not dull')")
    assert page.evaluate("document.activeElement.id") == "text"
    for _ in range(4):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.get_by_text("It knows ten words.").is_visible()


def test_an_emptied_box_has_no_answer(page):
    write(page, "good")
    page.get_by_label("Your text", exact=True).fill("")
    assert page.locator("#verdict").inner_text() == "Write something first."
    assert set(bars(page).values()) == {0} and page.locator("#explained").is_hidden()


@pytest.mark.parametrize(
    "text, note",
    [
        (" \n ", "There is no word in this text"),
        ("很好 👍", "It knows no word of this text"),
        ("good film . " * 300, "It read 400 of the 900 words"),
    ],
)
def test_what_the_answer_is_worth_is_said(page, text, note):
    write(page, text)
    assert note in page.locator("#notes").inner_text()


@pytest.mark.parametrize(
    "page",
    [{"viewport": {"width": 400, "height": 800}, "color_scheme": scheme} for scheme in ("light", "dark")],
    indirect=True,
    ids=["light", "dark"],
)
def test_at_400_pixels_nothing_runs_out_of_the_page_and_every_text_has_contrast(page):
    write(page, "the bad bad good film unheard " + "long" * 60)
    page.get_by_text("What this classifier is").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    low = page.evaluate(CONTRAST)
    assert low == []


# Every text element whose contrast to its background is below WCAG's 4.5: [text, ratio]. A translucent
# background is laid over what lies under it.
CONTRAST = """
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const under = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.unshift(rgba(getComputedStyle(e).backgroundColor));
    const over = (below, [r, g, b, a]) => [r, g, b].map((c, i) => c * a / 255 + below[i] * (1 - a / 255));
    return layers.reduce(over, [255, 255, 255]);
  };
  const light = (color) => {
    const linear = (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = color.map((c) => linear(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const low = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "");
    if (!own || element.tagName === "SCRIPT" || !element.getClientRects().length) continue;
    const [one, two] = [light(rgba(getComputedStyle(element).color)), light(under(element))];
    const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (ratio < 4.5) low.push([element.textContent.trim().slice(0, 30), ratio.toFixed(2)]);
  }
  return low;
}
"""


def test_a_refusal_of_the_server_is_shown_and_goes_away(page):
    page.get_by_label("Your text", exact=True).fill("long " * 300_000)
    page.get_by_role("alert").filter(has_text="larger than 1,048,576 bytes").wait_for()
    page.complaints.clear()  # the browser notes the refusal
    write(page, "good")
    assert page.get_by_role("alert").count() == 0


def test_of_answers_under_way_only_the_newest_is_shown(page):
    late = []

    def hold_the_first(route):
        if late:
            route.continue_()
        else:
            late.append(route)

    page.route("**/predict", hold_the_first)
    box = page.get_by_label("Your text", exact=True)
    box.fill("bad")
    page.wait_for_function("() => asking")
    for text in ("bad film", "good"):
        box.fill(text)
    page.wait_for_function("() => waiting === 'good'")
    late[0].continue_()
    page.wait_for_function("() => shown === 'good'")
    assert page.locator("#verdict").inner_text().startswith("positive")
    asked = [url for url in page.asked if url.endswith("/predict")]
    assert len(asked) == 2  # the text between was never sent


def test_a_server_that_has_ended_is_noticed(browser):
    with served(taught()) as port:
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        page.wait_for_selector(".bar")
        assert ask(port, "GET", "/health").status == 200
    page.get_by_label("Your text", exact=True).fill("good")
    page.get_by_role("alert").filter(has_text="The server does not answer").wait_for(timeout=20_000)
    page.close()
