"""The text of a page for a slide: Markdown and code as HTML, formulas as MathML, and which sentences lead.

Part of `helpers/slides.py`, which says what the slides are; the answer key uses it too.
"""

import html
import math
import re
from functools import cache

import mistune
from latex2mathml.converter import convert
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

CODE_WIDTH = 1150  # pixels that a line of code may take
CODE_LARGE, CODE_SMALL, LETTER, LINE = 23, 18, 0.602, 1.3  # sizes of code; width and height of a letter
BLACK_ON_WHITE = HtmlFormatter(nowrap=True, style="default")


# Markdown, with formulas


class Formulas:
    """Takes the formulas and code of a text out before it is cut or rendered, and puts them back."""

    PARTS = re.compile(
        r"(?P<fence>^```.*?^```)|(?P<code>`[^`\n]+`)|\$\$(?P<display>.+?)\$\$|(?<![\\$])\$(?P<inline>[^$\n]+(?:\n[^$\n]+)?)\$",
        re.DOTALL | re.MULTILINE,
    )

    def __init__(self) -> None:
        self.kept: list[tuple[str, int, str]] = []  # HTML, its letters, how it was typed

    def keep(self, rendered: str, size: int, raw: str = "") -> str:
        self.kept.append((rendered, size, raw))
        return f"\ue000{len(self.kept) - 1}\ue001"

    def out(self, text: str) -> str:
        def one(match: re.Match) -> str:
            kind, body = match.lastgroup, match.group(match.lastgroup)
            if kind == "display":
                return f"\n\n{self.keep(formula(body, 'block'), len(body))}\ue002\n\n"
            if kind == "inline":
                return self.keep(formula(body, "inline"), len(body) // 2, match.group())
            if kind == "code":
                return self.keep(f"<code>{html.escape(body[1:-1])}</code>", len(body), match.group())
            first, *lines = body.splitlines()[:-1]
            source = "\n".join(lines)
            return f"\n\n{self.keep(code_block(source, first[3:].strip() == 'python'), 0)}\ue003\n\n"

        return self.PARTS.sub(one, text)

    def back(self, rendered: str) -> str:
        rendered = re.sub(r"<p>\s*(\ue000\d+\ue001)[\ue002\ue003]\s*</p>", r"\1", rendered)
        rendered = re.sub("[\ue002\ue003]", "", rendered)
        return re.sub(r"\ue000(\d+)\ue001", lambda found: self.kept[int(found.group(1))][0], rendered)

    def as_written(self, text: str) -> str:
        return re.sub(r"\ue000(\d+)\ue001", lambda found: self.kept[int(found.group(1))][2], text)

    def letters(self, text: str) -> int:
        inside = sum(self.kept[int(number)][1] for number in re.findall(r"\ue000(\d+)\ue001", text))
        return inside + len(re.sub(r"\ue000\d+\ue001", "", text))


@cache
def formula(tex: str, display: str) -> str:
    """TeX as MathML; the TeX stands in it as its alternative text."""
    tex = " ".join(tex.split()).replace("{aligned}", "{align*}")
    drawn = convert(tex, display=display).replace("<math ", f'<math aria-label="{html.escape(tex)}" ', 1)
    return re.sub(r"<mi>(ln|log|tanh|exp|max)</mi>", r'<mo lspace="0.17em" rspace="0.14em">\1</mo>', drawn)


def lines_on_slide(text: str) -> int:
    """How many lines a text takes in the small letters of code; what is too long for one is wrapped."""
    letters = CODE_WIDTH // (LETTER * CODE_SMALL)
    return sum(max(1, math.ceil(len(line) / letters)) for line in text.splitlines())


def code_block(source: str, python: bool = True) -> str:
    """Code in the largest letters with which its longest line fits."""
    columns = max(map(len, source.splitlines()), default=0)
    size = max(CODE_SMALL, min(CODE_LARGE, math.floor(CODE_WIDTH / (LETTER * max(columns, 1)))))
    source = re.sub(r"\n{3,}", "\n\n", source)
    shown = highlight(source, PythonLexer(), BLACK_ON_WHITE) if python else html.escape(source)
    return f'<pre class="code" style="--size:{size}px">{shown.rstrip()}</pre>'


def to_html_with(markdown: str, formulas: Formulas) -> str:
    text = re.sub(r"\]\((?!https?:)[^)]*\)", "](#)", markdown)  # other pages are not beside the slides
    shown = mistune.create_markdown(escape=False, plugins=["table"])(text)
    return formulas.back(re.sub(r'<a href="#">(.*?)</a>', r"\1", shown, flags=re.DOTALL))


def to_html(markdown: str) -> str:
    """A whole Markdown text as HTML with its formulas."""
    formulas = Formulas()
    return to_html_with(formulas.out(markdown), formulas)


# What of a cell is shown


def blocks(text: str) -> list[tuple[str, str]]:
    """(kind, text) of the parts of a Markdown text whose formulas have been taken out."""
    folded = re.split(r"(<details>.*?</details>)", text, flags=re.DOTALL)
    found: list[tuple[str, str]] = []
    for part in folded:
        pieces = [part] if part.startswith("<details>") else re.split(r"\n\s*\n", part)
        for piece in filter(None, map(str.strip, pieces)):
            while heading := re.match(r"(#{1,6} .*)\n?", piece):
                found.append(("heading", heading.group(1)))
                piece = piece[heading.end() :].strip()
            if piece:
                found.append((kind_of(piece), piece))
    return found


def kind_of(piece: str) -> str:
    starts = {
        "folded": r"<details>", "list": r"[-*+] |\d+\. ", "table": r"\|", "quote": r">",
        "formula": "\ue000\\d+\ue001\ue002", "code": "\ue000\\d+\ue001\ue003",
        "minutes": r"\*\d+ min[^*]*\*\.?$",
    }  # fmt: skip
    return next((kind for kind, start in starts.items() if re.match(start, piece)), "words")


def sentences(text: str) -> list[str]:
    """A paragraph cut into its sentences; a bold passage stays whole."""
    bold = re.findall(r"\*\*.+?\*\*", " ".join(text.split()))
    rest = re.sub(r"\*\*.+?\*\*", "\ue004", " ".join(text.split()))
    parts = re.split(r"(?<=[.!?])([”\")’*]*) +(?=[A-Z“\"(\[*…'\ue000\ue004])|(?<=\ue004) +(?=[A-Z])", rest)
    joined = [a + (b or "") for a, b in zip(parts[::2], [*parts[1::2], ""], strict=True)]
    return [re.sub("\ue004", lambda _: bold.pop(0), part) for part in joined]


def leading(piece: str, is_first: bool, leads_on: bool) -> str:
    """Of a paragraph what a slide shows: the first sentence of a thought, bold ones, questions, lead-ins."""
    if re.match(r"\*\*(Vote|A vote|Before)", piece) or ("**A show of hands" in piece and "(a)" in piece):
        return piece
    if piece.startswith("("):
        return ""
    parts = sentences(piece)
    names_it = re.fullmatch(r"\*\*[^*]+\.\*\*", parts[0]) and len(parts[0].split()) < 8
    shown = [
        (is_first and (at == 0 or (at == 1 and len(parts[0].split()) < 5)))
        or (leads_on and at == len(parts) - 1 and part.endswith(":"))
        or "**" in part
        or (names_it and at == 1)
        or (re.search(r"\?[*”\")]*$", part) and len(part) > 25)
        for at, part in enumerate(parts)
    ]
    return " ".join(part for part, show in zip(parts, shown, strict=True) if show)
