"""Exercises of page 05, matrix backpropagation: slopes of a layer, equal starts, modes, a whole way back."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from helpers.exercises import Exercise, Fingerprint, Letters, NotAnAnswer, Remark, a_function, same, source_of
from helpers.exercises.comparing import plain


def random(*shape: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def shape_of(value: Any) -> list[int]:
    """The shape of nested lists, as observed tables are."""
    return [len(value), *shape_of(value[0])] if isinstance(value, list) and value else []


class Tables:
    """The answer is a function that returns tables; they are compared one by one and spoken of by name.

    run: calls the answer and returns its tables in the order of `names`.
    """

    def __init__(self, names: tuple[str, ...], run: Callable[[Callable], list]) -> None:
        self.names, self.run = names, run

    def __call__(self, answer: Any) -> list:
        return self.run(a_function(answer))

    def describe(self, observed: list, right: list, tolerance: float) -> str:
        wrong = [
            (name, shape_of(given), shape_of(expected))
            for name, given, expected in zip(self.names, observed, right, strict=True)
            if not same(given, expected, tolerance)
        ]
        shapes = [
            f"{name} has shape {given}, its tensor has {expected}."
            for name, given, expected in wrong
            if given != expected
        ]
        values = [name for name, given, expected in wrong if given == expected]
        return " ".join([*shapes[:2], f"Not right yet in value: {', '.join(values)}." if values else ""])


# 05.3  The other convention

OTHER_SIZES = (random(5, 3, seed=1), random(4, 3, seed=2), random(5, 4, seed=3))  # X, weight [out, in], dZ
ALL_SQUARE = tuple(
    torch.tensor(rows, dtype=torch.float64)
    for rows in ([[1, 2], [3, -1]], [[1, 1], [-1, 2]], [[-1, 1], [0.5, 0]])
)


def slopes_of_layer(linear_backward: Callable) -> list:
    """What a solution of 05.3 gives, for three different sizes and then for the page's square example."""
    seen = []
    for inputs in (OTHER_SIZES, ALL_SQUARE):
        parts = linear_backward(*(part.clone() for part in inputs))
        if not isinstance(parts, tuple | list) or len(parts) != 3:
            raise NotAnAnswer("Return three tables: d_weight, d_bias, dX.")
        seen += parts
    return seen


def layer(d_weight: Callable, dX: Callable) -> Callable:
    """A solution of 05.3 with these two lines; the bias is the page's."""

    def linear_backward(X: torch.Tensor, weight: torch.Tensor, dZ: torch.Tensor) -> tuple:
        return d_weight(X, weight, dZ), dZ.sum(dim=0), dX(X, weight, dZ)

    return linear_backward


def right_weight(X: torch.Tensor, weight: torch.Tensor, dZ: torch.Tensor) -> torch.Tensor:
    return dZ.T @ X


def right_input(X: torch.Tensor, weight: torch.Tensor, dZ: torch.Tensor) -> torch.Tensor:
    return dZ @ weight


def gives(place: int, formula: Callable) -> Callable:
    """A test of what was seen: this table is what the formula gives for the sizes that are all different."""
    return lambda seen: same(seen[place], formula(*OTHER_SIZES))


def only_the_shapes_fit(seen: list, right: list) -> bool:
    """Every table has the right shape, and some value is not right."""
    return not same(seen, right) and [shape_of(part) for part in seen] == [shape_of(part) for part in right]


def right_layer() -> list:
    return slopes_of_layer(layer(right_weight, right_input))


WRONG_WEIGHTS = (
    ("MB01", lambda X, weight, dZ: X.T @ dZ),  # the slope of [in, out]
    ("MB08", lambda X, weight, dZ: (X.T @ dZ).reshape(weight.shape)),
    ("MB08", lambda X, weight, dZ: dZ.reshape(dZ.shape[1], dZ.shape[0]) @ X),
    ("MB16", lambda X, weight, dZ: dZ.T @ X / len(X)),
)
WRONG_INPUTS = (("MB01", lambda X, weight, dZ: weight.T @ dZ.T),)  # right, and lying on its side
REFUSED_WEIGHTS = (  # what torch refuses is known by its error
    ("MB01", lambda X, weight, dZ: X @ dZ.T),
    ("MB01", lambda X, weight, dZ: X @ dZ),
    ("MB01", lambda X, weight, dZ: dZ @ X),
    ("MB06", lambda X, weight, dZ: dZ * X),
    ("MB06", lambda X, weight, dZ: dZ.T * X),
)
REFUSED_INPUTS = (
    ("MB01", lambda X, weight, dZ: dZ @ weight.T),
    ("MB01", lambda X, weight, dZ: weight @ dZ),
    ("MB06", lambda X, weight, dZ: dZ * weight),
    ("MB06", lambda X, weight, dZ: dZ * weight.T),
)


# 05.4  Silent faults

POINTS = random(41, 2, seed=4)
CLASSES = torch.arange(41) % 2


def fresh(net_class: type) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        return net_class().double()


def behaviour(mended: tuple) -> dict:
    """What the mended net and the mended function do, property by property."""
    if not isinstance(mended, tuple | list) or len(mended) != 2 or not all(map(callable, mended)):
        raise NotAnAnswer("Give the class and the function, without brackets behind them: (Net, measure).")
    net_class, measure = mended
    model = fresh(net_class)
    for layer in getattr(model, "hidden", []):  # those in a plain list were not reached by double()
        if isinstance(layer, nn.Module):
            layer.double()
    with torch.random.fork_rng(devices=[]), torch.enable_grad():  # whatever the answer switches off
        torch.manual_seed(7)
        model.eval()
        agree = torch.equal(model(POINTS), model(POINTS))
        model.train()
        drops = not torch.equal(model(POINTS), model(POINTS))
        measured = [plain(measure(model, POINTS, CLASSES)) for _ in range(6)]
        training_after = model.training
        taped = model.train()(POINTS).requires_grad
        model.eval()
        right = (model(POINTS).argmax(dim=1) == CLASSES).double().mean().item()
        measure(model, POINTS, CLASSES)
    return {
        "how many numbers the optimizer can see": sum(part.numel() for part in model.parameters()),
        "two passes in eval mode agree": agree,
        "dropout works in training mode": drops,
        "measuring again gives the same": all(same(again, measured[0]) for again in measured),
        "still in training mode after measuring": training_after,
        "still in eval mode after measuring": not model.training,
        "in training mode there is a tape": taped,
        "the accuracy is that of eval mode": not agree or same(measured[-1], right),
    }


def leaves_a_tape(mended: tuple) -> bool:
    """Whether measuring writes a tape that nobody walks back."""
    net_class, measure = mended
    model, taped = fresh(net_class), []
    model.register_forward_hook(lambda module, inputs, output: taped.append(output.requires_grad))
    measure(model, POINTS, CLASSES)
    return any(taped)


def net_class(container: Callable = nn.ModuleList, mode: str = "module") -> type:
    """The class of 05.4. mode: which mode its dropout follows ("module", "always", "never")."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = container([nn.Linear(2, 16), nn.Linear(16, 16)])
            self.last = nn.Linear(16, 2)

        def forward(self, X: torch.Tensor) -> torch.Tensor:
            on = {"module": self.training, "always": True, "never": False}[mode]
            for layer in self.hidden:
                X = F.dropout(torch.relu(layer(X)), 0.5, training=on)
            return self.last(X)

    return Net


def measure_right(model: nn.Module, X: torch.Tensor, labels: torch.Tensor) -> float:
    was_training = model.training
    model.eval()
    with torch.no_grad():
        right = model(X).argmax(dim=1) == labels
    model.train(was_training)
    return right.double().mean().item()


# 05.5  A whole backward pass

# With this seed every hidden unit is on for some samples and off for others.
BATCH = random(5, 3, seed=163)
LABELS = torch.tensor([2, 0, 1, 2, 1])
NET = tuple(
    random(*shape, seed=164 + k) for k, shape in enumerate(((3, 4), (4,), (4, 6), (6,), (6, 3), (3,)))
)  # 3 inputs, 4 and 6 hidden units, 3 classes
NAMES = ("loss", "dW1", "db1", "dW2", "db2", "dW3", "db3")


def three_layers(
    *,
    gate: Callable = lambda Z, dH: torch.where(Z > 0, dH, 0.0),
    head: Callable = lambda p, y: (p - y) / len(y),
    weight: Callable = lambda X, dZ: X.T @ dZ,
    bias: Callable = lambda dZ: dZ.sum(dim=0),
) -> Callable:
    """A solution of 05.5, of which parts can be replaced by wrong ones."""

    def loss_and_slopes(X: torch.Tensor, labels: torch.Tensor, parameters: list) -> tuple:
        W1, b1, W2, b2, W3, b3 = parameters
        Z1 = X @ W1 + b1  # [batch, first]
        H1 = torch.relu(Z1)
        Z2 = H1 @ W2 + b2  # [batch, second]
        H2 = torch.relu(Z2)
        log_p = (H2 @ W3 + b3).log_softmax(dim=1)  # [batch, class]
        y = F.one_hot(labels, log_p.shape[1])
        dZ3 = head(log_p.exp(), y)
        dZ2 = gate(Z2, dZ3 @ W3.T)
        dZ1 = gate(Z1, dZ2 @ W2.T)
        pairs = ((X, dZ1), (H1, dZ2), (H2, dZ3))
        slopes = [part for inputs, dZ in pairs for part in (weight(inputs, dZ), bias(dZ))]
        return -(log_p * y).sum(dim=1).mean(), slopes

    return loss_and_slopes


def slopes_of_net(loss_and_slopes: Callable) -> list:
    """The loss and the six slopes that a solution of 05.5 gives."""
    result = loss_and_slopes(BATCH.clone(), LABELS.clone(), [part.clone() for part in NET])
    if result is None:  # nothing is returned: nothing is written yet
        return [...]
    if not isinstance(result, tuple | list) or len(result) != 2 or len(result[1]) != 6:
        raise NotAnAnswer("Return the loss and a list of six slopes: loss, [dW1, db1, dW2, db2, dW3, db3].")
    return [result[0], *result[1]]


@cache
def reference(**wrong: Callable) -> list:
    return slopes_of_net(three_layers(**wrong))


def shows(*names: str, **wrong: Callable) -> Callable:
    """A test of what was seen: one of these slopes is what this wrong part gives, and is not right."""
    places = [NAMES.index(name) for name in names]
    return lambda seen: any(
        same(seen[k], reference(**wrong)[k]) and not same(seen[k], reference()[k]) for k in places
    )


def averaged(dZ: torch.Tensor) -> torch.Tensor:
    return dZ.mean(dim=0)


def not_summed(dZ: torch.Tensor) -> torch.Tensor:
    return dZ


def summed_into_a_row(dZ: torch.Tensor) -> torch.Tensor:
    return dZ.sum(dim=0, keepdim=True)


def across_the_row(dZ: torch.Tensor) -> torch.Tensor:
    return dZ.sum(dim=1)


def turned(X: torch.Tensor, dZ: torch.Tensor) -> torch.Tensor:
    return dZ.T @ X


def viewed(X: torch.Tensor, dZ: torch.Tensor) -> torch.Tensor:
    return X.reshape(X.shape[1], X.shape[0]) @ dZ


def ungated(Z: torch.Tensor, dH: torch.Tensor) -> torch.Tensor:
    return dH


def first_ungated(Z: torch.Tensor, dH: torch.Tensor) -> torch.Tensor:
    return dH if Z.shape[1] == 4 else torch.where(Z > 0, dH, 0.0)


def second_ungated(Z: torch.Tensor, dH: torch.Tensor) -> torch.Tensor:
    return dH if Z.shape[1] == 6 else torch.where(Z > 0, dH, 0.0)


def gated_by_slope(Z: torch.Tensor, dH: torch.Tensor) -> torch.Tensor:
    return torch.where(dH > 0, dH, 0.0)


def multiplied_by_value(Z: torch.Tensor, dH: torch.Tensor) -> torch.Tensor:
    return dH * torch.relu(Z)


def divided_again(X: torch.Tensor, dZ: torch.Tensor) -> torch.Tensor:
    return X.T @ dZ / len(X)


def not_divided(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return p - y


def divided_by_entries(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return (p - y) / p.numel()


def backwards(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return (y - p) / len(y)


def lets_autograd_walk(loss_and_slopes: Callable) -> bool:
    return bool(re.search(r"\.backward\(|autograd", source_of(loss_and_slopes)))


EXERCISES = (
    Exercise(
        id="05.1",
        title="One bias, two rows",
        kind="predict",
        minutes=2,
        difficulty=1,
        hints=(
            "Take b1[0] alone. Into which entries of Z1 does it go?",
            "b1[0] goes into Z1[0, 0] and into Z1[1, 0]: two paths. What do slopes do across paths?",
        ),
        answer=[-0.5, 1.0],
        fingerprints=(
            Fingerprint("MB02", [[-1.0, 1.0], [0.5, 0.0]]),
            Fingerprint("MB02", [-0.25, 0.5]),
            Fingerprint("MB09", [0.0, 0.5]),
            Fingerprint("MB12", [0.0, 1.0]),
            Fingerprint("MB02", [-1.0, 1.0]),  # one row alone
            Fingerprint("MB02", [0.5, 0.0]),
            Fingerprint("MB15", [[-0.5, 1.0]]),
            Fingerprint("MB15", [[-0.5], [1.0]]),
        ),
        because="One bias serves every row, so its paths add: the columns of dZ1 are summed.",
    ),
    Exercise(
        id="05.2",
        title="Twelve twins",
        kind="vote",
        minutes=3,
        difficulty=2,
        hints=(
            "Two units with equal weights look at one sample. What does each of them compute?",
            "Follow two equal units through a step: H, then dH, then dW1. Where could a difference come in?",
        ),
        answer="b",
        observe=Letters("abcd"),
        fingerprints=(
            Fingerprint("SA03", "a"),
            Fingerprint("SA04", "c"),
            Fingerprint("SA05", "d"),
        ),
        because="Equal in, equal out, equal slopes, equal steps. Run the next cell and see.",
    ),
    Exercise(
        id="05.3",
        title="The other convention",
        kind="complete",
        minutes=5,
        difficulty=2,
        hints=(
            "Which two letters does each of X, weight and dZ carry, and in which order?",
            "Write the letters of the result first. Place the two factors so that these are their outer "
            "letters, and turn a factor whose shared letter does not touch.",
        ),
        answer=layer(right_weight, right_input),
        observe=Tables(
            (
                *("d_weight", "d_bias", "dX"),
                *(
                    "d_weight of the square example",
                    "d_bias of the square example",
                    "dX of the square example",
                ),
            ),
            slopes_of_layer,
        ),
        fingerprints=(
            *(Fingerprint(which, when=gives(0, formula)) for which, formula in WRONG_WEIGHTS),
            *(Fingerprint(which, when=gives(2, formula)) for which, formula in WRONG_INPUTS),
            *(Fingerprint(which, layer(formula, right_input)) for which, formula in REFUSED_WEIGHTS),
            *(Fingerprint(which, layer(right_weight, formula)) for which, formula in REFUSED_INPUTS),
            Fingerprint("MB07", when=lambda seen: only_the_shapes_fit(seen, plain(right_layer()))),
        ),
        because="The same calculus; only the furniture stands differently.",
    ),
    Exercise(
        id="05.4",
        title="Four silent faults",
        kind="find-the-bug",
        minutes=8,
        difficulty=3,
        hints=(
            "What does model.parameters() hand to the optimizer? What does a second call of measure give?",
            "Count the numbers in parameters(). Call the net twice in eval mode. Call measure twice. Print "
            "model.training before and after measure.",
        ),
        answer=(net_class(), measure_right),
        observe=behaviour,
        fingerprints=(
            Fingerprint("NM01", when=lambda seen: seen["how many numbers the optimizer can see"] < 354),
            Fingerprint("TE05", when=lambda seen: not seen["two passes in eval mode agree"]),
            Fingerprint("TE06", when=lambda seen: not seen["dropout works in training mode"]),
            Fingerprint("TE01", when=lambda seen: not seen["measuring again gives the same"]),
            Fingerprint("TE02", when=lambda seen: not seen["still in training mode after measuring"]),
            Fingerprint("TE07", when=lambda seen: not seen["still in eval mode after measuring"]),
            Fingerprint("TE08", when=lambda seen: not seen["in training mode there is a tape"]),
        ),
        remarks=(Remark("TE03", leaves_a_tape),),
        because="354 numbers to train, one answer per measurement, and the mode is left as it was found.",
    ),
    Exercise(
        id="05.5",
        title="Your own backward pass",
        kind="make",
        minutes=15,
        difficulty=3,
        hints=(
            "Which tables of the way forward does the way back ask for, and have you kept them?",
            "Go backward one table at a time: the logits, the second hidden layer after and before its ReLU, "
            "then the first. Write the shape behind each line before the formula.",
        ),
        answer=three_layers(),
        observe=Tables(NAMES, slopes_of_net),
        fingerprints=(
            Fingerprint("MB13", when=shows(*NAMES[1:], head=backwards)),
            Fingerprint("MS02", when=shows(*NAMES[1:], head=not_divided)),
            Fingerprint("MS02", when=lambda seen: same(seen[0], len(BATCH) * plain(reference()[0]))),
            Fingerprint("MB16", when=shows(*NAMES[1:], head=divided_by_entries)),
            Fingerprint("MB16", when=shows("dW1", "dW2", "dW3", weight=divided_again)),
            *(
                Fingerprint("MB10", when=shows(*NAMES[1:5], gate=gate))
                for gate in (ungated, first_ungated, second_ungated)
            ),
            Fingerprint("MB11", when=shows(*NAMES[1:5], gate=gated_by_slope)),
            Fingerprint("MB11", when=shows(*NAMES[1:5], gate=multiplied_by_value)),
            Fingerprint("MB02", when=shows("db1", "db2", "db3", bias=not_summed)),
            Fingerprint("MB02", when=shows("db1", "db2", "db3", bias=averaged)),
            Fingerprint("MB15", when=shows("db1", "db2", "db3", bias=summed_into_a_row)),
            Fingerprint("MB09", when=shows("db1", "db2", "db3", bias=across_the_row)),
            Fingerprint("MB01", when=shows("dW1", "dW2", "dW3", weight=turned)),
            Fingerprint("MB08", when=shows("dW1", "dW2", "dW3", weight=viewed)),
            Fingerprint("MB07", when=lambda seen: only_the_shapes_fit(seen[1:], plain(reference()[1:]))),
        ),
        remarks=(Remark("MB14", lets_autograd_walk),),
        because="Three rules and three letters, and it trains any net of this kind. The next cells let it.",
    ),
)
