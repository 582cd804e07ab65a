"""Every page in a real JupyterLab, as its reader has it: opened, run, its controls moved, an exercise done.

nbval holds what the cells print. Here is held what only a browser shows: that Lab renders the page, that its
sliders redraw their pictures, that an answer typed into a cell gets its hint, and that nothing outside this
machine is asked. The pages run on the twins, as in all tests.
"""

import importlib
from urllib.parse import urlsplit

import pytest
from exercise_player import exercise_cells, read_page, solution_code
from jupyter_lab import NOTEBOOKS, Tab, lab_server

from helpers.exercises import machinery

PAGES = sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with lab_server(tmp_path_factory.mktemp("lab")) as address:
        yield address


@pytest.fixture(scope="module")
def tabs(browser, address):
    """Opens a page, or gives the tab in which it is open."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.add_init_script(path=NOTEBOOKS.parent / "tests" / "browser" / "in_lab.js")
    opened = {}

    def tab(file: str) -> Tab:
        if file not in opened:
            opened[file] = Tab(context, address, file)
        return opened[file]

    yield tab
    context.close()


@pytest.fixture(scope="module", params=PAGES, ids=lambda file: file.split(".")[0])
def tab(request, tabs):
    """A page after Run All. The page of the next tests starts meanwhile: one core renders, one computes."""
    tab = tabs(request.param)
    tab.begin()
    wanted = [item.callspec.params.get("tab") for item in request.session.items if hasattr(item, "callspec")]
    later = [file for file in wanted if file in PAGES and file > request.param]
    if later:
        tabs(min(later)).begin()
    tab.finish()
    yield tab
    tab.close()


@pytest.fixture
def page(tab):
    """The browser's page, so that a picture is kept of it where a test fails."""
    tab.page.bring_to_front()
    return tab.page


def test_run_all_runs_every_cell_and_shows_no_error(tab, page) -> None:
    page.wait_for_function("() => course.cells().every(cell => cell.model.type === 'code' || cell.rendered)")
    assert page.evaluate("course.faults()") == []
    counts = page.evaluate("course.counts()")
    assert counts == list(range(1, len(counts) + 1))


def test_no_formula_and_no_markup_is_left_as_it_is_written(tab, page) -> None:
    assert page.evaluate("course.unrendered()") == []


def test_every_control_changes_its_picture(tab, page) -> None:
    stored = read_page(tab.file[:2])
    wanted = [cell.id for cell in stored.cells if cell.cell_type == "code" and "interact(" in cell.source]
    for cell in wanted:
        controls = tab.node(cell).query_selector_all(".noUi-handle, .widget-dropdown select")
        assert controls, f"cell {cell} shows no slider and no list"
        for control in controls:
            control.scroll_into_view_if_needed()
            before = control.evaluate("control => course.shownBy(control)")
            move(control)
            page.wait_for_function(
                """([control, before]) => {
                    const now = course.shownBy(control);
                    return before.pictures.length
                        ? now.pictures.length && now.pictures.join() !== before.pictures.join()
                        : now.words && now.words !== before.words;
                }""",
                arg=[control, before],
                timeout=60_000,
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


def first_exercise(number: str) -> tuple[str, str, str]:
    """An exercise of this page, a wrong answer to it, and what the catalogue says that it shows."""
    catalogue = importlib.import_module(f"wrong_answers.page{number}").WRONG
    for name, exercise in machinery.page_exercises(number).items():
        passes = {remark.misconception for remark in exercise.remarks}
        for diagnosis, answer in catalogue[name]:
            if diagnosis and diagnosis not in passes:
                return name, diagnosis, answer.strip()
    raise AssertionError(f"page {number} has no exercise with a known wrong answer")


def test_a_wrong_answer_gets_its_hint_and_the_right_one_its_tick(tab, page) -> None:
    number = tab.file[:2]
    exercise, diagnosis, wrong = first_exercise(number)
    own = exercise_cells(read_page(number), exercise)
    stub, check = own["stub"].id, own["check"].id

    def said(answer: str) -> str:
        tab.write(stub, answer)
        tab.run(stub)
        return "".join(tab.run(check).split())  # its lines are broken, also after a hyphen

    hint = said(wrong)
    assert f"✗notyet·exercise{exercise}" in hint
    assert "".join(f"Think: {machinery.misconceptions()[diagnosis].question}".split()) in hint
    assert f"✓right·exercise{exercise}" in said(solution_code(read_page(number), exercise).strip())


def test_nothing_outside_this_machine_is_asked_for(tab, page) -> None:
    # the last test of a page, so that it has seen all that the others did
    elsewhere = [url for url in tab.asked if urlsplit(url).hostname not in ("127.0.0.1", None)]
    assert elsewhere == [] and tab.complaints == []
