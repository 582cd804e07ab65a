"""Errors, squares and descent on a loss of two parameters: page 03."""

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from helpers.plotting.style import COLORS, INKS, tint

CONTOUR_LEVELS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)


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
            color=INKS["red"],
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
                facecolor=tint(color),
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
