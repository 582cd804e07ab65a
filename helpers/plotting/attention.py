"""Figures of page 11: who looks at whom, what labels are worth, how far it is to a large model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from helpers.plotting.style import COLORS, MARKERS, SMALLEST_TEXT, tint


def draw_attention(
    words: Sequence[str], weights: np.ndarray, asking: Sequence[str] | None = None, axes: Axes | None = None
) -> Axes:
    """Attention weights as a table: a row asks, a column answers, and every row adds up to 1.

    words: what the columns stand for. weights [asking, words], of any array type. asking: what the rows
    stand for, the same words by default. The darker a field, the larger its weight; the numbers stand in the
    fields where there are not too many of them.
    """
    weights = np.asarray(weights, dtype=float)
    asking = words if asking is None else asking
    if axes is None:
        _, axes = plt.subplots(figsize=(0.8 * len(words) + 2, 0.5 * len(asking) + 1.2))
    for row, column in np.ndindex(weights.shape):
        weight = weights[row, column]
        axes.fill_between(
            [column - 0.5, column + 0.5], row - 0.5, row + 0.5, color=tint(COLORS["blue"], weight), lw=0
        )
        if weights.size <= 150 and weight >= 0.005:
            color = "white" if weight > 0.6 else "black"
            axes.text(
                column, row, f"{weight:.2f}", ha="center", va="center", color=color, fontsize=SMALLEST_TEXT
            )
    axes.set(xlim=(-0.5, len(words) - 0.5), ylim=(len(asking) - 0.5, -0.5))
    axes.set_xticks(
        range(len(words)),
        words,
        rotation=35 if len(words) > 4 else 0,
        ha="right" if len(words) > 4 else "center",
    )
    axes.set_yticks(range(len(asking)), asking)
    if list(asking) == list(words):
        axes.set(xlabel="… answers", ylabel="… asks")
    axes.tick_params(length=0)
    axes.grid(False)
    for side in axes.spines.values():
        side.set_visible(False)
    return axes


def draw_counts(counts: Mapping[str, int], coin: int, axes: Axes | None = None) -> Axes:
    """Right answers as bars, each with its number, and what a coin would get as a dotted line."""
    axes = axes if axes is not None else plt.gca()
    colors = ("red", "purple", "blue", "green")  # as in draw_losses
    bars = axes.bar(list(counts), list(counts.values()), width=0.6)
    for bar, color in zip(bars, colors, strict=False):
        bar.set(facecolor=tint(COLORS[color], 0.55), edgecolor=COLORS[color])
    axes.bar_label(bars, padding=3)
    axes.axhline(coin, color=COLORS["black"], linestyle=":", linewidth=1.2)
    axes.text(len(counts) - 0.6, coin, "a coin", va="bottom")
    axes.set(xlim=(-0.5, len(counts) + 0.2), ylim=(0, 1.15 * max(*counts.values(), coin)))
    axes.grid(axis="x", visible=False)
    return axes


LOOKS = (
    ("blue", "-", "o"),
    ("red", "--", "s"),
    ("blue", ":", "^"),
    ("red", (0, (1, 3)), "v"),
    ("purple", "-.", "D"),
)
STARTS = {
    "pretrained": "pretrained, then all of it trained",
    "scratch": "from scratch, all of it trained",
    "pretrained, frozen": "pretrained, only the last layer trained",
    "scratch, frozen": "untrained, only the last layer trained",
}


def draw_label_curves(runs: pd.DataFrame, axes: Axes | None = None, column: str = "test") -> Axes:
    """Accuracy against labelled reviews, one line a start; each point a run, the line through their means.

    runs: one row a run with the columns start ("pretrained", "scratch", or any other), labels and `column`.
    """
    if axes is None:
        _, axes = plt.subplots(figsize=(9, 5))
    if runs.empty:
        axes.text(0.5, 0.5, "not measured yet", ha="center", va="center", transform=axes.transAxes)
        return axes
    there = list(runs["start"].unique())
    starts = [*STARTS, *(start for start in there if start not in STARTS)]
    for start, (color, dash, marker) in zip(starts, LOOKS, strict=False):
        if start not in there:
            continue
        own = runs[runs["start"] == start]
        means = own.groupby("labels")[column].mean()
        axes.plot(own["labels"], own[column], marker, color=COLORS[color], alpha=0.45, markersize=6)
        words = STARTS.get(start, start)
        axes.plot(means.index, means, linestyle=dash, marker=marker, color=COLORS[color], label=words)
    axes.legend(loc="upper left")
    labels = sorted(runs["labels"].unique())
    mark_sizes(axes, labels)
    axes.set(xlabel="labelled reviews that are seen", ylabel=f"accuracy on the {column} reviews")
    axes.axhline(0.5, color=COLORS["grey"], linestyle=":", linewidth=1)
    axes.text(0.01, 0.5, "a coin", va="bottom", transform=axes.get_yaxis_transform())
    return axes


def mark_sizes(axes: Axes, sizes: Sequence[float]) -> None:
    """A logarithmic x axis that names these sizes and no others."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: in_words(value)))


def draw_size_curve(sizes: Mapping[int, float], axes: Axes, xlabel: str, color: str = "green") -> Axes:
    """Accuracy against a size on a logarithmic axis: size -> accuracy, each point with its value."""
    if not sizes:
        axes.text(0.5, 0.5, "not measured yet", ha="center", va="center", transform=axes.transAxes)
        return axes
    places, values = zip(*sorted(sizes.items()), strict=True)
    axes.plot(places, values, "-", marker=MARKERS[2], color=COLORS[color])
    for place, value in zip(places, values, strict=True):
        axes.annotate(f"{value:.3f}", (place, value), xytext=(-4, 5), textcoords="offset points", ha="right")
    mark_sizes(axes, places)
    low, high = min(values), max(*values, min(values) + 0.01)
    axes.set(xlabel=xlabel, ylabel="accuracy", ylim=(low - 0.1 * (high - low), high + 0.25 * (high - low)))
    axes.margins(x=0.12)
    return axes


def draw_scale(rungs: Sequence[tuple[str, float, bool]], axes: Axes | None = None, xlabel: str = "") -> Axes:
    """Bars on a logarithmic axis, from bottom to top: (name, number, is it one of this course's?).

    What is this course's is filled, the rest hatched; each bar carries its number.
    """
    if axes is None:
        _, axes = plt.subplots(figsize=(10, 0.55 * len(rungs) + 1.2))
    for height, (_, number, own) in enumerate(rungs):
        color = COLORS["blue" if own else "orange"]
        axes.barh(
            height, number, color=tint(color, 0.55), edgecolor=color, hatch=None if own else "//", height=0.62
        )
        axes.annotate(
            in_words(number), (number, height), xytext=(6, 0), textcoords="offset points", va="center"
        )
    axes.set_xscale("log")
    axes.set_yticks(range(len(rungs)), [name for name, _, _ in rungs])
    axes.set_xlim(1, max(number for _, number, _ in rungs) * 55)
    axes.xaxis.set_major_locator(LogLocator(numticks=30))
    axes.set_xlabel(xlabel)
    axes.grid(axis="y", visible=False)
    return axes


def in_words(number: float) -> str:
    """56, 23,298, 1.68 million, 175 billion, and from a trillion on as a power of ten."""
    if number < 1e6:
        return f"{number:,.0f}"
    for unit, name in ((1e6, "million"), (1e9, "billion")):
        if number < 1_000 * unit:
            value = number / unit
            return f"{value:.2f} {name}" if value < 10 else f"{value:,.0f} {name}"
    power = int(np.floor(np.log10(number)))
    return f"{number / 10**power:.2f} · 10$^{{{power}}}$"
