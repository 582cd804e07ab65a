"""A prediction and its price, and small pictures: page 04."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from helpers.plotting.style import COLORS, SMALLEST_TEXT, tint


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
        bars = axes.bar(names, heights, color=[tint(one, 0.55) for one in colors], edgecolor=colors)
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
