"""The Large Movie Review Dataset: find it, fetch it, read it, keep what was read (used in 06, 09, 10, 11).

100,000 film reviews of Maas, Daly, Pham, Huang, Ng and Potts, "Learning Word Vectors for Sentiment
Analysis", ACL 2011: 25,000 to train on, 25,000 to test on, 50,000 without a label. One archive holds a
small text file for each: `aclImdb/{train,test}/{neg,pos}/ID_STARS.txt` and `aclImdb/train/unsup/ID_0.txt`.

*Where a copy may lie.* The data folder is COURSE_DATA_DIR, or else this course's folder in the user's
cache. An archive there is used; else one is fetched into it from COURSE_IMDB_URL, or else from Stanford.

*Which copy is genuine.* Not any with the right number of reviews: a public copy is known that differs in
eight. Whatever its packaging, an archive is genuine here if the SHA-256 of its reviews, names and bytes, is
the one written below. The cache of what was read is held to the same.

`helpers.corpus` is the door to all this.
"""

import contextlib
import hashlib
import lzma
import os
import random
import re
import tarfile
import urllib.parse
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import platformdirs
from tqdm.auto import tqdm

from helpers.download import NotFetched, fetch

ADDRESS = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
ARCHIVE_NAME = "aclImdb_v1.tar.gz"
ARCHIVE_BYTES = 84_125_825
ARCHIVE_SHA256 = "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe"

# The reviews of train that are held out, by number. Reviews of one film are neighbours; both classes name
# the films in one order until the positive ones are full, and the negative ones from 3,983 on are of films
# without a positive review. These ranges begin and end between films, and the one film that is listed twice
# (negative 278-282 and 10329-10333, the same texts) is inside with both: no film, no text is on both sides.
# A cut at random shares films, and flatters: in ten folds, TF-IDF words and a logistic regression score 0.898
# on cuts at random and 0.884 on cuts between films; on the test set, whose films are its own, 0.887.
VALIDATION_IDS = {"pos": (range(1250),), "neg": (range(347), range(10068, 10971))}

# What is counted over the training reviews and read by them (`helpers.votes`) is counted over other films, so
# train is cut into tenths, of each class, in the order of films. Tenths drawn at random share films; names of
# films then vote in training as they never can on the test set.
FOLDS = 10
_SHARED_FILMS = 3_983  # negative reviews before this one are of films that have positive ones too

_ARCHIVES = re.compile(r"aclImdb_v1.*\.tar\.(gz|xz|bz2)")
_MEMBER = re.compile(
    r"(?:\./)?aclImdb/(train/neg|train/pos|train/unsup|test/neg|test/pos)/(\d{1,6})_(\d{1,2})\.txt"
)
_LARGEST_REVIEW = 1_000_000  # bytes; the longest one has 14,282
_CACHE_FORMAT = 1
_SHUFFLE_SEED = 2011


class CorpusError(RuntimeError):
    """A corpus that cannot be had. The message names the file or setting, what was expected, what to do."""


class Review(NamedTuple):
    """One text file: ``group`` is its folder ("train/neg"), ``stars`` are 1 to 10, or 0 if none are given."""

    group: str
    number: int
    stars: int
    text: bytes


class Part(NamedTuple):
    """Reviews that are read and kept together: how many files in each folder, and the digest of them all."""

    cache_name: str
    counts: dict[str, int]
    sha256: str


LABELLED = Part(
    "imdb-labelled.npz",
    dict.fromkeys(("test/neg", "test/pos", "train/neg", "train/pos"), 12_500),
    "e7fea9dc7ba7fadd65961e6adb8e7d18fb6ccd9abd6bdb858e601ef0bddc3660",
)
UNLABELLED = Part(
    "imdb-unlabelled.npz",
    {"train/unsup": 50_000},
    "3c1151ef6d8949157729b8782d900294d636482344af659b7a95a94ab0810842",
)


def split_frames() -> dict[str, pd.DataFrame]:
    """Train (22,500 reviews), validation (2,500), test (25,000); each half positive, in one shuffled order.

    Columns: ``text`` (raw, with its ``<br />``), ``label`` (0 for 1 to 4 stars, 1 for 7 to 10), ``rating``
    (stars), ``fold`` (0 to 9: a tenth of the films). Raises CorpusError if no genuine copy is on disk or to
    be had.
    """
    splits: dict[str, list[Review]] = {"train": [], "validation": [], "test": []}
    for review in reviews(LABELLED):
        split, polarity = review.group.split("/")
        if split == "train" and any(review.number in ids for ids in VALIDATION_IDS[polarity]):
            split = "validation"
        splits[split].append(review)
    rng = random.Random(_SHUFFLE_SEED)
    return {
        split: pd.DataFrame(
            [
                (review.text.decode(), int(review.group.endswith("pos")), review.stars, film_fold(review))
                for review in sorted(found, key=lambda _: rng.random())
            ],
            columns=["text", "label", "rating", "fold"],
        )
        for split, found in splits.items()
    }


def film_fold(review: Review) -> int:
    """Which tenth of the films, 0 to 9, a labelled review belongs to; a film on a border may be in two."""
    number = review.number
    if review.group.endswith("pos"):
        return number * FOLDS // 12_500
    if number < _SHARED_FILMS:
        return number * FOLDS // _SHARED_FILMS
    return (number - _SHARED_FILMS) * FOLDS // (12_500 - _SHARED_FILMS)


def unlabelled_frame() -> pd.DataFrame:
    """The 50,000 reviews without a label, in the order of their numbers; one column, ``text``.

    Raises CorpusError if no genuine copy is on disk or to be had.
    """
    return pd.DataFrame({"text": [review.text.decode() for review in reviews(UNLABELLED)]})


def reviews(part: Part) -> list[Review]:
    """The reviews of ``part`` by folder and number: from the cache, or the archive, or the network."""
    folder = data_folder()
    archive = _archive_in(folder)
    for place in (folder, _user_folder()) if archive else (folder,):
        found = _read_cache(place / part.cache_name, part, archive)
        if found:
            return found
    archive = archive or _fetch(folder)
    try:
        found = _read_archive(archive, part)
    except _Altered as problem:
        raise CorpusError(
            f"{archive} {problem}. Expected the archive of {ADDRESS} ({ARCHIVE_BYTES:,} bytes, SHA-256 "
            f"{ARCHIVE_SHA256}) or the same files packed otherwise. Delete this file and load again to fetch "
            "it anew, or put a genuine copy in its place."
        ) from problem
    _write_cache((folder, _user_folder()), part, archive, found)
    return found


def data_folder() -> Path:
    """COURSE_DATA_DIR, or else this course's folder in the user's cache."""
    named = os.environ.get("COURSE_DATA_DIR")
    return Path(named).expanduser().absolute() if named else _user_folder()


def _user_folder() -> Path:
    return platformdirs.user_cache_path("one-slope-at-a-time", appauthor=False)


def _archive_in(folder: Path) -> Path | None:
    """The archive in ``folder``: under the official name, or else the first one of another packaging."""
    names = [path.name for path in folder.glob("aclImdb_v1*") if _ARCHIVES.fullmatch(path.name)]
    return folder / min(names, key=lambda name: (name != ARCHIVE_NAME, name)) if names else None


# Reading an archive.


class _Altered(Exception):
    """The file is not the genuine archive; the message is what one may say of it."""


def _read_archive(archive: Path, part: Part) -> list[Review]:
    """The reviews of ``part`` in ``archive``; _Altered unless they are all there, and the genuine ones."""
    try:
        found = sorted(_members(archive, part.counts))
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError) as problem:
        raise _Altered(f"is truncated or damaged and cannot be read to its end ({problem})") from problem
    counts = Counter(review.group for review in found)
    if counts != part.counts:
        wrong = [group for group in part.counts if counts[group] != part.counts[group]]
        listed = ", ".join(f"{counts[group]:,} of {part.counts[group]:,} in {group}" for group in wrong)
        raise _Altered(f"does not have the right number of reviews ({listed})")
    if _digest(found) != part.sha256:
        raise _Altered(
            f"has the right number of reviews, but other ones (their SHA-256 is not {part.sha256})"
        )
    return found


def _members(archive: Path, counts: dict[str, int]) -> Iterator[Review]:
    """The files of the folders in ``counts``, in one pass. Nothing is unpacked; other files are skipped."""
    seen = set()
    with (
        tarfile.open(archive, "r|*") as tar,
        tqdm(
            desc=f"reading {archive.name}",
            total=sum(counts.values()),
            unit=" reviews",
            leave=False,
            mininterval=0.5,
        ) as bar,
    ):
        for member in tar:
            if member.name.startswith("/") or ".." in re.split(r"[/\\]", member.name):
                raise _Altered(f"is refused: its member {member.name!r} lies outside of its own folder")
            if not (member.isfile() or member.isdir()):
                raise _Altered(f"is refused: its member {member.name!r} is a link or a device")
            match = _MEMBER.fullmatch(member.name)
            if not match or match[1] not in counts:
                continue
            if member.size > _LARGEST_REVIEW or not member.isfile():
                raise _Altered(f"is refused: {member.name!r}, of {member.size:,} bytes, is no review")
            review = Review(match[1], int(match[2]), int(match[3]), tar.extractfile(member).read())
            if review[:2] in seen:
                raise _Altered(f"is refused: its member {member.name!r} is there twice")
            seen.add(review[:2])
            bar.update()
            yield review


def _digest(found: Iterable[Review]) -> str:
    """SHA-256 of the reviews, in order: for each a line "FOLDER/ID_STARS.txt BYTES", then its text."""
    digest = hashlib.sha256()
    for group, number, stars, text in found:
        digest.update(b"%s/%d_%d.txt %d\n" % (group.encode(), number, stars, len(text)))
        digest.update(text)
    return digest.hexdigest()


# Keeping what was read.


def _stamp(archive: Path) -> str:
    """What tells the archive that a cache was made of from another one."""
    status = archive.stat()
    return f"{archive.name} {status.st_size} {status.st_mtime_ns}"


def _read_cache(cache: Path, part: Part, archive: Path | None) -> list[Review] | None:
    """The reviews kept in ``cache``; None if there are none, or of another format, archive or content."""
    try:
        with np.load(cache, allow_pickle=False) as kept:
            if kept["format"] != _CACHE_FORMAT or (archive and kept["stamp"] != _stamp(archive)):
                return None
            groups = [sorted(part.counts)[place] for place in kept["groups"]]
            text, ends = kept["text"].tobytes(), kept["ends"].tolist()
            texts = [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]
            columns = groups, kept["numbers"].tolist(), kept["stars"].tolist(), texts
        found = [Review(*fields) for fields in zip(*columns, strict=True)]
    except (OSError, ValueError, LookupError, EOFError, TypeError, zipfile.BadZipFile, zlib.error):
        return None
    return found if _digest(found) == part.sha256 else None


def _write_cache(places: Iterable[Path], part: Part, archive: Path, found: list[Review]) -> None:
    """Keep ``found`` in the first of ``places`` that can be written to; say so if none can."""
    order = {group: place for place, group in enumerate(sorted(part.counts))}
    groups, numbers, stars, texts = zip(*found, strict=True)
    refused = []
    for place in places:
        partial = place / f"{part.cache_name}.{os.getpid()}.part"
        try:
            _require_writable(place)
            with partial.open("wb") as file:
                np.savez(
                    file,
                    format=_CACHE_FORMAT,
                    stamp=_stamp(archive),
                    groups=np.array([order[group] for group in groups], dtype=np.int8),
                    numbers=np.array(numbers, dtype=np.int32),
                    stars=np.array(stars, dtype=np.int8),
                    ends=np.cumsum([len(text) for text in texts], dtype=np.int64),
                    text=np.frombuffer(b"".join(texts), dtype=np.uint8),
                )
            os.replace(partial, place / part.cache_name)
            return
        except OSError as problem:
            refused.append(f"{place} ({problem.strerror})")
        finally:
            _remove(partial)
    print(
        f"corpus: {archive.name} will be read anew each time, for what was read from it cannot be kept in "
        f"{' or '.join(refused)}"
    )


def _require_writable(folder: Path) -> None:
    """Make ``folder`` if need be. OSError if that fails, or if its mode lets nobody write, root included."""
    folder.mkdir(parents=True, exist_ok=True)
    if not folder.stat().st_mode & 0o222 or not os.access(folder, os.W_OK):
        raise PermissionError(13, "Read-only folder", str(folder))


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


# Fetching an archive.


def _fetch(folder: Path) -> Path:
    """Fetch the archive into ``folder``; under its own name nothing appears there that was not checked."""
    address = os.environ.get("COURSE_IMDB_URL") or ADDRESS
    url = urllib.parse.urlsplit(address)
    if url.scheme not in ("http", "https", "file"):
        raise CorpusError(
            f"COURSE_IMDB_URL is {address!r}. Expected an address that begins with https://, http:// or "
            f"file:// (as in file:///home/me/{ARCHIVE_NAME}). Correct it, or unset it to use {ADDRESS}."
        )
    name = urllib.parse.unquote(url.path).rsplit("/", 1)[-1]
    if not _ARCHIVES.fullmatch(name):
        name = "aclImdb_v1-mirror.tar.gz"  # only a name: the packaging is told from the contents
    target, partial = folder / name, folder / f"{name}.part"
    try:
        _require_writable(folder)
        while True:
            resumed = fetch(address, partial)
            try:
                _require_genuine(partial, address)
                break
            except CorpusError:
                _remove(partial)
                if not resumed:  # else the earlier bytes may be of another file: once more, from nothing
                    raise
        os.replace(partial, target)
    except NotFetched as problem:
        kept = partial.stat().st_size if partial.exists() else 0
        if not kept:
            _remove(partial)
        going_on = (
            f" {partial} keeps the {kept:,} bytes that came, and loading again goes on there." if kept else ""
        )
        raise CorpusError(
            f"IMDb cannot be had from {address} ({problem}).{going_on} Expected the archive, "
            f"{ARCHIVE_BYTES:,} bytes. Load again with a network, or put {ARCHIVE_NAME} into {folder}, or "
            "set COURSE_IMDB_URL to a mirror or to a file:// of yours."
        ) from problem
    except OSError as problem:
        if target.exists():  # another process was faster
            return target
        _remove(partial)
        raise CorpusError(
            f"{target} is not there and cannot be written ({problem.strerror}). Expected a folder with the "
            f"archive, or one with room for {ARCHIVE_BYTES:,} bytes. Set COURSE_DATA_DIR to such a folder."
        ) from problem
    return target


def _require_genuine(partial: Path, address: str) -> None:
    """CorpusError unless ``partial`` is the official archive, or a mirror's with the same reviews."""
    with partial.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    size = partial.stat().st_size
    if (size, sha256) == (ARCHIVE_BYTES, ARCHIVE_SHA256):
        return
    if address == ADDRESS:
        raise CorpusError(
            f"{address} gave {size:,} bytes with SHA-256 {sha256}, which were deleted. Expected "
            f"{ARCHIVE_BYTES:,} bytes with SHA-256 {ARCHIVE_SHA256}. Load again, or set COURSE_IMDB_URL to "
            "another copy."
        )
    try:
        _read_archive(partial, LABELLED)
    except _Altered as problem:
        raise CorpusError(
            f"The file from {address} ({size:,} bytes, SHA-256 {sha256}) {problem}, and was deleted. "
            f"Expected {ARCHIVE_NAME} ({ARCHIVE_BYTES:,} bytes, SHA-256 {ARCHIVE_SHA256}) or the same files "
            "packed otherwise. Correct COURSE_IMDB_URL, or mend what it names."
        ) from problem
