"""The claims of page 11 hold beyond the numbers it prints; the code tested is the page's own."""

import math

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from exercise_player import exercise_cells, page_names, read_page, run, solution_code
from hypothesis import given, settings
from hypothesis import strategies as st
from wrong_answers.page11 import MASK, PLACES, TEXTS, suspect

from helpers.exercises.page11 import LAYOUTS, count, properties
from helpers.language_model import adaptive_head, hand_over, next_word_loss, states_and_next
from helpers.measured import read_measured
from helpers.model import TextClassifier
from helpers.plotting import draw_attention, draw_counts, draw_label_curves, draw_scale

WHOLE_CELLS = (
    *("imports", "three-words", "attention", "pooling"),
    *("block", "stack", "transformer", "states-and-next"),
)


@pytest.fixture(scope="module")
def page() -> dict:
    """The names that the page's cells define, without those that train, draw or print."""
    return page_names("11", WHOLE_CELLS)


sizes = st.tuples(st.integers(2, 5), st.integers(2, 7), st.integers(2, 6))  # batch, words, width
seeds = st.integers(0, 10_000)


def drawn(shape: tuple[int, ...], seed: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(max_examples=40, deadline=None)
@given(shape=sizes, seed=seeds)
def test_attention_is_torchs_and_what_is_forbidden_gets_exactly_nothing(page, shape, seed) -> None:
    Q, K, V = (drawn(shape, seed + n) for n in range(3))
    allowed = torch.rand(shape[1], shape[1], generator=torch.Generator().manual_seed(seed)) < 0.6
    allowed |= torch.eye(shape[1], dtype=torch.bool)
    out, weights = page["attention"](Q, K, V, allowed)
    theirs = F.scaled_dot_product_attention(Q, K, V, attn_mask=allowed)
    torch.testing.assert_close(out, theirs, rtol=0, atol=1e-12)
    assert not weights[:, ~allowed].any()
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(shape[:2], dtype=torch.float64))


def test_on_paper_the_shares_are_sevenths_and_what_is_heard_are_whole_numbers(page) -> None:
    heard, shares = page["attention"](page["Q"], page["K"], page["V"])
    torch.testing.assert_close(7 * shares[0], torch.tensor([1.0, 2.0, 4.0]).double())
    torch.testing.assert_close(heard, torch.tensor([[20, 24], [21, 14], [21, 21]]).double())


@settings(max_examples=30, deadline=None)
@given(words=st.integers(2, 12), blocks=st.integers(1, 3), seed=seeds)
def test_without_positions_states_travel_with_their_words_through_any_number_of_blocks(
    page, words, blocks, seed
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        blind = page["Transformer"](40, 8, blocks=blocks, positions=False).double()
        order = torch.randperm(words)
        ids = torch.randint(0, 40, (3, words))
    everything = torch.ones(1, 1, words).bool()
    moved = blind.read(ids[:, order], everything)
    torch.testing.assert_close(moved, blind.read(ids, everything)[:, order], rtol=0, atol=1e-12)


def test_with_positions_two_exchanged_words_move_the_score(page) -> None:
    torch.manual_seed(0)
    seeing = page["Transformer"](40, 8).double()
    ids, lengths = torch.tensor([[5, 9, 3, 2]]), torch.tensor([4])
    assert (seeing(ids, lengths) - seeing(ids[:, [1, 0, 2, 3]], lengths)).abs().max() > 1e-6


@settings(max_examples=30, deadline=None)
@given(words=st.integers(2, 9), place=st.integers(0, 8), blocks=st.integers(1, 3), seed=seeds)
def test_under_the_triangle_no_state_hears_what_comes_after_it(page, words, place, blocks, seed) -> None:
    place = place % words
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = page["Transformer"](40, 8, blocks=blocks).double()
        ids = torch.randint(0, 40, (2, words))
    changed = ids.clone()
    changed[:, place] = (changed[:, place] + 1) % 40
    triangle = torch.ones(words, words).tril().bool()
    moves = (model.read(changed, triangle) - model.read(ids, triangle)).abs().amax(dim=(0, 2))
    assert not moves[:place].any() and moves[place] > 0


@pytest.mark.parametrize(("blocks", "width", "words", "longest"), [(1, 32, 233, 60), (3, 10, 50, 20)])
def test_the_count_is_that_of_the_pages_stack(page, blocks, width, words, longest) -> None:
    stack = page["Stack"](words, width, blocks, longest)
    assert sum(p.numel() for p in stack.parameters()) == count(blocks, width, words, longest)


def test_gpt_3_by_the_formula_has_175_billion_parameters_and_its_published_cost() -> None:
    gpt3 = count(*LAYOUTS[-1])
    assert round(gpt3 / 1e9) == 175
    assert round(gpt3 / 1e6, -2) == 174_600  # table D.1 of its paper
    assert 6 * gpt3 * 300e9 == pytest.approx(3.14e23, rel=0.005)
    assert math.log(50_257) == pytest.approx(10.82, abs=0.005)


@settings(max_examples=30, deadline=None)
@given(shape=sizes, seed=seeds)
def test_a_word_pulls_by_its_share_times_how_far_it_is_from_the_mean(shape, seed) -> None:
    scores, values = drawn(shape[1:2], seed).requires_grad_(), drawn(shape[1:2], seed + 1)
    shares = scores.softmax(dim=0)
    heard = shares @ values
    heard.backward()
    torch.testing.assert_close(scores.grad, (shares * (values - heard)).detach())


# Next words


def test_every_word_but_the_last_is_asked_and_pads_are_not(page) -> None:
    reader = TextClassifier(30, 4, 6)
    ids, lengths = torch.tensor([[5, 6, 7, 8], [9, 10, 0, 0], [11, 0, 0, 0]]), torch.tensor([4, 2, 1])
    for function in (page["states_and_next"], states_and_next):
        states, words = function(reader, ids, lengths)
        assert words.tolist() == [6, 7, 8, 10] and states.shape == (4, 6)


def test_a_large_vocabularys_head_gives_probabilities_that_add_up_to_one() -> None:
    torch.manual_seed(0)
    reader = TextClassifier(60, 4, 16)
    head, states = adaptive_head(reader, (10, 30)), torch.randn(5, 16)
    torch.testing.assert_close(head.log_prob(states).exp().sum(dim=1), torch.ones(5))
    words = torch.tensor([3, 12, 59, 0, 31])
    expected = F.nll_loss(head.log_prob(states), words)
    torch.testing.assert_close(next_word_loss(head, states, words), expected)


def test_what_is_handed_over_is_the_embedding_and_the_lstm_and_nothing_else() -> None:
    reader, classifier = TextClassifier(30, 4, 6), TextClassifier(30, 4, 6)
    last = classifier.fc.weight.clone()
    hand_over(reader, classifier)
    assert torch.equal(classifier.embedding.weight, reader.embedding.weight)
    assert torch.equal(classifier.lstm.weight_hh_l0, reader.lstm.weight_hh_l0)
    assert torch.equal(classifier.fc.weight, last)


def test_the_measured_table_has_both_starts_on_the_same_labels_seeds_and_epochs() -> None:
    runs = read_measured("pretraining")
    for group in ("labels", "frozen", "readout"):
        runs_of = runs[(runs["group"] == group) & (runs["hidden"] == 128)]
        keys = {
            start: set(zip(own["labels"], own["seed"], own["epochs"].fillna(0), strict=True))
            for start, own in runs_of.groupby("start")
        }
        assert keys["scratch"] == keys["pretrained"]
        assert len(runs_of) == sum(len(rows) for rows in keys.values()), "a run stands there twice"
    assert (runs["test"].dropna().between(0.45, 0.96)).all()


def test_what_the_page_says_of_pretraining_is_what_the_table_says() -> None:
    runs = read_measured("pretraining")
    runs = runs[runs["hidden"] == 128]
    gains = {}  # group -> gain of the pretrained start for each number of labels and seed, in points
    for group in ("labels", "frozen"):
        tests = runs[runs["group"] == group].pivot_table("test", ["labels", "seed"], "start")
        gains[group] = 100 * (tests["pretrained"] - tests["scratch"])
    assert set(gains["labels"].index) == {(n, s) for n in (250, 1_000, 5_000, 22_500) for s in (0, 1, 2)}
    assert (gains["frozen"] > 0).all() and (gains["frozen"].groupby("labels").mean() > 8).all()
    tuned, mean = gains["labels"], gains["labels"].groupby("labels").mean()
    assert mean[[250, 1_000]].between(0.5, 2).all() and mean[[5_000, 22_500]].between(-2, -0.5).all()
    assert (tuned[250] < 0).any() and (tuned[[5_000, 22_500]] < 0).all()


# The bug hunt


@pytest.mark.parametrize("positions", [TEXTS, PLACES])
@pytest.mark.parametrize("mask", ["", MASK])
@pytest.mark.parametrize("axis", ["1", "2"])
def test_only_the_class_without_any_of_the_three_bugs_passes(page, positions, mask, axis) -> None:
    names = dict(page)
    run(suspect(positions, mask, axis), names, "a suspect")
    found = properties(names["Suspect"])
    all_hold = all(value for name, value in found.items() if name != "known")
    assert all_hold == ((positions, mask, axis) == (PLACES, MASK, "2"))


def test_the_stub_of_the_hunt_holds_the_three_bugs() -> None:
    stub = exercise_cells(read_page("11"), "11.5")["stub"].source
    assert TEXTS in stub and "softmax(dim=1)" in stub and "masked_fill" not in stub
    assert "masked_fill" in solution_code(read_page("11"), "11.5")


# Drawings


def test_a_table_of_attention_writes_its_shares(axes) -> None:
    draw_attention(["a", "b"], torch.tensor([[1.0, 0.0], [0.25, 0.75]]), axes=axes)
    assert [text.get_text() for text in axes.texts] == ["1.00", "0.25", "0.75"]


def test_the_label_curves_go_through_the_means_of_their_runs(axes) -> None:
    rows = [("scratch", 10, 0.5), ("scratch", 10, 0.7), ("scratch", 40, 0.8), ("pretrained", 10, 0.7)]
    draw_label_curves(pd.DataFrame(rows, columns=["start", "labels", "test"]), axes=axes)
    lines = {
        tuple(line.get_xdata()): list(line.get_ydata()) for line in axes.lines if line.get_linestyle() == "--"
    }
    assert lines[10, 40] == pytest.approx([0.6, 0.8])


def test_a_start_keeps_its_look_whatever_else_is_measured_and_a_new_one_is_drawn_too(axes) -> None:
    rows = [("scratch", 10, 0.5), ("scratch", 40, 0.8), ("another", 10, 0.6), ("another", 40, 0.7)]
    draw_label_curves(pd.DataFrame(rows, columns=["start", "labels", "test"]), axes=axes)
    named = {
        line.get_label(): line.get_linestyle() for line in axes.lines if not line.get_label().startswith("_")
    }
    assert named == {"from scratch, all of it trained": "--", "another": "-."}


def test_bars_of_right_answers_carry_their_numbers_and_the_coins(axes) -> None:
    draw_counts({"a": 500, "b": 916}, coin=500, axes=axes)
    assert {text.get_text() for text in axes.texts} == {"500", "916", "a coin"}
    assert [bar.get_height() for bar in axes.patches] == [500, 916]


def test_bars_of_the_scale_carry_their_numbers_in_words(axes) -> None:
    draw_scale([("a", 56, True), ("b", 1_675_778, True), ("c", 174.6e9, False)], axes=axes)
    assert [text.get_text() for text in axes.texts] == ["56", "1.68 million", "175 billion"]
