"""The claims of page 09 hold beyond the numbers it prints; the code tested is the page's own."""

import math
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from exercise_player import page_names, read_page
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.exercises.page09 import Device, waiting_clock
from helpers.model import TextClassifier
from helpers.plotting import draw_asynchronous, draw_ladder
from helpers.text import Vocabulary, encode
from helpers.votes import NgramVotes

WHOLE_CELLS = ("imports", "imports-course", "six", "votes-by-hand", "ladder-table", "clock", "profiler")
FIRST_PARTS = {
    "best-of": "spread = ",
    "without-film": "print",
    "pads": "lengths, generator",
    "flagship-against-linear": "rival, flagship = ",
    "underflow": "print",
    "clip-order": "right, wrong",
    "shares": "whole, shares",
    "subnormals": "print",
    "packed-counted": "for lengths",
}


@pytest.fixture(scope="module")
def page() -> dict:
    """The names that the page's cells define, without those that train, draw or print."""
    given = {"twin_data": small_prepared(), "device": torch.device("cpu")}
    names = page_names("09", WHOLE_CELLS, FIRST_PARTS, **given)
    return names


def small_prepared() -> SimpleNamespace:
    """What the page calls `twin_data`, with seven texts of unequal length."""
    texts = ["good fun", "dull", "a good plot", "dull dull fun plot", "fun", "a plot", "good good"]
    vocabulary = Vocabulary.build(texts, 10)
    return SimpleNamespace(vocabulary=vocabulary, train=encode(texts, [1, 0, 1, 0, 1, 0, 1], vocabulary))


# The price of looking


@given(models=st.integers(1, 60), reviews=st.sampled_from((50, 250)))
@settings(max_examples=10, deadline=None)
def test_the_expected_best_of_many_coins_is_what_tossing_them_gives(page, models, reviews):
    tossed = np.random.default_rng(1).binomial(reviews, 0.5, (4000, models)).max(axis=1) / reviews
    assert page["best_of"](models, reviews) == pytest.approx(tossed.mean(), abs=5 * tossed.std() / 4000**0.5)


def test_fifty_looks_at_250_reviews_are_worth_seven_points(page):
    assert round(page["best_of"](50, 250), 2) == 0.57 and page["best_of"](1, 250) == pytest.approx(0.5)


def test_a_hundred_times_the_reviews_divide_the_flattery_by_ten(page):
    few, many = (page["best_of"](50, reviews) - 0.5 for reviews in (250, 25_000))
    assert few / many == pytest.approx(10, rel=0.01)


# Votes


def test_a_vote_counted_by_hand_is_the_helpers_vote(page):
    texts, labels, film = page["reviews"], page["labels"], page["film"]
    vocabulary = Vocabulary.build(texts, 10)
    votes = NgramVotes(len(vocabulary), [4])
    votes.count(encode(texts, labels, vocabulary, folds=film))
    for word in page["words"]:
        ids = torch.tensor([vocabulary.encode([word])])
        assert votes(ids).item() == pytest.approx(page["vote"](word), abs=1e-6)
        for left_out in (0, 1, 2):
            heard = votes(ids, fold=torch.tensor([left_out])).item()
            assert heard == pytest.approx(page["vote"](word, left_out), abs=1e-6)


def test_the_votes_on_paper_are_multiples_of_ln_2(page):
    assert page["vote"]("good") == pytest.approx(math.log(2))
    assert page["vote"]("dull") == pytest.approx(-2 * math.log(2))
    assert page["vote"]("plot") == pytest.approx(0.0)
    assert page["vote"]("good", 2) + page["vote"]("dull", 2) == pytest.approx(0.0)


def test_a_gate_can_silence_or_double_a_vote_and_never_turn_its_sign():
    torch.manual_seed(0)
    model = TextClassifier(9, 3, 4, readout="max", votes=[4]).eval()
    states, lengths = torch.randn(5, 3, 4), torch.full((5,), 3)
    votes = torch.rand(5, 3, 1)  # all for the positive class
    for bias in (-50.0, 0.0, 50.0):
        torch.nn.init.constant_(model.gate.bias, bias)
        added = model.count_votes(states, votes, lengths)
        plain = 0.25 * votes.sum(dim=(1, 2)) / lengths.sqrt()
        assert (added[:, 1] >= 0).all() and torch.equal(added[:, 0], -added[:, 1])
        factor = {-50.0: 0.0, 0.0: 1.0, 50.0: 2.0}[bias]
        torch.testing.assert_close(added[:, 1], factor * plain, atol=1e-5, rtol=0)


# The ladder


def runs(seeds: int = 3) -> pd.DataFrame:
    accuracy = (0.50, 0.86, 0.90)
    rows = [
        {"rung": rung, "name": f"rung {rung}", "change": "x", "validation": a, "test": a + 0.01 * (seed - 1)}
        for rung, a in enumerate(accuracy)
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows)


def test_the_interval_of_a_rung_joins_both_kinds_of_luck(page):
    table = page["summary"](runs())
    assert table["spread"].tolist() == [1.0, 1.0, 1.0]
    by_hand = 196 * math.sqrt(0.9 * 0.1 / 25_000 + 0.01**2 / 3)
    assert table["±"][2] == pytest.approx(by_hand, abs=0.01)
    one_seed = page["summary"](runs(1))
    assert one_seed["±"][2] == pytest.approx(196 * math.sqrt(0.89 * 0.11 / 25_000), abs=0.01)


def test_rival_and_rung_are_chosen_on_validation_whatever_test_says(page):
    rows = pd.DataFrame(
        {"name": ["a", "b", "c"], "validation": [0.90, 0.92, 0.91], "test": [0.93, 0.91, 0.92]}
    )
    assert page["chosen"](rows)["name"] == "b"


def test_only_epochs_that_are_averaged_can_show_what_averaging_does(page):
    ladder = page["measured"].query("group == 'ladder'").set_index(["name", "seed"])[["best_epoch", "test"]]
    kept = ladder.loc["averaged"].join(ladder.loc["schedule"].add_suffix("_before"))
    unaveraged = kept[kept["best_epoch"] < 3]
    assert len(unaveraged) == 2 and (unaveraged["test"] == unaveraged["test_before"]).all()


def test_the_measured_table_has_the_columns_that_the_page_reads(page):
    measured = page["measured"]
    assert {"group", "rung", "name", "change", "seed", "validation", "test"} <= set(measured.columns)
    assert measured["test"].between(0, 1).all() and {"ladder", "linear"} <= set(measured["group"])


def test_a_rung_left_of_the_picture_is_named_with_its_accuracy():
    _, ax = plt.subplots()
    draw_ladder(runs(), {"rival": 0.91}, ax)
    texts = [text.get_text() for text in ax.texts]
    plt.close("all")
    assert "◂ 0.500" in texts and "rival" in texts
    assert not any("0.900" in text for text in texts)


# 16 bits


def test_a_gradient_below_the_range_of_float16_is_rescued_by_a_scale_and_lost_without(page):
    slope, true = page["slope"], 2e-8
    assert slope(torch.float16) == 0.0
    for dtype, scale in ((torch.float32, 1.0), (torch.bfloat16, 1.0), (torch.float16, 2.0**15)):
        assert slope(dtype, scale) == pytest.approx(true, rel=0.02)


@given(power=st.integers(1, 16))
def test_clipping_before_unscaling_shortens_the_step_by_the_scale(page, power):
    right, wrong = page["clipped"](2.0**power, True), page["clipped"](2.0**power, False)
    torch.testing.assert_close(right, 2.0**power * wrong, rtol=1e-4, atol=0)
    torch.testing.assert_close(right, torch.tensor([0.6, 0.8], dtype=torch.float64), rtol=1e-5, atol=0)


# Clocks


def test_a_clock_that_waits_says_the_same_on_an_idle_and_on_a_busy_device():
    for device in (Device(), Device(backlog=5.0)):
        assert waiting_clock(partial(device.launch, 2.0), device) == pytest.approx(2.001)


def test_ordering_work_for_another_thread_takes_no_time_of_its_own():
    with ThreadPoolExecutor(max_workers=1) as gpu:
        order = gpu.submit(time.sleep, 0.2)
        assert not order.done()
        order.result()


def test_the_timeline_names_both_readings_of_the_clock():
    _, ax = plt.subplots()
    draw_asynchronous(ax)
    texts = {text.get_text().strip() for text in ax.texts}
    plt.close("all")
    assert {"ordered: the clock lies", "done", "synchronize: wait"} <= texts


def test_the_hand_made_profiler_sees_forward_and_backward(page):
    weight = torch.ones(3, 4, requires_grad=True)
    with page["Watch"]() as watch:
        (torch.ones(2, 3) @ weight).sum().backward()
    assert watch.calls["mm"] == 2 and watch.calls.total() > 3  # forward, and dW on the way back
    assert set(watch.seconds) == set(watch.calls) and min(watch.seconds.values()) >= 0


def test_a_packed_batch_of_mixed_lengths_leaves_the_fused_layer(page):
    fused, products = page["layer_calls"]([60, 60, 60, 60])
    assert fused >= 1 and products < 10
    fused, products = page["layer_calls"]([60, 41, 17, 5])
    assert fused == 0 and products > 100


def test_flushing_subnormals_ends_in_zeros_and_is_on_afterwards(page):
    assert page["product"](False) == 1000 and page["product"](True) == 0
    assert (torch.full((9,), 1e-30) * 1e-10 == 0).all()


# Shares


@given(cuts=st.lists(st.booleans(), min_size=7, max_size=7).filter(lambda cuts: 0 < sum(cuts) < 7))
@settings(max_examples=20, deadline=None)
def test_shares_of_any_sizes_add_up_to_the_gradient_of_the_whole(page, cuts):
    mine = torch.tensor(cuts)
    whole = page["gradient_of"](slice(None))
    shares = page["gradient_of"](mine.nonzero()[:, 0]) + page["gradient_of"]((~mine).nonzero()[:, 0])
    torch.testing.assert_close(whole, shares, atol=1e-12, rtol=0)


# What the page tells the reader to type


def test_every_option_of_the_pages_commands_exists():
    told = "\n".join(cell.source for cell in read_page("09").cells if cell.cell_type == "markdown")
    commands = [line for line in told.splitlines() if "-m helpers.training" in line]
    words = {word for line in commands for word in line.split() if word.startswith("--")}
    known = subprocess.run(
        [sys.executable, "-m", "helpers.training", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert commands and words - {"--nproc_per_node=2"} <= set(known.split()) | {"--corpus", "--device"}
    assert "--corpus" in known and "--device" in known
