"""Each check of a page is seen failing once, on a small notebook broken in exactly that way."""

import ast
import base64
import struct
from collections.abc import Callable
from pathlib import Path

import notebook_checks as checks
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

HERE = Path(__file__).parent
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 8 + struct.pack(">II", 825, 462)).decode()
IDEA = "> **Key idea.** Along a chain, slopes multiply."
OPENING = f"""# One page

{IDEA}

**You will be able to** measure a slope. **You need** nothing. 5 minutes to read, 1 to run.
A 45-minute path: all of it."""


def code(source: str, *outputs: NotebookNode, count: int, tags: tuple = (), name: str = "") -> NotebookNode:
    cell = new_code_cell(source, execution_count=count, outputs=list(outputs), metadata={"tags": list(tags)})
    cell.id = f"99-{name or f'code-{count}'}"
    return cell


def prose(source: str, name: str) -> NotebookNode:
    cell = new_markdown_cell(source)
    cell.id = f"99-{name}"
    return cell


def stream(text: str, name: str = "stdout") -> NotebookNode:
    return new_output("stream", name=name, text=text)


def good_page() -> NotebookNode:
    page = new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    )
    page.nbformat_minor = 5
    figure = new_output("display_data", data={"image/png": PNG, "text/plain": "<Figure>"})
    error = new_output(
        "error", ename="ValueError", evalue="no", traceback=["Cell In[4], line 1", "ValueError: no"]
    )
    page.cells = [
        prose(OPENING, "opening"),
        prose(
            '## Slopes\n\n*3 minutes*\n\nThe slope is 0.25, and −1.5·10⁻³ is small. <a id="here"></a>',
            "prose",
        ),
        code("print(1 / 4, -0.0015, 1234567.5)", stream("0.25 -0.0015 1234567.5\n"), count=1),
        code("random()", stream("it took 3.2 seconds\n"), count=2, tags=("nbval-ignore-output",)),
        code("draw()", figure, count=3),
        prose(
            "The line rises: that is all there is to see. See [above](#here) and [Slopes](#Slopes).",
            "after-figure",
        ),
        code("raise ValueError('no')", error, count=4, tags=("raises-exception",)),
        code("def double(w: float) -> float:\n    '''Twice w.'''\n    return 2 * w", count=5),
        prose(f"## Close\n\n*1 minute*\n\n{IDEA}", "close"),
    ]
    return page


def one_number_changed(page: NotebookNode) -> None:
    page.cells[1].source = page.cells[1].source.replace("0.25", "0.26")


def one_power_changed(page: NotebookNode) -> None:
    page.cells[1].source = page.cells[1].source.replace("10⁻³", "10⁻⁴")


def outputs_cleared(page: NotebookNode) -> None:
    for cell in checks.cells(page, "code"):
        cell.execution_count, cell.outputs = None, []


def cells_run_out_of_order(page: NotebookNode) -> None:
    page.cells[2].execution_count = 2


def an_empty_cell(page: NotebookNode) -> None:
    page.cells[7].source = "  "


def an_error_without_tag(page: NotebookNode) -> None:
    page.cells[6].metadata.tags = []


def a_tag_without_error(page: NotebookNode) -> None:
    page.cells[6].outputs = []


def a_misspelt_tag(page: NotebookNode) -> None:
    page.cells[3].metadata.tags = ["nbval-ignore-outputs"]


def a_warning(page: NotebookNode) -> None:
    page.cells[2].outputs.append(stream("UserWarning: careful\n", name="stderr"))


def a_timing_compared(page: NotebookNode) -> None:
    page.cells[3].metadata.tags = []


def a_speed_compared(page: NotebookNode) -> None:
    page.cells[2].outputs[0].text = "20,000 tokens/s"


def a_path_printed(page: NotebookNode) -> None:
    page.cells[2].outputs[0].text = "saved to /home/ada/model.pt"


def a_path_in_a_traceback(page: NotebookNode) -> None:
    page.cells[6].outputs[0].traceback = ["File /opt/lib/python3.11/site-packages/torch/x.py:3"]


def the_course_folder_printed(page: NotebookNode) -> None:
    page.cells[2].outputs[0].text = str(HERE / "x")


def widget_state(page: NotebookNode) -> None:
    page.metadata.widgets = {}


def a_widget_stored(page: NotebookNode) -> None:
    widget = {"application/vnd.jupyter.widget-view+json": {}}
    page.cells[3].outputs.append(new_output("display_data", data=widget))


def run_times_stored(page: NotebookNode) -> None:
    page.cells[3].metadata.execution = {"iopub.execute_input": "2020-01-01"}


def another_kernel(page: NotebookNode) -> None:
    page.metadata.kernelspec.name = "my-env"


def a_python_version(page: NotebookNode) -> None:
    page.metadata.language_info = {"name": "python", "version": "3.11.4"}


def an_old_format(page: NotebookNode) -> None:
    page.nbformat_minor = 4


def a_random_id(page: NotebookNode) -> None:
    page.cells[2].id = "8f3a2b1c"


def two_cells_of_one_id(page: NotebookNode) -> None:
    page.cells[2].id = page.cells[3].id


def a_large_picture(page: NotebookNode) -> None:
    page.cells[4].outputs[0].data["image/png"] = "A" * 2_000_000


def nothing_compared_after_an_ignored_cell(page: NotebookNode) -> None:
    page.cells[4].outputs = []


def two_ignored_cells_in_a_row(page: NotebookNode) -> None:
    page.cells[4].metadata.tags = ["nbval-ignore-output"]


def an_ignored_cell_at_the_end(page: NotebookNode) -> None:
    page.cells[7].metadata.tags = ["nbval-ignore-output"]


def two_of_five_ignored(page: NotebookNode) -> None:
    page.cells[7].metadata.tags = ["nbval-ignore-output"]


def a_cell_of_31_lines(page: NotebookNode) -> None:
    page.cells[2].source = "x = 1\n" * 31


def a_shell_line(page: NotebookNode) -> None:
    page.cells[2].source = "!pip install torch"


def a_magic(page: NotebookNode) -> None:
    page.cells[2].source = "%matplotlib inline"


def two_titles(page: NotebookNode) -> None:
    page.cells[8].source += "\n\n# Another title"


def a_level_skipped(page: NotebookNode) -> None:
    page.cells[8].source += "\n\n#### Deep"


def no_title(page: NotebookNode) -> None:
    page.cells[0].source = page.cells[0].source.replace("# One page", "## One page\n*1 minute*")


def a_figure_before_code(page: NotebookNode) -> None:
    del page.cells[5]


def a_figure_before_a_heading(page: NotebookNode) -> None:
    page.cells[5].source = "## Next\n\n*2 minutes*\n\nSomething else is told here, in a sentence."


def a_figure_before_a_list(page: NotebookNode) -> None:
    page.cells[5].source = "- a list of some things, not a sentence."


def a_figure_cut_off(page: NotebookNode) -> None:
    page.cells[4].outputs[0].data["image/png"] = base64.b64encode(b"nothing that is a picture").decode()


def no_key_idea_at_the_end(page: NotebookNode) -> None:
    page.cells[8].source = "## Close\n\n*1 minute*"


def another_key_idea_at_the_end(page: NotebookNode) -> None:
    page.cells[8].source = page.cells[8].source.replace("multiply", "add")


def a_long_key_idea(page: NotebookNode) -> None:
    for cell in (page.cells[0], page.cells[8]):
        cell.source = cell.source.replace("multiply", "multiply " * 23)


def no_classroom_path(page: NotebookNode) -> None:
    page.cells[0].source = page.cells[0].source.replace("45-minute", "short")


def a_section_without_minutes(page: NotebookNode) -> None:
    page.cells[1].source = page.cells[1].source.replace("*3 minutes*", "*soon*")


def a_link_to_no_file(page: NotebookNode) -> None:
    page.cells[5].source += " And [there](99_nowhere.ipynb)."


def a_link_to_no_place(page: NotebookNode) -> None:
    page.cells[5].source += " And [there](#nowhere)."


def a_link_printed(page: NotebookNode) -> None:
    page.cells[2].outputs.append(
        new_output("display_data", data={"text/markdown": "[there](99_nowhere.ipynb)"})
    )


def a_link_that_says_nothing(page: NotebookNode) -> None:
    page.cells[5].source += " The article is [here](https://example.org/article)."


def a_bare_address_as_words(page: NotebookNode) -> None:
    page.cells[5].source += " See [https://example.org](https://example.org)."


def a_slider_alone(page: NotebookNode) -> None:
    page.cells[7].source = "@interact(w=(0, 1))\ndef explore(w):\n    draw(w)"
    page.cells[6].outputs = []


def another_definition(page: NotebookNode) -> None:
    page.cells[7].source = "def double(w):\n    return w + w"


def an_exercise_and_after_it(page: NotebookNode, check: str, after: str) -> None:
    for count, (role, source) in enumerate({"stub": "guess = ...", "check": check, "": after}.items(), 6):
        page.cells.append(code(source, count=count, name=role))
        page.cells[-1].metadata["course"] = {"exercise": "99.1", "role": role} if role else {}


def what_a_check_reads_bound_again(page: NotebookNode) -> None:
    an_exercise_and_after_it(page, "check('99.1', guess, moved)", "for moved in (1, 2):\n    pass")


def a_function_that_a_check_calls_defined_again(page: NotebookNode) -> None:
    an_exercise_and_after_it(page, "check('99.1', guess, double(1))", "from helpers import double")


def links(page: NotebookNode) -> list[str]:
    return checks.links_lead_somewhere(page, HERE)


HELPER = checks.definitions('def double(w):\n    """Twice."""\n    # a comment\n    return 2 * w')


def helper_is_the_same(page: NotebookNode) -> list[str]:
    return checks.definitions_agree_with_helpers(page, HELPER)


BROKEN = [
    (checks.stored_as_run_top_to_bottom, outputs_cleared),
    (checks.stored_as_run_top_to_bottom, cells_run_out_of_order),
    (checks.stored_as_run_top_to_bottom, an_empty_cell),
    (checks.errors_are_announced, an_error_without_tag),
    (checks.errors_are_announced, a_tag_without_error),
    (checks.tags_are_known, a_misspelt_tag),
    (checks.nothing_on_stderr, a_warning),
    (checks.compared_cells_print_no_timings, a_timing_compared),
    (checks.compared_cells_print_no_timings, a_speed_compared),
    (checks.no_machine_paths, a_path_printed),
    (checks.no_machine_paths, a_path_in_a_traceback),
    (checks.no_machine_paths, the_course_folder_printed),
    (checks.no_widget_state, widget_state),
    (checks.no_widget_state, a_widget_stored),
    (checks.no_widget_state, run_times_stored),
    (checks.kernel_is_plain_python, another_kernel),
    (checks.kernel_is_plain_python, a_python_version),
    (checks.format_is_valid, an_old_format),
    (checks.format_is_valid, a_random_id),
    (checks.format_is_valid, two_cells_of_one_id),
    (checks.file_is_small, a_large_picture),
    (checks.ignored_cells_are_followed_by_a_compared_one, nothing_compared_after_an_ignored_cell),
    (checks.ignored_cells_are_followed_by_a_compared_one, two_ignored_cells_in_a_row),
    (checks.ignored_cells_are_followed_by_a_compared_one, an_ignored_cell_at_the_end),
    (checks.few_cells_are_ignored, two_of_five_ignored),
    (checks.cells_are_short, a_cell_of_31_lines),
    (checks.no_magics, a_shell_line),
    (checks.no_magics, a_magic),
    (checks.headings_are_in_order, two_titles),
    (checks.headings_are_in_order, a_level_skipped),
    (checks.headings_are_in_order, no_title),
    (checks.figures_are_followed_by_a_sentence, a_figure_before_code),
    (checks.figures_are_followed_by_a_sentence, a_figure_before_a_heading),
    (checks.figures_are_followed_by_a_sentence, a_figure_before_a_list),
    (checks.figures_can_be_seen, a_figure_cut_off),
    (checks.key_idea_stands_at_top_and_end, no_key_idea_at_the_end),
    (checks.key_idea_stands_at_top_and_end, another_key_idea_at_the_end),
    (checks.key_idea_stands_at_top_and_end, a_long_key_idea),
    (checks.opening_says_what_to_expect, no_classroom_path),
    (checks.sections_say_their_minutes, a_section_without_minutes),
    (checks.numbers_in_prose_are_held_by_a_cell, one_number_changed),
    (checks.numbers_in_prose_are_held_by_a_cell, one_power_changed),
    (links, a_link_to_no_file),
    (links, a_link_to_no_place),
    (links, a_link_printed),
    (checks.links_say_where_they_lead, a_link_that_says_nothing),
    (checks.links_say_where_they_lead, a_bare_address_as_words),
    (checks.sliders_follow_a_still_picture, a_slider_alone),
    (checks.checks_find_what_they_compare_with, what_a_check_reads_bound_again),
    (checks.checks_find_what_they_compare_with, a_function_that_a_check_calls_defined_again),
    (helper_is_the_same, another_definition),
]


@pytest.mark.parametrize(
    "check", dict.fromkeys(check for check, _ in BROKEN), ids=lambda check: check.__name__
)
def test_a_good_page_passes(check: Callable) -> None:
    assert check(good_page()) == []


@pytest.mark.parametrize(("check", "breaking"), BROKEN, ids=lambda function: function.__name__)
def test_a_broken_page_is_found(check: Callable, breaking: Callable) -> None:
    page = good_page()
    breaking(page)
    complaints = check(page)
    assert complaints and all(isinstance(complaint, str) for complaint in complaints)


def test_every_check_of_a_page_is_seen_failing() -> None:
    tree = ast.parse((HERE / "test_notebooks.py").read_text(encoding="utf-8"))
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "checks"
    }
    seen = {check.__name__ for check, _ in BROKEN}
    assert used - seen == {"ignored_share", "links_lead_somewhere"}, (
        "these are only printed, or seen through `links`"
    )


@pytest.mark.parametrize(
    ("quoted", "power", "printed", "agrees"),
    [
        ("0.6931", 0, "0.693147", True),
        ("0.20", 0, "-0.2", True),
        ("0.6932", 0, "0.693147", False),
        ("1,675.5", 0, "1675.5", True),
        ("1.1", -11, "1.08e-11", True),
        ("1.1", -11, "1.08e-10", False),
        ("8.9e-16", 0, "8.88e-16", True),
        ("50.00", -2, "0.5", True),
        ("50.00", -2, "50.0", True),
        ("50.01", -2, "0.5", False),
    ],
)
def test_a_number_is_held_when_it_rounds_to_what_prose_says(quoted, power, printed, agrees) -> None:
    numbers = [checks._value(found) for found in checks.IN_OUTPUT.findall(printed)]
    assert checks.holds(numbers, quoted, power) is agrees


@pytest.mark.parametrize(
    ("prose_text", "found"),
    [
        ("The loss is 0.25.", ["0.25"]),
        ("between 0.96–0.998, or −0.5", ["0.96", "0.998", "0.5"]),
        ("$1{,}675.5$ and 50.00 %", ["1,675.5", "50.00"]),
        ("Python 3.11 and arXiv:1412.6980, exercises 10.1 and 10.2, [x](http://a.b/1.5)", []),
        ("```python\nx = 0.123\n```", []),
        ("three of 25,000 in 7 steps", []),
    ],
)
def test_which_numbers_of_prose_are_quantities(prose_text: str, found: list[str]) -> None:
    page = new_notebook(cells=[new_markdown_cell(prose_text)])
    assert [quoted for _, quoted, _ in checks.numbers_in_prose(page)] == found


def test_a_broken_variant_may_differ_where_the_cell_says_so() -> None:
    page = good_page()
    another_definition(page)
    page.cells[7].metadata.course = {"role": "broken"}
    assert helper_is_the_same(page) == []


def test_a_page_may_build_a_class_in_part() -> None:
    whole = checks.definitions(
        "class Node:\n    def a(self):\n        return 1\n    def b(self):\n        return 2"
    )
    part = good_page()
    part.cells[7].source = "class Node:\n    def b(self):\n        return 2"
    assert checks.definitions_agree_with_helpers(part, whole) == []
    part.cells[7].source = "class Node:\n    def b(self):\n        return 3"
    assert checks.definitions_agree_with_helpers(part, whole) != []


def test_the_answer_itself_and_what_the_check_computes_may_be_bound_again() -> None:
    page = good_page()
    after = "guess, measured = ..., [double for double in (1, 2)]"
    an_exercise_and_after_it(page, "measured = double(1)\ncheck('99.1', guess, measured)", after)
    assert checks.checks_find_what_they_compare_with(page) == []
