"""Run pages from top to bottom in a fresh kernel and store what they print, the same way every time.

    python tools/store_outputs.py notebooks/00_start_here.ipynb ...
    python tools/store_outputs.py --check notebooks/00_start_here.ipynb
    python tools/store_outputs.py --describe notebooks/00_start_here.ipynb

The run is the one the tests repeat: the generated corpus and one thread, unless COURSE_CORPUS or
OMP_NUM_THREADS say otherwise. A page that prints the same twice is stored byte for byte the same twice: no
times, no widgets, no versions, no paths. With --check nothing is written; the exit code is 1 where the stored
page is not what a run gives. A cell that stops without the tag raises-exception, one that has the tag and
does not stop, and anything written to stderr are refused, and the file stays as it was.

Each picture takes the words that stand under it as its alternative text, for those who hear a page. After an
edit of these words, --describe does only this, without a run.
"""

import argparse
import base64
import os
import re
import sys
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from queue import Empty
from time import monotonic

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbformat import NotebookNode

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
CELL_SECONDS = 1200  # training on real reviews takes minutes; a kernel that hangs must end some time
LOOK_SECONDS = 1.0
WIDGET = "application/vnd.jupyter.widget-view+json"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "pygments_lexer": "ipython3",
}
ANSI = re.compile(r"\x1b\[[0-9;]*m")
ALT_CHARACTERS = 300
TEX = {  # what stands in sentences under figures; whatever else follows a backslash loses it
    r"\\(?:text|mathrm|mathbf|operatorname|sqrt)\{([^{}]*)\}": r"\1",
    r"\\[td]?frac\{?(\w+?)\}?\{?(\w+)\}?": r"\1/\2",
    r"\\cdot|\\times": "·",
    r"\\(?:left|right|[,;! ])": "",
    r"[{}\\]": "",
}


class Refused(Exception):
    """The page did not run as it says it does; the message names the cell."""


def looking_again(get_msg: Callable[..., Awaitable[dict]]) -> Callable[..., Awaitable[dict]]:
    """`get_msg` of a channel, but waiting in short pieces: each piece looks whether a message lies there.

    A slider makes the client answer the kernel while it waits for the end of the cell, and jupyter_client
    sends that answer past asyncio. The send can swallow the signal that the reply has come; who then waits
    in one piece waits for ever.
    """

    async def get(timeout: float | None = None) -> dict:
        deadline = float("inf") if timeout is None else monotonic() + timeout
        while True:
            left = max(0.0, deadline - monotonic())
            try:
                return await get_msg(timeout=min(LOOK_SECONDS, left))
            except Empty:
                if left <= LOOK_SECONDS:
                    raise

    return get


class PatientClient(NotebookClient):
    """A client that no slider can keep waiting for ever, see `looking_again`."""

    async def async_start_new_kernel_client(self) -> object:
        kernel_client = await super().async_start_new_kernel_client()
        shell = kernel_client.shell_channel
        shell.get_msg = looking_again(shell.get_msg)
        return kernel_client


def run(page: NotebookNode, folder: Path) -> None:
    """Execute a page in place, in a fresh kernel whose working directory is `folder`."""
    for cell in page.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = PatientClient(
        page,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        client.execute()
    except CellTimeoutError:
        raise Refused(f"a cell gave no answer in {CELL_SECONDS} seconds; run the page again") from None
    except CellExecutionError as problem:
        stopped = next(cell for cell in page.cells if _errors(cell))
        raise Refused(f"cell {stopped.id} stopped: {problem.ename}: {problem.evalue}") from None


def _errors(cell: NotebookNode) -> list[NotebookNode]:
    return [output for output in cell.get("outputs", []) if output.output_type == "error"]


def refuse_surprises(page: NotebookNode) -> None:
    """Raise Refused for text on stderr, and for a cell that is tagged as raising and does not."""
    for cell in page.cells:
        if "raises-exception" in cell.metadata.get("tags", []) and not _errors(cell):
            raise Refused(f"cell {cell.id} has the tag raises-exception and raised nothing")
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                raise Refused(f"cell {cell.id} wrote to stderr: {output.text.strip()[:300]}")


def tidy(page: NotebookNode) -> None:
    """Drop from a page what differs between two equal runs, or would show the machine it ran on."""
    page.metadata = NotebookNode(kernelspec=dict(KERNEL), language_info=dict(LANGUAGE))
    for cell in page.cells:
        for key in ("execution", "ExecuteTime", "trusted", "collapsed", "scrolled"):
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs = merged_streams(
                [output for output in cell.outputs if WIDGET not in output.get("data", {})]
            )
            for output in cell.outputs:
                output.pop("transient", None)
                if "image/png" in output.get("data", {}):
                    output.data["image/png"] = plain_png(output.data["image/png"])
                if output.output_type == "error":
                    output.traceback = own_frames(output.traceback)


def describe_pictures(page: NotebookNode) -> None:
    """Give each picture the words under it as its alternative text, in the key that nbconvert reads.

    JupyterLab 4 does not read it; there the same words follow in the next cell.
    """
    for cell, after in pairwise(page.cells):
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}) and after.cell_type == "markdown":
                output.metadata["image/png"] = {"alt": first_sentences(after.source)}


def first_sentences(markdown: str) -> str:
    """The first sentences of a Markdown text as plain words: at least one, as many as fit ALT_CHARACTERS."""
    text = " ".join(markdown.strip().split("\n\n")[0].split())
    text = re.sub(r"</?(?:a|b|br|em|i|sub|sup)\b[^<>]*>|!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"\$(.+?)\$", lambda formula: plain_formula(formula[1]), text)
    sentences = re.split(r"(?<=[.?!])\s+(?=\S)", re.sub(r"[*`]+", "", text))
    kept = sentences[:1]
    for sentence in sentences[1:]:
        if len(" ".join([*kept, sentence])) > ALT_CHARACTERS:
            break
        kept.append(sentence)
    return " ".join(kept)


def plain_formula(tex: str) -> str:
    for pattern, words in TEX.items():
        tex = re.sub(pattern, words, tex)
    return tex.strip()


def merged_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Join neighbouring pieces of one stream: how a stream is cut into pieces depends on the clock."""
    merged: list[NotebookNode] = []
    for output in outputs:
        before = merged[-1] if merged else None
        if before and output.output_type == before.output_type == "stream" and output.name == before.name:
            before.text += output.text
        else:
            merged.append(output)
    return merged


def plain_png(encoded: str) -> str:
    """A PNG without its notes on software and time (text and time chunks)."""
    data = base64.b64decode(encoded)
    kept, at = [data[:8]], 8
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] not in (b"tEXt", b"zTXt", b"iTXt", b"tIME"):
            kept.append(data[at:end])
        at = end
    return base64.b64encode(b"".join(kept)).decode()


def own_frames(traceback: list[str]) -> list[str]:
    """A traceback without the frames of files: they show paths, and lines that differ between versions."""
    return [frame for frame in traceback if not ANSI.sub("", frame).startswith("File ")]


def store(path: Path, check_only: bool = False, run_it: bool = True) -> bool:
    """Run a page and store it; returns whether the stored file changes (with `check_only`: would change).

    Without `run_it` only the words of its pictures are stored anew. Raises Refused where the page does not
    run as it says; the file is then as it was.
    """
    before = path.read_text(encoding="utf-8")
    page = nbformat.reads(before, as_version=4)
    if run_it:
        run(page, path.parent)
        refuse_surprises(page)
        tidy(page)
    describe_pictures(page)
    nbformat.validate(page)
    after = nbformat.writes(page) + "\n"
    if after != before and not check_only:
        unfinished = path.with_name(path.name + ".part")
        unfinished.write_text(after, encoding="utf-8", newline="\n")
        os.replace(unfinished, path)
    return after != before


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 where a page would change"
    )
    parser.add_argument(
        "--describe", action="store_true", help="run nothing; only give pictures the words under them"
    )
    parser.add_argument("pages", nargs="+", type=Path, metavar="PAGE.ipynb")
    options = parser.parse_args(arguments)
    os.environ.setdefault("COURSE_CORPUS", "twins")
    for variable in THREADS:
        os.environ.setdefault(variable, "1")
    changed = refused = 0
    for path in options.pages:
        try:
            changes = store(path, options.check, run_it=not options.describe)
        except Refused as problem:
            print(f"{path}: refused: {problem}", file=sys.stderr)
            refused += 1
        else:
            changed += changes
            print(f"{path}: {('differs' if options.check else 'stored') if changes else 'unchanged'}")
    return 1 if refused or (options.check and changed) else 0


if __name__ == "__main__":
    sys.exit(main())
