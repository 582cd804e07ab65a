"""A page of the course as slides: one self-contained HTML file that asks no network for anything.

Formulas become MathML, which browsers draw by themselves; pictures are the stored ones, as data; what turns
the slides is a script of a few dozen lines in `slides.html`. What is a slide stands in the page's own cell
metadata (`slideshow.slide_type`, as Jupyter keeps it): slide, subslide, fragment, skip. How much of a cell is
shown is decided here: of prose the sentence that leads, the bold ones and the questions, with every formula,
list and table (`slide_text.py`). The rest goes into the speaker's notes.
"""

import base64
import html
import math
import re
from dataclasses import dataclass, field
from importlib import resources
from itertools import pairwise

from nbformat import NotebookNode

from helpers.slide_text import (
    BLACK_ON_WHITE,
    CODE_LARGE,
    CODE_SMALL,
    CODE_WIDTH,
    LETTER,
    LINE,
    Formulas,
    blocks,
    code_block,
    leading,
    lines_on_slide,
    sentences,
    to_html,
    to_html_with,
)

SHOWN, HIDDEN = ("slide", "subslide", "fragment"), ("skip", "notes")
FOLDED_ROLES = ("stub", "check", "hints", "solution")  # cells of an exercise that no slide shows

WIDTH, HEIGHT = 1200, 590  # what a slide of 1280 × 720 has for its parts, in pixels
TEXT_LETTERS, TEXT_LINE, GAP = 82, 40, 12  # letters in a line of text, its height, space between parts
MOST_LINES = 21  # of an output
ROUNDS = "<p class=rounds>vote alone → convince your neighbour → vote again</p>"
NOBODY = re.compile(  # what a page says to a reader who has not guessed
    r"[| ]*[Yy]ou (said|\w+ed)\b[^\n;]*(no guess yet|nothing|not yet)( yet| will hold| -)?[;,:]? ?\n?"
)
ANSI = re.compile(r"\x1b\[[0-9;]*m")


# What is a slide


def slide_type(cell: NotebookNode, before: NotebookNode | None, after: NotebookNode | None) -> str:
    """The rule by which a cell that has no slide type yet gets one.

    before: the shown cell before it. after: the next cell of the page.
    """
    role = cell.metadata.get("course", {}).get("role")
    if role in FOLDED_ROLES:
        return "skip"
    if cell.cell_type == "markdown":
        if re.match(r"#{1,2} ", cell.source):
            return "skip" if "\n*0 minutes" in cell.source else "slide"
        return "skip" if cell.source.lstrip().startswith("<details") else "subslide"
    if re.search(r"^((my_)?guess\w*|my_vote) = |\b(interact|VBox)\(", cell.source, re.M):
        return "skip"  # for one reader at a keyboard
    if not cell.outputs and re.match(r"(import|from) ", cell.source):
        return "skip"
    prepares = not cell.outputs and after is not None and picture(after)
    if prepares and ("axes" in cell.source or not re.search(r"^(def|class) ", cell.source, re.M)):
        return "skip"  # it only prepares what the next cell draws
    was_loose = before is not None and "nbval-ignore-output" in before.metadata.get("tags", [])
    if was_loose and "assert " in cell.source and cell.source.count("\n") < 4:
        return "skip"  # it only holds what the cell before has shown
    follows_words = before is not None and before.cell_type == "markdown" and not picture(cell)
    return "fragment" if follows_words else "subslide"


def mark(page: NotebookNode) -> int:
    """Give every cell without a slide type the one of the rule; returns how many got one."""
    before, marked = None, 0
    for cell, after in zip(page.cells, [*page.cells[1:], None], strict=True):
        show = cell.metadata.setdefault("slideshow", {})
        if "slide_type" not in show:
            show["slide_type"] = slide_type(cell, before, after)
            marked += 1
        before = cell if show["slide_type"] in SHOWN else before
    return marked


def picture(cell: NotebookNode) -> str | None:
    """The PNG that a cell has drawn, as base64."""
    found = [output.data.get("image/png") for output in cell.get("outputs", []) if "data" in output]
    return next((png.replace("\n", "") for png in reversed(found) if png), None)


# The deck


@dataclass
class Slide:
    """What one slide shows, and what its speaker reads. parts: (HTML, height in pixels, appears on a key)."""

    section: str
    title: str
    kind: str = ""
    minutes: int = 0
    exercise: str = ""
    parts: list[tuple[str, int, bool]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def height(self) -> int:
        return sum(height + GAP for _, height, _ in self.parts)

    def comments_fit(self, after: "Slide") -> bool:
        """Whether the sentence of the slide after this one may stand below this one's output."""
        ends_with_output = bool(self.parts) and 'class="out"' in self.parts[-1][0]
        return ends_with_output and self.title == after.title and self.height + after.height <= HEIGHT


class Deck:
    """The slides of one page; reads its cells in order."""

    def __init__(self, page: NotebookNode) -> None:
        self.slides: list[Slide] = []
        self.section = self.title = ""  # of the last H2, of the last heading that is no exercise's
        shown = [cell for cell in page.cells if cell.metadata.get("slideshow", {}).get("slide_type") in SHOWN]
        for before, cell, after in zip([None, *shown], shown, [*shown[1:], None], strict=False):
            if cell.cell_type == "markdown":
                under_picture = before is not None and picture(before) is not None
                self.words(cell, under_picture, after is not None and after.cell_type == "code")
            else:
                self.code(cell)
        self.join_lonely_sentences()

    def new(self, kind: str = "", notes: str = "") -> Slide:
        self.slides.append(Slide(self.section, self.title, kind, notes=[notes] if notes else []))
        return self.slides[-1]

    def add(self, rendered: str, height: int, step: bool = False) -> None:
        """Put a part on the last slide, or on a further one if it is full."""
        last = self.slides[-1]
        if last.parts and last.height + height > HEIGHT * 1.04:
            more = Slide(last.section, last.title, last.kind, last.minutes, last.exercise, notes=last.notes)
            while len(last.parts) > 1 and re.search(r"(:</p>|</h\d>)\s*$", last.parts[-1][0]):
                more.parts.insert(0, last.parts.pop())  # a lead-in or a heading goes along
            self.slides.append(more)
            step = False
        self.slides[-1].parts.append((rendered, height, step))

    def join_lonely_sentences(self) -> None:
        """A sentence alone on a slide goes to what it introduces (it ends with a colon) or comments on."""
        kept: list[Slide] = []
        for slide, after in zip(self.slides, [*self.slides[1:], None], strict=True):
            lonely = not slide.kind and len(slide.parts) == 1 and slide.parts[0][1] < 4 * TEXT_LINE
            lonely = lonely and re.match(r"<p>(?!.*(<strong>|\?</p>))", slide.parts[0][0], re.DOTALL)
            leads = lonely and slide.parts[0][0].rstrip().endswith(":</p>")
            if leads and after and after.parts and after.title == slide.title and "<img" in after.parts[0][0]:
                after.parts[:0], after.notes[:0] = slide.parts, slide.notes
            elif lonely and not leads and kept and kept[-1].comments_fit(slide):
                words, height, _ = slide.parts[0]
                kept[-1].parts.append((f'<div class="caption">{words}</div>', height, kept[-1].parts[-1][2]))
                kept[-1].notes += slide.notes
            else:
                kept.append(slide)
        self.slides = kept

    def words(self, cell: NotebookNode, under_picture: bool, before_code: bool) -> None:
        course = cell.metadata.get("course", {})
        formulas = Formulas()
        parts = blocks(formulas.out(cell.source))
        if parts[0][1].startswith("# "):
            return self.opening(parts, cell.source, formulas)
        if under_picture and parts[0][0] == "words":
            _, piece = parts.pop(0)
            self.slides[-1].notes.append(cell.source)
            self.slides[-1].parts.append(
                (f'<div class="caption">{to_html_with(sentences(piece)[0], formulas)}</div>', 70, False)
            )
        opened, first = False, not under_picture  # a picture has its sentence already
        for at, (kind, piece) in enumerate(parts):
            if kind == "heading":
                self.heading(formulas.as_written(piece), cell, course)
                opened, first = True, True
                continue
            following = parts[at + 1][0] if at + 1 < len(parts) else "code" if before_code else ""
            shown = self.shown(kind, piece, formulas, first, following, bool(course))
            if kind == "words":
                first = False
            for part in shown:
                if not opened:
                    self.new(notes=cell.source)
                    opened = True
                self.add(*part)
        return None

    def opening(self, parts: list[tuple[str, str]], source: str, formulas: Formulas) -> None:
        self.title = parts[0][1].lstrip("# ")
        self.section = "opening"
        first = self.new("title", source)
        quote = next(piece for kind, piece in parts if kind == "quote")
        first.parts.append((to_html_with(quote, formulas), 200, False))
        self.title = "After this page you will be able to"
        for (_, before), (kind, piece) in pairwise(parts):
            if kind == "list" and "ou will be able to" in before:
                self.new().parts.append((to_html_with(piece, formulas), 400, False))

    def heading(self, piece: str, cell: NotebookNode, course: dict) -> None:
        words = piece.lstrip("# ")
        if piece.startswith("## "):
            self.section = words
        if "exercise" not in course:
            self.title = words
        slide = self.new("section" if piece.startswith("## ") else course.get("kind", ""), cell.source)
        slide.title = words
        minutes = re.search(rf"{re.escape(piece)}\n+\*(\d+) min", cell.source)
        slide.minutes = course.get("minutes", int(minutes.group(1)) if minutes else 0)
        slide.exercise = course.get("exercise", "")

    def shown(
        self, kind: str, piece: str, formulas: Formulas, first: bool, following: str, whole: bool
    ) -> list[tuple[str, int]]:
        """A block of Markdown as parts of a slide; none where only the notes hold it."""
        if kind == "minutes" or (whole and re.match(r"\*[\w-]+ · \d+ min", piece)):
            return []
        if kind == "folded":
            question = re.search(r"<summary>(.*?)</summary>", piece, re.DOTALL).group(1)
            if not self.title.startswith("Before you start"):
                return []
            height = 30 + self.text_height(question, formulas)
            return [(f'<div class="recall">{to_html_with(question, formulas)}</div>', height)]
        if kind == "words" and not whole:
            piece = leading(
                re.sub(r"^\*\d+ min[^*]*\*\.?\s*", "", piece), first, following not in ("", "words")
            )
            if not piece:
                return []
        if kind == "table":
            return self.table(piece, formulas)
        rendered = to_html_with(piece, formulas)
        height = 15 + self.text_height(piece, formulas)
        if kind == "formula":
            rendered = f'<div class="formula">{rendered}</div>'
            height = 60 + 50 * rendered.count("<mtr") + 25 * min(2, rendered.count("<mfrac"))
        elif kind == "code":
            height = 20 + round(LINE * CODE_LARGE * (1 + rendered.count("\n")))
        elif kind == "list":
            height = sum(self.text_height(line, formulas) for line in re.split(r"\n(?=\S)", piece))
        return [(rendered, height)]

    def table(self, piece: str, formulas: Formulas) -> list[tuple[str, int]]:
        """A table in as many parts as it takes slides, each with the head."""
        head, ruler, *rows = piece.splitlines()
        parts, room = [[]], HEIGHT - 110
        for row in rows:
            tall = 42 * math.ceil(formulas.letters(row) / 105)
            if tall > room:
                parts.append([])
                room = HEIGHT - 110
            parts[-1].append(row)
            room -= tall
        texts = ["\n".join([head, ruler, *part]) for part in parts]
        heights = [60 + sum(42 * math.ceil(formulas.letters(row) / 105) for row in part) for part in parts]
        return [(to_html_with(text, formulas), height) for text, height in zip(texts, heights, strict=True)]

    def text_height(self, text: str, formulas: Formulas) -> int:
        return TEXT_LINE * max(1, math.ceil(formulas.letters(text) / TEXT_LETTERS))

    def fits(self, height: int) -> bool:
        """Whether a code cell may stand on the last slide: beside its words, never beside an exercise."""
        last = self.slides[-1]
        return not last.exercise and last.height + height <= HEIGHT

    def code(self, cell: NotebookNode) -> None:
        drawn = picture(cell)
        source = cell.source.rstrip().removesuffix(";")
        lines = lines_on_slide(re.sub(r"\n{3,}", "\n\n", source))
        code = "" if drawn or "hide-input" in cell.metadata.get("tags", []) else code_block(source)
        height = 24 + round(lines * LINE * (CODE_SMALL + 2)) if code else 0
        continues = cell.metadata["slideshow"]["slide_type"] == "fragment" and self.fits(height)
        if not continues:
            self.new()
        if code:
            self.slides[-1].parts.append((code, height, False))
        for output in cell.outputs:
            if "text/markdown" in output.get("data", {}):
                formulas = Formulas()
                for kind, piece in blocks(formulas.out(output.data["text/markdown"])):
                    for part in self.shown(kind, piece, formulas, first=False, following="", whole=True):
                        self.add(*part)
                continue
            for rendered, tall in shown_output(output):
                self.add(rendered, tall, step=bool(code) and not drawn)


def shown_output(output: NotebookNode) -> list[tuple[str, int]]:
    """An output as (HTML, height): the picture, the table, or the text."""
    if output.output_type == "error":
        text = f"{output.ename}: {output.evalue}"
    elif output.output_type == "stream":
        text = output.text
    elif "image/png" in output.data:
        data = output.data["image/png"].replace("\n", "")
        width, tall = (int.from_bytes(base64.b64decode(data[:64])[at : at + 4]) for at in (16, 20))
        alt = html.escape(output.metadata.get("image/png", {}).get("alt", "figure"))
        image = f'<img alt="{alt}" src="data:image/png;base64,{data}">'
        return [(image, min(470, round(tall * WIDTH / width)))]
    elif "text/html" in output.data:
        table = re.sub(r"<style.*?</style>", "", output.data["text/html"], flags=re.DOTALL)
        return [(f'<div class="result">{table}</div>', 36 * table.count("<tr"))]
    else:
        text = output.data.get("text/plain", "")
    text = NOBODY.sub("", ANSI.sub("", text)).strip("\n")
    if not text:
        return []
    while lines_on_slide(text) > MOST_LINES:  # the rest is in the notebook
        text = text.removesuffix("\n…").rpartition("\n")[0] + "\n…"
    columns = max(map(len, text.splitlines()))
    size = max(CODE_SMALL, min(CODE_LARGE - 1, math.floor(CODE_WIDTH / (LETTER * columns))))
    height = 24 + round(lines_on_slide(text) * LINE * min(size, CODE_SMALL + 2))
    return [(f'<pre class="out" style="--size:{size}px">{html.escape(text)}</pre>', height)]


# The file


def slides_html(page: NotebookNode, wanted: set[str] | None = None) -> str:
    """The whole file. wanted: titles of sections and ids of exercises; None takes all.

    Cells without a slide type get the one of the rule, for this file.
    """
    mark(page)
    slides = Deck(page).slides
    name = slides[0].title
    if wanted is not None:
        slides = [
            slide
            for slide in slides
            if slide.section == "opening"
            or (slide.exercise or slide.section) in wanted
            or "question for the next page" in "".join(part for part, _, _ in slide.parts)
        ]
    shown = "\n".join(one_slide(slide, name) for slide in slides if slide.parts or slide.kind == "section")
    template = resources.files(__package__).joinpath("slides.html").read_text(encoding="utf-8")
    parts = {
        "TITLE": html.escape(name),
        "CODE_STYLE": BLACK_ON_WHITE.get_style_defs(".code"),
        "SLIDES": shown,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found.group(1)], template)


def one_slide(slide: Slide, name: str) -> str:
    parts = [
        f'<div class="part{" step" if step else ""}">{rendered}</div>' for rendered, _, step in slide.parts
    ]
    lone = not slide.kind and slide.height <= 5 * TEXT_LINE and "<pre" not in "".join(parts)
    label = f"{slide.kind} · {slide.minutes} min" if slide.exercise else f"{slide.minutes} min"
    badge = f'<span class="minutes" data-minutes="{slide.minutes}">{label}</span>' if slide.minutes else ""
    level = "h1" if slide.kind == "title" else "h2"
    title = f"<header><{level}>{to_html(slide.title).strip()[3:-4]}</{level}>{badge}</header>"
    voting = ROUNDS if slide.kind == "vote" else ""
    notes = "\n".join(to_html(without_answers(text)) for text in dict.fromkeys(slide.notes))
    foot = name if slide.section == "opening" else f"{name} — {slide.section}"
    kind = slide.kind + " lone" * lone
    return (
        f'<section class="slide {kind}" data-section="{html.escape(slide.section)}">{title}'
        f'<div class="body">{"".join(parts)}{voting}</div>'
        f"<footer>{to_html(foot).strip()[3:-4]}</footer><aside>{notes}</aside></section>"
    )


def without_answers(text: str) -> str:
    """A cell's text for the speaker's notes: what it folds stays only where it recalls earlier pages."""
    if text.lstrip().startswith("## Before you start"):
        return text
    return re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)
