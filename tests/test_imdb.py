"""IMDb is found, fetched and read safely; a copy that is not genuine is refused, nothing half-written stays.

Small archives of the same layout stand in for the real one, and a server on this machine for the network. The
tests at the end read the real archive where there is one: in COURSE_DATA_DIR, or in ../shared/data beside the
repository.
"""

import collections
import contextlib
import errno
import hashlib
import http.server
import io
import os
import re
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers import corpus, download, imdb
from helpers.corpus import CorpusError

Files = dict[str, bytes]
COUNT = 6  # reviews of each class in each split of the small archive
WAIT = 0.3  # seconds that a download waits for an answer here


# Small archives.


def small_files() -> Files:
    """The files of a small archive: reviews, and what the official one has beside them."""
    files = {
        "aclImdb/README": b"terms",
        "aclImdb/train/urls_pos.txt": b"http://...\n",
        "aclImdb/imdb.vocab": b"the\n",
    }
    for split in ("train", "test"):
        for polarity, stars in (("neg", 2), ("pos", 9)):
            for number in range(COUNT):
                text = f"A {split} film, {polarity}.<br /><br />Café n° {number}".encode()
                files[f"aclImdb/{split}/{polarity}/{number}_{stars}.txt"] = text
    files |= {f"aclImdb/train/unsup/{number}_0.txt": f"unsup {number}".encode() for number in range(12)}
    return files


def pack(path: Path, files: Files, extra: list[tarfile.TarInfo] | None = None) -> Path:
    """Write ``files``, and members without contents, as the archive that the suffix of ``path`` says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, f"w:{path.suffix[1:]}") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        for member in extra or []:
            tar.addfile(member)
    return path


def digest(files: Files, pattern: str) -> str:
    """The digest that the module's docstring promises, computed from the files by other means."""
    found = []
    for name, text in files.items():
        if match := re.fullmatch(rf"aclImdb/({pattern})/(\d+)_(\d+)\.txt", name):
            found.append(
                (match[1], int(match[2]), f"{match[1]}/{match[2]}_{match[3]}.txt {len(text)}\n", text)
            )
    return hashlib.sha256(b"".join(line.encode() + text for _, _, line, text in sorted(found))).hexdigest()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder for a small IMDb; the user's cache folder is beside it."""
    files = small_files()
    labelled = dict.fromkeys(imdb.LABELLED.counts, COUNT)
    monkeypatch.setattr(
        imdb, "LABELLED", imdb.Part("labelled.npz", labelled, digest(files, "t[a-z]+/(?:neg|pos)"))
    )
    monkeypatch.setattr(
        imdb, "UNLABELLED", imdb.Part("rest.npz", {"train/unsup": 12}, digest(files, "train/unsup"))
    )
    monkeypatch.setattr(imdb, "VALIDATION_IDS", {"pos": (range(2),), "neg": (range(1), range(4, 5))})
    monkeypatch.setattr(imdb, "_user_folder", lambda: tmp_path / "user")
    monkeypatch.setattr(imdb, "ADDRESS", "http://127.0.0.1:9/aclImdb_v1.tar.gz")  # nobody answers there
    monkeypatch.setattr(download, "_ANSWER_SECONDS", WAIT)
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("COURSE_IMDB_URL", raising=False)
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def refused(archive: Path, *words: str) -> None:
    """Loading raises an error that names the archive, what was expected, what to do; nothing else appears."""
    before = names(archive.parent)
    with pytest.raises(CorpusError) as caught:
        corpus.load("imdb")
    message = str(caught.value)
    for word in (str(archive), "Expected", imdb.ADDRESS, "Delete this file", *words):
        assert word in message
    assert "\n" not in message
    assert names(archive.parent) == before


# Reading.


def test_labels_come_from_the_folders_ratings_from_the_names_and_texts_stay_raw(place: Path) -> None:
    pack(place / imdb.ARCHIVE_NAME, small_files())
    data = corpus.load("imdb")
    rows = pd.concat([data.train, data.validation, data.test])
    assert len(rows) == 4 * COUNT
    assert list(rows.columns) == ["text", "label", "rating", "fold"]
    for text, label, rating, _fold in rows.itertuples(index=False):
        assert re.fullmatch(r"A (train|test) film, (neg|pos)\.<br /><br />Café n° \d", text)
        assert (label, rating) == ((1, 9) if "pos" in text else (0, 2))
    assert all("A test film" in text for text in data.test["text"])


def test_validation_is_cut_from_train_by_number(place: Path) -> None:
    pack(place / imdb.ARCHIVE_NAME, small_files())
    data = corpus.load("imdb")
    assert (len(data.train), len(data.validation), len(data.test)) == (2 * COUNT - 4, 4, 2 * COUNT)
    cut = {(re.search("neg|pos", text)[0], text[-1]) for text in data.validation["text"]}
    assert cut == {("pos", "0"), ("pos", "1"), ("neg", "0"), ("neg", "4")}


def test_validation_is_a_tenth_of_each_class_and_keeps_the_film_that_is_listed_twice_on_one_side() -> None:
    cut = {polarity: [one for ids in parts for one in ids] for polarity, parts in imdb.VALIDATION_IDS.items()}
    for numbers in cut.values():
        assert len(numbers) == len(set(numbers)) == 1250 and max(numbers) < 12_500
    assert {*range(278, 283), *range(10_329, 10_334)} <= set(cut["neg"])


@pytest.mark.parametrize("name", ["aclImdb_v1-text.tar.xz", "aclImdb_v1.tar.bz2", "aclImdb_v1 (1).tar.gz"])
def test_the_same_files_packed_otherwise_are_as_good(place: Path, name: str) -> None:
    pack(place / imdb.ARCHIVE_NAME, small_files())
    data = corpus.load("imdb")
    for path in place.iterdir():
        path.unlink()
    files = {f"./{path}": text for path, text in reversed(small_files().items())}
    pack(place / name, files)
    assert corpus.load("imdb").train.equals(data.train)


def test_an_unfinished_download_is_not_taken_for_an_archive(place: Path) -> None:
    (place / f"{imdb.ARCHIVE_NAME}.part").write_bytes(b"half")
    with pytest.raises(CorpusError, match="cannot be had"):
        corpus.load("imdb")


def test_unlabelled_reviews_come_in_order_and_only_when_asked_for(place: Path) -> None:
    pack(place / imdb.ARCHIVE_NAME, small_files())
    corpus.load("imdb")
    assert names(place) == {imdb.ARCHIVE_NAME, "labelled.npz"}
    frame = corpus.unlabelled()
    assert list(frame.columns) == ["text"]
    assert list(frame["text"]) == [f"unsup {number}" for number in range(12)]
    assert names(place) == {imdb.ARCHIVE_NAME, "labelled.npz", "rest.npz"}


def test_nothing_is_unpacked(place: Path) -> None:
    pack(place / imdb.ARCHIVE_NAME, small_files())
    corpus.load("imdb")
    assert names(place) == {imdb.ARCHIVE_NAME, "labelled.npz"}
    assert names(place.parent) == {"data"}


# Archives that are not genuine.


def test_an_archive_with_one_review_dropped_is_refused(place: Path) -> None:
    files = small_files()
    del files["aclImdb/test/pos/3_9.txt"]
    refused(pack(place / imdb.ARCHIVE_NAME, files), f"{COUNT - 1} of {COUNT} in test/pos")


def test_an_archive_with_one_review_moved_to_the_other_class_is_refused(place: Path) -> None:
    files = small_files()
    files["aclImdb/test/neg/77_2.txt"] = files.pop("aclImdb/test/pos/3_9.txt")
    refused(pack(place / imdb.ARCHIVE_NAME, files), f"{COUNT + 1} of {COUNT} in test/neg")


@pytest.mark.parametrize("change", ["text", "stars", "swap"])
def test_an_archive_with_the_right_numbers_but_another_review_is_refused(place: Path, change: str) -> None:
    files = small_files()
    one, other = "aclImdb/test/pos/3_9.txt", "aclImdb/test/neg/3_2.txt"
    if change == "text":
        files[one] += b"!"
    elif change == "stars":
        files["aclImdb/test/pos/3_8.txt"] = files.pop(one)
    else:
        files[one], files[other] = files[other], files[one]
    refused(pack(place / imdb.ARCHIVE_NAME, files), "other ones", imdb.LABELLED.sha256)


@pytest.mark.parametrize("suffix", ["gz", "xz", "bz2"])
@pytest.mark.parametrize("part", [0.0, 0.3, 0.7])
def test_a_truncated_archive_is_refused(place: Path, suffix: str, part: float) -> None:
    files = small_files()
    files["aclImdb/last/of/all"] = os.urandom(50_000)
    archive = pack(place / f"aclImdb_v1.tar.{suffix}", {**{"aclImdb/first": os.urandom(50_000)}, **files})
    archive.write_bytes(archive.read_bytes()[: int(part * archive.stat().st_size)])
    refused(archive)


def test_a_file_that_is_no_archive_is_refused(place: Path) -> None:
    archive = place / imdb.ARCHIVE_NAME
    archive.write_bytes(b"<html>please log in</html>" * 100)
    refused(archive, "truncated or damaged")


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (member("/etc/passwd"), "outside"),
        (member("aclImdb/../../passwd"), "outside"),
        (member("aclImdb\\..\\..\\passwd"), "outside"),
        (member("aclImdb/test/pos/0_9.txt", tarfile.SYMTYPE, "/etc/passwd"), "link"),
        (member("aclImdb/hard", tarfile.LNKTYPE, "aclImdb/README"), "link"),
        (member("aclImdb/null", tarfile.CHRTYPE), "device"),
        (member("aclImdb/pipe", tarfile.FIFOTYPE), "device"),
        (member("aclImdb/test/pos/0_9.txt"), "twice"),
        (member("aclImdb/test/pos/9_9.txt", tarfile.DIRTYPE), "no review"),
    ],
    ids=lambda value: value.name if isinstance(value, tarfile.TarInfo) else value,
)
def test_an_archive_with_a_suspect_member_is_refused(place: Path, bad: tarfile.TarInfo, word: str) -> None:
    refused(pack(place / imdb.ARCHIVE_NAME, small_files(), [bad]), bad.name.split("\\")[0], word)


def test_a_member_too_large_for_a_review_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imdb, "_LARGEST_REVIEW", 20)
    refused(pack(place / imdb.ARCHIVE_NAME, small_files()), "no review")


# The cache.


def test_the_second_load_needs_no_archive_and_is_equal_to_the_first(place: Path) -> None:
    pack(place / imdb.ARCHIVE_NAME, small_files())
    first = corpus.load("imdb")
    (place / imdb.ARCHIVE_NAME).unlink()
    second = corpus.load("imdb")
    for split in ("train", "validation", "test"):
        assert getattr(second, split).equals(getattr(first, split))
    assert second.card == first.card


def test_an_archive_altered_after_the_first_load_is_refused(place: Path) -> None:
    archive = pack(place / imdb.ARCHIVE_NAME, small_files())
    corpus.load("imdb")
    pack(archive, small_files() | {"aclImdb/test/pos/3_9.txt": b"something else"})
    refused(archive)


def with_arrays(cache: Path, change: Callable[[dict[str, np.ndarray]], object]) -> None:
    """Write the cache again with some of its arrays changed."""
    with np.load(cache) as kept:
        arrays = dict(kept)
    change(arrays)
    np.savez(cache, **arrays)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda cache: cache.write_bytes(b""),
        lambda cache: cache.write_bytes(cache.read_bytes()[:-100]),
        lambda cache: cache.write_bytes(cache.read_bytes().replace(b"A test film", b"A best film", 1)),
        lambda cache: with_arrays(cache, lambda arrays: arrays["text"].__setitem__(3, 65)),
        lambda cache: with_arrays(cache, lambda arrays: arrays["stars"].__setitem__(3, 1)),
        lambda cache: with_arrays(cache, lambda arrays: arrays["groups"].__setitem__(3, 9)),
        lambda cache: with_arrays(cache, lambda arrays: arrays.update(ends=arrays["ends"][:-1])),
        lambda cache: with_arrays(cache, lambda arrays: arrays.update(format=np.array(0))),
        lambda cache: with_arrays(cache, lambda arrays: arrays.pop("numbers")),
        lambda cache: with_arrays(cache, lambda arrays: arrays.update(stars=np.array([object()]))),
    ],
    ids=["empty", "truncated", "bytes", "text", "stars", "groups", "shorter", "format", "column", "pickle"],
)
def test_a_cache_that_is_damaged_altered_or_of_another_format_is_made_anew(place: Path, spoil) -> None:
    pack(place / imdb.ARCHIVE_NAME, small_files())
    first = corpus.load("imdb")
    good = (place / "labelled.npz").read_bytes()
    spoil(place / "labelled.npz")
    assert (place / "labelled.npz").read_bytes() != good
    assert corpus.load("imdb").test.equals(first.test)
    (place / imdb.ARCHIVE_NAME).unlink()
    assert corpus.load("imdb").test.equals(first.test)


def test_a_spoilt_cache_alone_is_not_believed(place: Path) -> None:
    pack(place / imdb.ARCHIVE_NAME, small_files())
    corpus.load("imdb")
    (place / imdb.ARCHIVE_NAME).unlink()
    with_arrays(place / "labelled.npz", lambda arrays: arrays["text"].__setitem__(3, 65))
    with pytest.raises(CorpusError, match="cannot be had"):
        corpus.load("imdb")


@pytest.fixture
def read_only(place: Path) -> Iterator[Path]:
    """The data folder, with the archive, in a mode that lets nobody write."""
    if os.name == "nt":
        pytest.skip("the mode of a folder does not forbid writing on Windows")
    pack(place / imdb.ARCHIVE_NAME, small_files())
    place.chmod(0o555)
    yield place
    place.chmod(0o755)


def test_beside_a_read_only_archive_the_cache_goes_to_the_users_folder(read_only: Path) -> None:
    first = corpus.load("imdb")
    assert names(read_only) == {imdb.ARCHIVE_NAME}
    assert names(imdb._user_folder()) == {"labelled.npz"}
    assert corpus.load("imdb").test.equals(first.test)


def test_the_users_cache_does_not_stand_in_for_another_folder(
    read_only: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus.load("imdb")
    monkeypatch.setenv("COURSE_DATA_DIR", str(read_only.parent / "empty"))
    with pytest.raises(CorpusError, match="cannot be had"):
        corpus.load("imdb")


def test_where_nothing_can_be_written_the_reviews_are_read_all_the_same_and_one_line_says_so(
    read_only: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = read_only.parent / "file"
    blocked.write_text("not a folder")
    monkeypatch.setattr(imdb, "_user_folder", lambda: blocked)
    assert len(corpus.load("imdb").test) == 2 * COUNT
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert str(read_only) in printed
    assert str(blocked) in printed


def test_a_full_disk_leaves_no_half_written_cache(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: io.BufferedWriter, **_: object) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    pack(place / imdb.ARCHIVE_NAME, small_files())
    monkeypatch.setattr(np, "savez", full)
    assert len(corpus.load("imdb").test) == 2 * COUNT
    assert names(place) == {imdb.ARCHIVE_NAME}
    assert names(imdb._user_folder()) == set()


# Fetching.


class Server:
    """Serves ``body`` on this machine, each request in turn in one of these ways, the last one for good.

    range: what was asked for. whole: all of it, whatever was asked for. break: what was asked for, but the
    connection closes after a third of the body. stall: the same, but the rest comes long after. silent: the
    answer comes long after. missing: 404. ``asked`` collects the Range headers.
    """

    def __init__(self, body: bytes, *ways: str) -> None:
        self.body, self.ways, self.asked = body, list(ways) or ["range"], []
        outer = self
        self.done = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        way = self.ways.pop(0) if len(self.ways) > 1 else self.ways[0]
        asked = request.headers.get("Range")
        self.asked.append(asked)
        if way == "silent":
            self.done.wait(10 * WAIT)
        if way == "missing":
            request.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and way != "whole" else 0
        if start and start >= len(self.body):
            request.send_error(416)
            return
        request.send_response(206 if start else 200)
        request.send_header("Content-Length", str(len(self.body) - start))
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(self.body) - 1}/{len(self.body)}")
        request.end_headers()
        end = start + len(self.body) // 3 if way in ("break", "stall") else len(self.body)
        with contextlib.suppress(OSError):
            request.wfile.write(self.body[start:end])
        if way == "stall":
            self.done.wait(10 * WAIT)
            with contextlib.suppress(OSError):
                request.wfile.write(self.body[end:])

    def address(self, name: str = imdb.ARCHIVE_NAME) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}/{name}"


@pytest.fixture
def serve(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Server]]:
    """Starts a server, and makes it the official address."""
    started = []

    def start(body: bytes, *ways: str) -> Server:
        server = Server(body, *ways)
        started.append(server)
        monkeypatch.setattr(imdb, "ADDRESS", server.address())
        return server

    yield start
    for server in started:
        server.done.set()
        server.http.shutdown()
        server.http.server_close()


@pytest.fixture
def official(place: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The bytes of a small archive that counts as the official one."""
    body = pack(
        place.parent / imdb.ARCHIVE_NAME, small_files() | {"aclImdb/bulk": os.urandom(90_000)}
    ).read_bytes()
    monkeypatch.setattr(imdb, "ARCHIVE_BYTES", len(body))
    monkeypatch.setattr(imdb, "ARCHIVE_SHA256", hashlib.sha256(body).hexdigest())
    return body


def test_a_missing_archive_is_downloaded_once(place: Path, serve, official: bytes) -> None:
    server = serve(official)
    assert len(corpus.load("imdb").test) == 2 * COUNT
    assert (place / imdb.ARCHIVE_NAME).read_bytes() == official
    assert names(place) == {imdb.ARCHIVE_NAME, "labelled.npz"}
    corpus.load("imdb")
    corpus.unlabelled()
    assert server.asked == [None]


def test_a_data_folder_that_is_not_there_is_made(place: Path, serve, official: bytes, monkeypatch) -> None:
    monkeypatch.setenv("COURSE_DATA_DIR", str(place / "new" / "folder"))
    serve(official)
    corpus.load("imdb")
    assert imdb.ARCHIVE_NAME in names(place / "new" / "folder")


def test_the_official_address_must_give_the_official_bytes(place: Path, serve, official: bytes) -> None:
    other = pack(place.parent / "other.tar.gz", small_files()).read_bytes()
    serve(other)
    with pytest.raises(
        CorpusError, match=f"gave {len(other):,} bytes.*Expected {len(official):,} bytes.*Load again"
    ):
        corpus.load("imdb")
    assert names(place) == set()


def test_a_connection_that_keeps_breaking_is_taken_up_where_it_broke(
    place: Path, serve, official: bytes
) -> None:
    server = serve(official, "break")
    assert len(corpus.load("imdb").test) == 2 * COUNT
    third = len(official) // 3
    assert server.asked[:3] == [None, f"bytes={third}-", f"bytes={2 * third}-"]


def test_an_interrupted_download_says_what_it_kept_and_the_next_one_goes_on_there(
    place: Path, serve, official: bytes
) -> None:
    server = serve(official, "break", "missing", "range")
    with pytest.raises(CorpusError, match=r"keeps the .* bytes that came, and loading again goes on there"):
        corpus.load("imdb")
    third = len(official) // 3
    assert names(place) == {f"{imdb.ARCHIVE_NAME}.part"}
    assert (place / f"{imdb.ARCHIVE_NAME}.part").stat().st_size == third
    corpus.load("imdb")
    assert server.asked[-1] == f"bytes={third}-"
    assert (place / imdb.ARCHIVE_NAME).read_bytes() == official
    assert names(place) == {imdb.ARCHIVE_NAME, "labelled.npz"}


def test_a_server_without_ranges_makes_the_download_start_again(place: Path, serve, official: bytes) -> None:
    serve(official, "break", "whole")
    corpus.load("imdb")
    assert (place / imdb.ARCHIVE_NAME).read_bytes() == official


@pytest.mark.parametrize("size", [0.5, 1.0, 1.5], ids=["shorter", "as long", "longer"])
@pytest.mark.parametrize("way", ["range", "whole"])
def test_what_an_earlier_download_left_of_another_file_is_thrown_away(
    place: Path, serve, official: bytes, size: float, way: str
) -> None:
    (place / f"{imdb.ARCHIVE_NAME}.part").write_bytes(b"?" * int(size * len(official)))
    serve(official, way)
    corpus.load("imdb")
    assert (place / imdb.ARCHIVE_NAME).read_bytes() == official


def test_a_download_that_was_complete_but_not_yet_named_is_used(place: Path, serve, official: bytes) -> None:
    (place / f"{imdb.ARCHIVE_NAME}.part").write_bytes(official)
    server = serve(official)
    corpus.load("imdb")
    assert server.asked == [f"bytes={len(official)}-"]
    assert names(place) == {imdb.ARCHIVE_NAME, "labelled.npz"}


@pytest.mark.parametrize(("way", "word"), [("silent", "no answer"), ("missing", "404")])
def test_a_server_that_does_not_serve_is_named_with_what_to_do(
    place: Path, serve, official: bytes, way: str, word: str
) -> None:
    server = serve(official, way)
    with pytest.raises(CorpusError) as caught:
        corpus.load("imdb")
    for part in (
        server.address(),
        word,
        "Expected",
        f"put {imdb.ARCHIVE_NAME} into {place}",
        "COURSE_IMDB_URL",
    ):
        assert part in str(caught.value)
    assert names(place) == set()


def test_without_a_network_nothing_is_left_behind(place: Path) -> None:
    with pytest.raises(CorpusError, match=r"no answer.*Load again with a network"):
        corpus.load("imdb")
    assert names(place) == set()


def test_a_body_that_stalls_is_given_up_and_kept(place: Path, serve, official: bytes) -> None:
    serve(official, "stall", "silent", "range")
    with pytest.raises(CorpusError, match="no answer"):
        corpus.load("imdb")
    assert names(place) == {f"{imdb.ARCHIVE_NAME}.part"}
    corpus.load("imdb")
    assert (place / imdb.ARCHIVE_NAME).read_bytes() == official


# Mirrors.


def test_a_mirror_may_be_a_file_and_have_another_name_and_packaging(place: Path, monkeypatch) -> None:
    mirror = pack(place.parent / "class room" / "reviews.tar.xz", small_files())
    monkeypatch.setenv("COURSE_IMDB_URL", mirror.as_uri())
    assert len(corpus.load("imdb").test) == 2 * COUNT
    mirror.unlink()
    (place / "labelled.npz").unlink()
    assert len(corpus.load("imdb").test) == 2 * COUNT  # from the copy in the data folder


def test_a_mirror_on_the_network_is_asked_instead_of_the_official_address(
    place: Path, serve, monkeypatch
) -> None:
    server = serve(pack(place.parent / "mirror.tar.gz", small_files()).read_bytes())
    monkeypatch.setattr(imdb, "ADDRESS", "http://127.0.0.1:9/aclImdb_v1.tar.gz")
    monkeypatch.setenv("COURSE_IMDB_URL", server.address("aclImdb_v1-classroom.tar.gz"))
    corpus.load("imdb")
    assert names(place) == {"aclImdb_v1-classroom.tar.gz", "labelled.npz"}


def test_a_mirror_with_an_altered_archive_is_refused_and_its_file_deleted(place: Path, monkeypatch) -> None:
    files = small_files()
    del files["aclImdb/train/neg/0_2.txt"]
    mirror = pack(place.parent / imdb.ARCHIVE_NAME, files)
    monkeypatch.setenv("COURSE_IMDB_URL", mirror.as_uri())
    with pytest.raises(
        CorpusError, match=r"right number of reviews.*deleted.*Expected.*COURSE_IMDB_URL"
    ) as caught:
        corpus.load("imdb")
    assert mirror.as_uri() in str(caught.value)
    assert names(place) == set()


def test_a_mirror_that_is_no_file_is_named(place: Path, monkeypatch) -> None:
    missing = place.parent / "nowhere" / imdb.ARCHIVE_NAME
    monkeypatch.setenv("COURSE_IMDB_URL", missing.as_uri())
    with pytest.raises(CorpusError) as caught:
        corpus.load("imdb")
    assert f"{missing} cannot be read" in str(caught.value)
    assert names(place) == set()


@pytest.mark.parametrize(
    "address", ["/home/me/aclImdb_v1.tar.gz", "ftp://somewhere/aclImdb_v1.tar.gz", "C:\\imdb"]
)
def test_an_address_of_another_kind_is_refused(place: Path, monkeypatch, address: str) -> None:
    monkeypatch.setenv("COURSE_IMDB_URL", address)
    with pytest.raises(CorpusError, match=r"COURSE_IMDB_URL is .* Expected .*file:///.* Correct it"):
        corpus.load("imdb")


def test_a_folder_that_cannot_be_written_to_is_named(
    place: Path, serve, official: bytes, monkeypatch
) -> None:
    blocked = place / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("COURSE_DATA_DIR", str(blocked))
    serve(official)
    with pytest.raises(
        CorpusError, match=r"cannot be written.*Expected a folder.*Set COURSE_DATA_DIR"
    ) as caught:
        corpus.load("imdb")
    assert str(blocked) in str(caught.value)
    assert names(place) == {"file"}


def test_a_full_disk_leaves_no_half_written_archive(place: Path, serve, official: bytes, monkeypatch) -> None:
    def full(_: str, partial: Path) -> bool:
        partial.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(imdb, "fetch", full)
    with pytest.raises(CorpusError, match=r"No space left on device.*room for"):
        corpus.load("imdb")
    assert names(place) == set()


# The real reviews.


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[corpus.Corpus, pd.DataFrame]]:
    """IMDb and its unlabelled reviews, read from the real archive, in one pass for all tests."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    archive = imdb._archive_in(imdb.data_folder()) or imdb._archive_in(beside)
    if archive is None:
        pytest.skip(f"no archive of IMDb in {imdb.data_folder()} or {beside}")
    folder = tmp_path_factory.mktemp("imdb")
    read, kept = imdb._members, []

    def once(path: Path, counts: dict[str, int]) -> Iterator[imdb.Review]:
        if not kept:
            kept.extend(read(path, imdb.LABELLED.counts | imdb.UNLABELLED.counts))
        return (review for review in kept if review.group in counts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imdb, "_members", once)
        patch.setattr(imdb, "data_folder", lambda: folder)
        patch.setattr(imdb, "_user_folder", lambda: folder)
        patch.setattr(imdb, "_archive_in", lambda _: archive)
        yield corpus.load("imdb"), corpus.unlabelled()


def test_the_real_reviews_are_the_genuine_ones_half_of_each_split_positive(real) -> None:
    """That they load at all says that the digest of all 50,000 labelled ones is the one in the code."""
    data, unlabelled = real
    assert [len(split) for split in (data.train, data.validation, data.test)] == [22_500, 2_500, 25_000]
    for split in (data.train, data.validation, data.test):
        assert split["label"].mean() == 0.5
        assert set(split.loc[split["label"] == 0, "rating"]) == {1, 2, 3, 4}
        assert set(split.loc[split["label"] == 1, "rating"]) == {7, 8, 9, 10}
    assert len(unlabelled) == 50_000


def test_the_second_load_of_the_real_reviews_is_equal_to_the_first(real) -> None:
    data, unlabelled = real
    again = corpus.load("imdb")
    for split in ("train", "validation", "test"):
        assert getattr(again, split).equals(getattr(data, split))
    assert corpus.unlabelled().equals(unlabelled)


def test_the_real_train_and_validation_share_no_text(real) -> None:
    data, _ = real
    assert set(data.train["text"]).isdisjoint(data.validation["text"])


def test_as_many_real_training_texts_occur_in_test_as_the_card_says(real) -> None:
    data, _ = real
    trained = pd.concat([data.train, data.validation])
    assert f"{trained['text'].isin(set(data.test['text'])).sum()} texts of the archive's train" in data.card


def test_labels_of_the_real_splits_are_mixed_not_sorted(real) -> None:
    data, _ = real
    for split in (data.train, data.validation, data.test):
        changes = (split["label"].diff().abs() == 1).sum()
        assert 0.48 < changes / len(split) < 0.52
        assert collections.Counter(split["label"].head(100)).most_common(1)[0][1] < 70
