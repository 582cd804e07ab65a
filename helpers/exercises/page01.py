"""Exercises of page 01, the chain rule: slopes along a chain, and a measurement that can be trusted."""

import math

from helpers.exercises import Exercise, Fingerprint, Letters, NotAnAnswer, OnInputs, same
from helpers.exercises.comparing import plain


def slopes_at_two_places(functions: list) -> dict[str, float]:
    """What the two functions of exercise 01.2 give: at one place alone a wrong slope can look right."""
    if not isinstance(functions, (list, tuple)) or len(functions) != 2 or not all(map(callable, functions)):
        raise NotAnAnswer("Give the two functions in a list: [slope_of_cube, slope_of_tanh].")
    cube, tanh = functions
    seen = {f"(5 − 2x)³ at x = {x:g}": cube(x) for x in (0.5, -1.0)}
    return seen | {f"tanh(3x) at x = {x:g}": tanh(x) for x in (0.5, -1.0)}


def cube_is(slope):
    """A test of what was observed in 01.2: the first function gives this slope."""
    return lambda seen: all(same(seen[f"(5 − 2x)³ at x = {x:g}"], slope(x)) for x in (0.5, -1.0))


def tanh_is(slope):
    """The same for the second function."""
    return lambda seen: all(same(seen[f"tanh(3x) at x = {x:g}"], slope(x)) for x in (0.5, -1.0))


# Exercise 01.4: what a check must judge, each (slope to be judged, function, place).

TOO_LARGE = "a slope that is too large by 0.00005"
CASES = {
    "the right slope of a line": (3.0, lambda x: 3 * x, 2.0),
    "the right slope of a curve": (12.0, lambda x: x * x * x, 2.0),
    TOO_LARGE: (12.00005, lambda x: x * x * x, 2.0),
    "a slope that is too small by 0.00005": (11.99995, lambda x: x * x * x, 2.0),
    "a slope with the wrong sign": (-12.0, lambda x: x * x * x, 2.0),
    "the right slope of a falling curve": (-12.0, lambda x: -x * x * x, 2.0),
    "a falling slope that is too steep by 0.00005": (-12.00005, lambda x: -x * x * x, 2.0),
    "a steep slope that is right": (4e6, lambda x: 1e6 * x * x, 2.0),
    "a tiny slope that is right": (4e-9, lambda x: 1e-9 * x * x, 2.0),
    "a tiny slope that is twice too large": (8e-9, lambda x: 1e-9 * x * x, 2.0),
}
FITTING_NUDGES = (1e-8, 1e-3)


def accepts(*cases: str, but_not: tuple[str, ...]):
    """A test of what the check of 01.4 said: it passes all these cases, and none of the others."""
    return lambda seen: all(seen[case] for case in cases) and not any(seen[case] for case in but_not)


def what_the_check_says(is_right) -> dict[str, object]:
    """The verdict on each case, and how it was reached: in which type, how far out, to which sides."""
    if not callable(is_right):
        raise NotAnAnswer("The exercise asks for a function is_right(own, f, x).")
    asked: list = []
    seen: dict[str, object] = {}
    for name, (own, f, x) in CASES.items():

        def listening(moved, f=f):
            asked.append(moved)
            return f(moved)

        verdict = is_right(own, listening, x)
        if verdict is ...:
            return {name: verdict}
        seen[name] = bool(verdict)
    if not asked:
        raise NotAnAnswer("Your check never asks f. It must measure a slope of its own to compare with.")
    distances = [plain(moved) - 2.0 for moved in asked]
    if not any(distances):
        raise NotAnAnswer("Your check asks f only at x itself. To measure, nudge x to both sides.")
    low, high = FITTING_NUDGES
    furthest = max(map(abs, distances))
    seen["the type it measures in"] = (
        "float64"
        if all(str(getattr(moved, "dtype", "float64")).endswith("float64") for moved in asked)
        else "coarser"
    )
    seen["the width of the nudge"] = (
        "fits" if low <= furthest <= high else "too small" if furthest < low else "too large"
    )
    seen["the sides it looks to"] = "both" if min(distances) < 0 < max(distances) else "one"
    return seen


def a_good_check(own: float, f, x: float) -> bool:
    h = 1e-5
    measured = (f(x + h) - f(x - h)) / (2 * h)
    return abs(own - measured) / max(abs(own), abs(measured)) < 1e-6


class ValueAndSlope(OnInputs):
    """What the function of 01.5 gives for each input, which must be two numbers."""

    def __call__(self, answer) -> list:
        right = [softplus(*given) for given in self.inputs]
        results = plain(super().__call__(answer))
        if any(
            result is not ... and not (isinstance(result, list) and len(result) == 2) for result in results
        ):
            raise NotAnAnswer(
                "Give back two numbers, first the value and then the slope: return value, slope."
            )
        if same([result[::-1] for result in results if result is not ...], right):
            raise NotAnAnswer("You have both numbers. First the value, then the slope: return value, slope.")
        return results


def softplus(z: float) -> tuple[float, float]:
    v = math.exp(z)
    return math.log(1 + v), v / (1 + v)


def softplus_with_slope(slope):
    """The right value of ln(1 + e^z), with a given (wrong) slope."""
    return lambda z: (math.log(1 + math.exp(z)), slope(z, math.exp(z)))


EXERCISES = (
    Exercise(
        id="01.1",
        title="One weight, one slope",
        kind="predict",
        minutes=2,
        difficulty=1,
        hints=(
            "When w grows by a tenth, how much does the product w·x grow? And the error, and its square?",
            "Put w = 2.001 into the formula. What is the error now, and what is its square?",
        ),
        answer=6.0,
        fingerprints=(
            Fingerprint("DC01", 2.0),
            Fingerprint("DC11", 3.0),
            Fingerprint("DC12", when=lambda slope: slope in (5, 7)),
            Fingerprint("DC13", -6.0),
            Fingerprint("SL03", 1.0),
            Fingerprint("SL05", when=lambda slope: 0.006 <= slope < 0.0061),
            Fingerprint("SL11", 15.0),
            Fingerprint("FD03", when=lambda slope: 6 < slope < 7),
        ),
        because="The loss rises six times as fast as w. The next cells show where the six comes from.",
    ),
    Exercise(
        id="01.2",
        title="Blanks in a chain",
        kind="complete",
        minutes=5,
        difficulty=1,
        hints=(
            "Each function has two steps. Which slope belongs to which step?",
            "Write the two slopes down as numbers for x = 0.5, measure with central_difference, and compare.",
        ),
        answer=[
            lambda x: 3 * (5 - 2 * x) ** 2 * -2,
            lambda x: (1 - math.tanh(3 * x) ** 2) * 3,
        ],
        observe=slopes_at_two_places,
        fingerprints=(
            Fingerprint("DC06", when=tanh_is(lambda x: (1 - (3 * x) ** 2) * 3)),
            Fingerprint("DC06", when=tanh_is(lambda x: (1 - x**2) * 3)),
            Fingerprint("DC02", when=tanh_is(lambda x: (1 - math.tanh(x) ** 2) * 3)),
            Fingerprint("DC12", when=cube_is(lambda x: 3 * (5 - 2 * x) ** 2 - 2)),
            Fingerprint("DC01", when=cube_is(lambda x: 3 * (5 - 2 * x) ** 2)),
            Fingerprint("DC14", when=cube_is(lambda x: 3 * (5 - 2 * x) ** 2 * 2)),
            Fingerprint("DC01", when=tanh_is(lambda x: 1 - math.tanh(3 * x) ** 2)),
            Fingerprint("DC19", when=cube_is(lambda x: 3 * (5 - 2 * x) ** 3)),
            Fingerprint("DC19", when=tanh_is(lambda x: (1 - math.tanh(3 * x) ** 2) * 3 * x)),
        ),
        because="Both at two places, so luck has no part in it.",
    ),
    Exercise(
        id="01.3",
        title="Which nudge measures best?",
        kind="predict",
        minutes=1,
        difficulty=1,
        hints=(
            "A measurement subtracts two values of f. What happens to their digits when the nudge shrinks?",
            "One error shrinks with the nudge, another grows. Which of the two does each letter suffer from?",
        ),
        answer="c",
        observe=Letters("abcd"),
        fingerprints=(
            Fingerprint("FD07", "a"),
            Fingerprint("FD07", "b"),
            Fingerprint("FD01", "d"),
        ),
    ),
    Exercise(
        id="01.4",
        title="A check that cannot be trusted",
        kind="find-the-bug",
        minutes=8,
        difficulty=3,
        hints=(
            "One fault spoils the numbers, one the place of measuring, one the verdict. In which lines?",
            "Take them in turn: the type of x, the side on which it nudges, and what the difference is held "
            "against.",
        ),
        answer=a_good_check,
        observe=what_the_check_says,
        fingerprints=(
            Fingerprint("FD02", when=lambda seen: seen["the type it measures in"] == "coarser"),
            Fingerprint("FD01", when=lambda seen: seen["the width of the nudge"] == "too small"),
            Fingerprint("FD07", when=lambda seen: seen["the width of the nudge"] == "too large"),
            Fingerprint("FD03", when=lambda seen: seen["the sides it looks to"] == "one"),
            Fingerprint(
                "FD05",
                when=accepts(
                    "a tiny slope that is twice too large",
                    "a tiny slope that is right",
                    but_not=("a slope with the wrong sign",),
                ),
            ),
            Fingerprint(
                "FD05", when=accepts("the right slope of a curve", but_not=("a steep slope that is right",))
            ),
            Fingerprint("FD08", when=accepts("a slope that is too small by 0.00005", but_not=(TOO_LARGE,))),
            Fingerprint(
                "FD09",
                when=accepts(
                    "a tiny slope that is twice too large",
                    but_not=("the right slope of a line", "a slope with the wrong sign"),
                ),
            ),
            Fingerprint(
                "FD10", when=accepts("a falling slope that is too steep by 0.00005", but_not=(TOO_LARGE,))
            ),
            Fingerprint("FD11", when=accepts("a slope with the wrong sign", but_not=(TOO_LARGE,))),
        ),
        because="It passes what is right, however small, and it can fail: that is what a check is for.",
    ),
    Exercise(
        id="01.5",
        title="A chain from an empty page",
        kind="make",
        minutes=6,
        difficulty=2,
        hints=(
            "Which three steps lead from z to ln(1 + e^z), and what is the slope of each?",
            "Name the stations v, q and r. Write three slopes, then think what a chain does with them.",
        ),
        answer=softplus,
        observe=ValueAndSlope((math.log(3),), (-1.5,), (0.5,)),
        fingerprints=(
            Fingerprint("DC01", softplus_with_slope(lambda z, v: 1 / (1 + v))),
            Fingerprint("DC02", softplus_with_slope(lambda z, v: v / z)),
            Fingerprint("DC02", softplus_with_slope(lambda z, v: 1.0)),
            Fingerprint("DC11", softplus_with_slope(lambda z, v: v)),
            Fingerprint("DC12", softplus_with_slope(lambda z, v: v + 1 + 1 / (1 + v))),
            Fingerprint("DC12", softplus_with_slope(lambda z, v: v + 1 / (1 + v))),
            Fingerprint("DC20", softplus_with_slope(lambda z, v: z * v / math.e / (1 + v))),
        ),
        because="Look at the slope again: it is the sigmoid of z. Page 04 will be glad of that.",
    ),
)
