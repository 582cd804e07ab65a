"""What one accuracy hides: kinds of error, thresholds, honesty of probabilities, slices, rules: page 10."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from torch import Tensor

from helpers.plotting.style import COLORS, LINESTYLES, MARKERS, SMALLEST_TEXT, tint

if TYPE_CHECKING:  # slow to import, and needed late
    import pandas as pd

NAMES = ("negative", "positive")


def draw_confusion(counts: Tensor, *, title: str = "", axes: Axes | None = None) -> Axes:
    """Draw a confusion matrix: counts [truth, answer], and under each count its share of the row."""
    import seaborn as sns

    axes = axes if axes is not None else plt.gca()
    shares = counts / counts.sum(dim=1, keepdim=True)
    written = [
        [f"{int(n):,}\n{share:.1%}" for n, share in zip(*row, strict=True)]
        for row in zip(counts.tolist(), shares.tolist(), strict=True)
    ]
    sns.heatmap(
        shares.numpy(),
        annot=written,
        fmt="",
        cmap="Blues",
        vmin=0,
        vmax=1.15,
        cbar=False,
        linewidths=2,
        annot_kws={"fontsize": 13},
        xticklabels=NAMES,
        yticklabels=NAMES,
        ax=axes,
    )
    axes.set(xlabel="the classifier's answer", ylabel="the truth", title=title)
    axes.tick_params(length=0, axis="both")
    axes.set_yticklabels(NAMES, rotation=90, va="center")
    return axes


def draw_threshold(score: Tensor, truth: Tensor, curve: tuple[Tensor, Tensor], threshold: float) -> None:
    """Draw where a threshold cuts: the scores of both classes, and the point of the ROC curve it stands for.

    score, truth: [texts]. curve: false and true positive rates of all thresholds, each [points].
    """
    _, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), width_ratios=(1.5, 1))
    low, high = score.min().item(), score.max().item()
    bins = torch.linspace(low, high, 41).tolist()
    for label, color, hatch in ((0, "red", "///"), (1, "blue", "")):
        own = score[truth == label]
        face = tint(COLORS[color], 0.35)
        left.hist(
            own.tolist(), bins, histtype="stepfilled", facecolor=(*face, 0.75), edgecolor=COLORS[color],
            hatch=hatch, linewidth=1.5, linestyle="-", label=f"truly {NAMES[label]}",
        )  # fmt: skip
    left.axvline(threshold, color="black", linewidth=2, linestyle="--")
    top = left.get_ylim()[1]
    left.set(xlabel="score: positive logit − negative logit", ylabel="reviews", ylim=(0, 1.18 * top))
    at_right = threshold < (low + high) / 2
    left.text(
        threshold,
        1.06 * top,
        " answers “positive” →" if at_right else "← “negative” ",
        ha="left" if at_right else "right",
        fontsize=SMALLEST_TEXT,
    )
    left.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
    false_rate, true_rate = curve
    right.plot(false_rate, true_rate, color=COLORS["blue"], label="all thresholds")
    right.plot([0, 1], [0, 1], color=COLORS["grey"], linestyle=":", linewidth=1.5, label="a coin")
    flagged = score > threshold
    point = [(flagged & (truth == label)).sum() / (truth == label).sum() for label in (0, 1)]
    right.plot(*point, marker="o", markersize=10, color="black", linestyle="none", label="this one")
    right.set(xlabel="false positive rate", ylabel="recall", xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    right.set_title(f"recall {point[1]:.3f}, false alarms {point[0]:.3f}", fontsize=12)
    right.legend(loc="lower right")


def draw_reliability(bins: pd.DataFrame, *, title: str = "", axes: Axes | None = None) -> Axes:
    """Draw a reliability diagram. bins: one row a bin, columns confidence, right (its share) and texts."""
    axes = axes if axes is not None else plt.gca()
    axes.plot([0.5, 1], [0.5, 1], color=COLORS["grey"], linestyle=":", label="honest")
    axes.vlines(
        bins["confidence"], bins["right"], bins["confidence"], color=COLORS["red"], linewidth=2, label="gap"
    )
    size = 30 + 300 * (bins["texts"] / bins["texts"].sum()) ** 0.5
    axes.scatter(bins["confidence"], bins["right"], s=size, color=COLORS["blue"], zorder=3, label="a bin")
    low = min(0.45, bins["right"].min() - 0.05)
    axes.text(0.52, 0.97, "too modest", fontsize=SMALLEST_TEXT)
    axes.text(0.99, 0.72, "boastful", fontsize=SMALLEST_TEXT, ha="right")
    axes.set(xlim=(0.48, 1.02), ylim=(low, 1.03), xlabel="confidence", ylabel="share right", title=title)
    return axes


def draw_slices(frame: pd.DataFrame, overall: float, *, axes: Axes | None = None) -> Axes:
    """Draw an accuracy with its interval for each slice.

    frame: index name, columns texts, accuracy, low, high. overall: the accuracy on all texts, a grey line.
    """
    axes = axes if axes is not None else plt.gca()
    axes.axvline(overall, color=COLORS["grey"], linestyle="--", linewidth=1.5)
    for place, (_, row) in enumerate(frame.iterrows()):
        outside = row.high < overall or row.low > overall
        color, marker = (("red", "s"), ("blue", "o"))[0 if outside else 1]
        axes.plot([row.low, row.high], [place, place], color=COLORS[color], linewidth=2, linestyle="-")
        axes.plot(row.accuracy, place, color=COLORS[color], marker=marker, markersize=8)
    labels = [f"{name}  ({int(texts):,})" for name, texts in zip(frame.index, frame["texts"], strict=True)]
    axes.set_yticks(range(len(frame)), labels)
    axes.set_ylim(len(frame) - 0.4, -0.9)
    axes.text(overall, -0.55, " all reviews", color=COLORS["grey"], fontsize=SMALLEST_TEXT, va="center")
    axes.set(xlabel="accuracy, with its 95 % interval")
    return axes


def draw_mattered(
    rows: Sequence[Mapping], *, most: float | None = None, title: str = "", axes: Axes | None = None
) -> Axes:
    """Draw what each word did: bars above the line speak for the answer, below it against.

    rows: as `helpers.predict.leave_out` gives them. most: height of the axis; None takes the largest change.
    """
    axes = axes if axes is not None else plt.gca()
    changes = [row["change"] for row in rows]
    most = most or max(max(map(abs, changes)), 1e-6)
    for place, change in enumerate(changes):
        look = {"color": COLORS["blue"]} if change > 0 else {"color": COLORS["red"], "hatch": "///"}
        axes.bar(place, change, edgecolor="white", **look)
    axes.axhline(0, color="black", linewidth=1)
    words = [row["words"] for row in rows]
    axes.set_xticks(range(len(words)), words, rotation=60, ha="right", rotation_mode="anchor")
    low = min(-0.3 * most, 1.15 * min(changes))
    axes.set(ylim=(low, 1.15 * most), ylabel="change of probability", title=title)
    axes.grid(axis="x", visible=False)
    return axes


def draw_two_failures(denials: pd.DataFrame, fillers: pd.DataFrame) -> None:
    """Draw two ways to fail: accuracy against denials, and against the length of a filler.

    Each frame has one row a step (its index) and one column a model; columns that begin with "twins" are of
    models that learned the twins.
    """
    _, panels = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True)
    wheres = ("denials, one inside the other", "fillers in a row (training: one)")
    titles = ("a wrong rule: far below the coin", "a memory that fades: towards the coin")
    for axes, frame, where, title in zip(panels, (denials, fillers), wheres, titles, strict=True):
        axes.axhline(0.5, color=COLORS["grey"], linestyle=":", linewidth=1.5)
        axes.text(len(frame) - 0.62, 0.52, "coin", color=COLORS["grey"], fontsize=SMALLEST_TEXT, ha="right")
        for number, name in enumerate(frame.columns):
            of_twins = name.startswith("twins")
            axes.plot(
                range(len(frame)),
                frame[name],
                color=COLORS["blue" if of_twins else "orange"],
                linestyle=LINESTYLES[number % len(LINESTYLES)],
                marker=MARKERS[number % len(MARKERS)],
                markersize=7,
                label=name,
            )
        axes.set_xticks(range(len(frame)), [str(step) for step in frame.index])
        axes.set(xlabel=where, ylim=(-0.04, 1.06), xlim=(-0.4, len(frame) - 0.6), title=title)
    seen = {"facecolor": "#E4E4E4", "edgecolor": COLORS["grey"], "linewidth": 0.8, "zorder": 0}
    trained = panels[0].axvspan(-0.4, 1.4, **seen)
    panels[1].axvspan(-0.4, 0.4, **seen)
    panels[0].set_ylabel("share of labels right")
    handles, names = panels[0].get_legend_handles_labels()
    panels[1].legend([*handles, trained], [*names, "seen in training"], loc="lower right")
