"""Train, measure, stop, resume: the loop that page 09 builds and explains.

Also a command: `python -m helpers.training --corpus imdb` trains the page's model without a notebook, and
`torchrun --nproc_per_node=2 -m helpers.training --corpus imdb` does it on two GPUs (or two CPU processes).

What the loop stands on: `helpers.learner` (settings, one step), `helpers.measuring` (batches on the device,
evaluation), `helpers.checkpoints` (files), `helpers.devices` (device, precision, memory) and
`helpers.parallel` (several processes).

Importing this module makes the CPU treat subnormal floats (below about 1e-38) as zero. A gradient that
has travelled through hundreds of steps is made of them, and a CPU handles each in microcode, many times
slower. The setting reaches a worker thread only if made before that thread starts, hence at import.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from tqdm.auto import tqdm

from helpers import parallel
from helpers.checkpoints import (
    BEST,
    FORMAT,
    LAST,
    CheckpointError,
    load_checkpoint,
    refuse_occupied,
    save_whole,
    sweep,
    texts_digest,
    vocabulary_digest,
)
from helpers.devices import (
    TrainingError,
    describe_device,
    faster_precision,
    mixed_precision,
    peak_memory,
    pick_device,
    seed_everything,
    synchronize,
)
from helpers.learner import Learner, Settings, WeightAverage, learning_rate_at
from helpers.measuring import Evaluation, evaluate, evaluating, predict_logits, resident_batches
from helpers.model import TextClassifier, count_parameters
from helpers.recipes import RECIPES, Prepared, Recipe, build_model, prepare
from helpers.text import EncodedTexts, Vocabulary, plan_batches

if TYPE_CHECKING:  # slow to import, and needed late or never
    import pandas as pd

__all__ = [
    "RECIPES",
    "CheckpointError",
    "Evaluation",
    "Learner",
    "Prepared",
    "Progress",
    "Recipe",
    "Run",
    "Settings",
    "TrainingError",
    "WeightAverage",
    "build_model",
    "evaluate",
    "evaluating",
    "faster_precision",
    "learning_rate_at",
    "load_best",
    "mixed_precision",
    "peak_memory",
    "pick_device",
    "predict_logits",
    "prepare",
    "resident_batches",
    "seed_everything",
    "synchronize",
    "train",
    "train_epoch",
]

torch.set_flush_denormal(True)

LOOK_SECONDS = 0.5  # between two looks at loss and accuracy: each makes a GPU wait


# --- one epoch ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Progress:
    """Where a run stands, as a watcher is told it: about twice a second, after every epoch, and at the end.

    epoch, epochs    this one, from 1, and how many are planned
    step, steps      steps done in this epoch, and how many it has
    loss, accuracy   training: mean loss since the last look, share right in this epoch so far
    rows             the finished epochs, as in `Run.history`; the newest is this epoch's when it is over
    best_epoch       the best of the finished epochs on validation; 0 if none is finished
    over             whether the run has ended: after its last epoch, stopped early, or interrupted
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float
    rows: list[dict]
    best_epoch: int = 0
    over: bool = False


def train_epoch(
    learner: Learner, train_set: EncodedTexts, epoch: int, look: Callable[..., None] | None = None
) -> dict:
    """Read every training text once, in batches of like length; returns the epoch's row of the history.

    train_set: on the learner's device. epoch: from 1. Losses and hits stay on the device; every
    LOOK_SECONDS, and after the last step, they are looked at and `look(step, steps, tokens, loss, accuracy)`
    is called: steps done, steps in all, tokens read since the last look, and as in `Progress`.
    Raises TrainingError at a loss or a gradient that is no finite number, and when memory runs out.
    """
    device, settings = learner.device, learner.settings
    order = torch.Generator().manual_seed(1_000_003 * settings.seed + epoch)
    plan = plan_batches(train_set.lengths, settings.batch_size, order)
    shares = [parallel.own_share(rows) for rows in plan]
    losses, norms = torch.zeros(2, len(plan), device=device)
    hits = torch.zeros((), device=device, dtype=torch.int64)
    looked, tokens, texts = 0, 0, 0
    learner.model.train()
    synchronize(device)
    start = last_look = time.perf_counter()
    for step, batch in enumerate(resident_batches(train_set, [rows for rows, _ in shares])):
        rows, number = plan[step], (epoch - 1) * len(plan) + step
        try:
            losses[step], right, norms[step] = learner.step(batch, number, len(rows), shares[step][1])
        except torch.OutOfMemoryError as error:
            raise TrainingError(
                f"out of memory on {device} at a batch of {batch.ids.shape[0]} texts × {batch.ids.shape[1]} "
                "tokens: halve batch_size (or max_tokens), or train on another device"
            ) from error
        hits += right  # measure
        tokens, texts = tokens + int(train_set.lengths[rows].sum()), texts + len(rows)
        if time.perf_counter() - last_look >= LOOK_SECONDS or step + 1 == len(plan):
            recent = slice(looked, step + 1)
            refuse_bad_numbers(losses[recent], norms[recent], looked, epoch, plan, learner)
            loss, right = torch.stack([losses[recent].mean(), hits / texts]).tolist()
            if look:
                processes = parallel.process_count()  # each sees its own share only; the shares are alike
                look(step + 1, len(plan), tokens, loss * processes, right * processes)
            looked, tokens, last_look = step + 1, 0, time.perf_counter()
    parallel.add_over_processes(losses)
    parallel.add_over_processes(hits)
    synchronize(device)
    seconds = time.perf_counter() - start
    sizes = torch.tensor([len(rows) for rows in plan])
    return {
        "epoch": epoch,
        "train_loss": (losses.cpu() * sizes).sum().item() / len(train_set),
        "train_accuracy": hits.item() / len(train_set),
        "seconds": seconds,
        "tokens_per_second": train_set.tokens / seconds,
    }


def refuse_bad_numbers(
    losses: Tensor, norms: Tensor, first: int, epoch: int, plan: list[Tensor], learner: Learner
) -> None:
    """Stop at the first loss or gradient that is not a finite number, and say which batch gave it.

    losses, norms [steps]: of the steps from number `first` of this epoch's plan on. In float16 the loss scale
    meets infinite gradients by design, and skips those steps.
    """
    bad = ~torch.isfinite(losses)
    if not learner.scaler.is_enabled():
        bad |= ~torch.isfinite(norms)
    if not bad.any():
        return
    place = int(bad.nonzero()[0])
    step = first + place
    what, value = ("loss", losses[place]) if not torch.isfinite(losses[place]) else ("gradient", norms[place])
    rows = sorted(plan[step].tolist())
    rate = learning_rate_at((epoch - 1) * len(plan) + step, learner.steps, learner.settings)
    raise TrainingError(
        f"the {what} of batch {step + 1} in epoch {epoch} is {value.item()}. Its texts are rows "
        f"{', '.join(map(str, rows[:8]))}{', ...' if len(rows) > 8 else ''} of the training set; "
        f"the learning rate was {rate:.2g}. Lower the learning rate, or look at those texts. "
        "Checkpoints of finished epochs are intact."
    )


# --- the run -----------------------------------------------------------------------------------------


@dataclass
class Run:
    """What `train` gives back.

    history      one row an epoch: train_loss, train_accuracy, seconds, tokens_per_second, validation_loss,
                 validation_accuracy
    precision    the number type that was used
    best_epoch   the epoch whose weights the model now has; 0 if none was finished
    interrupted  whether the run was stopped by hand before its end
    """

    history: pd.DataFrame
    precision: str
    best_epoch: int
    interrupted: bool = False


def refuse_bad_sets(**sets: EncodedTexts) -> None:
    """A set without two classes cannot teach or measure a two-class model."""
    for name, encoded in sets.items():
        classes = torch.unique(encoded.labels).tolist()
        if len(encoded) == 0:
            raise TrainingError(f"the {name} set is empty: give texts of both classes")
        if len(classes) < 2:
            raise TrainingError(
                f"the {name} set holds {len(encoded)} texts, all of class {classes}: "
                "give texts of both classes"
            )


def train(
    model: TextClassifier,
    train_set: EncodedTexts,
    validation_set: EncodedTexts,
    settings: Settings,
    *,
    vocabulary: Vocabulary | None = None,
    folder: Path | str | None = None,
    resume: bool = False,
    progress: bool = True,
    watch: Callable[[Progress], None] | None = None,
) -> Run:
    """Train `model` where it lies (its device); leave it with the weights of its best validation epoch.

    With a `folder`, after every epoch `last.pt` and, if it was the best so far, `best.pt` are written, each
    whole or not at all; `resume=True` goes on after the last finished epoch, bit for bit as if never
    interrupted (on the same CPU). Interrupting by hand (Ctrl-C, or the square button of JupyterLab) ends the
    run early: the model has its best weights so far, and `Run.interrupted` is True.
    The schedule is planned for `settings.epochs`; early stopping may end before.

    progress: show a bar. watch: called with a `Progress`, see `helpers.plotting.LiveCurve`.
    Raises TrainingError and CheckpointError, with what to do in the message; after a bad loss, too, the model
    has its best weights so far.
    """
    refuse_bad_sets(training=train_set, validation=validation_set)
    parallel.refuse_uneven(settings.batch_size, len(train_set))
    folder = None if folder is None else Path(folder)
    if resume and folder is None:
        raise TrainingError(f"resume=True needs the folder that holds {LAST}")
    device = next(model.parameters()).device
    identity = {
        "model": model.config,
        "settings": asdict(settings),
        "vocabulary": vocabulary_digest(vocabulary) if vocabulary else None,
        "training texts": texts_digest(train_set),
        "validation texts": texts_digest(validation_set),
    }
    train_set, validation_set = train_set.to(device), validation_set.to(device)
    steps = settings.epochs * math.ceil(len(train_set) / settings.batch_size)
    learner, rows, best = start_or_resume(model, settings, steps, identity, folder, resume)
    first_process = parallel.process_number() == 0
    interrupted, epoch, state = False, len(rows), None
    bar = tqdm(
        total=settings.epochs * train_set.tokens,
        initial=len(rows) * train_set.tokens,
        unit="tok",
        unit_scale=True,
        leave=False,
        mininterval=0,
        miniters=1,
        disable=not progress or not first_process,
    )

    def look(step: int, steps: int, tokens: int, loss: float, accuracy: float) -> None:
        bar.set_description(f"epoch {epoch}/{settings.epochs}", refresh=False)
        bar.set_postfix(loss=f"{loss:.3f}", accuracy=f"{accuracy:.3f}", refresh=False)
        bar.update(tokens)
        tell(Progress(epoch, settings.epochs, step, steps, loss, accuracy, rows))

    def tell(progress: Progress) -> None:
        nonlocal state
        state = replace(progress, best_epoch=best["epoch"])
        if watch and first_process:
            watch(state)

    try:
        for epoch in range(len(rows) + 1, settings.epochs + 1):
            if epoch - best["epoch"] > settings.patience:
                break
            # All randomness of an epoch follows from seed, epoch and process: nothing of it to be saved.
            seed_everything(1_000_003 * settings.seed + 1_009 * epoch + parallel.process_number())
            row = train_epoch(learner, train_set, epoch, look)
            with learner.measured_weights():
                validation = parallel.decided_by_first(
                    lambda: evaluate(model, validation_set, learner.precision)
                )
                weights = {name: value.to("cpu", copy=True) for name, value in model.state_dict().items()}
            refuse_bad_validation(validation, epoch)
            row |= {"validation_loss": validation.loss, "validation_accuracy": validation.accuracy}
            rows.append(row)
            score = [validation.accuracy, -validation.loss]  # of equal accuracies, the lower loss
            if score > best["score"]:
                best = {"epoch": epoch, "score": score, "weights": weights}
            if folder is not None and first_process:
                save_run(folder, identity, rows, best, learner)
            tell(replace(state, loss=row["train_loss"], accuracy=row["train_accuracy"]))
    except KeyboardInterrupt:
        if parallel.process_count() > 1:
            raise
        interrupted = True
    finally:
        bar.close()
        if best["weights"] is not None:
            model.load_state_dict(best["weights"])
    if state:
        tell(replace(state, over=True))
    if interrupted:
        say_interrupted(epoch, best, folder)
    return Run(history_of(rows), learner.precision, best["epoch"], interrupted)


def start_or_resume(
    model: TextClassifier, settings: Settings, steps: int, identity: dict, folder: Path | None, resume: bool
) -> tuple[Learner, list[dict], dict]:
    """The learner, the rows of the finished epochs and the best of them: fresh, or as `last.pt` has them."""
    if not resume:
        if folder is not None:
            refuse_occupied(folder)
        learner = Learner(model, settings, choose_precision(model, settings), steps)
        return learner, [], {"epoch": 0, "score": [-1.0, 0.0], "weights": None}
    last = load_checkpoint(folder / LAST, identity, {"device", "precision", "history", "best", "learner"})
    precision = last["precision"]
    if settings.precision == "auto" and last["device"] != next(model.parameters()).device.type:
        precision = choose_precision(model, settings)
    learner = Learner(model, settings, precision, steps)
    learner.load_state_dict(last["learner"])
    if parallel.process_number() == 0:
        sweep(folder)
    return learner, last["history"], last["best"]


def choose_precision(model: TextClassifier, settings: Settings) -> str:
    """The precision that the settings ask for; "auto" is measured, in one process for all."""
    if settings.precision != "auto":
        return settings.precision
    device = next(model.parameters()).device
    return parallel.decided_by_first(lambda: faster_precision(model, device, settings.batch_size))


def save_run(folder: Path, identity: dict, rows: list[dict], best: dict, learner: Learner) -> None:
    """Write `best.pt` if the newest epoch is the best, then `last.pt`, which holds the best weights too.

    So a kill between the two does no harm: what is resumed is told by `last.pt` alone.
    """
    common = {"format": FORMAT, **identity, "precision": learner.precision, "device": learner.device.type}
    if best["epoch"] == rows[-1]["epoch"]:
        save_whole({**common, "row": rows[-1], "weights": best["weights"]}, folder / BEST)
    save_whole({**common, "history": rows, "best": best, "learner": learner.state_dict()}, folder / LAST)


def load_best(model: TextClassifier, folder: Path | str, vocabulary: Vocabulary | None) -> dict:
    """Give `model` the best weights that a run left in `folder`; returns that epoch's row of the history.

    model, vocabulary: of the same sizes and words as the run had, else CheckpointError.
    """
    expected = {"model": model.config, "vocabulary": vocabulary_digest(vocabulary) if vocabulary else None}
    found = load_checkpoint(Path(folder) / BEST, expected, {"row", "weights"})
    model.load_state_dict(found["weights"])
    return found["row"]


def refuse_bad_validation(validation: Evaluation, epoch: int) -> None:
    """The last update of an epoch may have broken the weights; validation sees it first."""
    if not math.isfinite(validation.loss):
        raise TrainingError(
            f"the validation loss after epoch {epoch} is {validation.loss}: the last steps of the epoch "
            "broke the weights. Lower the learning rate. Checkpoints of finished epochs are intact."
        )


def history_of(rows: list[dict]) -> pd.DataFrame:
    """The rows as a frame with the epoch as its index."""
    import pandas as pd

    columns = ["epoch", "train_loss", "train_accuracy", "seconds", "tokens_per_second"]
    columns += ["validation_loss", "validation_accuracy"]
    return pd.DataFrame(rows, columns=columns).set_index("epoch")


def say_interrupted(epoch: int, best: dict, folder: Path | None) -> None:
    """One line for whoever stopped a run: what the model now is, and how to go on."""
    if best["epoch"]:
        state = (
            f"the model has the weights of epoch {best['epoch']}, the best so far "
            f"(validation accuracy {best['score'][0]:.4f})"
        )
    else:
        state = "no epoch was finished, and the model has the weights it had at that moment"
    if folder is None:
        onward = "No folder was given, so nothing was saved"
    elif (folder / LAST).exists():
        call = f"train again with folder={str(folder)!r}, resume=True"
        onward = f"To go on after the last finished epoch, call {call}"
    else:
        onward = f"Nothing was saved in {folder} yet"
    print(f"Interrupted in epoch {epoch}: {state}. {onward}.")


# --- the command -------------------------------------------------------------------------------------


EXAMPLES = """
examples:
  python -m helpers.training --corpus imdb --folder runs/one            train, keep checkpoints
  python -m helpers.training --corpus imdb --folder runs/one --resume   go on after a kill
  torchrun --nproc_per_node=2 -m helpers.training --corpus imdb         two GPUs (--device cpu: two processes)
"""


def parser() -> argparse.ArgumentParser:
    """What the command understands."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.training",
        description="Train the course's classifier, choose the epoch on validation, read the test set once.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--corpus", default="auto", help="auto, imdb or twins; default: auto")
    parser.add_argument("--epochs", type=int, help="default: the corpus's recipe")
    parser.add_argument(
        "--batch-size", type=int, help="texts a step, over all processes; default: the recipe"
    )
    parser.add_argument(
        "--precision", help="auto, float32, bfloat16 or float16; default: auto, the faster one"
    )
    parser.add_argument("--seed", type=int, default=0, help="of weights, batch order and dropout; default: 0")
    parser.add_argument("--device", help="cuda, mps or cpu; default: the best one here")
    parser.add_argument("--folder", type=Path, help="where last.pt and best.pt are written after every epoch")
    parser.add_argument("--resume", action="store_true", help="go on from FOLDER/last.pt")
    parser.add_argument(
        "--save", type=Path, metavar="CLASSIFIER", help="a folder for what helpers.predict and serve ask"
    )
    return parser


def main(arguments: list[str] | None = None) -> None:
    """The command line: train, choose on validation, read the test set once."""
    from helpers.artefact import ArtefactError
    from helpers.corpus import CorpusError

    options = parser().parse_args(arguments)
    try:
        with parallel.joined_processes(pick_device(options.device)) as device:
            silent = io.StringIO() if parallel.process_number() else None
            with contextlib.redirect_stdout(silent) if silent else contextlib.nullcontext():
                train_and_report(options, device)
    except (TrainingError, CheckpointError, ArtefactError, CorpusError, ValueError) as error:
        raise SystemExit(f"error: {error}") from error


def train_and_report(options: argparse.Namespace, device: torch.device) -> None:
    """Load, prepare, train, print and save, as the options say."""
    from helpers import artefact
    from helpers import corpus as corpora

    if options.save:
        artefact.refuse_what_is_not_ours(options.save)  # now, not after the training
    start = time.perf_counter()
    corpus = parallel.first_then_others(lambda: corpora.load(options.corpus))
    if corpus.name not in RECIPES:
        raise TrainingError(
            f"no recipe for the corpus {corpus.name!r}; there is one for: {', '.join(RECIPES)}"
        )
    recipe = RECIPES[corpus.name]
    given = {name: getattr(options, name) for name in ("epochs", "batch_size", "precision", "seed")}
    settings = replace(recipe.settings, **{name: value for name, value in given.items() if value is not None})
    data = prepare(corpus, recipe)
    model = build_model(recipe, data, device, settings.seed)
    print(
        f"{corpus.name}: {len(data.train)} training texts, {data.train.tokens} tokens; "
        f"{count_parameters(model)} parameters on {describe_device(device)}; "
        f"processes: {parallel.process_count()}"
    )
    prepared = time.perf_counter()
    run = train(
        model,
        data.train,
        data.validation,
        settings,
        vocabulary=data.vocabulary,
        folder=options.folder,
        resume=options.resume,
    )
    if run.interrupted:
        raise SystemExit(130)  # the shell's number for "interrupted"
    trained = time.perf_counter()
    print(run.history.round(4).to_string())
    memory = peak_memory(device)
    print(
        f"reading and preparing {prepared - start:.1f} s, training {trained - prepared:.1f} s "
        f"in {run.precision}, peak memory {'not known' if memory is None else f'{memory / 2**20:,.0f} MiB'}"
    )
    test = parallel.decided_by_first(lambda: evaluate(model, data.test, run.precision))
    error = 1.96 * (test.accuracy * (1 - test.accuracy) / len(data.test)) ** 0.5
    print(
        f"best epoch {run.best_epoch} by validation; test accuracy {test.accuracy:.4f} ± {error:.4f}, "
        f"loss {test.loss:.4f}, read once"
    )
    if options.save and parallel.process_number() == 0:
        metrics = {
            "test_accuracy": test.accuracy,
            "test_accuracy_low": test.accuracy - error,
            "test_accuracy_high": min(1.0, test.accuracy + error),
            "test_texts": len(data.test),
        }
        about = f"Trained and measured on the corpus {corpus.name!r} of the course."
        classifier = artefact.Artefact(
            model.cpu(), data.vocabulary, recipe.max_tokens, metrics=metrics, data=about
        )
        artefact.save(classifier, options.save)
        print(f'saved in {options.save}: python -m helpers.predict {options.save} "a text"')


if __name__ == "__main__":
    main()
