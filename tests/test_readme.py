"""What the README shows and names exists: pictures are the pages' own, links and commands lead somewhere.

`python tests/test_readme.py` writes the pictures anew from the stored pages, after a page has changed.
"""

import base64
import importlib.util
import re
from pathlib import Path

import nbformat
import pytest

from helpers.measured import read_measured

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PICTURES = {  # in docs/: the page and the cell that draws it
    "price.png": ("04_cross_entropy.ipynb", "04-figure-prices"),
    "footprints.png": ("08_repairing_the_classifier.ipynb", "08-footprints"),
}

LINKS = [target for target in re.findall(r"\]\(([^)\s]+)\)", README) if not target.startswith("http")]
FILES = re.findall(r"(?<![\w/.])(?:notebooks|benchmarks|tools|tests)/[\w./-]*\w", README)
MODULES = re.findall(r"-m (helpers[\w.]*)", README)


def stored_picture(name: str) -> bytes:
    file, cell_id = PICTURES[name]
    page = nbformat.read(ROOT / "notebooks" / file, as_version=4)
    (cell,) = (cell for cell in page.cells if cell.id == cell_id)
    pictures = [output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})]
    return base64.b64decode(pictures[0])


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_the_one_stored_in_its_page(name: str) -> None:
    assert (ROOT / "docs" / name).read_bytes() == stored_picture(name), "run: python tests/test_readme.py"
    assert f"(docs/{name})" in README


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
    blocks = re.findall(r"^```bash\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
    assert ".venv/bin/pytest" in "\n".join(blocks).splitlines()
    assert 'pip" install' in commands and "-r requirements.txt" in commands and '/pytest"' in commands


def test_the_accuracies_are_those_that_were_measured() -> None:
    table = read_measured("accuracy")
    for _, runs in table[table["group"] == "ladder"].groupby("rung"):
        name, change, test = runs["name"].iloc[0], runs["change"].iloc[0], 100 * runs["test"]
        assert f"| {name} | {change} | {test.mean():.2f} ± {test.std():.2f} |" in README
    for runs in table[table["group"] == "linear"].itertuples():
        assert f"{runs.test:.4f}" in README
    best = table[(table["group"] == "ladder") & (table["rung"] == table["rung"].max())]["test"]
    assert f"**{best.mean():.4f}** ({best.min():.4f} to {best.max():.4f}" in README


if __name__ == "__main__":
    for picture in PICTURES:
        (ROOT / "docs" / picture).write_bytes(stored_picture(picture))
