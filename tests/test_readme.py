"""What the README shows and names exists: its picture is a page's own, its links and commands lead somewhere.

`python tests/test_readme.py` writes the picture anew from the stored page, after that page has changed.
"""

import base64
import importlib.util
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PICTURE, PAGE, CELL = ROOT / "docs" / "price.png", "04_cross_entropy.ipynb", "04-figure-prices"

LINKS = [target for target in re.findall(r"\]\(([^)\s]+)\)", README) if not target.startswith("http")]
FILES = re.findall(r"(?<![\w/.])(?:notebooks|benchmarks|tools|tests)/[\w./-]*\w", README)
MODULES = re.findall(r"-m (helpers[\w.]*)", README)


def stored_picture() -> bytes:
    page = nbformat.read(ROOT / "notebooks" / PAGE, as_version=4)
    (cell,) = (cell for cell in page.cells if cell.id == CELL)
    pictures = [output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})]
    return base64.b64decode(pictures[0])


def test_the_picture_is_the_one_stored_in_its_page() -> None:
    assert PICTURE.read_bytes() == stored_picture(), "run: python tests/test_readme.py"
    assert f"(docs/{PICTURE.name})" in README


@pytest.mark.parametrize("target", sorted({*LINKS, *FILES}))
def test_what_the_readme_links_or_names_exists(target: str) -> None:
    assert (ROOT / target.split("#")[0]).exists()


@pytest.mark.parametrize("module", sorted(set(MODULES)))
def test_a_module_that_the_readme_runs_exists(module: str) -> None:
    assert importlib.util.find_spec(module)


def test_the_test_command_of_the_readme_is_the_one_that_ci_runs() -> None:
    commands = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in ("pip install -r requirements.txt", "/pytest", "/ruff check .", "-m venv"):
        assert command.rpartition("/")[2] in README.replace("\\", "/")
    assert 'pip" install' in commands and "-r requirements.txt" in commands and '/pytest"' in commands


if __name__ == "__main__":
    PICTURE.write_bytes(stored_picture())
