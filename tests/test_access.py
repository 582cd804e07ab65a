"""For everyone, everywhere, as one course: colours, contrast, platforms, notation, threads from page to page.

How colours look to others is simulated with the matrices of G. M. Machado, M. M. Oliveira and L. A. F.
Fernandes, "A physiologically-based model for simulation of color vision deficiency", IEEE Transactions on
Visualization and Computer Graphics 15(6), 2009, for the full deficiency, in linear RGB. How far two colours
are apart is their distance in CIE Lab (1976); about 2 can just be told apart side by side.
"""

import ast
import re
from itertools import combinations
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import notebook_checks as checks
import numpy as np
import pytest
from matplotlib.colors import LinearSegmentedColormap, to_rgb

from helpers.plotting import COLORS, SMALLEST_TEXT, use_style
from helpers.plotting.style import INKS, tint

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "notebooks").glob("*.ipynb"))
MODULES = sorted([*(ROOT / "helpers").rglob("*.py"), *(ROOT / "tools").glob("*.py")])

SEEN_BY = {
    "most people": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
LIGHT = np.array([0.2126, 0.7152, 0.0722])  # what red, green and blue give to the luminance
TO_XYZ = np.array([[0.4125, 0.3576, 0.1804], LIGHT, [0.0193, 0.1192, 0.9503]])
CLEARLY_APART = 12


def linear(color: object) -> np.ndarray:
    """A colour as amounts of light, from its sRGB values."""
    srgb = np.array(to_rgb(color))
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def lab(color: object, eye: str = "most people") -> np.ndarray:
    """Lightness, green to red, blue to yellow: the colour as somebody with this eye sees it."""
    xyz = TO_XYZ @ np.clip(SEEN_BY[eye] @ linear(color), 0, 1) / TO_XYZ.sum(axis=1)
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def apart(one: object, other: object, eye: str) -> float:
    return float(np.linalg.norm(lab(one, eye) - lab(other, eye)))


def contrast(one: object, other: object) -> float:
    """Contrast of WCAG 2: from 1 to 21."""
    dark, light = sorted(float(LIGHT @ linear(color)) for color in (one, other))
    return (light + 0.05) / (dark + 0.05)


# Colours


@pytest.mark.parametrize("eye", SEEN_BY)
def test_any_two_colours_of_the_course_are_clearly_apart(eye: str) -> None:
    near = {
        (one, other): round(apart(COLORS[one], COLORS[other], eye), 1)
        for one, other in combinations(COLORS, 2)
        if apart(COLORS[one], COLORS[other], eye) < CLEARLY_APART
    }
    assert not near


def test_red_and_green_of_other_palettes_would_not_pass() -> None:
    assert apart("#7F9C2F", "#C08A2B", "most people") > 30
    assert apart("#7F9C2F", "#C08A2B", "deuteranopia") < CLEARLY_APART
    assert apart("tab:green", "tab:red", "deuteranopia") < apart("tab:green", "tab:red", "most people") / 2


def test_the_simulation_leaves_greys_grey() -> None:
    for eye in SEEN_BY:
        assert apart("#808080", "#808080", eye) == 0
        assert np.allclose(lab("#808080", eye), lab("#808080"), atol=0.1)


# Scales of colour: a page or module that uses another one fails until it is held here, too.

UPWARD = {"Blues", "Greys", "gray", "cividis"}  # one direction: from light to dark, or from dark to light
TWO_SIDED = {
    "PuOr_r": plt.get_cmap("PuOr_r"),
    "blue to orange": LinearSegmentedColormap.from_list("", [COLORS["orange"], (1, 1, 1), COLORS["sky"]]),
    "sides of a decision": LinearSegmentedColormap.from_list(
        "", [tint(COLORS["blue"], 0.55), tint(COLORS["blue"], 0.12), tint(COLORS["orange"], 0.55)]
    ),
}


def keywords(source: str, name: str) -> list[ast.expr]:
    """What a source gives to arguments, and to entries of dictionaries, of this name."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.keyword) and node.arg == name:
            found.append(node.value)
        elif isinstance(node, ast.Dict):
            found += [
                value
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant) and key.value == name
            ]
    return found


def sources() -> dict[str, str]:
    """Where code stands -> the code: modules, and cells of pages."""
    found = {file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in MODULES}
    for file in PAGES:
        page = nbformat.read(file, as_version=4)
        found |= {f"cell {cell.id}": cell.source for cell in checks.cells(page, "code")}
    return found


SOURCES = sources()


def named_scales(source: str) -> set[str]:
    named = [node.value for node in keywords(source, "cmap") if isinstance(node, ast.Constant)]
    return set(named) | set(re.findall(r"""get_cmap\(["'](\w+)["']""", source))


def test_every_scale_of_colours_that_is_used_is_held_here() -> None:
    used = {name for source in SOURCES.values() for name in named_scales(source)}
    assert used <= UPWARD | TWO_SIDED.keys()
    assert named_scales("draw(cmap='jet'); plt.get_cmap('hot')") == {"jet", "hot"}


def lightness_falls_one_way(name: str, eye: str) -> bool:
    lightness = [lab(plt.get_cmap(name)(share), eye)[0] for share in np.linspace(0, 1, 21)]
    steps = np.diff(lightness) * np.sign(lightness[-1] - lightness[0])
    return bool(steps.min() > 0 and abs(lightness[-1] - lightness[0]) > 50)


@pytest.mark.parametrize("eye", SEEN_BY)
@pytest.mark.parametrize("name", sorted(UPWARD))
def test_a_scale_of_one_direction_gets_lighter_or_darker_all_the_way(name: str, eye: str) -> None:
    assert lightness_falls_one_way(name, eye)
    assert not lightness_falls_one_way("jet", eye)


@pytest.mark.parametrize("eye", SEEN_BY)
@pytest.mark.parametrize("name", TWO_SIDED)
def test_the_sides_of_a_two_sided_scale_are_apart(name: str, eye: str) -> None:
    low, middle, high = (TWO_SIDED[name](share) for share in (0.0, 0.5, 1.0))
    assert apart(low, high, eye) > 2 * CLEARLY_APART
    assert min(apart(low, middle, eye), apart(high, middle, eye)) > CLEARLY_APART
    assert lab(middle, eye)[0] > max(lab(low, eye)[0], lab(high, eye)[0])


# Contrast


@pytest.mark.parametrize("name", sorted(COLORS.keys() - {"black"}))
def test_black_words_can_be_read_on_every_tint_and_ink_on_white(name: str) -> None:
    assert contrast("black", tint(COLORS[name], 0.6)) >= 4.5
    assert contrast(INKS[name], "white") >= 4.5
    assert apart(INKS[name], COLORS[name], "most people") < 60, "it must still look like the colour"


def test_lines_of_the_style_stand_out_from_the_paper() -> None:
    with plt.rc_context():
        use_style()
        assert min(contrast(look["color"], "white") for look in plt.rcParams["axes.prop_cycle"]) >= 3
        looks = list(plt.rcParams["axes.prop_cycle"])
    assert len({str(look["linestyle"]) for look in looks}) == len(looks), "colour must not be the only cue"


WORDS = {"text", "annotate", "set_title", "set_xlabel", "set_ylabel", "suptitle"}


def pale_words(source: str) -> list[str]:
    """Calls that write words in a colour of COLORS that is too pale for words; INKS has darker ones."""
    enough = {name for name, color in COLORS.items() if contrast(color, "white") >= 4.5}
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in WORDS:
            for color in (keyword.value for keyword in node.keywords if keyword.arg == "color"):
                picked = [
                    one
                    for one in ast.walk(color)
                    if isinstance(one, ast.Subscript) and ast.unparse(one.value).endswith("COLORS")
                ]
                names = {one.slice.value for one in picked if isinstance(one.slice, ast.Constant)}
                if names - enough or any(not isinstance(one.slice, ast.Constant) for one in picked):
                    found.append(ast.unparse(color))
    return found


@pytest.mark.parametrize("place", SOURCES)
def test_words_in_figures_are_dark_enough(place: str) -> None:
    assert not pale_words(SOURCES[place])


def test_pale_words_are_found() -> None:
    assert pale_words("axes.text(0, 0, 'x', color=COLORS['red'])")
    assert pale_words("axes.text(0, 0, 'x', color=COLORS[name])")
    assert not pale_words(
        "axes.text(0, 0, 'x', color=COLORS['blue']); axes.text(0, 0, 'y', color=INKS['red'])"
    )


# Sizes


def small_sizes(source: str) -> list[float]:
    """Sizes of text, in points, that a source sets below the smallest."""
    sizes = [node for name in ("fontsize", "labelsize", "title_fontsize") for node in keywords(source, name)]
    numbers = [node.value for node in sizes if isinstance(node, ast.Constant)]
    return [size for size in numbers if not isinstance(size, (int, float)) or size < SMALLEST_TEXT]


def test_no_text_in_a_figure_is_smaller_than_11_points() -> None:
    assert {place: small for place, source in SOURCES.items() if (small := small_sizes(source))} == {}
    assert small_sizes("axes.text(0, 0, 'x', fontsize=9); draw(annot_kws={'fontsize': 'small'})") == [
        9,
        "small",
    ]


def test_the_style_sets_no_text_below_11_points() -> None:
    with plt.rc_context():
        use_style()
        figure, axes = plt.subplots()
        axes.plot([0, 1e9], [0, 1e-9], label="line")
        axes.set(title="title", xlabel="x", ylabel="y")
        axes.legend(title="legend")
        figure.suptitle("figure")
        figure.canvas.draw()
        sizes = {text.get_fontsize() for text in figure.findobj(plt.Text) if text.get_text()}
        plt.close(figure)
    assert SMALLEST_TEXT >= 11 and min(sizes) >= SMALLEST_TEXT


# Windows and macOS

POSIX_ONLY = {
    "fork", "forkpty", "kill", "killpg", "getuid", "geteuid", "getgid", "setsid", "uname", "mkfifo", "nice",
    "sched_getaffinity", "sysconf", "chown",
}  # fmt: skip
POSIX_MODULES = {"fcntl", "resource", "termios", "pwd", "grp", "pty", "tty", "posix"}
GUARDED = {("helpers/devices.py", "resource")}  # asked only where sys.platform is not win32


def posix_only(source: str) -> set[str]:
    """What a source uses that Windows lacks, and what breaks on its names of files and its encodings."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & POSIX_MODULES
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "os":
            found |= {node.attr} & POSIX_ONLY
        elif isinstance(node, ast.keyword) and node.arg == "shell":
            found.add("shell")
        elif isinstance(node, ast.Call):
            named = {keyword.arg for keyword in node.keywords}
            what = ast.unparse(node.func)
            text_file = what == "open" and "b" not in ast.unparse(node.args[-1])
            if (text_file or what.endswith((".read_text", ".write_text"))) and "encoding" not in named:
                found.add(what)
    return found


def test_helpers_tools_and_pages_ask_nothing_that_windows_lacks() -> None:
    used = {(place, what) for place, source in SOURCES.items() for what in posix_only(source)}
    assert used <= GUARDED


def test_a_call_that_windows_lacks_is_found() -> None:
    assert posix_only("import fcntl; os.fork(); run('ls', shell=True)") == {"fcntl", "fork", "shell"}
    assert posix_only("path.read_text(); open('x'); open('x', 'rb')") == {"path.read_text", "open"}


def test_paths_in_pages_are_the_same_on_every_system() -> None:
    for place, source in SOURCES.items():
        if place.startswith("cell "):
            assert not re.search(r"""["'](?:/|~|[A-Z]:\\\\|\.\.\\\\)\w""", source), place


# One course


def markdown(page: nbformat.NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in checks.cells(page, "markdown"))


COURSE = {file.name[:2]: nbformat.read(file, as_version=4) for file in PAGES}
QUESTION = "**The question for the next page.**"


@pytest.mark.parametrize("number", [number for number in COURSE if f"{int(number) + 1:02}" in COURSE])
def test_a_page_closes_with_a_question_that_the_next_one_opens_with(number: str) -> None:
    question = markdown(COURSE[number]).partition(QUESTION)[2].partition("\n\n")[0]
    assert re.search(r"\*[^*]+\?\*", question), "one question, in italics, after the words " + QUESTION
    assert f"Page {number} " in COURSE[f"{int(number) + 1:02}"].cells[0].source


def terms() -> dict[str, str]:
    """Anchor of each term of the glossary -> the page that builds it."""
    (cell,) = (cell for cell in COURSE["00"].cells if cell.id == "00-glossary")
    rows = re.findall(r'^\| <a id="(term-[\w-]+)">.*\| (\d\d) \|$', cell.source, flags=re.MULTILINE)
    return dict(rows)


@pytest.mark.parametrize("number", [number for number in COURSE if number != "00"])
def test_a_page_links_each_term_that_it_builds_to_the_glossary(number: str) -> None:
    linked = set(re.findall(r"\(00_start_here\.ipynb#(term-[\w-]+)\)", markdown(COURSE[number])))
    own = {term for term, page in terms().items() if page == number}
    assert own and not own - linked


# The table of notation stands on page 00. For each row: what the pages must not write in its place.

RIVALS = {
    "L": r"\\mathcal|\\ell\b|\bJ\(",
    "p": r"\\hat|\\widehat",
    "w": r"\\theta|\\mathbf|\\boldsymbol|\\bm\b",
    "lr": r"\\eta\b|\\alpha\b|[ηα]",
    "dX": r"\\nabla|∇|\\delta\b|δ|\\bar\{",
    "ln": r"\\log\b(?!_)",
    "σ": r"\\text\{sigmoid\}|\\operatorname\{sigmoid\}",
    "g": r"\\tilde|\\widetilde",
}
# A prediction that is a number (03), the article's own formulas (04), and the table that says so (00).
ALLOWED = {"p": {"00", "03", "04"}, "ln": {"04"}}


def notation() -> list[str]:
    """First column of the table of notation."""
    (cell,) = (cell for cell in COURSE["00"].cells if cell.id == "00-notation")
    rows = [line for line in cell.source.splitlines() if line.startswith("| ")][1:]
    return [row.split("|")[1].strip().replace("\\sigma", "σ").replace("\\ln", "ln") for row in rows]


def test_every_rule_of_notation_is_in_the_table() -> None:
    written = " ".join(notation())
    assert len(notation()) >= 15
    assert all(re.search(rf"(?<!\w){symbol}(?!\w)", written) for symbol in RIVALS)


@pytest.mark.parametrize("symbol", RIVALS)
def test_the_pages_write_one_symbol_for_one_thing(symbol: str) -> None:
    others = {number: page for number, page in COURSE.items() if number not in ALLOWED.get(symbol, set())}
    prose = {number: checks.without_code(markdown(page)) for number, page in others.items()}
    assert {n: found for n, text in prose.items() if (found := re.findall(RIVALS[symbol], text))} == {}


def test_a_rival_symbol_would_be_found() -> None:
    written = r"\mathcal L(\theta) with \hat y, \eta, \nabla L, \log p, \text{sigmoid}(z) and \tilde c"
    assert all(re.search(rival, written) for rival in RIVALS.values())


@pytest.mark.parametrize("number", ["00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "11"])
def test_the_thread_of_ln_2_is_seen_on_the_page(number: str) -> None:
    code = checks.cells(COURSE[number], "code")
    shown = "".join(text for cell in code for text in checks.output_texts(cell))
    assert re.search(r"ln ?2", markdown(COURSE[number]))
    assert re.search(r"0\.693", shown + markdown(COURSE[number]))


@pytest.mark.parametrize("number", ["02", "03", "04", "05", "06", "07", "08"])
def test_the_thread_of_the_tape_is_seen_on_the_page(number: str) -> None:
    code = "\n".join(cell.source for cell in checks.cells(COURSE[number], "code"))
    assert re.search(r"\bValue\(", code) and "tape" in markdown(COURSE[number])


@pytest.mark.parametrize("lines", [6])
def test_pages_do_not_repeat_each_others_code(lines: int) -> None:
    seen: dict[str, set[str]] = {}
    for number, page in COURSE.items():
        for cell in checks.cells(page, "code"):
            code = [line.strip() for line in cell.source.splitlines() if line.strip()]
            code = [line for line in code if not line.startswith(("import ", "from ", "#", '"""'))]
            for at in range(len(code) - lines + 1):
                seen.setdefault("\n".join(code[at : at + lines]), set()).add(number)
    assert [code for code, pages in seen.items() if len(pages) > 1] == []
