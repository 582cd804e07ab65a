"""A trained classifier as a folder: weights, vocabulary, configuration and what was measured.

The article saves the weights alone; without the vocabulary they are useless in the next process, because
nobody knows which row of the embedding belongs to which word. First used on page 09, taught on page 10.

    FOLDER/config.json     format version, model sizes, text settings, class names, metrics, file digests
    FOLDER/vocabulary.txt  one word a line; the line number is the id
    FOLDER/weights.pt      the state dict
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch

from helpers.model import TextClassifier
from helpers.text import Vocabulary, encode
from helpers.training import predict_logits

FORMAT = 1


class ArtefactError(RuntimeError):
    """A saved classifier is missing, altered or of a newer format; the message names the file."""


@dataclass
class Artefact:
    """All that a prediction needs. `metrics` are plain numbers that were measured, by name."""

    model: TextClassifier
    vocabulary: Vocabulary
    max_tokens: int
    classes: tuple[str, ...] = ("negative", "positive")
    metrics: dict[str, float] = field(default_factory=dict)

    def predict(self, texts: Sequence[str]) -> pd.DataFrame:
        """One row a text: columns text, label (a class name) and one probability a class, summing to 1."""
        if isinstance(texts, str):
            raise TypeError('predict takes a list of texts; for one text write predict(["..."])')
        if len(texts) == 0:
            return pd.DataFrame(columns=["text", "label", *self.classes])
        encoded = encode(texts, [0] * len(texts), self.vocabulary, self.max_tokens)
        probabilities = predict_logits(self.model, encoded).softmax(dim=1)  # [texts, classes]
        frame = pd.DataFrame(probabilities.numpy(), columns=list(self.classes))
        frame.insert(0, "label", [self.classes[i] for i in probabilities.argmax(dim=1).tolist()])
        frame.insert(0, "text", list(texts))
        return frame


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def save(artefact: Artefact, folder: Path | str) -> None:
    """Write `artefact` to `folder`, whole or not at all; a classifier already there is replaced."""
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix=folder.name + ".", suffix=".part"))
    try:
        weights = {name: value.detach().cpu() for name, value in artefact.model.state_dict().items()}
        torch.save(weights, fresh / "weights.pt")
        (fresh / "vocabulary.txt").write_bytes("\n".join(artefact.vocabulary.words).encode())
        config = {
            "format": FORMAT,
            "model": artefact.model.config,
            "max_tokens": artefact.max_tokens,
            "classes": list(artefact.classes),
            "metrics": artefact.metrics,
            "sha256": {name: _digest(fresh / name) for name in ("weights.pt", "vocabulary.txt")},
        }
        (fresh / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
        if folder.exists():
            if not (folder / "config.json").exists() and any(folder.iterdir()):
                raise ArtefactError(f"{folder} holds other files; give an empty or a new folder")
            old = fresh.with_suffix(".old")
            os.replace(folder, old)
            os.replace(fresh, folder)
            shutil.rmtree(old)
        else:
            os.replace(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def load(folder: Path | str) -> Artefact:
    """Read a saved classifier, in evaluation mode on the CPU. No code in the files is run."""
    folder = Path(folder)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArtefactError(f"no saved classifier in {folder}: config.json is missing") from None
    except ValueError as error:
        raise ArtefactError(
            f"{folder / 'config.json'} is not readable JSON: save the classifier again"
        ) from error
    if config.get("format") != FORMAT:
        raise ArtefactError(
            f"{folder} has format {config.get('format')!r}; this code reads format {FORMAT}. "
            "A newer format needs a newer version of this course."
        )
    for name, digest in config["sha256"].items():
        if not (folder / name).exists():
            raise ArtefactError(f"{folder / name} is missing: save the classifier again")
        if _digest(folder / name) != digest:
            raise ArtefactError(f"{folder / name} was altered after saving: save the classifier again")
    words = (folder / "vocabulary.txt").read_bytes().decode().split("\n")
    model = TextClassifier(**config["model"])
    model.load_state_dict(torch.load(folder / "weights.pt", map_location="cpu", weights_only=True))
    return Artefact(
        model.eval(),
        Vocabulary(tuple(words)),
        config["max_tokens"],
        tuple(config["classes"]),
        config["metrics"],
    )
