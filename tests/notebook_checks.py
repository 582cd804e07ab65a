"""What a stored page must be: each function takes a notebook and returns complaints, none if all is well.

`test_notebooks.py` asks them of every page, `test_notebook_checks.py` of small broken notebooks, so that each
of them is known to be able to fail.
"""

import ast
import base64
import re
from itertools import pairwise
from pathlib import Path

import nbformat
from nbformat import NotebookNode

KNOWN_TAGS = {"nbval-ignore-output", "raises-exception", "exercise-setup", "hide-input"}
IGNORED = "nbval-ignore-output"
MOST_LINES = 30
MOST_BYTES = 1_500_000
MOST_IGNORED = 0.2  # of the code cells of a page
KEY_IDEA_WORDS = 25

ANSI = re.compile(r"\x1b\[[0-9;]*m")
TIMING = re.compile(
    r"\d ?(?:s|ms|µs|μs|us|ns|secs?|seconds?)\b|\b(?:tokens|words|reviews|samples|batches|it)/s\b|Wall time",
    re.IGNORECASE,
)
MACHINE = re.compile(
    r"/home/|/Users/|/root/|/tmp/|/work/|/var/folders/|/mnt/|[A-Za-z]:\\|(?:site|dist)-packages|ipykernel_\d|~/\."
)


# Reading a page


def cells(page: NotebookNode, kind: str) -> list[NotebookNode]:
    """Its cells of this kind ("code", "markdown")."""
    return [cell for cell in page.cells if cell.cell_type == kind]


def tags(cell: NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))


def output_texts(cell: NotebookNode) -> list[str]:
    """Everything a reader can read in the outputs of a cell."""
    texts = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            texts.append(output.text)
        elif output.output_type == "error":
            texts += [f"{output.ename}: {output.evalue}", ANSI.sub("", "\n".join(output.traceback))]
        else:
            texts += [body for mime, body in output.data.items() if mime.startswith(("text/", "image/svg"))]
    return texts


def without_code(markdown: str) -> str:
    """Markdown without its fenced code blocks."""
    return re.sub(r"^```.*?^```[ \t]*$", "", markdown, flags=re.DOTALL | re.MULTILINE)


def headings(cell: NotebookNode) -> list[tuple[int, str]]:
    """(level, words) of the headings of a Markdown cell."""
    found = re.findall(r"^(#{1,6})\s+(.*?)\s*#*$", without_code(cell.source), flags=re.MULTILINE)
    return [(len(marks), words) for marks, words in found]


def name(cell: NotebookNode) -> str:
    return f"cell {cell.get('id', '?')}"


# As it was run


def stored_as_run_top_to_bottom(page: NotebookNode) -> list[str]:
    code = cells(page, "code")
    complaints = [f"{name(cell)} is empty" for cell in code if not cell.source.strip()]
    for count, cell in enumerate(code, 1):
        if cell.execution_count != count:
            complaints.append(f"{name(cell)} has execution count {cell.execution_count}, expected {count}")
        for output in cell.outputs:
            if output.output_type == "execute_result" and output.execution_count != count:
                complaints.append(f"{name(cell)} holds an output of run {output.execution_count}")
    return complaints


def errors_are_announced(page: NotebookNode) -> list[str]:
    complaints = []
    for cell in cells(page, "code"):
        raised = any(output.output_type == "error" for output in cell.outputs)
        announced = "raises-exception" in tags(cell)
        if raised and not announced:
            complaints.append(f"{name(cell)} stopped with an error and has no tag raises-exception")
        if announced and not raised:
            complaints.append(f"{name(cell)} has the tag raises-exception and raised nothing")
    return complaints


def tags_are_known(page: NotebookNode) -> list[str]:
    return [
        f"{name(cell)} has unknown tags {tags(cell) - KNOWN_TAGS}"
        for cell in page.cells
        if tags(cell) - KNOWN_TAGS
    ]


def nothing_on_stderr(page: NotebookNode) -> list[str]:
    return [
        f"{name(cell)} wrote to stderr: {output.text[:80]!r}"
        for cell in cells(page, "code")
        for output in cell.outputs
        if output.output_type == "stream" and output.name == "stderr"
    ]


def compared_cells_print_no_timings(page: NotebookNode) -> list[str]:
    complaints = []
    for cell in cells(page, "code"):
        if IGNORED not in tags(cell):
            for text in output_texts(cell):
                complaints += [
                    f"{name(cell)} prints a timing: {found.group()!r}" for found in TIMING.finditer(text)
                ]
    return complaints


def no_machine_paths(page: NotebookNode) -> list[str]:
    places = (str(Path.home()) + "/", str(Path(__file__).parents[1]))
    complaints = []
    for cell in page.cells:
        for text in (cell.source, *output_texts(cell)):
            found = MACHINE.search(text)
            if found or any(len(place) > 2 and place in text for place in places):
                complaints.append(
                    f"{name(cell)} shows a path of the machine it ran on: {found and found.group()}"
                )
    return complaints


def no_widget_state(page: NotebookNode) -> list[str]:
    complaints = ["metadata.widgets is stored"] if "widgets" in page.metadata else []
    for cell in cells(page, "code"):
        if any(
            "application/vnd.jupyter.widget-view+json" in output.get("data", {}) for output in cell.outputs
        ):
            complaints.append(f"{name(cell)} stores a widget")
        if "execution" in cell.metadata:
            complaints.append(f"{name(cell)} stores when it was run")
    return complaints


def kernel_is_plain_python(page: NotebookNode) -> list[str]:
    complaints = []
    if page.metadata.get("kernelspec", {}).get("name") != "python3":
        complaints.append(f"kernelspec is {page.metadata.get('kernelspec')}, expected python3")
    if "version" in page.metadata.get("language_info", {}):
        complaints.append("language_info names a Python version")
    return complaints


def format_is_valid(page: NotebookNode) -> list[str]:
    if (page.nbformat, page.nbformat_minor) != (4, 5):
        return [f"format is {page.nbformat}.{page.nbformat_minor}, expected 4.5"]
    ids = [cell.id for cell in page.cells]
    if len(set(ids)) < len(ids):
        return [f"cell id {one!r} is used {ids.count(one)} times" for one in set(ids) if ids.count(one) > 1]
    try:
        nbformat.validate(page)
    except nbformat.ValidationError as problem:
        return [str(problem).splitlines()[0]]
    numbers_only = [cell.id for cell in page.cells if not re.fullmatch(r"\d\d-[a-z0-9-]+", cell.id)]
    return [f"cell id {one!r} is not of the form 01-what-it-does" for one in numbers_only]


def file_is_small(page: NotebookNode) -> list[str]:
    size = len(nbformat.writes(page).encode())
    return [f"{size:,} bytes, at most {MOST_BYTES:,} are allowed"] if size > MOST_BYTES else []


# What is compared when it runs again


def ignored_cells_are_followed_by_a_compared_one(page: NotebookNode) -> list[str]:
    complaints = []
    code = cells(page, "code")
    for cell, after in zip(code, [*code[1:], None], strict=True):
        if IGNORED not in tags(cell):
            continue
        if after is None or IGNORED in tags(after):
            complaints.append(f"{name(cell)} is not compared, and no compared cell follows it")
        elif not after.outputs and "assert" not in after.source:
            complaints.append(
                f"{name(cell)} is not compared, and {name(after)} after it neither prints nor asserts"
            )
    return complaints


def ignored_share(page: NotebookNode) -> tuple[int, int]:
    """(cells not compared, all code cells)"""
    code = cells(page, "code")
    return sum(IGNORED in tags(cell) for cell in code), len(code)


def few_cells_are_ignored(page: NotebookNode) -> list[str]:
    ignored, all_of_them = ignored_share(page)
    if ignored > MOST_IGNORED * all_of_them:
        return [f"{ignored} of {all_of_them} code cells are not compared, at most {MOST_IGNORED:.0%} may be"]
    return []


# How it reads


def cells_are_short(page: NotebookNode) -> list[str]:
    lengths = {
        name(cell): sum(bool(line.strip()) for line in cell.source.splitlines())
        for cell in cells(page, "code")
    }
    return [
        f"{cell} has {lines} lines, at most {MOST_LINES}"
        for cell, lines in lengths.items()
        if lines > MOST_LINES
    ]


def no_magics(page: NotebookNode) -> list[str]:
    return [
        f"{name(cell)} uses a shell line or a magic: {line.strip()!r}"
        for cell in cells(page, "code")
        for line in cell.source.splitlines()
        if re.match(r"\s*(?:!|%{1,2}[a-z])", line)
    ]


def headings_are_in_order(page: NotebookNode) -> list[str]:
    found = [heading for cell in cells(page, "markdown") for heading in headings(cell)]
    levels = [level for level, _ in found]
    complaints = []
    if levels.count(1) != 1 or levels[0] != 1:
        complaints.append(
            f"expected one H1, at the top; found {[words for level, words in found if level == 1]}"
        )
    for (before, _), (level, words) in pairwise(found):
        if level > before + 1:
            complaints.append(f"heading {words!r} skips a level (H{before}, then H{level})")
    return complaints


def figures_are_followed_by_a_sentence(page: NotebookNode) -> list[str]:
    complaints = []
    for cell, after in zip(page.cells, [*page.cells[1:], None], strict=True):
        mimes = {mime for output in cell.get("outputs", []) for mime in output.get("data", {})}
        if not mimes & {"image/png", "image/svg+xml", "image/jpeg"}:
            continue
        first = (
            (after.source if after is not None and after.cell_type == "markdown" else "")
            .strip()
            .split("\n\n")[0]
        )
        if (
            re.match(r"#|[-*+] |<|\||\d+\. |```|!\[", first)
            or len(first.split()) < 5
            or not re.search(r"[.:?!]", first)
        ):
            complaints.append(
                f"{name(cell)} draws a figure; the next cell must begin with a sentence on what to see"
            )
    return complaints


def figures_can_be_seen(page: NotebookNode) -> list[str]:
    """A stored PNG is a whole picture of a size that fits a page."""
    complaints = []
    for cell in cells(page, "code"):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                picture = base64.b64decode(output.data["image/png"])
                width, height = (int.from_bytes(picture[i : i + 4]) for i in (16, 20))
                if picture[:8] != b"\x89PNG\r\n\x1a\n" or not (
                    200 <= width <= 1400 and 100 <= height <= 1600
                ):
                    complaints.append(f"{name(cell)} draws a figure of {width} × {height} pixels")
    return complaints


def opening(page: NotebookNode) -> str:
    """The Markdown before the first section."""
    parts = []
    for cell in cells(page, "markdown"):
        if any(level == 2 for level, _ in headings(cell)):
            break
        parts.append(cell.source)
    return "\n\n".join(parts)


def key_ideas(page: NotebookNode) -> list[str]:
    """The sentences marked as key idea, in the order of the page: `> **Key idea.** Slopes multiply.`"""
    text = "\n\n".join(cell.source for cell in cells(page, "markdown"))
    found = re.findall(r"^> \*\*Key idea\.?\*\*\.?\s*(.+(?:\n> .+)*)", text, flags=re.MULTILINE)
    return [" ".join(idea.replace("\n> ", " ").split()) for idea in found]


def key_idea_stands_at_top_and_end(page: NotebookNode) -> list[str]:
    ideas = key_ideas(page)
    if len(ideas) != 2 or ideas[0] != ideas[1]:
        return [f"expected the same line `> **Key idea.** …` at the top and at the end; found {ideas}"]
    if len(ideas[0].split()) > KEY_IDEA_WORDS:
        return [f"the key idea has {len(ideas[0].split())} words, at most {KEY_IDEA_WORDS}"]
    return [] if "**Key idea" in page.cells[0].source else ["the key idea is not in the first cell"]


def opening_says_what_to_expect(page: NotebookNode) -> list[str]:
    text = opening(page).lower()
    wanted = ("you will be able to", "you need", "minutes to read", "to run", "45-minute")
    return [f"the opening does not say {words!r}" for words in wanted if words not in text]


def sections_say_their_minutes(page: NotebookNode) -> list[str]:
    complaints = []
    for cell in cells(page, "markdown"):
        parts = re.split(r"^##\s+(.*)$", without_code(cell.source), flags=re.MULTILINE)
        for title, body in zip(parts[1::2], parts[2::2], strict=True):
            start = title + " ".join(body.strip().splitlines()[:2])
            if not re.search(r"\d+ min", start):
                complaints.append(f"section {title!r} does not begin with its minutes, as in *8 minutes*")
    return complaints


# Numbers in prose

NUMBER = re.compile(r"(?<![\w.])(?:\d{1,3}(?:,\d{3})+|\d+)\.\d+(?:[eE][-+]?\d+)?(?!\d|\.\d)")
IN_OUTPUT = re.compile(r"(?:\d{1,3}(?:[,_]\d{3})+(?:\.\d+)?|\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
POWER = re.compile(r"^\s*(?:×|·|\\times|\\cdot)\s*10(?:\^\{?([-−]?\d+)\}?|([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))")
SUPERSCRIPT = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
NOT_A_QUANTITY = re.compile(
    r"https?://\S+"  # addresses
    r"|\]\([^)]*\)"  # targets of links
    r"|arXiv:\s?\d+\.\d+|doi:\S+|\b10\.\d{4}/\S+"  # references
    r"|(?:Python|PyTorch|torch|CUDA|version|CC BY(?:-SA)?)\s+\d+\.\d+[\d.]*"  # versions
    r"|[Ee]xercises?\s+\d\d\.\d(?:\s*(?:,|and|to|–)\s*\d\d\.\d)*",  # exercises
    re.IGNORECASE,
)


def _value(text: str) -> float:
    return float(text.replace(",", "").replace("_", "").rstrip("."))


def numbers_in_prose(page: NotebookNode) -> list[tuple[str, str, float]]:
    """(cell, as written, power of ten after it) of each decimal number outside code blocks."""
    found = []
    for cell in cells(page, "markdown"):
        text = NOT_A_QUANTITY.sub(" ", without_code(cell.source)).replace("{,}", ",")
        for match in NUMBER.finditer(text):
            power = POWER.match(text[match.end() :].replace("$", "", 1))
            exponent = (power.group(1) or power.group(2)).translate(SUPERSCRIPT) if power else "0"
            percent = -2 if re.match(r"\s*\\?%", text[match.end() :]) else 0
            found.append((name(cell), match.group(), int(exponent.replace("−", "-")) + percent))
    return found


def holds(printed: list[float], quoted: str, power: int) -> bool:
    """Whether a printed number, rounded as the quoted one is, is the quoted one (signs aside).

    A percentage may be printed as a percentage or as a share.
    """
    mantissa, _, exponent = quoted.lower().partition("e")
    places = len(mantissa.split(".")[1])
    unit = 10.0 ** (-places + int(exponent or 0))
    value = _value(quoted)
    scales = {1.0, 10.0**power} if power == -2 else {10.0**power}
    return any(abs(number / scale - value) <= unit * 0.5001 for number in printed for scale in scales)


def numbers_in_prose_are_held_by_a_cell(page: NotebookNode) -> list[str]:
    printed = [
        _value(number)
        for cell in cells(page, "code")
        for text in (cell.source, *output_texts(cell))
        for number in IN_OUTPUT.findall(text)
    ]
    return [
        f"{cell} says {quoted}{f' · 10^{power}' if power else ''}, which no code cell of the page holds"
        for cell, quoted, power in numbers_in_prose(page)
        if not holds(printed, quoted, power)
    ]


# Links


def anchors(page: NotebookNode) -> set[str]:
    """What `#…` may point to: headings as JupyterLab names them, and explicit ids."""
    found = set()
    for cell in cells(page, "markdown"):
        found |= {re.sub(r"[*_`]", "", words).replace(" ", "-") for _, words in headings(cell)}
        found |= set(re.findall(r"""<\w+ [^>]*\bid=["']([^"']+)["']""", cell.source))
    return found


def links_lead_somewhere(page: NotebookNode, folder: Path) -> list[str]:
    """Links to files beside the page and to places in pages; addresses on the web are not followed."""
    complaints = []
    for cell in page.cells:
        texts = [without_code(cell.source)] if cell.cell_type == "markdown" else output_texts(cell)
        for target in (link for text in texts for link in re.findall(r"\]\(<?([^)\s>]+)>?\)", text)):
            if re.match(r"[a-z]+:", target):
                continue
            file, _, anchor = target.partition("#")
            place = folder / file
            if file and not place.exists():
                complaints.append(f"{name(cell)} links to {target}, and there is no such file")
            elif anchor and (not file or file.endswith(".ipynb")):
                there = nbformat.read(place, as_version=4) if file else page
                if anchor not in anchors(there):
                    complaints.append(f"{name(cell)} links to {target}, and there is no such place")
    return complaints


EMPTY_WORDS = {
    "here",
    "this",
    "link",
    "this link",
    "click here",
    "there",
    "page",
    "this page",
    "more",
    "see here",
}


def links_say_where_they_lead(page: NotebookNode) -> list[str]:
    """Who hears a page may hear its links alone: "here" or an address says nothing."""
    return [
        f"{name(cell)} has a link that says {words!r}: say what it leads to"
        for cell in cells(page, "markdown")
        for words in re.findall(r"(?<!!)\[([^\]]*)\]\([^)]*\)", without_code(cell.source))
        if re.sub(r"[*`.]", "", words).strip().lower() in EMPTY_WORDS | {""} or "://" in words
    ]


def sliders_follow_a_still_picture(page: NotebookNode) -> list[str]:
    """A slider is not stored: on GitHub, and in print, the picture or print before it is all there is."""
    complaints, code = [], cells(page, "code")
    for number, cell in enumerate(code):
        if re.search(r"^(?:@(?:\w+\.)?)?interact\b", cell.source, flags=re.MULTILINE):
            before = code[number - 1].outputs if number else []
            if not any(
                output.output_type in ("stream", "display_data", "execute_result") for output in before
            ):
                complaints.append(f"{name(cell)} is a slider, and the cell before it shows nothing")
    return complaints


# Exercises that are done later


def bound_names(source: str) -> set[str]:
    """Names that running this code gives a value, outside of functions and comprehensions."""
    found, inside = set(), (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

    def walk(node: ast.AST) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif not isinstance(node, inside):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                found.add(node.id)
            for child in ast.iter_child_nodes(node):
                walk(child)

    walk(ast.parse(source))
    return found


def checks_find_what_they_compare_with(page: NotebookNode) -> list[str]:
    """A reader may do an exercise when the whole page has run: what its check reads must still be there.

    The names of the answer itself are free, as the reader runs the stub again; all others are bound once.
    """
    complaints, code = [], cells(page, "code")
    for number, cell in enumerate(code):
        course = cell.metadata.get("course", {})
        if course.get("role") != "check":
            continue
        own = [one for one in code if one.metadata.get("course", {}).get("exercise") == course["exercise"]]
        nodes = ast.walk(ast.parse(cell.source))
        read = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        read = read.difference(*(bound_names(one.source) for one in own))
        complaints += [
            f"{name(cell)} reads {', '.join(sorted(again))}, bound again in {name(later)}"
            for later in code[number + 1 :]
            if (again := read & bound_names(later.source))
        ]
    return complaints


# Code that the course holds twice: on the page that teaches it, and in helpers


def _bare(definition: ast.AST) -> str:
    """A definition as text without docstrings, annotations and comments."""
    definition = ast.parse(ast.unparse(definition)).body[0]
    for node in ast.walk(definition):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
            for argument in ast.walk(node.args):
                if isinstance(argument, ast.arg):
                    argument.annotation = None
        for field in ("body", "orelse", "finalbody"):
            statements = getattr(node, field, None)
            if isinstance(statements, list):
                setattr(
                    node,
                    field,
                    [_without_annotation(statement) for statement in statements if not _is_text(statement)],
                )
    return ast.unparse(ast.fix_missing_locations(definition))


def _is_text(statement: ast.AST) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _without_annotation(statement: ast.AST) -> ast.AST:
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        return ast.Assign([statement.target], statement.value, None)
    return statement


def definitions(source: str) -> dict[str, ast.AST]:
    """Top-level classes and functions, by name."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name: node for node in ast.parse(source).body if isinstance(node, kinds)}


def helper_definitions(folder: Path) -> dict[str, ast.AST]:
    """Public top-level classes and functions of the helpers that pages teach, by name."""
    found = {}
    for file in sorted(folder.glob("*.py")):
        found |= definitions(file.read_text(encoding="utf-8"))
    return {key: node for key, node in found.items() if not key.startswith("_")}


def definitions_agree_with_helpers(page: NotebookNode, helpers: dict[str, ast.AST]) -> list[str]:
    """A class of a page may be a part of the helper's: each of its methods must be there, the same."""
    complaints = []
    for cell in cells(page, "code"):
        if cell.metadata.get("course", {}).get("role") in ("broken", "stub"):
            continue
        for key, own in definitions(cell.source).items():
            if key not in helpers:
                continue
            theirs = helpers[key]
            if isinstance(own, ast.ClassDef) and isinstance(theirs, ast.ClassDef):
                known = {_bare(part) for part in theirs.body if not _is_text(part)}
                differ = [part for part in own.body if not _is_text(part) and _bare(part) not in known]
                parts = [getattr(part, "name", ast.unparse(part)) for part in differ]
                if [ast.unparse(base) for base in own.bases] != [ast.unparse(base) for base in theirs.bases]:
                    parts.append("its base classes")
                if parts:
                    complaints.append(
                        f"{name(cell)}: class {key} and the helper's differ in {', '.join(parts)}"
                    )
            elif _bare(own) != _bare(theirs):
                complaints.append(f"{name(cell)}: {key} is not the same code as in helpers")
    return complaints
