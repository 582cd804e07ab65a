"""The one style: colours, dashes, markers and sizes that every figure of the course uses."""

import matplotlib.pyplot as plt
from matplotlib import cycler

# Okabe and Ito, "Color Universal Design" (2008), as recommended in B. Wong, "Points of view: Color
# blindness", Nature Methods 8:441 (2011): colours that stay apart for the common kinds of colour blindness.
COLORS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "red": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
    "black": "#000000",
    "grey": "#6B6B6B",
}
# The same colours, darkened until words in them stand out from white with a contrast of 4.5 (WCAG 2, AA).
INKS = COLORS | {
    "orange": "#9C6C00",
    "green": "#008561",
    "red": "#C05500",
    "purple": "#A16084",
    "sky": "#3A7A9E",
    "yellow": "#7D7722",
}
LINESTYLES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P")
SMALLEST_TEXT = 11  # points


def use_style() -> None:
    """Set matplotlib to the style of the course; call it once, in the first cell of a page."""
    lines = [COLORS[name] for name in ("blue", "red", "green", "purple", "grey", "black")]
    plt.rcParams.update(
        {
            "figure.figsize": (7.5, 4.2),
            "figure.dpi": 110,
            "savefig.dpi": 110,
            "figure.constrained_layout.use": True,
            "font.size": 12,
            "axes.titlesize": 13,
            "axes.labelsize": 12,
            "xtick.labelsize": SMALLEST_TEXT,
            "ytick.labelsize": SMALLEST_TEXT,
            "legend.fontsize": SMALLEST_TEXT,
            "figure.titlesize": 14,
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#DDDDDD",
            "grid.linewidth": 0.8,
            "lines.linewidth": 2.0,
            "legend.frameon": False,
            "axes.prop_cycle": cycler(color=lines) + cycler(linestyle=LINESTYLES),
        }
    )


def tint(color: str, strength: float = 0.16) -> tuple[float, float, float]:
    """The colour mixed with white, for a fill that black words can be read on."""
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return tuple(1 - strength * (1 - part) for part in (red, green, blue))


def brief(value: float) -> str:
    """Up to four digits, with a real minus sign."""
    return f"{value:.4g}".replace("-", "−")
