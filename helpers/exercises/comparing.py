"""Answers brought into one plain form, compared, shown, and searched for what is still missing.

Part of the exercises of every page: `machinery.py` says how this is used.
"""

import ast
import inspect
import math
import numbers
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Raised:
    """What was observed when the answer's code stopped with an error."""

    type: str
    text: str
    where: str = field(default="", compare=False)


def plain(value: Any) -> Any:
    """Bring a value into a form that can be compared: Python numbers, lists, dicts and tidy lower-case text.

    Tensors, arrays and frames become nested lists (of no dimension: a number), tuples and sets lists, and an
    object with a number as `.data` (a node of the course's tape) that number.
    """
    if isinstance(value, str):
        return " ".join(value.split()).casefold()
    if value is None or value is Ellipsis or isinstance(value, (bool, int, float, complex, Raised)):
        return value
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if value.is_floating_point() and value.element_size() < 4 else value
    if hasattr(value, "to_numpy"):
        value = value.to_numpy()
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {_key(key): plain(part) for key, part in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((plain(part) for part in value), key=repr)
    if isinstance(value, Sequence):
        return [plain(part) for part in value]
    if isinstance(getattr(value, "data", None), numbers.Number):
        return value.data
    return value


def _key(key: Any) -> Any:
    """A key of a dict in plain form; a tuple stays one, for a list cannot be a key."""
    return tuple(map(_key, key)) if isinstance(key, tuple) else plain(key)


def same(given: Any, expected: Any, tolerance: float = 1e-5) -> bool:
    """Whether two values say the same: numbers within tolerance · max(1, |expected|), the rest exactly."""
    given, expected = plain(given), plain(expected)
    if isinstance(expected, list):
        return (
            isinstance(given, list)
            and len(given) == len(expected)
            and all(same(one, other, tolerance) for one, other in zip(given, expected, strict=True))
        )
    if isinstance(expected, dict):
        return (
            isinstance(given, dict)
            and given.keys() == expected.keys()
            and all(same(given[key], expected[key], tolerance) for key in expected)
        )
    if isinstance(expected, bool) or isinstance(given, bool):
        return isinstance(given, bool) and given is expected
    if isinstance(expected, numbers.Number):
        return _same_number(given, expected, tolerance)
    return type(given) is type(expected) and given == expected


def written_number(text: str) -> float | None:
    """The number that a text is; None where it is none."""
    try:
        return float(text.replace("−", "-"))
    except ValueError:
        return None


def _same_number(given: Any, expected: Any, tolerance: float) -> bool:
    if isinstance(given, str):  # a number written in quotes is still that number
        given = written_number(given)
    if not isinstance(given, numbers.Number):
        return False
    if isinstance(given, complex) or isinstance(expected, complex):
        return abs(given - expected) <= tolerance * max(1.0, abs(expected))
    if math.isnan(expected) or math.isnan(given):
        return math.isnan(expected) and math.isnan(given)
    if math.isinf(expected) or math.isinf(given):
        return given == expected
    return abs(given - expected) <= tolerance * max(1.0, abs(expected))


def show(value: Any, width: int = 72) -> str:
    """A value as short text: floats to six significant digits, the whole cut at `width` characters."""

    def text(part: Any) -> str:
        if isinstance(part, float):
            return f"{part:.6g}"
        if isinstance(part, list):
            return "[" + ", ".join(text(item) for item in part) + "]"
        if isinstance(part, dict):
            return ", ".join(f"{key}: {text(item)}" for key, item in part.items()) or "{}"
        if isinstance(part, str):
            return f'"{part}"'
        if callable(part):
            return getattr(part, "__name__", "a function")
        return repr(part)

    shown = text(value if isinstance(value, str) else plain(value))
    return shown if len(shown) <= width else shown[: width - 1] + "…"


def show_arguments(arguments: tuple) -> str:
    """The arguments of a call as short text."""
    return show(arguments[0]) if len(arguments) == 1 else "(" + ", ".join(map(show, arguments)) + ")"


def where(observed: Any, right: Any, tolerance: float) -> str:
    """Say which part of a list or a dict is not right yet, without saying what it should be."""
    if isinstance(right, list) and isinstance(observed, list) and len(right) > 1:
        if len(observed) != len(right):
            return f"It has {len(observed)} entries; {len(right)} are expected."
        wrong = [
            i for i, pair in enumerate(zip(observed, right, strict=True), 1) if not same(*pair, tolerance)
        ]
        return f"{len(right) - len(wrong)} of {len(right)} entries are right; look at entry {wrong[0]}."
    if isinstance(right, dict) and isinstance(observed, dict):
        wrong = [
            key for key in right if key not in observed or not same(observed[key], right[key], tolerance)
        ]
        return (
            "Not right yet: "
            + ", ".join(map(str, wrong or [key for key in observed if key not in right]))
            + "."
        )
    return ""


def has_hole(value: Any) -> bool:
    """Whether a value is or holds `...`, the mark of an answer not written yet."""
    if isinstance(value, Raised):
        return "ellipsis" in value.text.lower()
    if isinstance(value, Mapping):
        return any(has_hole(part) for part in value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(has_hole(part) for part in value)
    return value is Ellipsis


def source_of(answer: Any) -> str:
    """The source of a function or class that was given as an answer; empty where there is none."""
    try:
        return textwrap.dedent(inspect.getsource(answer))
    except (TypeError, OSError):
        return ""


def has_hole_in_source(answer: Any) -> bool:
    """Whether the code of a function or class still holds a `...` that is not an index as in `x[..., 0]`."""
    try:
        tree = ast.parse(source_of(answer))
    except SyntaxError:
        return False
    indices = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript)
        for part in ast.walk(node.slice)
    }
    return any(
        isinstance(node, ast.Constant) and node.value is Ellipsis and id(node) not in indices
        for node in ast.walk(tree)
    )
