"""Files from which a run goes on: written whole or not at all, read without running code in them.

Used by `helpers.training` (page 09). A folder holds two: `last.pt`, all that the run needs to go on after its
last finished epoch, and `best.pt`, the weights of its best epoch on validation.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path

import torch

from helpers.text import EncodedTexts, Vocabulary

FORMAT = 2
LAST, BEST = "last.pt", "best.pt"


class CheckpointError(RuntimeError):
    """A checkpoint is missing, damaged or of another run; the message names the file and what to do."""


def vocabulary_digest(vocabulary: Vocabulary) -> str:
    """A fingerprint of the words and their order: same digest, same ids."""
    return hashlib.sha256("\n".join(vocabulary.words).encode()).hexdigest()


def texts_digest(encoded: EncodedTexts) -> str:
    """A fingerprint of texts as ids, their order and their labels."""
    digest = hashlib.sha256()
    for part in (encoded.flat, encoded.lengths, encoded.labels):
        digest.update(part.cpu().contiguous().numpy())
    return digest.hexdigest()


def save_whole(payload: dict, path: Path) -> None:
    """Write `payload` to `path` whole or not at all: a temporary file beside it, flushed, then renamed.

    A process killed half-way leaves a `.part` file behind; `sweep` removes it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(part, "wb") as file:
            torch.save(payload, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def sweep(folder: Path) -> None:
    """Remove the halves of checkpoints that a killed process left in `folder`."""
    for name in (LAST, BEST):
        for part in folder.glob(f"{name}.*.part"):
            part.unlink(missing_ok=True)


def refuse_occupied(folder: Path) -> None:
    """A new run must not write over the checkpoints of an old one."""
    if (folder / LAST).exists():
        raise CheckpointError(
            f"{folder} holds the checkpoints of a run ({LAST}). Go on with that run (resume=True, or "
            "--resume), give another folder, or delete this one."
        )


def load_checkpoint(path: Path, expected: dict, keys: set[str]) -> dict:
    """Read a checkpoint without running any code in it, and refuse one that is damaged or of another run.

    expected: what must agree with this run (model sizes, settings, vocabulary, texts), by name.
    keys: what else must be in it.
    """
    if not path.exists():
        raise CheckpointError(
            f"no checkpoint at {path}: the folder must be the one that a run was given. "
            "Train without resuming first."
        )
    again = f"Delete {path} and train again, or put back a copy of it."
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # torch.load takes a file with flipped bits; the check sums do not
        if damaged:
            raise zipfile.BadZipFile(f"its part {damaged} does not fit its check sum")
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # many kinds, all of which mean that this is not a whole checkpoint
        cause = f"{type(error).__name__}: {str(error).splitlines()[0]:.120}"
        raise CheckpointError(
            f"{path} cannot be read as a checkpoint: its {path.stat().st_size:,} bytes are damaged or "
            f"foreign, or hold code, which is never run ({cause}). {again}"
        ) from error
    version = found.get("format") if isinstance(found, dict) else type(found).__name__
    if version != FORMAT:
        raise CheckpointError(
            f"{path} has checkpoint format {version!r}; expected {FORMAT}. It is foreign, or another version "
            f"of this course wrote it. {again}"
        )
    if missing := sorted((keys | expected.keys()) - found.keys()):
        raise CheckpointError(f"{path} lacks {', '.join(missing)}. {again}")
    for name, value in expected.items():
        if found[name] != value:
            raise CheckpointError(
                f"{path} was written with another {name}: {difference(found[name], value)}. "
                "Resume with what it was written with, or train into another folder."
            )
    return found


def difference(found: object, expected: object) -> str:
    """What a checkpoint holds and what this run has, in words; of two dicts only where they differ."""
    if isinstance(found, dict) and isinstance(expected, dict):
        names = [name for name in expected | found if found.get(name) != expected.get(name)]
        return "; ".join(f"{name} {found.get(name)!r} there, {expected.get(name)!r} here" for name in names)
    return f"{found!r:.100} there, {expected!r:.100} here"
