"""One door for all corpora: names, the fall-back of "auto", data cards."""

import dataclasses
import re

import pandas as pd
import pytest

from helpers import corpus, imdb
from helpers.corpus import CorpusError


@pytest.fixture
def no_imdb(monkeypatch: pytest.MonkeyPatch) -> None:
    """IMDb is not to be had, and COURSE_CORPUS says nothing."""

    def missing() -> dict[str, pd.DataFrame]:
        raise CorpusError("IMDb cannot be had (no network).")

    monkeypatch.setattr(imdb, "split_frames", missing)
    monkeypatch.delenv("COURSE_CORPUS", raising=False)


@pytest.fixture
def some_imdb(monkeypatch: pytest.MonkeyPatch) -> None:
    """IMDb is two reviews in each split, and COURSE_CORPUS says nothing."""
    frame = pd.DataFrame({"text": ["bad .", "very good ."], "label": [0, 1], "rating": [2, 9]})
    monkeypatch.setattr(imdb, "split_frames", lambda: dict.fromkeys(("train", "validation", "test"), frame))
    monkeypatch.delenv("COURSE_CORPUS", raising=False)


@pytest.mark.parametrize("name", ["twins", "gap", "imdb"])
def test_a_corpus_has_three_splits_with_text_and_label(some_imdb, name: str) -> None:
    data = corpus.load(name)
    assert data.name == name
    for split in (data.train, data.validation, data.test):
        assert list(split.columns[:2]) == ["text", "label"]
        assert set(split["label"]) == {0, 1}
        assert list(split.index) == list(range(len(split)))


def test_auto_is_imdb_where_it_can_be_had(some_imdb, capsys: pytest.CaptureFixture[str]) -> None:
    assert corpus.load().name == "imdb"
    assert capsys.readouterr().out == ""


def test_auto_falls_back_to_the_twins_and_one_printed_line_says_why(
    no_imdb, capsys: pytest.CaptureFixture[str]
) -> None:
    data = corpus.load()
    assert data.name == "twins"
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert "twins" in printed
    assert "IMDb cannot be had (no network)." in printed


def test_imdb_asked_for_by_name_does_not_fall_back(no_imdb) -> None:
    with pytest.raises(CorpusError, match="cannot be had"):
        corpus.load("imdb")


def test_course_corpus_says_what_auto_is(some_imdb, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("twins", "imdb"):
        monkeypatch.setenv("COURSE_CORPUS", name)
        assert corpus.load().name == name


def test_course_corpus_imdb_does_not_fall_back(no_imdb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_CORPUS", "imdb")
    with pytest.raises(CorpusError, match="cannot be had"):
        corpus.load()


def test_a_name_in_the_call_wins_over_course_corpus(some_imdb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_CORPUS", "twins")
    assert corpus.load("imdb").name == "imdb"


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(CorpusError, match=r"no corpus 'IMDB'.*Expected one of auto, imdb, twins, gap"):
        corpus.load("IMDB")


@pytest.mark.parametrize("value", ["gap", "Twins", "none"])
def test_an_unknown_course_corpus_is_refused_with_the_known_ones(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("COURSE_CORPUS", value)
    with pytest.raises(CorpusError, match=rf"COURSE_CORPUS is '{value}'.*Expected one of auto, imdb, twins:"):
        corpus.load()


def test_the_gap_corpus_has_the_distance_that_was_asked_for() -> None:
    for distance in (1, 7):
        text = corpus.gap(distance).test["text"].iloc[0]
        assert len(re.match(r"\w+ year ([\w ]+) it was", text)[1].split()) == distance
    assert corpus.load("gap").test.equals(corpus.gap().test)


@pytest.mark.parametrize("distance", [0, -1, 2.5, "4", None])
def test_a_distance_that_is_no_number_of_words_is_refused(distance: object) -> None:
    with pytest.raises(CorpusError, match=r"distance is .*Expected a whole number of words, 1 or more"):
        corpus.gap(distance)


@pytest.mark.parametrize("name", ["twins", "gap", "imdb"])
def test_a_card_says_source_terms_limits_and_the_counts_of_its_frames(some_imdb, name: str) -> None:
    data = corpus.load(name)
    assert data.card.startswith(f"### Data card: {name}")
    for word in ("**What.**", "**Source", "**Splits.**", "**Limits.**" if name == "imdb" else "cannot show"):
        assert word in data.card
    for split in ("train", "validation", "test"):
        frame = getattr(data, split)
        words = frame["text"].str.split().map(len)
        assert (
            f"| {split} | {len(frame):,} | {frame['label'].mean():.1%} "
            f"| {words.min()} / {words.mean():.1f} / {words.max():,} |"
        ) in data.card


def test_the_card_of_twins_names_its_convention_and_its_prior_art() -> None:
    card = corpus.load("twins").card
    for word in ("*but* decides", "PAWS", "contrast sets", "says nothing about real"):
        assert word in card.replace("\n  ", " ")


def test_the_card_of_imdb_names_paper_address_and_terms(some_imdb) -> None:
    card = corpus.load("imdb").card.replace("\n  ", " ")
    for word in ("Learning Word Vectors", "ACL 2011", "ai.stanford.edu", "no licence", "30 reviews a film"):
        assert word in card


def test_a_corpus_cannot_be_changed_and_shows_its_sizes() -> None:
    data = corpus.load("twins")
    assert repr(data) == "Corpus(twins: train 5,000, validation 750, test 1,250)"
    with pytest.raises(dataclasses.FrozenInstanceError):
        data.name = "other"
