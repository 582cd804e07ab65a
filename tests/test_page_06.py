"""The claims of page 06 hold beyond the numbers it prints; the code tested is the page's own."""

import random
from collections import Counter
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from exercise_player import page_names, play, read_page, run
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from helpers import corpus, text
from helpers.exercises.page06 import order_depends_on_hashes
from helpers.plotting import draw_batches, draw_lookup, draw_shared_bag, draw_words

sizes = st.integers(1, 6)
seeds = st.integers(0, 10_000)
id_rows = st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=7), min_size=1, max_size=6)
WHOLE_CELLS = (
    *("imports", "tiny", "first-tokenizer", "tiny-vocabulary", "tiny-ids", "pad-function", "hard-text"),
    *("tokenize", "vocabulary", "count-words", "table", "encoded-texts", "plan-batches", "deep-bag"),
)


@pytest.fixture(scope="module")
def page() -> dict:
    """The names that the page's cells define, and the solutions of its exercises."""
    return page_names("06", WHOLE_CELLS, solutions=["06.2", "06.4", "06.5"])


@pytest.fixture(scope="module")
def twins():
    """All twins of each split, and those with two denials, which no split has."""
    splits = corpus.load("twins")
    frames = {name: getattr(splits, name) for name in ("train", "validation", "test")}
    frames["two denials"] = corpus.denied_twins(2, 50)
    return {name: frame[frame["quadruple"] >= 0] for name, frame in frames.items()}


def table_of(rows: int, columns: int, seed: int) -> torch.Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# From text to a padded table


@given(rows=id_rows)
def test_padding_by_hand_and_the_mask_give_the_same_batch(page, rows) -> None:
    ids, lengths = page["pad"](rows)
    flat = torch.tensor([number for row in rows for number in row])
    starts, every_row = lengths.cumsum(0) - lengths, torch.arange(len(rows))
    cut_ids, cut_lengths = page["cut_out"](flat, starts, lengths, every_row)
    assert torch.equal(cut_ids, ids) and torch.equal(cut_lengths, lengths)
    batch = text.EncodedTexts(flat, starts, lengths, torch.zeros(len(rows))).batch(every_row)
    assert torch.equal(batch.ids, ids) and torch.equal(batch.lengths, lengths)
    assert [row[:n] for row, n in zip(ids.tolist(), lengths.tolist(), strict=True)] == rows


def test_the_tiny_reviews_are_numbered_as_on_paper(page) -> None:
    assert page["index"] == {"<pad>": 0, "<unk>": 1, "dull": 2, "gripping": 3, "but": 4, "not": 5}
    assert page["ids"].tolist() == [[5, 2, 4, 3, 0], [5, 3, 4, 2, 0], [2, 2, 2, 2, 2], [3, 0, 0, 0, 0]]
    assert page["ids"].shape[0] != page["ids"].shape[1]  # a square table would hide a swapped axis


def test_the_vocabulary_of_the_page_is_that_of_the_helper(page) -> None:
    texts = corpus.load("twins").validation["text"]
    assert page["rank_words"](texts, 50) == text.Vocabulary.build(texts, 50).words


# Rows of a table


@settings(max_examples=60, deadline=None)
@given(ids=st.lists(st.integers(0, 4), min_size=1, max_size=12), columns=sizes, seed=seeds)
def test_the_slope_of_a_row_is_the_sum_over_the_places_that_use_it(ids, columns, seed) -> None:
    ids, W = torch.tensor(ids), table_of(5, columns, seed)
    dE = table_of(len(ids), columns, seed + 1)
    by_adding = torch.zeros_like(W).index_add(0, ids, dE)
    leaf = W.clone().requires_grad_()
    leaf[ids].backward(dE)
    torch.testing.assert_close(by_adding, leaf.grad)
    torch.testing.assert_close(by_adding, F.one_hot(ids, 5).double().T @ dE)

    by_plus = np.zeros((5, columns))
    by_plus[ids.numpy()] += dE.numpy()
    repeated = len(set(ids.tolist())) < len(ids)
    assert np.allclose(by_plus, by_adding.numpy()) != repeated


@given(seed=seeds, ids=st.lists(st.integers(0, 8), min_size=1, max_size=10))
def test_new_numbers_for_the_words_leave_what_the_table_gives_as_it_was(seed, ids) -> None:
    W, ids = table_of(9, 3, seed), torch.tensor(ids)
    new_id = torch.randperm(9, generator=torch.Generator().manual_seed(seed))
    moved = torch.empty_like(W)
    moved[new_id] = W
    assert torch.equal(moved[new_id[ids]], W[ids])


@settings(max_examples=50, deadline=None)
@given(seed=seeds)
def test_a_pair_of_twins_only_pulls_its_score_to_the_middle(seed) -> None:
    W, v = table_of(6, 2, seed), torch.tensor([1.0, -1.0], dtype=torch.float64)
    ids, verdict = torch.tensor([[5, 2, 4, 3], [5, 3, 4, 2]]), torch.tensor([1.0, -1.0]).double()
    leaf = W.clone().requires_grad_()
    score = leaf[ids].mean(dim=1) @ v
    loss = ((score - verdict) ** 2).mean()
    loss.backward()
    assert loss.item() >= 1.0  # (2s² + 2) / 2
    torch.testing.assert_close(leaf.grad[5] @ v, score[0] * 2 * (v @ v) / 4)  # 0 only where the score is 0


def test_no_training_brings_the_worked_example_below_one_half(page) -> None:
    ids, lengths, verdict = page["ids"], page["lengths"], page["verdict"]
    v = torch.tensor([1.0, -1.0], dtype=torch.float64)
    for seed in range(20):
        S = table_of(6, 2, seed)[ids].sum(dim=1) / lengths[:, None]
        assert ((S @ v - verdict) ** 2).mean() >= 0.5


# Means over words


@settings(max_examples=60, deadline=None)
@given(lengths=st.lists(sizes, min_size=1, max_size=5), pads=st.integers(0, 4), seed=seeds)
def test_the_mean_over_words_knows_neither_pads_nor_company(page, lengths, pads, seed) -> None:
    time = max(lengths) + pads
    embedded = table_of(len(lengths) * time, 3, seed).reshape(len(lengths), time, 3)
    means = page["mean_of_words"](embedded, torch.tensor(lengths))
    for row, n, mean in zip(embedded, lengths, means, strict=True):
        torch.testing.assert_close(mean, row[:n].mean(dim=0))


def test_an_empty_text_is_one_unknown_word_in_the_repaired_pipeline(page) -> None:
    words, _, (ids, lengths) = page["prepare"](["not dull"], ["", "dull and not"])
    assert words == ["<pad>", "<unk>", "dull", "not"]
    assert ids.tolist() == [[1, 0, 0], [2, 1, 3]] and lengths.tolist() == [1, 3]


def test_the_order_of_a_set_is_told_from_the_order_of_a_list(page) -> None:
    stub = next(cell.source for cell in read_page("06").cells if cell.id == "06-ex-bug-stub")
    broken = {**page}
    run(stub, broken, "the broken pipeline")
    assert order_depends_on_hashes(broken["prepare"]) and not order_depends_on_hashes(page["prepare"])


def test_pairs_left_as_tuples_are_shown_as_they_are() -> None:
    mistake = "def pairs(tokens):\n    return Counter(zip(tokens, tokens[1:]))"
    (verdict,) = play(read_page("06"), "06.5", mistake)
    assert verdict.diagnosis == "NG09" and "('the', 'plot'): 1" in verdict.message


# The theorem


@pytest.mark.parametrize("split", ["train", "validation", "test", "two denials"])
@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_any_function_of_the_bag_is_right_on_exactly_one_half_of_the_twins(twins, split, seed) -> None:
    frame = twins[split]

    def probability(review: str) -> float:  # as wild a function of the bag as can be
        return random.Random(f"{seed} {corpus.anagram_key(review)}").uniform(0.001, 0.999)

    p = np.array([probability(review) for review in frame["text"]])
    truth = frame["label"].to_numpy()
    assert 2 * ((p > 0.5) == (truth == 1)).sum() == len(frame)
    assert -np.log(np.where(truth == 1, p, 1 - p)).mean() >= np.log(2)


def test_a_bag_that_always_says_one_half_pays_exactly_ln_2(twins) -> None:
    price = -np.log(np.full(len(twins["test"]), 0.5)).mean()
    assert price == pytest.approx(np.log(2), abs=1e-12)


def test_in_the_twins_every_word_stands_equally_often_in_praise_and_in_complaint(twins) -> None:
    counts = {0: Counter(), 1: Counter()}
    for review, label in zip(twins["train"]["text"], twins["train"]["label"], strict=True):
        counts[label].update(review.split())
    assert counts[0] == counts[1]


def test_the_deep_bag_gives_two_anagrams_the_same_answer_to_the_last_bit(page, twins) -> None:
    torch.manual_seed(1)
    reviews = list(twins["test"]["text"][:50])
    vocabulary = text.Vocabulary.build(reviews)
    model = page["DeepBag"](len(vocabulary))
    for review in reviews:
        pair = text.encode([review, corpus.twin(review)], [0, 0], vocabulary).batch(torch.arange(2))
        assert torch.equal(model(pair.ids[:1]), model(pair.ids[1:]))


def test_pairs_of_neighbours_tell_every_twin_from_its_anagram(page, twins) -> None:
    for review in twins["test"]["text"]:
        assert page["pairs"](review.split()) != page["pairs"](corpus.twin(review).split())


def test_without_stop_words_no_reader_gets_more_than_four_in_five(twins) -> None:
    found: dict = {}
    for review, label, family in zip(*(twins["test"][c] for c in ("text", "label", "family")), strict=True):
        left = tuple(word for word in review.split() if word not in ENGLISH_STOP_WORDS)
        found.setdefault(left, []).append((label, family))
    both = [group for group in found.values() if len({label for label, _ in group}) == 2]
    assert {family for group in both for _, family in group} == {"but", "not", "scale", "time"}
    assert sum(max(Counter(label for label, _ in group).values()) for group in found.values()) == 800


# Drawings


@pytest.fixture
def axes():
    figure, axes = plt.subplots(figsize=(11.5, 3))
    yield axes
    plt.close(figure)


def test_every_word_is_drawn_once_and_unknown_ones_white_on_black(axes) -> None:
    words = ["this", "was", "not", "a", "dull", "film", "but", "a", "gripping", "one"] * 4
    draw_words(words, unknown=(4, 8), axes=axes)
    assert [label.get_text() for label in axes.texts] == words
    white = [number for number, label in enumerate(axes.texts) if label.get_color() == "white"]
    assert white == [4, 8]


def test_words_stay_inside_their_axes_and_do_not_overlap(axes) -> None:
    words = ["unbelievably", "a", "no"] * 20
    draw_words(words, weights=[0.5, -1.0, 0.0] * 20, axes=axes)
    boxes = sorted((box.get_y(), box.get_x(), box.get_width()) for box in axes.patches)
    low, high = axes.get_xlim()
    for (line, left, width), (next_line, next_left, _) in pairwise(boxes):
        assert low < left and left + width < high
        assert next_line != line or next_left >= left + width + 1
    frames = {number % 3: box.get_linestyle() for number, box in enumerate(axes.patches)}
    assert frames == {0: "-", 1: "--", 2: "-"}  # a second cue beside the colour


def test_a_line_leads_from_every_place_to_its_row_and_back(axes) -> None:
    ids, W = [2, 0, 2, 1], table_of(3, 2, seed=3)
    draw_lookup(["b", "<pad>", "b", "a"], ids, W, ["<pad>", "a", "b"], axes=axes)
    arrows = [patch for patch in axes.patches if isinstance(patch, FancyArrowPatch)]
    ends = [patch._posA_posB for patch in arrows]
    assert len(arrows) == 4 and all(start[0] > end[0] for start, end in ends)
    assert len({start for start, _ in ends}) == 3  # two places share a row
    axes.clear()
    draw_lookup(["b"] * 4, ids, W, ["<pad>", "a", "b"], rows=W[ids], backward=True, axes=axes)
    back = [patch._posA_posB for patch in axes.patches if isinstance(patch, FancyArrowPatch)]
    assert all(start[0] < end[0] for start, end in back)


def test_only_anagrams_share_a_bag(axes) -> None:
    draw_shared_bag("not dull , gripping", "not gripping , dull", axes=axes)
    assert sum(isinstance(patch, FancyBboxPatch) for patch in axes.patches) == 4
    later_lines = [line for label in axes.texts for line in label.get_text().splitlines()[1:]]
    assert later_lines and all(line[0].isalnum() for line in later_lines)  # no line begins with a sign
    with pytest.raises(ValueError, match="same words"):
        draw_shared_bag("not dull", "not dull at all", axes=axes)


def test_a_batch_is_drawn_as_high_as_its_longest_review(axes) -> None:
    lengths = torch.tensor([3, 9, 4, 4, 7])
    draw_batches(lengths, [torch.tensor([0, 1]), torch.tensor([2, 3, 4])], axes=axes)
    frames = [p for p in axes.patches if isinstance(p, Rectangle) and not p.get_fill()]
    assert [(frame.get_width(), frame.get_height()) for frame in frames] == [(2, 9), (3, 7)]
    bars = [p.get_height() for group in axes.containers for p in group]
    assert bars == [3, 9, 4, 4, 7]
