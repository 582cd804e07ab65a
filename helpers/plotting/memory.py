"""A recurrent cell with its values and slopes, its gates, and a text read word by word: page 07."""

from collections.abc import Iterable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import FancyArrowPatch, Rectangle

from helpers.autograd import Value
from helpers.plotting.graphs import Edge, Node, draw_graph
from helpers.plotting.style import COLORS, INKS, SMALLEST_TEXT, brief, tint

# Where the numbers of an LSTM cell stand: columns from the word to what is said, the memory along the top.
CELL_PLACES = {
    "x": (0.0, 3.3), "h0": (0.0, 0.5),
    "z_f": (4.0, 4.0), "z_i": (4.0, 2.6), "z_g": (4.0, 1.2), "z_o": (4.0, -0.2),
    "f": (6.9, 4.0), "i": (6.9, 2.6), "g": (6.9, 1.2), "o": (6.9, -0.2),
    "c0": (6.9, 5.6), "f·c0": (9.5, 5.6), "i·g": (9.5, 1.9),
    "c": (12.1, 5.6), "t": (13.8, 3.0), "h": (15.5, 0.4),
}  # fmt: skip

# How far along its arrow a local slope stands, where the middle would be too crowded.
LABEL_AT = {
    ("x", "z_g"): 0.33, ("x", "z_o"): 0.74, ("h0", "z_i"): 0.33, ("h0", "z_f"): 0.74, ("o", "h"): 0.7,
}  # fmt: skip


def draw_values_and_slopes(
    places: Mapping[str, tuple[float, float]],
    values: Mapping[str, float],
    slopes: Mapping[str, float],
    edges: Iterable[Edge],
    *,
    box: tuple[float, float] = (1.6, 1.08),
    belt: Sequence[str] = (),
    axes: Axes | None = None,
) -> Axes:
    """Draw named numbers as boxes: the value in blue, under it the slope of the result in red italics.

    places, values, slopes: by name. edges: arrows with local slopes. belt: names that a broad band runs
    through from left to right, and out at the end: the memory.
    """
    nodes = {name: Node(*place, "", "blue" if name in belt else "grey") for name, place in places.items()}
    axes = draw_graph(nodes, edges, box=box, axes=axes)
    if belt:
        (left, height), (right, _) = places[belt[0]], places[belt[-1]]
        ends = (left - 0.65 * box[0], right + 1.2 * box[0])
        axes.fill_between(
            ends, height - 0.66 * box[1], height + 0.66 * box[1], color=tint(COLORS["sky"], 0.3), zorder=0
        )
        axes.add_patch(
            FancyArrowPatch(
                (right + box[0] / 2, height),
                (ends[1], height),
                arrowstyle="-|>",
                mutation_scale=14,
                linewidth=1.6,
                color=COLORS["grey"],
                shrinkA=0,
                shrinkB=0,
            )
        )
        axes.set_xlim(right=max(axes.get_xlim()[1], ends[1] + 0.1))
    style = {"ha": "center", "va": "center", "fontsize": SMALLEST_TEXT, "zorder": 5}
    for name, (x, y) in places.items():
        axes.text(x, y + 0.29 * box[1], _symbol(name), fontweight="bold", **style)
        axes.text(x, y, brief(round(values[name], 4) + 0.0), color=COLORS["blue"], **style)
        slope = brief(round(slopes[name], 4) + 0.0)
        axes.text(x, y - 0.29 * box[1], slope, color=INKS["red"], fontstyle="italic", **style)
    return axes


def _symbol(name: str) -> str:
    """A name as mathematics: z_i and h0 with a lowered letter, t with its meaning."""
    if name == "t":
        return "t = tanh c"
    if name[1:2] == "_":
        return f"${name[0]}_{{{name[2:]}}}$"
    return name.replace("0", "₀").replace("1", "₁").replace("2", "₂").replace("3", "₃")


def slopes_between(named: Mapping[str, Value]) -> dict[tuple[str, str], float]:
    """Local slopes of a tape between named numbers: (start, end) -> slope of end along start.

    Steps through numbers without a name are multiplied along each path and added across the paths.
    """
    names = {node: name for name, node in named.items()}
    found: dict[tuple[str, str], float] = {}
    for name, node in named.items():
        to_do = [(node, 1.0)]
        while to_do:
            here, so_far = to_do.pop()
            for source, slope in zip(here.inputs, here.slopes, strict=True):
                if source in names:
                    pair = (names[source], name)
                    found[pair] = found.get(pair, 0.0) + so_far * slope
                else:
                    to_do.append((source, so_far * slope))
    return found


def draw_cell(named: Mapping[str, Value], *, axes: Axes | None = None) -> Axes:
    """Draw an LSTM cell from its tape: values in blue, slopes of the result in red, local slopes on arrows.

    named: the Values of the cell by the names in `CELL_PLACES`, after `backward()` of the result.
    """
    edges = [
        Edge(start, end, brief(round(slope, 4)), at=LABEL_AT.get((start, end), 0.5))
        for (start, end), slope in slopes_between(named).items()
    ]
    axes = draw_values_and_slopes(
        CELL_PLACES,
        {name: named[name].data for name in CELL_PLACES},
        {name: named[name].grad for name in CELL_PLACES},
        edges,
        belt=("c0", "f·c0", "c"),
        axes=axes,
    )
    style = {"fontsize": SMALLEST_TEXT, "va": "center"}
    axes.text(14.4, 5.6, "on to the\nnext step", color=COLORS["grey"], **style)
    axes.text(9.5, 6.55, "the memory", color=COLORS["grey"], ha="center", **style)
    axes.text(-0.8, 6.1, "name", fontweight="bold", **style)
    axes.text(-0.8, 5.65, "value", color=COLORS["blue"], **style)
    axes.text(-0.8, 5.2, "slope of h", color=INKS["red"], fontstyle="italic", **style)
    axes.set_ylim(-1.0, 6.8)
    return axes


def draw_two_roads(named: Mapping[str, Value], *, axes: Axes | None = None) -> Axes:
    """Draw the states of an LSTM with one unit over its steps: memory above, what is said below.

    named: the Values "c0", "h0", "c1", "h1" and so on, after `backward()` of the loss. On the arrows stand
    local slopes: along the band the forget gates, elsewhere what a state moves through all gates together.
    """
    last = len(named) // 2 - 1
    places = {f"c{t}": (5.2 * t, 3.1) for t in range(last + 1)} | {
        f"h{t}": (5.2 * t + 1.9, 0.0) for t in range(last + 1)
    }
    edges = []
    for (start, end), slope in slopes_between(named).items():
        crosses = start[0] == "h" and end[0] == "c"
        edges.append(Edge(start, end, brief(round(slope, 3) + 0.0), at=0.42 if crosses else 0.5))
    axes = draw_values_and_slopes(
        places,
        {name: named[name].data for name in places},
        {name: named[name].grad for name in places},
        edges,
        belt=[f"c{t}" for t in range(last + 1)],
        axes=axes,
    )
    style = {"fontsize": SMALLEST_TEXT, "va": "center", "color": COLORS["grey"]}
    axes.text(-1.2, 4.15, "the belt: each arrow is a forget gate", **style)
    axes.text(-1.2, -0.95, "what is said: each arrow runs through gates and a tanh", **style)
    axes.set(xlim=(-1.4, 5.2 * last + 3.0), ylim=(-1.3, 4.5))
    return axes


def draw_gates(
    z_i: float = 0.0,
    z_f: float = 0.0,
    z_g: float = 0.0,
    z_o: float = 0.0,
    c0: float = 0.5,
    *,
    axes: Axes | None = None,
) -> Axes:
    """Draw what four pre-activations do to a memory: left how far each gate is open, right the memory.

    z_i, z_f, z_g, z_o: pre-activations of input gate, forget gate, candidate, output gate. c0: old memory.
    """
    axes = axes if axes is not None else plt.gca()
    i, f, o = (1 / (1 + np.exp(-z)) for z in (z_i, z_f, z_o))
    g = np.tanh(z_g)
    c = f * c0 + i * g
    bars = (
        (0, "input\ngate i", i, "green"),
        (1, "forget\ngate f", f, "green"),
        (2, "output\ngate o", o, "green"),
        (3.4, "candidate\ng", g, "orange"),
        (4.8, "old\nmemory c₀", c0, "blue"),
        (5.8, "kept\nf · c₀", f * c0, "blue"),
        (6.8, "written\ni · g", i * g, "orange"),
        (7.8, "new\nmemory c", c, "blue"),
        (9.2, "said\nh = o · tanh c", o * np.tanh(c), "purple"),
    )
    for x, _, value, color in bars:
        framed, above = x <= 3.4, value >= 0
        if framed:  # the frame shows how far a gate or the candidate could go
            low = -1 if x == 3.4 else 0
            axes.add_patch(
                Rectangle(
                    (x - 0.32, low), 0.64, 1 - low, fill=False, edgecolor=COLORS["grey"], linestyle="--"
                )
            )
        axes.bar(x, value, 0.64, color=tint(COLORS[color], 0.6), edgecolor=COLORS[color], linewidth=1.5)
        axes.text(
            x,
            1.06 if framed else value + (0.06 if above else -0.06),
            brief(round(float(value), 3) + 0.0),
            ha="center",
            va="bottom" if framed or above else "top",
            fontsize=SMALLEST_TEXT,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.8},
        )
    reach = max(1.3, 1.22 * abs(c), 1.22 * abs(c0))
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set(xlim=(-0.6, 9.9), ylim=(-reach, reach), xticks=[bar[0] for bar in bars])
    axes.set_xticklabels([bar[1] for bar in bars])
    axes.tick_params(axis="x", length=0)
    axes.grid(False, axis="x")
    return axes


def draw_reading(
    words: Sequence[str],
    rows: Mapping[str, Sequence[float]],
    *,
    upto: int | None = None,
    breaks: Iterable[int] = (),
    axes: Axes | None = None,
) -> Axes:
    """Draw a text word by word: a column for each word, a row for each gate or state, values in the cells.

    words: [time]. rows: name -> [time], values between −1 and 1. upto: how many words have been read; the
    rest stays empty. breaks: numbers of rows above which a gap is drawn.
    """
    axes = axes if axes is not None else plt.gca()
    upto = len(words) if upto is None else upto
    shades = LinearSegmentedColormap.from_list("blue to orange", [COLORS["orange"], (1, 1, 1), COLORS["sky"]])
    breaks, height, places = set(breaks), 0.0, []
    for number, (_, values) in enumerate(rows.items()):
        height -= 0.45 if number in breaks else 0.0
        places.append(height)
        for column, value in enumerate(values[:upto]):
            axes.add_patch(
                Rectangle(
                    (column - 0.5, height - 0.5), 1, 1, facecolor=shades((value + 1) / 2), edgecolor="white"
                )
            )
            axes.text(column, height, _short(value), ha="center", va="center", fontsize=SMALLEST_TEXT)
        axes.add_patch(
            Rectangle((-0.5, height - 0.5), len(words), 1, fill=False, edgecolor="#BBBBBB", linewidth=0.8)
        )
        height -= 1
    if 0 < upto < len(words) or upto == len(words):
        axes.add_patch(
            Rectangle(
                (upto - 1.5, places[-1] - 0.5),
                1,
                places[0] - places[-1] + 1,
                fill=False,
                linewidth=2.2,
                zorder=5,
            )
        )
    axes.set(xlim=(-0.6, len(words) - 0.4), ylim=(places[-1] - 0.6, 0.6), yticks=places)
    axes.set_yticklabels(list(rows))
    axes.xaxis.tick_top()
    axes.set_xticks(range(len(words)))
    axes.set_xticklabels(words, rotation=60, ha="left", rotation_mode="anchor")
    for label, place in zip(axes.get_xticklabels(), range(len(words)), strict=True):
        label.set_color("black" if place < upto else "#AAAAAA")
        label.set_fontweight("bold" if place == upto - 1 else "normal")
    axes.tick_params(length=0)
    axes.grid(False)
    for side in axes.spines.values():
        side.set_visible(False)
    return axes


def _short(value: float) -> str:
    """One decimal without the leading zero: .8, −.8, 1, 0."""
    text = f"{abs(value):.1f}"
    text = text[1:] if text.startswith("0.") else text.removesuffix(".0")
    text = "0" if text == ".0" else text
    return f"−{text}" if value < 0 and text != "0" else text
