"""How fast is the training loop, beside the way most tutorials write it and beside the bare LSTM?

    python benchmarks/training_speed.py [--corpus imdb] [--device cuda]

Five ways train the article's model (10,000 / 128 / 256 / 2) on the same texts:

tutorial     DataLoader, random order, packed batches (pack_padded_sequence), float32, `.item()` each step
padded       padded batches of like length, the state gathered at the true length, float32
course       helpers.training's own epoch: the same, ids resident on the device, subnormals flushed, 16 bits
             where that is faster, fused update, clipping, loss looked at twice a second
model alone  forward, backward and update of the course's way on batches laid out beforehand, nothing else
bare LSTM    forward and backward of the LSTM alone on random numbers of the same shapes, no update

Then: where the time of a course step goes, what 1, 2 and 4 times the reviews cost, and peak memory.

Figures are medians over rounds; read the ratios, since machines are shared and noisy. A token is a real one:
pads are not counted. Every way is warmed up on the shapes that are timed. Flushing subnormals must be set
before worker threads start, and memory is a matter of the process, so each way runs in a process of its own;
the rounds of the five alternate. With the defaults it takes 4 to 8 minutes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import torch
from torch import Tensor, nn

from helpers.devices import describe_device, peak_memory, pick_device, synchronize
from helpers.model import TextClassifier
from helpers.text import Batch, EncodedTexts, Vocabulary, encode, plan_batches

WAYS = ("tutorial", "padded", "course", "model alone", "bare LSTM")
AS_OF_THE_COURSE = ("course", "model alone", "bare LSTM", "details")  # subnormals flushed
BATCHES = {"cpu": 24, "mps": 96, "cuda": 352}  # texts to train on, in batches: a GPU needs more to be timed


# --- the five ways -----------------------------------------------------------------------------------


def timed(step: Callable[[object], int], work: Iterable, device: torch.device, seconds: float) -> dict:
    """Tokens and seconds of `step` over `work`, again and again for about `seconds`, after a pass to warm up.

    step: takes one piece of work and returns its tokens. The warm-up, too, ends after `seconds`; what it did
    not reach is not timed.
    """
    warm, start = [], time.perf_counter()
    for piece in work:
        step(piece)
        warm.append(piece)
        if time.perf_counter() - start > seconds:
            break
    synchronize(device)
    tokens, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        for piece in warm:
            tokens += step(piece)
            if time.perf_counter() - start > seconds:
                break
    synchronize(device)
    return {"tokens": tokens, "seconds": time.perf_counter() - start}


class Texts(torch.utils.data.Dataset):
    """One text at a time, as ids and label."""

    def __init__(self, encoded: EncodedTexts) -> None:
        ends = encoded.starts + encoded.lengths
        self.rows = [encoded.flat[a:b].long() for a, b in zip(encoded.starts, ends, strict=True)]
        self.labels = encoded.labels

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        return self.rows[row], self.labels[row]


def collate(pairs: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    """ids [batch, time] padded with 0, lengths [batch], labels [batch]."""
    rows, labels = zip(*pairs, strict=True)
    lengths = torch.tensor([len(row) for row in rows])
    return nn.utils.rnn.pad_sequence(rows, batch_first=True), lengths, torch.stack(labels)


def run_tutorial(texts: EncodedTexts, words: int, options: argparse.Namespace, device: torch.device) -> dict:
    """The usual way: DataLoader, random order, packed, `.item()` each step."""
    model = TextClassifier(words).to(device)
    optimizer = torch.optim.Adam(model.parameters())
    loader = torch.utils.data.DataLoader(
        Texts(texts), batch_size=options.batch_size, shuffle=True, collate_fn=collate
    )
    batches = iter(loader)
    total_loss, total_right = 0.0, 0

    def step(_: int) -> int:
        nonlocal batches, total_loss, total_right
        batch = next(batches, None)
        if batch is None:
            batches = iter(loader)
            batch = next(batches)
        ids, lengths, labels = batch[0].to(device), batch[1], batch[2].to(device)
        packed = nn.utils.rnn.pack_padded_sequence(
            model.embedding(ids), lengths, batch_first=True, enforce_sorted=False
        )
        _, (last, _) = model.lstm(packed)
        logits = model.fc(last[-1])
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(logits, labels)
        loss.backward()
        optimizer.step()
        total_loss += loss.item()
        total_right += (logits.argmax(dim=1) == labels).sum().item()
        return int(lengths.sum())

    return timed(step, range(len(loader)), device, options.seconds)


def run_padded(texts: EncodedTexts, words: int, options: argparse.Namespace, device: torch.device) -> dict:
    """Padded batches of like length, true-length readout, float32, subnormals kept."""
    model = TextClassifier(words).to(device)
    optimizer = torch.optim.Adam(model.parameters())
    there = texts.to(device)

    def step(rows: Tensor) -> int:
        batch = there.batch(rows)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(batch.ids, batch.lengths), batch.labels)
        loss.backward()
        optimizer.step()
        return int(texts.lengths[rows].sum())

    return timed(step, plan_of(texts, options), device, options.seconds)


def plan_of(texts: EncodedTexts, options: argparse.Namespace) -> list[Tensor]:
    """Rows by batch, texts of like length together."""
    return plan_batches(texts.lengths, options.batch_size, torch.Generator().manual_seed(0))


def learner_for(texts: EncodedTexts, words: int, options: argparse.Namespace, device: torch.device):
    """A fresh model with all that the course's loop gives it."""
    from helpers.learner import Learner, Settings

    torch.manual_seed(0)
    settings = Settings(epochs=1_000, batch_size=options.batch_size)  # the rate stays in its rise
    return Learner(TextClassifier(words).to(device), settings, options.precision, 1_000 * len(texts))


def run_course(texts: EncodedTexts, words: int, options: argparse.Namespace, device: torch.device) -> dict:
    """The epoch function that page 09 trains with."""
    from helpers.training import train_epoch

    learner, there = learner_for(texts, words, options, device), texts.to(device)
    train_epoch(learner, there, 1)
    rows = []
    while sum(row["seconds"] for row in rows) < options.seconds:
        rows.append(train_epoch(learner, there, 1))  # epoch 1 again: the shapes that are warm
    return {"tokens": texts.tokens * len(rows), "seconds": sum(row["seconds"] for row in rows)}


def run_model_alone(
    texts: EncodedTexts, words: int, options: argparse.Namespace, device: torch.device
) -> dict:
    """The same model, precision and update on batches that lie ready."""
    from helpers.measuring import resident_batches

    learner = learner_for(texts, words, options, device)
    plan = plan_of(texts, options)
    ready = list(zip(resident_batches(texts.to(device), plan), map(texts_tokens(texts), plan), strict=True))

    def step(prepared: tuple[Batch, int]) -> int:
        batch, tokens = prepared
        loss, _ = learner.forward(batch, len(batch.rows))
        learner.backward(loss)
        learner.scaler.step(learner.optimizer)
        learner.scaler.update()
        return tokens

    return timed(step, ready, device, options.seconds)


def texts_tokens(texts: EncodedTexts) -> Callable[[Tensor], int]:
    """How many tokens the texts of these rows have."""
    return lambda rows: int(texts.lengths[rows].sum())


def run_bare(texts: EncodedTexts, words: int, options: argparse.Namespace, device: torch.device) -> dict:
    """The LSTM alone, fed from memory: the speed limit of the model on this device."""
    from helpers.devices import mixed_precision

    lstm = TextClassifier(words).lstm.to(device)

    def ready(rows: Tensor) -> tuple[Tensor, int]:
        width, tokens = int(texts.lengths[rows].max()), int(texts.lengths[rows].sum())
        return torch.randn(len(rows), width, lstm.input_size, device=device, requires_grad=True), tokens

    def step(prepared: tuple[Tensor, int]) -> int:
        inputs, tokens = prepared
        inputs.grad = None
        lstm.zero_grad()
        with mixed_precision(device, options.precision):
            states, _ = lstm(inputs)
        states[:, -1].float().sum().backward()
        return tokens

    return timed(step, [ready(rows) for rows in plan_of(texts, options)], device, options.seconds)


# --- the course's step in detail ---------------------------------------------------------------------


def run_details(texts: EncodedTexts, words: int, options: argparse.Namespace, device: torch.device) -> dict:
    """Where the time of a step goes, and what an epoch of a quarter, a half and all of the texts costs."""
    learner, there = learner_for(texts, words, options, device), texts.to(device)
    seconds_of_epochs(learner, there, 1)  # warms every shape of the plan below
    return {
        "parts": shares_of_parts(learner, there, options),
        "epochs": {
            times: seconds_of_epochs(learner, part_of(there, times / 4), options.rounds)
            for times in (1, 2, 4)
        },
    }


def shares_of_parts(learner, there: EncodedTexts, options: argparse.Namespace) -> dict[str, float]:
    """Share of each part of a step, the device waited for after each."""
    from helpers.measuring import resident_batches

    spent = dict.fromkeys(("data", "forward", "backward", "update"), 0.0)

    def clock(part: str | None = None) -> None:
        nonlocal last
        synchronize(learner.device)
        now = time.perf_counter()
        if part:
            spent[part] += now - last
        last = now

    last = 0.0
    clock()
    for number, batch in enumerate(resident_batches(there, plan_of(there, options))):
        clock("data")
        loss, _ = learner.forward(batch, len(batch.rows))
        clock("forward")
        learner.backward(loss)
        clock("backward")
        learner.update(number)
        clock("update")
    total = sum(spent.values())
    return {part: seconds / total for part, seconds in spent.items()}


def part_of(texts: EncodedTexts, share: float) -> EncodedTexts:
    """The first texts, as many as the share says; they stand in random order."""
    count = round(share * len(texts))
    return EncodedTexts(texts.flat, texts.starts[:count], texts.lengths[:count], texts.labels[:count])


def seconds_of_epochs(learner, texts: EncodedTexts, rounds: int) -> float:
    """Median seconds of an epoch, after one to warm up."""
    from helpers.training import train_epoch

    return statistics.median([train_epoch(learner, texts, 1)["seconds"] for _ in range(rounds + 1)][1:])


# --- one process a way -------------------------------------------------------------------------------

RUN = {
    "tutorial": run_tutorial,
    "padded": run_padded,
    "course": run_course,
    "model alone": run_model_alone,
    "bare LSTM": run_bare,
    "details": run_details,
}


def run_one(options: argparse.Namespace) -> None:
    """In a process of its own: run one way once and print what it found as JSON."""
    if options.way in AS_OF_THE_COURSE:
        import helpers.training  # noqa: F401  (flushes subnormals before any worker thread starts)
    device = pick_device(options.device)
    found = torch.load(options.sample, weights_only=True)
    texts = EncodedTexts(found["flat"], found["starts"], found["lengths"], found["labels"])
    print(
        json.dumps(RUN[options.way](texts, found["words"], options, device) | {"memory": peak_memory(device)})
    )


def in_own_process(way: str, options: argparse.Namespace) -> dict:
    """Run this script for one way and read what it found."""
    call = [sys.executable, __file__, "--way", way, "--sample", str(options.sample)]
    for name in ("device", "rounds", "batch_size", "seconds", "precision"):
        call += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    done = subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def write_sample(options: argparse.Namespace) -> tuple[str, int, float]:
    """Encode texts for all ways once; returns the corpus's name, how many texts, and tokens a text."""
    from helpers import corpus

    reviews = corpus.load(options.corpus)
    train = reviews.train
    some = train.sample(min(len(train), options.batches * options.batch_size), random_state=0)
    vocabulary = Vocabulary.build(some["text"], 10_000)
    texts = encode(some["text"].tolist(), some["label"].tolist(), vocabulary, max_tokens=400)
    parts = {name: getattr(texts, name) for name in ("flat", "starts", "lengths", "labels")}
    torch.save(parts | {"words": len(vocabulary)}, options.sample)
    return reviews.name, len(texts), texts.tokens / len(texts)


def mib(memory: int | None) -> str:
    """Bytes as MiB; a dash where the system does not tell."""
    return "—" if memory is None else f"{memory / 2**20:,.0f}"


def print_speeds(found: dict[str, list[dict]]) -> None:
    """One row a way: median tokens a second and its ratios, spread, peak memory."""
    speeds = {way: [one["tokens"] / one["seconds"] for one in results] for way, results in found.items()}
    medians = {way: statistics.median(values) for way, values in speeds.items()}
    print(f"\n{'way':12}{'tokens/s':>11}{'lowest':>11}{'highest':>11}", end="")
    print(f"{'x tutorial':>12}{'of model':>10}{'of bare':>9}{'peak MiB':>10}")
    for way, median in medians.items():
        low, high, memory = min(speeds[way]), max(speeds[way]), found[way][-1]["memory"]
        print(
            f"{way:12}{median:11,.0f}{low:11,.0f}{high:11,.0f}{median / medians['tutorial']:12.1f}"
            f"{median / medians['model alone']:10.0%}{median / medians['bare LSTM']:9.0%}{mib(memory):>10}"
        )
    if was_disturbed(speeds):
        print("Other programs were busy meanwhile: take it again when the machine is at rest.")


def was_disturbed(speeds: dict[str, list[float]]) -> bool:
    """Whether a way was so much slower in one round than in another that its median tells little."""
    return any(min(values) < 0.7 * max(values) for values in speeds.values())


def main() -> None:
    """Run every way `rounds` times in turn; print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", default="auto", help="auto, imdb or twins")
    parser.add_argument("--device", help="cuda, mps or cpu; default: the best one here")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, help="texts, in batches; default: 24 on a CPU, 352 on CUDA")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5.0, help="time for one measurement; default: 5")
    parser.add_argument("--precision", help="of the last three ways; default: the faster one here")
    for hidden in ("--way", "--sample"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        run_one(options)
        return
    start = time.perf_counter()
    device = pick_device(options.device)
    options.device, options.batches = device.type, options.batches or BATCHES[device.type]
    if options.precision is None:
        from helpers.devices import faster_precision

        options.precision = faster_precision(TextClassifier(10_000).to(device), device, options.batch_size)
    with tempfile.TemporaryDirectory() as folder:
        options.sample = Path(folder) / "sample.pt"
        name, count, length = write_sample(options)
        print(
            f"{date.today()}, torch {torch.__version__}, {describe_device(device)}\n"
            f"{name}: {count} texts, {length:.0f} tokens each, batches of {options.batch_size}; "
            f"the last three ways in {options.precision}; medians of {options.rounds} rounds"
        )
        found: dict[str, list[dict]] = {way: [] for way in WAYS}
        for _ in range(options.rounds):
            for way in WAYS:
                found[way].append(in_own_process(way, options))
        details = in_own_process("details", options)
    print_speeds(found)
    parts = ", ".join(f"{part} {share:.1%}" for part, share in details["parts"].items())
    print(f"\nwhere the time of a course step goes: {parts}")
    epochs = {int(times): seconds for times, seconds in details["epochs"].items()}
    print(f"cost of 1, 2, 4 x {count // 4} reviews, an epoch: ", end="")
    print(", ".join(f"{seconds:.2f} s (x {seconds / epochs[1]:.2f})" for seconds in epochs.values()))
    memory = "tensors on the GPU" if device.type == "cuda" else "the whole process, torch's code included"
    print(f"peak memory: {memory if peak_memory(device) else 'not known on this system'}")
    print(f"taken in {(time.perf_counter() - start) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
