"""Every page in a real JupyterLab, as its reader has it: opened, run, its controls moved, an exercise done.

nbval holds what the cells print. Here is held what only a browser shows: that Lab renders the page, that its
sliders redraw their pictures, that an answer typed into a cell gets its hint, and that nothing outside this
machine is asked. The pages run on the twins, as in all tests. One exercise of each page is typed in;
test_exercises.py plays all of them, without a browser.

All this is to take three minutes on two cores at most. So the pages that compute for half a minute (LONG) run
one after the other in tabs of their own, while the short ones are looked at; kernels are forked, see
forked_kernels.py; and answers are typed key by key on one page, and pasted on the others.
"""

import importlib
from urllib.parse import urlsplit

import pytest
from exercise_player import exercise_cells, read_page, solution_code
from jupyter_lab import IN_LAB, NOTEBOOKS, Tab, lab_server

from helpers.exercises import machinery

PAGES = sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))
LONG = ("08", "09", "10", "11")


def first_exercise(number: str) -> tuple[str, str, str]:
    """An exercise of this page, a wrong answer to it, and what the catalogue says that it shows."""
    catalogue = importlib.import_module(f"wrong_answers.page{number}").WRONG
    for name, exercise in machinery.page_exercises(number).items():
        passes = {remark.misconception for remark in exercise.remarks}
        for diagnosis, answer in catalogue[name]:
            if diagnosis and diagnosis not in passes:
                return name, diagnosis, answer.strip()
    raise AssertionError(f"page {number} has no exercise with a known wrong answer")


def controls_of(number: str) -> list[str]:
    """Ids of the cells of a page that show sliders or lists."""
    code = [cell for cell in read_page(number).cells if cell.cell_type == "code"]
    return [cell.id for cell in code if "interact(" in cell.source]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with lab_server(tmp_path_factory.mktemp("lab")) as address:
        yield address


@pytest.fixture(scope="module")
def context(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.add_init_script(path=IN_LAB)
    yield context
    context.close()


@pytest.fixture(scope="module")
def tabs(request, context, address):
    """Opens a page, or gives the tab in which it is open. A tab whose page has been closed is used again."""
    opened, free = {}, []
    wanted = {item.callspec.params.get("tab") for item in request.session.items if hasattr(item, "callspec")}
    long = [file for file in PAGES if file[:2] in LONG and file in wanted]

    class Tabs:
        def __call__(self, file: str) -> Tab:
            if file not in opened:
                opened[file] = Tab(free.pop() if free else context.new_page(), address, file)
            return opened[file]

        def close(self, file: str) -> None:
            opened[file].close()
            free.append(opened[file].page)

        def go_on(self) -> None:
            """See to it that one of the long pages runs, as long as there are any that have not."""
            for file in long:
                if not self(file).has_ended():
                    self(file).begin()
                    break

    return Tabs()


@pytest.fixture(scope="module", params=PAGES, ids=lambda file: file.split(".")[0])
def tab(request, tabs):
    """A page that has been run. Meanwhile, and while it is looked at, one of the long pages runs."""
    tab = tabs(request.param)
    tab.begin()
    tabs.go_on()
    tab.finish()
    yield tab
    tabs.close(request.param)


@pytest.fixture
def page(tab, tabs):
    """The browser's page, so that a picture is kept of it where a test fails."""
    tabs.go_on()
    tab.page.bring_to_front()
    return tab.page


def test_the_cells_run_in_order_and_show_no_error(tab, page) -> None:
    tab.wait(
        "() => course.cells().every("
        "cell => cell.model.type === 'code' || cell.node.querySelector('.jp-RenderedMarkdown'))"
    )
    assert page.evaluate("course.faults()") == []
    code = [cell for cell in read_page(tab.file[:2]).cells if cell.cell_type == "code"]
    assert page.evaluate("course.counts()") == list(range(1, len(code) + 1))
    stored = {cell.id for cell in code for output in cell.outputs if "image/png" in output.get("data", {})}
    assert stored <= set(page.evaluate("course.pictured()"))


def test_no_formula_and_no_markup_is_left_as_it_is_written(tab, page) -> None:
    assert page.evaluate("course.unrendered()") == []


def test_every_control_changes_its_picture(tab, page) -> None:
    for cell in controls_of(tab.file[:2]):
        controls = tab.node(cell).query_selector_all(".noUi-handle, .widget-dropdown select")
        assert controls, f"cell {cell} shows no slider and no list"
        for control in controls:
            control.scroll_into_view_if_needed()
            before = control.evaluate("control => course.shownBy(control)")
            move(control)
            tab.wait(
                """([control, before]) => {
                    const now = course.shownBy(control);
                    return before.pictures.length
                        ? now.pictures.length && now.pictures.join() !== before.pictures.join()
                        : now.words && now.words !== before.words;
                }""",
                [control, before],
            )
    assert page.evaluate("course.faults()") == []


def move(control) -> None:
    """One step to the right, or to the left where there is no more; of a list, another entry."""
    if control.evaluate("control => control.tagName") == "SELECT":
        entries = control.evaluate("control => [control.selectedIndex, control.length]")
        control.select_option(index=(entries[0] + 1) % entries[1])
        return
    value = control.get_attribute("aria-valuenow")
    for key in ("ArrowRight", "ArrowLeft"):
        control.press(key)
        if control.get_attribute("aria-valuenow") != value:
            return
    raise AssertionError(f"the slider stays at {value}")


def test_a_wrong_answer_gets_its_hint_and_the_right_one_its_tick(tab, page) -> None:
    number = tab.file[:2]
    exercise, diagnosis, wrong = first_exercise(number)
    own = exercise_cells(read_page(number), exercise)
    stub, check = own["stub"].id, own["check"].id

    def said(answer: str) -> str:
        tab.write(stub, answer, by_keys=number == PAGES[1][:2] and "\n" not in answer)
        tab.run(stub)
        return "".join(tab.run(check).split())  # its lines are broken, also after a hyphen

    hint = said(wrong)
    assert f"✗notyet·exercise{exercise}" in hint
    assert "".join(f"Think: {machinery.misconceptions()[diagnosis].question}".split()) in hint
    praise = said(solution_code(read_page(number), exercise).strip())
    assert f"✓right·exercise{exercise}" in praise
    assert "expectsanotherresult" not in hint + praise


def test_nothing_outside_this_machine_is_asked_for(tab, page) -> None:
    # the last test of a page, so that it has seen all that the others did
    elsewhere = [url for url in tab.asked if urlsplit(url).hostname not in ("127.0.0.1", None)]
    assert elsewhere == [] and tab.complaints == []
