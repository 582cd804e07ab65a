"""The list of pages, the pages, page 00 and the README say the same."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import notebook_checks as checks
import pytest

from helpers.course import NOTEBOOKS, PAGES, CourseTable, draw_course_map, pages_before

ROOT = Path(__file__).parents[1]
THERE = [page for page in PAGES if page.is_there]


def test_every_notebook_is_on_the_map() -> None:
    assert {file.name for file in NOTEBOOKS.glob("*.ipynb")} <= {page.file for page in PAGES}


def test_pages_are_in_order_and_stand_on_earlier_ones() -> None:
    numbers = [page.number for page in PAGES]
    assert numbers == [f"{number:02}" for number in range(len(PAGES))]
    assert all(needed < page.number for page in PAGES for needed in page.needs)
    placed = [page.place for page in PAGES if page.place]
    assert len(set(placed)) == len(placed)


@pytest.mark.parametrize("page", THERE[1:], ids=lambda page: page.number)
def test_the_list_has_the_pages_that_an_opening_asks_for(page) -> None:
    opening = checks.opening(nbformat.read(NOTEBOOKS / page.file, as_version=4))
    asked = opening.partition("You need**")[2].partition("\n\n")[0]
    assert sorted(set(re.findall(r"page\s+(\d\d)\b", asked))) == list(page.needs)


def test_the_map_shows_every_page_but_its_own() -> None:
    figure = draw_course_map().figure
    plt.close(figure)
    shown = "\n".join(text.get_text() for text in figure.findobj(plt.Text))
    for page in PAGES[1:]:
        assert f"{page.number}  {page.part}" in shown


def test_a_page_stands_on_what_it_needs_and_on_what_that_needs() -> None:
    assert pages_before("00") == [] and pages_before("03") == ["00", "01", "02"]
    assert pages_before("11") == [page.number for page in PAGES[:10]], "page 10 may be left out"


@pytest.mark.parametrize("page", THERE, ids=lambda page: page.number)
def test_the_map_has_the_key_idea_of_the_page(page) -> None:
    assert checks.key_ideas(nbformat.read(NOTEBOOKS / page.file, as_version=4))[0] == page.idea


@pytest.mark.parametrize("page", THERE, ids=lambda page: page.number)
def test_the_map_has_the_minutes_of_the_page(page) -> None:
    opening = checks.opening(nbformat.read(NOTEBOOKS / page.file, as_version=4))
    assert re.findall(r"(\d+) minutes to read", opening) == [str(page.minutes)]


@pytest.mark.parametrize("page", THERE, ids=lambda page: page.number)
def test_the_exercises_take_as_long_as_their_cards_say(page) -> None:
    cells = nbformat.read(NOTEBOOKS / page.file, as_version=4).cells
    cards = [
        about["minutes"] for cell in cells if (about := cell.metadata.get("course", {})).get("role") == "card"
    ]
    assert re.findall(r"(\d+) more for the exercises", cells[0].source) == [str(sum(cards))]


@pytest.mark.parametrize("page", THERE, ids=lambda page: page.number)
def test_the_opening_says_how_many_of_its_minutes_may_wait_for_a_second_reading(page) -> None:
    cells = nbformat.read(NOTEBOOKS / page.file, as_version=4).cells
    source = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    marked = re.findall(r"^## .*\n+\*(\d+) minutes? · may wait for a second reading\*$", source, re.MULTILINE)
    assert len(marked) == source.count("· may wait for a second reading*")
    of_them = re.findall(r"\d+ minutes to read, (\d+) of them for a second reading", cells[0].source)
    assert of_them == ([str(sum(map(int, marked)))] if marked else [])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.number)
def test_a_page_is_linked_when_it_is_there_and_only_then(page) -> None:
    (line,) = (
        line for line in CourseTable("notebooks/").markdown.splitlines() if f"{page.number} " in line[:6]
    )
    assert (f"](notebooks/{page.file})" in line) == page.is_there == ("in preparation" not in line)


def test_the_readme_shows_the_same_table() -> None:
    table = CourseTable("notebooks/").markdown
    assert table in (ROOT / "README.md").read_text(encoding="utf-8"), f"the README's table must be:\n{table}"


def glossary() -> list[list[str]]:
    """Rows of page 00's glossary: term with its anchor, Chinese name, meaning, page."""
    page = nbformat.read(NOTEBOOKS / PAGES[0].file, as_version=4)
    (cell,) = (cell for cell in page.cells if cell.id == "00-glossary")
    return [
        [part.strip() for part in line.split("|")[1:-1]]
        for line in cell.source.splitlines()
        if "<a id=" in line
    ]


def test_the_glossary_gives_each_term_an_anchor_a_chinese_name_one_sentence_and_a_page() -> None:
    rows = glossary()
    assert len(rows) >= 60
    for row in rows:
        term, chinese, meaning, page = row
        assert re.match(r'<a id="term-[a-z0-9-]+"></a>\w', term), row
        assert re.search(r"[\u4e00-\u9fff]", chinese), row
        assert 4 <= len(meaning.split()) <= 25 and meaning.endswith("."), row
        assert page in {one.number for one in PAGES}, row


def test_the_glossary_is_in_alphabetical_order_without_repeats() -> None:
    terms = [row[0].split("</a>")[1].lower() for row in glossary()]
    anchors = [row[0].split('"')[1] for row in glossary()]
    assert terms == sorted(terms)
    assert len(set(anchors)) == len(anchors)
