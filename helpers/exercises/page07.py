"""Exercises of page 07, the LSTM cell: an open gate, a coupled gate, silent faults in a reader, a GRU."""

from collections.abc import Callable
from functools import cache
from itertools import permutations, product
from math import tanh
from typing import Any

import torch
from torch import Tensor, nn

from helpers.exercises import Exercise, Fingerprint, Letters, NotAnAnswer, OnInputs, same
from helpers.exercises.comparing import plain
from helpers.exercises.page05 import Tables, random

# 07.2  One gate for both


def coupled(dc0: Callable, df: Callable) -> Callable:
    """A solution of 07.2 with these two lines; each takes dc, f, g, c0."""

    def coupled_back(dc: float, f: float, g: float, c0: float) -> tuple:
        return dc * (1 - f), dc0(dc, f, g, c0), df(dc, f, g, c0)

    return coupled_back


def right_dc0(dc: float, f: float, g: float, c0: float) -> float:
    return dc * f


def right_df(dc: float, f: float, g: float, c0: float) -> float:
    return dc * (c0 - g)


WRONG_DC0 = (
    ("BP06", lambda dc, f, g, c0: dc),
    ("LG02", lambda dc, f, g, c0: dc * (1 - f)),
    ("LG10", lambda dc, f, g, c0: dc * c0),
    ("TG15", lambda dc, f, g, c0: f),
)
WRONG_DF = (
    ("TG15", lambda dc, f, g, c0: c0 - g),
    ("TG15", lambda dc, f, g, c0: dc * c0 - g),
    ("LG20", lambda dc, f, g, c0: dc * (c0 - g) * f * (1 - f)),
    ("DC04", lambda dc, f, g, c0: dc * c0),
    ("DC04", lambda dc, f, g, c0: -dc * g),
    ("DC04", lambda dc, f, g, c0: dc * g),
    ("DC14", lambda dc, f, g, c0: dc * (c0 + g)),
    ("DC14", lambda dc, f, g, c0: dc * (g - c0)),
)
COUPLED_INPUTS = ((0.5, 0.8, 0.6, -0.3), (-2.0, 0.25, -0.5, 0.7), (1.5, 0.6, 0.9, 0.4))


def hands_f_on(seen: list) -> bool:
    """dc0 is right, and along f the factors stand that f is, not those that stand beside it."""
    itself = (lambda dc, f, g, c0: dc * f, lambda dc, f, g, c0: dc * f - dc * (1 - f))
    return gives(1, right_dc0)(seen) and any(gives(2, formula)(seen) for formula in itself)


def gives(place: int, formula: Callable) -> Callable:
    """A test of what was seen: for each input the slope in this place is what the formula gives."""
    return lambda seen: all(
        same(slopes[place], formula(*inputs)) for slopes, inputs in zip(seen, COUPLED_INPUTS, strict=True)
    )


# 07.4  Five faults without an error

SIZES = (6, 3, 4, 2)  # time, batch, in, hidden


def fresh_lstm() -> nn.LSTM:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(74)
        lstm = nn.LSTM(SIZES[2], SIZES[3]).double()
    with torch.no_grad():
        for part in lstm.parameters():
            part.mul_(3)  # away from 0, where a sigmoid and another cannot be told apart
    return lstm


TEXT = random(*SIZES[:3], seed=75)


def as_it_was(value: Tensor) -> Tensor:
    return value


@torch.no_grad()
def reader(
    lstm: nn.LSTM,
    xs: Tensor,
    *,
    order: str = "ifgo",
    candidate: Callable = torch.tanh,
    squash: Callable = torch.tanh,
    on_the_belt: Callable = as_it_was,
    hands_over: str = "h",
) -> Tensor:
    """What `read` of 07.4 gives, of which parts can be replaced by wrong ones."""
    h = c = torch.zeros(xs.shape[1], lstm.hidden_size, dtype=xs.dtype)
    said = []
    for x in xs:
        z = x @ lstm.weight_ih_l0.T + h @ lstm.weight_hh_l0.T + lstm.bias_ih_l0 + lstm.bias_hh_l0
        rows = dict(zip(order, z.chunk(4, dim=1), strict=True))
        i, f, o = (rows[name].sigmoid() for name in "ifo")
        c = on_the_belt(f * c + i * candidate(rows["g"]))
        h = o * squash(c)
        said.append(h if hands_over == "h" else c)
    return torch.stack(said)  # [time, batch, hidden]


RIGHT_ORDER = ("i", "f", "g", "o")
FAULTS = {  # the choices of each part: the first is right; then the misconception it shows
    "order": (
        ("ifgo", ""),
        *(("".join(order), "LG01") for order in permutations("ifgo") if order != RIGHT_ORDER),
    ),
    "candidate": ((torch.tanh, ""), (torch.sigmoid, "LG06"), (as_it_was, "LG06")),
    "squash": ((torch.tanh, ""), (as_it_was, "LG06"), (torch.sigmoid, "LG06")),
    "on_the_belt": ((as_it_was, ""), (torch.tanh, "LG18")),
    "hands_over": (("h", ""), ("c", "HS09")),
}


@cache
def known_readings() -> list[tuple[list, list[str]]]:
    """Every combination of the known faults, fewest first: what it reads, and the misconceptions it shows."""
    lstm, readings = fresh_lstm(), []
    for choice in product(*FAULTS.values()):
        parts = {name: part for name, (part, _) in zip(FAULTS, choice, strict=True)}
        readings.append((plain(reader(lstm, TEXT, **parts)), [which for _, which in choice if which]))
    return sorted(readings, key=lambda known: len(known[1]))


READING, FORGETTING, OTHERS = "what read gives", "the forget gates' bias", "the biases of the other gates"


def behaviour(mended: tuple) -> dict:
    """What the mended functions do: the biases that `build` leaves, and the states that `read` gives."""
    two = isinstance(mended, tuple | list) and len(mended) == 2
    if not two or not all(callable(one) and not isinstance(one, nn.Module) for one in mended):
        raise NotAnAnswer("Give the two functions, without brackets behind their names: (build, read).")
    build, read = mended
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(76)
        built = build(SIZES[2], SIZES[3])
    if not isinstance(built, nn.LSTM):
        raise NotAnAnswer(f"`build` should return the nn.LSTM; yours returns {type(built).__name__}.")
    bias, hidden = (built.bias_ih_l0 + built.bias_hh_l0).detach(), SIZES[3]
    others = torch.cat([bias[:hidden], bias[2 * hidden :]])
    as_drawn = len(others.unique()) == len(others) and others.abs().max() < 2 * hidden**-0.5
    reading = read(fresh_lstm(), TEXT.clone())
    wanted = [SIZES[0], SIZES[1], hidden]
    if not isinstance(reading, Tensor) or list(reading.shape) != wanted:
        given = list(reading.shape) if isinstance(reading, Tensor) else type(reading).__name__
        raise NotAnAnswer(
            f"`read` should return one tensor [time, batch, hidden], here {wanted}; yours returns {given}."
        )
    return {
        FORGETTING: bias[hidden : 2 * hidden],
        OTHERS: "as torch drew them" if as_drawn else others,
        READING: reading,
    }


def reading_shows(misconception: str) -> Callable:
    """A test of what was seen: of the known combinations that read like this, the simplest has this fault.

    The simplest, since some combinations read alike: where the candidate has a sigmoid too, it can change
    places with the input gate.
    """

    def test(seen: dict) -> bool:
        alike = (faults for reading, faults in known_readings() if same(seen[READING], reading))
        return misconception in next(alike, [])

    return test


@torch.no_grad()
def build_right(inputs: int, hidden: int) -> nn.LSTM:
    lstm = nn.LSTM(inputs, hidden).double()
    lstm.bias_ih_l0[hidden : 2 * hidden] = 1.0
    lstm.bias_hh_l0[hidden : 2 * hidden] = 0.0
    return lstm


# 07.5  A GRU

GRU_IN, GRU_HIDDEN, GRU_BATCH = 4, 3, 5
GRU_SHAPES = (
    (GRU_BATCH, GRU_IN),
    (GRU_BATCH, GRU_HIDDEN),
    (3 * GRU_HIDDEN, GRU_IN),
    (3 * GRU_HIDDEN, GRU_HIDDEN),
    (3 * GRU_HIDDEN,),
    (3 * GRU_HIDDEN,),
)
GRU_INPUTS = tuple(random(*shape, seed=770 + k) for k, shape in enumerate(GRU_SHAPES))
GRU_NAMES = ("x", "h", "W_ih", "W_hh", "b_ih", "b_hh")
WRONG_ROWS = tuple(permutations("rzn"))[1:]  # the first is torch's own
DIRECTION = random(GRU_BATCH, GRU_HIDDEN, seed=779)  # slopes that arrive at the new state


def gru(
    *,
    order: str = "rzn",
    reset: str = "after",
    update: Callable = lambda z, n, h: (1 - z) * n + z * h,
    candidate: Callable = torch.tanh,
) -> Callable:
    """A solution of 07.5, of which parts can be replaced by wrong ones.

    reset: what r multiplies. "after" the product and its bias (torch), "product" without its bias,
    "before" the product (the state itself), "both" the word's part too, "word" only that, "never".
    """

    def gru_step(x: Tensor, h: Tensor, W_ih: Tensor, W_hh: Tensor, b_ih: Tensor, b_hh: Tensor) -> Tensor:
        word = dict(zip(order, (x @ W_ih.T + b_ih).chunk(3, dim=1), strict=True))
        weights = dict(zip(order, W_hh.chunk(3), strict=True))
        biases = dict(zip(order, b_hh.chunk(3), strict=True))
        state = {k: h @ weights[k].T + biases[k] for k in order}
        r, z = ((word[k] + state[k]).sigmoid() for k in "rz")
        heard = {
            "after": r * state["n"],
            "product": r * (h @ weights["n"].T) + biases["n"],
            "before": (r * h) @ weights["n"].T + biases["n"],
            "both": r * (word["n"] + state["n"]) - word["n"],
            "word": r * word["n"] - word["n"] + state["n"],
            "never": state["n"],
        }[reset]
        return update(z, candidate(word["n"] + heard), h)

    return gru_step


def turned_round(z: Tensor, n: Tensor, h: Tensor) -> Tensor:
    return z * n + (1 - z) * h


def states_and_slopes(gru_step: Callable) -> list:
    """The new state, and the slopes that autograd brings back through the solution of 07.5."""
    leaves = [part.clone().requires_grad_() for part in GRU_INPUTS]
    new = gru_step(*leaves)
    if new is None or new is Ellipsis:
        return [...]
    if not isinstance(new, Tensor) or new.shape != GRU_INPUTS[1].shape:
        given = list(new.shape) if isinstance(new, Tensor) else type(new).__name__
        raise NotAnAnswer(f"Return the new state as one tensor, [batch, hidden]; you returned {given}.")
    if not new.requires_grad:
        return [new, *(None for _ in leaves)]
    (new * DIRECTION).sum().backward()
    return [new, *(leaf.grad for leaf in leaves)]


class NewState(Tables):
    """The new state and the slopes, told apart by name."""

    def describe(self, observed: list, right: list, tolerance: float) -> str:
        if same(observed[0], right[0], tolerance):
            missing = [name for name, part in zip(GRU_NAMES, observed[1:], strict=True) if part is None]
            ends = f" No slope reaches {', '.join(missing)}." if missing else ""
            return f"The new state is right, its slopes are not.{ends}"
        return "The new state has the right shape, and its values are not those of nn.GRUCell."


def gives_state(**wrong: Any) -> Callable:
    """A test of what was seen: the new state is what this wrong part gives, z the right way round or not."""
    updates = ({}, {"update": turned_round})
    return lambda seen: any(same(seen[0], states_and_slopes(gru(**wrong, **way))[0]) for way in updates)


def turns_the_update_round(seen: list) -> bool:
    return same(seen[0], states_and_slopes(gru(update=turned_round))[0])


def loses_slopes(seen: list) -> bool:
    """The new state is right and a slope is not: somewhere the tape was cut."""
    right = states_and_slopes(gru())
    return same(seen[0], right[0]) and not same(seen, right)


EXERCISES = (
    Exercise(
        id="07.1",
        title="A gate wide open",
        kind="predict",
        minutes=2,
        difficulty=1,
        hints=(
            "Which two things make up the new memory, and which factor stands before each?",
            "Write the sum with its two products. Put 1 where the forget gate stands; change nothing else.",
        ),
        answer=0.95,
        fingerprints=(
            Fingerprint("LG02", 0.45),
            Fingerprint("LG02", 0.6),
            Fingerprint("LG08", 0.5),
            Fingerprint("LG09", 0.975),
            Fingerprint("LG11", 1.1),
            Fingerprint("LG17", 1.25),
            Fingerprint("LG18", when=lambda seen: same(seen, tanh(0.95), 1e-3)),
        ),
        because="All of the old memory is kept, and three quarters of the candidate are added to it.",
    ),
    Exercise(
        id="07.2",
        title="One gate for both",
        kind="complete",
        minutes=5,
        difficulty=2,
        hints=(
            "In how many places does f stand in the formula for c?",
            "Nudge f up by a little: by how much does the first product rise, by how much does the second "
            "fall?",
        ),
        answer=coupled(right_dc0, right_df),
        observe=OnInputs(*COUPLED_INPUTS),
        fingerprints=(
            *(Fingerprint(which, when=gives(2, formula)) for which, formula in WRONG_DF),
            *(Fingerprint(which, when=gives(1, formula)) for which, formula in WRONG_DC0),
            Fingerprint("LG10", when=hands_f_on),
        ),
        because="f has two uses, so two shares; one of them comes with a minus.",
    ),
    Exercise(
        id="07.3",
        title="Fresh from torch",
        kind="vote",
        minutes=3,
        difficulty=2,
        hints=(
            "Which of the four could you check with one line of code?",
            "Two of them are about numbers that are fixed before any text is read: look at these first.",
        ),
        answer="d",
        observe=Letters("abcd"),
        fingerprints=(
            Fingerprint("LG05", "a"),
            Fingerprint("BP05", "b"),
            Fingerprint("LG07", "c"),
        ),
        because="Sections 8, 10 and 11 show all four, with numbers.",
    ),
    Exercise(
        id="07.4",
        title="Five faults without an error",
        kind="find-the-bug",
        minutes=10,
        difficulty=3,
        hints=(
            "Every shape is right, so shapes will not tell. Which known number could you hold it against?",
            "Go through the code with section 7 beside it: the order of the rows, each bend, what is "
            "collected. Then add up the two biases of a forget gate.",
        ),
        answer=(build_right, reader),
        observe=behaviour,
        fingerprints=(
            Fingerprint("LG01", when=reading_shows("LG01")),
            Fingerprint("LG18", when=reading_shows("LG18")),
            Fingerprint("LG06", when=reading_shows("LG06")),
            Fingerprint("HS09", when=reading_shows("HS09")),
            Fingerprint("LG04", when=lambda seen: not same(seen[FORGETTING], [1.0] * SIZES[3])),
        ),
        because="Rows i, f, g, o; a tanh for the candidate and for what is said; h, not c; one sum of 1.",
    ),
    Exercise(
        id="07.5",
        title="A GRU of your own",
        kind="make",
        minutes=15,
        difficulty=3,
        hints=(
            "Which third of the rows belongs to which letter? And what exactly does r multiply?",
            "Make the two parts first, x @ W_ih.T + b_ih and h @ W_hh.T + b_hh, and cut each into three. "
            "Only the third pair is not simply added.",
        ),
        answer=gru(),
        observe=NewState(("new state", *GRU_NAMES), states_and_slopes),
        fingerprints=(
            Fingerprint("LG12", when=turns_the_update_round),
            *(Fingerprint("LG13", when=gives_state(order="".join(rows))) for rows in WRONG_ROWS),
            Fingerprint("LG14", when=gives_state(reset="before")),
            Fingerprint("LG15", when=gives_state(reset="product")),
            Fingerprint("LG16", when=gives_state(reset="never")),
            Fingerprint("LG19", when=gives_state(reset="both")),
            Fingerprint("LG19", when=gives_state(reset="word")),
            Fingerprint("LG06", when=gives_state(candidate=torch.sigmoid)),
            Fingerprint("LG06", when=gives_state(candidate=as_it_was)),
            Fingerprint("TG07", when=loses_slopes),
        ),
        because="The same state as nn.GRUCell, and the same slopes along all six tables.",
    ),
)
