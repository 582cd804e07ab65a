"""How an answer is judged: is it right, which mistake does it look like, which hint is due.

Every page uses this through `check`; page 00 shows a reader how. Nothing here knows any page: a page's own
exercises stand in `pageNN.py` beside this file, what its mistakes are called in `misconceptions.csv`.

An answer, the right answer and every known wrong one have the same form (a number, a list, a function, a
letter, an order of lines). `Exercise.observe` turns each of them into what is compared, so that "right" and
"this known mistake" are decided by one rule.
"""

import copy
import csv
import importlib
import pkgutil
import re
import textwrap
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from helpers.exercises.comparing import (
    Raised,
    has_hole,
    has_hole_in_source,
    plain,
    same,
    show,
    show_arguments,
    where,
    written_number,
)

KINDS = ("predict", "complete", "find-the-bug", "explain", "vote", "order", "make")

NOT_DONE, RIGHT, NOT_YET = "not done yet", "right", "not yet"
MARKS = {NOT_DONE: "○", RIGHT: "✓", NOT_YET: "✗"}
LINE_WIDTH = 88

TO_THE_SOLUTION = (
    "Open the folded solution of this exercise and read its reason. Then close it and write the answer again "
    "yourself."
)


class NotAnAnswer(ValueError):
    """The answer has not the form that was asked for; the message says which form is."""


def a_function(answer: Any) -> Callable:
    """The answer, which must be a function."""
    if not callable(answer):
        raise NotAnAnswer("The exercise asks for the function, without brackets behind its name.")
    return answer


class _Nothing:
    """Stands for "not given" where None could be given."""


NOTHING = _Nothing()


# What is asked, and the known mistakes


@dataclass(frozen=True)
class Misconception:
    """A row of `misconceptions.csv`: a belief, and the two hints that help to see through it."""

    id: str
    topic: str
    belief: str
    question: str
    smaller_step: str


@dataclass(frozen=True)
class Fingerprint:
    """How one misconception shows in an answer.

    Give `wrong`, an answer of the same form as the right one (it is observed in the same way, also where it
    raises), or `when`, a test of what was observed.
    """

    misconception: str
    wrong: Any = NOTHING
    when: Callable[[Any], bool] | None = None

    def __post_init__(self) -> None:
        if (self.wrong is NOTHING) == (self.when is None):
            raise ValueError(f"fingerprint {self.misconception}: give either `wrong` or `when`")


@dataclass(frozen=True)
class Remark:
    """A habit that does no harm here, so the answer passes; `when` is given the answer itself."""

    misconception: str
    when: Callable[[Any], bool]


def as_it_is(answer: Any) -> Any:
    """The answer is a value: compare it as it is."""
    return answer


def not_a_number(answer: Any) -> str:
    """What to say of an answer that should be a number and is none; empty where it is one."""
    given = plain(answer)
    if isinstance(given, str) and written_number(given) is None:
        return (
            f"The exercise asks for a number; you gave {show(answer)}. Write it without quotes "
            "and with a point, as in 0.25, or let Python compute it, as in 1 / 4."
        )
    if isinstance(answer, tuple) and len(given) == 2 and all(type(part) is int for part in given):
        whole, decimals = given
        return f"Python reads {whole},{decimals} as two numbers. A decimal has a point: {whole}.{decimals}"
    return ""


class OnInputs:
    """The answer is a function: call it on each input (a tuple of arguments) and compare the results."""

    def __init__(self, *inputs: tuple) -> None:
        self.inputs = inputs

    def __call__(self, answer: Any) -> list:
        if not callable(answer):
            raise NotAnAnswer(f"The exercise asks for a function; you gave {show(answer)}.")
        results = []
        for arguments in self.inputs:
            try:
                results.append(answer(*copy.deepcopy(arguments)))
            except Exception as error:
                error.add_note(f"for the input {show_arguments(arguments)}")
                raise
        return results

    def describe(self, observed: list, right: list, tolerance: float) -> str:
        for arguments, result, expected in zip(self.inputs, observed, right, strict=True):
            if not same(result, expected, tolerance):
                return f"For the input {show_arguments(arguments)} your function gives {show(result)}."
        return ""


class Letters:
    """The answer is one letter of those offered; b, "B" and "(b)" are the same."""

    def __init__(self, letters: str) -> None:
        self.letters = letters

    def __call__(self, answer: Any) -> str:
        letter = str(answer).strip().strip("().: ").lower()
        if len(letter) != 1 or letter not in self.letters:
            offered = ", ".join(self.letters)
            raise NotAnAnswer(f"Answer with one letter of {offered}, in quotes; you gave {show(answer)}.")
        return letter

    def describe(self, observed: str, right: str, tolerance: float) -> str:
        return f'You chose "{observed}".'


class Order:
    """The answer is an order of labelled lines: "dacb", "d a c b" and ["d", "a", "c", "b"] are the same.

    Lines may be left out (some may be there to mislead); none may be used twice.
    """

    def __init__(self, labels: str) -> None:
        self.labels = labels

    def __call__(self, answer: Any) -> str:
        parts = "".join(map(str, answer)) if isinstance(answer, Sequence) else str(answer)
        order = re.sub(r"[\s,;>→-]", "", parts).lower()
        if not order or set(order) - set(self.labels) or len(set(order)) < len(order):
            offered = ", ".join(self.labels)
            raise NotAnAnswer(
                f'Answer with the labels of the lines in their order, each once, as in "{self.labels[:3]}…"; '
                f"the labels are {offered}; you gave {show(answer)}."
            )
        return order

    def describe(self, observed: str, right: str, tolerance: float) -> str:
        if len(observed) != len(right):
            return f"You used {len(observed)} of the lines; {len(right)} are needed."
        return f"Your order is {' '.join(observed)}."


@dataclass(frozen=True)
class Exercise:
    """One exercise: what its card says, its right answer, and the mistakes it recognises.

    id: page and number, "01.2". kind: one of KINDS. minutes: for a reader who has read the page.
    difficulty: 1 to 3. hints: a question, then a smaller step; they are folded on the page and given for
    a wrong answer that no fingerprint knows. answer: the right answer, in the form the reader gives it.
    observe: what is compared (see `as_it_is`, `OnInputs`, `Letters`, `Order`, or any function of an answer).
    because: said after a right answer. tolerance: numbers agree within tolerance · max(1, |right|).
    """

    id: str
    title: str
    kind: str
    minutes: int
    difficulty: int
    hints: tuple[str, str]
    answer: Any
    fingerprints: tuple[Fingerprint, ...]
    observe: Callable[[Any], Any] = as_it_is
    also_right: tuple = ()
    remarks: tuple[Remark, ...] = ()
    because: str = ""
    tolerance: float = 1e-5

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\d\d\.\d+", self.id):
            raise ValueError(f'exercise id {self.id!r}: expected page and number, as "01.2"')
        if self.kind not in KINDS:
            raise ValueError(f"exercise {self.id}: kind {self.kind!r} is not one of {', '.join(KINDS)}")
        if self.difficulty not in (1, 2, 3):
            raise ValueError(f"exercise {self.id}: difficulty {self.difficulty!r} is not 1, 2 or 3")
        if len(self.hints) != 2:
            raise ValueError(f"exercise {self.id}: expected two hints, a question and a smaller step")

    @property
    def misconceptions(self) -> list[str]:
        """Ids of the misconceptions this exercise can recognise, each once, in the order given."""
        return list(dict.fromkeys(part.misconception for part in (*self.fingerprints, *self.remarks)))

    @property
    def asks_for_a_number(self) -> bool:
        """Whether the answer is one number, and no function, letter or list."""
        return self.observe is as_it_is and type(plain(self.answer)) in (int, float)

    def metadata(self) -> dict:
        """What the card cell of the page carries as `metadata["course"]`."""
        return {
            "exercise": self.id,
            "role": "card",
            "kind": self.kind,
            "minutes": self.minutes,
            "difficulty": self.difficulty,
            "misconceptions": self.misconceptions,
        }

    def card(self) -> str:
        """The first two lines of the card cell (Markdown)."""
        level = "●" * self.difficulty + "○" * (3 - self.difficulty)
        minutes = "1 minute" if self.minutes == 1 else f"{self.minutes} minutes"
        return f"### Exercise {self.id} · {self.title}\n*{self.kind} · {minutes} · difficulty {level}*"

    def folded_hints(self) -> str:
        """The whole hints cell (Markdown)."""
        folds = zip(("Hint 1: a question", "Hint 2: a smaller step"), self.hints, strict=True)
        return "\n".join(
            f"<details><summary>{name}</summary>\n\n{text}\n\n</details>" for name, text in folds
        )


# The verdict, and which hint is due


@dataclass(frozen=True, repr=False)
class Verdict:
    """What `check` found; its repr is what the page shows."""

    exercise: str
    title: str
    status: str
    message: str = ""
    hint: str = ""
    diagnosis: str | None = None

    def __repr__(self) -> str:
        lines = [f"{MARKS[self.status]} {self.status} · exercise {self.exercise} · {self.title}"]
        for paragraph in filter(None, (self.message, self.hint)):
            lines += textwrap.wrap(paragraph, LINE_WIDTH, initial_indent="  ", subsequent_indent="  ")
        return "\n".join(lines)


def observe(exercise: Exercise, answer: Any) -> Any:
    """What is compared: the observation in plain form, or `Raised` where the answer's code stops."""
    try:
        return plain(exercise.observe(answer))
    except NotAnAnswer:
        raise
    except Exception as error:
        return Raised(type(error).__name__, str(error), _where_raised(error, answer))


def _where_raised(error: Exception, answer: Any) -> str:
    """The line of the answer that raised, and the input it was given."""
    parts = list(getattr(error, "__notes__", ()))
    code = getattr(answer, "__code__", None) or getattr(getattr(answer, "__init__", None), "__code__", None)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if code is not None and frame.filename == code.co_filename]
    if own and own[-1].line:
        parts.insert(0, f"in the line `{own[-1].line.strip()}`")
    return ", ".join(parts)


def diagnose(exercise: Exercise, observed: Any) -> str | None:
    """The misconception whose fingerprint agrees with what was observed; None where none does."""
    for fingerprint in exercise.fingerprints:
        if fingerprint.when is None:
            agrees = same(observed, observe(exercise, fingerprint.wrong), exercise.tolerance)
        else:
            try:
                agrees = not isinstance(observed, Raised) and bool(fingerprint.when(observed))
            except Exception:  # the test was not written for an answer of this form, so it does not agree
                agrees = False
        if agrees:
            return fingerprint.misconception
    return None


_times_wrong: Counter = Counter()


def next_hint(exercise: Exercise, diagnosis: str | None) -> str:
    """A question the first time, a smaller step the second, from the third on the way to the solution."""
    _times_wrong[exercise.id, diagnosis] += 1
    known = misconceptions().get(diagnosis) if diagnosis else None
    question, step = (known.question, known.smaller_step) if known else exercise.hints
    texts = (f"Think: {question}", f"A smaller step: {step}", TO_THE_SOLUTION)
    return texts[min(_times_wrong[exercise.id, diagnosis], len(texts)) - 1]


def check(exercise_id: str, answer: Any, measured: Any = NOTHING) -> Verdict:
    """Judge an answer and say what to do next; never raises for an answer, whatever it is.

    exercise_id: as on the card, "01.2". answer: what the reader wrote; `...` means not written yet.
    measured: for a prediction, what the page has just computed; shown beside the guess.
    """
    exercise = find_exercise(exercise_id)

    def verdict(status: str, *message: str, hint: str = "", diagnosis: str | None = None) -> Verdict:
        text = " ".join(filter(None, message))
        return Verdict(exercise.id, exercise.title, status, text, hint, diagnosis)

    result = ""
    if exercise.kind == "predict":
        result = f"it is {show(exercise.answer if measured is NOTHING else measured)}."
        if measured is not NOTHING and not same(measured, exercise.answer, exercise.tolerance):
            result += " (The page expects another result: restart the kernel and run it from the top.)"
    unwritten = (
        f"You made no guess this time; {result}"
        if result
        else "Replace the ... above, run that cell, then this one."
    )

    if has_hole(answer):
        return verdict(NOT_DONE, unwritten)
    try:
        observed = observe(exercise, answer)
    except NotAnAnswer as problem:
        return verdict(NOT_YET, str(problem))
    if has_hole(observed):
        return verdict(NOT_DONE, unwritten)
    said = f"You said {show(answer)}; {result}" if result else ""

    if any(
        same(observed, observe(exercise, right), exercise.tolerance)
        for right in (exercise.answer, *exercise.also_right)
    ):
        for remark in exercise.remarks:
            if remark.when(answer):
                question = misconceptions()[remark.misconception].question
                hint = f"One remark, though the result is right: {question}"
                return verdict(RIGHT, said, exercise.because, hint=hint, diagnosis=remark.misconception)
        return verdict(RIGHT, said, exercise.because)
    if has_hole_in_source(answer):
        return verdict(NOT_DONE, unwritten)

    diagnosis = diagnose(exercise, observed)
    if isinstance(observed, Raised):
        place = f" ({observed.where})" if observed.where else ""
        said = f"Your code stopped with {observed.type}: {observed.text}{place}."
        if diagnosis is None:
            return verdict(NOT_YET, said, "Look there first: what it computes can be judged once it runs.")
    elif diagnosis is None and exercise.asks_for_a_number and (form := not_a_number(answer)):
        return verdict(NOT_YET, form)
    elif not said:
        right = observe(exercise, exercise.answer)
        describe = getattr(exercise.observe, "describe", where)
        said = describe(observed, right, exercise.tolerance)
        if exercise.observe is as_it_is:
            said = f"You answered {show(answer)}. {said}".strip()
    return verdict(NOT_YET, said, hint=next_hint(exercise, diagnosis), diagnosis=diagnosis)


# Where the exercises and the catalogue stand


@cache
def misconceptions() -> dict[str, Misconception]:
    """The catalogue, by id."""
    with (
        resources.files(__package__).joinpath("misconceptions.csv").open(encoding="utf-8", newline="") as rows
    ):
        return {row["id"]: Misconception(**row) for row in csv.DictReader(rows)}


def pages() -> list[str]:
    """Numbers of the pages that have exercises: "00", "01", …"""
    package = importlib.import_module(__package__)
    names = (module.name for module in pkgutil.iter_modules(package.__path__))
    return sorted(name.removeprefix("page") for name in names if re.fullmatch(r"page\d\d", name))


def page_exercises(page: str) -> dict[str, Exercise]:
    """The exercises of one page, by id."""
    module = importlib.import_module(f"{__package__}.page{page}")
    return {exercise.id: exercise for exercise in module.EXERCISES}


def find_exercise(exercise_id: str) -> Exercise:
    """The exercise with this id; LookupError names those that its page has."""
    page = str(exercise_id)[:2]
    known = page_exercises(page) if page in pages() else {}
    if exercise_id not in known:
        there_are = f"page {page} has {', '.join(known)}" if known else f"page {page!r} has no exercises"
        raise LookupError(f"there is no exercise {exercise_id!r}; {there_are}")
    return known[exercise_id]
