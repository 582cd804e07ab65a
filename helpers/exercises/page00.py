"""Exercises of page 00, start here: a first slope, the number ln 2, a model counted part by part."""

from collections.abc import Callable

from helpers.exercises import Exercise, Fingerprint, Letters, OnInputs


def three_w(w: float) -> float:
    return 3 * w


def three_w_plus_one(w: float) -> float:
    return 3 * w + 1


def five_minus_two_w(w: float) -> float:
    return 5 - 2 * w


def square(w: float) -> float:
    return w * w


def memory(hidden: int, reads: int) -> int:
    """Parameters of one memory (an LSTM) that keeps `hidden` numbers and reads `reads`."""
    return hidden * 4 * (reads + hidden + 2)


def on_top(embedding: int, hidden: int) -> int:
    """Parameters of a memory that reads another one of its size."""
    return memory(hidden, hidden)


def counted(vocabulary: int, embedding: int, hidden: int, classes: int, above: int) -> int:
    """Parameters of a whole model; above: those of all memories that stand on the first one."""
    return vocabulary * embedding + memory(hidden, embedding) + above + classes * (hidden + 1)


def two(above: Callable[[int, int], int]) -> Callable[..., int]:
    """An answer to 00.4; above: from the sizes of a word and of a memory to the second memory's count."""
    return lambda words, embedding, hidden, classes: counted(
        words, embedding, hidden, classes, above(embedding, hidden)
    )


def stack(above: Callable[[int, int], int], first: int = 1) -> Callable[..., int]:
    """An answer to 00.5: `two` for each memory after the first."""
    return lambda words, embedding, hidden, classes, memories: counted(
        words, embedding, hidden, classes, (memories - first) * above(embedding, hidden)
    )


ABOVE = {  # what a second memory is taken to hold
    "PT01": lambda embedding, hidden: memory(hidden, embedding),
    "PT02": lambda embedding, hidden: hidden * 4 * (hidden + 2),
    "PT03": lambda embedding, hidden: hidden * 4 * (hidden + hidden),
    "PT04": lambda embedding, hidden: hidden * (hidden + hidden + 2),
    "PT05": lambda embedding, hidden: 0,
}

EXERCISES = (
    Exercise(
        id="00.1",
        title="One nudge",
        kind="predict",
        minutes=1,
        difficulty=1,
        hints=(
            "What is 3w before the nudge, and what is it after?",
            "Write both values of 3w down, one under the other, and subtract the first from the second.",
        ),
        answer=0.3,
        fingerprints=(
            Fingerprint("SL01", 6.3),
            Fingerprint("SL02", 3.0),
            Fingerprint("SL03", 0.1),
        ),
    ),
    Exercise(
        id="00.2",
        title="From a nudge to a slope",
        kind="complete",
        minutes=2,
        difficulty=1,
        hints=(
            "If the nudge were twice as large, the rise would be too. What stays the same?",
            "A road that climbs 2 metres over 100 metres: which division gives its slope?",
        ),
        answer=lambda f, w, nudge: (f(w + nudge) - f(w)) / nudge,
        also_right=(lambda f, w, nudge: (f(w + nudge) - f(w - nudge)) / (2 * nudge),),
        observe=OnInputs(
            (three_w, 2.0, 0.1),
            (three_w_plus_one, 2.0, 0.1),
            (five_minus_two_w, 3.0, 0.5),
            (square, 1.7, 0.4),
        ),
        fingerprints=(
            Fingerprint("SL05", lambda f, w, nudge: f(w + nudge) - f(w)),
            Fingerprint("SL04", lambda f, w, nudge: f(w) / w),
            Fingerprint("SL06", lambda f, w, nudge: nudge / (f(w + nudge) - f(w))),
            Fingerprint("SL07", lambda f, w, nudge: (f(w + nudge) - f(w)) * nudge),
            Fingerprint("SL08", lambda f, w, nudge: (f(w + nudge) - f(w)) / w),
            Fingerprint("SL08", lambda f, w, nudge: (f(w + nudge) - f(w)) / (w + nudge)),
            Fingerprint("SL04", lambda f, w, nudge: f(w + nudge) / nudge),
            Fingerprint("SL10", lambda f, w, nudge: f(1) - f(0)),
            Fingerprint("SL10", lambda f, w, nudge: f(w + 1) - f(w)),
            Fingerprint("SL09", lambda f, w, nudge: abs(f(w + nudge) - f(w)) / nudge),
            Fingerprint("SL09", lambda f, w, nudge: (f(w) - f(w + nudge)) / nudge),
        ),
        because="This is the ruler: every gradient of this course is held against it.",
    ),
    Exercise(
        id="00.3",
        title="A loss that does not move",
        kind="vote",
        minutes=2,
        difficulty=2,
        hints=(
            "What does a model pay that has no idea and gives each of the two classes the same probability?",
            "Turn the payment back into a probability with exp(−0.6931). How sure is such a model?",
        ),
        answer="b",
        observe=Letters("abcd"),
        fingerprints=(
            Fingerprint("LN01", "a"),
            Fingerprint("DC09", "c"),
            Fingerprint("LR05", "d"),
        ),
        because="You will see this number again on most pages, and each time it says: nothing learned yet.",
    ),
    Exercise(
        id="00.4",
        title="One part more",
        kind="complete",
        minutes=2,
        difficulty=1,
        hints=(
            "What does the second memory read, and how many numbers is that?",
            "What does each of the three terms in the first memory's bracket stand for? Which one changes?",
        ),
        answer=two(on_top),
        observe=OnInputs((5, 2, 3, 2), (7, 4, 6, 3)),
        fingerprints=tuple(Fingerprint(one, two(above)) for one, above in ABOVE.items()),
        because="A part fits wherever as many numbers arrive as it reads.",
    ),
    Exercise(
        id="00.5",
        title="Large out of small",
        kind="make",
        minutes=4,
        difficulty=2,
        hints=(
            "Which parts stand once in the model, and which one is repeated?",
            "Count on paper with one memory, with two, with three. By how much does the count grow?",
        ),
        answer=stack(on_top),
        observe=OnInputs((5, 2, 3, 2, 1), (5, 2, 3, 2, 4), (7, 4, 6, 3, 2)),
        fingerprints=(
            *(Fingerprint(one, stack(above)) for one, above in ABOVE.items()),
            Fingerprint(
                "PT06",
                lambda words, embedding, hidden, classes, memories: (
                    memories * counted(words, embedding, hidden, classes, 0)
                ),
            ),
            Fingerprint("PT07", stack(on_top, first=0)),
            Fingerprint("PT07", stack(on_top, first=2)),
            Fingerprint(
                "PT08",
                lambda words, embedding, hidden, classes, memories: (
                    words * embedding + memories * memory(hidden, hidden) + classes * (hidden + 1)
                ),
            ),
        ),
        because="Small parts, many times: that is how a model grows large.",
    ),
)
