"""Exercises of page 00, start here: a warm-up with the first slope of the course and its one number, ln 2."""

from helpers.exercises import Exercise, Fingerprint, Letters, OnInputs


def three_w(w: float) -> float:
    return 3 * w


def three_w_plus_one(w: float) -> float:
    return 3 * w + 1


def five_minus_two_w(w: float) -> float:
    return 5 - 2 * w


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
        observe=OnInputs(
            (three_w, 2.0, 0.1),
            (three_w_plus_one, 2.0, 0.1),
            (five_minus_two_w, 3.0, 0.5),
        ),
        fingerprints=(
            Fingerprint("SL05", lambda f, w, nudge: f(w + nudge) - f(w)),
            Fingerprint("SL04", lambda f, w, nudge: f(w) / w),
            Fingerprint("SL06", lambda f, w, nudge: nudge / (f(w + nudge) - f(w))),
            Fingerprint("SL07", lambda f, w, nudge: (f(w + nudge) - f(w)) * nudge),
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
)
