"""Every stored page is what a reader was promised; `notebook_checks` has the checks and their reasons."""

from pathlib import Path

import nbformat
import notebook_checks as checks
import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
PAGES = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture(params=PAGES, ids=lambda path: path.stem)
def page(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    return nbformat.read(request.param, as_version=4)


def report(complaints: list[str]) -> str:
    return "\n  ".join(["", *complaints])


def test_course_has_pages() -> None:
    assert PAGES


def test_page_is_stored_as_run_top_to_bottom(page) -> None:
    complaints = checks.stored_as_run_top_to_bottom(page)
    assert not complaints, report(complaints)


def test_only_announced_errors_are_raised(page) -> None:
    complaints = checks.errors_are_announced(page)
    assert not complaints, report(complaints)


def test_tags_are_known(page) -> None:
    complaints = checks.tags_are_known(page)
    assert not complaints, report(complaints)


def test_nothing_is_written_to_stderr(page) -> None:
    complaints = checks.nothing_on_stderr(page)
    assert not complaints, report(complaints)


def test_compared_cells_print_no_timings(page) -> None:
    complaints = checks.compared_cells_print_no_timings(page)
    assert not complaints, report(complaints)


def test_page_shows_no_path_of_the_machine_it_ran_on(page) -> None:
    complaints = checks.no_machine_paths(page)
    assert not complaints, report(complaints)


def test_page_stores_no_widgets_and_no_run_times(page) -> None:
    complaints = checks.no_widget_state(page)
    assert not complaints, report(complaints)


def test_kernel_is_plain_python(page) -> None:
    complaints = checks.kernel_is_plain_python(page)
    assert not complaints, report(complaints)


def test_format_is_valid_and_cells_have_readable_ids(page) -> None:
    complaints = checks.format_is_valid(page)
    assert not complaints, report(complaints)


def test_file_is_small(page) -> None:
    complaints = checks.file_is_small(page)
    assert not complaints, report(complaints)


def test_ignored_cells_are_followed_by_a_compared_one(page) -> None:
    complaints = checks.ignored_cells_are_followed_by_a_compared_one(page)
    assert not complaints, report(complaints)


def test_few_cells_are_ignored(page) -> None:
    ignored, all_of_them = checks.ignored_share(page)
    print(f"not compared: {ignored} of {all_of_them} code cells")
    complaints = checks.few_cells_are_ignored(page)
    assert not complaints, report(complaints)


def test_cells_are_short(page) -> None:
    complaints = checks.cells_are_short(page)
    assert not complaints, report(complaints)


def test_no_shell_lines_and_no_magics(page) -> None:
    complaints = checks.no_magics(page)
    assert not complaints, report(complaints)


def test_one_title_and_headings_in_order(page) -> None:
    complaints = checks.headings_are_in_order(page)
    assert not complaints, report(complaints)


def test_figures_are_followed_by_a_sentence(page) -> None:
    complaints = checks.figures_are_followed_by_a_sentence(page)
    assert not complaints, report(complaints)


def test_figures_are_whole_and_fit_the_page(page) -> None:
    complaints = checks.figures_can_be_seen(page)
    assert not complaints, report(complaints)


def test_key_idea_stands_at_top_and_end(page) -> None:
    complaints = checks.key_idea_stands_at_top_and_end(page)
    assert not complaints, report(complaints)


def test_opening_says_what_to_expect(page) -> None:
    complaints = checks.opening_says_what_to_expect(page)
    assert not complaints, report(complaints)


def test_sections_say_their_minutes(page) -> None:
    complaints = checks.sections_say_their_minutes(page)
    assert not complaints, report(complaints)


def test_numbers_in_prose_are_held_by_a_cell(page) -> None:
    complaints = checks.numbers_in_prose_are_held_by_a_cell(page)
    assert not complaints, report(complaints)


def test_links_lead_somewhere(page) -> None:
    complaints = checks.links_lead_somewhere(page, FOLDER)
    assert not complaints, report(complaints)


def test_links_say_where_they_lead(page) -> None:
    complaints = checks.links_say_where_they_lead(page)
    assert not complaints, report(complaints)


def test_sliders_follow_a_still_picture(page) -> None:
    complaints = checks.sliders_follow_a_still_picture(page)
    assert not complaints, report(complaints)


def test_checks_find_what_they_compare_with(page) -> None:
    complaints = checks.checks_find_what_they_compare_with(page)
    assert not complaints, report(complaints)
