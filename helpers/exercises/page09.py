"""Exercises of page 09, training: luck, error bars, one batch by heart, 16 bits, clocks, honest reports."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from helpers.exercises import Exercise, Fingerprint, NotAnAnswer, OnInputs, Order, a_function
from helpers.model import TextClassifier

# 09.3  One batch by heart

IDS = torch.tensor([[2, 3, 4, 0], [5, 3, 2, 6], [4, 4, 0, 0], [6, 0, 0, 0], [3, 5, 7, 0]])
BATCH = SimpleNamespace(
    ids=IDS, lengths=(IDS > 0).sum(dim=1), labels=torch.tensor([0, 1, 1, 0, 1]), rows=torch.arange(5)
)


def movement(weight: nn.Parameter, before: torch.Tensor) -> str:
    """Whether a weight has moved; if not, whether its gradient was thrown away or never used."""
    if not torch.equal(before, weight.detach()):
        return "yes"
    return "never used" if weight.grad is not None and weight.grad.any() else "thrown away"


def watched(answer: Any) -> dict:
    """What a solution of 09.3 does to a small model: its losses, and how it treats the gradients."""
    function = a_function(answer)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(9)
        model = TextClassifier(8, 6, 7)
        before = model.fc.weight.detach().clone()
        given, kept = [], []
        model.fc.weight.register_hook(lambda gradient: given.append(gradient.clone()))
        model.fc.weight.register_post_accumulate_grad_hook(lambda weight: kept.append(weight.grad.clone()))
        losses = function(model, BATCH)
    losses = (
        [float(torch.as_tensor(loss).detach()) for loss in losses]
        if isinstance(losses, (list, tuple, torch.Tensor))
        else []
    )
    same = (torch.allclose(new, total) for new, total in zip(given, kept, strict=True))
    return {
        "gradients are computed": bool(given),
        "every step has a gradient of its own": all(same),
        "weights move": movement(model.fc.weight, before),
        "a loss a step is returned": len(losses) == len(given) > 1,
        "the first loss is near ln 2": bool(losses) and abs(losses[0] - 0.6931) < 0.2,
        "the batch is known by heart": bool(losses) and losses[-1] < 0.01,
    }


class Watched:
    """The answer is a function of (model, batch); it is judged by what it does."""

    def __call__(self, answer: Any) -> dict:
        return watched(answer)

    def describe(self, observed: dict, right: dict, tolerance: float) -> str:
        missing = [what for what in right if observed[what] != right[what]]
        return f"Not so yet: {'; '.join(missing)}."


def by_heart(model: nn.Module, batch: Any, steps: int = 200) -> list[float]:
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(batch.ids, batch.lengths), batch.labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# 09.5  The clock that did not wait


class Device:
    """Stands for a GPU with a clock of its own: `launch` returns at once, the work is done later, in turn."""

    ORDER = 0.001  # seconds to order a piece of work

    def __init__(self, backlog: float = 0.0) -> None:
        self._now, self._free, self.waits = 10.0, 10.0 + backlog, 0

    def clock(self) -> float:
        return self._now

    def launch(self, seconds: float) -> None:
        self._now += self.ORDER
        self._free = max(self._free, self._now) + seconds

    def synchronize(self) -> None:
        self.waits += 1
        self._now = max(self._now, self._free)

    @property
    def idle(self) -> bool:
        return self._now >= self._free


def clocked(answer: Any) -> dict:
    """What a stopwatch says of 2 seconds of work on an idle device, and on one that is busy for 5 more."""
    function, seen = a_function(answer), {}
    for name, backlog in (("idle", 0.0), ("busy", 5.0)):
        device = Device(backlog)
        seconds = function(lambda device=device: device.launch(2.0), device)
        if seconds is ...:
            return {"idle": ...}  # not written yet
        if not isinstance(seconds, (int, float)):
            raise NotAnAnswer(f"The function must return the seconds, one number; it returned {seconds!r}.")
        seen[name] = round(float(seconds), 6)
        seen[f"waited ({name})"] = device.idle
    return seen


class Clocked:
    """The answer is a function of (work, device) that returns seconds."""

    def __call__(self, answer: Any) -> dict:
        return clocked(answer)

    def describe(self, observed: dict, right: dict, tolerance: float) -> str:
        return (
            f"Two seconds of work: your clock says {observed['idle']:.3f} on an idle device and "
            f"{observed['busy']:.3f} on one that was busy before."
        )


def waiting_clock(work: Callable[[], None], device: Device) -> float:
    device.synchronize()
    start = device.clock()
    work()
    device.synchronize()
    return device.clock() - start


# 09.6  An honest report


def scores(labels: list[int], answers: list[int], positive: int = 1) -> tuple[float, float, float]:
    """Accuracy, precision and recall."""
    pairs = list(zip(labels, answers, strict=True))
    hits = sum(label == answer == positive for label, answer in pairs)
    accuracy = sum(label == answer for label, answer in pairs) / len(pairs)
    return accuracy, hits / answers.count(positive), hits / labels.count(positive)


def report(validation: list[float], labels: list[int], answers: list[list[int]]) -> tuple:
    return scores(labels, answers[validation.index(max(validation))])


def best_on_test(validation: list[float], labels: list[int], answers: list[list[int]]) -> tuple:
    return max((scores(labels, given) for given in answers), key=lambda found: found[0])


def swapped(validation: list[float], labels: list[int], answers: list[list[int]]) -> tuple:
    accuracy, precision, recall = report(validation, labels, answers)
    return accuracy, recall, precision


def of_validation(validation: list[float], labels: list[int], answers: list[list[int]]) -> tuple:
    return max(validation), *report(validation, labels, answers)[1:]


def in_percent(validation: list[float], labels: list[int], answers: list[list[int]]) -> tuple:
    return tuple(100 * share for share in report(validation, labels, answers))


def of_negatives(validation: list[float], labels: list[int], answers: list[list[int]]) -> tuple:
    return scores(labels, answers[validation.index(max(validation))], positive=0)


LABELS = [1, 1, 1, 1, 1, 1, 0, 0, 0, 0]
REPORTS = (
    (
        [0.81, 0.88, 0.86],
        LABELS,
        [[1, 1, 0, 0, 0, 0, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0, 1, 0, 0, 0], [1, 1, 1, 1, 1, 0, 1, 1, 0, 0]],
    ),
    (
        [0.72, 0.70, 0.71, 0.64],
        LABELS,
        [
            [1, 1, 1, 1, 0, 0, 1, 1, 1, 0],
            [1, 1, 1, 1, 1, 1, 1, 0, 0, 0],
            [1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            [1, 1, 0, 0, 0, 0, 0, 0, 1, 0],
        ],
    ),
)


EXERCISES = (
    Exercise(
        id="09.1",
        title="The best of fifty coins",
        kind="predict",
        minutes=2,
        difficulty=1,
        hints=(
            "By how many points does the accuracy of one coin-tosser on 250 reviews spread around one half?",
            "The spread is √(0.5 · 0.5 / 250), about 3 points. How many spreads up would you look for the "
            "best of fifty: none, two, ten?",
        ),
        answer=0.57,
        tolerance=0.015,
        fingerprints=(
            Fingerprint("EV01", when=lambda guess: 0.45 <= guess <= 0.53),
            Fingerprint("EV24", when=lambda guess: 50 <= guess <= 100),
            Fingerprint("EV21", when=lambda guess: 0.62 <= guess <= 1),
            Fingerprint("EV22", when=lambda guess: guess < 0.45),
        ),
        because="Seven points above the truth, made of looks alone.",
    ),
    Exercise(
        id="09.2",
        title="How far can luck carry an accuracy?",
        kind="complete",
        minutes=4,
        difficulty=2,
        hints=(
            "With four times as many test reviews, by how much should the error bar shrink?",
            "Each review is a coin that lands right with probability p: its variance is p(1 − p). What is "
            "the variance of the mean of n such coins, and what is the standard error then?",
        ),
        answer=lambda accuracy, reviews: (accuracy * (1 - accuracy) / reviews) ** 0.5,
        observe=OnInputs((0.87, 25_000), (0.6, 100), (0.9, 2_500)),
        fingerprints=(
            Fingerprint("SE06", lambda accuracy, reviews: accuracy * (1 - accuracy) / reviews),
            Fingerprint("SE07", lambda accuracy, reviews: (accuracy * (1 - accuracy)) ** 0.5),
            Fingerprint("SE08", lambda accuracy, reviews: (accuracy * (1 - accuracy)) ** 0.5 / reviews),
            Fingerprint("SE09", lambda accuracy, reviews: (accuracy / reviews) ** 0.5),
            Fingerprint("SE12", lambda accuracy, reviews: accuracy * (1 - accuracy) / reviews**0.5),
            Fingerprint("EV24", lambda accuracy, reviews: 100 * (accuracy * (1 - accuracy) / reviews) ** 0.5),
            Fingerprint(
                "SE11", lambda accuracy, reviews: 1.96 * (accuracy * (1 - accuracy) / reviews) ** 0.5
            ),
        ),
        tolerance=1e-6,
        because="At 87 % of 25,000 reviews that is 0.21 points: models closer than that were not told apart.",
    ),
    Exercise(
        id="09.3",
        title="One batch by heart",
        kind="complete",
        minutes=4,
        difficulty=2,
        hints=(
            "Page 03's step has five parts. Which two of them are missing here?",
            "backward adds to the gradients that lie there and changes no weight. What must happen before "
            "it, and what after it?",
        ),
        answer=by_heart,
        observe=Watched(),
        fingerprints=(
            Fingerprint("ZG01", when=lambda seen: not seen["every step has a gradient of its own"]),
            Fingerprint("ZG03", when=lambda seen: seen["weights move"] == "thrown away"),
            Fingerprint("DC08", when=lambda seen: seen["weights move"] == "never used"),
        ),
        because="Run this on every new model, before the long run: a minute here saves an hour there.",
    ),
    Exercise(
        id="09.4",
        title="A step in float16",
        kind="order",
        minutes=4,
        difficulty=2,
        hints=(
            "In which currency is the largest allowed norm, 1.0: in gradients or in scaled gradients?",
            "The scale goes on before backward. What looks at the size of a gradient, and must see it true?",
        ),
        answer="dehbac",
        also_right=("ehbacd", "ehbadc"),  # gradients cleared after their use
        observe=Order("abcdefgh"),
        fingerprints=(
            Fingerprint("AM04", when=lambda order: "g" in order),
            Fingerprint("AM05", when=lambda order: "f" in order),
            Fingerprint(
                "AM01",
                when=lambda order: "b" in order and ("h" not in order or order.index("h") > order.index("b")),
            ),
            Fingerprint("AM03", when=lambda order: "c" not in order),
            Fingerprint("AM06", when=lambda order: "a" in order and order.index("a") < order.find("b")),
            Fingerprint("AM07", when=lambda order: "a" in order and order.index("c") < order.index("a")),
            Fingerprint("ZG01", when=lambda order: "d" not in order),
            Fingerprint(
                "ZG03",
                when=lambda order: "d" in order and order.index("e") < order.index("d") < order.index("a"),
            ),
        ),
        because="Scale, backward, unscale, clip, step, update: helpers.learner does it in this order.",
    ),
    Exercise(
        id="09.5",
        title="The clock that did not wait",
        kind="find-the-bug",
        minutes=6,
        difficulty=2,
        hints=(
            "Did this clock time the cooking, or the ordering?",
            "The clock is read twice. What must be finished on the device at the first reading, and what at "
            "the second?",
        ),
        answer=waiting_clock,
        observe=Clocked(),
        fingerprints=(
            Fingerprint("GP09", when=lambda seen: seen["idle"] > 2 and seen["busy"] > 6),
            Fingerprint("GP10", when=lambda seen: 1 < seen["idle"] < 2.0005),
            Fingerprint("GP08", when=lambda seen: seen["idle"] < 1 and seen["waited (idle)"]),
            Fingerprint("GP01", when=lambda seen: seen["idle"] < 1),
        ),
        because="Wait, read, work, wait, read. On a CPU the two waits cost nothing and change nothing.",
    ),
    Exercise(
        id="09.6",
        title="An honest report",
        kind="make",
        minutes=8,
        difficulty=3,
        hints=(
            "Which list may choose the epoch? And of which reviews is each of the three numbers a share?",
            "First find the place of the best epoch without touching the test answers. Then count right "
            "answers, true positives among the reviews called positive, true positives among the positive.",
        ),
        answer=report,
        observe=OnInputs(*REPORTS),
        fingerprints=(
            Fingerprint("EV02", best_on_test),
            Fingerprint("EV05", swapped),
            Fingerprint("EV14", lambda validation, labels, answers: scores(labels, answers[-1])),
            Fingerprint("EV15", of_validation),
            Fingerprint("EV23", of_negatives),
            Fingerprint("EV24", in_percent),
        ),
        because="Validation picks, test reports. The numbers are lower than they could be, and true.",
    ),
)
