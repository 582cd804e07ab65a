"""Storing the outputs of a page gives the same bytes twice, and refuses what a reader should not see."""

import asyncio
import base64
import importlib.util
import struct
from pathlib import Path
from queue import Empty

import nbformat
import notebook_checks as checks
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

FILE = Path(__file__).parents[1] / "tools" / "store_outputs.py"
SPEC = importlib.util.spec_from_file_location("store_outputs", FILE)
store_outputs = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(store_outputs)


def write_page(path: Path, *sources: str, tags: tuple = ()) -> Path:
    page = new_notebook(metadata={"widgets": {}, "language_info": {"name": "python", "version": "3.11.4"}})
    page.cells = [new_code_cell(source, metadata={"tags": list(tags)}) for source in sources]
    for number, cell in enumerate(page.cells, 1):
        cell.id = f"99-cell-{number}"
    nbformat.write(page, path)
    return path


DRAW = """import os, sys
import matplotlib.pyplot as plt
print("one"); sys.stdout.flush(); print("two")
plt.plot([1, 2])
plt.show()"""


def test_storing_twice_gives_the_same_bytes_and_a_clean_page(tmp_path: Path) -> None:
    path = write_page(
        tmp_path / "99_page.ipynb", DRAW, "os.environ['OMP_NUM_THREADS'], os.environ['COURSE_CORPUS']"
    )
    assert store_outputs.main([str(path)]) == 0
    first = path.read_bytes()
    assert store_outputs.main([str(path)]) == 0
    assert path.read_bytes() == first
    page = nbformat.read(path, as_version=4)
    for check in (
        checks.stored_as_run_top_to_bottom,
        checks.no_widget_state,
        checks.kernel_is_plain_python,
        checks.format_is_valid,
        checks.figures_can_be_seen,
    ):
        assert check(page) == []
    assert page.cells[0].outputs[0].text == "one\ntwo\n"
    assert page.cells[1].outputs[0].data["text/plain"] == "('1', 'twins')"
    assert b"matplotlib.org" not in base64.b64decode(page.cells[0].outputs[1].data["image/png"])
    assert list(tmp_path.iterdir()) == [path]


def test_check_writes_nothing_and_tells(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = write_page(tmp_path / "99_page.ipynb", "print(1)")
    before = path.read_bytes()
    assert store_outputs.main(["--check", str(path)]) == 1
    assert path.read_bytes() == before
    assert "differs" in capsys.readouterr().out
    store_outputs.main([str(path)])
    assert store_outputs.main(["--check", str(path)]) == 0


@pytest.mark.parametrize(
    ("source", "tags", "said"),
    [
        ("raise ValueError('no')", (), "cell 99-cell-1 stopped: ValueError: no"),
        ("import sys; sys.stderr.write('careful')", (), "cell 99-cell-1 wrote to stderr: careful"),
        ("1 + 1", ("raises-exception",), "cell 99-cell-1 has the tag raises-exception and raised nothing"),
    ],
    ids=["an error", "stderr", "a tag without error"],
)
def test_a_surprise_is_refused_and_the_file_stays(tmp_path, capsys, source, tags, said) -> None:
    path = write_page(tmp_path / "99_page.ipynb", source, tags=tags)
    before = path.read_bytes()
    assert store_outputs.main([str(path)]) == 1
    assert path.read_bytes() == before
    assert said in capsys.readouterr().err


def test_an_announced_error_is_stored_without_the_frames_of_files(tmp_path: Path) -> None:
    path = write_page(tmp_path / "99_page.ipynb", "import json\njson.loads('{')", tags=("raises-exception",))
    assert store_outputs.main([str(path)]) == 0
    page = nbformat.read(path, as_version=4)
    assert checks.errors_are_announced(page) == [] and checks.no_machine_paths(page) == []
    assert "json.loads('{')" in checks.output_texts(page.cells[0])[1]


def test_widgets_run_times_and_cut_streams_are_tidied_away() -> None:
    widget = new_output("display_data", data={store_outputs.WIDGET: {}, "text/plain": "bar"})
    pieces = [new_output("stream", name="stdout", text=text) for text in ("a", "b\n")]
    page = new_notebook(cells=[new_code_cell("x", outputs=[pieces[0], widget, pieces[1]])])
    page.cells[0].metadata.execution = {"iopub.execute_input": "now"}
    store_outputs.tidy(page)
    assert [output.text for output in page.cells[0].outputs] == ["ab\n"]
    assert checks.no_widget_state(page) == []


def test_a_picture_loses_its_notes_and_nothing_else() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + b"sums"

    head, notes, time, end = (
        chunk(b"IHDR", b"x" * 13),
        chunk(b"tEXt", b"Software"),
        chunk(b"tIME", b"now"),
        chunk(b"IEND", b""),
    )
    picture = b"\x89PNG\r\n\x1a\n"
    encoded = base64.b64encode(picture + head + notes + time + end).decode()
    assert base64.b64decode(store_outputs.plain_png(encoded)) == picture + head + end


def test_a_reply_whose_signal_was_lost_is_found_at_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_outputs, "LOOK_SECONDS", 0.01)
    looks = []

    async def get_msg(timeout: float) -> dict:
        looks.append(timeout)
        if len(looks) < 4:  # the reply lies there from the start, but nothing wakes who waits for it
            await asyncio.sleep(timeout)
            raise Empty
        return {"reply": "ok"}

    assert asyncio.run(store_outputs.looking_again(get_msg)(timeout=5)) == {"reply": "ok"}
    assert asyncio.run(store_outputs.looking_again(get_msg)()) == {"reply": "ok"}
    assert max(looks) <= 0.01


def test_waiting_ends_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_outputs, "LOOK_SECONDS", 0.01)

    async def get_msg(timeout: float) -> dict:
        await asyncio.sleep(timeout)
        raise Empty

    with pytest.raises(Empty):
        asyncio.run(asyncio.wait_for(store_outputs.looking_again(get_msg)(timeout=0.03), 5))


def test_pages_are_run_by_the_client_that_looks_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = []
    monkeypatch.setattr(store_outputs, "looking_again", lambda get_msg: used.append(get_msg) or get_msg)
    store_outputs.store(write_page(tmp_path / "99_page.ipynb", "print(1)"))
    assert len(used) == 1


@pytest.mark.parametrize(
    ("under", "words"),
    [
        (
            "The line **rises**, as `x` does.\nThe rest is flat.\n\nMore.",
            "The line rises, as x does. The rest is flat.",
        ),
        (
            "See [page 02](02_b.ipynb#x), $z_\\text{cat}$ and $4 \\cdot \\tfrac15$.",
            "See page 02, z_cat and 4 · 1/5.",
        ),
        ("Seven share `<unk>`<a id='x'></a>.", "Seven share <unk>."),
        ("One is short. " + "A second one is long" * 20 + ".", "One is short."),
    ],
)
def test_a_picture_is_described_by_the_first_sentences_under_it(under: str, words: str) -> None:
    picture = new_output("display_data", data={"image/png": "", "text/plain": "<Figure>"})
    page = new_notebook(cells=[new_code_cell("draw()", outputs=[picture]), new_markdown_cell(under)])
    store_outputs.describe_pictures(page)
    assert page.cells[0].outputs[0].metadata == {"image/png": {"alt": words}}


def test_describing_runs_nothing_and_changes_nothing_else(tmp_path: Path) -> None:
    path = write_page(
        tmp_path / "99_page.ipynb", "import matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()"
    )
    store_outputs.main([str(path)])
    page = nbformat.read(path, as_version=4)
    page.cells.append(new_markdown_cell("One point is no line.", id="99-under"))
    page.cells[0].source = "raise ValueError('this was run')"
    path.write_text(nbformat.writes(page) + "\n", encoding="utf-8")
    assert store_outputs.main(["--describe", str(path)]) == 0
    described = nbformat.read(path, as_version=4)
    assert described.cells[0].outputs[-1].metadata.pop("image/png") == {"alt": "One point is no line."}
    assert described == page
