"""How fast is the training loop, beside the way most tutorials write it and beside the bare LSTM?

    python benchmarks/training_speed.py [--corpus imdb] [--rounds 3] [--batches 12]

Four ways train the article's model (10,000 / 128 / 256 / 2) on the same texts:

tutorial   packed batches in random order (pack_padded_sequence), float32, subnormals kept; 3 batches
padded     padded batches of like length, the state gathered at the true length, float32
course     helpers.training's own epoch: the same, subnormals flushed, bfloat16 where it pays
bare LSTM  forward and backward of the LSTM alone on random numbers of the same shapes, no data, no update

Every figure is the median of several rounds; read the ratios, since machines are shared and noisy. A token
is a real one: pads are not counted. Flushing subnormals must be set before worker threads start, so each way
runs in its own process; the rounds of the four ways alternate.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time

import torch
from torch import Tensor, nn

WAYS = ("tutorial", "padded", "course", "bare LSTM")
TUTORIAL_BATCHES = 3  # it is so slow on a CPU that a few must do


def sample(corpus_name: str, batches: int, batch_size: int):
    """Encoded texts for `batches` batches of the named corpus, and the size of their vocabulary."""
    from helpers import corpus
    from helpers.text import Vocabulary, encode

    train = corpus.load(corpus_name).train
    some = train.sample(min(len(train), batches * batch_size), random_state=0)
    vocabulary = Vocabulary.build(some["text"], 10_000)
    return encode(some["text"].tolist(), some["label"].tolist(), vocabulary, max_tokens=400), len(vocabulary)


def run_tutorial(texts, vocabulary_size: int, batch_size: int, device: torch.device) -> tuple[int, float]:
    """One pass the usual way: random order, packed, `.item()` each step."""
    from helpers.model import TextClassifier

    torch.manual_seed(0)
    model = TextClassifier(vocabulary_size).to(device)
    optimizer = torch.optim.Adam(model.parameters())
    order = torch.randperm(len(texts)).split(batch_size)[:TUTORIAL_BATCHES]

    def step(rows: Tensor) -> int:
        batch = texts.batch(rows)
        ids, labels = batch.ids.to(device), batch.labels.to(device)
        packed = nn.utils.rnn.pack_padded_sequence(
            model.embedding(ids), batch.lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        _, (last, _) = model.lstm(packed)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model.fc(last[-1]), labels)
        loss.backward()
        optimizer.step()
        loss.item()
        return int(batch.lengths.sum())

    return timed(order, step, device)


def run_padded(texts, vocabulary_size: int, batch_size: int, device: torch.device) -> tuple[int, float]:
    """Padded batches of like length, true-length readout, float32, subnormals kept."""
    from helpers.model import TextClassifier
    from helpers.text import plan_batches

    torch.manual_seed(0)
    model = TextClassifier(vocabulary_size).to(device)
    optimizer = torch.optim.Adam(model.parameters())
    there = texts.to(device)

    def step(rows: Tensor) -> int:
        batch = there.batch(rows)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(batch.ids, batch.lengths), batch.labels)
        loss.backward()
        optimizer.step()
        return int(texts.lengths[rows].sum())

    return timed(plan_batches(texts.lengths, batch_size, torch.Generator().manual_seed(0)), step, device)


def run_course(texts, vocabulary_size: int, batch_size: int, device: torch.device) -> tuple[int, float]:
    """The epoch function that page 09 trains with."""
    from helpers import training
    from helpers.model import TextClassifier

    torch.manual_seed(0)
    settings = training.Settings(epochs=1, batch_size=batch_size)
    model = TextClassifier(vocabulary_size).to(device)
    precision = training.faster_precision(model, device, batch_size)
    optimizer = torch.optim.Adam(model.parameters(), fused=device.type != "mps")
    there = texts.to(device)
    row = training.train_epoch(model, there, optimizer, settings, 1, precision, progress=False)
    row = training.train_epoch(model, there, optimizer, settings, 1, precision, progress=False)
    return texts.tokens, row["seconds"]


def run_bare(texts, vocabulary_size: int, batch_size: int, device: torch.device) -> tuple[int, float]:
    """The LSTM alone, fed from memory: the speed limit of the model on this device."""
    from helpers import training
    from helpers.model import TextClassifier
    from helpers.text import plan_batches

    model = TextClassifier(vocabulary_size).to(device)
    precision = training.faster_precision(model, device, batch_size)

    def inputs_for(rows: Tensor) -> tuple[Tensor, int]:
        width, tokens = int(texts.lengths[rows].max()), int(texts.lengths[rows].sum())
        return torch.randn(len(rows), width, model.lstm.input_size, device=device, requires_grad=True), tokens

    def step(prepared: tuple[Tensor, int]) -> int:
        inputs, tokens = prepared
        with training.mixed_precision(device, precision):
            states, _ = model.lstm(inputs)
        states[:, -1].float().sum().backward()
        return tokens

    plan = plan_batches(texts.lengths, batch_size, torch.Generator().manual_seed(0))
    return timed([inputs_for(rows) for rows in plan], step, device)


def timed(order, step, device: torch.device) -> tuple[int, float]:
    """Tokens and seconds of `step` over all batches of `order`, after one step to warm up."""
    synchronize = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    step(order[0])
    synchronize()
    start = time.perf_counter()
    tokens = sum(step(rows) for rows in order)
    synchronize()
    return tokens, time.perf_counter() - start


RUN = {"tutorial": run_tutorial, "padded": run_padded, "course": run_course, "bare LSTM": run_bare}


def run_one(way: str, options: argparse.Namespace) -> None:
    """In a process of its own: run `way` once and print tokens and seconds as JSON."""
    if way in ("course", "bare LSTM"):
        import helpers.training  # noqa: F401  (flushes subnormals before any worker thread starts)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    texts, vocabulary_size = sample(options.corpus, options.batches, options.batch_size)
    tokens, seconds = RUN[way](texts, vocabulary_size, options.batch_size, device)
    print(json.dumps({"tokens": tokens, "seconds": seconds}))


def main() -> None:
    """Run every way `rounds` times in turn and print one table of medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", default="auto", help="auto, imdb or twins")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        run_one(options.way, options)
        return
    speeds: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(options.rounds):
        for way in WAYS:
            call = [sys.executable, __file__, "--way", way, "--corpus", options.corpus]
            call += ["--batches", str(options.batches), "--batch-size", str(options.batch_size)]
            done = subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True)
            result = json.loads(done.stdout.splitlines()[-1])
            speeds[way].append(result["tokens"] / result["seconds"])
    device = (
        torch.cuda.get_device_name()
        if torch.cuda.is_available()
        else f"CPU, {torch.get_num_threads()} threads"
    )
    print(
        f"torch {torch.__version__} on {device} ({platform.machine()}), {options.corpus}, "
        f"{options.batches} batches of {options.batch_size}, median of {options.rounds} rounds"
    )
    medians = {way: statistics.median(values) for way, values in speeds.items()}
    print(f"{'way':10} {'tokens/s':>10} {'min':>10} {'max':>10} {'x tutorial':>11} {'of bare':>8}")
    for way, median in medians.items():
        low, high = min(speeds[way]), max(speeds[way])
        print(
            f"{way:10} {median:10,.0f} {low:10,.0f} {high:10,.0f} {median / medians['tutorial']:11.1f} "
            f"{median / medians['bare LSTM']:8.0%}"
        )


if __name__ == "__main__":
    main()
