"""Exercises of page 02, backpropagation: shares that add up, their order, a new operation for the tape."""

import math
import numbers

from helpers.autograd import Value
from helpers.exercises import Exercise, Fingerprint, Letters, NotAnAnswer, Order, same

RIGHT_SHARES = {"v": [6.0], "u": [9.0, 6.0], "x": [30.0, 6.0], "y": [45.0]}


def shares_of(ledger: dict) -> dict[str, list[float]]:
    """The shares that arrive at each node of exercise 02.2, smallest first; a single number is one share."""
    nodes = ("v", "u", "x", "y")
    if not isinstance(ledger, dict) or set(ledger) != set(nodes):
        raise NotAnAnswer("Keep the ledger a dict with the keys v, u, x, y, each with a list of shares.")
    lists = {
        node: [*ledger[node]] if isinstance(ledger[node], (list, tuple)) else [ledger[node]] for node in nodes
    }
    if any(share is ... for shares in lists.values() for share in shares):
        return lists
    sums_are_right = all(same(sum(map(float, lists[node])), sum(RIGHT_SHARES[node])) for node in nodes)
    other = [node for node in nodes if len(lists[node]) != len(RIGHT_SHARES[node])]
    if sums_are_right and other:
        raise NotAnAnswer(
            f"The sums are right. A ledger keeps the single shares, at {' and '.join(other)} too: one from "
            "each node that uses it, and each node sends once, when its own list is complete."
        )
    return {f"shares of {node}": sorted(map(float, shares)) for node, shares in lists.items()}


def arrives(node: str, *shares: float):
    """A test of what was observed in 02.2: these shares arrive at the node."""
    return lambda seen: seen[f"shares of {node}"] == sorted(shares)


def walk_has_no_one_to_start_with(order: str) -> bool:
    """Whether, in 02.3, the result's 1 is missing, comes after the walk has begun, or is wiped out before."""
    at = {line: place for place, line in enumerate(order)}
    never = len(order)
    return "b" not in at or at.get("c", never) < at["b"] or at["b"] < at["f"] < at.get("a", never)


def value_and_slope(softplus) -> dict[str, float]:
    """What the new operation of 02.5 gives, and the slope the tape finds through it, also far out."""
    if not callable(softplus):
        raise NotAnAnswer("The exercise asks for a function softplus(z) that takes and returns a Value.")
    seen = {}
    for at in (0.5, -2.0, 3.0, 800.0, -800.0):
        z = Value(at)
        result = softplus(z)
        if result is ...:
            return {"value": ...}
        if not hasattr(result, "slopes"):
            raise NotAnAnswer(f"softplus must return a Value; for z = {at:g} it returned {result!r:.40}.")
        if not all(isinstance(written, (tuple, list)) for written in (result.inputs, result.slopes)):
            raise NotAnAnswer(
                "Inputs and slopes are tuples, also where there is only one: write (z,), not z."
            )
        if not all(isinstance(slope, numbers.Real) for slope in result.slopes):
            raise NotAnAnswer("A slope on the tape is a plain number. Yours is more: take its .data.")
        if not all(hasattr(source, "slopes") for source in result.inputs):
            raise NotAnAnswer("The tape needs the Values that a number was made from: (z,), not (z.data,).")
        (result * 1.0).backward()
        seen |= {f"value at {at:g}": result.data, f"slope at {at:g}": z.grad}
    return seen


def softplus(z: Value) -> Value:
    small = math.exp(-abs(z.data))
    return Value(max(z.data, 0.0) + math.log1p(small), (z,), (z.sigmoid().data,), "softplus")


def softplus_as_its_own_slope(z: Value) -> Value:
    result = softplus(z).data
    return Value(result, (z,), (result,))


def softplus_with_the_slope_of_the_sigmoid(z: Value) -> Value:
    s = z.sigmoid().data
    return Value(softplus(z).data, (z,), (s * (1 - s),))


def softplus_with_the_last_line_of_sigmoid(z: Value) -> Value:
    result = softplus(z).data
    return Value(result, (z,), (result * (1 - result),))


def cut_far_out(seen: dict[str, float]) -> bool:
    """Whether, in 02.5, the tape is cut at 800 alone: `Value(z.data)`, because softplus is nearly z there."""
    return same(seen["value at 800"], 800.0) and seen["slope at 800"] == 0 and seen["slope at 3"] > 0.9


EXERCISES = (
    Exercise(
        id="02.1",
        title="How fast does Y follow a?",
        kind="predict",
        minutes=2,
        difficulty=2,
        hints=(
            "Along which roads can a nudge of a travel to Y? Name the stations of each.",
            "Find how fast c and d move when a does. Then ask how fast Y moves with each of the two.",
        ),
        answer=25.0,
        fingerprints=(
            Fingerprint("DC04", when=lambda slope: slope in (1, 3, 6, 15, 7, 18)),
            Fingerprint("TG12", when=lambda slope: slope in (270, 126)),
            Fingerprint("TG01", 29.0),
            Fingerprint("DC16", 4.0),
        ),
        because="Four roads lead from a to Y, and every one of them counts.",
    ),
    Exercise(
        id="02.2",
        title="Keep the ledger",
        kind="complete",
        minutes=8,
        difficulty=2,
        hints=(
            "Which nodes use u? Each of them sends a share. What has each of them received before it sends?",
            "Go back in the order z, v, u, and then x and y. Add up a node's shares before you pass them on.",
        ),
        answer=RIGHT_SHARES,
        observe=shares_of,
        fingerprints=(
            Fingerprint("TG15", when=arrives("u", 9, 1)),
            Fingerprint("TG15", when=arrives("x", 2, 1)),
            Fingerprint("TG15", when=arrives("y", 3)),
            Fingerprint("TG01", when=arrives("y", 27, 45)),
            Fingerprint("TG01", when=arrives("x", 18, 30, 6)),
            Fingerprint("DC17", when=arrives("x", 45, 6)),
            Fingerprint("DC17", when=arrives("y", 30)),
            Fingerprint("TG02", when=arrives("x", 12, 6)),
            Fingerprint("TG02", when=arrives("y", 18)),
            Fingerprint("TG13", when=arrives("x", 18, 6)),
            Fingerprint("TG13", when=arrives("y", 27)),
            Fingerprint("DC04", when=arrives("u", 9)),
            Fingerprint("DC04", when=arrives("x", 30)),
            Fingerprint("DC04", when=arrives("x", 6)),
        ),
        because="dz/dx is 36 and dz/dy is 45: that is all that backward() will do, ten thousand times over.",
    ),
    Exercise(
        id="02.3",
        title="Put backward() in order",
        kind="order",
        minutes=5,
        difficulty=2,
        hints=(
            "What did you write down first when you did it by hand, and which node was the first to pass on?",
            "One line finds the order, one clears old slopes, one starts the result, three pass shares on.",
        ),
        answer="dfbcea",
        observe=Order("abcdefgh"),
        fingerprints=(
            Fingerprint("TG02", when=lambda order: "g" in order),
            Fingerprint("TG14", when=lambda order: "h" in order),
            Fingerprint("TG06", when=lambda order: "f" not in order),
            Fingerprint("TG16", when=walk_has_no_one_to_start_with),
        ),
        because="Six lines. The next section runs them.",
    ),
    Exercise(
        id="02.4",
        title="Which line moves w?",
        kind="vote",
        minutes=2,
        difficulty=1,
        hints=(
            "Cover all lines but one. Which line has w on the left of an assignment?",
            "Print w after each line. Between which two does it change?",
        ),
        answer="b",
        observe=Letters("abcd"),
        fingerprints=(
            Fingerprint("DC08", "a"),
            Fingerprint("DC09", "c"),
            Fingerprint("DC10", "d"),
        ),
        because="backward() computes, the step updates: two jobs, two lines.",
    ),
    Exercise(
        id="02.5",
        title="Teach the tape a word",
        kind="make",
        minutes=8,
        difficulty=3,
        hints=(
            "Which two things does every operation write down beside its result? Look at sigmoid.",
            "For a large z the result is nearly z itself. How large does e^z become on the way?",
        ),
        answer=softplus,
        observe=value_and_slope,
        fingerprints=(
            Fingerprint("OV01", lambda z: (1 + z.exp()).log()),
            Fingerprint("TG07", lambda z: Value(softplus(z).data)),
            Fingerprint("TG07", when=cut_far_out),
            Fingerprint("DC15", softplus_as_its_own_slope),
            Fingerprint("DC18", softplus_with_the_slope_of_the_sigmoid),
            Fingerprint("DC18", softplus_with_the_last_line_of_sigmoid),
        ),
        because="Right at 800 and at −800 too, where e^800 is larger than any float can be.",
    ),
)
