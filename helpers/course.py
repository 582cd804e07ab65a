"""The pages of the course: what each builds, what it stands on, how long it takes. Page 00 shows it.

This is the one place where the list stands; page 00 and README.md print it, and a test holds them to it.
"""

import textwrap
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from helpers.plotting import Edge, Node, draw_graph

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@dataclass(frozen=True)
class Page:
    """One notebook: its number and name, its key idea, and its place on the map.

    part: what of a large model it builds. minutes: to read, without the exercises. needs: pages whose parts
    it uses. place: column and row of its box on the drawn map. stage: colour of the box.
    """

    number: str
    name: str
    title: str
    part: str
    minutes: int
    needs: tuple[str, ...]
    place: tuple[int, int]
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
    Page("00", "start_here", "Start here", "the map", 15, (), (0, 1), "grey",
         "A large model is made of small parts; each page builds one, measures it and checks it."),
    Page("01", "chain_rule", "The chain rule", "a slope", 45, ("00",), (0, 2), LEARNING,
         "Along a chain, slopes multiply: the slope of the whole is the product of the slopes of its steps."),
    Page("02", "backpropagation", "Backpropagation", "the tape", 75, ("01",), (1, 2), LEARNING,
         "Across paths, slopes add: backpropagation multiplies along each path, adds over all of them, "
         "and still visits every node only once."),
    Page("03", "mean_squared_error", "Mean squared error", "the step", 60, ("02",), (2, 2), LEARNING,
         "The gradient gives the direction; the curvature limits the step."),
    Page("04", "cross_entropy", "Cross-entropy", "the loss", 60, ("03",), (3, 2), LEARNING,
         "Pay −ln of the probability given to the truth."),
    Page("05", "matrix_backprop", "Matrix backprop", "the layers", 60, ("02",), (1, 1), LEARNING,
         "A gradient has the shape of its tensor; the transposes follow."),
    Page("06", "text_to_tensors", "Text to tensors", "the words", 60, ("00",), (0, 0), READING,
         "Tokens become rows of a table; a bag of words loses order, provably."),
    Page("07", "lstm_cell", "The LSTM cell", "the memory", 75, ("05", "06"), (1, 0), READING,
         "A gate decides what to keep; a forget gate near 1 keeps memory and gradient alive."),
    Page("08", "repairing_the_classifier", "Repairing the classifier", "the model", 60, ("07",), (2, 0),
         READING, "Code that runs can be blind: test properties, not shapes."),
    Page("09", "training_on_gpu", "Training on a GPU", "the training", 80, ("04", "08"), (3, 0), USING,
         "Choose on validation, report once on test, with an error bar, and know where the time goes."),
    Page("10", "evaluating_and_serving", "Evaluating and serving", "the product", 70, ("09",), (4, 0), USING,
         "A model is weights, vocabulary, config, preprocessing and known limits."),
    Page("11", "attention_and_large_models", "Attention and large models", "the large model", 65,
         ("04", "09"), (4, 1), USING, "Attention reads all words at once, so positions must be added; "
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


def draw_course_map(axes: Axes | None = None) -> Axes:
    """Draw the pages as boxes, each with the part it builds; an arrow leads to each page that uses it."""
    if axes is None:
        _, axes = plt.subplots(figsize=(10, 4.7))
    nodes, edges = {}, []
    for page in PAGES:
        x, y = 2.25 * page.place[0], 1.6 * page.place[1]
        part, title = f"{page.number}  {page.part}", textwrap.fill(page.title, 16)
        nodes[page.number] = Node(x, y, part, page.stage, note=title, dashed=not page.is_there)
        edges += [Edge(needed, page.number) for needed in page.needs]
    draw_graph(nodes, edges, box=(1.9, 0.96), axes=axes)
    captions = (
        (-0.95, 3.86, "how it learns"),
        (-0.95, -0.68, "how it reads"),
        (5.8, -0.68, "what comes of it"),
    )
    for x, y, words in captions:
        axes.text(x, y, words, fontsize=12, fontweight="bold", va="center")
    axes.set_ylim(-0.85, 4.05)
    return axes
