"""The claims of page 10 hold beyond the numbers it prints; the code tested is the page's own."""

import math

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch
from exercise_player import page_names
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics
from small_classifier import taught

from helpers import corpus, twins
from helpers.plotting import draw_confusion, draw_mattered, draw_slices, draw_threshold, draw_two_failures
from helpers.predict import leave_out

ONE = taught()
WHOLE_CELLS = ("imports", "scores", "confusion", "measures", "roc", "reliability", "facts")
FIRST_PARTS = {  # up to the line that begins with this
    "base-rate": "print(",
    "cost": "print(",
    "temperature": "four, four_truth",
    "fit-temperature": "temperature = ",
    "calibration-error": "print(",
    "bootstrap": "whole = ",
    "wilson": "print(",
    "running": "chosen = ",
    "occlusion": "film = ",
    "share-right": "print(",
    "challenge": "filled = ",
}


@pytest.fixture(scope="module")
def page() -> dict:
    """The names that the page's cells define, without those that train, draw or print."""
    return page_names("10", WHOLE_CELLS, FIRST_PARTS)


answers_and_truths = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=40)
scores_and_truths = st.lists(st.tuples(st.integers(-4, 4), st.integers(0, 1)), min_size=2, max_size=40)


def columns(pairs: list, kind: torch.dtype = torch.int64) -> tuple[torch.Tensor, torch.Tensor]:
    first, second = zip(*pairs, strict=True)
    return torch.tensor(first, dtype=kind), torch.tensor(second)


# Two kinds of mistake, base rates


@given(pairs=answers_and_truths)
def test_counts_and_measures_are_scikit_learns_also_where_nothing_was_flagged(page, pairs) -> None:
    predicted, truth = columns(pairs)
    counts = page["confusion"](predicted, truth)
    assert counts.tolist() == metrics.confusion_matrix(truth, predicted, labels=[0, 1]).tolist()
    own = page["measures"](predicted, truth)
    options = {"average": "binary", "zero_division": 0}
    theirs = metrics.precision_recall_fscore_support(truth, predicted, **options)[:3]
    assert [own["precision"], own["recall"], own["F1"]] == pytest.approx(theirs, abs=1e-12)
    assert own["accuracy"] == pytest.approx(metrics.accuracy_score(truth, predicted), abs=1e-12)


@given(pairs=answers_and_truths, more=st.integers(1, 50))
def test_easy_negatives_raise_accuracy_and_leave_the_other_three(page, pairs, more) -> None:
    (predicted, truth), zeros = columns(pairs), torch.zeros(more, dtype=torch.int64)
    before = page["measures"](predicted, truth)
    after = page["measures"](torch.cat([predicted, zeros]), torch.cat([truth, zeros]))
    assert after["accuracy"] >= before["accuracy"] - 1e-12
    assert all(after[name] == before[name] for name in ("precision", "recall", "F1"))


@given(
    ill=st.integers(1, 500), healthy=st.integers(1, 5000), found=st.floats(0.01, 1), alarms=st.floats(0, 1)
)
def test_precision_by_the_formula_is_precision_by_counting_heads(page, ill, healthy, found, alarms) -> None:
    counted = found * ill / (found * ill + alarms * healthy)
    assert page["flagged_rightly"](ill / (ill + healthy), found, alarms) == pytest.approx(counted)


# Thresholds


@given(pairs=scores_and_truths)
def test_the_area_is_the_share_of_pairs_in_the_right_order_ties_counted_half(page, pairs) -> None:
    score, truth = columns(pairs, torch.float64)
    assume(0 < truth.sum() < len(truth))
    gaps = score[truth == 1][:, None] - score[truth == 0]
    share = ((gaps > 0).double() + 0.5 * (gaps == 0)).mean().item()
    assert page["area"](score, truth) == pytest.approx(share, abs=1e-12)
    assert page["area"](score, truth) == pytest.approx(metrics.roc_auc_score(truth, score), abs=1e-12)
    false_rate, true_rate = page["roc"](score, truth)
    assert false_rate[0] == true_rate[0] == 0 and false_rate[-1] == true_rate[-1] == 1
    assert (false_rate.diff() >= 0).all() and (true_rate.diff() >= 0).all()


@given(alarm=st.integers(1, 20), miss=st.integers(1, 20), p=st.floats(0.001, 0.999))
def test_with_honest_probabilities_the_cheaper_answer_is_told_by_the_ratio_of_costs(alarm, miss, p) -> None:
    score = math.log(p / (1 - p))
    assume(abs(score - math.log(alarm / miss)) > 1e-9)
    cheaper = "positive" if alarm * (1 - p) < miss * p else "negative"
    assert cheaper == ("positive" if score > math.log(alarm / miss) else "negative")


def test_a_cost_counts_each_kind_of_mistake_at_its_own_price(page) -> None:
    score, truth = torch.tensor([2.0, 1.0, -1.0, -2.0, 3.0]), torch.tensor([1, 0, 1, 0, 0])
    assert page["cost"](score, truth, 0.0) == pytest.approx((5 + 1 + 5) / 5)
    assert page["cost"](score, truth, 1.5) == pytest.approx((1 + 5) / 5)


# Honest probabilities


def drawn(temperature: float, texts: int = 20_000) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores whose honest ones are `temperature` times smaller, and truths drawn from those."""
    generator = torch.Generator().manual_seed(0)
    honest = 2 * torch.randn(texts, generator=generator, dtype=torch.float64)
    truth = (torch.rand(texts, generator=generator, dtype=torch.float64) < torch.sigmoid(honest)).long()
    return temperature * honest, truth


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_temperature_that_was_put_in_is_found_again(page, temperature) -> None:
    score, truth = drawn(temperature)
    found = page["fit_temperature"](score, truth)
    assert found == pytest.approx(temperature, rel=0.05)
    assert page["slope"](1 / found, score, truth) == pytest.approx(0, abs=1e-9)
    for other in (0.9 / found, 1.1 / found):
        assert page["price"](1 / found, score, truth) < page["price"](other, score, truth)


@pytest.mark.parametrize("temperature", [0.4, 3.0])
def test_calibration_error_is_small_for_honest_scores_and_large_for_others(page, temperature) -> None:
    score, truth = drawn(temperature)
    honest = page["calibration_error"](page["reliability"](score / temperature, truth))
    assert honest < 0.015 < 0.05 < page["calibration_error"](page["reliability"](score, truth))


# Luck, slices


def test_the_bootstrap_of_a_mean_is_as_wide_as_the_formula_says(page) -> None:
    score, truth = drawn(1.0, texts=2_000)
    hits = ((score > 0) == (truth == 1)).double().mean().item()
    low, high = page["bootstrap"](lambda s, t: ((s > 0) == (t == 1)).double().mean().item(), score, truth)
    half = 1.96 * (hits * (1 - hits) / len(truth)) ** 0.5
    assert (high - low) / 2 == pytest.approx(half, rel=0.2) and low < hits < high


@given(texts=st.integers(1, 5_000), share=st.floats(0, 1))
def test_at_the_ends_of_wilsons_interval_what_was_seen_is_just_196_errors_away(page, texts, share) -> None:
    right = round(share * texts)
    low, high = page["wilson"](right, texts)
    assert -1e-12 <= low < high <= 1 + 1e-12 and low - 1e-12 <= right / texts <= high + 1e-12
    for q in (low, high):
        if 1e-9 < q < 1 - 1e-9:
            assert abs(right / texts - q) / (q * (1 - q) / texts) ** 0.5 == pytest.approx(1.96, rel=1e-6)


def test_facts_count_negations_and_unknown_words(page) -> None:
    frame = pd.DataFrame({"text": ["It wasn't good, not at all", "good plot"], "family": ["a", "b"]})
    found = page["facts"](frame, ONE.vocabulary)
    assert found["negations"].tolist() == [2, 0]
    assert found["unknown"].tolist() == pytest.approx([4 / 7, 0.0])  # it, wasn't, at, all


# What it listened to


@settings(max_examples=30, deadline=None)
@given(words=st.lists(st.sampled_from(["good", "bad", "plot", "zxqv", "."]), min_size=1, max_size=8))
def test_the_verdict_after_the_last_word_is_the_answer_and_occlusion_is_the_courses(page, words) -> None:
    text = " ".join(words)
    verdicts = page["running"](ONE, text)
    assert len(verdicts) == len(words)
    assert verdicts[-1] == pytest.approx(ONE.probabilities([text])[0, 1].item(), abs=1e-5)
    theirs = [row["change"] for row in leave_out(ONE, text)]
    assert page["occlusion"](ONE, text) == pytest.approx(theirs, abs=1e-5)


# Challenge sets


@pytest.mark.parametrize("n", [1, 2, 5, 16])
def test_longer_fillers_add_fillers_and_nothing_else(page, n) -> None:
    text = "it was dull , looking back , although the cake was superb ."
    longer = page["with_fillers"](text, n)
    assert sum(longer.count(filler) for filler in twins.FILLERS) == n
    assert longer.startswith("it was dull , looking back") and longer.endswith(
        " , although the cake was superb ."
    )
    assert page["with_fillers"](text, 1) == text
    assert twins.polar_words(longer) == ["dull", "superb"]


def test_the_rule_turn_it_once_is_right_for_none_and_one_and_wrong_for_two() -> None:
    right = {}
    for n in range(4):
        frame = corpus.denied_twins(n, 30)
        core = frame["label"] ^ (n % 2)  # the label without its denials
        right[n] = ((core ^ (n > 0)) == frame["label"]).mean()
    assert right == {0: 1.0, 1: 1.0, 2: 0.0, 3: 1.0}


# Drawings


def test_a_confusion_matrix_shows_counts_and_shares_of_its_rows(axes) -> None:
    draw_confusion(torch.tensor([[6, 2], [4, 8]]), axes=axes)
    assert [text.get_text() for text in axes.texts] == ["6\n75.0%", "2\n25.0%", "4\n33.3%", "8\n66.7%"]


def test_a_slice_is_marked_where_its_bar_does_not_reach_the_whole(axes) -> None:
    rows = {"texts": [50, 60], "accuracy": [0.6, 0.9], "low": [0.5, 0.85], "high": [0.7, 0.95]}
    draw_slices(pd.DataFrame(rows, index=["far", "near"]), 0.88, axes=axes)
    assert [line.get_marker() for line in axes.lines if line.get_marker() in "so"] == ["s", "o"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["far  (50)", "near  (60)"]


def test_words_that_speak_against_the_answer_are_hatched(axes) -> None:
    draw_mattered([{"words": "not", "change": 0.5}, {"words": "dull", "change": -0.2}], axes=axes)
    assert [bool(bar.get_hatch()) for bar in axes.patches] == [False, True]


def test_the_point_on_the_roc_curve_is_that_of_the_threshold(page) -> None:
    score, truth = torch.tensor([3.0, 1.0, -1.0, -3.0, 2.0]), torch.tensor([1, 1, 0, 0, 0])
    draw_threshold(score, truth, page["roc"](score, truth), 1.5)
    (point,) = (line for line in plt.gcf().axes[1].lines if line.get_label() == "this one")
    assert (point.get_xdata()[0], point.get_ydata()[0]) == pytest.approx((1 / 3, 1 / 2))
    plt.close("all")


def test_both_ways_to_fail_have_a_line_for_each_model() -> None:
    frame = pd.DataFrame({"twins, seed 0": [1.0, 0.0], "at hand": [0.5, 0.5]})
    draw_two_failures(frame, frame)
    left, right = plt.gcf().axes
    shown = {"twins, seed 0", "at hand"}
    assert all(shown <= {line.get_label() for line in panel.lines} for panel in (left, right))
    plt.close("all")
