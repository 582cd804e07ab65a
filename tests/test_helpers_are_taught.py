"""What the helpers define is there for the course: a page, another helper, a tool or a benchmark uses it."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]

# Used by the tests alone, and kept: why.
KEPT = {
    "helpers/portable.py:export_onnx": "page 10 names it for other programs; it needs packages of an extra",
    "helpers/training.py:load_best": "reads the best.pt that every run with a folder leaves for later",
}

Definition = ast.FunctionDef | ast.ClassDef


def public(tree: ast.Module) -> list[Definition]:
    return [part for part in tree.body if isinstance(part, Definition) and not part.name.startswith("_")]


def names(tree: ast.AST) -> Iterator[str]:
    """Every name that is read or written, `name` and `module.name` alike; an import alone uses nothing."""
    for part in ast.walk(tree):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr


def unused(helpers: dict[str, str], others: Iterable[str]) -> set[str]:
    """Public functions and classes, "file:name", that nothing outside of their own body names.

    helpers: sources by file. others: sources that may use them. One name in two files counts for both.
    """
    trees = {file: ast.parse(source) for file, source in helpers.items()}
    users = {name: {"others"} for source in others for name in names(ast.parse(source))}
    for file, tree in trees.items():
        for place, part in enumerate(tree.body):
            for name in names(part):
                users.setdefault(name, set()).add(f"{file}:{place}")
    return {
        f"{file}:{part.name}"
        for file, tree in trees.items()
        for part in public(tree)
        if not users.get(part.name, set()) - {f"{file}:{tree.body.index(part)}"}
    }


def sources(pattern: str) -> dict[str, str]:
    return {
        file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in ROOT.glob(pattern)
    }


def cells_of_pages() -> Iterator[str]:
    for file in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in nbformat.read(file, as_version=4).cells:
            if cell.cell_type == "code":
                yield "\n".join(line for line in cell.source.splitlines() if line[:1] not in ("%", "!"))


def test_every_public_function_and_class_of_the_helpers_is_used_or_kept_for_a_reason() -> None:
    programs = [*sources("tools/*.py").values(), *sources("benchmarks/*.py").values()]
    found = unused(sources("helpers/**/*.py"), [*programs, *cells_of_pages()])
    assert found - KEPT.keys() == set(), "only tests use these: teach them, or delete them with their tests"
    assert KEPT.keys() - found == set(), "these are used now: they need no exception"


@pytest.mark.parametrize(
    ("helper", "other", "expected"),
    [
        ("def used(): ...", "helper.used()", set()),
        ("def used(): ...", "used", set()),
        ("def first(): second()\ndef second(): ...", "first()", set()),
        ("def alone(): ...", "", {"h.py:alone"}),
        ("def alone(): ...", "from helper import alone", {"h.py:alone"}),
        ("def alone(n): return alone(n - 1)", "", {"h.py:alone"}),
        ("class Alone: ...\n__all__ = ['Alone']", "'Alone'", {"h.py:Alone"}),
        ("def _private(): ...", "", set()),
    ],
)
def test_the_search_finds_what_nothing_uses(helper: str, other: str, expected: set[str]) -> None:
    assert unused({"h.py": helper}, [other]) == expected
