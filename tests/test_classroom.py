"""The classroom side holds what it promises: slides, student edition, answer key, and docs/teaching.md."""

import html
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import nbformat
import pytest
from exercise_player import ROOT, exercise_cells, solution_code
from nbclient import NotebookClient
from nbformat import NotebookNode

from helpers import classroom, slide_text, slides
from helpers.course import PAGES, Page
from helpers.exercises import Exercise, machinery

THERE = [page for page in PAGES if page.is_there]
TEACHING = classroom.TEACHING.read_text(encoding="utf-8")
VOTE = r"\*\*(?:Vote\.|A show of hands:)\*\*(?:(?!\n\n).)*?\(a\).*?(?=\n\n|\Z)"  # a vote in the prose
each_page = pytest.mark.parametrize("page", THERE, ids=lambda page: page.number)


def course(cell: NotebookNode) -> dict:
    return cell.metadata.get("course", {})


@cache
def stored(page: Page) -> NotebookNode:
    """The page as it is stored; not to be changed."""
    return classroom.read(page)


def exercises(page: Page) -> dict[str, Exercise]:
    return machinery.page_exercises(page.number) if page.number in machinery.pages() else {}


def plain(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>|[*`$]", " ", text).split())


# Slide types


@each_page
def test_every_cell_says_what_it_is_on_a_slide(page: Page) -> None:
    kinds = {*slides.SHOWN, *slides.HIDDEN}
    without = [
        cell.id
        for cell in stored(page).cells
        if cell.metadata.get("slideshow", {}).get("slide_type") not in kinds
    ]
    assert not without, f"python -m helpers.classroom mark {page.number} gives them one: {without}"


@each_page
def test_no_slide_shows_a_stub_a_check_a_hint_or_a_solution(page: Page) -> None:
    for cell in stored(page).cells:
        if course(cell).get("role") in slides.FOLDED_ROLES:
            assert cell.metadata["slideshow"]["slide_type"] in slides.HIDDEN, cell.id


@each_page
def test_sections_begin_a_slide_and_exercises_have_one(page: Page) -> None:
    for cell in stored(page).cells:
        if (
            re.match(r"## ", cell.source)
            and cell.cell_type == "markdown"
            and "\n*0 minutes" not in cell.source
        ):
            assert cell.metadata["slideshow"]["slide_type"] == "slide", cell.id
        if course(cell).get("role") == "card":
            assert cell.metadata["slideshow"]["slide_type"] in slides.SHOWN, cell.id


def small_page() -> NotebookNode:
    new = nbformat.v4
    cells = [
        new.new_markdown_cell("# 99 · A page\n\n> **Key idea.** Small is enough.\n\n- do it"),
        new.new_markdown_cell(
            "## 1 · One\n\n*3 minutes* The first sentence leads the thought. The second waits.\n\n$$a^2$$"
        ),
        new.new_code_cell("print(1)", outputs=[new.new_output("stream", name="stdout", text="1\n")]),
    ]
    cells += [
        new.new_markdown_cell("### Exercise 99.1 · Guess\n*predict · 2 minutes*\n\nHow many?"),
        new.new_code_cell("guess = ..."),
        new.new_markdown_cell("<details><summary>Solution</summary>\n\nSeven.\n\n</details>"),
    ]  # fmt: skip
    for cell, role in zip(cells[3:], ("card", "stub", "solution"), strict=True):
        cell.metadata["course"] = {"exercise": "99.1", "role": role, "kind": "predict", "minutes": 2}
    return new.new_notebook(cells=cells)


def test_marking_keeps_what_was_set_by_hand_and_changes_nothing_else() -> None:
    page = small_page()
    page.cells[2].metadata["slideshow"] = {"slide_type": "skip"}
    before = [(cell.source, cell.get("outputs")) for cell in page.cells]
    assert slides.mark(page) == 5
    assert slides.mark(page) == 0
    kinds = [cell.metadata["slideshow"]["slide_type"] for cell in page.cells]
    assert kinds == ["slide", "slide", "skip", "subslide", "skip", "skip"]
    assert [(cell.source, cell.get("outputs")) for cell in page.cells] == before


# Slides


@cache
def deck_of(page: Page) -> str:
    return slides.slides_html(classroom.read(page))


def test_the_command_writes_one_file_a_page(tmp_path: Path) -> None:
    classroom.main(["slides", "2", "--to", str(tmp_path)])
    (file,) = (tmp_path / "slides").iterdir()
    assert file.name == "02_backpropagation.html"
    assert file.read_text(encoding="utf-8") == deck_of(PAGES[2])


def asks_at_its_end(page: Page) -> bool:
    return any("The question for the next page" in cell.source for cell in stored(page).cells)


def each_slide(deck: str) -> list[str]:
    return re.findall(r'<section class="slide.*?</section>', deck, re.DOTALL)


def shown_of(deck: str) -> str:
    """What the slides show, without the notes of the speaker, pictures and formulas."""
    return plain(re.sub(r"<aside>.*?</aside>|<math.*?</math>|data:image[^\"]*", "", deck, flags=re.DOTALL))


@each_page
def test_slides_ask_no_other_file_for_anything(page: Page) -> None:
    loaded = re.findall(r"\b(?:src|srcset|data|poster|action)=[\"']([^\"']{0,60})", deck_of(page))
    loaded += re.findall(
        r"url\(([^)]{0,60})|@import ([^;]{0,60})|<link[^>]*href=\"([^\"]{0,60})", deck_of(page)
    )
    assert all("".join(place).startswith("data:") for place in loaded)
    assert not re.search(r"\bimport\s*\(|fetch\(|XMLHttpRequest|<iframe", deck_of(page).split("<script>")[-1])


@each_page
def test_slides_show_each_section_figure_and_exercise(page: Page) -> None:
    deck = deck_of(page)
    for cell in stored(page).cells:
        if cell.metadata["slideshow"]["slide_type"] not in slides.SHOWN:
            continue
        if drawn := slides.picture(cell):
            assert drawn in deck, cell.id
        for heading in (
            re.findall(r"^## (.*)$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else ()
        ):
            assert re.search(rf'data-section="{re.escape(html.escape(heading))}"', deck), heading
    for key, exercise in exercises(page).items():
        assert f"Exercise {key}" in shown_of(deck)
        assert f"{exercise.kind} · {exercise.minutes} min" in deck


@each_page
def test_no_formula_is_left_as_it_was_typed(page: Page) -> None:
    shown = re.sub(
        r'aria-label="[^"]*"|<code>.*?</code>|<pre.*?</pre>',
        "",
        deck_of(page).split("<script>")[0],
        flags=re.DOTALL,
    )
    assert not re.findall(r"\$\$|\\(?:frac|sum|cdot|partial|begin|text|ln)\b.{0,30}", shown)
    assert not re.search("[\ue000-\ue004]", shown)


@each_page
def test_slides_close_with_the_question_and_say_nothing_of_guesses_not_made(page: Page) -> None:
    *_, last = each_slide(deck_of(page))
    if asks_at_its_end(page):
        assert "?" in shown_of(last)
    for text in re.findall(r'<pre class="out"[^>]*>(.*?)</pre>', deck_of(page), re.DOTALL):
        assert not re.search(r"no guess yet|you \w+:? (nothing|not yet)|\A\W*[:;|] ", text)


@each_page
def test_the_second_slide_says_what_you_will_be_able_to_do(page: Page) -> None:
    _, _, goals = stored(page).cells[0].source.partition("ou will be able to")
    goals = re.findall(r"^- (.*)", goals, re.MULTILINE)
    second = plain(each_slide(deck_of(page))[1])
    assert all(plain(goal)[:40] in html.unescape(second) for goal in goals)


@each_page
def test_no_slide_ends_with_a_heading(page: Page) -> None:
    assert not re.search(r"</h[3-6]>\s*</div></div><footer>", deck_of(page))


@each_page
def test_no_solution_is_on_the_slides_or_in_their_notes(page: Page) -> None:
    deck = plain(deck_of(page))
    for key in exercises(page):
        cell = exercise_cells(stored(page), key)["solution"]
        _, reason = classroom.solution_parts(cell)
        assert plain(slide_text.to_html(reason))[:60] not in deck, key


@each_page
def test_what_a_page_folds_is_not_on_its_slides_or_in_their_notes(page: Page) -> None:
    deck = plain(deck_of(page))
    for cell in stored(page).cells:
        if cell.cell_type == "markdown" and not cell.source.startswith("## Before you start"):
            for folded in re.findall(r"</summary>(.*?)</details>", cell.source, re.DOTALL):
                assert plain(slide_text.to_html(folded))[:60] not in deck, cell.id


def test_a_result_waits_for_its_key_and_prose_is_cut_to_its_first_sentence() -> None:
    page = small_page()
    slides.mark(page)
    deck = slides.slides_html(page)
    assert '<div class="part step"><pre class="out"' in deck
    shown = shown_of(deck)
    assert "The first sentence leads the thought." in shown and "The second waits." not in shown
    assert "The second waits." in plain(deck)  # in the notes
    assert "Seven" not in deck


def test_bold_words_that_name_a_paragraph_bring_its_first_sentence_along() -> None:
    piece = "**What is not shown.** Nothing here says why. The rest waits."
    assert slide_text.leading(piece, False, False) == "**What is not shown.** Nothing here says why."
    assert slide_text.leading("It waits. *And why does it wait for so long?* Later.", False, False) == (
        "*And why does it wait for so long?*"
    )


def test_an_output_longer_than_a_slide_is_cut_and_says_so() -> None:
    page = small_page()
    page.cells[2].outputs[0].text = "\n".join(f"line {n}" for n in range(60))
    deck = slides.slides_html(page)
    assert "line 19\n…" in deck and "line 20" not in deck


@each_page
@pytest.mark.parametrize("minutes", [45, 90])
def test_slides_of_a_path_leave_out_what_goes_home(page: Page, minutes: int, tmp_path: Path) -> None:
    (file,) = classroom.write_slides([page], tmp_path, minutes)
    deck = file.read_text(encoding="utf-8")
    sections = set(re.findall(r'data-section="([^"]*)"', deck))
    plan = classroom.lesson_plan(page.number)
    at_home = {html.escape(name) for name, times in plan.items() if not times[{45: 1, 90: 2}[minutes]]}
    taken = {html.escape(name) for name, times in plan.items() if times[{45: 1, 90: 2}[minutes]]}
    held = {html.escape(section_of(page)[key]) for key in exercises(page) if key in taken}
    assert not (sections & at_home) - held - {html.escape(last_section(page))}
    assert {one for one in taken if not re.fullmatch(r"\d\d\.\d", one)} <= sections
    if asks_at_its_end(page):
        *_, last = each_slide(deck)
        assert "question for the next page" in shown_of(last)


# The student edition


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("handed") / "out"
    classroom.main(["student", "--to", str(folder)])
    return folder / "student"


def handed_out(edition: Path, page: Page) -> NotebookNode:
    return nbformat.read(edition / "notebooks" / page.file, as_version=4)


@each_page
def test_no_solution_is_left(page: Page, edition: Path) -> None:
    full, text = (
        stored(page),
        plain(" ".join(cell.source for cell in handed_out(edition, page).cells)),
    )
    elsewhere = plain(" ".join(c.source for c in full.cells if course(c).get("role") != "solution"))
    for key in exercises(page):
        code, reason = classroom.solution_parts(exercise_cells(full, key)["solution"])
        kept = exercise_cells(handed_out(edition, page), key)["solution"].source
        assert kept == classroom.NO_SOLUTION
        for sentence in re.split(r"(?<=[.?!]) |\n\n", reason):
            if len(sentence.split()) > 4 and plain(sentence) not in elsewhere:
                assert plain(sentence) not in text, (key, sentence)
        if plain(code) not in elsewhere:
            assert plain(code) not in text, key
    sources = "\n".join(cell.source for cell in handed_out(edition, page).cells)
    folded = r"<summary>(?:The answer|Answer|After the vote)\b.*?</details>"
    for answer in re.findall(folded, "\n".join(cell.source for cell in full.cells), re.DOTALL):
        assert answer not in sources


@each_page
def test_outputs_are_cleared_and_everything_else_is_kept(page: Page, edition: Path) -> None:
    full, own = stored(page), handed_out(edition, page)
    assert [cell.id for cell in own.cells] == [cell.id for cell in full.cells]
    for cell, before in zip(own.cells, full.cells, strict=True):
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None
            assert cell.source == before.source
        elif course(cell).get("role") != "solution" and "<summary>The answer" not in before.source:
            assert cell.source.split("<details>")[0] == before.source.split("<details>")[0]
        if course(cell).get("role") == "hints":
            assert cell.source == before.source


def test_the_edition_holds_what_it_needs_and_not_what_is_the_teachers(edition: Path) -> None:
    names = {str(file.relative_to(edition)) for file in edition.rglob("*") if file.is_file()}
    assert {"README.md", "LICENSE", "requirements.txt", "environment.yml", "pyproject.toml"} <= names
    assert not [name for name in names if re.search(r"classroom|slides|teaching|wrong_answers|\.pyc$", name)]
    packages = {f"helpers/{file.name}" for file in (ROOT / "helpers").glob("*.py")}
    assert packages - names == {f"helpers/{name}.py" for name in ("classroom", "slides", "slide_text")}
    assert "requirements.txt" in (edition / "README.md").read_text(encoding="utf-8")


def test_the_edition_runs_by_itself_and_its_checks_work(edition: Path) -> None:
    """Page 00, whole, with its own helpers; its first exercise answered wrong, then right."""
    page = handed_out(edition, PAGES[0])
    stub, check = (exercise_cells(page, "00.1")[role] for role in ("stub", "check"))
    at = page.cells.index(check)
    name = stub.source.split(" =")[0]
    for wrong in ("6.3", "0.3"):
        page.cells[at + 1 : at + 1] = [nbformat.v4.new_code_cell(f"{name} = {wrong}\n{check.source}")]
    page.cells.append(nbformat.v4.new_code_cell("import helpers; print(helpers.__file__)"))
    environment = os.environ | {"PYTHONPATH": str(edition)}
    client = NotebookClient(
        page, kernel_name="python3", resources={"metadata": {"path": str(edition / "notebooks")}}
    )
    client.execute(env=environment)
    right, wrong = (page.cells[at + n].outputs[0].data["text/plain"] for n in (1, 2))
    assert check.outputs[0].data["text/plain"].startswith("○ not done yet")
    assert right.startswith("✓ right") and wrong.startswith("✗ not yet") and "Think:" in wrong
    assert page.cells[-1].outputs[0].text.strip() == str(edition / "helpers" / "__init__.py")


def test_the_third_hint_leads_to_the_teacher(edition: Path) -> None:
    code = "from helpers.exercises import check; print([check('00.1', 6.3).hint for _ in range(3)][2])"
    environment = os.environ | {"PYTHONPATH": str(edition)}
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=edition, env=environment, capture_output=True, text=True, check=True
    )
    assert "ask your teacher" in said.stdout and "folded solution" not in said.stdout


def test_a_folder_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "student").mkdir()
    (tmp_path / "student" / "thesis.txt").write_text("precious")
    with pytest.raises(FileExistsError, match="--to"):
        classroom.main(["student", "--to", str(tmp_path)])
    assert (tmp_path / "student" / "thesis.txt").read_text() == "precious"


# The answer key


@each_page
def test_the_key_has_every_exercise_with_its_solution_reason_minutes_and_mistakes(page: Page) -> None:
    key = classroom.key_markdown([page])
    parts = dict(re.findall(r"^### Exercise (\d\d\.\d+)(.*?)(?=^### |\Z)", key, re.DOTALL | re.MULTILINE))
    assert parts.keys() == exercises(page).keys()
    for number, exercise in exercises(page).items():
        part = parts[number]
        assert solution_code(stored(page), number) in part
        assert classroom.solution_parts(exercise_cells(stored(page), number)["solution"])[1] in part
        assert re.search(rf"\*{exercise.kind} · {exercise.minutes} minutes?", part)
        for one in exercise.misconceptions:
            row = machinery.misconceptions()[one]
            assert f"**{one}** *{row.belief}*" in part and row.question in part and row.smaller_step in part


def test_the_key_is_one_file_that_shows_an_answer_for_each_mistake(tmp_path: Path) -> None:
    classroom.main(["key", "2", "--to", str(tmp_path)])
    key = (tmp_path / "key.html").read_text(encoding="utf-8")
    assert "guess = 29" in key and "vote = 'a'" in html.unescape(key)
    assert not re.search(r"<(?:script|link)[^>]*(?:src|href)=\"(?!data:)", key)
    assert "01 · The chain rule" not in key


# docs/teaching.md


def chapter(page: Page) -> str:
    return re.search(rf"^### {page.number} · .*?(?=^##|\Z)", TEACHING, re.DOTALL | re.MULTILINE).group()


def parts_of(page: Page) -> dict[str, int]:
    """Sections and exercises of a page in its order, with the minutes that stand there."""
    found = {}
    for cell in stored(page).cells:
        if course(cell).get("role") == "card":
            found[course(cell)["exercise"]] = course(cell)["minutes"]
        elif cell.cell_type == "markdown":
            found |= {
                title: int(minutes)
                for title, minutes in re.findall(r"^## (.*)\n+\*(\d+) min", cell.source, re.MULTILINE)
            }
    return found


def section_of(page: Page) -> dict[str, str]:
    """Exercise -> the section in which it stands."""
    section, found = "", {}
    for cell in stored(page).cells:
        for title in (
            re.findall(r"^## (.*)$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else ()
        ):
            section = title
        if course(cell).get("role") == "card":
            found[course(cell)["exercise"]] = section
    return found


def last_section(page: Page) -> str:
    return [name for name in parts_of(page) if not re.fullmatch(r"\d\d\.\d+", name)][-1]


@each_page
def test_the_plan_lists_what_the_page_has_with_its_minutes(page: Page) -> None:
    plan = classroom.lesson_plan(page.number)
    assert {name: minutes for name, (minutes, _, _) in plan.items()} == parts_of(page)
    assert list(plan) == list(parts_of(page))


@each_page
def test_paths_fit_into_45_and_90_minutes_and_are_added_up_right(page: Page) -> None:
    plan = classroom.lesson_plan(page.number)
    # the section that holds the exercises has no minutes but theirs, which stand in rows of their own
    rows = [minutes for name, minutes in plan.items() if not re.search(r"\b(?:Exercises|Your turn)$", name)]
    sums = [sum(minutes) for minutes in zip(*rows, strict=True)]
    (row,) = re.findall(
        r"^\| \*\*together\*\* \| (\d+) \| \*\*(\d+)\*\* \| \*\*(\d+)\*\*", chapter(page), re.MULTILINE
    )
    assert [int(number) for number in row] == sums
    assert sums[0] == page.minutes + sum(exercise.minutes for exercise in exercises(page).values())
    assert 35 <= sums[1] <= 45 and 70 <= sums[2] <= 90
    assert all(longer >= shorter or not longer for _, shorter, longer in plan.values() if not shorter)


@each_page
def test_what_may_wait_for_a_second_reading_is_not_in_the_short_path(page: Page) -> None:
    plan = classroom.lesson_plan(page.number)
    for cell in stored(page).cells:
        for title in re.findall(r"^## (.*)\n+\*\d+ min.* may wait", cell.source, re.MULTILINE):
            assert plan[title][1] == 0, title


def named_in_the_opening(page: Page) -> tuple[set[int], set[str]]:
    """Sections and exercises that the page's own 45-minute path names."""
    text = " ".join(stored(page).cells[0].source.split())
    path = re.search(r"45-minute (?:classroom )?path\b(.*)", text).group(1)
    path = re.split(r"; (?:the rest|sections )|\. (?:Sections|The rest)", path)[0]
    exercise_numbers = set(re.findall(r"\b\d\d\.\d\b", path))
    path = re.sub(r"\([^)]*\d[^)]*\)|\b\d\d\.\d\b|page \d+", " ", path)
    sections = {
        number
        for first, last in re.findall(r"\b([1-9]\d?)(?: to (\d+))?\b", path)
        for number in range(int(first), int(last or first) + 1)
    }
    return sections, exercise_numbers


@each_page
def test_the_short_path_is_the_one_that_the_page_names(page: Page) -> None:
    plan, (sections, numbers) = classroom.lesson_plan(page.number), named_in_the_opening(page)
    taken = {name for name, (_, short, _) in plan.items() if short}
    in_sections = {section_of(page)[name] for name in taken if name in section_of(page)}

    def numbered(names: set[str]) -> set[int]:
        return {int(found.group(1)) for name in names if (found := re.match(r"(\d+) · ", name))}

    assert numbered(taken) <= sections <= numbered(taken | in_sections)
    assert numbers <= taken


@each_page
def test_each_vote_stands_there_with_its_wrong_answers_and_what_to_say(page: Page) -> None:
    for key, exercise in exercises(page).items():
        if exercise.kind != "vote":
            continue
        head = f"**Vote {key} · {exercise.title}.** Right: ({exercise.answer})."
        assert head in chapter(page)
        table = chapter(page).split(head)[1].split("\n**")[0]
        rows = {
            letter: rest
            for letter, *rest in re.findall(r"^\| \((\w)\) \| (.+?) \| (.+?) \|$", table, re.MULTILINE)
        }
        expected = {one.wrong: machinery.misconceptions()[one.misconception] for one in exercise.fingerprints}
        assert rows.keys() == expected.keys()
        for letter, (belief, say) in rows.items():
            assert belief == f"{expected[letter].belief} ({expected[letter].id})"
            assert len(say.split()) > 4


@each_page
def test_each_vote_in_the_prose_stands_there_with_its_options(page: Page) -> None:
    section, found = "", []
    for cell in stored(page).cells:
        if cell.cell_type == "markdown" and course(cell) == {}:
            for piece in re.split(r"^(?=## )", cell.source, flags=re.MULTILINE):
                section = (re.match(r"## (\d+)", piece) or [None, section])[1]
                for vote in re.findall(VOTE, piece, re.DOTALL | re.MULTILINE):
                    found.append((section, set(re.findall(r"\((\w)\)", vote))))
    written = []
    for number, right, table in re.findall(
        r"^\*\*Vote in section (\d+) · [^*]*\*\* Right: \((\w)\)(.*?)(?=^\*\*|\Z)",
        chapter(page),
        re.DOTALL | re.MULTILINE,
    ):
        written.append((number, {right, *re.findall(r"^\| \((\w)\)", table, re.MULTILINE)}))
    assert written == found


@each_page
def test_mistakes_that_the_plan_names_are_mistakes_of_this_page(page: Page) -> None:
    known = {one for exercise in exercises(page).values() for one in exercise.misconceptions}
    assert set(re.findall(r"\(([A-Z]{2}\d\d)\)", chapter(page))) <= known
    for key, title in re.findall(r"^\*\*Guess (\d\d\.\d+) · (.*?)\.?\*\*", chapter(page), re.MULTILINE):
        assert title.rstrip(".") == exercises(page)[key].title.rstrip("."), key


def test_both_plans_hold_every_page_and_name_exercises_that_there_are() -> None:
    for title in ("Two days", "Eight weeks"):
        text = re.search(rf"^## {title}\n.*?(?=^## )", TEACHING, re.DOTALL | re.MULTILINE).group()
        numbers = set(re.findall(r"\b(\d\d)\b(?![.:]\d)", text))
        assert {page.number for page in PAGES} <= numbers
        there = {key for page in THERE for key in exercises(page)}
        assert {key for key in re.findall(r"\b(\d\d\.\d)\b", text)} <= there


@pytest.mark.parametrize("line", re.findall(r"-m helpers\.classroom ([^`\n]*)", TEACHING))
def test_every_command_of_the_guide_is_one_that_there_is(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        classroom.main([line.split()[0], "--help"])
    shown = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(option in shown for option in re.findall(r"--\w+", line))
