"""Exercises of page 03, mean squared error: step sizes, the gradient's bookkeeping, the training step."""

import warnings
from collections.abc import Callable

import torch
from torch import nn

from helpers.exercises import Exercise, Fingerprint, NotAnAnswer, OnInputs


def column(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


# 03.2  One batch in pieces


def in_parts(factor: Callable[[torch.Tensor, int], float]) -> Callable:
    """A solution of 03.2 whose blank is `factor(x_part, parts)`."""

    def descend_in_parts(x: torch.Tensor, y: torch.Tensor, lr: float, parts: int, steps: int) -> tuple:
        w = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
        b = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.SGD([w, b], lr=lr)
        for _ in range(steps):
            optimizer.zero_grad()
            for x_part, y_part in zip(x.chunk(parts), y.chunk(parts), strict=True):
                loss = ((w * x_part + b - y_part) ** 2).mean()
                (loss * factor(x_part, parts)).backward()
            optimizer.step()
        return w.item(), b.item()

    return descend_in_parts


# 03.3  Two outputs, one loss


def slopes_of_two_outputs(
    count: Callable[[torch.Tensor], float], two: float = 2.0, forget_x: bool = False
) -> Callable:
    """A solution of 03.3 that divides by `count(error)`; error is [sample, output]."""

    def slopes(error: torch.Tensor, x: torch.Tensor) -> tuple:
        slope_b = two * error.sum(dim=0) / count(error)
        slope_w = slope_b if forget_x else two * (error * x).sum(dim=0) / count(error)
        return slope_w, slope_b

    return slopes


def one_axis_too_many(seen: list) -> bool:
    """Whether some slope has its numbers, one for each output, in a row or a column of a table."""
    return any(
        isinstance(slope, list)
        and all(isinstance(part, list) for part in slope)
        and sorted((len(slope), *{len(part) for part in slope})) == [1, outputs]
        for slopes, outputs in zip(seen, (2, 3), strict=True)
        for slope in slopes
    )


def not_one_for_each_output(seen: list) -> bool:
    """Whether some slope is not a list with one number for each output: two of them, then three."""
    return any(
        not isinstance(slope, list) or len(slope) != outputs
        for slopes, outputs in zip(seen, (2, 3), strict=True)
        for slope in slopes
    )


# 03.4  A step that goes nowhere

SAMPLES = (column(1.0, 2.0, 4.0), column(3.0, 5.0, 8.0))  # three labels, no two alike, not quite on a line


class AfterThreeSteps:
    """Call a training step three times on a fresh line, and see where w and b stand after each."""

    def __call__(self, training_step: Callable) -> dict:
        if not callable(training_step):
            raise NotAnAnswer("The exercise asks for a function: run the cell that defines training_step.")
        line = nn.Linear(1, 1, dtype=torch.float64)
        with torch.no_grad():
            line.weight.fill_(1.0)
            line.bias.fill_(0.0)
        optimizer = torch.optim.SGD(line.parameters(), lr=0.02)
        places = []
        with warnings.catch_warnings():  # torch warns of a schedule that moves first, and of unequal shapes
            warnings.simplefilter("ignore")
            scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=100)
            for _ in range(3):
                training_step(line, optimizer, scheduler, *(part.clone() for part in SAMPLES))
                places.append((line.weight.item(), line.bias.item()))
        still = all(place == (1.0, 0.0) for place in places)
        moved = "the line" if not still else "the schedule only" if scheduler.last_epoch else "nothing"
        return {"w": [w for w, _ in places], "b": [b for _, b in places], "moved": moved}

    def describe(self, observed: dict, right: dict, tolerance: float) -> str:
        w, b = (", ".join(f"{value:.4g}" for value in observed[name]) for name in ("w", "b"))
        return (
            f"A line that begins with w = 1, b = 0 stands after three calls of your step at w = {w}; b = {b}."
        )


def step_with(*, clear: str = "first", shape: bool = True, total: bool = False, who: str = "optimizer"):
    """A training step; clear: when the gradient is emptied ("first", "late", "never")."""

    def training_step(line, optimizer, scheduler, x, y):
        prediction = line(x.reshape(-1, 1))
        errors = (prediction - (y.reshape(-1, 1) if shape else y)) ** 2
        loss = errors.sum() if total else errors.mean()
        if clear == "first":
            optimizer.zero_grad()
        loss.backward()
        if clear == "late":
            optimizer.zero_grad()
        (optimizer if who == "optimizer" else scheduler).step()
        return loss.item()

    return training_step


# 03.5  The edge, from the inputs alone


def curvatures(x: torch.Tensor, two: float = 2.0) -> torch.Tensor:
    """The eigenvalues of the Hessian of the mean squared error of w·x + b, the smallest first."""
    design = torch.stack([x, torch.ones_like(x)], dim=1)  # [sample, 2]
    return torch.linalg.eigvalsh(two * design.T @ design / len(x))


def edge_with(
    curvature: Callable[[torch.Tensor], torch.Tensor] = lambda x: curvatures(x)[-1],
    reach: float = 2.0,
    shrink: Callable[[str, int], float] = lambda reduction, n: n if reduction == "sum" else 1,
) -> Callable:
    """A solution of 03.5: reach / (curvature · shrink), where `shrink` is what a sum makes of the mean."""
    return lambda x, reduction: (reach / (curvature(x) * shrink(reduction, len(x)))).item()


def sum_divided(reduction: str, n: int) -> float:
    """A factor that makes a sum n times smaller than the mean, in place of n times larger."""
    return 1 / n if reduction == "sum" else 1


def steepest_parameter(x: torch.Tensor) -> torch.Tensor:
    """The largest entry on the diagonal of the Hessian: each parameter on its own."""
    return torch.maximum(2 * (x**2).mean(), torch.tensor(2.0, dtype=torch.float64))


EXERCISES = (
    Exercise(
        id="03.1",
        title="A race of five step sizes",
        kind="predict",
        minutes=3,
        difficulty=1,
        hints=(
            "Two distances have to shrink, the steep one and the flat one. Which of the two is slower at "
            "your learning rate?",
            "For each learning rate compute 1 − lr·λ twice, with the steep λ and with the flat λ. Of each "
            "pair keep the one of larger size: it sets the pace.",
        ),
        answer=0.1,
        fingerprints=(
            Fingerprint("LR01", 0.12),
            Fingerprint("LR06", 0.119),
            Fingerprint("LR07", 0.01),
            Fingerprint("LR07", 0.05),
        ),
        because="Steep and flat shrink at nearly the best common pace there.",
    ),
    Exercise(
        id="03.2",
        title="One batch in four pieces",
        kind="complete",
        minutes=4,
        difficulty=1,
        hints=(
            "Each piece adds its own gradient to `.grad`. After the last piece, what should stand there?",
            "Write the mean of eight numbers as a sum of means of two. Which factor does each small mean "
            "need?",
        ),
        answer=in_parts(lambda x_part, parts: 1 / parts),
        observe=OnInputs(
            (column(1, 2, 3, 4, 5, 6, 7, 8), column(3, 5, 8, 9, 10, 14, 15, 16), 0.002, 4, 3),
            (column(0.5, -1, 2, 3, 0, 1.5), column(2, -1, 4, 8, 1, 3), 0.05, 2, 2),
        ),
        fingerprints=(
            Fingerprint("ZG05", in_parts(lambda x_part, parts: 1.0)),
            Fingerprint("MS09", in_parts(lambda x_part, parts: 1 / len(x_part))),
            Fingerprint("MS09", in_parts(lambda x_part, parts: 1 / (len(x_part) * parts))),
            Fingerprint("ZG07", in_parts(lambda x_part, parts: float(parts))),
            Fingerprint("MS02", in_parts(lambda x_part, parts: float(len(x_part)))),
        ),
        because="That is how a batch too large for the memory is trained on: page 09 uses it.",
    ),
    Exercise(
        id="03.3",
        title="Two outputs, one loss",
        kind="complete",
        minutes=5,
        difficulty=2,
        hints=(
            "Over how many numbers does `.mean()` average here?",
            "Follow one error e of one sample and one output: the loss has slope 2e / (number of errors) "
            "along it, and e has slope x along the w of that output. Then add over the samples.",
        ),
        answer=slopes_of_two_outputs(torch.numel),
        observe=OnInputs(
            (column(1, -2, 3, 0.5, 2, -1).reshape(3, 2), column(1, 2, 4).reshape(3, 1)),
            (column(*range(-7, 8)).reshape(5, 3), column(-1, 0.5, 2, 3, 1).reshape(5, 1)),
        ),
        fingerprints=(
            Fingerprint("MS05", slopes_of_two_outputs(len)),
            Fingerprint("MS02", slopes_of_two_outputs(lambda error: 1)),
            Fingerprint("MS02", slopes_of_two_outputs(lambda error: error.shape[1])),
            Fingerprint("MS04", slopes_of_two_outputs(torch.numel, two=-2.0)),
            Fingerprint("MS08", slopes_of_two_outputs(torch.numel, two=1.0)),
            Fingerprint("MS08", slopes_of_two_outputs(len, two=1.0)),
            Fingerprint("MS10", slopes_of_two_outputs(torch.numel, forget_x=True)),
            Fingerprint("MS10", slopes_of_two_outputs(len, forget_x=True)),
            Fingerprint("MS12", when=one_axis_too_many),
            Fingerprint("MS11", when=not_one_for_each_output),
        ),
    ),
    Exercise(
        id="03.4",
        title="A step that goes nowhere",
        kind="find-the-bug",
        minutes=6,
        difficulty=2,
        hints=(
            "What does each line change: the prediction, the slopes in `.grad`, the weights, or the "
            "learning rate?",
            "Write the shape of every tensor beside its line. Then go through the five labels and ask "
            "whether the line does what its label says.",
        ),
        answer=step_with(),
        observe=AfterThreeSteps(),
        fingerprints=(
            Fingerprint("LR04", when=lambda seen: seen["moved"] == "the schedule only"),
            Fingerprint("ZG03", when=lambda seen: seen["moved"] == "nothing"),
            Fingerprint("MS03", step_with(shape=False)),
            Fingerprint("MS03", step_with(shape=False, total=True)),
            Fingerprint("ZG01", step_with(clear="never")),
            Fingerprint("ZG01", step_with(clear="never", shape=False)),
            Fingerprint("MS02", step_with(total=True)),
        ),
        because="Keep this function: with another model and loss it trains everything in this course.",
    ),
    Exercise(
        id="03.5",
        title="The edge, before any training",
        kind="make",
        minutes=8,
        difficulty=3,
        hints=(
            "Which four numbers make the Hessian of this loss, and which of them need the labels?",
            "Build the two by two Hessian from the inputs, ask torch.linalg.eigvalsh for its curvatures, and "
            "think what a sum in place of the mean does to all four entries.",
        ),
        answer=edge_with(),
        observe=OnInputs(
            (column(1, 2, 3), "mean"),
            (column(1, 2, 3), "sum"),
            (column(0.1, -0.3, 0.2, 0.4, 0.5), "mean"),
            (column(2, 4, 5, 7, 7, 8), "sum"),
        ),
        fingerprints=(
            Fingerprint("LR03", edge_with(shrink=lambda reduction, n: 1)),
            Fingerprint("MS02", edge_with(shrink=lambda reduction, n: n)),
            Fingerprint("LR11", edge_with(shrink=sum_divided)),
            Fingerprint("LR11", edge_with(shrink=lambda reduction, n: n if reduction == "mean" else 1)),
            Fingerprint("MS08", edge_with(curvature=lambda x: curvatures(x, two=1.0)[-1])),
            Fingerprint("LR08", edge_with(reach=1.0)),
            Fingerprint("LR09", edge_with(curvature=lambda x: curvatures(x)[0])),
            Fingerprint("LR10", edge_with(curvature=steepest_parameter)),
            Fingerprint("LR10", edge_with(curvature=lambda x: 2 * (x**2).mean())),
            Fingerprint("LR13", edge_with(curvature=lambda x: 4 / curvatures(x)[-1], shrink=sum_divided)),
            Fingerprint("LR14", edge_with(curvature=lambda x: curvatures(x).sum())),
        ),
        because="No label was needed: for this loss the inputs alone decide how far a step may go.",
    ),
)
