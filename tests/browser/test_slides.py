"""The slides in a real browser: nothing is clipped, too small or asked from elsewhere, and the keys work.

COURSE_SCREENSHOTS names a folder for a picture of every slide.
"""

import os
from pathlib import Path

import pytest

from helpers import classroom
from helpers.course import PAGES

SHOTS = os.environ.get("COURSE_SCREENSHOTS")
THERE = [page for page in PAGES if page.is_there]
SMALLEST = 18  # pixels of a slide 720 high: a fortieth

# Of each slide: what reaches beyond it, and its smallest letters, with everything shown.
MEASURE = """() => {
  document.body.classList.add('measuring', 'all');
  const found = slides.map((slide, n) => {
    const body = slide.querySelector('.body'), frame = slide.getBoundingClientRect();
    const texts = [...body.querySelectorAll('*')].filter(
      e => [...e.childNodes].some(c => c.nodeType === 3 && c.data.trim()) && !e.closest('math'));
    return {
      slide: `${n + 1} ${slide.querySelector('header').textContent}`,
      tall: body.scrollHeight - body.clientHeight,
      wide: Math.max(0, ...[...body.querySelectorAll('*')].map(
        e => e.getBoundingClientRect().right - frame.right)),
      smallest: Math.min(99, ...texts.filter(e => !['SUP', 'SUB'].includes(e.tagName))
        .map(e => parseFloat(getComputedStyle(e.tagName === 'CODE' ? e.parentElement : e).fontSize))),
      pictures: [...body.querySelectorAll('img')].map(e => e.getBoundingClientRect().height),
    };
  });
  document.body.classList.remove('measuring', 'all');
  return found;
}"""


@pytest.fixture
def opened(browser, tmp_path):
    """A function that opens the slides of a page without a network; fails if they ask or complain."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, offline=True)
    tab = context.new_page()
    tab.set_default_timeout(120_000)
    tab.asked, tab.complaints = [], []
    tab.on("request", lambda request: tab.asked.append(request.url))
    tab.on("console", lambda message: tab.complaints.append(message.text))
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))

    def open_slides(lesson):
        (file,) = classroom.write_slides([lesson], tmp_path)
        tab.goto(file.as_uri())
        tab.file = file.as_uri()
        return tab

    yield open_slides
    context.close()
    assert tab.complaints == []
    assert all(url.startswith((tab.file, "data:")) for url in tab.asked)


@pytest.mark.parametrize("lesson", THERE, ids=lambda lesson: lesson.number)
def test_nothing_is_clipped_or_too_small_for_the_back_row(lesson, opened):
    tab = opened(lesson)
    for slide in tab.evaluate(MEASURE):
        assert slide["tall"] <= 1 and slide["wide"] <= 1, slide
        assert slide["smallest"] >= SMALLEST - 0.01, slide
        assert all(height >= 230 for height in slide["pictures"]), slide
    if SHOTS:
        for number in range(tab.evaluate("slides.length")):
            tab.evaluate(f"show({number}, true)")
            tab.screenshot(path=Path(SHOTS) / f"{lesson.number}-{number + 1:03}.png")


def test_keys_turn_the_slides_and_a_result_comes_on_its_own_key(opened):
    tab = opened(PAGES[2])
    press, at = tab.keyboard.press, lambda: tab.evaluate("now")
    while not tab.locator(".now .step").count():
        press("ArrowDown")
    before = at()
    assert not tab.locator(".now .step").first.is_visible()
    press("ArrowRight")
    assert at() == before and tab.locator(".now .step").first.is_visible()
    press("ArrowRight")
    assert at() == before + 1
    press("ArrowLeft")  # back to the slide with its result shown
    assert at() == before and tab.locator(".now .step").first.is_visible()
    press("ArrowLeft")
    assert not tab.locator(".now .step").first.is_visible()
    press("End")
    assert at() == tab.evaluate("slides.length") - 1
    press("o")
    tab.locator("#panel a").nth(1).click()
    assert tab.url.endswith(f"#{at() + 1}") and at() < 5


def test_speaker_reads_the_whole_text_in_a_second_window(opened):
    tab = opened(PAGES[2])
    with tab.expect_popup() as popup:
        tab.keyboard.press("s")
    notes = popup.value
    assert "Page 01 ended with a defeat" in notes.locator("body").inner_text()
    tab.keyboard.press("ArrowDown")
    assert "slide 2 of" in notes.locator("#clock").inner_text()


def test_an_exercise_counts_its_minutes_down(opened):
    tab = opened(PAGES[2])
    while "Exercise 02.2" not in tab.locator(".now header").inner_text():
        tab.keyboard.press("ArrowDown")
    tab.keyboard.press("t")
    assert tab.locator(".now .minutes").inner_text() in ("8:00", "7:59")
