"""A scalar tape: numbers that remember what they were made from. Built on page 02.

Every operation writes down its value and, for each of its inputs, its local slope. `backward()` walks the
tape from the result to the inputs and adds up slope times slope along every path. The cells of page 02
define the very same functions; a test holds the two equal.

>>> w, x, b, y = Value(2), Value(3), Value(-1), Value(4)
>>> loss = (w * x + b - y) ** 2
>>> loss.backward()
>>> w.grad, x.grad, b.grad
(6.0, 4.0, 2.0)
"""

from __future__ import annotations

import math


class Value:
    """One number on the tape.

    data: the number, a float.    grad: d(result)/d(this number), after `result.backward()`.
    inputs: the Values it was computed from.    slopes: d(this)/d(input), one number for each input.
    operation, label: how it was made and what it is called; both only for drawings and print.
    """

    def __init__(
        self,
        data: float,
        inputs: tuple[Value, ...] = (),
        slopes: tuple[float, ...] = (),
        operation: str = "",
        label: str = "",
    ) -> None:
        self.data = float(data)
        self.inputs = inputs
        self.slopes = slopes
        self.operation = operation
        self.label = label
        self.grad = 0.0

    def __repr__(self) -> str:
        return f"Value({self.label or self.operation or 'number'}: data={self.data:g}, grad={self.grad:g})"

    def backward(self) -> None:
        """Fill in `grad` for every Value that this one was computed from.

        Old slopes are cleared first, so a second call gives the same answer. (torch adds the second
        answer to the first; page 03 says why.) Cost: one visit for each edge of the graph.
        """
        order = topological_order(self)
        for node in order:
            node.grad = 0.0
        self.grad = 1.0
        for node in reversed(order):
            for source, slope in zip(node.inputs, node.slopes, strict=True):
                source.grad += node.grad * slope

    # Arithmetic. The last line of each is the value, its inputs, and its slope along each input.

    def __add__(self, other: Value | float) -> Value:
        other = as_value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0), "+")

    def __mul__(self, other: Value | float) -> Value:
        other = as_value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data), "×")

    def __sub__(self, other: Value | float) -> Value:
        other = as_value(other)
        return Value(self.data - other.data, (self, other), (1.0, -1.0), "−")

    def __truediv__(self, other: Value | float) -> Value:
        other = as_value(other)
        slopes = (1 / other.data, -self.data / other.data**2)
        return Value(self.data / other.data, (self, other), slopes, "÷")

    def __pow__(self, power: float) -> Value:
        if isinstance(power, Value):
            raise TypeError("the power must be a plain number; write a ** b as (b * a.log()).exp()")
        slope = power * self.data ** (power - 1) if power else 0.0
        return Value(self.data**power, (self,), (slope,), f"**{power:g}")

    def __neg__(self) -> Value:
        return Value(-self.data, (self,), (-1.0,), "−")

    # A plain number on the left: Python asks the right-hand side.

    def __radd__(self, other: float) -> Value:
        return as_value(other) + self

    def __rmul__(self, other: float) -> Value:
        return as_value(other) * self

    def __rsub__(self, other: float) -> Value:
        return as_value(other) - self

    def __rtruediv__(self, other: float) -> Value:
        return as_value(other) / self

    # Functions.

    def exp(self) -> Value:
        """e to this power; its slope is its own value."""
        result = math.exp(self.data)
        return Value(result, (self,), (result,), "exp")

    def log(self) -> Value:
        """The natural logarithm, ln."""
        if self.data <= 0:
            raise ValueError(f"log needs a number above 0, got {self.data:g}")
        return Value(math.log(self.data), (self,), (1 / self.data,), "ln")

    def tanh(self) -> Value:
        """The hyperbolic tangent, between −1 and 1."""
        result = math.tanh(self.data)
        return Value(result, (self,), (1 - result**2,), "tanh")

    def sigmoid(self) -> Value:
        """1 / (1 + e^−z), between 0 and 1. `small` is e to a power that is never above 0: no overflow."""
        small = math.exp(-abs(self.data))
        result = 1 / (1 + small) if self.data >= 0 else small / (1 + small)
        return Value(result, (self,), (result * (1 - result),), "σ")

    def relu(self) -> Value:
        """max(z, 0); its slope at exactly 0 is taken as 0, as torch does."""
        return Value(max(self.data, 0.0), (self,), (float(self.data > 0),), "relu")


def as_value(number: Value | float) -> Value:
    """A plain number becomes a Value without inputs; a Value stays what it is."""
    return number if isinstance(number, Value) else Value(number)


def topological_order(result: Value) -> list[Value]:
    """Every Value that `result` was computed from, and `result`: each one after all of its inputs.

    Depth first, with a list of its own in place of recursion, so a chain of any length is no danger.
    """
    order, seen, to_do = [], set(), [(result, False)]
    while to_do:
        node, inputs_are_done = to_do.pop()
        if inputs_are_done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            to_do.append((node, True))
            to_do += [(source, False) for source in node.inputs]
    return order
