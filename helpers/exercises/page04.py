"""Exercises of page 04, cross-entropy: the price of the truth, its logarithms, its gradient."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F

from helpers.exercises import Exercise, Fingerprint, Letters, NotAnAnswer, OnInputs, Remark, same, source_of

# 04.2  A logarithm that never overflows


def without_the_largest(z: torch.Tensor) -> torch.Tensor:
    return z - z.max()


def share(z: torch.Tensor) -> torch.Tensor:
    """softmax of scores z: [class], written without any care."""
    return z.exp() / z.exp().sum()


# 04.4  A detector that is stuck; scores: [photo], labels: [photo]


def priced(scores: torch.Tensor, labels: torch.Tensor, price: Callable) -> torch.Tensor:
    """Mean price, where `price` is given the probability that each photo's truth received."""
    p = torch.sigmoid(scores)
    return price(torch.where(labels == 1, p, 1 - p)).mean()


def as_one_softmax(scores: torch.Tensor, labels: torch.Tensor, dim: int) -> torch.Tensor:
    """The two-term formula on a softmax of the only column (dim=1: always 1) or down the photos (dim=0)."""
    p = torch.softmax(scores[:, None], dim=dim)[:, 0]
    return -(labels * p.log() + (1 - labels) * (1 - p).log()).mean()


ORDINARY = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([1.0, 0.0, 0.0])
LARGE_SCORES = torch.tensor([110.0, -110.0, -110.0]), torch.tensor([1.0, 0.0, 1.0])


def right_for_ordinary_scores_only(seen: list) -> bool:
    ordinary, large = (F.binary_cross_entropy_with_logits(*inputs) for inputs in (ORDINARY, LARGE_SCORES))
    return same(seen[0], ordinary, 1e-4) and not same(seen[1], large, 1e-4)


# 04.5  Your own loss, with its gradient

LOGITS = torch.tensor([[2.0, 1.0, 0.1, -1.0], [0.3, 3.0, -1.0, 0.5], [1.0, 1.5, 2.5, 0.2]])  # [photo, class]
LABELS = torch.tensor([0, 3, 2])  # [photo]; the second photo's truth is not the model's favourite
LARGE = torch.tensor([[1000.0, 1000.0, 0.0], [0.0, 0.0, 0.0]]), torch.tensor([1, 2])
SMALL = torch.tensor([[0.0, -110.0, 0.0], [0.0, 1.0, 2.0]]), torch.tensor([1, 0])


def loss_of(prices: torch.Tensor) -> float:
    return prices.mean().item()


def true_entry(table: torch.Tensor) -> torch.Tensor:
    """The entry of each photo's truth; table: [photo, class], result: [photo]."""
    return table[torch.arange(len(LABELS)), LABELS]


PROBABILITY = LOGITS.softmax(dim=1)  # [photo, class]
TRUTH = F.one_hot(LABELS, LOGITS.shape[1]).float()  # [photo, class]
SURPRISE = -true_entry(PROBABILITY).log()  # [photo]
RIGHT_GRADIENT = (PROBABILITY - TRUTH) / len(LABELS)
ENTROPY = loss_of(-(PROBABILITY * PROBABILITY.log()).sum(dim=1))  # the prediction as its own truth
SQUARED = (PROBABILITY - TRUTH) ** 2  # [photo, class]


def never_paid_back(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The loss when the largest score is taken out of the sum only, and the truth keeps its whole score."""
    return F.cross_entropy(logits, labels) - logits.max(dim=1).values.mean()


def own_loss(answer: Callable) -> dict:
    """Call a loss on an ordinary batch, with two scores of 1000, and with a truth scored −110."""
    results = {}
    for name, logits, labels in (("", LOGITS, LABELS), (" at 1000", *LARGE), (" at −110", *SMALL)):
        if not callable(answer):
            raise NotAnAnswer("The exercise asks for a function of logits and labels.")
        result = answer(logits.clone(), labels.clone())
        if result is ...:
            return ...
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise NotAnAnswer("Return two things: the mean price, and its gradient [photo, class].")
        results["loss" + name], results["gradient" + name] = result
    return results


def right_loss(logits: torch.Tensor, labels: torch.Tensor) -> tuple:
    gradient = (logits.softmax(dim=1) - F.one_hot(labels, logits.shape[1])) / len(labels)
    return F.cross_entropy(logits, labels), gradient


def shows(part: str, *wrong: object) -> Callable[[dict], bool]:
    """A test: is this part of what was observed one of these known wrong results?"""
    return lambda seen: any(same(seen[part], one, 1e-4) for one in wrong)


def only_the_small_photo_is_lost(seen: dict) -> bool:
    """At 1000, the photo that holds the large scores has its gradient, and the other one has none."""
    large, small = seen["gradient at 1000"]
    return same(large, right_loss(*LARGE)[1][0], 1e-4) and not all(map(math.isfinite, small))


def only_the_hopeless_truth_is_wrong(seen: dict) -> bool:
    """Infinite, or held down by a small number inside the logarithm."""
    right = {"": (LOGITS, LABELS), " at 1000": LARGE, " at −110": SMALL}
    wrong = [
        name for name, inputs in right.items() if not same(seen["loss" + name], right_loss(*inputs)[0], 1e-4)
    ]
    return wrong == [" at −110"]


def mixes_photos(seen: dict) -> bool:
    down = LOGITS.softmax(dim=0)
    return shows("loss", loss_of(-true_entry(down).log()))(seen) or shows(
        "gradient", (down - TRUTH) / len(LABELS)
    )(seen)


BETTER_NOT = Remark(
    "CE07", when=lambda answer: {"log_softmax", "cross_entropy"} <= set(_words(source_of(answer)))
)


def _words(source: str) -> list[str]:
    return "".join(letter if letter.isidentifier() else " " for letter in source).split()


EXERCISES = (
    Exercise(
        id="04.1",
        title="The same answer, the other truth",
        kind="predict",
        minutes=2,
        difficulty=1,
        hints=(
            "Which of the model's two probabilities belongs to what the photo really shows?",
            "Take the probability that the model gave to a dog, find its natural logarithm, turn the sign.",
        ),
        answer=1.6094,
        also_right=(1.6,),
        fingerprints=(
            Fingerprint("CE01", 0.3219),
            Fingerprint("CE01", 0.5004),
            Fingerprint("CE02", 2.3219),
            Fingerprint("CE02", when=lambda seen: 0.6965 < seen < 0.7005),
            Fingerprint("CE03", when=lambda seen: 0.6895 < seen < 0.6965),
            Fingerprint("CE21", 0.2231),
            Fingerprint("CE22", 0.8),
            Fingerprint("CE32", -1.6094),
            Fingerprint("CE33", 1.8326),
        ),
        because="Seven times the price of the cat photo, for the same answer of the model.",
        tolerance=5e-3,
    ),
    Exercise(
        id="04.2",
        title="A logarithm that never overflows",
        kind="complete",
        minutes=4,
        difficulty=2,
        hints=(
            "All scores have had their largest taken away, and softmax does not mind. Which two pieces does "
            "the logarithm of a fraction fall into?",
            "The logarithm of the numerator undoes its exp, so no probability needs to be formed at all. "
            "Only the sum in the denominator keeps its logarithm.",
        ),
        answer=lambda z: z.log_softmax(dim=0),
        observe=OnInputs(
            (torch.tensor([2.0, 1.0, 0.1]),),
            (torch.tensor([1000.0, 1000.0, 0.0]),),
            (torch.tensor([0.0, -110.0]),),
        ),
        fingerprints=(
            Fingerprint("LS01", lambda z: z - z.exp().sum().log()),
            Fingerprint("LS01", lambda z: without_the_largest(z) - z.exp().sum().log()),
            Fingerprint("LS02", lambda z: z - without_the_largest(z).exp().sum().log()),
            Fingerprint("LS03", lambda z: without_the_largest(z) - without_the_largest(z).exp().sum()),
            Fingerprint("CE15", lambda z: share(without_the_largest(z)).log()),
            Fingerprint("SM03", lambda z: share(z).log()),
            Fingerprint("SM05", lambda z: (z / z.sum()).log()),
            Fingerprint("CE27", lambda z: z.softmax(dim=0)),
            Fingerprint("CE35", lambda z: -z.log_softmax(dim=0)),
        ),
        because="This line is what F.cross_entropy runs on.",
        tolerance=1e-4,
    ),
    Exercise(
        id="04.3",
        title="A loss that stops",
        kind="vote",
        minutes=2,
        difficulty=2,
        hints=(
            "What should the loss be with scores of 20 and −20 in its hands? So are these what it is handed?",
            "exp(−0.3133) is the largest probability that this loss ever saw. Which two scores, not far "
            "apart, have it as their softmax?",
        ),
        answer="b",
        observe=Letters("abcde"),
        fingerprints=(
            Fingerprint("CE03", "a"),
            Fingerprint("CE06", "c"),
            Fingerprint("LR12", "d"),
            Fingerprint("CE12", "e"),
        ),
        because="Its floor is ln(1 + e) − 1. Take the softmax out of the model; the loss has its own.",
    ),
    Exercise(
        id="04.4",
        title="The detector that is stuck",
        kind="find-the-bug",
        minutes=5,
        difficulty=2,
        hints=(
            "What does the name of the function she calls say about the numbers it wants?",
            "Ask of your version: what does it charge for a photo of a dog? And for a truth scored −110?",
        ),
        answer=F.binary_cross_entropy_with_logits,
        observe=OnInputs(ORDINARY, LARGE_SCORES),
        fingerprints=(
            Fingerprint(
                "CE14", lambda scores, labels: F.binary_cross_entropy_with_logits(scores.sigmoid(), labels)
            ),
            Fingerprint("CE15", lambda scores, labels: F.binary_cross_entropy(scores.sigmoid(), labels)),
            Fingerprint("CE15", lambda scores, labels: priced(scores, labels, lambda p: -p.log())),
            Fingerprint(
                "CE15",
                lambda scores, labels: (
                    -(labels * scores.sigmoid().log() + (1 - labels) * (1 - scores.sigmoid()).log()).mean()
                ),
            ),
            Fingerprint("SA01", lambda scores, labels: F.mse_loss(scores.sigmoid(), labels)),
            Fingerprint("MS07", lambda scores, labels: F.mse_loss(scores, labels)),
            Fingerprint("SM06", lambda scores, labels: as_one_softmax(scores, labels, dim=1)),
            Fingerprint("SM06", lambda scores, labels: F.cross_entropy(scores[:, None], labels.long())),
            Fingerprint("SM09", lambda scores, labels: as_one_softmax(scores, labels, dim=0)),
            Fingerprint("SM09", F.cross_entropy),
            Fingerprint("CE01", lambda scores, labels: priced(scores, labels, lambda p: -p * p.log())),
            Fingerprint(
                "CE23",
                lambda scores, labels: F.binary_cross_entropy_with_logits(scores, labels, reduction="sum"),
            ),
            Fingerprint("CE28", lambda scores, labels: -(labels * F.logsigmoid(scores)).mean()),
            Fingerprint("CE28", lambda scores, labels: -F.logsigmoid(scores).mean()),
            Fingerprint("CE15", when=right_for_ordinary_scores_only),
        ),
        because="Logits in the name, logits in the call.",
        tolerance=1e-4,
    ),
    Exercise(
        id="04.5",
        title="Your own loss, with its gradient",
        kind="make",
        minutes=12,
        difficulty=3,
        hints=(
            "Which table [photo, class] do the loss and the gradient have in common, if you want to compute "
            "it only once?",
            "Build it from exercise 04.2, along the classes of each photo (dim=1, keepdim=True). Its exp "
            "gives the probabilities; both results are means over the photos.",
        ),
        answer=right_loss,
        observe=own_loss,
        fingerprints=(
            # a different price
            Fingerprint("CE01", when=shows("loss", loss_of((-SURPRISE).exp() * SURPRISE), ENTROPY)),
            Fingerprint(
                "CE02", when=shows("loss", *(loss_of(SURPRISE * unit) for unit in (1.442695, 0.434294)))
            ),
            Fingerprint("CE05", when=shows("loss", F.cross_entropy(PROBABILITY, LABELS))),
            Fingerprint("CE06", when=shows("loss", loss_of(-true_entry(LOGITS).log()))),
            Fingerprint("CE21", when=shows("loss", loss_of(-PROBABILITY.max(dim=1).values.log()))),
            Fingerprint("CE22", when=shows("loss", loss_of(1 - true_entry(PROBABILITY)))),
            Fingerprint("CE25", when=shows("loss", loss_of(-true_entry(PROBABILITY)))),
            Fingerprint("SM05", when=shows("loss", loss_of(-true_entry(LOGITS / LOGITS.sum(1, True)).log()))),
            Fingerprint("SM09", when=mixes_photos),
            Fingerprint("CE32", when=shows("loss", -loss_of(SURPRISE))),
            Fingerprint("CE33", when=shows("loss", loss_of(-PROBABILITY.log().sum(dim=1)))),
            Fingerprint("SA01", when=shows("loss", SQUARED.sum(dim=1).mean(), SQUARED.mean())),
            # a different mean
            Fingerprint("CE23", when=shows("loss", SURPRISE.sum())),
            Fingerprint("CE24", when=shows("loss", SURPRISE.sum() / LOGITS.numel())),
            # right for ordinary scores only
            Fingerprint("LS04", when=only_the_small_photo_is_lost),
            Fingerprint("SM03", when=shows("loss at 1000", float("nan"))),
            Fingerprint("LS01", when=shows("loss at 1000", float("inf"))),
            Fingerprint("LS02", when=shows("loss at 1000", never_paid_back(*LARGE))),
            Fingerprint("CE15", when=only_the_hopeless_truth_is_wrong),
            # a different gradient
            Fingerprint("CE26", when=shows("gradient", -RIGHT_GRADIENT, -RIGHT_GRADIENT * len(LABELS))),
            Fingerprint("CE23", when=shows("gradient", RIGHT_GRADIENT * len(LABELS))),
            Fingerprint("CE24", when=shows("gradient", RIGHT_GRADIENT / LOGITS.shape[1])),
            Fingerprint(
                "SA01",
                when=shows(
                    "gradient",
                    *(RIGHT_GRADIENT * PROBABILITY * (1 - PROBABILITY) * factor for factor in (1, 2, 3, 6)),
                ),
            ),
            Fingerprint("CE31", when=shows("gradient", PROBABILITY, PROBABILITY / len(LABELS))),
            Fingerprint("CE34", when=shows("gradient", -TRUTH / len(LABELS), TRUTH * RIGHT_GRADIENT, -TRUTH)),
            Fingerprint(
                "DC01",
                when=shows("gradient", -TRUTH / PROBABILITY / len(LABELS), -TRUTH / PROBABILITY),
            ),
        ),
        remarks=(BETTER_NOT,),
        because="A loss for any number of classes, with its gradient, safe at any score. Page 05 hands this "
        "gradient on to the layers below.",
        tolerance=1e-4,
    ),
)
