"""Gradients checked by measuring: nudge a number, see how far the result moves. Taught on page 01.

`central_difference` measures one slope, as page 01 defines it; `numeric_gradient` does so for each entry of
an array or tensor; `compare` sets three answers side by side (own = numeric = torch) and raises when they
are not one answer. Everything is measured in float64, and float32 is refused: at its best step it still
leaves an error near 1e-5, too coarse to tell a right gradient from a wrong one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch as pytorch

NOISE_FLOOR = 1e-3
"""Entries smaller than this count as this large when `compare` divides by them. A central difference
carries a rounding noise of about 1e-11, so at a tolerance of 1e-6 a true 0 still passes."""

_NOT_GIVEN = object()


def central_difference(f: Callable[[float], float], x: float, h: float = 1e-5) -> float:
    """The slope of `f` at `x`, measured over 2h. Its error is about h² · f‴(x) / 6, plus rounding."""
    return (f(x + h) - f(x - h)) / (2 * h)


def numeric_gradient(f: Callable[[Any], Any], x: Any, h: float = 1e-5) -> Any:
    """The gradient of `f` at `x`: one central difference for each entry of `x`.

    f: takes a number, array or tensor like `x` and returns one float64 number.
    x: a Python number, a float64 NumPy array or a float64 tensor, of any shape; it is left unchanged.
    h: half the distance between the two points. In float64 the error is smallest near 1e-5.

    Returns a float, array or tensor of the shape of `x`. Costs two calls of `f` for each entry.
    Raises TypeError for any type but float64, and ValueError when `f` is not one finite number, or is
    not the same number when it is called twice.
    """
    if not h > 0:
        raise ValueError(f"the step h must be above 0, got {h}; 1e-5 suits float64")
    point = _float64("x", x)

    def value(moved: np.ndarray) -> float:
        if isinstance(x, pytorch.Tensor):
            return _one_number(f(pytorch.tensor(moved, device=x.device)))
        return _one_number(f(moved.copy() if isinstance(x, np.ndarray) else float(moved)))

    first, second = value(point), value(point)
    if first != second:
        raise ValueError(
            f"f gave {first} and then {second} at the same x: switch off dropout, shuffling and noise first"
        )
    gradient = np.zeros_like(point)
    for index in np.ndindex(point.shape):

        def along_one_entry(entry: float, index: tuple[int, ...] = index) -> float:
            moved = point.copy()
            moved[index] = entry
            return value(moved)

        gradient[index] = central_difference(along_one_entry, point[index], h)
    if isinstance(x, pytorch.Tensor):
        return pytorch.tensor(gradient, device=x.device)
    return gradient if isinstance(x, np.ndarray) else float(gradient)


def relative_error(a: Any, b: Any, floor: float = 0.0) -> float:
    """The largest |a − b| / max(|a|, |b|, floor) over all entries; two exact zeros differ by 0.

    Of two numbers of one sign it is 0 when they are equal and near 1 when one is far larger; with
    opposite signs it reaches 2. Raises ValueError when the shapes differ: nothing is broadcast.
    """
    a, b = _float64("a", a), _float64("b", b)
    if a.shape != b.shape:
        raise ValueError(f"two gradients of one tensor have one shape; got {a.shape} and {b.shape}")
    difference = np.abs(a - b)
    scale = np.maximum(np.maximum(np.abs(a), np.abs(b)), floor)
    return float(np.max(difference / np.where(scale == 0, 1.0, scale), initial=0.0))


def compare(
    name: str, *, own: Any, numeric: Any = _NOT_GIVEN, torch: Any = _NOT_GIVEN, tolerance: float = 1e-6
) -> None:
    """Print one line when `own` agrees with each of the other gradients given; raise when it does not.

    Each is a number, a float64 array or a float64 tensor. `tolerance` bounds `relative_error`, entry by
    entry, with `NOISE_FLOOR` as its floor. The printed text holds nothing that varies between machines.

    Raises AssertionError, naming the pair, for a difference, another shape, a nan, an infinity or a
    None (no gradient arrived); TypeError for float32 and its kin; ValueError when nothing is compared.
    """
    given = {"own": own, "numeric": numeric, "torch": torch}
    given = {who: value for who, value in given.items() if value is not _NOT_GIVEN}
    if len(given) < 2:
        raise ValueError(f"{name}: compare own with numeric=..., with torch=..., or with both")
    for who, value in given.items():
        if value is None:
            raise AssertionError(
                f"{name}: {who} is None. No gradient arrived: was backward() called, or the tape cut?"
            )
        given[who] = _float64(f"{name}: {who}", value)
        if not np.isfinite(given[who]).all():
            raise AssertionError(f"{name}: {who} holds nan or inf: {_shown(given[who])}")
    own = given["own"]
    for who, value in given.items():
        if value.shape != own.shape:
            raise AssertionError(f"{name}: own has shape {own.shape}, {who} has shape {value.shape}")
    limit = f"{tolerance:g}".replace("e-0", "e-")
    line = name.ljust(8) + "  " + "  ".join(f"{who} {_shown(value)}" for who, value in given.items())
    for who, value in given.items():
        error = relative_error(own, value, floor=NOISE_FLOOR)
        if error > tolerance:
            raise AssertionError(f"{line}  DIFFER: own and {who} by {error:.1e} relative, allowed {limit}")
    remark = "" if own.any() else "  (all zero: this point tells little)"
    print(f"{line}  agree to {limit}{remark}")


def _float64(who: str, value: Any) -> np.ndarray:
    """`value` as a float64 array (0-d for a number), or a TypeError that says what to do."""
    if isinstance(value, pytorch.Tensor):
        kind, value = str(value.dtype).removeprefix("torch."), value.detach().cpu().double().numpy()
    else:
        value = np.asarray(value)
        kind = str(value.dtype)
    if kind in ("float64", "int64", "int32"):
        return value.astype(np.float64)
    raise TypeError(
        f"{who} is {kind}; a gradient check measures in float64, where the best error is near 1e-11 "
        "(float32: 1e-5). Convert the inputs first: x.double() in torch, x.astype(np.float64) in NumPy."
    )


def _one_number(value: Any) -> float:
    """What `f` returned, as a float, or an error that says what came instead."""
    if isinstance(value, pytorch.Tensor | np.ndarray | np.generic | float | int):
        number = _float64("what f returned", value)
        if number.size == 1 and np.isfinite(number).all():
            return float(number.reshape(()))
        raise ValueError(f"f must return one finite number; it returned {_shown(number)}")
    raise TypeError(f"f must return a number, not {type(value).__name__}; a tape's Value has it in .data")


def _shown(array: np.ndarray) -> str:
    """Six decimals for a number, four for a short list (never −0), the shape for anything larger."""
    if array.ndim == 0:
        return f"{round(float(array), 6) + 0.0:.6f}"
    if array.ndim == 1 and array.size <= 4:
        return "[" + ", ".join(f"{round(float(entry), 4) + 0.0:.4f}" for entry in array) + "]"
    return "x".join(map(str, array.shape)) + " entries"
