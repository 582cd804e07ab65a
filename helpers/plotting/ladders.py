"""A ladder of accuracies with two kinds of luck, and a clock that does not wait: page 09."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from matplotlib.axes import Axes

from helpers.plotting.style import COLORS, INKS, SMALLEST_TEXT

if TYPE_CHECKING:  # slow to import
    import pandas as pd


def draw_ladder(
    runs: pd.DataFrame, rivals: Mapping[str, float], axes: Axes, *, reviews: int = 25_000
) -> None:
    """Draw each rung's test accuracy: a dot a seed, the mean, and the range that luck can explain.

    runs: columns rung, name, test; one row a run. rivals: accuracies drawn as uprights, by name. A rung
    below the left edge is named with its accuracy and an arrow. reviews: in the test set.
    """
    means = runs.groupby("rung")["test"].mean()
    left = max(0.5, min(rivals.values()) - 0.06)
    for place, (rung, group) in enumerate(runs.groupby("rung")):
        mean, seeds = means[rung], len(group)
        if mean < left:
            axes.annotate(f"◂ {mean:.3f}", (left, place), (4, 0), textcoords="offset points", va="center")
            continue
        best = mean == means.max()
        of_seeds = group["test"].var() / seeds if seeds > 1 else 0.0
        half = 1.96 * (mean * (1 - mean) / reviews + of_seeds) ** 0.5
        color = COLORS["red" if best else "blue"]
        axes.errorbar(mean, place, xerr=half, fmt="s" if best else "o", color=color, capsize=4, markersize=7)
        axes.plot(group["test"], [place + 0.28] * seeds, "|", color=COLORS["grey"], markersize=8)
    for place, (name, accuracy) in enumerate(sorted(rivals.items(), key=lambda rival: rival[1])):
        dash = ("--", ":", "-.", (0, (6, 1, 1, 1)))[place % 4]
        axes.axvline(accuracy, color=COLORS["green"], linestyle=dash)
        axes.annotate(  # to the left of its upright, above the names of weaker rivals: no line crosses a name
            name,
            (accuracy, 1),
            (-4, 4 + 16 * place),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="right",
            color=INKS["green"],
            fontsize=SMALLEST_TEXT,
        )
        axes.annotate(
            "",
            (accuracy, 1),
            (0, 16 * (place + 1)),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            arrowprops={"arrowstyle": "-", "color": COLORS["green"], "shrinkA": 0, "shrinkB": 0},
        )
    names = runs.groupby("rung")["name"].first()
    axes.set_yticks(range(len(names)), list(names))
    axes.set(xlabel="test accuracy", xlim=(left, max(means.max(), *rivals.values()) + 0.01))
    axes.set_ylim(-0.6, len(names) - 0.4)


def draw_asynchronous(axes: Axes) -> None:
    """Draw three pieces of work that are ordered quickly and done slowly, and two readings of a clock."""
    for row, name in ((1, "CPU"), (0, "GPU")):
        axes.text(-0.3, row, name, ha="right", va="center", fontweight="bold")
    for place in range(3):
        axes.barh(1, 0.4, left=0.5 * place, height=0.42, color=COLORS["sky"], edgecolor="black")
        axes.text(0.5 * place + 0.2, 1, str(place + 1), ha="center", va="center")
        axes.barh(0, 2.4, left=0.5 + 2.5 * place, height=0.42, color=COLORS["orange"], edgecolor="black")
        axes.text(0.5 + 2.5 * place + 1.2, 0, f"work {place + 1}", ha="center", va="center")
    axes.barh(1, 6.3, left=1.6, height=0.42, facecolor="white", edgecolor=COLORS["grey"], hatch="////")
    axes.text(
        4.75,
        1,
        " synchronize: wait ",
        ha="center",
        va="center",
        bbox={"facecolor": "white", "edgecolor": "none"},
    )
    for time, name, dash in ((0, "start", "-"), (1.5, "ordered: the clock lies", "--"), (7.95, "done", "-")):
        bottom = 0 if dash == "-" else 0.45  # the clock that lies is read on the CPU alone
        axes.axvline(time, ymin=bottom, ymax=0.84, color=COLORS["red"], linestyle=dash)
        axes.text(time, 1.62, name, ha="left" if time else "center", va="center", color=INKS["red"])
    axes.set(xlim=(-1.1, 9.2), ylim=(-0.5, 1.85), xlabel="time", xticks=[], yticks=[])
    axes.grid(False)
    axes.spines["left"].set_visible(False)
