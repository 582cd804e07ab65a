"""What a classifier reads: footprints of a score, running verdicts, losses beside the coin's: page 08."""

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from helpers.plotting.style import COLORS, LINESTYLES, MARKERS, SMALLEST_TEXT, tint
from helpers.text import PAD


def draw_footprint(
    words: Sequence[Sequence[str]],
    slopes: torch.Tensor,
    row: int,
    *,
    title: str = "",
    axes: Axes | None = None,
) -> Axes:
    """Draw a batch as a grid of words, and how much the score of one review depends on each of them.

    words: [batch][time], pads included as "<pad>". slopes: [batch, time], not negative, as
    `helpers.invariants.footprint` gives them. A cell's blue, and the share written in it, is its part of all
    slopes; a white cell without a share is not read at all. A bold frame marks the review that is scored.
    """
    axes = axes if axes is not None else plt.gca()
    shares = slopes / slopes.sum()
    batch, time = shares.shape
    for i in range(batch):
        for t in range(time):
            share, word = shares[i, t].item(), words[i][t]
            strength = 0.08 + 0.62 * math.sqrt(share) if share > 0 else 0.0
            face = tint(COLORS["blue"], strength)
            axes.add_patch(Rectangle((t, -i - 1), 1, 1, facecolor=face, edgecolor="#BBBBBB", linewidth=0.8))
            pad = word == PAD
            axes.text(
                t + 0.5,
                -i - (0.32 if share > 0 else 0.5),
                "pad" if pad else word,
                ha="center",
                va="center",
                fontsize=SMALLEST_TEXT,
                style="italic" if pad else "normal",
                color=COLORS["grey"] if pad and share == 0 else "black",
            )
            if share > 0:
                written = f"{share:.0%}" if share >= 0.005 else "< 1%"
                axes.text(
                    t + 0.5,
                    -i - 0.74,
                    written,
                    ha="center",
                    va="center",
                    fontsize=SMALLEST_TEXT,
                    fontweight="bold",
                )
        label = {"ha": "right", "va": "center", "fontsize": SMALLEST_TEXT}
        marked = {"fontweight": "bold"} if i == row else {"color": COLORS["grey"]}
        axes.text(-0.12, -i - 0.5, f"{'score of ' if i == row else ''}row {i}", **label, **marked)
    axes.add_patch(
        Rectangle((0, -row - 1), time, 1, fill=False, edgecolor=COLORS["black"], linewidth=2.6, zorder=4)
    )
    axes.set(xlim=(-1.35, time + 0.05), ylim=(-batch - 0.06, 0.06), title=title)
    axes.axis("off")
    return axes


def draw_verdicts(
    words: Sequence[Sequence[str]],
    probabilities: Sequence[Sequence[float]],
    labels: Sequence[int],
    *,
    title: str = "",
    axes: Axes | None = None,
) -> Axes:
    """Draw what a classifier thinks after each word of a review and of its twin.

    words: two reviews of the same length; where they differ, both words stand on the axis. probabilities:
    for each review, the probability of "positive" after each of its words. labels: the truths, 0 or 1.
    """
    axes = axes if axes is not None else plt.gca()
    time = range(len(words[0]))
    looks = (("blue", "-", MARKERS[0]), ("red", "--", MARKERS[1]))
    names = ("negative", "positive")
    for number, (color, dash, marker) in enumerate(looks):
        axes.plot(
            time,
            probabilities[number],
            color=COLORS[color],
            linestyle=dash,
            marker=marker,
            markersize=5,
            label=f"{'its twin' if number else 'a review'}, truly {names[labels[number]]}",
        )
    axes.axhline(0.5, color=COLORS["grey"], linewidth=1, linestyle=":")
    ticks = []
    for t, (one, other) in enumerate(zip(*words, strict=True)):
        ticks.append(one if one == other else f"{one} | {other}")
        if one != other:
            axes.axvspan(t - 0.5, t + 0.5, color="#EEEEEE", zorder=0)
    axes.set_xticks(list(time), ticks, rotation=60, ha="right", rotation_mode="anchor")
    axes.set(
        ylim=(-0.05, 1.05), xlim=(-0.6, len(ticks) - 0.4), ylabel="probability of “positive”", title=title
    )
    axes.grid(axis="x", visible=False)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
    return axes


def draw_losses(
    losses: Mapping[str, Sequence[float]],
    *,
    steps_per_epoch: int,
    block: int = 20,
    title: str = "",
    axes: Axes | None = None,
) -> Axes:
    """Draw training losses against epochs, one line a model, and the coin's loss ln 2 as a grey line.

    losses: for each name the loss of every step; a point is the mean of `block` steps.
    """
    axes = axes if axes is not None else plt.gca()
    colors = ("red", "purple", "blue", "green")
    axes.axhline(math.log(2), color=COLORS["grey"], linewidth=1.2, linestyle=":", zorder=1)
    looks = zip(losses.items(), colors, LINESTYLES, MARKERS, strict=False)
    for number, ((name, steps), color, dash, marker) in enumerate(looks):
        means = [part.mean().item() for part in torch.tensor(steps).split(block)]
        epochs = [(place + 0.5) * block / steps_per_epoch for place in range(len(means))]
        axes.plot(
            epochs,
            means,
            color=COLORS[color],
            linestyle=dash,
            marker=marker,
            markersize=6,
            markevery=(number, 4),  # no marker lies on that of another line
            label=name,
        )
    axes.annotate(
        "ln 2, the coin",
        (1, math.log(2)),
        xytext=(0, 8),
        textcoords="offset points",
        xycoords=("axes fraction", "data"),
        ha="right",
        color=COLORS["grey"],
        fontsize=SMALLEST_TEXT,
    )
    axes.set(xlabel="epoch", ylabel=f"training loss, mean of {block} steps", ylim=(-0.02, 0.8), title=title)
    axes.legend(loc="center right")
    return axes
