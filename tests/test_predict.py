"""A saved classifier answers every text, says which words mattered, and refuses what is no text by name."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from any_text import ANY_TEXT
from hypothesis import given, settings
from hypothesis import strategies as st
from small_classifier import WORDS, taught

from helpers import artefact, predict
from helpers.artefact import Artefact
from helpers.text import encode

ONE = taught()
ROOT = Path(__file__).parents[1]


def is_a_whole_answer(answered: dict) -> bool:
    probabilities = answered["probabilities"]
    return (
        answered["label"] in ONE.classes
        and tuple(probabilities) == ONE.classes
        and abs(sum(probabilities.values()) - 1) < 1e-6
        and answered["probability"] == max(probabilities.values()) == probabilities[answered["label"]]
        and 0 <= answered["words_known"] <= answered["words"]
        and answered["words_read"] <= min(answered["words"], ONE.max_tokens)
    )


# Answers


@settings(max_examples=150)
@given(st.lists(ANY_TEXT, max_size=5))
def test_every_text_gets_a_whole_answer_that_json_can_hold(texts):
    answers = predict.answer(ONE, texts, mattered=3)
    assert len(answers) == len(texts) and all(map(is_a_whole_answer, answers))
    assert json.loads(json.dumps(answers)) == answers


@given(ANY_TEXT)
def test_a_text_gets_the_same_answer_alone_and_among_others(text):
    (alone,) = predict.answer(ONE, [text])
    among = predict.answer(ONE, ["good", text, "bad . " * 100])[1]
    assert alone["probabilities"] == pytest.approx(among["probabilities"], abs=1e-5)


@pytest.mark.parametrize(
    "text, words, known",
    [
        ("", 0, 0),
        ("  \t\n\u3000 ", 0, 0),
        ("<br /><i>", 0, 0),
        ("unheard words", 2, 0),
        ("<unk>", 0, 0),  # it looks like a tag
        ("< unk >", 3, 0),
        ("很好", 1, 0),
        ("👍🏽", 2, 0),
        ("\x00", 1, 0),
        ("\ud800 good", 2, 1),
        ("GOOD ＢＡＤ", 2, 2),
    ],
)
def test_strange_texts_have_defined_answers_and_say_how_many_words_are_known(text, words, known):
    (answered,) = predict.answer(ONE, [text], mattered=5)
    assert (answered["words"], answered["words_known"]) == (words, known) and is_a_whole_answer(answered)


def test_an_empty_text_is_answered_as_one_unknown_word_is():
    empty, unknown = predict.answer(ONE, ["", "unheard"])
    assert empty["probabilities"] == pytest.approx(unknown["probabilities"], abs=1e-6)


def test_a_text_of_100_000_words_is_answered_within_seconds_and_says_how_much_was_read():
    start = time.perf_counter()
    (answered,) = predict.answer(ONE, ["the film was not good . " * 17_000], mattered=5)
    assert time.perf_counter() - start < 20  # seconds; no more than a guard against forgetting the cut
    assert (answered["words"], answered["words_read"]) == (102_000, 400)


@pytest.mark.parametrize(
    "text, kind",
    [
        (b"good", "bytes"),
        (None, "NoneType"),
        (7, "int"),
        (float("nan"), "float"),
        (["good"], "list"),
        ({}, "dict"),
    ],
)
def test_what_is_no_text_is_refused_by_its_place_and_type(text, kind):
    for ask in (ONE.predict, ONE.probabilities, lambda texts: predict.answer(ONE, texts)):
        with pytest.raises(TypeError, match=f"text 1 of 3 is of type {kind}"):
            ask(["good", text, "bad"])


@pytest.mark.parametrize("texts", ["good", b"good", None, 7])
def test_what_is_no_list_of_texts_is_refused(texts):
    with pytest.raises(TypeError, match="predict takes a list of texts"):
        predict.answer(ONE, texts)


def test_bytes_are_told_to_be_decoded():
    with pytest.raises(TypeError, match=r"decode it first: text.decode\(\)"):
        ONE.predict([b"good"])


@pytest.mark.parametrize("kind", [tuple, pd.Series, iter])
def test_any_row_of_texts_will_do(kind):
    assert ONE.predict(kind(["good", "bad"]))["label"].tolist() == ["positive", "negative"]


def test_very_many_texts_are_answered_in_order_and_encoded_by_the_thousand(monkeypatch):
    seen = []
    monkeypatch.setattr(
        artefact, "encode", lambda texts, *rest: seen.append(len(texts)) or encode(texts, *rest)
    )
    texts = ["good film", "bad film .", "a plot"] * 1_500
    frame = ONE.predict(texts)
    assert frame["text"].tolist() == texts and max(seen) <= artefact.TEXTS_AT_ONCE < sum(seen) == 4_500
    three = ONE.predict(texts[:3])["positive"].tolist()
    assert frame["positive"].tolist() == pytest.approx(three * 1_500, abs=1e-5)


# The words that mattered


def test_a_word_matters_as_much_as_the_probability_changes_without_it():
    words = ["the", "film", "was", "not", "good", "."]
    changes = [found["change"] for found in predict.leave_out(ONE, " ".join(words))]
    texts = [" ".join(words), *(" ".join(words[:i] + words[i + 1 :]) for i in range(6))]
    frame = ONE.predict(texts)
    whole = frame[frame["label"][0]]
    assert changes == pytest.approx((whole[0] - whole[1:]).tolist(), abs=1e-6)


@pytest.mark.parametrize("polar, label", [("good", "positive"), ("bad", "negative")])
def test_the_word_that_decides_comes_first(polar, label):
    (answered,) = predict.answer(ONE, [f"the film , a plot , was {polar} ."], mattered=2)
    assert answered["label"] == label and answered["mattered"][0]["words"] == polar
    assert answered["mattered"][0]["change"] > 0.3 and len(answered["mattered"]) == 2


def test_a_word_that_speaks_against_the_label_has_a_negative_change():
    (answered,) = predict.answer(ONE, ["bad , bad good"], mattered=4)
    changes = {word["words"]: word["change"] for word in answered["mattered"]}
    assert answered["label"] == "negative" and changes["good"] < 0 < changes["bad"]
    sizes = [abs(word["change"]) for word in answered["mattered"]]
    assert sizes == sorted(sizes, reverse=True)  # the order does not ask for the direction


def test_a_single_word_left_out_leaves_the_unknown_word():
    (found,) = predict.leave_out(ONE, "good")
    whole, none = ONE.predict(["good", ""])["positive"]
    assert found["change"] == pytest.approx(whole - none, abs=1e-6)


def test_unknown_words_are_marked():
    assert [word["known"] for word in predict.leave_out(ONE, "good unheard bad")] == [True, False, True]


@pytest.mark.parametrize("length", [1, 99, 100, 101, 250, 400, 5_000])
def test_a_long_text_is_asked_a_bounded_number_of_times_and_every_word_read_is_left_out_once(length):
    text = " ".join(WORDS[i % 10] for i in range(length))
    found = predict.leave_out(ONE, text)
    assert len(found) <= predict.MOST_SPANS
    assert " ".join(word["words"] for word in found).split(" ") == predict.words_read(ONE, text)
    sizes = [len(word["words"].split(" ")) for word in found]
    assert [word["place"] for word in found] == [sum(sizes[:i]) for i in range(len(sizes))]


@given(st.lists(st.sampled_from([*WORDS, "unheard", "很好"]), max_size=30), st.integers(1, 12))
def test_the_words_read_are_those_that_are_encoded(words, most):
    one = Artefact(ONE.model, ONE.vocabulary, most)
    ids = one.vocabulary.encode(predict.words_read(one, " ".join(words))) or [1]
    assert ids == encode([" ".join(words)], [0], one.vocabulary, most).flat.tolist()


def test_a_text_without_words_has_none_that_mattered():
    assert predict.leave_out(ONE, " ") == [] and predict.answer(ONE, [" "], mattered=5)[0]["mattered"] == []


# The command line


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "classifier"
    artefact.save(ONE, folder)
    return folder


class Standard:
    """Standard input as a pipe that holds these bytes."""

    def __init__(self, content: bytes):
        import io

        self.buffer = io.BytesIO(content)

    def isatty(self):
        return False


def run(capsys, monkeypatch, *arguments, given=b""):
    """The command in this process: its exit code, its lines, its errors."""
    monkeypatch.setattr(sys, "stdin", Standard(given))
    monkeypatch.setattr(type(sys.stdout), "reconfigure", lambda *_, **__: None, raising=False)
    code = 0
    try:
        predict.main([str(argument) for argument in arguments])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
        print(end.code if isinstance(end.code, str) else "", file=sys.stderr)
    captured = capsys.readouterr()
    return code, captured.out.splitlines(), captured.err


def test_the_command_names_label_probability_and_the_words_that_mattered(capsys, monkeypatch, folder):
    code, lines, _ = run(capsys, monkeypatch, folder, "a good plot", "a bad plot")
    assert code == 0 and len(lines) == 4
    label, probability, text = lines[0].split(maxsplit=2)
    assert (label, text) == ("positive", "a good plot") and 0.9 < float(probability) <= 1
    assert lines[3].startswith("    mattered: bad +0.")


def test_the_command_reads_one_text_a_line_also_an_empty_one(capsys, monkeypatch, folder):
    given = " a good plot \r\n\nbad 👍 很好".encode()
    code, lines, _ = run(capsys, monkeypatch, folder, "--json", given=given)
    answers = [json.loads(line) for line in lines]
    assert code == 0 and [a["text"] for a in answers] == [" a good plot ", "", "bad 👍 很好"]
    assert [a["label"] for a in answers][::2] == ["positive", "negative"]
    assert all(map(is_a_whole_answer, answers))


def test_json_lines_hold_what_the_function_answers(capsys, monkeypatch, folder):
    _, (line,), _ = run(capsys, monkeypatch, folder, "--json", "--mattered", 2, "a good plot")
    assert json.loads(line) == {"text": "a good plot"} | predict.answer(ONE, ["a good plot"], mattered=2)[0]


def test_without_words_that_mattered_a_text_takes_one_line(capsys, monkeypatch, folder):
    assert len(run(capsys, monkeypatch, folder, "--mattered", 0, "a good plot")[1]) == 1


def test_nothing_asked_nothing_answered(capsys, monkeypatch, folder):
    assert run(capsys, monkeypatch, folder) == (0, [], "")


@pytest.mark.parametrize(
    "arguments, given, code, message",
    [
        (["nowhere", "good"], b"", 1, "error: no saved classifier in nowhere"),
        (["FOLDER"], b"good\nba\xff\n", 1, "line 2 of standard input is not UTF-8"),
        (["FOLDER", "--mattered", "-1"], b"", 2, "--mattered must be 0 to 100; got -1"),
        (["FOLDER", "--mattered", "many"], b"", 2, "invalid int value: 'many'"),
        ([], b"", 2, "the following arguments are required: folder"),
    ],
)
def test_errors_go_to_standard_error_with_a_code(
    capsys, monkeypatch, folder, arguments, given, code, message
):
    arguments = [folder if argument == "FOLDER" else argument for argument in arguments]
    found, lines, errors = run(capsys, monkeypatch, *arguments, given=given)
    assert found == code and lines == [] and message in errors


@given(st.text(max_size=300))
def test_what_is_shown_on_a_terminal_is_one_printable_line(text):
    line = predict.shown(text)
    assert line.isprintable() and len(line) <= 60


def test_a_text_cannot_steer_the_terminal(capsys, monkeypatch, folder):
    _, lines, _ = run(capsys, monkeypatch, folder, "good \x1b[31mred\x07\x00\ud800\u202e")
    assert all(line.isprintable() for line in lines)


@pytest.mark.skipif(os.name == "nt", reason="arguments are bytes on POSIX only")
def test_the_command_takes_any_bytes_prints_in_ascii_and_does_not_mind_a_reader_who_leaves(folder):
    texts = [b"bad \xff", "很好".encode(), *[b"a good plot"] * 3_000]
    command = [sys.executable.encode(), b"-m", b"helpers.predict", os.fsencode(folder), b"--mattered", b"0"]
    with subprocess.Popen(
        command + texts,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    ) as process:
        assert process.stdout.readline().startswith(b"negative")
        assert process.stdout.readline().endswith(b"\\u5f88\\u597d\n")
        process.stdout.close()  # as `head -2` does
        assert process.stderr.read() == b"" and process.wait() == 0
