"""A chain of slopes, a secant, and the tape with its slopes: pages 01, 02 and 04."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from helpers.autograd import Value, topological_order
from helpers.plotting.graphs import Edge, Node, draw_graph
from helpers.plotting.style import COLORS, brief


def draw_chain(
    names: Sequence[str], values: Sequence[float], slopes: Sequence[float], *, axes: Axes | None = None
) -> Axes:
    """Draw a chain of steps, first input left, result right, and how slopes multiply along it.

    names, values: [station]. slopes: [station − 1], how much each station moves for one unit of the station
    before it. Grey arrows carry these slopes. Dashed red arrows run back and carry their products: the
    slope of the result along each station, which each box repeats.
    """
    products = [1.0]
    for slope in reversed(slopes):
        products.insert(0, products[0] * slope)
    nodes = {
        name: Node(
            2.7 * i,
            0,
            f"{name} = {brief(value)}",
            "blue",
            note=f"d{names[-1]}/d{name} = {brief(product)}",
        )
        for i, (name, value, product) in enumerate(zip(names, values, products, strict=True))
    }
    edges = []
    for i, (start, end) in enumerate(pairwise(names)):
        edges.append(Edge(start, end, brief(slopes[i]), bend=0.55))
        edges.append(
            Edge(
                end,
                start,
                f"{brief(products[i + 1])} · {brief(slopes[i])}",
                bend=0.55,
                backward=True,
            )
        )
    axes = draw_graph(nodes, edges, box=(1.75, 0.95), axes=axes)
    axes.set_ylim(-1.35, 1.35)
    return axes


def draw_secant(f: Callable[[float], float], x: float, h: float, *, axes: Axes | None = None) -> Axes:
    """Draw `f` around `x`, zoomed so that the step `h` is always one unit wide, and the line it measures.

    Both axes count in units of h, from the point (x, f(x)). The solid line is what `f` gives in float64:
    curved for a large h, straight for a good one, a staircase where h is near the gaps between numbers.
    """
    axes = axes if axes is not None else plt.gca()
    units = np.linspace(-3, 3, 601)
    curve = [(f(x + unit * h) - f(x)) / h for unit in units]
    ends = [(f(x + side * h) - f(x)) / h for side in (-1, 1)]
    slope = (ends[1] - ends[0]) / 2
    axes.plot(units, curve, color=COLORS["blue"], linestyle="-", label="f, in float64")
    line = [ends[0] + slope * (unit + 1) for unit in (-2.6, 2.6)]
    axes.plot((-2.6, 2.6), line, color=COLORS["red"], linestyle="--", label="measured line")
    axes.plot((-1, 1), ends, "o", color=COLORS["red"], markersize=8)
    axes.set(xlabel="distance from x, in steps h", ylabel="rise of f, in steps h")
    axes.set_title(f"h = {h:g}: slope {slope:.6f}".replace("e-0", "e-"))
    return axes


def draw_tape(
    result: "Value",
    *,
    notes: "Mapping[Value, str] | None" = None,
    travelled: "Iterable[tuple[Value, Value]]" = (),
    waiting: "Iterable[Value]" = (),
    axes: Axes | None = None,
) -> Axes:
    """Draw the graph that a `helpers.autograd.Value` was computed from: inputs left, result right.

    Each box holds a name (its label, else its operation) and a value; each arrow the local slope that the
    tape wrote down. notes: a second line for the boxes, by default d(result)/d(node) as `backward()` left
    it. travelled: (node, input) pairs, drawn dashed and red, as a slope travels back along them.
    waiting: nodes with a dashed outline.
    """
    order = topological_order(result)
    names = {node: node.label or node.operation for node in order}
    if notes is None:
        notes = {node: f"d{names[result]}/d{names[node]} = {brief(node.grad)}" for node in order}
    places, travelled, waiting = _places_of_nodes(order), set(travelled), set(waiting)
    nodes = {
        str(id(node)): Node(
            *places[node],
            f"{names[node]} = {brief(node.data)}",
            color="grey" if node in waiting else "blue" if node.inputs else "green",
            note=notes.get(node, ""),
            dashed=node in waiting,
        )
        for node in order
    }
    edges = []
    for node in order:
        for i, (source, slope) in enumerate(zip(node.inputs, node.slopes, strict=True)):
            ends, back = (str(id(source)), str(id(node))), (node, source) in travelled
            twice = node.inputs.count(source) > 1
            bend = (0.3 if i == 0 else -0.3) if twice else 0.0
            crosses = abs(places[source][1] - places[node][1]) > 1
            at = 0.36 if crosses else 0.5
            if back:
                edges.append(Edge(*reversed(ends), brief(slope), -bend, at, backward=True))
            else:
                edges.append(Edge(*ends, brief(slope), bend, at))
    return draw_graph(nodes, edges, box=(1.75, 0.95), axes=axes)


def _places_of_nodes(order: "Sequence[Value]") -> "dict[Value, tuple[float, float]]":
    """A column for each node, one to the right of its last input; in a column, rows in order of height."""
    column: dict[Value, int] = {}
    for node in order:
        column[node] = 1 + max((column[source] for source in node.inputs), default=-1)
    for node in reversed(order):  # a number without inputs stands just left of its first use
        uses = [column[user] for user in order if node in user.inputs]
        if uses and not node.inputs:
            column[node] = min(uses) - 1
    places: dict[Value, tuple[float, float]] = {}
    for number in range(max(column.values()) + 1):
        here = [node for node in reversed(order) if column[node] == number]
        heights = {}
        for node in here:
            above = [places[source][1] for source in node.inputs if source in places]
            heights[node] = sum(above) / len(above) if above else (0.0 if number == 0 else -9.0)
        here.sort(key=lambda node: -heights[node])
        for row, node in enumerate(here):
            places[node] = (3.1 * number, 1.75 * ((len(here) - 1) / 2 - row))
    return places


def draw_backward_step(result: "Value", step: int, *, axes: Axes | None = None) -> Axes:
    """Draw the tape after `step` shares have been passed back, in the order in which `backward()` does it.

    step: 0 (only the result has its 1) to the number of arrows. Boxes with a dashed outline still wait for
    a share; the arrow just used is dashed and red. The tape is left as it is.
    """
    order = topological_order(result)
    shares = [
        (node, source, slope)
        for node in reversed(order)
        for source, slope in zip(node.inputs, node.slopes, strict=True)
    ]
    if not 0 <= step <= len(shares):
        raise ValueError(f"step counts the shares passed, 0 to {len(shares)} on this tape; got {step}")
    so_far = dict.fromkeys(order, 0.0) | {result: 1.0}
    for node, source, slope in shares[:step]:
        so_far[source] += so_far[node] * slope
    waiting = {source for _, source, _ in shares[step:]}
    notes = {node: f"{'so far' if node in waiting else 'slope'} {brief(so_far[node])}" for node in order}
    used = [shares[step - 1][:2]] if step else []
    axes = draw_tape(result, notes=notes, travelled=used, waiting=waiting, axes=axes)
    if step:
        node, source, slope = shares[step - 1]
        product = f"{brief(so_far[node])} · {brief(slope)} = {brief(so_far[node] * slope)}"
        names = [one.label or one.operation for one in (node, source)]
        share = f"{names[0]} passes {product} to {names[1]}"
    else:
        share = f"{result.label or result.operation} starts with slope 1"
    axes.set_title(f"step {step} of {len(shares)}: {share}")
    return axes
