"""Exercises of page 11, attention and large models: one mean, a swap, a task, a count, a bug hunt."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from helpers.exercises import Exercise, Fingerprint, Letters, NotAnAnswer, OnInputs, a_function
from helpers.exercises.comparing import plain
from helpers.exercises.page08 import a_model
from helpers.invariants import all_invariants

# 11.1  One mean


def tables(queries: int, words: int, width: int, values: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Q [queries, width], K [words, width], V [words, values]: sizes all different, none of them 1."""
    generator = torch.Generator().manual_seed(seed)
    shapes = (queries, width), (words, width), (words, values)
    return tuple(torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes)


def mean_by(weigh: Callable[[Tensor, int, int], Tensor]) -> Callable:
    """An attention whose weights are made by weigh(dot products, width, number of words)."""
    return lambda Q, K, V: weigh(Q @ K.T, Q.shape[1], len(K)) @ V


def attend(Q: Tensor, K: Tensor, V: Tensor) -> Tensor:
    return (Q @ K.T / math.sqrt(Q.shape[1])).softmax(dim=1) @ V


# 11.3  Guess the next word


class Tasks:
    """The answer is a function of ids; what it allows is brought into the form of ones and zeros."""

    batches = (
        torch.tensor([[5, 9, 2, 7, 4], [3, 3, 8, 6, 5], [9, 2, 2, 4, 7]]),
        torch.tensor([[4, 6, 3], [8, 5, 2]]),
    )

    def __call__(self, answer: Any) -> dict:
        given = [a_function(answer)(ids.clone()) for ids in self.batches]
        if any(not isinstance(pair, (tuple, list)) or len(pair) != 2 for pair in given):
            raise NotAnAnswer("The function returns two things: what is allowed, and the words to guess.")
        if any(part is ... for pair in given for part in pair):
            return {"allowed": ..., "words": ...}
        allowed = [torch.as_tensor(pair[0]) for pair in given]
        return {"allowed": [(part != 0).int() for part in allowed], "words": [pair[1] for pair in given]}

    def describe(self, observed: dict, right: dict, tolerance: float) -> str:
        shapes = {
            "allowed": list(torch.tensor(observed["allowed"][0]).shape),
            "words": list(torch.tensor(observed["words"][0]).shape),
        }
        wanted = {"allowed": [5, 5], "words": [3, 4]}
        for name in ("allowed", "words"):
            if shapes[name] != wanted[name]:
                words = f"For ids of 3 texts and 5 words {name} has shape {shapes[name]}"
                return f"{words}; {wanted[name]} is wanted."
        wrong = [name for name in ("allowed", "words") if observed[name] != right[name]]
        return f"Not right yet: {' and '.join(wrong)}."


def task(ids: Tensor) -> tuple[Tensor, Tensor]:
    time = ids.shape[1]
    return torch.ones(time, time).tril().bool(), ids[:, 1:]


def allows(make: Callable[[int], Tensor]) -> Callable[[dict], bool]:
    """A test of what was seen in 11.3: the triangle is the one that make(time) gives."""
    expected = [(make(ids.shape[1]) != 0).int().tolist() for ids in Tasks.batches]
    return lambda seen: seen["allowed"] == expected


def guesses(cut: Callable[[Tensor], Tensor]) -> Callable[[dict], bool]:
    expected = [cut(ids).tolist() for ids in Tasks.batches]
    return lambda seen: seen["words"] == expected


# 11.4  Count GPT-3

LAYOUTS = ((1, 32, 233, 60), (3, 8, 50, 20), (96, 12_288, 50_257, 2_048))  # blocks, width, words, longest


def count(blocks: int, width: int, words: int, longest: int) -> int:
    return blocks * (12 * width**2 + 13 * width) + words * width + longest * width + 2 * width


def block_only(blocks: int, width: int, words: int, longest: int) -> int:
    return blocks * (12 * width**2 + 13 * width)


# 11.5  Three planted bugs

SIZES = (30, 6, 2)  # vocabulary, width, classes
LENGTHS = torch.tensor([6, 3, 2, 5])
IDS = torch.tensor([[5, 9, 4, 2, 17, 9], [21, 4, 3, 0, 0, 0], [8, 3, 0, 0, 0, 0], [9, 7, 12, 29, 6, 0]])


def logits_of(
    model: nn.Module, ids: Tensor, lengths: Tensor, places: str = "right", axis: int = 2, mask: str = "keys"
) -> Tensor:
    """What a model with the parts of 11.5 computes, right or with its faults."""
    real = torch.arange(ids.shape[1]) < lengths[:, None]  # [batch, time]
    rows = {
        "right": lambda: model.positions.weight[: ids.shape[1]],
        "texts": lambda: model.positions.weight[: len(ids), None],
        "none": lambda: 0.0,
    }[places]()
    x = model.embedding(ids) + rows  # [batch, time, width]
    scores = model.q(x) @ model.k(x).transpose(1, 2) / math.sqrt(x.shape[2])  # [batch, time, time]
    scores = {
        "keys": lambda: scores.masked_fill(~real[:, None, :], -math.inf),
        "queries": lambda: scores.masked_fill(~real[:, :, None], -math.inf),
        "zero": lambda: scores.masked_fill(~real[:, None, :], 0.0),
        "none": lambda: scores,
    }[mask]()
    states = scores.softmax(dim=axis) @ model.v(x)
    return model.fc((states * real[..., None]).sum(dim=1) / lengths[:, None])


class Mended(nn.Module):
    """The class of 11.5 without its faults."""

    def __init__(self, vocab_size: int, width: int, num_classes: int) -> None:
        super().__init__()
        self.embedding, self.positions = nn.Embedding(vocab_size, width), nn.Embedding(60, width)
        self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))
        self.fc = nn.Linear(width, num_classes)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        return logits_of(self, ids, lengths)


FAULTS = {  # what a wrong class computes -> the mistake that is named first
    (places, axis, mask): "AT10"
    if places == "texts"
    else "AT12"
    if places == "none"
    else "AT06"
    if axis == 1
    else "AT16"
    if mask == "queries"
    else "AT11"
    for places in ("right", "texts", "none")
    for axis in (2, 1)
    for mask in ("keys", "none", "zero", "queries")
    if (places, axis, mask) != ("right", 2, "keys")
}


@torch.no_grad()
def looks_like(model: nn.Module, logits: Tensor) -> str:
    """The mistake that gives these logits with this model's own weights; "" if none that is known."""
    try:
        for (places, axis, mask), mistake in FAULTS.items():
            if torch.allclose(
                logits_of(model, IDS, LENGTHS, places, axis, mask), logits, atol=1e-6, equal_nan=True
            ):
                return mistake
    except Exception:  # other layers than the given ones: the properties alone speak
        return ""
    return ""


@torch.no_grad()
def order_matters(model: nn.Module) -> bool:
    """Whether the first two words of each text, exchanged, move its score."""
    swapped = IDS.clone()
    swapped[:, [0, 1]] = IDS[:, [1, 0]]
    moved = (model(swapped, LENGTHS) - model(IDS, LENGTHS)).abs().amax(dim=1)
    return bool((moved > 1e-6).all())


def properties(mended: Any) -> dict:
    """Batch, padding, token and twice, as on page 08, and order; and the mistake it looks like."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(8)
        model = a_model(mended, SIZES).eval()
        found = {finding.name: finding.holds for finding in all_invariants(model, IDS, LENGTHS)}
        known = looks_like(model, model(IDS, LENGTHS))
        return {**found, "order": order_matters(model), "known": known}


class Properties:
    """The answer is a class; it is judged by what it does, not by how it is written."""

    def __call__(self, answer: Any) -> dict:
        return properties(answer)

    def describe(self, observed: dict, right: dict, tolerance: float) -> str:
        broken = [name for name in right if name != "known" and observed[name] != right[name]]
        if broken:
            return f"Still broken: {', '.join(broken)}."
        return "All five properties hold, and one thing is still wrong that no property sees."


def is_known(mistake: str) -> Callable[[dict], bool]:
    return lambda seen: seen["known"] == plain(mistake)


EXERCISES = (
    Exercise(
        id="11.1",
        title="One mean for each query",
        kind="complete",
        minutes=4,
        difficulty=1,
        hints=(
            "What must the weights of one query add up to, and along which axis do the words lie?",
            "Three steps: a dot product for each query and word, divided by the root of the width; a softmax "
            "over the words; a mean of the values.",
        ),
        answer=attend,
        observe=OnInputs(tables(2, 5, 4, 3, seed=1), tables(4, 3, 9, 2, seed=2)),
        fingerprints=(
            Fingerprint("AT04", mean_by(lambda s, width, words: s.softmax(dim=1))),
            Fingerprint("AT05", mean_by(lambda s, width, words: (s / width).softmax(dim=1))),
            Fingerprint("AT09", mean_by(lambda s, width, words: (s / math.sqrt(words)).softmax(dim=1))),
            Fingerprint("AT06", mean_by(lambda s, width, words: (s / math.sqrt(width)).softmax(dim=0))),
            Fingerprint("AT06", mean_by(lambda s, width, words: s.softmax(dim=0))),
            Fingerprint("SM05", mean_by(lambda s, width, words: s / s.sum(dim=1, keepdim=True))),
            Fingerprint("AT07", lambda Q, K, V: (Q @ K.T / math.sqrt(Q.shape[1])).softmax(dim=1)),
            Fingerprint("AT08", lambda Q, K, V: (Q @ K.T / math.sqrt(Q.shape[1])) @ V),
            Fingerprint("AT13", lambda Q, K, V: (Q @ K.T / math.sqrt(Q.shape[1])).softmax(dim=1) @ K),
            Fingerprint("AT14", mean_by(lambda s, width, words: (s / math.sqrt(width)).exp())),
            Fingerprint("AT15", mean_by(lambda s, width, words: (s / 2).softmax(dim=1))),
        ),
        because="Scores, softmax, mean: that is all that a large model's attention computes, many times.",
    ),
    Exercise(
        id="11.2",
        title="Two words change places",
        kind="vote",
        minutes=3,
        difficulty=1,
        hints=(
            "Which of the three steps, scores, softmax and mean, asks at which place a word stands?",
            "Write the three rows of section 1 in another order, queries, keys and values alike. What "
            "becomes of the table of weights, and of the three means?",
        ),
        answer="b",
        observe=Letters("abcd"),
        fingerprints=(
            Fingerprint("AT01", "a"),
            Fingerprint("AT02", "c"),
            Fingerprint("AT03", "d"),
        ),
        because="The states travel with their words, and whatever reads them without looking at their places "
        "sees the same set of states.",
    ),
    Exercise(
        id="11.3",
        title="Guess the next word",
        kind="complete",
        minutes=5,
        difficulty=2,
        hints=(
            "Place t must guess word t + 1. Which words may it look at, and where does the first guessed "
            "word stand in the row?",
            "Draw a table of 4 by 4: row t asks, column s answers. Tick s where s is not after t. Then write "
            "the row of ids, and under each id the one that follows.",
        ),
        answer=task,
        observe=Tasks(),
        fingerprints=(
            Fingerprint("LM01", when=allows(lambda time: torch.ones(time, time).triu())),
            Fingerprint("LM02", when=allows(lambda time: torch.ones(time, time).tril(-1))),
            Fingerprint("LM03", when=allows(lambda time: torch.ones(time, time))),
            Fingerprint("LM03", when=allows(lambda time: torch.ones(time, time).tril(1))),
            Fingerprint("LM04", when=guesses(lambda ids: ids)),
            Fingerprint("LM04", when=guesses(lambda ids: ids[:, :-1])),
            Fingerprint("LM05", when=guesses(lambda ids: ids.roll(-1, dims=1))),
            Fingerprint("LM06", when=guesses(lambda ids: ids[1:])),
            Fingerprint("LM07", when=guesses(lambda ids: ids[:, -1])),
            Fingerprint("LM07", when=guesses(lambda ids: ids[:, -1:])),
            Fingerprint("LM08", when=allows(lambda time: torch.ones(time, time).triu(1))),
        ),
        because="A text of n words gives n − 1 questions with their answers, and nobody had to label it.",
    ),
    Exercise(
        id="11.4",
        title="Count a Transformer",
        kind="make",
        minutes=6,
        difficulty=2,
        hints=(
            "Which parts are there once in each block, and which only once in the whole model?",
            "A Linear from a to b has a·b weights and b biases; a LayerNorm has two numbers for each of its "
            "columns. One block: four Linears, then two wider ones, and two LayerNorms.",
        ),
        answer=count,
        observe=OnInputs(*LAYOUTS),
        tolerance=1e-12,
        fingerprints=(
            Fingerprint("SZ01", lambda b, w, words, n: b * 12 * w**2 + (words + n) * w),
            Fingerprint("SZ01", lambda b, w, words, n: b * 12 * w**2 + (words + n + 2) * w),
            Fingerprint("SZ01", lambda b, w, words, n: count(b, w, words, n) - 9 * b * w),
            Fingerprint("SZ02", block_only),
            Fingerprint("SZ02", lambda b, w, words, n: count(b, w, words, n) - words * w),
            Fingerprint("SZ02", lambda b, w, words, n: block_only(b, w, words, n) + 2 * w),
            Fingerprint("SZ03", lambda b, w, words, n: b * count(1, w, words, n)),
            Fingerprint("SZ04", lambda b, w, words, n: count(b, w, words, n) - 2 * w),
            Fingerprint("SZ05", lambda b, w, words, n: count(b, w, words, n) - n * w),
            Fingerprint("SZ06", lambda b, w, words, n: count(b, w, words, n) - 8 * b * w**2 - 5 * b * w),
            Fingerprint("SZ07", lambda b, w, words, n: count(b, w, words, n) - 4 * b * w),
            Fingerprint("SZ08", lambda b, w, words, n: count(b, w, words, n) + words * w),
            Fingerprint("SZ08", lambda b, w, words, n: count(b, w, words, n) + words * w + words),
            Fingerprint("SZ09", lambda b, w, words, n: count(b, w, words, n) - 2 * b * w - w),
        ),
        because="With 96 blocks of width 12,288 your function gives GPT-3: 175 billion, rounded.",
    ),
    Exercise(
        id="11.5",
        title="Three planted bugs",
        kind="find-the-bug",
        minutes=10,
        difficulty=3,
        hints=(
            "Run the tests first. Which of the three lines before the mean could make a text depend on its "
            "neighbours?",
            "Write the shape behind each line: [batch, time, width], [batch, time, time]. Which axis counts "
            "the places? Which axis must add up to 1? And who tells the softmax which words are pads?",
        ),
        answer=Mended,
        observe=Properties(),
        fingerprints=(
            Fingerprint("AT10", when=is_known("AT10")),
            Fingerprint("AT12", when=is_known("AT12")),
            Fingerprint("AT06", when=is_known("AT06")),
            Fingerprint("AT11", when=is_known("AT11")),
            Fingerprint("AT16", when=is_known("AT16")),
        ),
        because="Same four tests as on page 08, and the fifth for order. They do not ask what is inside.",
    ),
)
