"""What reading without labels is worth: the course's LSTM pretrained on 50,000 reviews, then fine-tuned.

    python benchmarks/pretraining.py            all of it: more than an hour on one CPU thread
    python benchmarks/pretraining.py --quick    the same steps on generated text, in seconds; writes nothing
    python benchmarks/pretraining.py --units 1024 --readings 10     a larger reader, for a GPU

One model throughout: embedding 128, LSTM 128 with forget bias 1, mean over time, linear layer; 20,000 words,
those of the training texts (their labels are not looked at). Its settings were chosen on the validation set,
with 250 to 5,000 labels and seed 0: the mean, the learning rate (2e-3, 5e-3), batches of 8 in pretraining.

pretraining  its embedding and LSTM predict the next word on the unlabelled reviews; the last 1,000 of them
             are held out to measure that. Neither labels nor test reviews take part.
labels       250, 1,000, 5,000 and all 22,500 labelled reviews, from scratch and from the pretrained weights,
             three seeds each. A seed fixes the first weights and which labels are seen.
frozen       the same labels for a linear layer alone, on the states of the untrained reader and of the
             pretrained one: what the states tell about sentiment before any label has moved them.
readout      1,000 labelled reviews once more, with the maximum over time in place of the mean.
size         5,000 labelled reviews, from scratch, smaller models, three seeds each.

Of each run the best epoch is chosen on the validation set (2,500 reviews), and the test set (25,000) is read
once. Every finished run is appended to helpers/measured/pretraining.csv at once, and skipped when it stands
there: stop the script whenever you like. The pretrained weights, one file an epoch, lie in runs/pretraining.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from helpers import corpus as corpora
from helpers.checkpoints import save_whole
from helpers.devices import mixed_precision, pick_device, seed_everything, synchronize
from helpers.language_model import adaptive_head, hand_over, next_word_loss, states_and_next
from helpers.learner import Settings, learning_rate_at
from helpers.model import TextClassifier, count_parameters
from helpers.text import EncodedTexts, Vocabulary, batches, encode, plan_batches
from helpers.training import evaluate, train

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "helpers/measured/pretraining.csv"
KEPT = ROOT / "runs/pretraining"
COLUMNS = [
    *("group", "start", "readings", "labels", "embedding", "hidden", "readout"),
    *("seed", "epochs", "best_epoch"),
    *("loss", "validation", "test", "parameters", "tokens", "cpu_minutes"),
    *("precision", "device", "torch", "date"),
]
EMBEDDING_SPREAD = 0.1  # of the first numbers of the embedding


@dataclass(frozen=True)
class Plan:
    """How much of everything; the settings of both starts are the same.

    units: numbers a word and units of the LSTM. sizes: fewer of them, for the runs of group "size".
    """

    units: int = 128
    words: int = 20_000
    max_tokens: int = 400
    held_out: int = 1_000
    pretraining: Settings = field(
        default_factory=lambda: Settings(epochs=3, batch_size=8, learning_rate=3e-3, warmup=0.02)
    )
    seeds: tuple[int, ...] = (0, 1, 2)
    # labelled reviews -> epochs, batch size: fewer reviews are read more often, in smaller batches
    labels: tuple[tuple[int, int, int], ...] = (
        (250, 10, 8),
        (1_000, 6, 16),
        (5_000, 4, 32),
        (22_500, 3, 64),
    )
    learning_rate: float = 5e-3
    readout_labels: int = 1_000
    size_labels: int = 5_000
    sizes: tuple[int, ...] = (2, 8, 32)

    def model(self, units: int | None = None, readout: str = "mean") -> dict[str, int | float | str]:
        """What `TextClassifier` is built with."""
        units = units or self.units
        return dict(embedding_dim=units, hidden_dim=units, readout=readout, forget_bias=1.0, dropout=0.3)

    def training(self, epochs: int, batch_size: int, precision: str, seed: int) -> Settings:
        """How a classifier is trained: to the last epoch, whatever its start."""
        return Settings(
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=self.learning_rate,
            patience=epochs,
            precision=precision,
            seed=seed,
        )


QUICK = Plan(
    words=300,
    held_out=100,
    pretraining=Settings(epochs=1, batch_size=64, learning_rate=4e-3),
    seeds=(0,),
    labels=((200, 2, 16), (1_000, 2, 32)),
    readout_labels=200,
    size_labels=1_000,
    sizes=(4,),
)


@dataclass(frozen=True)
class Texts:
    """Everything encoded with one vocabulary; `unlabelled` is split in two, to learn and to measure."""

    vocabulary: Vocabulary
    train: EncodedTexts
    validation: EncodedTexts
    test: EncodedTexts
    unlabelled: EncodedTexts
    held_out: EncodedTexts


def load(quick: bool, plan: Plan) -> Texts:
    """The real reviews; for a quick try the twins, whose training texts then play the unlabelled ones too."""
    corpus = corpora.load("twins" if quick else "imdb")
    vocabulary = Vocabulary.build(corpus.train["text"], plan.words)
    splits = [
        encode(list(frame["text"]), list(frame["label"]), vocabulary, plan.max_tokens)
        for frame in (corpus.train, corpus.validation, corpus.test)
    ]
    texts = list((corpus.train if quick else corpora.unlabelled())["text"])
    cut = len(texts) - plan.held_out
    bare = [encode(part, [0] * len(part), vocabulary, plan.max_tokens) for part in (texts[:cut], texts[cut:])]
    return Texts(vocabulary, *splits, *bare)


def fresh(texts: Texts, seed: int, device: torch.device, built_with: dict) -> TextClassifier:
    """A model with the first weights of `seed`.

    torch draws an embedding with spread 1, so that a row of 128 numbers is 11 long; next-word prediction
    moves it by 2 to 7, and most of what is handed over would be the noise of the start. Hence a tenth.
    """
    seed_everything(seed)
    model = TextClassifier(len(texts.vocabulary), **built_with)
    with torch.no_grad():
        model.embedding.weight.mul_(EMBEDDING_SPREAD)
    return model.to(device)


# --- pretraining ---------------------------------------------------------------------------------------


def pretrain(texts: Texts, plan: Plan, device: torch.device, precision: str, log: Log) -> TextClassifier:
    """The reader after all epochs of next-word prediction; goes on after the last epoch kept on disk."""
    settings, unlabelled = plan.pretraining, texts.unlabelled.to(device)
    reader = fresh(texts, settings.seed, device, plan.model())
    head = adaptive_head(reader).to(device)
    both = nn.ModuleList([reader, head])
    optimizer = torch.optim.Adam(both.parameters(), lr=settings.learning_rate, fused=device.type != "mps")
    done = log.last_epoch_kept(settings, plan.units)
    if done:
        kept = torch.load(log.epoch_file(settings, plan.units, done), map_location=device, weights_only=True)
        both.load_state_dict(kept["weights"])
        optimizer.load_state_dict(kept["optimizer"])
    for epoch in range(done + 1, settings.epochs + 1):
        start, losses = time.process_time(), []
        order = torch.Generator().manual_seed(1_000_003 * settings.seed + epoch)
        steps = len(plan_batches(unlabelled.lengths, settings.batch_size))
        for number, batch in enumerate(batches(unlabelled, settings.batch_size, order), (epoch - 1) * steps):
            optimizer.zero_grad(set_to_none=True)
            with mixed_precision(device, precision):
                states, words = states_and_next(reader, batch.ids, batch.lengths)  # forward
                loss = next_word_loss(head, states, words)  # loss
            loss.backward()  # backward
            nn.utils.clip_grad_norm_(both.parameters(), settings.clip)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate_at(number, settings.epochs * steps, settings)
            optimizer.step()  # update
            losses.append(loss.detach())
            if len(losses) % 100 == 0:
                mean = torch.stack(losses[-100:]).mean().item()
                print(f"  epoch {epoch}, step {len(losses)} of {steps}: {mean:.3f} nats a word", flush=True)
        synchronize(device)
        minutes = (time.process_time() - start) / 60
        held_out = next_word_nats(reader, head, texts.held_out.to(device))  # measure
        state = {"weights": both.state_dict(), "optimizer": optimizer.state_dict()}
        log.keep_epoch(settings, plan.units, epoch, state)
        log.add(
            group="pretraining",
            readings=settings.epochs,
            embedding=plan.units,
            hidden=plan.units,
            seed=settings.seed,
            epochs=settings.epochs,
            best_epoch=epoch,
            loss=held_out,
            parameters=count_parameters(both),
            tokens=unlabelled.tokens,
            cpu_minutes=minutes,
            precision=precision,
        )
    return reader


@torch.no_grad()
def next_word_nats(reader: TextClassifier, head: nn.Module, encoded: EncodedTexts) -> float:
    """Mean cross-entropy a word, over all words of `encoded` but the first of each text; in float32."""
    total, count = 0.0, 0
    for batch in batches(encoded, 64):
        states, words = states_and_next(reader, batch.ids, batch.lengths)
        total += next_word_loss(head, states, words).item() * len(words)
        count += len(words)
    return total / count


# --- from scratch and fine-tuned -----------------------------------------------------------------------


def labelled_rows(encoded: EncodedTexts, count: int, seed: int) -> Tensor:
    """Rows of `count` of the texts, half of each class, drawn by `seed`; all rows if count is all."""
    if count >= len(encoded):
        return torch.arange(len(encoded))
    order = torch.randperm(len(encoded), generator=torch.Generator().manual_seed(1_000 + seed))
    by_class = [order[encoded.labels[order] == label][: count // 2] for label in (0, 1)]
    return torch.cat(by_class).sort().values


def classify(
    model: TextClassifier, texts: Texts, labels: int, settings: Settings
) -> dict[str, float | int | str]:
    """Train on so many labels, choose the epoch on validation, read the test set once."""
    rows = labelled_rows(texts.train, labels, settings.seed)
    seen = replace(
        texts.train,
        starts=texts.train.starts[rows],
        lengths=texts.train.lengths[rows],
        labels=texts.train.labels[rows],
    )
    start = time.process_time()
    run = train(model, seen, texts.validation, settings, progress=False)
    minutes = (time.process_time() - start) / 60
    best = run.history.loc[run.best_epoch]
    return {
        "best_epoch": run.best_epoch,
        "loss": best["validation_loss"],
        "validation": best["validation_accuracy"],
        "test": evaluate(model, texts.test, run.precision).accuracy,
        "parameters": count_parameters(model),
        "tokens": seen.tokens * len(run.history),
        "cpu_minutes": minutes,
        "precision": run.precision,
    }


@torch.no_grad()
def summaries(model: TextClassifier, encoded: EncodedTexts) -> Tensor:
    """What the model's last layer would read, [texts, hidden]."""
    model.eval()
    read = torch.empty(len(encoded), model.fc.in_features)
    for batch in batches(encoded.to(next(model.parameters()).device), 64):
        states, _ = model.lstm(model.embedding(batch.ids))  # [batch, time, hidden]
        read[batch.rows.cpu()] = model.read(states, batch.lengths).cpu()
    return read


def only_the_last_layer(
    read: Sequence[Tensor], texts: Texts, labels: int, settings: Settings
) -> dict[str, float | int | str]:
    """Fit a linear layer on frozen states, choose its penalty on validation, read the test set once.

    read: `summaries` of the training, validation and test texts. The minutes are those of the fits.
    """
    rows, start = labelled_rows(texts.train, labels, settings.seed), time.process_time()
    seen, validation, test = read[0][rows].numpy(), read[1].numpy(), read[2].numpy()
    fits = [
        make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=1_000)).fit(
            seen, texts.train.labels[rows]
        )
        for C in (0.001, 0.01, 0.1, 1.0)
    ]
    best = max(fits, key=lambda fit: fit.score(validation, texts.validation.labels))
    minutes = (time.process_time() - start) / 60
    return {
        "validation": best.score(validation, texts.validation.labels),
        "test": best.score(test, texts.test.labels),
        "parameters": seen.shape[1] + 1,
        "tokens": int(texts.train.lengths[rows].sum()),
        "cpu_minutes": minutes,
        "precision": "float32",
    }


@dataclass(frozen=True)
class Runs:
    """All that the runs share; `reader()` is the pretrained model, made when it is first asked for."""

    texts: Texts
    plan: Plan
    device: torch.device
    precision: str
    log: Log
    reader: Callable[[], TextClassifier]
    _states: dict[int | str, list[Tensor]] = field(default_factory=dict)

    def states(self, start: str, seed: int) -> list[Tensor]:
        """`summaries` of training, validation and test texts; of every start they are read only once.

        The pretrained reader is the same for all seeds.
        """
        key = "pretrained" if start == "pretrained" else seed
        if key not in self._states:
            model = self.model(start, seed, self.plan.model())
            splits = (self.texts.train, self.texts.validation, self.texts.test)
            self._states[key] = [summaries(model, split) for split in splits]
        return self._states[key]

    def model(self, start: str, seed: int, built_with: dict) -> TextClassifier:
        """A fresh model of this seed; embedding and LSTM are the reader's where it starts pretrained."""
        model = fresh(self.texts, seed, self.device, built_with)
        if start == "pretrained":
            hand_over(self.reader(), model)
        return model

    def one(self, group: str, start: str, labels: int, seed: int, **other: int | str) -> None:
        """From `start`, on so many labels, unless the run stands in the table. other: units, readout."""
        count, epochs, batch_size = next(row for row in self.plan.labels if row[0] == labels)
        built_with = self.plan.model(**other)
        key = {
            "group": group,
            "start": start,
            "readings": self.plan.pretraining.epochs if start == "pretrained" else 0,
            "labels": count,
            "embedding": built_with["embedding_dim"],
            "hidden": built_with["hidden_dim"],
            "readout": built_with["readout"],
            "seed": seed,
            "epochs": "" if group == "frozen" else epochs,
        }
        if self.log.has(**key):
            return
        settings = self.plan.training(epochs, batch_size, self.precision, seed)
        if group == "frozen":
            result = only_the_last_layer(self.states(start, seed), self.texts, labels, settings)
        else:
            result = classify(self.model(start, seed, built_with), self.texts, labels, settings)
        self.log.add(**key | result)

    def all(self) -> None:
        """The small numbers of labels first; one seed after the other."""
        starts = ("scratch", "pretrained")
        for group in ("labels", "frozen"):
            for seed in self.plan.seeds:
                for labels, _, _ in self.plan.labels:
                    for start in starts:
                        self.one(group, start, labels, seed)
        for seed in self.plan.seeds:
            for start in starts:
                self.one("readout", start, self.plan.readout_labels, seed, readout="max")
            for units in self.plan.sizes:
                self.one("size", "scratch", self.plan.size_labels, seed, units=units)


# --- the table -----------------------------------------------------------------------------------------


class Log:
    """The table of finished runs, and the pretrained weights; with `quick` neither is written to disk."""

    def __init__(self, device: torch.device, quick: bool) -> None:
        self.device, self.quick, self.rows, self.states = device, quick, [], {}
        if TABLE.exists() and not quick:
            with TABLE.open(newline="", encoding="utf-8") as file:
                self.rows = list(csv.DictReader(file))

    def has(self, **wanted: object) -> bool:
        """Whether a run with these columns stands in the table."""
        return any(all(row[key] == str(value) for key, value in wanted.items()) for row in self.rows)

    def add(self, **values: object) -> None:
        """Append a run, print it."""
        values = {
            **values,
            "device": self.device.type,
            "torch": torch.__version__.split("+")[0],
            "date": date.today().isoformat(),
        }
        row = {name: shown(values.get(name, "")) for name in COLUMNS}
        self.rows.append(row)
        print(", ".join(f"{name} {value}" for name, value in row.items() if value), flush=True)
        if self.quick:
            return
        TABLE.parent.mkdir(exist_ok=True)
        new = not TABLE.exists()
        with TABLE.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(row)

    def epoch_file(self, settings: Settings, units: int, epoch: int) -> Path:
        return KEPT / f"{units}-units-epoch-{epoch}-of-{settings.epochs}.pt"

    def last_epoch_kept(self, settings: Settings, units: int) -> int:
        """The last epoch whose weights are on disk and whose row is in the table; 0 if there is none."""
        done = [
            epoch
            for epoch in range(1, settings.epochs + 1)
            if not self.quick
            and self.epoch_file(settings, units, epoch).exists()
            and self.has(group="pretraining", hidden=units, epochs=settings.epochs, best_epoch=epoch)
        ]
        return max(done, default=0)

    def keep_epoch(self, settings: Settings, units: int, epoch: int, state: dict) -> None:
        if not self.quick:
            KEPT.mkdir(parents=True, exist_ok=True)
            save_whole(state, self.epoch_file(settings, units, epoch))


def shown(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--quick", action="store_true", help="on generated text, in seconds; nothing is written"
    )
    parser.add_argument("--device", help="cuda, mps or cpu; default: the best one here")
    parser.add_argument("--precision", default="bfloat16", help="float32 or bfloat16; default: %(default)s")
    parser.add_argument(
        "--units",
        type=int,
        default=Plan.units,
        help="numbers a word and units of the LSTM; default: %(default)s",
    )
    parser.add_argument(
        "--readings",
        type=int,
        help="how often the unlabelled reviews are read; default: 3, or 1 with --quick",
    )
    options = parser.parse_args()
    plan, device = QUICK if options.quick else Plan(), pick_device(options.device)
    readings = options.readings or plan.pretraining.epochs
    plan = replace(plan, units=options.units, pretraining=replace(plan.pretraining, epochs=readings))
    texts, log = load(options.quick, plan), Log(device, options.quick)
    print(
        f"{len(texts.unlabelled):,} unlabelled reviews, {texts.unlabelled.tokens:,} tokens; "
        f"{len(texts.vocabulary):,} words",
        flush=True,
    )
    reader: list[TextClassifier] = []

    def pretrained() -> TextClassifier:
        if not reader:
            reader.append(pretrain(texts, plan, device, options.precision, log))
        return reader[0]

    Runs(texts, plan, device, options.precision, log, pretrained).all()


if __name__ == "__main__":
    main()
