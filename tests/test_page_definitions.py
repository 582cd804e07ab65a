"""What a page builds and the helpers hold is the same code, so that nothing imported later is magic."""

from pathlib import Path

import nbformat
import notebook_checks as checks
import pytest

ROOT = Path(__file__).parents[1]
HELPERS = checks.helper_definitions(ROOT / "helpers")


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_page_and_helpers_define_the_same_thing_the_same_way(path: Path) -> None:
    complaints = checks.definitions_agree_with_helpers(nbformat.read(path, as_version=4), HELPERS)
    assert not complaints, "\n  ".join(["", *complaints])
