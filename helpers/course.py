"""The pages of the course: what each builds, what it stands on, how long it takes. Page 00 shows it.

This is the one place where the list stands; page 00 and README.md print it, and a test holds them to it.
"""

import textwrap
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from helpers.plotting import COLORS, Edge, Node, draw_graph

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@dataclass(frozen=True)
class Page:
    """One notebook: its number and name, its key idea, and its place on the map.

    part: what of a large model it builds. minutes: to read, without the exercises. needs: pages that its
    opening asks for. place: column and row of its box on the drawn map, None for a page that builds a whole
    out of others, which is a frame there. stage: colour on the map.
    """

    number: str
    name: str
    title: str
    part: str
    minutes: int
    needs: tuple[str, ...]
    place: tuple[int, int] | None
    stage: str
    idea: str

    @property
    def file(self) -> str:
        return f"{self.number}_{self.name}.ipynb"

    @property
    def is_there(self) -> bool:
        return (NOTEBOOKS / self.file).exists()


LEARNING, READING, USING = "blue", "green", "orange"

PAGES = (
    Page("00", "start_here", "Start here", "the map", 15, (), None, "grey",
         "A large model is made of small parts; each page builds one, measures it and checks it."),
    Page("01", "chain_rule", "The chain rule", "a slope", 45, ("00",), (3, 0), LEARNING,
         "Along a chain, slopes multiply: the slope of the whole is the product of the slopes of its steps."),
    Page("02", "backpropagation", "Backpropagation", "the tape", 75, ("01",), (2, 0), LEARNING,
         "Across paths, slopes add: backpropagation multiplies along each path, adds over all of them, "
         "and still visits every node only once."),
    Page("03", "mean_squared_error", "Mean squared error", "the step", 60, ("01", "02"), (1, 0), LEARNING,
         "The gradient gives the direction; the curvature limits the step."),
    Page("04", "cross_entropy", "Cross-entropy", "the loss", 60, ("01", "02", "03"), (3, 1), LEARNING,
         "Pay −ln of the probability given to the truth."),
    Page("05", "matrix_backprop", "Matrix backprop", "the layers", 60, ("02", "03", "04"), (2, 1), READING,
         "A gradient has the shape of its tensor; the transposes follow."),
    Page("06", "text_to_tensors", "Text to tensors", "the words", 60, ("02", "04", "05"), (0, 1), READING,
         "Tokens become rows of a table; a bag of words loses order, provably."),
    Page("07", "lstm_cell", "The LSTM cell", "the memory", 75, ("02", "04", "05", "06"), (1, 1), READING,
         "A gate decides what to keep; a forget gate near 1 keeps memory and gradient alive."),
    Page("08", "repairing_the_classifier", "Repairing the classifier", "the model", 60,
         ("03", "05", "06", "07"), None, READING,
         "Code that runs can be blind: test properties, not shapes."),
    Page("09", "training_on_gpu", "Training on a GPU", "the training", 80,
         ("03", "04", "06", "07", "08"), None, USING,
         "Choose on validation, report once on test, with an error bar, and know where the time goes."),
    Page("10", "evaluating_and_serving", "Evaluating and serving", "the product", 70,
         ("04", "06", "08", "09"), (4, 0), USING,
         "A model is weights, vocabulary, config, preprocessing and known limits."),
    Page("11", "attention_and_large_models", "Attention and large models", "the large model", 65,
         ("04", "06", "07", "08", "09"), (4, 1), USING,
         "Attention reads all words at once, so positions must be added; "
         "text without labels teaches, and scale makes it pay."),
)  # fmt: skip


class CourseTable:
    """The list of pages as a table; a notebook shows it as Markdown.

    folder: where the links lead from the place where the table is shown, "" beside the pages.
    """

    def __init__(self, folder: str = "") -> None:
        lines = ["| page | key idea | minutes |", "|---|---|---|"]
        for page in PAGES:
            title = f"{page.number} {page.title}"
            shown = f"[{title}]({folder}{page.file})" if page.is_there else f"{title} (in preparation)"
            lines.append(f"| {shown} | {page.idea} | {page.minutes} |")
        self.markdown = "\n".join(lines)

    def __repr__(self) -> str:
        return f"{len(PAGES)} pages"

    def _repr_markdown_(self) -> str:
        return self.markdown


def pages_before(number: str) -> list[str]:
    """Numbers of the pages that this one stands on: those it needs, and those that they need."""
    (page,) = (page for page in PAGES if page.number == number)
    return sorted({number for needed in page.needs for number in (needed, *pages_before(needed))})


def draw_course_map(axes: Axes | None = None) -> Axes:
    """Draw a model as its parts, each a box with its page: forward above, backward below, all in one loop."""
    if axes is None:
        _, axes = plt.subplots(figsize=(11.6, 4.7))
    nodes = {}
    for page in PAGES:
        title = textwrap.fill(page.title, 16)
        if page.place:
            x, y = 2.3 * page.place[0] + 0.4 * (page.place[0] == 4), 2.1 * page.place[1]
            part = f"{page.number}  {page.part}"
            nodes[page.number] = Node(x, y, part, page.stage, note=title, dashed=not page.is_there)
    edges = [Edge("06", "07"), Edge("07", "05"), Edge("05", "04")]
    edges += [Edge(start, end, backward=True) for start, end in (("04", "01"), ("01", "02"), ("02", "03"))]
    draw_graph(nodes, edges, box=(1.95, 0.96), axes=axes)
    for page, corner, width, height, dash in (
        (PAGES[8], (-1.15, 1.42), 6.9, 1.62, "-"),
        (PAGES[9], (-1.4, -0.7), 9.5, 4.3, "--"),
    ):
        frame = Rectangle(corner, width, height, fill=False, edgecolor=COLORS[page.stage])
        frame.set(linewidth=2, linestyle=dash)
        axes.add_patch(frame)
        words = f"{page.number}  {page.part} · {page.title}"
        axes.text(corner[0] + 0.18, corner[1] + height - 0.25, words, fontsize=11, va="center")
    for start, end, color, dash in (
        ((-1.65, 2.1), (-0.98, 2.1), "grey", "-"),
        ((2.3, 0.5), (2.3, 1.4), "red", "--"),
        ((8.12, 2.1), (8.6, 2.1), "grey", "-"),
        ((8.12, 0), (8.6, 0), "grey", "-"),
    ):
        arrow = {"arrowstyle": "-|>", "mutation_scale": 14, "linewidth": 1.6, "linestyle": dash}
        axes.annotate("", end, start, arrowprops=arrow | {"color": COLORS[color], "shrinkA": 0, "shrinkB": 0})
    axes.text(-1.75, 2.1, "a\nreview", fontsize=11, ha="right", va="center")
    axes.text(2.45, 0.95, "new numbers", fontsize=11, va="center")
    axes.text(6.75, 1.05, "how wrong?", fontsize=11, ha="right", va="center")
    for x, y, words in (
        (5.6, 2.79, "how it reads"),
        (1.1, 0, "how it learns"),
        (10.58, 3.35, "what comes of it"),
    ):
        axes.text(x, y, words, fontsize=12, fontweight="bold", ha="right", va="center")
    axes.set(xlim=(-2.5, 10.65), ylim=(-0.8, 3.7))
    return axes
