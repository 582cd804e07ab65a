"""Boxes and arrows: the course map of page 00, and graphs with numbers on their edges (01, 02, 04)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from helpers.plotting.style import COLORS, INKS, SMALLEST_TEXT, tint


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
            facecolor=tint(COLORS[node.color]),
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
            color=INKS["red" if edge.backward else "black"],
            zorder=4,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        )
