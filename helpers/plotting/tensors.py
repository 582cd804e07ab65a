"""Tensors as grids of cells, and a decision surface: page 05."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, Rectangle

from helpers.plotting.style import COLORS, INKS, SMALLEST_TEXT, tint


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
            facecolor="white" if backward else tint(shade, 0.22),
            edgecolor=tint(shade, 0.45),
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
                color=INKS["red" if back else "blue"],
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
                    centre, top + 0.3, words, va="bottom", color=INKS[color], fontweight="bold", **style
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
    axes.text(-0.2, -2.6, "← backward", color=INKS["red"], fontsize=13, fontweight="bold")
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
    shades = [tint(COLORS["blue"], strength) for strength in (0.55, 0.4, 0.25, 0.12)]
    shades += [tint(COLORS["orange"], strength) for strength in (0.12, 0.25, 0.4, 0.55)]
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
