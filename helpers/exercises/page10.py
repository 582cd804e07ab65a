"""Exercises of page 10, evaluating and serving: measures, base rates, a rule, what is saved, twins."""

import ast
import contextlib
import copy
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from helpers.exercises import Exercise, Fingerprint, Letters, NotAnAnswer, OnInputs, a_function
from helpers.exercises.comparing import plain, same, show
from helpers.model import TextClassifier
from helpers.text import Vocabulary, tokenize

# 10.1  Recall, and one number for both

COUNTS = ((8, 2, 4, 6), (30, 10, 90, 270))  # TP, FP, FN, TN


def three_measures(tp: int, fp: int, fn: int, tn: int) -> tuple[float, float, float]:
    precision = tp / (tp + fp)
    recall = tp / (tp + fn)
    return precision, recall, 2 * precision * recall / (precision + recall)


def gives(place: int, wrong: Callable[..., float]) -> Callable[[list], bool]:
    """A test of what a function of 10.1 gives: for all counts its entry `place` is this wrong one."""
    return lambda seen: all(
        same(given[place], wrong(*counts)) for given, counts in zip(seen, COUNTS, strict=True)
    )


def from_both(mean: Callable[[float, float], float]) -> Callable[[list], bool]:
    """The third entry is this mean of the reader's own first two, right or not."""
    return lambda seen: all(same(given[2], mean(given[0], given[1])) for given in seen)


# 10.4  What goes into the box


def values_in(box: Any) -> Iterator[Any]:
    """The box and all that is in it, at any depth; also what is written out in a string."""
    yield box
    if isinstance(box, str):
        for read in (json.loads, ast.literal_eval):
            with contextlib.suppress(ValueError, SyntaxError):
                yield from values_in(read(box))
    elif isinstance(box, dict):
        for part in (*box.keys(), *box.values()):
            yield from values_in(part)
    elif isinstance(box, (list, tuple, set, frozenset)):
        for part in box:
            yield from values_in(part)


def opened_by_a_friend(packed: Any) -> dict:
    """What a friend finds who has the course's code, but nothing that this process holds in memory."""
    a_function(packed)
    words = ("<pad>", "<unk>", "was", "the", "dull", "plot", "not", "gripping", "it")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(10)
        model = TextClassifier(len(words), 3, 5, readout="max", forget_bias=1.0).eval()
    vocabulary = Vocabulary(words)
    box = packed(model, vocabulary, 37)
    file = io.BytesIO()
    torch.save(box, file)
    try:
        found = torch.load(io.BytesIO(file.getvalue()), weights_only=True)
        safe = True
    except Exception:
        found, safe = box, False
    found = list(values_in(found))
    dicts = [part for part in found if isinstance(part, dict)]

    def in_a_dict(wanted: dict) -> bool:
        return any(all(plain(one.get(key, ...)) == plain(wanted[key]) for key in wanted) for one in dicts)

    return {
        "a file that runs no code": safe,
        "weights": any(holds_weights(one, model) for one in dicts),
        "words": in_order(found, words),
        "sizes and options": in_a_dict(model.config),
        "where texts are cut": any(type(part) is int and part == 37 for part in found),
    }


def holds_weights(one: dict, model: nn.Module) -> bool:
    return all(
        isinstance(one.get(name), torch.Tensor) and torch.equal(one[name], value)
        for name, value in model.state_dict().items()
    )


def in_order(found: list, words: tuple[str, ...]) -> str:
    """Whether the numbered words are there: "numbered", "out of order" or "missing"."""
    index = {word: place for place, word in enumerate(words)}
    for part in found:
        if isinstance(part, (list, tuple)) and tuple(part) == words:
            return "numbered"
        if isinstance(part, str) and part.split() == list(words):
            return "numbered"
        if isinstance(part, dict) and part in (index, dict(enumerate(words))):
            return "numbered"
        if isinstance(part, list) and plain(part) == plain(list(index.items())):
            return "numbered"
    for part in found:
        holds_strings = isinstance(part, (list, tuple, set, frozenset)) and all(
            isinstance(w, str) for w in part
        )
        if holds_strings and set(words[2:]) <= set(part):
            return "out of order"
    return "missing"


class Opened:
    """The answer is a function that packs; it is judged by what a friend can do with the box."""

    def __call__(self, answer: Any) -> dict:
        return opened_by_a_friend(answer)

    def describe(self, observed: dict, right: dict, tolerance: float) -> str:
        there = [name for name in right if same(observed[name], right[name])]
        return f"Your friend has now: {', '.join(there) or 'nothing that she can use'}. That is not all."


def packed(model: nn.Module, vocabulary: Vocabulary, max_tokens: int) -> dict:
    return {
        "weights": model.state_dict(),
        "words": list(vocabulary.words),
        "sizes": model.config,
        "max_tokens": max_tokens,
    }


def lacks(what: str, *but: str) -> Callable[[dict], bool]:
    """A test of what a friend found: `what` is not there, and the parts in `but` are."""
    return lambda seen: (
        seen[what] in (False, "missing")
        and all(seen[one] not in (False, "missing") for one in ("weights", *but))
    )


# 10.5  A photo or a mirror

ACCURACIES = (0.5, 0.8, 0.95, 0.9, 0.7)  # of five epochs; the third is the best


def epoch_kept(best_weights: Any) -> dict:
    """Which epoch's weights a solution of 10.5 hands back; the weight is the number of the epoch."""
    a_function(best_weights)
    model, epochs = nn.Linear(1, 1), []
    with torch.no_grad():
        model.weight.zero_()

    def train_one_epoch(model: nn.Module) -> None:
        with torch.no_grad():
            model.weight.add_(1)
        epochs.append(int(model.weight))

    def accuracy(model: nn.Module) -> float:
        return ACCURACIES[int(model.weight) - 1]

    best = best_weights(model, train_one_epoch, accuracy, len(ACCURACIES))
    best = best.state_dict() if isinstance(best, nn.Module) else best
    is_weights = isinstance(best, dict) and isinstance(best.get("weight"), torch.Tensor)
    is_last = is_weights and int(best["weight"]) == len(ACCURACIES)
    return {
        "every epoch is trained": epochs == list(range(1, len(ACCURACIES) + 1)),
        "it returns weights": is_weights,
        "of epoch": int(best["weight"]) if is_weights else show(best),
        "copied, but always the last": is_last and best["weight"].data_ptr() != model.weight.data_ptr(),
    }


def best_weights(model: nn.Module, train_one_epoch: Callable, accuracy: Callable, epochs: int) -> dict:
    best, best_accuracy = None, -1.0
    for _ in range(epochs):
        train_one_epoch(model)
        now = accuracy(model)
        if now > best_accuracy:
            best, best_accuracy = copy.deepcopy(model.state_dict()), now
    return best


def keeps(epoch: int) -> Callable[[dict], bool]:
    return lambda seen: seen["it returns weights"] and seen["of epoch"] == epoch


# 10.6  Your own twins

ON_THE_PAGE = Counter(tokenize("the plot was not dull , it was gripping"))


def properties(pair: Any) -> dict:
    """What makes two texts twins, as far as a machine can say: a human has to say that the labels differ."""
    if (
        not isinstance(pair, (list, tuple))
        or len(pair) != 2
        or not all(isinstance(text, str) for text in pair)
    ):
        raise NotAnAnswer(f'Give two texts: mine = ("the positive one", "its twin"). You gave {show(pair)}.')
    first, second = (tokenize(text) for text in pair)
    return {
        "the same words, equally often": Counter(first) == Counter(second),
        "another order": first != second,
        "five words or more": min(len(first), len(second)) >= 5,
        "your own": Counter(word for word in first if word != ".") != ON_THE_PAGE,
    }


EXERCISES = (
    Exercise(
        id="10.1",
        title="Recall, and one number for both",
        kind="complete",
        minutes=4,
        difficulty=1,
        hints=(
            "Of which reviews does recall speak: of those flagged, or of those that should have been?",
            "Write the two counts of the reviews that are truly positive. F1 is 2 × precision × recall, "
            "divided by the sum of the two.",
        ),
        answer=three_measures,
        observe=OnInputs(*COUNTS),
        fingerprints=(
            Fingerprint("EV05", when=gives(0, lambda tp, fp, fn, tn: tp / (tp + fn))),
            Fingerprint("EV05", when=gives(1, lambda tp, fp, fn, tn: tp / (tp + fp))),
            Fingerprint("ME01", when=gives(1, lambda tp, fp, fn, tn: tn / (tn + fp))),
            Fingerprint("ME02", when=gives(1, lambda tp, fp, fn, tn: tp / (tp + fp + fn + tn))),
            Fingerprint("ME02", when=gives(1, lambda tp, fp, fn, tn: (tp + tn) / (tp + fp + fn + tn))),
            Fingerprint("ME06", when=gives(1, lambda tp, fp, fn, tn: tp / (tp + tn))),
            Fingerprint("ME07", when=gives(1, lambda tp, fp, fn, tn: tp / tp + fn)),
            Fingerprint("ME07", when=from_both(lambda p, r: 2 * p * r / p + r)),
            Fingerprint("ME03", when=from_both(lambda p, r: (p + r) / 2)),
            Fingerprint("ME04", when=from_both(lambda p, r: p * r / (p + r))),
            Fingerprint("ME05", when=from_both(lambda p, r: p * r)),
            Fingerprint("ME08", when=from_both(min)),
        ),
        because="A harmonic mean stays close to the smaller of the two: F1 forgives no one-sided classifier.",
    ),
    Exercise(
        id="10.2",
        title="The test that is 99 % right",
        kind="vote",
        minutes=3,
        difficulty=1,
        hints=(
            "Of whom are there more: ill people, or healthy ones whom the test flags by mistake?",
            "Take 100,000 people. How many are ill, how many of those are flagged, how many of the others?",
        ),
        answer="c",
        observe=Letters("abcd"),
        fingerprints=(Fingerprint("BR01", "a"), Fingerprint("BR02", "b"), Fingerprint("BR03", "d")),
        because="The healthy are so many that the few mistakes among them outnumber the ill.",
    ),
    Exercise(
        id="10.3",
        title="Two denials",
        kind="vote",
        minutes=2,
        difficulty=2,
        hints=(
            "In training a denial always turned the verdict round, and there was never a second one. Which "
            "rules fit all that the model has seen?",
            "Write down two rules that agree on no denial and on one. What does each of them say for two?",
        ),
        answer="d",
        observe=Letters("abcd"),
        fingerprints=(Fingerprint("CH01", "a"), Fingerprint("CH02", "b"), Fingerprint("EV10", "c")),
        because="To be wrong nearly always, it must know the answer, and then turn it round.",
    ),
    Exercise(
        id="10.4",
        title="What goes into the box",
        kind="complete",
        minutes=5,
        difficulty=2,
        hints=(
            "Your friend has the code of this course, and nothing else. What must she know before she can "
            "turn her text into ids, and ids into logits?",
            "Go along the road of a text: cut into tokens, shortened, numbered, looked up, read, scored. "
            "Which of these steps needs something that stands neither in the code nor in the weights?",
        ),
        answer=packed,
        observe=Opened(),
        fingerprints=(
            Fingerprint("SV07", when=lambda seen: not seen["a file that runs no code"]),
            Fingerprint("SV08", when=lambda seen: not seen["weights"]),
            Fingerprint("SV09", when=lambda seen: seen["words"] == "out of order"),
            Fingerprint("SV01", when=lacks("words")),
            Fingerprint("SV05", when=lacks("sizes and options", "words")),
            Fingerprint("SV06", when=lacks("where texts are cut", "words", "sizes and options")),
        ),
        because="Weights, vocabulary, config, preprocessing: with these she gets your very probabilities.",
    ),
    Exercise(
        id="10.5",
        title="A photo or a mirror",
        kind="find-the-bug",
        minutes=5,
        difficulty=2,
        hints=(
            "After one more epoch, does the thing that you kept still show what it showed?",
            "state_dict() lists the tensors that the model goes on training with. What would keep their "
            "values of this moment?",
        ),
        answer=best_weights,
        observe=epoch_kept,
        fingerprints=(
            Fingerprint("SV10", when=lambda seen: not seen["every epoch is trained"]),
            Fingerprint("SV11", when=lambda seen: not seen["it returns weights"]),
            Fingerprint("SV13", when=lambda seen: seen["copied, but always the last"]),
            Fingerprint("SV02", when=keeps(len(ACCURACIES))),
            Fingerprint("SV12", when=keeps(1)),
        ),
        because="A copy is a photo: it does not move when the model does.",
    ),
    Exercise(
        id="10.6",
        title="Your own twins",
        kind="make",
        minutes=6,
        difficulty=3,
        hints=(
            "Which little word or sign decides which half of your sentence counts, and what happens when the "
            "two halves change places?",
            "Take one adjective of praise and one of blame, and a frame with a place for each. Exchange the "
            "two adjectives and leave the frame as it is.",
        ),
        answer=("once loud , now it is quiet and good", "once quiet and good , now it is loud"),
        observe=properties,
        fingerprints=(
            Fingerprint("TW02", when=lambda seen: not seen["another order"]),
            Fingerprint("TW01", when=lambda seen: not seen["the same words, equally often"]),
            Fingerprint("TW03", when=lambda seen: not seen["your own"]),
            Fingerprint("TW04", when=lambda seen: not seen["five words or more"]),
        ),
        because="The bag of words is the same. Whether the verdicts are opposite, only a reader can say: "
        "ask a neighbour. The next cell asks the classifiers.",
    ),
)
