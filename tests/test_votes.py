"""Counted votes: right by hand, equal to scikit-learn's naive Bayes, deaf to a text's own label."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB

from helpers import artefact, invariants, portable
from helpers.artefact import Artefact
from helpers.corpus import Corpus
from helpers.measuring import evaluate, predict_logits
from helpers.model import TextClassifier
from helpers.recipes import Recipe, build_model, prepare
from helpers.text import Vocabulary, encode
from helpers.training import Settings, train
from helpers.votes import NO_KEY, NgramVotes, ngram_keys

TEXTS = ["good good film", "good plot", "bad film", "bad bad plot", "good and bad", "a film"]
LABELS = [1, 1, 0, 0, 1, 0]
FOLDS = [0, 1, 0, 1, 2, 2]
VOCABULARY = Vocabulary.build(TEXTS, 20)
ENCODED = encode(TEXTS, LABELS, VOCABULARY, folds=FOLDS)


def counted(*sizes: int, encoded=ENCODED) -> NgramVotes:
    votes = NgramVotes(len(VOCABULARY), sizes or (20, 40, 60))
    votes.count(encoded)
    return votes


def read(text: str) -> torch.Tensor:
    return torch.tensor([VOCABULARY.encode(text.split())])


def small(**changes) -> TextClassifier:
    """A model whose votes are counted over TEXTS."""
    torch.manual_seed(0)
    model = TextClassifier(len(VOCABULARY), 6, 8, readout="max", votes=(20, 40, 60), **changes)
    model.votes.count(ENCODED)
    return model


def test_a_vote_by_hand():
    # "good" is in 3 positive texts and no negative one. All counts + 1 over the 6 words: positive texts hold
    # good 3, film 1, plot 1, and 1, bad 1, a 0: 7 + 6; negative: bad 2, film 2, plot 1, a 1: 6 + 6.
    vote = counted()(read("good"))[0, 0, 0].item()
    assert vote == pytest.approx(math.log((3 + 1) / 13) - math.log((0 + 1) / 12))


def test_votes_are_scikit_learns_naive_bayes_order_by_order():
    votes = counted()
    for order in (1, 2, 3):
        vectorizer = CountVectorizer(ngram_range=(order, order), binary=True, token_pattern=r"\S+")
        bayes = MultinomialNB(alpha=1).fit(vectorizer.fit_transform(TEXTS), LABELS)
        theirs = bayes.feature_log_prob_[1] - bayes.feature_log_prob_[0]
        for ngram, vote in zip(vectorizer.get_feature_names_out(), theirs, strict=True):
            ours = votes(read(ngram))[0, order - 1, order - 1].item()
            assert ours == pytest.approx(vote, abs=1e-6), ngram


@pytest.mark.parametrize("fold", [0, 1, 2])
def test_a_folds_votes_are_counted_over_the_other_folds_alone(fold):
    others = [set(TEXTS[i].split()) for i, f in enumerate(FOLDS) if f != fold]
    labels = [LABELS[i] for i, f in enumerate(FOLDS) if f != fold]
    words = VOCABULARY.words[2:]  # all keep their place in the table, also those that only this fold has
    counts = np.array(
        [
            [1 + sum(w in t for t, y in zip(others, labels, strict=True) if y == k) for w in words]
            for k in (0, 1)
        ]
    )
    logs = np.log(counts) - np.log(counts.sum(axis=1, keepdims=True))
    ids = torch.arange(2, len(VOCABULARY))[None]
    votes = counted()(ids, torch.tensor([fold]))[0, :, 0]
    assert torch.allclose(votes, torch.tensor(logs[1] - logs[0], dtype=torch.float32), atol=1e-6)


def test_changing_a_texts_own_label_does_not_change_what_it_hears_in_training():
    ids = ENCODED.batch(torch.tensor([0])).ids
    flipped = encode(TEXTS, [1 - LABELS[0], *LABELS[1:]], VOCABULARY, folds=FOLDS)
    before, after = counted(), counted(encoded=flipped)
    fold = torch.tensor([FOLDS[0]])
    assert torch.equal(before(ids, fold), after(ids, fold))
    assert not torch.equal(before(ids), after(ids))  # a new text hears all


def test_in_training_a_batch_without_folds_is_refused():
    model, batch = small().train(), encode(TEXTS, LABELS, VOCABULARY).batch(torch.arange(6))
    with pytest.raises(ValueError, match="would hear its own label"):
        model(batch.ids, batch.lengths)
    with pytest.raises(ValueError, match="encode the texts with folds"):
        model.votes.count(encode(TEXTS, LABELS, VOCABULARY))
    uncounted = TextClassifier(len(VOCABULARY), 6, 8, votes=(20,))
    with pytest.raises(ValueError, match="no votes are counted yet"):
        uncounted(batch.ids, batch.lengths, torch.zeros(6, dtype=torch.long))


def test_only_the_commonest_are_kept_and_the_rest_is_silent():
    votes = counted(2)  # good and bad and film are in 3 texts each; of equals the smaller id stays
    words = sorted(("good", "bad", "film"), key=VOCABULARY.index.get)
    assert [votes(read(word)).item() != 0 for word in words[:2]] == [True, True]
    assert votes(read(words[2])).item() == 0
    wide = counted(50)
    assert (wide.keys_1 == NO_KEY).sum() == 50 - (len(VOCABULARY) - 2)  # places that no word fills


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=9), st.integers(1, 3))
def test_keys_are_the_digits_of_the_last_words_and_refuse_pads_and_unknowns(row, order):
    keys = ngram_keys(torch.tensor([row]), order, 6)[0].tolist()
    for place, key in enumerate(keys):
        window = row[place - order + 1 : place + 1] if place + 1 >= order else []
        if window and min(window) > 1:
            assert key == int("".join(map(str, window)), 6)
        else:
            assert key == -1


@pytest.mark.parametrize(
    ("sizes", "words"),
    [((), "one number above 0"), ((3, 0), "one number above 0"), ((5,) * 5, "do not fit into int64")],
)
def test_sizes_that_make_no_sense_are_refused(sizes, words):
    with pytest.raises(ValueError, match=words):
        NgramVotes(30_000, sizes)
    with pytest.raises(ValueError, match="num_classes must be 2"):
        TextClassifier(30, num_classes=3, votes=(5,))


def test_a_fresh_model_adds_naive_bayes_to_what_the_lstm_says():
    model = small().eval()
    batch = ENCODED.batch(torch.tensor([0, 2, 4]))
    with torch.no_grad():
        votes = model.votes(batch.ids)
        silent = model(batch.ids, batch.lengths)
        model.weight_of_votes.zero_()
        added = silent - model(batch.ids, batch.lengths)
    score = 0.5 * votes.sum(dim=(1, 2)) / batch.lengths.sqrt() / 2
    assert torch.allclose(added, torch.stack([-score, score], dim=1), atol=1e-6)


def test_a_model_with_votes_keeps_the_four_invariances():
    model = small().eval()
    batch = ENCODED.batch(torch.tensor([0, 1]))
    findings = invariants.all_invariants(model, batch.ids, batch.lengths)
    assert all(finding.holds for finding in findings), [str(finding) for finding in findings]


def corpus() -> Corpus:
    import pandas as pd

    ends = ("today", "yesterday", "here", "once", "again", "there")
    texts = [f"this was {word} {end}" for end in ends for word in ("fine", "dull")]
    frame = pd.DataFrame({"text": texts, "label": [1, 0] * len(ends)})
    return Corpus("small", frame, frame, frame, "")


def test_recipe_to_run_resumed_and_saved(tmp_path):
    recipe = Recipe(50, 10, dict(embedding_dim=6, hidden_dim=8, votes=(20, 20), dropout=0.2))
    data = prepare(corpus(), recipe)
    assert data.train.fold.tolist() == [10 * row // 12 for row in range(12)]  # no folds given: tenths
    plan = Settings(epochs=4, batch_size=5, learning_rate=0.02, precision="float32")

    def learn(folder, stop_in=0, **more):
        def watch(progress):
            if progress.epoch == stop_in and not progress.over:
                raise KeyboardInterrupt

        model = build_model(recipe, data, torch.device("cpu"), seed=0)
        train(model, data.train, data.validation, plan, folder=folder, progress=False, watch=watch, **more)
        return model.eval()

    whole = learn(tmp_path / "whole")
    learn(tmp_path / "cut", stop_in=3)
    resumed = learn(tmp_path / "cut", resume=True)
    for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert evaluate(whole, data.test).accuracy == 1

    artefact.save(Artefact(whole, data.vocabulary, 10), tmp_path / "saved")
    loaded = artefact.load(tmp_path / "saved")
    assert torch.equal(predict_logits(loaded.model, data.test), predict_logits(whole, data.test))
    tables = torch.load(tmp_path / "saved" / "weights.pt", weights_only=True)
    assert not any("fold" in name for name in tables)  # needed in training alone


def test_a_model_with_votes_is_exported_and_made_smaller():
    model = small().eval()
    batch = ENCODED.batch(torch.tensor([0, 2, 4]))
    graph = portable.export(model).module()
    for rows in ([0, 2, 4], [1, 3]):
        batch = ENCODED.batch(torch.tensor(rows))
        with torch.no_grad():
            ours, theirs = model(batch.ids, batch.lengths), graph(batch.ids, batch.lengths)
        assert torch.allclose(ours, theirs, atol=1e-5)
    table = portable.compare(
        {"float32": model, "int8": portable.in_int8(model)},
        ENCODED,
        rounds=1,
    )
    assert (table["agrees"] > 0.6).all() and np.isfinite(table["megabytes"]).all()
