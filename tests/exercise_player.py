"""Plays an exercise of a page: its set-up cells, an answer in the stub's place, then its check."""

import ast
import linecache
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType, ModuleType

import nbformat
from nbformat import NotebookNode

from helpers.exercises import Verdict

ROOT = Path(__file__).parents[1]
FENCED = "```python\n"


def page_file(page: str) -> Path:
    """The notebook with this number."""
    (file,) = (ROOT / "notebooks").glob(f"{page}_*.ipynb")
    return file


@cache
def read_page(page: str) -> NotebookNode:
    """The stored page; not to be changed."""
    return nbformat.read(page_file(page), as_version=4)


def exercise_cells(page: NotebookNode, exercise: str) -> dict[str, NotebookNode]:
    """Cells of one exercise by role: card, stub, check, hints, solution."""
    found = {}
    for cell in page.cells:
        course = cell.metadata.get("course", {})
        if course.get("exercise") == exercise:
            if course["role"] in found:
                raise AssertionError(f"exercise {exercise} has two cells of role {course['role']!r}")
            found[course["role"]] = cell
    return found


def solution_code(page: NotebookNode, exercise: str) -> str:
    """The python block of the solution cell."""
    source = exercise_cells(page, exercise)["solution"].source
    return source.split(FENCED, 1)[1].split("```", 1)[0]


def run(source: str, namespace: dict, name: str) -> object:
    """Execute source; returns the value of its last line if that is an expression. getsource works on it."""
    file = f"<{name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, file, "exec"), namespace)
    return eval(compile(ast.Expression(last.value), file, "eval"), namespace) if last else None


def is_needed(cell: NotebookNode) -> bool:
    """Whether exercises need a cell: one tagged so, or the stub of another exercise, as shipped."""
    return (
        "exercise-setup" in cell.metadata.get("tags", [])
        or cell.metadata.get("course", {}).get("role") == "stub"
    )


def play(page: NotebookNode, exercise: str, answer: str | None = None, checks: int = 1) -> list[Verdict]:
    """Run what the exercise needs, in the page's order, with `answer` as the code in the stub's place.

    Returns what the check says, asked `checks` times.
    """
    own = exercise_cells(page, exercise)
    module = ModuleType("__main__")  # a fresh place for the names, as a kernel has
    module.display = lambda *things, **options: None
    for cell in page.cells:
        if cell is own["check"]:
            return [run(cell.source, vars(module), f"check of {exercise}") for _ in range(checks)]
        if cell is own["stub"]:
            run(cell.source if answer is None else answer, vars(module), f"answer to {exercise}")
        elif cell.cell_type == "code" and is_needed(cell):
            run(cell.source, vars(module), cell.id)
    raise AssertionError(f"the check of exercise {exercise} does not come after its stub")


def page_names(
    number: str,
    cells: Iterable[str],
    first_parts: Mapping[str, str] = MappingProxyType({}),
    solutions: Iterable[str] = (),
    **given: object,
) -> dict:
    """What a page's cells define, run in the page's order, and after them the solutions of its exercises.

    cells: ids without the page's number. first_parts: ids of cells of which only the lines above the first
    one that begins with the words given are run. solutions: numbers of exercises. given: names that are
    there from the start.
    """
    source = {cell.id.removeprefix(f"{number}-"): cell.source for cell in read_page(number).cells}
    wanted = dict.fromkeys(cells) | dict(first_parts)
    if missing := wanted.keys() - source.keys():
        raise AssertionError(f"page {number} has no cells {sorted(missing)}")
    for cell in (cell for cell in source if cell in wanted):
        stop = wanted[cell]
        run(source[cell].split(f"\n{stop}")[0] if stop else source[cell], given, cell)
    for exercise in solutions:
        run(solution_code(read_page(number), exercise), given, f"solution of {exercise}")
    return given
