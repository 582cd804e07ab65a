"""Proof that the tests can fail: break the course in many ways, and see that the test command notices each.

    .venv/bin/python tests/break_the_course.py               all breaks
    .venv/bin/python tests/break_the_course.py fold hint     those whose description has one of these words
    .venv/bin/python tests/break_the_course.py --rest        those that the table does not show as noticed

The breaks stand in `breaks.py`. They are made in a copy of the repository, one at a time, and undone; the
repository itself is only read. Each names the part of the test command that must notice it. All these parts
are run on the unbroken copy first, where they must pass; then each on its broken copy, where it must fail.
What noticed each is written to docs/breaks.md. Exit status 1 if a break goes unnoticed: that is a hole in the
tests, and the missing test is to be written.

Takes some minutes on one core. The test command itself does not run this; it only holds `breaks.py` and the
table to the present files (`test_breaks.py`).
"""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import multiprocessing
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from breaks import BREAKS, Break

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "docs" / "breaks.md"
MOST_SECONDS = (
    300  # for the tests that one break is for, on a busy machine; for all of them ten times as long
)
SLOW_TO_IMPORT = (
    "torch hypothesis nbformat numpy pandas matplotlib.pyplot seaborn scipy.stats sklearn.linear_model "
    "sklearn.feature_extraction.text sklearn.naive_bayes IPython ipywidgets starlette.applications uvicorn"
)


@dataclass(eq=False)
class Outcome:
    """What some tests said. code: pytest's exit status (None: they did not come to an end).

    passed, failed: names of tests, in the order they ran. strangers: files of the course's modules that were
    not taken from the copy: then the outcome says nothing. seconds: of processor time.
    """

    code: int | None = None
    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """pytest calls this, as a plugin, for each file that it has read."""
        if report.failed:
            self.failed.append(f"{report.nodeid} (cannot be read)")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """pytest calls this after each part of a test."""
        if report.failed:
            self.failed.append(report.nodeid)
        elif report.passed and report.when == "call":
            self.passed.append(report.nodeid)

    def passes(self, selection: str) -> bool:
        """Whether a file, a page or a test, as it is named to pytest, passed; skipped is not passed."""

        def within(names: list[str]) -> bool:
            return any(
                name == selection or name.startswith((f"{selection}[", f"{selection}::")) for name in names
            )

        return within(self.passed) and not within(self.failed) and not self.strangers


def copy_of_the_course(folder: Path) -> None:
    """Copy every file that git knows or would add, as it is now, to `folder`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():  # one that was removed and not yet committed is not
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def import_what_is_slow() -> None:
    """Import once what every part of the tests needs; forked processes have it at once."""
    for name in SLOW_TO_IMPORT.split():
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def run_here(folder: Path, options: list[str], answer: Connection) -> None:
    """Run tests in this process, which is a fresh one, in `folder`; send the outcome."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    os.chdir(folder)
    sys.path[:] = [str(folder), *(place for place in sys.path if Path(place).resolve() != ROOT / "tests")]
    for name in ("breaks", "break_the_course"):  # these are of the repository
        sys.modules.pop(name, None)
    outcome, start = Outcome(), sum(os.times()[:4])
    outcome.code = int(pytest.main(["-n", "0", "-p", "no:cacheprovider", *options], plugins=[outcome]))
    outcome.seconds = sum(os.times()[:4]) - start
    places = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    ours = [place for name, place in places.items() if place and name.partition(".")[0] == "helpers"]
    outcome.strangers = [place for place in ours if not Path(place).resolve().is_relative_to(folder)]
    answer.send(outcome)


def run(folder: Path, options: list[str], most_seconds: float) -> Outcome:
    """Run tests in a process of its own, in `folder`."""
    kind = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(kind)
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=run_here, args=(folder, options, theirs))
    process.start()
    theirs.close()
    outcome = Outcome()
    with contextlib.suppress(EOFError):  # it died without an answer
        if ours.poll(most_seconds):
            outcome = ours.recv()
    if outcome.code is None:
        process.kill()
    process.join()
    return outcome


def require_the_copy(folder: Path) -> None:
    """Stop unless a kernel, started beside the pages of the copy, takes the helpers from the copy."""
    ask = [sys.executable, "-c", "import helpers; print(helpers.__file__)"]
    said = subprocess.run(ask, cwd=folder / "notebooks", check=True, capture_output=True, text=True).stdout
    if not Path(said.strip()).resolve().is_relative_to(folder):
        raise SystemExit(f"helpers come from {said.strip()}, not from the copy: every break would survive")


@dataclass(frozen=True)
class Line:
    """A line of the table. test: the first that failed, or "". why_not: why it would prove nothing."""

    broken: Break
    test: str = ""
    why_not: str = ""
    seconds: float = 0.0

    @property
    def noticed(self) -> bool:
        return bool(self.test) and not self.why_not


def tried(broken: Break, folder: Path, before: Outcome) -> Line:
    """Break the copy, run the tests that must notice, mend it. before: all tests, unbroken."""
    for selection in broken.noticed_by:
        if not before.passes(selection):
            return Line(broken, why_not=f"**not tried**: {selection} does not pass unbroken")
    file = folder / broken.file
    original = file.read_bytes()
    file.write_bytes(broken.applied(original.decode("utf-8")).encode("utf-8"))
    try:
        after = run(folder, ["-x", *broken.noticed_by], MOST_SECONDS)
    finally:
        file.write_bytes(original)
    ended = after.code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    why_not = (
        "" if ended and not after.strangers else f"**no proof**: status {after.code} {after.strangers[:1]}"
    )
    return Line(broken, next(iter(after.failed), ""), why_not, after.seconds)


def row(line: Line) -> str:
    """A row of the table, without its number."""
    file, _, name = line.test.removeprefix("tests/").partition("::")
    by = f"`{file}` {name.replace('|', ' ')[:110]}" if line.noticed else line.why_not or "**nothing**"
    return f"{line.broken.what} | `{line.broken.file}` | {by} | {line.seconds:.1f} |"


def stored_rows() -> dict[str, str]:
    """The rows of the stored table by what was broken."""
    text = TABLE.read_text(encoding="utf-8") if TABLE.exists() else ""
    rows = re.findall(r"^\| \d+ \| ((.*?) \| .*)$", text, flags=re.MULTILINE)
    return {what: whole for whole, what in rows}


def table(lines: list[Line]) -> str:
    """All breaks as a page of Markdown: those tried now, and of the others what the stored table says."""
    rows = stored_rows() | {line.broken.what: row(line) for line in lines}
    rows = [rows.get(broken.what, row(Line(broken, why_not="**not tried yet**"))) for broken in BREAKS]
    unnoticed = sum("**" in one for one in rows)
    torch = importlib.metadata.version("torch").partition("+")[0]
    return "\n".join(
        [
            "# What the tests notice",
            "",
            "Written by `tests/break_the_course.py`, which breaks a copy of the course in the ways listed "
            "here and runs, for each, the part of the test command that must fail then (and that passes "
            "unbroken).",
            "",
            f"{len(rows) - unnoticed} of {len(rows)} breaks were noticed; last tried on "
            f"{datetime.date.today()} with Python {platform.python_version()}, torch {torch} and pytest "
            f"{pytest.__version__}. Seconds are of processor time.",
            "",
            "| | what was broken | where | noticed by | seconds |",
            "|---|---|---|---|---|",
            *(f"| {number} | {one}" for number, one in enumerate(rows, 1)),
            "",
        ]
    )


def main(words: list[str]) -> int:
    """Try all breaks, or those whose description has one of `words`. Returns the exit status."""
    wanted = [one for one in BREAKS if not words or any(word in one.what for word in words)]
    if words == ["--rest"]:
        done = {what for what, whole in stored_rows().items() if "**" not in whole}
        wanted = [one for one in BREAKS if one.what not in done]
    selections = list(dict.fromkeys(selection for one in wanted for selection in one.noticed_by))
    lines = []
    with tempfile.TemporaryDirectory(prefix="course-") as place:
        folder = Path(place).resolve()
        copy_of_the_course(folder)
        os.environ["PYTHONPATH"] = str(
            folder
        )  # before the installed course, also in the kernels of the pages
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # a break undone within a second would leave its bytecode
        os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # no threads before a fork
        require_the_copy(folder)
        import_what_is_slow()
        print(f"unbroken: {len(selections)} parts of the tests", flush=True)
        before = run(folder, selections, 10 * MOST_SECONDS)
        if before.code is None:
            raise SystemExit("the tests of the unbroken course did not come to an end")
        print(f"{len(before.passed)} tests pass, {len(before.failed)} fail {before.failed[:3]}", flush=True)
        for number, broken in enumerate(wanted, 1):
            lines.append(tried(broken, folder, before))
            TABLE.write_text(table(lines), encoding="utf-8")
            said = lines[-1].test if lines[-1].noticed else f"NOT NOTICED {lines[-1].why_not}"
            print(f"{number:3}/{len(wanted)}  {broken.what}: {said}", flush=True)
    print(f"\n{TABLE.read_text(encoding='utf-8')}")
    print(f"{sum(line.seconds for line in lines) + before.seconds:.0f} seconds of processor time")
    return int(not all(line.noticed for line in lines))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
