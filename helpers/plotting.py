"""One style for every figure of the course, and the drawings that more than one page uses.

Page 00 draws the course map with it, page 02 the graph of a computation. Colours are never the only cue:
lines also differ in dash, points in marker, and boxes carry their words.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from numpy.typing import ArrayLike

from helpers.autograd import Value, topological_order

# Okabe and Ito, "Color Universal Design" (2008), as recommended in B. Wong, "Points of view: Color
# blindness", Nature Methods 8:441 (2011): colours that stay apart for the common kinds of colour blindness.
COLORS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "red": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
    "black": "#000000",
    "grey": "#6B6B6B",
}
LINESTYLES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P")
SMALLEST_TEXT = 11  # points
CONTOUR_LEVELS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)


def use_style() -> None:
    """Set matplotlib to the style of the course; call it once, in the first cell of a page."""
    lines = [COLORS[name] for name in ("blue", "red", "green", "purple", "orange", "black")]
    plt.rcParams.update(
        {
            "figure.figsize": (7.5, 4.2),
            "figure.dpi": 110,
            "savefig.dpi": 110,
            "figure.constrained_layout.use": True,
            "font.size": 12,
            "axes.titlesize": 13,
            "axes.labelsize": 12,
            "xtick.labelsize": SMALLEST_TEXT,
            "ytick.labelsize": SMALLEST_TEXT,
            "legend.fontsize": SMALLEST_TEXT,
            "figure.titlesize": 14,
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#DDDDDD",
            "grid.linewidth": 0.8,
            "lines.linewidth": 2.0,
            "legend.frameon": False,
            "axes.prop_cycle": cycler(color=lines) + cycler(linestyle=LINESTYLES),
        }
    )


@dataclass(frozen=True)
class Node:
    """A box of a drawn graph: its centre, its words, its colour (a name in COLORS), and how it stands out.

    note: a second, smaller line, for instance the slope under a value. dashed: a broken outline.
    """

    x: float
    y: float
    text: str
    color: str = "grey"
    note: str = ""
    dashed: bool = False


@dataclass(frozen=True)
class Edge:
    """An arrow from one box to another, with words beside it.

    bend: 0 is straight, positive bends to the left of the arrow's direction. at: where the words stand, from
    0 (start) to 1 (end); set it where two arrows cross. backward: dashed and red, as slopes travel.
    """

    start: str
    end: str
    text: str = ""
    bend: float = 0.0
    at: float = 0.5
    backward: bool = False


def draw_graph(
    nodes: Mapping[str, Node],
    edges: Iterable[Edge],
    *,
    box: tuple[float, float] = (1.6, 0.8),
    fontsize: float = SMALLEST_TEXT,
    axes: Axes | None = None,
) -> Axes:
    """Draw boxes and arrows, without axes; one unit is as long across as up.

    nodes: name -> Node. edges: arrows between names. box: width and height of every box, in the units of the
    nodes' positions. Returns the axes drawn on, so that a page can add to it.
    """
    axes = axes if axes is not None else plt.gca()
    width, height = box
    patches = {}
    for name, node in nodes.items():
        patches[name] = FancyBboxPatch(
            (node.x - width / 2, node.y - height / 2),
            width,
            height,
            boxstyle=f"round,pad=0,rounding_size={0.18 * min(box)}",
            facecolor=_tint(COLORS[node.color]),
            edgecolor=COLORS[node.color],
            linewidth=2,
            linestyle="--" if node.dashed else "-",
            zorder=2,
        )
        axes.add_patch(patches[name])
        words = f"{node.text}\n{node.note}" if node.note else node.text
        axes.text(
            node.x, node.y, words, ha="center", va="center", fontsize=fontsize, zorder=3, linespacing=1.25
        )
    for edge in edges:
        _draw_edge(axes, edge, nodes, patches, fontsize)
    xs, ys = [node.x for node in nodes.values()], [node.y for node in nodes.values()]
    axes.set_xlim(min(xs) - 0.65 * width, max(xs) + 0.65 * width)
    axes.set_ylim(min(ys) - 0.85 * height, max(ys) + 0.85 * height)
    axes.set_aspect("equal")
    axes.axis("off")
    return axes


def _draw_edge(
    axes: Axes, edge: Edge, nodes: Mapping[str, Node], patches: Mapping[str, FancyBboxPatch], fontsize: float
) -> None:
    start, end = nodes[edge.start], nodes[edge.end]
    color = COLORS["red"] if edge.backward else COLORS["grey"]
    arrow = FancyArrowPatch(
        (start.x, start.y),
        (end.x, end.y),
        patchA=patches[edge.start],
        patchB=patches[edge.end],
        connectionstyle=f"arc3,rad={-edge.bend}",
        arrowstyle="-|>",
        mutation_scale=14,
        linewidth=1.6,
        linestyle=(0, (4, 2)) if edge.backward else "-",
        color=color,
        zorder=1,
    )
    axes.add_patch(arrow)
    if edge.text:
        # The arrow is a quadratic curve whose control point lies `bend` times the distance to its left.
        along_x, along_y = end.x - start.x, end.y - start.y
        middle_x = (start.x + end.x) / 2 - edge.bend * along_y
        middle_y = (start.y + end.y) / 2 + edge.bend * along_x
        a, b, c = (1 - edge.at) ** 2, 2 * edge.at * (1 - edge.at), edge.at**2
        axes.text(
            a * start.x + b * middle_x + c * end.x,
            a * start.y + b * middle_y + c * end.y,
            edge.text,
            ha="center",
            va="center",
            fontsize=fontsize,
            color=color if edge.backward else COLORS["black"],
            zorder=4,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        )


def _tint(color: str, strength: float = 0.16) -> tuple[float, float, float]:
    """The colour mixed with white, for a fill that black words can be read on."""
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return tuple(1 - strength * (1 - part) for part in (red, green, blue))


# Descent on a loss of two parameters, and a line through points. Page 03.


def draw_line_and_errors(
    x: Sequence[float], y: Sequence[float], prediction: Sequence[float], *, axes: Axes | None = None
) -> Axes:
    """Draw labels, the line of predictions, and each error as a dashed bar with its number.

    x, y, prediction: [sample] each; x in rising order. The number is prediction − label.
    """
    axes = axes if axes is not None else plt.gca()
    axes.plot(x, prediction, "-s", color=COLORS["blue"], label="prediction")
    axes.plot(x, y, "o", color=COLORS["black"], markersize=8, label="label")
    for one, label, guess in zip(x, y, prediction, strict=True):
        axes.plot([one, one], [guess, label], "--", color=COLORS["red"])
        axes.annotate(
            f"{float(guess - label):+.3g}".replace("-", "−"),
            (one, (guess + label) / 2),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=COLORS["red"],
        )
    axes.set(xlabel="x", ylabel="y", xticks=[float(one) for one in x])
    axes.margins(x=0.12)
    axes.legend(loc="upper left")
    return axes


def draw_squares(errors: Sequence[float], *, axes: Axes | None = None) -> Axes:
    """Draw each squared error as a square of that side, and last, hatched, their mean as one square."""
    axes = axes if axes is not None else plt.gca()
    areas = [float(error) ** 2 for error in errors]
    mean = sum(areas) / len(areas)
    left = 0.0
    for area, is_mean in [*((area, False) for area in areas), (mean, True)]:
        side, color = area**0.5, COLORS["purple" if is_mean else "red"]
        left += 0.8 if is_mean else 0.0
        axes.add_patch(
            Rectangle(
                (left, 0),
                side,
                side,
                facecolor=_tint(color),
                edgecolor=color,
                hatch="//" * is_mean,
                linewidth=2,
            )
        )
        axes.text(
            left + side / 2,
            side / 2,
            f"mean\n{area:g}" if is_mean else f"{area:g}",
            ha="center",
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        )
        left += side + 0.4
    axes.set(xlim=(-0.3, left), ylim=(-0.3, max(areas) ** 0.5 + 0.3), aspect="equal")
    axes.axis("off")
    return axes


def draw_bounces(positions: Sequence[float], curvature: float, *, axes: Axes | None = None) -> Axes:
    """Draw the steps of a descent on the parabola ½ · curvature · u²; the first three positions are numbered.

    positions: [step], distances u from the lowest point.
    """
    axes = axes if axes is not None else plt.gca()
    u = np.asarray(positions, dtype=float)
    reach = 1.15 * np.abs(u).max()
    ground = np.linspace(-reach, reach, 200)
    axes.plot(ground, 0.5 * curvature * ground**2, "-", color=COLORS["grey"], linewidth=1.5)
    height = 0.5 * curvature * u**2
    axes.plot(u, height, "--o", color=COLORS["red"], linewidth=1.4, markersize=6)
    for step, (across, up) in enumerate(zip(u[:3], height[:3], strict=True)):
        side = 1 if across > 0 else -1
        axes.annotate(
            str(step),
            (across, up),
            xytext=(10 * side, 0),
            textcoords="offset points",
            ha="center",
            va="center",
        )
    axes.set(xlabel="distance u from the lowest point", ylabel="loss")
    return axes


def draw_contours(
    loss: Callable[[torch.Tensor], torch.Tensor],
    horizontal: tuple[float, float],
    vertical: tuple[float, float],
    *,
    lowest: tuple[float, float] | None = None,
    axes: Axes | None = None,
) -> Axes:
    """Draw lines of equal loss over two parameters; each line has about three times the loss of the next
    one inside, and the ground grows darker with the loss.

    loss: takes points [row, column, 2] and returns their losses [row, column]. horizontal, vertical: the
    range of the first and of the second parameter. lowest: where to put a star. One unit is as long across
    as up, so that the gradient stands at right angles to the lines.
    """
    axes = axes if axes is not None else plt.gca()
    across = torch.linspace(*horizontal, 121, dtype=torch.float64)
    up = torch.linspace(*vertical, 121, dtype=torch.float64)
    points = torch.stack(torch.meshgrid(across, up, indexing="xy"), dim=-1)  # [row, column, 2]
    heights = loss(points)
    levels = [level for level in CONTOUR_LEVELS if level < heights.max()]
    shades = plt.get_cmap("Greys")(np.linspace(0.0, 0.45, len(levels) + 1))
    axes.contourf(across, up, heights, levels=levels, colors=shades, extend="both")
    axes.contour(across, up, heights, levels=levels, colors=COLORS["grey"], linewidths=0.7)
    if lowest is not None:
        axes.plot(*lowest, "*", color=COLORS["black"], markersize=13, zorder=4)
    axes.set(xlim=horizontal, ylim=vertical, aspect="equal", xlabel="w", ylabel="b")
    axes.grid(False)
    return axes


def draw_path(
    path: torch.Tensor,
    *,
    label: str | None = None,
    color: str = "red",
    marker: str = "o",
    dash: str = "-",
    axes: Axes | None = None,
) -> Axes:
    """Draw the way of two parameters over a contour; a ring marks the start.

    path: [step, 2]. color: a name in COLORS. Points outside the axes are not drawn.
    """
    axes = axes if axes is not None else plt.gca()
    across, up = path.detach().numpy().T
    axes.plot(
        across,
        up,
        dash,
        marker=marker,
        color=COLORS[color],
        linewidth=1.5,
        markersize=4.5,
        label=label,
        zorder=3,
    )
    axes.plot(across[0], up[0], "o", mfc="white", mec=COLORS["black"], mew=1.8, markersize=9, zorder=4)
    return axes


# A chain, a secant and a tape. Pages 01 and 02.


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
            f"{name} = {_number(value)}",
            "blue",
            note=f"d{names[-1]}/d{name} = {_number(product)}",
        )
        for i, (name, value, product) in enumerate(zip(names, values, products, strict=True))
    }
    edges = []
    for i, (start, end) in enumerate(pairwise(names)):
        edges.append(Edge(start, end, _number(slopes[i]), bend=0.55))
        edges.append(
            Edge(end, start, f"{_number(products[i + 1])} · {_number(slopes[i])}", bend=0.55, backward=True)
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
    axes.set_title(f"h = {h:.0e}: slope {slope:.6f}".replace("e-0", "e-"))
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
        notes = {node: f"d{names[result]}/d{names[node]} = {_number(node.grad)}" for node in order}
    places, travelled, waiting = _places_of_nodes(order), set(travelled), set(waiting)
    nodes = {
        str(id(node)): Node(
            *places[node],
            f"{names[node]} = {_number(node.data)}",
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
                edges.append(Edge(*reversed(ends), _number(slope), -bend, at, backward=True))
            else:
                edges.append(Edge(*ends, _number(slope), bend, at))
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


def _number(value: float) -> str:
    """Up to four digits, with a real minus sign."""
    return f"{value:.4g}".replace("-", "−")


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
    notes = {node: f"{'so far' if node in waiting else 'slope'} {_number(so_far[node])}" for node in order}
    used = [shares[step - 1][:2]] if step else []
    axes = draw_tape(result, notes=notes, travelled=used, waiting=waiting, axes=axes)
    if step:
        node, source, slope = shares[step - 1]
        product = f"{_number(so_far[node])} · {_number(slope)} = {_number(so_far[node] * slope)}"
        names = [one.label or one.operation for one in (node, source)]
        share = f"{names[0]} passes {product} to {names[1]}"
    else:
        share = f"{result.label or result.operation} starts with slope 1"
    axes.set_title(f"step {step} of {len(shares)}: {share}")
    return axes


# A prediction and its price, and small pictures. Page 04.


def draw_prediction(logits: Sequence[float], truth: int, names: Sequence[str]) -> Figure:
    """Draw what becomes of scores: bars of the scores, of their softmax, and of the gradient p − y.

    logits, names: [class]. truth: the index of the true class; its bars are hatched. A gradient above 0
    means that descent lowers this score, below 0 that it raises it; arrows say so.
    """
    scores = np.asarray(logits, dtype=float)
    p = np.exp(scores - scores.max())
    p /= p.sum()
    gradient = p - np.eye(len(p))[truth]
    price = scores.max() - scores[truth] + np.log(np.exp(scores - scores.max()).sum())
    figure, panels = plt.subplots(1, 3, figsize=(11, 3.6))
    rows = (
        (scores, "grey", "scores z", (min(-1.0, scores.min()) - 1, max(4.0, scores.max()) + 1)),
        (p, "blue", f"p = softmax(z), price {price + 0.0:.4f}", (0, 1.15)),
        (gradient, "red", "gradient p − y", (-1.3, 1.3)),
    )
    for axes, (heights, color, title, limits) in zip(panels, rows, strict=True):
        colors = [COLORS["green" if color == "red" and height < 0 else color] for height in heights]
        bars = axes.bar(names, heights, color=[_tint(one, 0.55) for one in colors], edgecolor=colors)
        bars[truth].set_hatch("//")
        labels = [f"{height + 0.0:.2f}".replace("-", "−") for height in heights]
        if color == "red":
            labels = [
                f"{'↓' if height > 0 else '↑'} {text}" for height, text in zip(heights, labels, strict=True)
            ]
        axes.bar_label(bars, labels, padding=2, fontsize=SMALLEST_TEXT)
        axes.axhline(0, color=COLORS["black"], linewidth=1)
        axes.set(ylim=limits, title=title)
        axes.grid(False, axis="x")
    return figure


def draw_pictures(
    pictures: ArrayLike,
    titles: Sequence[str] = (),
    *,
    columns: int = 8,
    signed: bool = False,
    axes: Sequence[Axes] | None = None,
) -> Sequence[Axes]:
    """Draw small pictures in rows, each with an optional title.

    pictures: [picture, row, column], grey values from 0 (black) to 1 (white). signed: values of either
    sign instead, 0 white, positive orange, negative purple, one scale for all. axes: where to draw; without
    them a figure is made. Returns the axes drawn on.
    """
    pictures = np.asarray(pictures)
    if axes is None:
        rows = -(-len(pictures) // columns)
        axes = plt.subplots(rows, columns, figsize=(1.36 * columns, (1.62 if titles else 1.36) * rows))[
            1
        ].flat
    reach = float(np.abs(pictures).max())
    colors = (
        {"cmap": "PuOr_r", "vmin": -reach, "vmax": reach}
        if signed
        else {"cmap": "gray", "vmin": 0, "vmax": 1}
    )
    for place, one in enumerate(axes):
        one.axis("off")
        if place < len(pictures):
            one.imshow(pictures[place], **colors)
        if place < len(titles):
            one.set_title(titles[place], fontsize=SMALLEST_TEXT, loc="center")
    return axes


# Tensors as grids of cells, and a decision surface. Page 05.


def _draw_cells(
    axes: Axes, left: float, top: float, rows: int, columns: int, color: str, *, backward: bool = False
) -> tuple[float, float]:
    """Draw a tensor as a grid of unit cells, its gradient dashed and hatched; return the grid's centre."""
    shade, dash = COLORS[color], "--" if backward else "-"
    axes.add_patch(
        Rectangle(
            (left, top - rows),
            columns,
            rows,
            facecolor="white" if backward else _tint(shade, 0.22),
            edgecolor=_tint(shade, 0.45),
            hatch="////" if backward else None,
            linewidth=0,
            zorder=1,
        )
    )
    for row in range(1, rows):
        axes.plot([left, left + columns], [top - row] * 2, dash, color=shade, linewidth=0.6, zorder=2)
    for column in range(1, columns):
        axes.plot([left + column] * 2, [top - rows, top], dash, color=shade, linewidth=0.6, zorder=2)
    axes.add_patch(
        Rectangle(
            (left, top - rows),
            columns,
            rows,
            fill=False,
            edgecolor=shade,
            linewidth=1.8,
            linestyle=dash,
            zorder=3,
        )
    )
    return left + columns / 2, top - rows / 2


def draw_matrix_products(batch: int, inputs: int, outputs: int, *, axes: Axes | None = None) -> Axes:
    """Draw the four products of a linear layer Z = X @ W + b: forward in blue, the gradients in red, hatched.

    n counts the batch, i the inputs, j the outputs. In each product the letter on black is the one that the
    result no longer has: it is summed over. A bold frame marks one row, one column, and the entry they make.
    """
    axes = axes if axes is not None else plt.gca()
    size = {"n": batch, "i": inputs, "j": outputs, "": 1}
    # panel: first factor, second factor, result (name, row letter, column letter), summed letter, place
    panels = (
        ("forward", ("X", "ni"), ("W", "ij"), ("Z", "nj"), "i", 0, 0),
        ("gradient of W", ("Xᵀ", "in"), ("dZ", "nj"), ("dW", "ij"), "n", 1, 0),
        ("gradient of X", ("dZ", "nj"), ("Wᵀ", "ji"), ("dX", "ni"), "j", 0, 1),
        ("gradient of b", ("ones", " n"), ("dZ", "nj"), ("db", " j"), "n", 1, 1),
    )
    gap, tall = 2.3, max(batch, inputs, outputs)
    across = 2 * tall + outputs + 2 * gap + 1.6
    for title, first, second, result, summed, column, row in panels:
        left, top = column * across, -row * (tall + 4.4)
        axes.text(left, top + 1.9, f"{title}: sum over {summed}", fontsize=13, fontweight="bold", va="center")
        parts = (first, second, result)
        for number, (name, letters) in enumerate(parts):
            rows, columns = (size[letter.strip()] for letter in letters)
            back = name.startswith("d")
            low = top - (tall - rows) / 2
            middle, height = _draw_cells(
                axes, left, low, rows, columns, "red" if back else "blue", backward=back
            )
            picked = ((left, low - 1, columns, 1), (left, low - rows, 1, rows), (left, low - 1, 1, 1))[number]
            axes.add_patch(
                Rectangle(picked[:2], *picked[2:], fill=False, edgecolor="black", linewidth=2.6, zorder=5)
            )
            shape = f"[{columns}]" if name in ("ones", "db") else f"[{rows}, {columns}]"
            axes.text(
                middle,
                low - rows - 0.7,
                f"{name} {shape}",
                ha="center",
                va="center",
                fontsize=12,
                fontweight="bold",
                color=COLORS["red" if back else "blue"],
            )
            for letter, place in zip(letters, ((left - 0.55, height), (middle, low + 0.6)), strict=True):
                if letter.strip():
                    on_black = letter == summed
                    axes.text(
                        *place,
                        letter,
                        ha="center",
                        va="center",
                        fontsize=12,
                        style="italic",
                        color="white" if on_black else "black",
                        bbox={"facecolor": "black", "edgecolor": "none", "pad": 2.2} if on_black else None,
                    )
            left += columns
            if number < 2:
                axes.text(
                    left + gap / 2 - 0.25, top - tall / 2, "@="[number], ha="center", va="center", fontsize=15
                )
                left += gap
    axes.set(xlim=(-1.2, 2 * across - 0.6), ylim=(-2 * tall - 5.5, 2.5), aspect="equal")
    axes.axis("off")
    return axes


def draw_shape_map(batch: int, inputs: int, hidden: int, outputs: int, *, axes: Axes | None = None) -> Axes:
    """Draw a two-layer net, one grid per tensor: forward above (blue, solid), gradients below (red, dashed).

    Every gradient stands under its tensor and has its shape; the words under it say how it is made.
    """
    axes = axes if axes is not None else plt.gca()
    # a column of the map: its tensors from top to bottom (name, rows, columns, how its gradient is made)
    columns = (
        (("X", batch, inputs, "dZ1 @ W1ᵀ"),),
        (("W1", inputs, hidden, "Xᵀ @ dZ1"), ("b1", 1, hidden, "sum of dZ1\nover the batch")),
        (("Z1", batch, hidden, "dH · (Z1 > 0)"),),
        (("H", batch, hidden, "dZ2 @ W2ᵀ"),),
        (("W2", hidden, outputs, "Hᵀ @ dZ2"), ("b2", 1, outputs, "sum of dZ2\nover the batch")),
        (("Z2", batch, outputs, "from the loss"),),
        (("L", 1, 1, "always 1"),),
    )
    operations = ("", "", "ReLU", "", "", "loss")
    gap, left = 2.9, 0.0
    for number, tensors in enumerate(columns):
        width = max(wide for _, _, wide, _ in tensors)
        if len(tensors) == 2:  # a band behind a layer, which keeps both its numbers and their slopes
            reach = max(2.05, 0.9 + width / 2)
            axes.add_patch(
                Rectangle(
                    (left + width / 2 - reach, -14.3), 2 * reach, 23.6, color="#F0F0F0", linewidth=0, zorder=0
                )
            )
            layer = f"Linear {1 + number // 3}"
            axes.text(left + width / 2, 9.6, layer, ha="center", fontsize=13, fontweight="bold")
        for backward in (False, True):
            between = 3.1 if backward else 1.9
            tall = sum(rows for _, rows, _, _ in tensors) + between * (len(tensors) - 1)
            middle = -7.6 if backward else 4.0
            top, color = middle + tall / 2, "red" if backward else "blue"
            for name, rows, wide, how in tensors:
                centre, _ = _draw_cells(
                    axes, left + (width - wide) / 2, top, rows, wide, color, backward=backward
                )
                shape = "" if name == "L" else f"[{wide}]" if name[0] == "b" else f"[{rows}, {wide}]"
                words = f"{'d' * backward}{name} {shape}"
                style = {"ha": "center", "fontsize": SMALLEST_TEXT}
                axes.text(
                    centre, top + 0.3, words, va="bottom", color=COLORS[color], fontweight="bold", **style
                )
                if backward:
                    axes.text(centre, top - rows - 0.3, how, va="top", **style)
                top -= rows + between
            if number < len(operations):
                ends = ((left + width + 0.4, middle), (left + width + gap - 0.4, middle))
                axes.add_patch(
                    FancyArrowPatch(
                        *(reversed(ends) if backward else ends),
                        arrowstyle="-|>",
                        mutation_scale=18,
                        linewidth=2,
                        linestyle=(0, (4, 2)) if backward else "-",
                        color=COLORS[color],
                        shrinkA=0,
                        shrinkB=0,
                    )
                )
                axes.text(
                    left + width + gap / 2,
                    middle + 0.35,
                    operations[number],
                    ha="center",
                    va="bottom",
                    fontsize=SMALLEST_TEXT,
                )
        left += width + gap
    axes.text(-0.2, 9.0, "forward →", color=COLORS["blue"], fontsize=13, fontweight="bold")
    axes.text(-0.2, -2.6, "← backward", color=COLORS["red"], fontsize=13, fontweight="bold")
    axes.set(xlim=(-1.3, left - gap + 1.3), ylim=(-14.4, 10.8), aspect="equal")
    axes.axis("off")
    return axes


def draw_decision_surface(
    probability: Callable[[torch.Tensor], torch.Tensor],
    points: torch.Tensor,
    labels: torch.Tensor,
    *,
    hinges: tuple[torch.Tensor, torch.Tensor] | None = None,
    title: str = "",
    axes: Axes | None = None,
) -> Axes:
    """Draw what a two-class net says of every place of the plane, under the points it was trained on.

    probability: takes places [place, 2], returns the probability of class 1 [place]. points: [sample, 2].
    labels: [sample], 0 (blue circles) or 1 (orange triangles). The solid line is probability one half.
    hinges: weights [2, unit] and biases [unit] of a first layer; each unit's dashed line is where it
    switches on.
    """
    axes = axes if axes is not None else plt.gca()
    low, high = points.min(dim=0).values - 0.4, points.max(dim=0).values + 0.4
    across = torch.linspace(low[0].item(), high[0].item(), 120, dtype=points.dtype)
    up = torch.linspace(low[1].item(), high[1].item(), 120, dtype=points.dtype)
    places = torch.stack(torch.meshgrid(across, up, indexing="xy"), dim=-1)  # [row, column, 2]
    heights = probability(places.reshape(-1, 2)).reshape(120, 120)
    shades = [_tint(COLORS["blue"], strength) for strength in (0.55, 0.4, 0.25, 0.12)]
    shades += [_tint(COLORS["orange"], strength) for strength in (0.12, 0.25, 0.4, 0.55)]
    axes.contourf(across, up, heights, levels=np.linspace(0, 1, 9), colors=shades)
    if heights.min() < 0.5 < heights.max():
        axes.contour(across, up, heights, levels=[0.5], colors="black", linewidths=2)
    if hinges is not None:
        for (slope_across, slope_up), start in zip(hinges[0].T, hinges[1], strict=True):
            values = slope_across * places[..., 0] + slope_up * places[..., 1] + start
            if values.min() < 0 < values.max():
                axes.contour(
                    across, up, values, levels=[0], colors=COLORS["grey"], linewidths=1.1, linestyles="--"
                )
    for which, color, marker in ((0, "blue", "o"), (1, "orange", "^")):
        axes.plot(
            *points[labels == which].T.numpy(),
            marker,
            color=COLORS[color],
            markeredgecolor="black",
            markeredgewidth=0.5,
            markersize=4.5,
        )
    axes.set(xticks=[], yticks=[], aspect="equal", title=title)
    axes.grid(False)
    return axes
