"""What is installed is what is used: requirements.txt lacks no package and names no idle one."""

import ast
import importlib.metadata
import os
import re
import sys
import tomllib
import warnings
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
REQUIREMENTS = (ROOT / "requirements.txt").read_text(encoding="utf-8")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TESTED = ROOT / "tests" / "tested_versions.txt"

PACKAGE_OF = {"sklearn": "scikit-learn", "IPython": "ipython", "dateutil": "python-dateutil"}
PROMISED = {"torch", "jupyterlab", "matplotlib", "seaborn", "numpy", "pandas", "nbval", "pytest"}
# Used without an import: pytest -n, the kernel's widgets, and what formats the pages.
BY_CONFIGURATION = {"pytest-xdist", "ipywidgets", "ruff"}
OWN = {"helpers", "wrong_answers", *(file.stem for file in (ROOT / "tests").glob("*.py"))}
BESIDE = ("tools", "benchmarks", "tests/browser")
OWN |= {file.stem for folder in BESIDE for file in (ROOT / folder).glob("*.py")}


def requirements(text: str) -> dict[str, str]:
    """Package -> range of each line, the course itself (`-e .`) included."""
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    parts = (re.match(r"(-e \.|[A-Za-z0-9][\w.-]*)\s*(.*)", line) for line in lines if line)
    return {part.group(1).lower(): part.group(2) for part in parts}


def imports_of(source: str) -> set[str]:
    """Top-level names of the modules that a source imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


def third_party(folder: str) -> dict[str, set[str]]:
    """Package -> files of a folder that import it."""
    found: dict[str, set[str]] = {}
    for file in [*(ROOT / folder).rglob("*.py"), *(ROOT / folder).rglob("*.ipynb")]:
        if ".ipynb_checkpoints" in file.parts:
            continue
        sources = [file.read_text(encoding="utf-8")]
        if file.suffix == ".ipynb":
            page = nbformat.read(file, as_version=4)
            sources = [cell.source for cell in page.cells if cell.cell_type == "code"]
        for module in set().union(*map(imports_of, sources)) - sys.stdlib_module_names - OWN:
            found.setdefault(PACKAGE_OF.get(module, module), set()).add(file.name)
    return found


FOLDERS = ("helpers", "tests", "tools", "benchmarks", "notebooks")
IMPORTED = {package: folder for folder in FOLDERS for package in third_party(folder)}
DEPENDENCIES = set(PYPROJECT["project"]["dependencies"])
SERVING = set(PYPROJECT["project"]["optional-dependencies"]["serve"])
TEACHING = set(PYPROJECT["project"]["optional-dependencies"]["classroom"])
USED = {"-e ."} | PROMISED | BY_CONFIGURATION | IMPORTED.keys()


def missing(text: str) -> set[str]:
    """Packages that the course uses and a requirements file does not name."""
    return USED - requirements(text).keys()


def test_every_package_that_is_used_is_required() -> None:
    assert not missing(REQUIREMENTS), {package: IMPORTED.get(package) for package in missing(REQUIREMENTS)}


@pytest.mark.parametrize("line", [line for line in REQUIREMENTS.splitlines() if requirements(line)])
def test_a_line_removed_from_the_requirements_is_missed(line: str) -> None:
    rest = "\n".join(other for other in REQUIREMENTS.splitlines() if other != line)
    missed = missing(rest) - missing(REQUIREMENTS)
    assert missed == set(requirements(line)), "nothing in the course uses this package: drop the line"


@pytest.mark.parametrize("package", sorted(requirements(REQUIREMENTS).keys() - {"-e ."}))
def test_every_range_has_both_ends(package: str) -> None:
    assert re.fullmatch(r">=[\d.]+,<[\d.]+", requirements(REQUIREMENTS)[package])


def test_what_helpers_import_are_their_dependencies() -> None:
    assert set(third_party("helpers")) <= DEPENDENCIES | SERVING | TEACHING


def test_only_the_service_imports_what_is_needed_for_serving() -> None:
    imported = third_party("helpers")
    assert {file for package in SERVING for file in imported[package]} == {"serve.py"}


def test_only_the_classroom_imports_what_is_needed_for_teaching() -> None:
    imported = third_party("helpers")
    assert {file for package in TEACHING for file in imported[package]} == {
        "classroom.py",
        "slides.py",
        "slide_text.py",
    }


def test_dependencies_of_helpers_are_required_with_a_range() -> None:
    assert requirements(REQUIREMENTS).keys() >= DEPENDENCIES | SERVING | TEACHING


def test_conda_installs_the_same() -> None:
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    lines = [line.strip().removeprefix("- ") for line in text.partition("dependencies:")[2].splitlines()]
    python = PYPROJECT["project"]["requires-python"]
    assert [line for line in lines if line] == [f"python{python}", "pip", "pip:", "-r requirements.txt"]


# The versions it was tested with


def versions_tested() -> dict[str, str]:
    """Package -> exact version; Python stands in a comment, since pip takes the file as constraints."""
    text = TESTED.read_text(encoding="utf-8")
    return {
        name.lower(): version
        for name, version in re.findall(r"^(?:# )?([\w-]+)==(\S+)$", text, flags=re.MULTILINE)
    }


def as_numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0]))


def test_each_required_package_has_one_tested_version() -> None:
    assert versions_tested().keys() == requirements(REQUIREMENTS).keys() - {"-e ."} | {"python"}


@pytest.mark.parametrize("package", sorted(requirements(REQUIREMENTS).keys() - {"-e ."}))
def test_a_tested_version_lies_in_its_range(package: str) -> None:
    lowest, highest = (as_numbers(end) for end in requirements(REQUIREMENTS)[package].split(","))
    assert lowest <= as_numbers(versions_tested()[package]) < highest


def test_installed_versions_are_those_tested_or_a_warning_says_so() -> None:
    installed = {"python": "{}.{}".format(*sys.version_info)}
    for package in requirements(REQUIREMENTS).keys() - {"-e ."}:
        installed[package] = importlib.metadata.version(package).split("+")[0]
    others = {name: version for name, version in installed.items() if versions_tested().get(name) != version}
    if others:
        warnings.warn(f"not the versions of tests/tested_versions.txt: {others}", stacklevel=1)
    assert installed.keys() == versions_tested().keys()


def test_tests_run_on_the_generated_corpus_and_one_thread() -> None:
    assert os.environ["COURSE_CORPUS"] == "twins"
    assert os.environ["OMP_NUM_THREADS"] == "1"
