"""Every exercise of every page, played three times: as shipped, solved, and with each known mistake."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import matplotlib.pyplot as plt
import pytest
from exercise_player import exercise_cells, play, read_page, run, solution_code

from helpers.exercises import Exercise, NotAnAnswer, Verdict, check, machinery
from helpers.exercises.comparing import plain, same, show
from helpers.exercises.machinery import NOT_DONE, NOT_YET, RIGHT, TO_THE_SOLUTION, diagnose, observe

EXERCISES = {key: one for page in machinery.pages() for key, one in machinery.page_exercises(page).items()}
TESTS = Path(__file__).parent
ANOTHER_RESULT = "The page expects another result: restart the kernel"
each_exercise = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES.keys())


def catalogue(page: str) -> ModuleType | SimpleNamespace:
    """tests/wrong_answers/pageNN.py; an empty one where there is none, so that only that page fails."""
    if not (TESTS / "wrong_answers" / f"page{page}.py").exists():
        return SimpleNamespace(WRONG={}, RIGHT={})
    return importlib.import_module(f"wrong_answers.page{page}")


WRONG = [
    pytest.param(EXERCISES[key], diagnosis, answer, id=f"{key}-{diagnosis or 'unknown'}-{number}")
    for page in machinery.pages()
    for key, answers in catalogue(page).WRONG.items()
    for number, (diagnosis, answer) in enumerate(answers, 1)
]
OTHER_RIGHT = [
    pytest.param(EXERCISES[key], answer, id=f"{key}-{number}")
    for page in machinery.pages()
    for key, answers in catalogue(page).RIGHT.items()
    for number, answer in enumerate(answers, 1)
]


@pytest.fixture(autouse=True)
def hints_start_from_the_first() -> None:
    machinery._times_wrong.clear()


@pytest.fixture(autouse=True)
def figures_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(plt, "show", lambda *options, **more: plt.close("all"))
    yield
    plt.close("all")


def played(exercise: Exercise, answer: str | None = None) -> Verdict:
    (verdict,) = play(read_page(exercise.id[:2]), exercise.id, answer)
    return verdict


# As shipped


@each_exercise
def test_a_stub_is_not_done_yet(exercise: Exercise) -> None:
    assert played(exercise).status == NOT_DONE


@each_exercise
def test_the_stored_page_shows_not_done_yet(exercise: Exercise) -> None:
    cell = exercise_cells(read_page(exercise.id[:2]), exercise.id)["check"]
    shown = "".join(output.get("data", {}).get("text/plain", "") for output in cell.outputs)
    assert shown.startswith(f"○ {NOT_DONE} · exercise {exercise.id}")
    assert "".join(ANOTHER_RESULT.split()) not in "".join(shown.split())


# Solved


@each_exercise
def test_the_solution_on_the_page_is_right(exercise: Exercise) -> None:
    verdict = played(exercise, solution_code(read_page(exercise.id[:2]), exercise.id))
    assert verdict.status == RIGHT, verdict
    assert ANOTHER_RESULT not in verdict.message


@pytest.mark.parametrize(("exercise", "answer"), OTHER_RIGHT)
def test_a_right_answer_written_differently_is_right(exercise: Exercise, answer: str) -> None:
    verdict = played(exercise, answer)
    assert verdict.status == RIGHT, verdict


# With each known mistake


@pytest.mark.parametrize(("exercise", "diagnosis", "answer"), WRONG)
def test_a_known_mistake_is_named(exercise: Exercise, diagnosis: str | None, answer: str) -> None:
    verdict = played(exercise, answer)
    passes = {remark.misconception for remark in exercise.remarks}
    assert verdict.diagnosis == diagnosis, verdict
    assert verdict.status == (RIGHT if diagnosis in passes else NOT_YET)


@pytest.mark.parametrize(("exercise", "diagnosis", "answer"), WRONG)
def test_hints_go_from_a_question_over_a_smaller_step_to_the_solution(exercise, diagnosis, answer) -> None:
    if diagnosis in {remark.misconception for remark in exercise.remarks}:
        return
    hints = [verdict.hint for verdict in play(read_page(exercise.id[:2]), exercise.id, answer, checks=4)]
    if diagnosis is None and not hints[0]:
        return  # the answer's code stopped with an error, or has not the form asked for
    row = machinery.misconceptions().get(diagnosis)
    question, step = (row.question, row.smaller_step) if row else exercise.hints
    assert hints == [f"Think: {question}", f"A smaller step: {step}", TO_THE_SOLUTION, TO_THE_SOLUTION]
    assert "?" in question


def hint_texts(exercise: Exercise) -> list[str]:
    rows = [machinery.misconceptions()[one] for one in exercise.misconceptions]
    return [*exercise.hints, *(text for row in rows for text in (row.question, row.smaller_step))]


def gives_away(hint: str, exercise: Exercise, solution: str) -> bool:
    """Whether a hint holds the answer: its number, its entries, its letter, its order, its code."""
    answer = plain(exercise.answer)
    numbers = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", hint.replace("−", "-"))]
    if isinstance(exercise.observe, machinery.Letters):
        return bool(re.search(rf"\(?\b{answer}\)|[Ll]etter {answer}\b|[Aa]nswer is {answer}\b", hint))
    if isinstance(answer, str):
        return answer in plain(hint) if len(answer) > 1 else False
    if isinstance(answer, (int, float)) and not isinstance(answer, bool):
        return any(same(number, abs(answer), 1e-9) for number in numbers)
    if isinstance(answer, list) and all(isinstance(part, (int, float)) for part in answer):
        return all(any(same(number, abs(part), 1e-9) for number in numbers) for part in answer)
    returned = [
        node.value for node in ast.walk(ast.parse(solution)) if isinstance(node, ast.Return) and node.value
    ]
    code = [ast.unparse(value).replace(" ", "") for value in returned]
    return any(len(one) > 4 and one in hint.replace(" ", "") for one in code)


@each_exercise
def test_no_hint_gives_the_answer_away(exercise: Exercise) -> None:
    solution = solution_code(read_page(exercise.id[:2]), exercise.id)
    assert not [hint for hint in hint_texts(exercise) if gives_away(hint, exercise, solution)]


@each_exercise
def test_every_known_mistake_has_a_wrong_answer_that_shows_it(exercise: Exercise) -> None:
    shown = {diagnosis for diagnosis, _ in catalogue(exercise.id[:2]).WRONG[exercise.id]}
    assert set(exercise.misconceptions) == shown - {None}


@each_exercise
def test_at_least_two_mistakes_are_known(exercise: Exercise) -> None:
    assert len(exercise.misconceptions) >= 2


@each_exercise
def test_the_test_inputs_separate_the_known_mistakes(exercise: Exercise) -> None:
    right = observe(exercise, exercise.answer)
    wrong = [one for one in exercise.fingerprints if one.when is None]
    for fingerprint in wrong:
        seen = observe(exercise, fingerprint.wrong)
        assert not same(seen, right, exercise.tolerance), f"{fingerprint.misconception} looks right"
        assert diagnose(exercise, seen) == fingerprint.misconception, (
            f"{fingerprint.misconception} is mistaken"
        )
    assert diagnose(exercise, right) is None
    if isinstance(exercise.observe, machinery.OnInputs):
        assert len(exercise.observe.inputs) >= 2
    if isinstance(exercise.observe, machinery.Letters):
        assert {one.wrong for one in wrong} == set(exercise.observe.letters) - {exercise.answer}


# Page, catalogue and machinery hold the same


@each_exercise
def test_the_card_says_what_the_exercise_says(exercise: Exercise) -> None:
    cell = exercise_cells(read_page(exercise.id[:2]), exercise.id)["card"]
    assert cell.metadata["course"] == exercise.metadata()
    assert cell.source.startswith(exercise.card() + "\n")


@each_exercise
def test_the_folded_hints_are_those_of_the_exercise(exercise: Exercise) -> None:
    assert exercise_cells(read_page(exercise.id[:2]), exercise.id)["hints"].source == exercise.folded_hints()


@each_exercise
def test_the_solution_is_folded_and_gives_a_reason(exercise: Exercise) -> None:
    source = exercise_cells(read_page(exercise.id[:2]), exercise.id)["solution"].source
    assert source.startswith("<details><summary>Solution</summary>") and source.endswith("</details>")
    reason = re.sub(r"```python.*?```", "", source, flags=re.DOTALL)
    assert len(reason.split()) >= 12, "a solution says why"


@each_exercise
def test_the_stub_has_a_place_to_fill_and_the_check_only_checks(exercise: Exercise) -> None:
    own = exercise_cells(read_page(exercise.id[:2]), exercise.id)
    assert "..." in own["stub"].source
    assert re.match(rf'check\(["\']{re.escape(exercise.id)}["\'], ', own["check"].source.splitlines()[-1])


@pytest.mark.parametrize("page", machinery.pages())
def test_a_page_has_exactly_its_exercises(page: str) -> None:
    courses = [cell.metadata.get("course", {}) for cell in read_page(page).cells]
    on_page = list(dict.fromkeys(course["exercise"] for course in courses if "exercise" in course))
    assert on_page == list(machinery.page_exercises(page)) == list(catalogue(page).WRONG)


@pytest.mark.parametrize("page", machinery.pages())
def test_a_page_has_three_to_six_exercises_of_three_kinds(page: str) -> None:
    exercises = machinery.page_exercises(page).values()
    assert 3 <= len(exercises) <= 6
    assert len({exercise.kind for exercise in exercises}) >= 3


def test_every_row_of_the_catalogue_is_used_and_every_id_has_a_row() -> None:
    used = {one for exercise in EXERCISES.values() for one in exercise.misconceptions}
    assert used == set(machinery.misconceptions())


def test_every_row_of_the_catalogue_is_filled_in() -> None:
    rows = machinery.misconceptions().values()
    assert [
        row.id
        for row in rows
        if not all((row.topic, row.belief, row.smaller_step)) or "?" not in row.question
    ] == []


# The machinery itself


def an_exercise(**changes) -> Exercise:
    parts = {
        "id": "99.1",
        "title": "A title",
        "kind": "complete",
        "minutes": 1,
        "difficulty": 1,
        "hints": ("Why?", "Because of what?"),
        "answer": 0.6931,
        "fingerprints": (),
        "tolerance": 1e-4,
    }
    return Exercise(**parts | changes)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch):
    """judge(exercise, answer): check an exercise that no page has."""

    def judge(exercise: Exercise, answer: object, **measured) -> Verdict:
        monkeypatch.setattr(machinery, "find_exercise", lambda exercise_id: exercise)
        return check(exercise.id, answer, **measured)

    return judge


def test_an_unknown_exercise_names_those_that_exist() -> None:
    with pytest.raises(LookupError, match=r"no exercise '00\.9'; page 00 has 00\.1, 00\.2"):
        check("00.9", 1)


@pytest.mark.parametrize("stub", [..., [1, ...], {"a": ...}, (..., 2), [[...]]], ids=repr)
def test_a_value_with_a_place_left_to_fill_is_not_done(judged, stub: object) -> None:
    assert judged(an_exercise(), stub).status == NOT_DONE


@pytest.mark.parametrize(
    "stub",
    [
        "def double(w):\n    return ...",
        "def double(w):\n    return [..., 2]",
        "def double(w):\n    two = ...\n    return two * w",
        "def double(w): ...",
        "def double(w):\n    import torch\n    return torch.dot(torch.ones(2), ...)",
        "def double(w):\n    factor = ...\n    return 3 * w",
    ],
)
def test_a_function_with_a_place_left_to_fill_is_not_done(judged, stub: str) -> None:
    exercise = an_exercise(answer=lambda w: 2 * w, observe=machinery.OnInputs((1.0,), (3.0,)))
    namespace: dict = {}
    run(stub, namespace, "a stub")
    assert judged(exercise, namespace["double"]).status == NOT_DONE


def test_an_index_of_three_dots_is_not_a_place_left_to_fill(judged) -> None:
    exercise = an_exercise(answer=lambda w: 2 * w, observe=machinery.OnInputs((1.0,), (3.0,)))
    namespace: dict = {}
    run("import torch\ndef double(w):\n    return torch.tensor([3 * w])[..., 0]", namespace, "an index")
    assert judged(exercise, namespace["double"]).status == NOT_YET


@pytest.mark.parametrize("answer", [0.6931, 0.69314, "0.6931", " 0.6931 "], ids=repr)
def test_a_number_may_be_written_in_many_ways(judged, answer: object) -> None:
    assert judged(an_exercise(), answer).status == RIGHT


def test_tensors_arrays_frames_and_nodes_of_the_tape_are_numbers(judged) -> None:
    import numpy
    import pandas
    import torch

    class Node:
        data = 0.6931

    parameter = torch.nn.Parameter(torch.tensor(0.6931, dtype=torch.bfloat16))
    for answer in (torch.tensor(0.6931), numpy.float32(0.6931), numpy.array(0.6931), Node()):
        assert judged(an_exercise(), answer).status == RIGHT
    assert judged(an_exercise(tolerance=0.01), parameter).status == RIGHT
    for pair in (torch.tensor([1.0, 2.0]), numpy.array([1, 2]), (1, 2), pandas.Series([1, 2]), [Node(), 2]):
        expected = [1.0, 2.0] if not isinstance(pair, list) else [0.6931, 2]
        assert judged(an_exercise(answer=expected), pair).status == RIGHT
    frame = pandas.DataFrame({"a": [1, 2], "b": [3, 4]})
    assert judged(an_exercise(answer=[[1, 3], [2, 4]]), frame).status == RIGHT


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (True, 1),
        (1, True),
        ([1.0], 1.0),
        (None, 0),
        ("x", 0.5),
        ([1, 2, 3], [1, 2]),
        ({"a": 1}, {"b": 1}),
        (1, "1"),
    ],
)
def test_what_is_not_the_same(given: object, expected: object) -> None:
    assert not same(given, expected)


def test_not_a_number_is_itself_and_nothing_else() -> None:
    assert same(float("nan"), float("nan")) and not same(float("nan"), 1.0) and not same(1.0, float("nan"))
    assert same(float("inf"), float("inf")) and not same(1e300, float("inf"))


def test_words_are_compared_without_case_and_spaces() -> None:
    assert same("  The Gradient ", "the gradient")


def test_code_that_stops_is_reported_with_its_line_and_input(judged) -> None:
    exercise = an_exercise(answer=lambda w: 2 * w, observe=machinery.OnInputs((1.0,), (3.0,)))
    namespace: dict = {}
    run("def double(w):\n    half = w / 0\n    return half", namespace, "a stopping answer")
    verdict = judged(exercise, namespace["double"])
    assert verdict.status == NOT_YET and verdict.diagnosis is None
    for part in ("ZeroDivisionError", "half = w / 0", "for the input 1"):
        assert part in verdict.message
    assert "Traceback" not in repr(verdict)


def test_a_mistake_that_stops_is_known_by_its_error(judged) -> None:
    wrong = machinery.Fingerprint("DC09", lambda w: w / 0)
    exercise = an_exercise(answer=lambda w: 2 * w, observe=machinery.OnInputs((1.0,)), fingerprints=(wrong,))
    assert judged(exercise, lambda w: 1 / 0 if w > 5 else w / 0).diagnosis == "DC09"
    assert judged(exercise, lambda w: [][0]).diagnosis is None


def test_inputs_are_safe_from_the_answer(judged) -> None:
    exercise = an_exercise(answer=sum, observe=machinery.OnInputs(([1, 2],), ([5],)))
    for _ in range(2):
        assert judged(exercise, lambda numbers: sum(numbers.pop() for _ in list(numbers))).status == RIGHT


def test_an_answer_of_another_form_is_told_which_form_is_wanted(judged) -> None:
    function = an_exercise(answer=lambda w: w, observe=machinery.OnInputs((1.0,)))
    assert "asks for a function; you gave 3" in judged(function, 3).message
    vote = an_exercise(answer="b", observe=machinery.Letters("abc"))
    assert 'one letter of a, b, c, in quotes; you gave "bc"' in judged(vote, "bc").message
    order = an_exercise(answer="bca", observe=machinery.Order("abcx"))
    for answer in ("bba", "bcz", ""):
        assert "labels are a, b, c, x" in judged(order, answer).message


@pytest.mark.parametrize(
    "answer", ["bca", "B C A", "b, c, a", ["b", "c", "a"], ("b", "c", "a"), "b→c→a"], ids=repr
)
def test_an_order_may_be_written_in_many_ways(judged, answer: object) -> None:
    assert judged(an_exercise(answer="bca", observe=machinery.Order("abcx")), answer).status == RIGHT


def test_an_order_that_is_no_text_or_too_short_is_told_what_is_wanted(judged) -> None:
    order = an_exercise(answer="bca", observe=machinery.Order("abcx"))
    assert "labels are a, b, c, x; you gave 3." in judged(order, 3).message
    assert "You used 1 of the lines; 3 are needed." in judged(order, "b").message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("0,69", 'asks for a number; you gave "0,69". Write it without quotes'),
        ("ln 2", 'asks for a number; you gave "ln 2". Write it without quotes'),
        ((0, 69), "Python reads 0,69 as two numbers. A decimal has a point: 0.69"),
    ],
)
@pytest.mark.parametrize("kind", ["complete", "predict"])
def test_what_is_no_number_is_told_how_to_write_one(judged, kind: str, answer: object, said: str) -> None:
    verdict = judged(an_exercise(kind=kind), answer)
    assert verdict.status == NOT_YET and said in verdict.message and not verdict.hint


def test_a_known_mistake_may_be_no_number(judged) -> None:
    exercise = an_exercise(fingerprints=(machinery.Fingerprint("DC01", wrong="ln 2"),))
    assert judged(exercise, "LN 2").diagnosis == "DC01"


def test_an_empty_dict_is_shown_as_one() -> None:
    assert show({}) == "{}" and show([{}]) == "[{}]"


def test_another_order_may_also_be_right(judged) -> None:
    exercise = an_exercise(answer="bca", observe=machinery.Order("abc"), also_right=("cba",))
    assert judged(exercise, "cba").status == RIGHT and judged(exercise, "abc").status == NOT_YET


def test_a_harmless_habit_passes_with_a_remark(judged) -> None:
    twice = machinery.Remark("DC09", lambda answer: answer.__name__ == "twice")

    def twice_(w):
        return 2 * w

    exercise = an_exercise(answer=twice_, observe=machinery.OnInputs((1.0,), (2.0,)), remarks=(twice,))
    assert judged(exercise, twice_).diagnosis is None
    twice_.__name__ = "twice"
    verdict = judged(exercise, twice_)
    assert verdict.status == RIGHT and verdict.diagnosis == "DC09" and "One remark" in verdict.hint


def test_a_guess_is_shown_beside_the_result(judged) -> None:
    exercise = an_exercise(kind="predict", answer=25.0)
    assert "You said 29; it is 25." in judged(exercise, 29, measured=25.0).message
    assert "You said 25; it is 25." in judged(exercise, 25, measured=25.0).message
    missing = judged(exercise, ..., measured=25.0)
    assert missing.status == NOT_DONE and "no guess this time; it is 25." in missing.message


def test_a_result_that_the_page_does_not_expect_is_said(judged) -> None:
    verdict = judged(an_exercise(kind="predict", answer=25.0), 25, measured=26.0)
    assert "it is 26." in verdict.message and ANOTHER_RESULT in verdict.message


def test_a_list_that_is_partly_right_says_where_to_look(judged) -> None:
    verdict = judged(an_exercise(answer=[1.0, 2.0, 3.0]), [1.0, 5.0, 3.0])
    assert "2 of 3 entries are right; look at entry 2." in verdict.message


def test_a_fingerprint_test_that_fails_on_a_strange_answer_says_nothing(judged) -> None:
    strange = machinery.Fingerprint("DC09", when=lambda seen: seen[0] > 1)
    assert judged(an_exercise(fingerprints=(strange,)), 3).diagnosis is None


@pytest.mark.parametrize(
    "changes",
    [{"id": "1.2"}, {"kind": "quiz"}, {"difficulty": 4}, {"hints": ("only one",)}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_badly_described_exercise_is_refused(changes: dict) -> None:
    with pytest.raises(ValueError, match="exercise"):
        an_exercise(**changes)


def test_a_fingerprint_is_a_wrong_answer_or_a_test() -> None:
    with pytest.raises(ValueError, match="either"):
        machinery.Fingerprint("DC09")
    with pytest.raises(ValueError, match="either"):
        machinery.Fingerprint("DC09", 1, when=bool)


def test_a_verdict_reads_in_words_and_in_narrow_lines(judged) -> None:
    shown = repr(judged(an_exercise(hints=("Why " * 60 + "?", "x")), 3))
    assert shown.startswith("✗ not yet · exercise 99.1 · A title")
    assert max(map(len, shown.splitlines())) <= machinery.LINE_WIDTH


def test_the_wrong_form_is_raised_as_its_own_error() -> None:
    with pytest.raises(NotAnAnswer):
        machinery.Letters("ab")("c")
