"""Exercises of page 09, training: measuring honestly, and choosing without looking at the test set."""

from helpers.exercises import Exercise, Fingerprint, Letters, OnInputs

EXERCISES = (
    Exercise(
        id="09.1",
        title="The first loss",
        kind="predict",
        minutes=2,
        difficulty=1,
        hints=(
            "What does a fair coin believe about two classes, and what does that belief cost?",
            "The loss is −ln of the probability given to the truth. Which probability does a model give that "
            "has learned nothing yet?",
        ),
        answer=0.6931,
        tolerance=0.02,
        fingerprints=(
            Fingerprint("LN02", 0.5),
            Fingerprint("LN03", 0.0),
            Fingerprint("CE02", 1.0),
            Fingerprint("LN04", when=lambda guess: guess >= 1.3),
        ),
        because="ln 2: two classes, no idea which. A first loss far from it is a bug before the first step.",
    ),
    Exercise(
        id="09.2",
        title="Accuracy over uneven batches",
        kind="complete",
        minutes=4,
        difficulty=1,
        hints=(
            "A batch of 2 texts and a batch of 100: should they count alike?",
            "How many texts were right in all batches together, and how many texts were there?",
        ),
        answer=lambda right, size: sum(right) / sum(size),
        observe=OnInputs(
            ([60, 64, 0], [64, 64, 2]),
            ([1, 9], [1, 10]),
            ([3, 2, 5, 1], [4, 4, 8, 3]),
        ),
        fingerprints=(
            Fingerprint(
                "EV06", lambda right, size: sum(r / s for r, s in zip(right, size, strict=True)) / len(size)
            ),
            Fingerprint("EV12", lambda right, size: right[-1] / size[-1]),
            Fingerprint("EV13", lambda right, size: sum(right) / (len(size) * size[0])),
        ),
        because="Every text counts once, whichever batch it stood in.",
    ),
    Exercise(
        id="09.3",
        title="How far can luck carry an accuracy?",
        kind="complete",
        minutes=5,
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
        ),
        tolerance=1e-6,
        because="At 87 % of 25,000 reviews that is 0.21 points: models closer than that were not told apart.",
    ),
    Exercise(
        id="09.4",
        title="A report that looks too good",
        kind="find-the-bug",
        minutes=5,
        difficulty=2,
        hints=(
            "Which set chose the epoch that is reported?",
            "First find the place of the best epoch without touching the test list; only then look the test "
            "accuracy up.",
        ),
        answer=lambda validation, test: test[validation.index(max(validation))],
        observe=OnInputs(
            ([0.81, 0.88, 0.86], [0.80, 0.85, 0.87]),
            ([0.70, 0.69, 0.65, 0.60], [0.66, 0.71, 0.62, 0.64]),
            ([0.50, 0.60, 0.72, 0.71], [0.52, 0.59, 0.69, 0.70]),
        ),
        fingerprints=(
            Fingerprint("EV02", lambda validation, test: max(test)),
            Fingerprint("EV14", lambda validation, test: test[-1]),
            Fingerprint("EV15", lambda validation, test: max(validation)),
            Fingerprint("EV16", lambda validation, test: sum(test) / len(test)),
        ),
        because="Validation picks, test reports. The number is lower, and it is true.",
    ),
    Exercise(
        id="09.5",
        title="Evaluate, adjust, evaluate again",
        kind="vote",
        minutes=3,
        difficulty=1,
        hints=(
            "After fifty rounds of adjusting, who has been trained on the test set, if only through you?",
            "Fifty students guess blindly in the same exam. You keep the best one. How well will that one "
            "do in the next exam?",
        ),
        answer="c",
        observe=Letters("abcd"),
        fingerprints=(Fingerprint("EV01", "a"), Fingerprint("EV17", "b"), Fingerprint("EV18", "d")),
        because="The article's steps 4 and 5 need a third set: validation, to look at as often as you like.",
    ),
)
