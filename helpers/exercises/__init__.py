"""Exercises that name the mistake: `check(exercise_id, answer)` says what is not right yet and gives a hint.

How an author writes an exercise (page 00 has three to look at):

1. `helpers/exercises/pageNN.py` says what is right and which mistakes are known:

       EXERCISES = (
           Exercise(
               id="00.1", title="One nudge", kind="predict", minutes=1, difficulty=1,
               hints=("a question …", "a smaller step …"),
               answer=0.3,                              # of the form that the reader gives
               fingerprints=(
                   Fingerprint("SL01", 6.3),            # a known wrong answer, of the same form
                   Fingerprint("SL02", when=lambda seen: seen == 3),   # or a test of what is compared
               ),
           ),
       )

   A function as answer: `answer=lambda w: 6 * w, observe=OnInputs((2.0,), (-1.5,))`, and fingerprints are
   functions too, `Fingerprint("DC01", lambda w: 2 * w)`. A vote: `answer="b", observe=Letters("abcd")`. Lines
   to be put in order: `answer="cadb", observe=Order("abcdx")`, other good orders in `also_right`. Anything
   else: `observe` is any function from an answer to what is compared (a dict gives the best messages).
   `Remark(id, when)` lets a right answer pass and says a word about a habit.
2. `misconceptions.csv` has a row for each id: belief, question (first hint), smaller_step (second hint). A
   hint never holds the answer.
3. On the page, five cells with `metadata.course = {"exercise": "00.1", "role": …}`: `card` (Markdown; begins
   with `exercise.card()`, metadata are `exercise.metadata()`), `stub` (code; the place to fill is `...`),
   `check` (code; its last line is `check("00.1", guess)`, for a prediction `check("00.1", guess, measured)`),
   `hints` (Markdown; exactly `exercise.folded_hints()`), `solution` (Markdown; a python block that replaces
   the stub, and the reason, inside <details>). Code that the exercise needs is tagged `exercise-setup`.
4. `tests/wrong_answers/pageNN.py` has each mistake as a reader would write it in the stub's place:
   `WRONG = {"00.1": [("SL01", "guess = 6.3")]}`, and right answers written differently:
   `RIGHT = {"00.1": ["guess = 3 / 10"]}`.

`tests/test_exercises.py` then plays every stub, every solution and every wrong answer.
"""

from helpers.exercises.comparing import same, source_of
from helpers.exercises.machinery import (
    Exercise,
    Fingerprint,
    Letters,
    NotAnAnswer,
    OnInputs,
    Order,
    Remark,
    Verdict,
    a_function,
    check,
    find_exercise,
)

__all__ = [
    "Exercise",
    "Fingerprint",
    "Letters",
    "NotAnAnswer",
    "OnInputs",
    "Order",
    "Remark",
    "Verdict",
    "a_function",
    "check",
    "find_exercise",
    "same",
    "source_of",
]
