"""Fetch one large file so that a broken connection costs nothing twice (plumbing of `helpers.imdb`).

Bytes gather in a file whose name ends in .part. A download that breaks off leaves it there, and the next
one asks the server for the rest (HTTP Range); a server that sends all of it again is taken at its word. The
caller checks what came before giving it its name.
"""

import http
import http.client
import queue
import threading
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from tqdm.auto import tqdm

_CHUNK = 1 << 18  # bytes
_ANSWER_SECONDS = 5.0  # to wait for a connection, and for each piece of the file
_CONNECTIONS = 6  # in one call, as long as each gets ahead


class NotFetched(Exception):
    """The file cannot be had; the message says why."""


def fetch(address: str, partial: Path) -> bool:
    """Get the file at ``address`` (http, https or file) into ``partial``, with a progress bar.

    Returns whether it went on from bytes that an earlier call had left. Two processes may do so at once:
    both write the same bytes to the same places. Raises NotFetched if the file does not come whole
    (``partial`` keeps what came, to go on from), OSError if ``partial`` cannot be written.
    """
    url = urllib.parse.urlsplit(address)
    if url.scheme == "file":
        _copy(url, partial)
        return False
    resumed = bool(_size(partial))
    for _ in range(_CONNECTIONS):
        start = _size(partial)
        try:
            answer = _ask(address, start)
        except urllib.error.HTTPError as problem:
            if start and problem.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return resumed  # nothing is missing
            raise NotFetched(f"the server answers {problem.code} {problem.reason}") from problem
        except (OSError, http.client.HTTPException) as problem:
            raise NotFetched(f"no answer: {getattr(problem, 'reason', problem)}") from problem
        with answer:
            if answer.status != http.HTTPStatus.PARTIAL_CONTENT:
                start, resumed = 0, False
            length = answer.headers.get("Content-Length")
            total = start + int(length) if length else None
            reached, broken = _store(answer, partial, start, total)
        if not broken and total in (None, reached):
            return resumed
        if reached == start:
            break
    raise NotFetched(f"the connection broke off at byte {reached:,}{f' ({broken})' if broken else ''}")


def _copy(url: urllib.parse.SplitResult, partial: Path) -> None:
    host = "" if url.netloc in ("", "localhost") else f"//{url.netloc}"
    source = Path(urllib.request.url2pathname(host + url.path))
    try:
        size, reading = source.stat().st_size, source.open("rb")
    except OSError as problem:
        raise NotFetched(f"{source} cannot be read: {problem.strerror}") from problem
    try:
        with reading, partial.open("wb") as file, _progress(partial, 0, size) as bar:
            while chunk := reading.read(_CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
    except BaseException:  # an interrupted copy is not worth keeping
        partial.unlink(missing_ok=True)
        raise


def _ask(address: str, start: int) -> http.client.HTTPResponse:
    """Ask for ``address`` from byte ``start`` on; in a thread, since name servers know no time limit."""
    request = urllib.request.Request(address, headers={"User-Agent": "one-slope-at-a-time"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    box: queue.SimpleQueue[http.client.HTTPResponse | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            box.put(urllib.request.urlopen(request, timeout=_ANSWER_SECONDS))
        except Exception as problem:
            box.put(problem)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = box.get(timeout=2 * _ANSWER_SECONDS)
    except queue.Empty:
        raise TimeoutError(f"nothing within {2 * _ANSWER_SECONDS:.0f} seconds") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _store(
    answer: http.client.HTTPResponse, partial: Path, start: int, total: int | None
) -> tuple[int, Exception | None]:
    """Write what comes to ``partial`` from byte ``start`` on; return where it ended and what broke it off."""
    with partial.open("r+b" if partial.exists() else "wb") as file, _progress(partial, start, total) as bar:
        file.seek(start)
        while True:
            try:
                chunk = answer.read1(_CHUNK)
            except (OSError, http.client.HTTPException) as problem:
                return file.tell(), problem
            if not chunk:
                break
            file.write(chunk)
            bar.update(len(chunk))
        if total in (None, file.tell()):
            file.truncate()
        return file.tell(), None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _progress(partial: Path, start: int, total: int | None) -> tqdm:
    name = partial.name.removesuffix(".part")
    return tqdm(desc=name, initial=start, total=total, unit="B", unit_scale=True, unit_divisor=1024)
