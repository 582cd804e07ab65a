"""Text to batches: what page 06 claims about tokens, vocabulary, padding and bucketing."""

import subprocess
import sys

import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.text import PAD, UNKNOWN, UNKNOWN_ID, Vocabulary, batches, encode, plan_batches, tokenize

TEXTS = [
    "the plot was not dull , it was gripping",
    "dull",
    "",
    "the the the <br />",
    "it was gripping , not dull .",
]
LABELS = [1, 0, 0, 1, 1]


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary.build(TEXTS, size=20)


def test_a_review_becomes_lower_case_words_and_signs():
    assert tokenize("It WASN’T bad.<br /><br />10/10!") == ["it", "wasn't", "bad", ".", "10", "/", "10", "!"]


def test_entities_become_their_characters():
    assert tokenize("Tom &amp; Jerry &quot;x&quot;") == ["tom", "&", "jerry", '"', "x", '"']


def test_accents_stay_inside_their_word_however_they_are_encoded():
    assert tokenize("Café") == tokenize("Cafe\u0301") == ["café"]


def test_a_smaller_than_sign_is_not_taken_for_a_tag():
    assert tokenize("3 < 4 and 5 > 2") == ["3", "<", "4", "and", "5", ">", "2"]


def test_emoji_and_other_scripts_give_tokens():
    assert tokenize("很好 👍 хорошо") == ["很好", "👍", "хорошо"]


@given(st.text(max_size=200))
@settings(max_examples=300)
def test_any_text_gives_tokens_without_white_space(text):
    assert all(token and not any(sign.isspace() for sign in token) for token in tokenize(text))


@pytest.mark.parametrize("not_text", [None, b"bytes", 3, ["a"]])
def test_what_is_not_text_is_refused_by_name(not_text):
    with pytest.raises(TypeError, match=type(not_text).__name__):
        tokenize(not_text)


def test_pad_is_0_and_unknown_is_1(vocabulary):
    assert vocabulary.words[:2] == (PAD, UNKNOWN)
    assert vocabulary.encode(["gripping", "never-seen"])[1] == UNKNOWN_ID


def test_words_are_ranked_by_count_and_then_by_alphabet():
    assert Vocabulary.build(["b b a c"], size=10).words == (PAD, UNKNOWN, "b", "a", "c")


def test_size_counts_the_two_special_words():
    assert len(Vocabulary.build(["a b c d e"], size=4)) == 4


def test_a_vocabulary_is_the_same_in_every_process():
    code = (
        "from helpers.text import Vocabulary;"
        "print(Vocabulary.build(['one two three four five six seven'], 9).words)"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1


def test_a_vocabulary_without_its_special_words_is_refused():
    with pytest.raises(ValueError, match="<pad>"):
        Vocabulary(("a", "b"))


def test_a_word_that_stands_twice_is_refused():
    with pytest.raises(ValueError, match="twice"):
        Vocabulary((PAD, UNKNOWN, "a", "a"))


def test_texts_without_any_word_give_no_vocabulary():
    with pytest.raises(ValueError, match="no token"):
        Vocabulary.build(["", "  "], size=10)


def test_an_empty_text_becomes_one_unknown_word(vocabulary):
    encoded = encode(TEXTS, LABELS, vocabulary)
    assert encoded.lengths.tolist() == [9, 1, 1, 3, 7]
    assert encoded.batch(torch.tensor([2])).ids.tolist() == [[UNKNOWN_ID]]


def test_a_long_text_keeps_its_first_quarter_and_its_end():
    words = [f"w{i:02d}" for i in range(20)]
    vocabulary = Vocabulary.build([" ".join(words)], size=30)
    row = encode([" ".join(words)], [0], vocabulary, max_tokens=8).batch(torch.tensor([0]))
    assert vocabulary.decode(row.ids[0].tolist()) == ["w00", "w01", "w14", "w15", "w16", "w17", "w18", "w19"]


def test_as_many_labels_as_texts_are_needed(vocabulary):
    with pytest.raises(ValueError, match="5 texts and 2 labels"):
        encode(TEXTS, [0, 1], vocabulary)


@pytest.mark.filterwarnings("error")
def test_a_column_of_a_frame_can_be_encoded_without_a_warning(vocabulary):
    frame = pd.DataFrame({"text": TEXTS, "label": LABELS})
    assert encode(frame["text"], frame["label"], vocabulary).labels.tolist() == LABELS


def test_no_texts_are_refused(vocabulary):
    with pytest.raises(ValueError, match="at least one"):
        encode([], [], vocabulary)


def test_a_batch_holds_its_texts_padded_right_with_true_lengths(vocabulary):
    batch = encode(TEXTS, LABELS, vocabulary).batch(torch.tensor([4, 1, 3]))
    assert (
        batch.ids.shape == (3, 7)
        and batch.lengths.tolist() == [7, 1, 3]
        and batch.labels.tolist() == [1, 0, 1]
    )
    for row, length in enumerate(batch.lengths.tolist()):
        words = vocabulary.decode(batch.ids[row, :length].tolist())
        assert words == tokenize(TEXTS[[4, 1, 3][row]])
        assert (batch.ids[row, length:] == 0).all()


@given(st.lists(st.integers(1, 50), min_size=1, max_size=90), st.integers(1, 20), st.booleans())
def test_every_row_stands_in_exactly_one_batch(lengths, batch_size, training):
    generator = torch.Generator().manual_seed(3) if training else None
    plan = plan_batches(torch.tensor(lengths), batch_size, generator)
    assert sorted(torch.cat(plan).tolist()) == list(range(len(lengths)))
    assert sorted(map(len, plan))[1:] == [batch_size] * (len(plan) - 1)


def test_bucketing_leaves_little_padding_where_a_random_order_leaves_much():
    lengths = torch.randint(5, 400, (2000,), generator=torch.Generator().manual_seed(0))

    def padding(plan):
        padded = sum(int(lengths[rows].max()) * len(rows) for rows in plan)
        return 1 - int(lengths.sum()) / padded

    bucketed = padding(plan_batches(lengths, 64, torch.Generator().manual_seed(0)))
    shuffled = padding(torch.randperm(2000, generator=torch.Generator().manual_seed(0)).split(64))
    assert bucketed < 0.10 < 0.40 < shuffled


def test_training_order_changes_with_the_generator_and_repeats_with_its_seed(vocabulary):
    encoded = encode(TEXTS, LABELS, vocabulary)

    def order(seed):
        return [batch.rows.tolist() for batch in batches(encoded, 2, torch.Generator().manual_seed(seed))]

    assert order(1) == order(1)
    assert any(order(1) != order(seed) for seed in range(2, 8))
