"""Curves of a training run, drawn while it runs or afterwards: page 09."""

from __future__ import annotations

import io
import math
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from helpers.plotting.style import COLORS

if TYPE_CHECKING:  # slow to import, and a drawing needs no torch
    import pandas as pd

    from helpers.training import Progress

COIN = math.log(2)  # the loss of a coin


def draw_training(
    history: pd.DataFrame,
    axes: Sequence[Axes],
    *,
    looks: Sequence[tuple[float, float]] = (),
    epochs: int | None = None,
    best_epoch: int | None = None,
) -> None:
    """Draw loss on the first of two axes and accuracy on the second, over epochs: training and validation.

    history: as `Run.history`. looks: (epochs read, training loss) in between. epochs: how many are planned.
    best_epoch: marked with an upright among the accuracies.
    """
    for ax, what in zip(axes, ("loss", "accuracy"), strict=True):
        if what == "loss" and len(looks):
            between = ax.plot(*zip(*looks, strict=True), "-", color=COLORS["sky"], linewidth=1.2)
            ax.legend(handles=between, labels=["train, look by look"], loc="upper right")
        for part, look, color in (("train", "-o", "blue"), ("validation", "--s", "red")):
            ax.plot(history.index, history[f"{part}_{what}"], look, color=COLORS[color], label=part)
        ax.set(xlabel="epoch", title=what, xlim=(0, (epochs or history.index.max()) + 0.25))
        ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    axes[0].axhline(COIN, color=COLORS["grey"], linestyle=":")
    right = axes[0].get_xlim()[1]
    axes[0].annotate(
        "ln 2", (right, COIN), xytext=(0, -15), textcoords="offset points", fontsize=11, ha="right"
    )
    axes[0].set_ylim(0, max(1, axes[0].get_ylim()[1]))
    if best_epoch:
        axes[1].axvline(best_epoch, color=COLORS["grey"], linestyle=":", label="best epoch")
    axes[1].legend(loc="lower right", frameon=True, framealpha=1, edgecolor="none")


class LiveCurve:
    """Loss and accuracy that grow while `train` runs, in place: `train(..., watch=LiveCurve())`.

    In a notebook one figure is shown and redrawn, at most once a second and for at most a thirtieth of the
    time, and when the run has ended; what is left in the page is an ordinary picture. Elsewhere nothing is
    shown. `figure` is the figure as last drawn, None before that.
    """

    def __init__(self) -> None:
        self.figure: Figure | None = None
        self.looks: list[tuple[float, float]] = []
        self._shown = None
        self._next = 0.0

    def __call__(self, progress: Progress) -> None:
        """Take in where the run stands; draw if it is time."""
        if len(progress.rows) < progress.epoch:  # in an epoch, not at its end
            self.looks.append((progress.epoch - 1 + progress.step / progress.steps, progress.loss))
        start = time.perf_counter()
        if progress.over or start >= self._next:
            self._draw(progress)
            end = time.perf_counter()
            self._next = end + max(1.0, 30 * (end - start))

    def _draw(self, progress: Progress) -> None:
        """Draw anew and put the picture where the old one is."""
        import pandas as pd

        parts = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
        history = pd.DataFrame(progress.rows, columns=["epoch", *parts]).set_index("epoch")
        self.figure = Figure(figsize=(9.5, 3.6), layout="constrained")  # pyplot's would be shown once more
        best = progress.best_epoch if progress.over else 0
        draw_training(
            history,
            self.figure.subplots(1, 2),
            looks=self.looks,
            epochs=None if best else progress.epochs,
            best_epoch=best,
        )
        if "ipykernel" not in sys.modules:
            return
        from IPython.display import Image, display

        png = io.BytesIO()
        self.figure.savefig(png, format="png")
        picture = Image(data=png.getvalue())
        if self._shown is None:
            self._shown = display(picture, display_id=True)
        else:
            self._shown.update(picture)
