"""The generated corpora keep their theorems: what pages claim of them is counted here, in whole numbers."""

import collections
import hashlib
import itertools
import math
import os
import random
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from helpers import corpus, twins
from helpers.twins import NEGATIVE, POLARITY, POSITIVE, anagram_key, polar_words, twin

SPLITS = ("train", "validation", "test")
DISTANCES = (1, 2, 4, 24)


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    return twins.twin_frames()


@pytest.fixture(scope="module", params=("twins", "gap"))
def each(request: pytest.FixtureRequest) -> dict[str, pd.DataFrame]:
    """The splits of each of the generated corpora in turn."""
    return twins.twin_frames() if request.param == "twins" else twins.gap_frames(corpus.DEFAULT_DISTANCE)


def of_quadruples(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["quadruple"] >= 0]


def right(frame: pd.DataFrame, rule) -> float:
    """Reviews on which ``rule`` gives the label; a half for each on which it gives none."""
    answers = [rule(text) for text in frame["text"]]
    return sum(
        0.5 if answer is None else answer == label
        for answer, label in zip(answers, frame["label"], strict=True)
    )


# Sizes, splits and repetition.


def test_splits_have_the_announced_sizes(each) -> None:
    for split, (quadruples, plain) in {
        "train": (1000, 1000),
        "validation": (150, 150),
        "test": (250, 250),
    }.items():
        assert len(of_quadruples(each[split])) == 4 * quadruples
        assert (each[split]["family"] == "plain").sum() == plain == len(each[split]) - 4 * quadruples


def test_both_labels_are_equally_frequent_among_twins_and_among_plain_reviews(each) -> None:
    for frame in each.values():
        assert (frame.groupby(frame["quadruple"] >= 0)["label"].mean() == 0.5).all()


def test_no_text_occurs_twice_within_or_across_splits(each) -> None:
    assert not pd.concat(each.values())["text"].duplicated().any()


def test_splits_share_no_pair_of_adjectives(each) -> None:
    pairs = {split: {frozenset(polar_words(text)) for text in frame["text"]} for split, frame in each.items()}
    for one, other in itertools.combinations(SPLITS, 2):
        assert pairs[one].isdisjoint(pairs[other])


def test_train_has_every_word_of_the_other_splits(frames) -> None:
    known = {word for text in frames["train"]["text"] for word in text.split()}
    for split in ("validation", "test"):
        assert {word for text in frames[split]["text"] for word in text.split()} <= known


def test_quadruples_are_whole_and_of_one_pair(each) -> None:
    for frame in each.values():
        for _, four in of_quadruples(frame).groupby("quadruple"):
            assert len(four) == 4
            assert four["family"].nunique() == 1
            assert len({frozenset(polar_words(text)) for text in four["text"]}) == 1


def test_texts_are_lower_case_tokens_with_one_space_between(each) -> None:
    for text in pd.concat(each.values())["text"]:
        assert re.fullmatch(r"([a-z]+|[.,;])( ([a-z]+|[.,;]))*", text), text


def test_twins_have_231_words_and_9_to_47_tokens(frames) -> None:
    texts = [text.split() for text in pd.concat(frames.values())["text"]]
    assert len({word for text in texts for word in text}) == 231
    assert min(map(len, texts)) == 9
    assert max(map(len, texts)) == 47
    assert round(np.mean([len(text) for text in texts]), 1) == 27.5


def test_the_adjectives_are_twenty_of_each_polarity() -> None:
    assert len(set(POSITIVE)) == len(POSITIVE) == 20
    assert len(set(NEGATIVE)) == len(NEGATIVE) == 20
    assert not set(POSITIVE) & set(NEGATIVE)


# Theorem 1: the bag of words says nothing.


def test_every_twin_has_an_anagram_with_the_opposite_label(each) -> None:
    for frame in map(of_quadruples, each.values()):
        labels = dict(zip(frame["text"], frame["label"], strict=True))
        for text, label in labels.items():
            assert anagram_key(twin(text)) == anagram_key(text)
            assert labels[twin(text)] == 1 - label


def test_every_bag_of_words_has_both_labels_equally_often_so_any_function_of_it_is_right_on_one_half(
    each,
) -> None:
    for frame in map(of_quadruples, each.values()):
        counts: dict[str, list[int]] = collections.defaultdict(lambda: [0, 0])
        for text, label in zip(frame["text"], frame["label"], strict=True):
            counts[anagram_key(text)][label] += 1
        assert all(negative == positive for negative, positive in counts.values())


def test_no_logistic_regression_on_counts_has_a_loss_below_ln_2_on_twins(frames) -> None:
    """The loss is convex; at weights of zero, where it is ln 2, its gradient is zero: that is the least."""
    frame = of_quadruples(frames["train"])
    counts = CountVectorizer(token_pattern=r"\S+", dtype=np.int64).fit_transform(frame["text"])
    gradient_at_zero = counts.T @ (2 * frame["label"].to_numpy() - 1)  # times -1/2: whole numbers, exact
    assert not gradient_at_zero.any()


def test_a_trained_bag_of_words_is_right_on_every_plain_review_and_on_exactly_half_the_twins(frames) -> None:
    vectorizer = CountVectorizer(token_pattern=r"\S+", dtype=np.int64)
    counts = vectorizer.fit_transform(frames["train"]["text"])
    model = LogisticRegression(max_iter=1000).fit(counts, frames["train"]["label"])
    test = frames["test"]
    # whole numbers as weights, so that equal bags have equal scores whatever the order of summing
    weights = np.round(model.coef_[0] * 1e6).astype(np.int64)
    hits = ((vectorizer.transform(test["text"]) @ weights > 0) == test["label"]).groupby(
        test["quadruple"] >= 0
    )
    assert hits.sum().to_dict() == {False: 250, True: 500}


def test_trained_on_twins_alone_a_bag_of_words_stays_at_ln_2(frames) -> None:
    frame = of_quadruples(frames["train"])
    counts = CountVectorizer(token_pattern=r"\S+").fit_transform(frame["text"])
    probability = LogisticRegression(max_iter=1000).fit(counts, frame["label"]).predict_proba(counts)
    loss = -np.log(probability[np.arange(len(frame)), frame["label"]]).mean()
    assert loss == pytest.approx(math.log(2), abs=1e-9)


# Theorem 2: the adjectives and their order say nothing.


def test_in_a_quadruple_each_order_of_the_adjectives_has_both_labels(each) -> None:
    for frame in map(of_quadruples, each.values()):
        for _, four in frame.groupby("quadruple"):
            seen = {
                (*polar_words(text), label) for text, label in zip(four["text"], four["label"], strict=True)
            }
            assert len(seen) == 4


@pytest.mark.parametrize("place", [0, -1], ids=["first", "last"])
def test_the_first_and_the_last_polar_word_are_right_on_exactly_half_the_twins(each, place: int) -> None:
    for frame in map(of_quadruples, each.values()):
        assert right(frame, lambda text: POLARITY[polar_words(text)[place]]) == len(frame) / 2


@pytest.mark.parametrize("seed", [None, 0, 1, 2])
def test_every_sum_over_a_lexicon_is_right_on_exactly_half_the_twins(each, seed: int | None) -> None:
    values = {word: 2 * polarity - 1 for word, polarity in POLARITY.items()}
    if seed is not None:  # any lexicon at all
        rng = random.Random(seed)
        values = {word: rng.randint(-9, 9) for word in values}

    def rule(text: str) -> int | None:
        total = sum(values[word] for word in polar_words(text))
        return int(total > 0) if total else None

    for frame in map(of_quadruples, each.values()):
        assert right(frame, rule) == len(frame) / 2


def test_a_plain_review_is_what_both_its_adjectives_are(each) -> None:
    for frame in each.values():
        for text, label in frame.loc[frame["family"] == "plain", ["text", "label"]].itertuples(index=False):
            assert [POLARITY[word] for word in polar_words(text)] == [label, label]


# The labels are those that a reader gives who knows the conventions of the data card.

DENIALS = (
    r"do not believe [a-z ]+? when s?he says that|is wrong to say that"
    r"|i cannot agree with people who say that"
)
DECIDING = (
    r"i found it (\w+)",
    r"i got something (\w+)",
    r"\bthis year .*?\bwas (\w+)",
    r"everybody i asked would call it (\w+)",
    r"i would call it (\w+)",
    r"far more (\w+)",
    r"far less \w+ than (\w+)",
    r"was (\w+) , it was not",
    r"was not \w+ , it was (\w+)",
    r"was (\w+) , even if",
    r", but the \w+ was (\w+)",
    r"it was (\w+) , [a-z ]+ , (?:although|in spite of)",
    r"(?:although the|in spite of the) [a-z ]+ , [a-z ]+ , it was (\w+)",
)


def verdict(text: str) -> int:
    deciding = {match[1] for pattern in DECIDING if (match := re.search(pattern, text))}
    assert len(deciding) == 1, (text, deciding)
    return POLARITY[deciding.pop()] ^ len(re.findall(DENIALS, text)) % 2


def test_a_reader_who_knows_the_conventions_agrees_with_every_label(frames) -> None:
    for frame in frames.values():
        assert right(of_quadruples(frame), verdict) == len(of_quadruples(frame))


def test_two_denials_cancel_and_no_split_has_two(frames) -> None:
    double = twins.denied_twins(2)
    assert len(double) == 1000
    assert (double["denials"] == 2).all()
    assert all(len(re.findall(DENIALS, text)) == 2 for text in double["text"])
    assert right(double, verdict) == 1000
    assert {count for frame in frames.values() for count in frame["denials"]} == {0, 1}


@pytest.mark.parametrize("times", range(5))
def test_each_further_denial_flips_the_label_once_more(times) -> None:
    denied = twins.denied_twins(times, 20)
    assert all(len(re.findall(DENIALS, text)) == times for text in denied["text"])
    assert right(denied, verdict) == len(denied) == 80


@pytest.mark.parametrize("times", [-1, 8])
def test_more_denials_than_speakers_are_refused(times) -> None:
    with pytest.raises(ValueError, match="0 to 7"):
        twins.denied_twins(times, 1)


def test_double_denials_use_no_pair_of_adjectives_that_was_trained_on(frames) -> None:
    trained = {frozenset(polar_words(text)) for split in SPLITS[:2] for text in frames[split]["text"]}
    assert trained.isdisjoint(frozenset(polar_words(text)) for text in twins.denied_twins(2)["text"])


# Theorem 3: in the gap corpus, n-grams say nothing until they are longer than the gap.


def n_grams(text: str, n: int) -> collections.Counter:
    words = text.split()
    return collections.Counter(tuple(words[start : start + n]) for start in range(len(words) - n + 1))


@pytest.mark.parametrize("distance", DISTANCES)
def test_twins_of_the_gap_corpus_have_equal_bags_of_n_grams_up_to_the_distance_and_two_more(
    distance: int,
) -> None:
    for text in of_quadruples(twins.gap_frames(distance)["test"])["text"].head(40):
        assert all(n_grams(text, n) == n_grams(twin(text), n) for n in range(1, distance + 3))
        assert n_grams(text, distance + 3) != n_grams(twin(text), distance + 3)


@pytest.mark.parametrize("distance", DISTANCES)
def test_in_the_gap_corpus_this_years_adjective_decides_and_both_sentences_have_the_same_fillers(
    distance: int,
) -> None:
    sentence = re.compile(r"(this|last) year ((?:\w+ )+)it was (\w+) ((?:\w+ )+)\.")
    for text, label in twins.gap_frames(distance)["test"][["text", "label"]].itertuples(index=False):
        (one, before, first, after), (two, *rest, second, again) = sentence.findall(text)
        assert {one, two} == {"this", "last"}
        assert (before, after) == (rest[0], again)
        assert len(before.split()) == len(after.split()) == distance
        assert label == POLARITY[first if one == "this" else second]


# The same corpus everywhere.


def test_the_corpora_are_the_same_on_every_machine() -> None:
    """If the grammar is meant to change, so are these; and so are numbers in the pages."""
    assert fingerprint(twins.twin_frames()) == "58d21354168da0d6"
    assert fingerprint(twins.gap_frames(4)) == "6ce95c61491f07c7"


def fingerprint(splits: dict[str, pd.DataFrame]) -> str:
    rows = [tuple(row) for split in SPLITS for row in splits[split].itertuples(index=False)]
    return hashlib.sha256(repr([(str(row[0]), *map(str, row[1:])) for row in rows]).encode()).hexdigest()[:16]


def test_processes_with_other_hash_seeds_generate_the_same_corpus(frames) -> None:
    code = "import json, helpers.twins as t; print(json.dumps(list(t.twin_frames()['test']['text'])))"
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1


def test_another_seed_gives_another_corpus(frames) -> None:
    other = twins.twin_frames(seed=1)
    assert set(other["test"]["text"]).isdisjoint(frames["test"]["text"])
    assert len(other["test"]) == len(frames["test"])


# Twins by hand.


def test_the_twin_of_the_twin_is_the_review() -> None:
    text = "the plot was not dull , it was gripping ."
    assert twin(text) == "the plot was not gripping , it was dull ."
    assert twin(twin(text)) == text


@pytest.mark.parametrize(
    "text", ["", "the plot was dull .", "it was dull and bland .", "dull , lovely , superb"]
)
def test_a_text_without_exactly_one_adjective_of_each_polarity_has_no_twin(text: str) -> None:
    with pytest.raises(ValueError, match="one positive and one negative adjective"):
        twin(text)
