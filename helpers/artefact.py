"""A trained classifier as a folder: weights, vocabulary, configuration and what was measured.

The article saves the weights alone; without the vocabulary they are useless in the next process, because
nobody knows which row of the embedding belongs to which word. First used on page 09, taught on page 10.

    FOLDER/config.json     format version, model sizes, text settings, class names, metrics, data, limits,
                           and size and SHA-256 digest of the two other files
    FOLDER/vocabulary.txt  one word a line; the line number is the id
    FOLDER/weights.pt      the state dict

`config.json` is written last and names what belongs to it, so that one rename turns the old classifier into
the new one: a process killed in the middle of `save` leaves the old one or the new one, never half of each.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from helpers.model import TextClassifier, count_parameters
from helpers.text import Vocabulary, encode, tokenize
from helpers.training import predict_logits

FORMAT = 2
WEIGHTS, VOCABULARY, CONFIG = "weights.pt", "vocabulary.txt", "config.json"
FRESH = ".new"  # ending of a file that is written and not yet in its place
TEXTS_AT_ONCE = 1_024  # `predict` holds the ids of no more texts than these

# Preprocessing is part of the classifier: how this text is cut into words is saved, and compared on loading.
PROBE = "It wasn't <br />BAD: naïve café, 10/10… 很好 👍"


class ArtefactError(RuntimeError):
    """A classifier cannot be saved or loaded; the message says what was found and what to do."""


def listed(texts: Iterable[str]) -> list[str]:
    """`texts` as a list of str; a TypeError that says which one is not. One bare text is refused too."""
    if isinstance(texts, str | bytes):
        raise TypeError('predict takes a list of texts; for one text write predict(["..."])')
    try:
        texts = list(texts)
    except TypeError:
        raise TypeError(f"predict takes a list of texts, not {type(texts).__name__}") from None
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            hint = "decode it first: text.decode()" if isinstance(text, bytes) else "give a str"
            raise TypeError(f"text {place} of {len(texts)} is of type {type(text).__name__}; {hint}")
    return texts


@dataclass
class Artefact:
    """All that a prediction needs, and what its reader should know.

    metrics  plain numbers that were measured, by name; NAME_low and NAME_high are the interval of NAME
    data     one or two sentences: what it was trained and measured on
    limits   sentences: where it is known to fail
    """

    model: TextClassifier
    vocabulary: Vocabulary
    max_tokens: int
    classes: tuple[str, ...] = ("negative", "positive")
    metrics: dict[str, float] = field(default_factory=dict)
    data: str = ""
    limits: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for what, given, key in (
            ("words", self.vocabulary.words, "vocab_size"),
            ("classes", self.classes, "num_classes"),
        ):
            if len(given) != self.model.config[key]:
                raise ValueError(f"the model has {key}={self.model.config[key]}; got {len(given)} {what}")
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens must be 1 or more; got {self.max_tokens}")

    def probabilities(self, texts: Iterable[str]) -> Tensor:
        """Probabilities [texts, classes] float32, rows summing to 1. An empty text is read as one `<unk>`.

        Memory is bounded: texts are encoded by the thousand and run in batches, each cut to `max_tokens`.
        """
        texts = listed(texts)
        parts = [torch.empty(0, len(self.classes))]
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            part = texts[start : start + TEXTS_AT_ONCE]
            encoded = encode(part, [0] * len(part), self.vocabulary, self.max_tokens)
            parts.append(predict_logits(self.model, encoded).softmax(dim=1))
        return torch.cat(parts)

    def predict(self, texts: Iterable[str]) -> pd.DataFrame:
        """One row a text: columns text, label (a class name) and one probability a class, summing to 1."""
        texts = listed(texts)
        probabilities = self.probabilities(texts)
        frame = pd.DataFrame(probabilities.numpy(), columns=list(self.classes))
        frame.insert(0, "label", [self.classes[i] for i in probabilities.argmax(dim=1).tolist()])
        frame.insert(0, "text", texts)
        return frame


# --- saving ------------------------------------------------------------------------------------------


def save(artefact: Artefact, folder: Path | str) -> None:
    """Write `artefact` to `folder`, whole or not at all; a classifier already there is replaced.

    Other files in the folder stay as they are. One process at a time may save to a folder; others may load
    from it meanwhile. Raises ArtefactError if the folder belongs to something else.
    """
    folder = Path(folder)
    contents = {WEIGHTS: _weights_of(artefact.model), VOCABULARY: _lines(artefact.vocabulary.words)}
    config = {
        "format": FORMAT,
        "model": artefact.model.config,
        "max_tokens": artefact.max_tokens,
        "classes": list(artefact.classes),
        "metrics": {name: _plain(name, value) for name, value in artefact.metrics.items()},
        "data": artefact.data,
        "limits": list(artefact.limits),
        "probe": tokenize(PROBE),
        "files": {name: {"bytes": len(c), "sha256": _digest(c)} for name, c in contents.items()},
    }
    config["sha256"] = _digest_of_config(config)
    contents[CONFIG] = json.dumps(config, indent=2).encode()

    was_there = folder.exists()
    refuse_what_is_not_ours(folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _settle(folder)
        for name, content in contents.items():
            _write(folder / (name + FRESH), content)
        os.replace(folder / (CONFIG + FRESH), folder / CONFIG)  # from here on the new classifier counts
    finally:
        _settle(folder)
        if not was_there and not any(folder.iterdir()):
            folder.rmdir()


def _weights_of(model: TextClassifier) -> bytes:
    buffer = io.BytesIO()
    torch.save({name: value.detach().cpu() for name, value in model.state_dict().items()}, buffer)
    return buffer.getvalue()


def _lines(words: tuple[str, ...]) -> bytes:
    broken = next((word for word in words if "\n" in word), None)
    if broken is not None:
        raise ArtefactError(f"the word {broken!r} holds a line end; the vocabulary is saved one word a line")
    return "\n".join(words).encode("utf-8", "surrogatepass")


def _plain(name: str, value: float) -> float:
    """A metric as JSON can hold it: NumPy's and torch's numbers become Python's."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ArtefactError(f"metric {name!r} is {value!r}; metrics are finite numbers")
    return value


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _digest_of_config(config: dict) -> str:
    rest = {key: value for key, value in config.items() if key != "sha256"}
    return _digest(json.dumps(rest, sort_keys=True).encode())


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _config_in(folder: Path) -> dict | None:
    """The configuration of a classifier of any format in `folder`; None if there is none that can be read."""
    try:
        config = json.loads((folder / CONFIG).read_bytes())
    except (OSError, ValueError):
        return None
    ours = isinstance(config, dict) and {"format", "model", "max_tokens"} <= config.keys()
    return config if ours else None


def refuse_what_is_not_ours(folder: Path) -> None:
    """Raise ArtefactError unless a classifier can be saved here: nothing, an empty folder or a classifier."""
    if not folder.exists() or _config_in(folder) is not None:
        return
    if not folder.is_dir():
        raise ArtefactError(f"{folder} is a file; give an empty or a new folder")
    names = {path.name.removesuffix(FRESH) for path in folder.iterdir()}
    strange_config = CONFIG in names and WEIGHTS not in names
    if names - {WEIGHTS, VOCABULARY, CONFIG} or strange_config:
        raise ArtefactError(f"{folder} holds other files; give an empty or a new folder")


def _settle(folder: Path) -> None:
    """Finish or undo a save: what `config.json` names goes into its place, what it does not name goes."""
    config = _config_in(folder) or {}
    (folder / (CONFIG + FRESH)).unlink(missing_ok=True)
    for name in (WEIGHTS, VOCABULARY):
        fresh = folder / (name + FRESH)
        if not fresh.exists():
            continue
        if _digest(fresh.read_bytes()) == config.get("files", {}).get(name, {}).get("sha256"):
            os.replace(fresh, folder / name)
        else:
            fresh.unlink()


# --- loading -----------------------------------------------------------------------------------------


def load(folder: Path | str) -> Artefact:
    """Read a saved classifier, in evaluation mode on the CPU. No code in the files is run.

    Raises ArtefactError for a folder without a classifier, for files that are missing, altered or cut short,
    and for another format.
    """
    folder = Path(folder)
    while True:
        content = _read_config(folder)
        try:
            return _read(folder, content)
        except ArtefactError:
            if _read_config(folder) == content:
                raise  # else a save came in between: read the new one


def _read_config(folder: Path) -> bytes:
    try:
        return (folder / CONFIG).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise ArtefactError(
            f"no saved classifier in {folder}: {CONFIG} is missing. Give a folder that artefact.save wrote."
        ) from None


def _read(folder: Path, content: bytes) -> Artefact:
    path = folder / CONFIG
    try:
        config = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ArtefactError(f"{path} is not readable JSON: save the classifier again") from error
    if not isinstance(config, dict) or "format" not in config:
        raise ArtefactError(f"{path} is not of a saved classifier: it names no format")
    if config["format"] != FORMAT:
        newer = isinstance(config["format"], int) and config["format"] > FORMAT
        todo = (
            "A newer format needs a newer version of this course." if newer else "Save the classifier again."
        )
        raise ArtefactError(
            f"{folder} has format {config['format']!r}; this code reads format {FORMAT}. {todo}"
        )
    if config.get("sha256") != _digest_of_config(config):
        raise ArtefactError(f"{path} was altered after saving: save the classifier again")
    try:
        if config["probe"] != tokenize(PROBE):
            raise ArtefactError(
                f"{folder} was saved by a version that cuts texts into other words "
                f"({config['probe']!r:.60}…): train and save again, or use that version"
            )
        words = _content(folder, VOCABULARY, config["files"]).decode("utf-8", "surrogatepass").split("\n")
        weights = torch.load(
            io.BytesIO(_content(folder, WEIGHTS, config["files"])), map_location="cpu", weights_only=True
        )
        with torch.device("meta"):  # no memory and no random numbers for weights that are replaced at once
            model = TextClassifier(**config["model"])
        model.load_state_dict(weights, assign=True)
        return Artefact(
            model.eval(),
            Vocabulary(tuple(words)),
            config["max_tokens"],
            tuple(config["classes"]),
            config["metrics"],
            config["data"],
            tuple(config["limits"]),
        )
    except ArtefactError:
        raise
    except Exception as error:  # torch raises many kinds; all mean that the parts are not of one classifier
        raise ArtefactError(
            f"{folder} does not hold a classifier that this code can build ({type(error).__name__}: "
            f"{error!s:.200}). If you trust where it comes from, save it there again."
        ) from error


def _content(folder: Path, name: str, expected: dict) -> bytes:
    """The bytes of one file that `config.json` names.

    They may still be in .new: while a save is under way, or for good if it was killed. That is where to look
    first, since a file moves only from there into its place.
    """
    size, digest = expected[name]["bytes"], expected[name]["sha256"]
    content = None
    for path in (folder / (name + FRESH), folder / name):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue
        if _digest(content) == digest:
            return content
    if content is None:
        raise ArtefactError(f"{folder / name} is missing: save the classifier again")
    cut = f"is cut short: {len(content):,} of {size:,} bytes"
    raise ArtefactError(
        f"{folder / name} {cut if len(content) < size else 'was altered after saving'} "
        f"(SHA-256 {_digest(content)[:12]}…, expected {digest[:12]}…): "
        "save the classifier again, or fetch the folder again"
    )


# --- known limits, and the model card ----------------------------------------------------------------


def known_limits(artefact: Artefact) -> list[str]:
    """Where it fails: first what its author knows, then what is true of every classifier of this kind."""
    cut = artefact.max_tokens
    return [
        *artefact.limits,
        f"It has one of {len(artefact.classes)} answers to anything: no text, another language, noise.",
        f"All words outside of its {len(artefact.vocabulary):,} are one and the same unknown word to it.",
        f"Of a text of more than {cut} tokens it reads the first {cut // 4} and the last {cut - cut // 4}.",
    ]


def model_card(artefact: Artefact) -> str:
    """A model card in Markdown, made of the configuration and the metrics: nothing in it is typed by hand.

    After Mitchell et al. 2019, "Model Cards for Model Reporting", cut to what the course can fill.
    """
    config = artefact.model.config
    readout = {
        "last": "the state after the last word",
        "max": "the largest value of each feature over all words",
        "mean": "the mean of each feature over all words",
    }
    rows = []
    for name, value in artefact.metrics.items():
        if name.endswith(("_low", "_high")):
            continue
        low, high = artefact.metrics.get(name + "_low"), artefact.metrics.get(name + "_high")
        interval = "" if low is None or high is None else f"{_number(low)} to {_number(high)}"
        rows.append(f"| {name.replace('_', ' ')} | {_number(value)} | {interval} |")
    return "\n".join(
        [
            f"# Model card: {' or '.join(artefact.classes)}",
            "",
            "## What it is",
            "",
            f"A text classifier: embedding ({config['embedding_dim']}), one-directional LSTM "
            f"({config['hidden_dim']}), {readout[config['readout']]}, linear layer. "
            f"{count_parameters(artefact.model):,} parameters.",
            *(
                [f"{sum(config['votes']):,} words and sequences of words vote, as counted in training."]
                if config.get("votes")
                else []
            ),
            "",
            "## Data",
            "",
            artefact.data or "Not recorded.",
            "",
            "## Measured",
            "",
            *(
                ["| measure | value | 95 % interval |", "|---|---|---|", *rows]
                if rows
                else ["Nothing recorded."]
            ),
            "",
            "## Intended use",
            "",
            "Learning how such a model is made, measured and served, on texts like those it was measured on. "
            "Not for decisions about people.",
            "",
            "## Known limits",
            "",
            *(f"- {limit}" for limit in known_limits(artefact)),
            "",
            "## How to load it",
            "",
            "```python",
            "from helpers import artefact",
            "",
            'classifier = artefact.load("FOLDER")',
            'classifier.predict(["a text", "another"])',
            "```",
            "",
        ]
    )


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
