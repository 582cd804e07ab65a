"""The breaks of `breaks.py` still fit the course, and the stored table is about them.

That each is noticed is shown by `python tests/break_the_course.py`, which takes minutes.
"""

import re
from pathlib import Path

import pytest
from breaks import BREAKS, Break

ROOT = Path(__file__).parents[1]
each_break = pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: broken.what.replace(" ", "-"))


@each_break
def test_a_break_fits_the_present_file(broken: Break) -> None:
    text = (ROOT / broken.file).read_text(encoding="utf-8")
    assert broken.applied(text) != text


@each_break
def test_what_must_notice_a_break_is_a_part_of_the_test_command(broken: Break) -> None:
    for selection in broken.noticed_by:
        file, _, name = selection.partition("::")
        assert re.match(r"tests/test_\w+\.py$|notebooks/\w+\.ipynb$", file) and (ROOT / file).exists()
        assert f"def {name.partition('[')[0]}(" in (ROOT / file).read_text(encoding="utf-8") or not name


def test_there_are_many_breaks_and_each_has_its_own_description() -> None:
    assert len({broken.what for broken in BREAKS}) == len(BREAKS) >= 30


def test_the_stored_table_has_every_break_and_none_went_unnoticed() -> None:
    table = (ROOT / "docs" / "breaks.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in table.splitlines() if re.match(r"\| \d+ \|", line)]
    assert [row[1] for row in rows] == [broken.what for broken in BREAKS], (
        "run: python tests/break_the_course.py"
    )
    assert not [row for row in rows if "**nothing**" in row[3] or "**no proof**" in row[3]]
    open_rows = [row[1] for row in rows if "**not tried" in row[3]]
    if open_rows:
        pytest.skip(f"not tried yet: {len(open_rows)}; run: python tests/break_the_course.py --rest")
    assert all(re.match(r"`[\w./]+\.(?:py|ipynb)` ", row[3]) for row in rows)
