"""What a course leader makes of the pages: slides, an edition without solutions, the answer key.

    python -m helpers.classroom slides 02 --minutes 45     # one file a page, opens without a network
    python -m helpers.classroom student                    # a folder to hand out
    python -m helpers.classroom key                        # every solution, its reason, its mistakes
    python -m helpers.classroom mark                       # give new cells their slide type

All of it is made from the pages, their exercises and the catalogue of misconceptions, so nothing here can
disagree with them. Files go to the folder `classroom` unless `--to` names another. `docs/teaching.md` says
how to use them, and holds the minutes of the 45- and the 90-minute path.
"""

import argparse
import re
import shutil
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from helpers import slide_text, slides
from helpers.course import PAGES, Page
from helpers.exercises import Exercise, machinery

ROOT = Path(__file__).parents[1]
TEACHING = ROOT / "docs" / "teaching.md"
WRONG_ANSWERS = ROOT / "tests" / "wrong_answers"

# What the student edition needs to run, and what of helpers/ stays with the teacher.
HANDED_OUT = ("LICENSE", "environment.yml", "requirements.txt", "pyproject.toml")
TEACHERS_ONLY = ("classroom.py", "slides.py", "slide_text.py", "slides.html", "__pycache__", "*.part")

NO_SOLUTION = """<details><summary>Solution</summary>

It is not in this edition. Show your last attempt, and what the check said about it, to a neighbour:
explaining it aloud finds most mistakes. Your teacher has the solution and its reason.

</details>"""
NO_ANSWER = """<details><summary>Not in this edition</summary>

Your teacher has the answer. Until then argue for yours: tell a neighbour why it must be so.

</details>"""  # of a vote in the prose, which no check reads
THIRD_HINT = """
# This is the student edition: its third hint leads to a teacher, where the course's leads to the solution.
from helpers.exercises import machinery  # noqa: E402

machinery.TO_THE_SOLUTION = (
    "You have had both hints. Explain your attempt aloud to a neighbour, then ask your teacher for the "
    "solution and its reason; close it, and write the answer again yourself."
)
"""
STUDENT_README = """# One Slope at a Time: student edition

A course in notebooks. Every exercise has a stub to fill in, a check that names your mistake, and folded
hints. The solutions are with your teacher.

"""


# Pages


def read(page: Page) -> NotebookNode:
    return nbformat.read(ROOT / "notebooks" / page.file, as_version=4)


def write(page: NotebookNode, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(page) + "\n", encoding="utf-8", newline="\n")


def mark(pages: list[Page]) -> None:
    """Give every cell that has no slide type one; a type that somebody set by hand stays."""
    for page in pages:
        notebook = read(page)
        if marked := slides.mark(notebook):
            write(notebook, ROOT / "notebooks" / page.file)
        print(f"{page.file}: {marked} cells marked")


# Slides


def lesson_plan(number: str) -> dict[str, tuple[int, int, int]]:
    """Of docs/teaching.md, for one page: section title or exercise id -> minutes on the page, in 45, in 90.

    What a path leaves out has 0 minutes.
    """
    text = TEACHING.read_text(encoding="utf-8")
    chapter = re.search(rf"^### {number} · .*?(?=^##|\Z)", text, flags=re.DOTALL | re.MULTILINE)
    if chapter is None:
        raise ValueError(f"docs/teaching.md has no part on page {number}")
    rows = re.findall(r"^\| (.+?) \| (\d+) \| ([–\d]+) \| ([–\d]+) \|", chapter.group(), flags=re.MULTILINE)
    numbers = {"–": 0}
    return {
        name.removeprefix("exercise "): tuple(int(numbers.get(cell, cell)) for cell in minutes)
        for name, *minutes in rows
    }


def write_slides(pages: list[Page], folder: Path, minutes: int | None = None) -> list[Path]:
    """One HTML file a page; with `minutes` (45 or 90) only what that path of docs/teaching.md takes."""
    written = []
    for page in pages:
        wanted = None
        if minutes:
            at = {45: 1, 90: 2}[minutes]
            wanted = {name for name, times in lesson_plan(page.number).items() if times[at]}
        file = folder / f"{Path(page.file).stem}{f'_{minutes}_minutes' if minutes else ''}.html"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(slides.slides_html(read(page), wanted), encoding="utf-8", newline="\n")
        written.append(file)
    return written


# The student edition


def without_solutions(page: NotebookNode) -> NotebookNode:
    """The page in place, as a learner gets it: stubs and hints kept, solutions and all outputs gone."""
    for cell in page.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        elif cell.metadata.get("course", {}).get("role") == "solution":
            cell.source = NO_SOLUTION
        else:
            cell.source = re.sub(
                r"<details><summary>(The answer|Answer|After the vote)\b.*?</details>",
                NO_ANSWER,
                cell.source,
                flags=re.DOTALL,
            )
    return page


def write_student_edition(folder: Path) -> Path:
    """A folder that runs by itself: pages without solutions, helpers, requirements, how to start."""
    if folder.exists() and not (folder / "notebooks").exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} holds something else; name an empty folder with --to")
    for page in PAGES:
        if page.is_there:
            write(without_solutions(read(page)), folder / "notebooks" / page.file)
    for name in HANDED_OUT:
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(
        ROOT / "helpers",
        folder / "helpers",
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns(*TEACHERS_ONLY),
    )
    with (folder / "helpers" / "exercises" / "__init__.py").open("a", encoding="utf-8") as file:
        file.write(THIRD_HINT)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    start = re.search(r"^## Start\n.*?(?=^The tests)", readme, flags=re.DOTALL | re.MULTILINE).group()
    (folder / "README.md").write_text(STUDENT_README + start, encoding="utf-8")
    return folder


# The answer key


def solution_parts(cell: NotebookNode) -> tuple[str, str]:
    """(code, reason) of a solution cell."""
    body = re.sub(r"</?details>|<summary>.*?</summary>|^#+ Solution$", "", cell.source, flags=re.MULTILINE)
    code = re.search(r"```python\n(.*?)```", body, re.DOTALL).group(1)
    return code, body.replace(f"```python\n{code}```", "", 1).strip()


def wrong_answers(page: str) -> dict[str, list[tuple[str, str]]]:
    """The catalogued wrong answers of a page, exercise -> (misconception, code); none without the tests."""
    file = WRONG_ANSWERS / f"page{page}.py"
    if not file.exists():
        return {}
    names: dict = {}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), names)
    return {key: [(one, code) for one, code in answers if one] for key, answers in names["WRONG"].items()}


def key_of(exercise: Exercise, cells: dict[str, NotebookNode], wrong: list[tuple[str, str]]) -> str:
    """One exercise of the key, in Markdown."""
    code, reason = solution_parts(cells["solution"])
    task = cells["card"].source.replace(exercise.card(), "").strip()
    lines = [exercise.card(), "", task, "", "**Solution**", "", f"```python\n{code}```", "", reason, ""]
    lines += ["**Mistakes it knows**", ""]
    catalogue, examples = machinery.misconceptions(), dict(reversed(wrong))
    for one in exercise.misconceptions:
        row = catalogue[one]
        lines += [f"- **{one}** *{row.belief}*  ", f"  Ask: {row.question} Then: {row.smaller_step}"]
        if len(example := examples.get(one, "").strip()) > 0:
            lines += ["", *(f"      {line}" for line in example.splitlines()), ""]
    lines += ["", f"For a mistake it does not know: {exercise.hints[0]} Then: {exercise.hints[1]}", ""]
    return "\n".join(lines)


KEY_OPENING = """# Answer key

Made from the pages, their exercises and the catalogue of misconceptions. Each known mistake stands with what
to ask first, a smaller step, and an answer that shows it."""


def key_markdown(pages: list[Page]) -> str:
    """The whole key: every exercise of every page, in order."""
    parts = [KEY_OPENING]
    for page in pages:
        if page.number not in machinery.pages():
            continue
        exercises = machinery.page_exercises(page.number)
        minutes = sum(exercise.minutes for exercise in exercises.values())
        parts.append(
            f"## {page.number} · {page.title}\n\n{len(exercises)} exercises, {minutes} minutes in all."
        )
        wrong = wrong_answers(page.number)
        for key, exercise in exercises.items():
            cells = {
                cell.metadata["course"]["role"]: cell
                for cell in read(page).cells
                if cell.metadata.get("course", {}).get("exercise") == key
            }
            parts.append(key_of(exercise, cells, wrong.get(key, [])))
    return "\n\n".join(parts) + "\n"


KEY_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Answer key</title>
<link rel="icon" href="data:,">
<style>
{code_style}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }}
h2 {{ border-top: 3px solid #0072b2; padding-top: 1rem; break-before: page; }}
h3 {{ margin: 2.2rem 0 .2rem; break-after: avoid; }}
pre {{ background: #f4f6f8; padding: .5rem .8rem; white-space: pre-wrap; font-size: .88rem; }}
pre.code {{ border-left: 4px solid #00734f; }}
li {{ margin: .5rem 0; }}
table {{ border-collapse: collapse; }} th, td {{ border-bottom: 1px solid #d5dae0; padding: .2rem .6rem; }}
math {{ font-family: "Latin Modern Math", "STIX Two Math", "Cambria Math", math; }}
</style>
</head>
<body>
{key}
</body>
</html>
"""


def write_key(pages: list[Page], folder: Path) -> Path:
    """The key as one file to read and to print; it needs no network."""
    folder.mkdir(parents=True, exist_ok=True)
    style = slide_text.BLACK_ON_WHITE.get_style_defs(".code")
    page = KEY_PAGE.format(code_style=style, key=slide_text.to_html(key_markdown(pages)))
    (folder / "key.html").write_text(page, encoding="utf-8", newline="\n")
    return folder / "key.html"


# The command


def pages_named(numbers: list[str]) -> list[Page]:
    """The pages with these numbers ("2" is "02"), all that are there if none is named."""
    wanted = {number.zfill(2) for number in numbers}
    there = {page.number: page for page in PAGES if page.is_there}
    if unknown := sorted(wanted - there.keys()):
        raise SystemExit(f"no page {', '.join(unknown)}; there are {', '.join(there)}")
    return [page for number, page in there.items() if not wanted or number in wanted]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m helpers.classroom",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in (
        ("slides", "one self-contained HTML file a page"),
        ("student", "an edition without solutions and outputs"),
        ("key", "every solution with its reason and the mistakes it knows"),
        ("mark", "give cells without a slide type one"),
    ):
        command = commands.add_parser(name, help=what, description=what)
        if name != "mark":
            command.add_argument("--to", type=Path, default=ROOT / "classroom", metavar="FOLDER")
        if name != "student":
            command.add_argument("pages", nargs="*", metavar="PAGE", help="as 02; all pages if none is named")
        if name == "slides":
            command.add_argument(
                "--minutes", type=int, choices=(45, 90), help="only this path of docs/teaching.md"
            )
    options = parser.parse_args(arguments)
    if options.command == "mark":
        mark(pages_named(options.pages))
    elif options.command == "slides":
        print(*write_slides(pages_named(options.pages), options.to / "slides", options.minutes), sep="\n")
    elif options.command == "student":
        print(write_student_edition(options.to / "student"))
    else:
        print(write_key(pages_named(options.pages), options.to))
    return 0


if __name__ == "__main__":
    sys.exit(main())
