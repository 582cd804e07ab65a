"""Words as boxes in lines, rows of an embedding, two reviews in one bag, batches and their pads: page 06."""

from collections import Counter
from collections.abc import Collection, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from torch import Tensor

from helpers.plotting.style import COLORS, SMALLEST_TEXT, brief, tint

MONOSPACE = "DejaVu Sans Mono"  # comes with matplotlib, so a word is as wide as it has characters everywhere
LETTER = 0.602 * SMALLEST_TEXT / 72  # inches that one of its characters takes
UNIT = 0.26  # inches of the height of a box


def in_lines(words: Sequence[str], width: int, gap: int = 2) -> list[tuple[int, int]]:
    """Where each word begins, as (line, column), in lines of `width` characters with `gap` between words."""
    places, line, column = [], 0, 0
    for word in words:
        if column and column + len(word) > width:
            line, column = line + 1, 0
        places.append((line, column))
        column += len(word) + gap
    return places


def draw_words(
    words: Sequence[str],
    *,
    weights: Sequence[float] | None = None,
    unknown: Collection[int] = (),
    title: str = "",
    axes: Axes | None = None,
) -> Axes:
    """Draw words as boxes in reading order.

    weights: a number for each word, written under it; blue and solid for positive ones, orange and dashed for
    negative ones, stronger the larger. unknown: places of words that are drawn white on black.
    """
    axes = axes if axes is not None else plt.gca()
    wide, tall = axes.figure.get_size_inches() * axes.get_position().size / (0.775, 0.77)  # without margins
    columns = int((wide - 0.2) / LETTER)
    step = 2.6 if weights is not None else 1.7
    places = in_lines(words, columns - 1)
    largest = max(map(abs, weights), default=0.0) or 1.0 if weights is not None else 1.0
    for number, (word, (line, column)) in enumerate(zip(words, places, strict=True)):
        black = number in unknown
        weight = 0.0 if weights is None else weights[number]
        shade = COLORS["black" if black else "grey" if weight == 0 else "blue" if weight > 0 else "orange"]
        strength = 1.0 if black else 0.08 if weight == 0 else 0.08 + 0.55 * abs(weight) / largest
        axes.add_patch(
            FancyBboxPatch(
                (column, -step * line - 0.5),
                len(word),
                1.0,
                boxstyle="round,pad=0.28,rounding_size=0.2",
                facecolor=tint(shade, strength),
                edgecolor=shade,
                linestyle="--" if weight < 0 else "-",
                linewidth=1.0,
            )
        )
        axes.text(
            column + len(word) / 2,
            -step * line,
            word,
            family=MONOSPACE,
            fontsize=SMALLEST_TEXT,
            ha="center",
            va="center_baseline",
            color="white" if black else "black",
        )
        if weights is not None:
            axes.text(
                column + len(word) / 2,
                -step * line - 1.35,
                brief(round(weight, 1)) if abs(weight) >= 0.05 else "0",
                fontsize=SMALLEST_TEXT,
                ha="center",
                va="center",
                color=COLORS["grey"],
            )
    lines = places[-1][0] + 1 if places else 1
    bottom = -step * (lines - 1) - (2.1 if weights is not None else 1.0)
    axes.set(xlim=(-0.8, columns), ylim=(min(bottom, 1.0 - (tall - 0.3) / UNIT), 1.0))
    axes.set_title(title)
    axes.axis("off")
    return axes


def draw_lookup(
    tokens: Sequence[str],
    ids: Sequence[int],
    table: Tensor,
    names: Sequence[str],
    *,
    rows: Tensor | None = None,
    backward: bool = False,
    axes: Axes | None = None,
) -> Axes:
    """Draw tokens on the left and the table [words, columns] on the right, a line from each to its row.

    tokens, ids: one entry a token. names: of the rows of the table. Forward, each token gets a copy of its
    row; backward, `rows` [tokens, columns] are the tokens' slopes, and each is added into its row.
    """
    axes = axes if axes is not None else plt.gca()
    rows = table[list(ids)] if rows is None else rows
    shade, dash = (COLORS["red"], (0, (4, 2))) if backward else (COLORS["blue"], "-")
    longest = max(len(brief(entry)) for entry in [*rows.flatten().tolist(), *table.flatten().tolist()])
    cell, columns = max(1.9, 0.62 * longest), table.shape[1]
    spread = (len(tokens) - 1) / max(len(table) - 1, 1)
    right = columns * cell + 6.0  # where the table begins

    def grid(left: float, middle: float, entries: Tensor, tall: float) -> None:
        for column, entry in enumerate(entries.tolist()):
            axes.add_patch(
                Rectangle(
                    (left + column * cell, middle - tall / 2),
                    cell,
                    tall,
                    facecolor="white" if backward else tint(shade, 0.18),
                    hatch="////" if backward else None,
                    edgecolor=tint(shade, 0.3),
                    linewidth=0,
                )
            )
            axes.add_patch(
                Rectangle(
                    (left + column * cell, middle - tall / 2),
                    cell,
                    tall,
                    fill=False,
                    edgecolor=shade,
                    linewidth=1.2,
                )
            )
            axes.text(
                left + (column + 0.5) * cell,
                middle,
                brief(entry + 0.0),
                fontsize=SMALLEST_TEXT,
                ha="center",
                va="center",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8} if backward else None,
            )

    for place, (token, number) in enumerate(zip(tokens, ids, strict=True)):
        grid(0, -place, rows[place], 0.8)
        axes.text(-0.4, -place, token, fontsize=SMALLEST_TEXT, ha="right", va="center")
        ends = [(columns * cell + 0.2, -place), (right - 0.2, -number * spread)]
        axes.add_patch(
            FancyArrowPatch(
                *(ends if backward else reversed(ends)),
                arrowstyle="-|>",
                mutation_scale=10,
                linewidth=1.2,
                linestyle=dash,
                color=shade if number else COLORS["grey"],
                shrinkA=0,
                shrinkB=0,
            )
        )
    for number, name in enumerate(names):
        grid(right, -number * spread, table[number], 1.1)
        axes.text(
            right + columns * cell + 0.4,
            -number * spread,
            f"{number}  {name}",
            fontsize=SMALLEST_TEXT,
            va="center",
        )
    for left, words in ((0, "places of the batch"), (right, "rows of the table")):
        words = f"slopes of the {words.split()[0]}" if backward else words
        axes.text(left, 1.1, words, fontsize=12, fontweight="bold", va="center")
    axes.set(xlim=(-4.6, right + columns * cell + 5.4), ylim=(-len(tokens) + 0.2, 1.6))
    axes.axis("off")
    return axes


def draw_shared_bag(first: str, second: str, *, axes: Axes | None = None) -> Axes:
    """Draw two reviews of the same words and opposite labels, the one bag they fall into, and its one answer.

    first is the positive one. Both are tokens with a space between them.
    """
    axes = axes if axes is not None else plt.gca()

    def box(
        middle: tuple[float, float], size: tuple[float, float], words: str, color: str, dash: str
    ) -> None:
        axes.add_patch(
            FancyBboxPatch(
                (middle[0] - size[0] / 2, middle[1] - size[1] / 2),
                *size,
                boxstyle="round,pad=0.05,rounding_size=0.25",
                facecolor=tint(COLORS[color]),
                edgecolor=COLORS[color],
                linestyle=dash,
                linewidth=1.8,
            )
        )
        axes.text(*middle, words, fontsize=12, ha="center", va="center", linespacing=1.35)

    def arrow(start: tuple[float, float], end: tuple[float, float], dash: str = "-") -> None:
        axes.add_patch(
            FancyArrowPatch(
                start,
                end,
                arrowstyle="-|>",
                mutation_scale=16,
                linewidth=1.8,
                color=COLORS["black"],
                linestyle=dash,
            )
        )

    def broken(text: str) -> str:
        words = text.split()
        half = (len(words) + 1) // 2
        half += half < len(words) and not words[half].isalnum()  # no line begins with a sign
        return " ".join(words[:half]) + "\n" + " ".join(words[half:])

    counts = Counter(first.split())
    if counts != Counter(second.split()):
        raise ValueError(
            f"two reviews share a bag only if they have the same words: {first!r} and {second!r}"
        )
    bag = [word if count == 1 else f"{word} ×{count}" for word, count in sorted(counts.items())]
    half = (len(bag) + 1) // 2
    box((2.6, 6.0), (4.6, 1.3), broken(first), "blue", "-")
    box((8.2, 6.0), (4.6, 1.3), broken(second), "orange", "--")
    axes.text(2.6, 6.95, "praise", fontsize=12, fontweight="bold", ha="center")
    axes.text(8.2, 6.95, "complaint", fontsize=12, fontweight="bold", ha="center")
    arrow((2.6, 5.25), (4.3, 4.25))
    arrow((8.2, 5.25), (6.5, 4.25), "--")
    box((5.4, 3.5), (5.6, 1.3), "   ".join(bag[:half]) + "\n" + "   ".join(bag[half:]), "grey", "-")
    axes.text(8.45, 3.5, "one bag", fontsize=12, fontweight="bold", va="center")
    arrow((5.4, 2.75), (5.4, 2.15))
    box((5.4, 1.7), (4.8, 0.75), "one answer, whatever the model", "green", "-")
    axes.text(
        5.4, 0.75, "right for one of the two, wrong for the other", fontsize=12, ha="center", va="center"
    )
    axes.set(xlim=(0, 10.8), ylim=(0.3, 7.4))
    axes.axis("off")
    return axes


def draw_batches(
    lengths: Tensor, plan: Sequence[Tensor], *, title: str = "", axes: Axes | None = None
) -> Axes:
    """Draw the batches of a plan side by side; each review is a column as high as it is long, pads above it.

    lengths: [texts]. plan: rows of each batch. A batch is as high as its longest review.
    """
    axes = axes if axes is not None else plt.gca()
    left = 0
    for rows in plan:
        own, tallest = lengths[rows].tolist(), int(lengths[rows].max())
        places = range(left, left + len(own))
        axes.bar(places, own, width=1.0, align="edge", color=COLORS["blue"])
        axes.add_patch(
            Rectangle(
                (left, 0),
                len(own),
                tallest,
                facecolor=tint(COLORS["orange"], 0.35),
                edgecolor="none",
                zorder=0.5,
            )
        )
        axes.add_patch(Rectangle((left, 0), len(own), tallest, fill=False, edgecolor="black", linewidth=1.2))
        left += len(own)
    axes.set(xlim=(0, left), xlabel="reviews, in the order of the batches", ylabel="tokens", title=title)
    axes.grid(False)
    return axes
