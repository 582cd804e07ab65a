"""Train, measure, stop, resume: the loop that page 09 builds and explains.

Also a command: `python -m helpers.training --corpus imdb` trains the page's model without a notebook.

Importing this module makes the CPU treat subnormal floats (below about 1e-38) as zero. A gradient that
has travelled through hundreds of steps is made of them, and a CPU handles each in microcode, many times
slower. The setting reaches a worker thread only if made before that thread starts, hence at import.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from helpers import corpus as corpora
from helpers.model import TextClassifier, count_parameters
from helpers.text import EncodedTexts, Vocabulary, batches, encode

torch.set_flush_denormal(True)

CHECKPOINT_FORMAT = 1


class TrainingError(RuntimeError):
    """Training cannot start or go on; the message says why and what to do."""


class CheckpointError(RuntimeError):
    """A checkpoint is missing, damaged or of another run; the message names the file and what to do."""


@dataclass(frozen=True)
class Settings:
    """How to train. What is chosen here is a *hyperparameter*: it is set by us, on validation, not learnt.

    epochs         how often every training text is read
    batch_size     texts a step
    learning_rate  Adam's peak step; it rises over the first `warmup` share of steps, then falls to 0
    clip           largest allowed norm of the whole gradient
    patience       stop after this many epochs without a better one on validation
    precision      "float32", "bfloat16", or "auto": the faster of the two on this device, measured
    seed           fixes the batch order and the dropout masks (and, by `seed_everything`, the first weights)
    """

    epochs: int = 3
    batch_size: int = 64
    learning_rate: float = 2e-3
    warmup: float = 0.1
    clip: float = 1.0
    patience: int = 3
    precision: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.precision not in ("auto", "float32", "bfloat16"):
            raise ValueError(f"precision must be auto, float32 or bfloat16; got {self.precision!r}")
        for name in ("epochs", "batch_size", "learning_rate", "clip", "patience"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0; got {getattr(self, name)}")


@dataclass(frozen=True)
class Recipe:
    """Everything that turns a corpus into a trained model: text settings, model sizes, training settings."""

    vocabulary_size: int
    max_tokens: int
    model: dict = field(default_factory=dict)
    settings: Settings = Settings()


RECIPES = {
    "imdb": Recipe(
        vocabulary_size=20_000,
        max_tokens=400,
        model=dict(embedding_dim=128, hidden_dim=128, readout="max", forget_bias=1.0, dropout=0.3),
        settings=Settings(epochs=4, batch_size=64, learning_rate=3e-3),
    ),
    "twins": Recipe(
        vocabulary_size=1_000,
        max_tokens=60,
        model=dict(embedding_dim=32, hidden_dim=48, readout="last", forget_bias=1.0),
        settings=Settings(epochs=12, batch_size=64, learning_rate=5e-3),
    ),
}


# --- device, seed, precision -------------------------------------------------------------------------


def pick_device(name: str | None = None) -> torch.device:
    """The device to train on: `name` if given, else CUDA, else Apple's MPS, else the CPU."""
    available = ["cpu"]
    if torch.backends.mps.is_available():
        available.insert(0, "mps")
    if torch.cuda.is_available():
        available.insert(0, "cuda")
    if name is None:
        return torch.device(available[0])
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in available:
        raise TrainingError(f"no device {name!r} here; this machine has: {', '.join(available)}")
    return device


def seed_everything(seed: int) -> None:
    """Fix torch's random numbers on every device, so that the same machine repeats the same run."""
    torch.manual_seed(seed)


def faster_precision(model: TextClassifier, device: torch.device, batch_size: int) -> str:
    """ "bfloat16" if it runs this LSTM at least 1.2 times as fast as float32 on `device`, else "float32"."""
    if device.type == "mps":
        return "float32"
    inputs = torch.randn(batch_size, 32, model.lstm.input_size, device=device)
    lstm = nn.LSTM(model.lstm.input_size, model.lstm.hidden_size, batch_first=True, device=device)
    seconds = {}
    for precision in ("float32", "bfloat16"):
        runs = []
        for _ in range(4):
            start = time.perf_counter()
            with mixed_precision(device, precision):
                lstm(inputs)[0].float().sum().backward()
            synchronize(device)
            runs.append(time.perf_counter() - start)
        seconds[precision] = min(runs)
    return "bfloat16" if seconds["float32"] > 1.2 * seconds["bfloat16"] else "float32"


def mixed_precision(device: torch.device, precision: str) -> torch.autocast:
    """A context in which matrix work runs in `precision`; weights and the loss stay float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16")


def synchronize(device: torch.device) -> None:
    """Wait until `device` has done what it was asked, so that a clock read next tells the truth."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


# --- measuring ---------------------------------------------------------------------------------------


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, no tape; afterwards the model is in the mode it was in before."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)


def predict_logits(
    model: TextClassifier, encoded: EncodedTexts, precision: str = "float32", batch_size: int = 256
) -> Tensor:
    """Logits [texts, classes] float32 on the CPU, in the order of `encoded`."""
    device = next(model.parameters()).device
    encoded = encoded.to(device)
    logits = torch.empty(len(encoded), model.fc.out_features)
    with evaluating(model), mixed_precision(device, precision):
        for batch in batches(encoded, batch_size):
            logits[batch.rows] = model(batch.ids, batch.lengths).float().cpu()
    return logits


@dataclass(frozen=True)
class Evaluation:
    """`loss`: mean cross-entropy in nats; `accuracy`: share of texts classified rightly, 0 to 1."""

    loss: float
    accuracy: float


def evaluate(model: TextClassifier, encoded: EncodedTexts, precision: str = "float32") -> Evaluation:
    """Loss and accuracy over all texts of `encoded`: means over texts, not over batches."""
    logits = predict_logits(model, encoded, precision)
    labels = encoded.labels.cpu()
    loss = nn.functional.cross_entropy(logits, labels).item()
    return Evaluation(loss, (logits.argmax(dim=1) == labels).double().mean().item())


# --- checkpoints -------------------------------------------------------------------------------------


def vocabulary_digest(vocabulary: Vocabulary) -> str:
    """A fingerprint of the words and their order: same digest, same ids."""
    return hashlib.sha256("\n".join(vocabulary.words).encode()).hexdigest()


def save_whole(payload: dict, path: Path) -> None:
    """Write `payload` to `path` whole or not at all: a temporary file beside it, flushed, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            torch.save(payload, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def load_checkpoint(path: Path, expected: dict) -> dict:
    """Read a checkpoint without running any code in it, and refuse one of another run.

    `expected` holds what must agree (model, vocabulary, settings) and its value in this run.
    """
    if not path.exists():
        raise CheckpointError(f"no checkpoint at {path}: train without resuming first")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds; all mean that the file is not a checkpoint
        raise CheckpointError(
            f"{path} cannot be read as a checkpoint ({type(error).__name__}): "
            "it is damaged or foreign. Delete it and train again."
        ) from error
    if not isinstance(found, dict) or found.get("format") != CHECKPOINT_FORMAT:
        got = found.get("format") if isinstance(found, dict) else type(found).__name__
        raise CheckpointError(f"{path} has checkpoint format {got!r}; this code reads {CHECKPOINT_FORMAT}")
    for name, value in expected.items():
        if found.get(name) != value:
            raise CheckpointError(
                f"{path} was written with another {name}: {found.get(name)!r:.200}; "
                f"this run has {value!r:.200}. Use its own settings, or another folder."
            )
    return found


# --- the loop ----------------------------------------------------------------------------------------


def learning_rate_at(step: int, steps: int, settings: Settings) -> float:
    """Linear rise over the first `warmup` share of `steps`, then linear fall to 0 at the last."""
    rise = max(1, round(settings.warmup * steps))
    share = (step + 1) / rise if step < rise else (steps - step) / max(1, steps - rise)
    return settings.learning_rate * share


def refuse_bad_training_set(encoded: EncodedTexts, name: str) -> None:
    """A set without two classes cannot teach or measure a two-class model."""
    classes = torch.unique(encoded.labels).tolist()
    if len(classes) < 2:
        raise TrainingError(
            f"the {name} set holds {len(encoded)} texts, all of class {classes}: give texts of both classes"
        )


@dataclass
class Run:
    """What `train` gives back: one row an epoch, the precision used, and which epoch was best."""

    history: pd.DataFrame
    precision: str
    best_epoch: int


def train(
    model: TextClassifier,
    train_set: EncodedTexts,
    validation_set: EncodedTexts,
    settings: Settings,
    *,
    vocabulary: Vocabulary | None = None,
    folder: Path | None = None,
    resume: bool = False,
    progress: bool = True,
) -> Run:
    """Train `model` where it lies (its device); leave it with the weights of its best validation epoch.

    With a `folder`, `last.pt` (the best weights in it) is written after every epoch, whole or not at all;
    `resume=True` goes on after the last finished epoch, bit for bit as if never interrupted on the same CPU.
    The schedule is planned for `settings.epochs`; early stopping may end before.
    """
    refuse_bad_training_set(train_set, "training")
    refuse_bad_training_set(validation_set, "validation")
    if resume and folder is None:
        raise TrainingError("resume=True needs the folder that holds last.pt")
    device = next(model.parameters()).device
    train_set, validation_set = train_set.to(device), validation_set.to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.learning_rate, fused=device.type != "mps")
    identity = {
        "model": model.config,
        "settings": asdict(settings),
        "vocabulary": vocabulary_digest(vocabulary) if vocabulary else None,
    }
    rows: list[dict] = []
    best = {"epoch": 0, "score": [-1.0, 0.0], "weights": None}
    if resume:
        last = load_checkpoint(Path(folder) / "last.pt", identity)
        precision, rows, best = last["precision"], last["history"], last["best"]
        model.load_state_dict(last["weights"])
        optimizer.load_state_dict(last["optimizer"])
        torch.set_rng_state(last["random"])
    else:
        precision = settings.precision
        if precision == "auto":
            with torch.random.fork_rng(devices=[]):
                precision = faster_precision(model, device, settings.batch_size)
        seed_everything(settings.seed)

    for epoch in range(len(rows) + 1, settings.epochs + 1):
        if epoch - best["epoch"] > settings.patience:
            break
        row = train_epoch(model, train_set, optimizer, settings, epoch, precision, progress)
        validation = evaluate(model, validation_set, precision)
        row |= {"validation_loss": validation.loss, "validation_accuracy": validation.accuracy}
        rows.append(row)
        score = [validation.accuracy, -validation.loss]  # the higher accuracy; of equal ones the lower loss
        if score > best["score"]:
            weights = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
            best = {"epoch": epoch, "score": score, "weights": weights}
        if folder is not None:
            last = {
                "format": CHECKPOINT_FORMAT,
                **identity,
                "precision": precision,
                "history": rows,
                "best": best,
                "weights": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "random": torch.get_rng_state(),
            }
            save_whole(last, Path(folder) / "last.pt")
    model.load_state_dict(best["weights"])
    return Run(pd.DataFrame(rows).set_index("epoch"), precision, best["epoch"])


def train_epoch(
    model: TextClassifier,
    train_set: EncodedTexts,
    optimizer: torch.optim.Optimizer,
    settings: Settings,
    epoch: int,
    precision: str,
    progress: bool,
    look_every: int = 20,
) -> dict:
    """Read every training text once; returns the epoch's row of the history.

    Losses and hits are kept on the device and looked at every `look_every` steps: reading one is a wait.
    """
    device = train_set.flat.device
    order = torch.Generator().manual_seed(1_000_003 * settings.seed + epoch)
    steps_an_epoch = math.ceil(len(train_set) / settings.batch_size)
    losses = torch.zeros(steps_an_epoch, device=device)
    hits = torch.zeros((), device=device, dtype=torch.int64)
    seen_tokens = seen_texts = 0
    model.train()
    synchronize(device)
    start = time.perf_counter()
    with tqdm(
        total=train_set.tokens,
        unit="tok",
        unit_scale=True,
        desc=f"epoch {epoch}",
        leave=False,
        disable=not progress,
    ) as bar:
        for step, batch in enumerate(batches(train_set, settings.batch_size, order)):
            set_learning_rate(optimizer, (epoch - 1) * steps_an_epoch + step, steps_an_epoch, settings)
            optimizer.zero_grad(set_to_none=True)
            with mixed_precision(device, precision):
                logits = model(batch.ids, batch.lengths).float()  # forward
            loss = nn.functional.cross_entropy(logits, batch.labels)  # loss
            loss.backward()  # backward
            nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
            optimizer.step()  # update
            losses[step] = loss.detach()  # measure
            hits += (logits.detach().argmax(dim=1) == batch.labels).sum()
            tokens = int(train_set.lengths[batch.rows].sum())
            seen_tokens, seen_texts = seen_tokens + tokens, seen_texts + len(batch.rows)
            bar.update(tokens)
            if (step + 1) % look_every == 0 or step + 1 == steps_an_epoch:
                refuse_bad_loss(losses[: step + 1], epoch)
                mean = losses[max(0, step + 1 - look_every) : step + 1].mean().item()
                bar.set_postfix(loss=f"{mean:.3f}", accuracy=f"{hits.item() / seen_texts:.3f}")
    synchronize(device)
    seconds = time.perf_counter() - start
    return {
        "epoch": epoch,
        "train_loss": losses.mean().item(),
        "train_accuracy": hits.item() / seen_texts,
        "seconds": seconds,
        "tokens_per_second": seen_tokens / seconds,
    }


def set_learning_rate(
    optimizer: torch.optim.Optimizer, step: int, steps_an_epoch: int, settings: Settings
) -> None:
    """Give the optimizer the learning rate of this step of the whole plan."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate_at(step, steps_an_epoch * settings.epochs, settings)


def refuse_bad_loss(losses: Tensor, epoch: int) -> None:
    """Stop at the first loss that is not a finite number, and say which batch gave it."""
    bad = (~torch.isfinite(losses)).nonzero()
    if len(bad):
        batch = int(bad[0])
        raise TrainingError(
            f"the loss of batch {batch + 1} in epoch {epoch} is {losses[batch].item()}: "
            "lower the learning rate or look at that batch; the last checkpoint is intact"
        )


# --- from a corpus to a trained model ----------------------------------------------------------------


@dataclass(frozen=True)
class Prepared:
    """A corpus as the model reads it: the vocabulary (of the training texts) and three encoded splits."""

    vocabulary: Vocabulary
    train: EncodedTexts
    validation: EncodedTexts
    test: EncodedTexts


def prepare(corpus: corpora.Corpus, recipe: Recipe) -> Prepared:
    """Build the vocabulary from the training texts alone and encode the three splits."""
    vocabulary = Vocabulary.build(corpus.train["text"], recipe.vocabulary_size)
    splits = (corpus.train, corpus.validation, corpus.test)
    encoded = [encode(s["text"], s["label"], vocabulary, recipe.max_tokens) for s in splits]
    return Prepared(vocabulary, *encoded)


def build_model(recipe: Recipe, vocabulary: Vocabulary, device: torch.device, seed: int) -> TextClassifier:
    """A fresh model of the recipe's sizes on `device`, its first weights fixed by `seed`."""
    seed_everything(seed)
    return TextClassifier(len(vocabulary), **recipe.model).to(device)


def main(arguments: list[str] | None = None) -> None:
    """The command line: train, choose on validation, read the test set once."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.training", description="Train the course's classifier."
    )
    parser.add_argument("--corpus", default="auto", help="auto, imdb or twins")
    parser.add_argument("--epochs", type=int, help="default: the corpus's recipe")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", help="cuda, mps or cpu; default: the best one here")
    parser.add_argument("--folder", type=Path, help="where last.pt is written after every epoch")
    parser.add_argument("--resume", action="store_true", help="go on from FOLDER/last.pt")
    options = parser.parse_args(arguments)
    try:
        device = pick_device(options.device)
        corpus = corpora.load(options.corpus)
        if corpus.name not in RECIPES:
            raise TrainingError(
                f"no recipe for the corpus {corpus.name!r}; there is one for: {', '.join(RECIPES)}"
            )
        recipe = RECIPES[corpus.name]
        changes = {"seed": options.seed} | ({"epochs": options.epochs} if options.epochs is not None else {})
        settings = replace(recipe.settings, **changes)
        data = prepare(corpus, recipe)
        model = build_model(recipe, data.vocabulary, device, settings.seed)
        print(
            f"{corpus.name}: {len(data.train)} training texts, {data.train.tokens} tokens; "
            f"{count_parameters(model)} parameters on {device}"
        )
        run = train(
            model,
            data.train,
            data.validation,
            settings,
            vocabulary=data.vocabulary,
            folder=options.folder,
            resume=options.resume,
        )
    except (TrainingError, CheckpointError, corpora.CorpusError, ValueError) as error:
        raise SystemExit(f"error: {error}") from error
    print(run.history.round(4).to_string())
    test = evaluate(model, data.test, run.precision)
    print(
        f"precision {run.precision}; best epoch {run.best_epoch} by validation; "
        f"test accuracy {test.accuracy:.4f}, loss {test.loss:.4f}, read once"
    )


if __name__ == "__main__":
    main()
