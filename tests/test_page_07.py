"""The claims of page 07 hold beyond the numbers it prints; the code tested is the page's own."""

import math
from itertools import permutations

import pytest
import torch
from exercise_player import page_names
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.patches import FancyBboxPatch, Rectangle
from torch import nn

from helpers import model, twins
from helpers.autograd import Value
from helpers.plotting import draw_cell, draw_gates, draw_reading, draw_two_roads
from helpers.plotting.memory import CELL_PLACES, slopes_between

sizes = st.integers(1, 6)
seeds = st.integers(0, 10_000)
numbers = st.floats(-2, 2)
rows = st.tuples(numbers, numbers, numbers, numbers)
WHOLE_CELLS = (
    "imports",
    "table",
    "weights",
    "forward",
    "cell",
    "step",
    "step-forward",
    "step-backward-run",
    "lstm-forward",
    "lstm-backward",
    "compare-setup",
    "compare-own",
    "compare-torch",
    "latch-code",
    "word-table",
    "two-units",
    "count-56",
    "set-forget-bias",
    "reach",
)
FIRST_PARTS = {  # up to the line that begins with this word
    "rnn": "number =",
    "orders-run": "for order",
    "trace-run": "numbers =",
    "on-tape": "taped",
    "gap-run": "right",
    "silence-run": "for u",
}


@pytest.fixture(scope="module")
def page() -> dict:
    """The names that the page's cells define, without those that only draw or print."""
    return page_names("07", WHOLE_CELLS, FIRST_PARTS, solutions=["07.2", "07.5"])


def random(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# The plain RNN


def test_a_bag_cannot_tell_twins_apart_and_the_simplest_recurrent_machine_can(page) -> None:
    one, other = [-1.0, 0.5, 1.0], [1.0, 0.5, -1.0]
    assert sum(one) == sum(other)
    assert page["rnn"](one)[-1] == pytest.approx(0.7854, abs=5e-5)
    assert page["rnn"](other)[-1] == pytest.approx(-0.5694, abs=5e-5)


@settings(max_examples=50, deadline=None)
@given(u=st.floats(1.05, 4))
def test_what_a_plain_rnn_stores_for_ever_has_a_slope_that_vanishes(page, u) -> None:
    states, slopes = page["after_silence"](u, steps=400)
    _, earlier = page["after_silence"](u, steps=300)
    assert states[-1] == pytest.approx(states[-2], abs=1e-9) and states[-1] > 0.3  # it is held
    assert u * (1 - states[-1] ** 2) < 1
    assert slopes[-1] < 0.02 * earlier[-1] or slopes[-1] == 0


# One cell


def test_the_four_pre_activations_are_logarithms_and_the_gates_fractions(page) -> None:
    for name, k in zip(("z_i", "z_f", "z_g", "z_o"), (3, 4, 2, 9), strict=True):
        assert page[name] == pytest.approx(math.log(k), rel=1e-12)
    assert [page[name] for name in "ifgo"] == pytest.approx([3 / 4, 4 / 5, 3 / 5, 9 / 10], rel=1e-12)
    assert page["c"] == pytest.approx(0.85, rel=1e-12)
    assert page["h"] == pytest.approx(0.9 * math.tanh(0.85), rel=1e-12)


def test_each_order_of_the_rows_that_is_not_torchs_has_numbers_of_its_own(page) -> None:
    seen = {order: page["read_rows_as"](order) for order in map("".join, permutations("ifgo"))}
    right = seen.pop("ifgo")
    assert all(abs(h - right[1]) > 1e-3 for _, h in seen.values())
    assert seen["figo"] == pytest.approx((0.855, 0.6243), abs=5e-5)
    assert seen["ifog"] == pytest.approx((1.1317, 0.5411), abs=5e-5)


@settings(max_examples=50, deadline=None)
@given(x=numbers, h=st.floats(-1, 1), c=numbers, w=rows, u=rows, b=rows, dh=numbers, dc=numbers)
def test_the_way_back_by_hand_is_the_tapes_for_any_cell(page, x, h, c, w, u, b, dh, dc) -> None:
    page["step_back"].__globals__.update(w=w, u=u, b=b)
    _, _, kept = page["step"](x, h, c)
    own_x, own_h, own_c, dz = page["step_back"](dh, dc, kept)

    leaves = [Value(number) for number in (x, h, c)]
    taped = page["cell"](*leaves, *(page["on_tape"](row) for row in (w, u, b)))
    (dh * taped["h"] + dc * taped["c"]).backward()
    assert [own_x, own_h, own_c] == pytest.approx([leaf.grad for leaf in leaves], abs=1e-12)
    assert dz == pytest.approx([taped[f"z_{gate}"].grad for gate in "ifgo"], abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(f=st.floats(0, 1), c0=numbers, dc=numbers)
def test_back_along_the_belt_the_slope_is_multiplied_by_the_forget_gate_alone(page, f, c0, dc) -> None:
    kept = (0.3, 0.2, c0, 0.4, f, 0.5, 0.0, math.tanh(1.0))  # x, h, c, i, f, g, o, t; nothing is said
    _, _, dc0, _ = page["step_back"](0.7, dc, kept)
    assert dc0 == pytest.approx(dc * f, abs=1e-12)


# The layer


@settings(max_examples=60, deadline=None)
@given(T=sizes, B=sizes, E=sizes, H=sizes, seed=seeds)
def test_the_own_lstm_is_torchs_for_any_sizes_in_states_and_all_gradients(page, T, B, E, H, seed) -> None:
    torch.manual_seed(seed)
    case = page["example"](T, B, E, H)
    torch.testing.assert_close(page["run_own"](*case), page["run_torch"](*case), rtol=0, atol=1e-11)


def test_the_gradients_of_the_two_biases_are_equal(page) -> None:
    torch.manual_seed(3)
    found = page["run_torch"](*page["example"](5, 3, 4, 2))
    torch.testing.assert_close(found["db_ih"], found["db_hh"], rtol=0, atol=1e-14)


@settings(max_examples=30, deadline=None)
@given(x=numbers, h=st.floats(-1, 1), c=numbers, w=rows, u=rows, b=rows, dh=numbers, dc=numbers)
def test_the_layer_with_one_unit_is_the_cell_on_paper(page, x, h, c, w, u, b, dh, dc) -> None:
    page["step_back"].__globals__.update(w=w, u=u, b=b)
    new_h, new_c, kept = page["step"](x, h, c)
    table, weights = page["table"], [page["table"](part) for part in (w, u, b)]
    W_ih, W_hh, bias = weights[0][:, None], weights[1][:, None], weights[2]
    *states, keep = page["step_forward"](table([[x]]), table([[h]]), table([[c]]), W_ih, W_hh, bias)
    assert [state.item() for state in states] == pytest.approx([new_h, new_c], abs=1e-12)

    *on_paper, dz = page["step_back"](dh, dc, kept)
    *slopes, (_, _, db) = page["step_backward"](table([[dh]]), table([[dc]]), keep, W_ih, W_hh)
    assert [slope.item() for slope in slopes] == pytest.approx(on_paper, abs=1e-12)
    assert db.tolist() == pytest.approx(dz, abs=1e-12)


def test_the_number_of_weights_does_not_know_the_length_of_the_text() -> None:
    lstm = nn.LSTM(128, 256)
    count = sum(part.numel() for part in lstm.parameters())
    assert count == 4 * (256 * 128 + 256 * 256 + 2 * 256) == 395_264
    for T in (1, 30):
        assert lstm(torch.zeros(T, 2, 128))[0].shape == (T, 2, 256)


# What is stored, and what is blamed


@pytest.mark.parametrize("steps", [200, 1000])
def test_a_latch_holds_one_word_through_many_others(page, steps) -> None:
    stored, blamed = page["latch"](1, 1, steps=steps)
    assert stored == pytest.approx(math.tanh(1), abs=1e-4)
    assert blamed == pytest.approx(1 - math.tanh(1) ** 2, abs=1e-4)


def test_stored_and_blamed_are_two_questions(page) -> None:
    stored, blamed = page["latch"](1, 20)
    assert stored == pytest.approx(1, abs=1e-4) and abs(blamed) < 1e-12
    stored, blamed = page["latch"](0, 1)
    assert abs(stored) < 1e-4 and blamed == pytest.approx(1, abs=1e-4)


# The reader with two units


def accuracy(page: dict, frame) -> float:
    good = page["verdicts"](frame["text"]) > 0
    return (good.numpy() == (frame["label"] == 1)).mean()


@pytest.mark.parametrize("distance", [1, 3, 8, 24, 60])
def test_56_numbers_read_every_review_of_the_gap_corpus_in_every_split(page, distance) -> None:
    assert sum(part.numel() for part in page["reader"].parameters()) == 56
    for frame in twins.gap_frames(distance, seed=1).values():
        assert accuracy(page, frame) == 1.0


def test_a_denial_turns_every_verdict_of_the_reader_wrong(page) -> None:
    frame = twins.twin_frames()["test"]
    frame = frame[frame["family"] == "time"]
    assert set(frame["denials"]) == {0, 1}
    for text, label, denials in frame[["text", "label", "denials"]].itertuples(index=False):
        is_right = (page["verdicts"]([text]).item() > 0) == (label == 1)
        assert is_right == (denials == 0)


def test_where_no_year_is_named_the_second_adjective_decides_by_a_hair(page) -> None:
    frame = twins.twin_frames()["test"]
    other = frame[(frame["quadruple"] >= 0) & (frame["family"] != "time")]["text"]
    assert len(other) == 900
    for text in other:
        verdict = page["verdicts"]([text]).item()
        last = [twins.POLARITY[word] for word in text.split() if word in twins.POLARITY][-1]
        assert 0 < abs(verdict) < 0.01 and (verdict > 0) == last


# How far a gradient reaches


def test_the_pages_forget_bias_is_the_helpers(page) -> None:
    torch.manual_seed(5)
    one, other = nn.LSTM(3, 4), nn.LSTM(3, 4)
    other.load_state_dict(one.state_dict())
    page["set_forget_bias"](one, 1.0)
    model.set_forget_bias(other, 1.0)
    for own, theirs in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(own, theirs)
    assert page["forget_bias"](one).tolist() == [1.0] * 4


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_the_nearer_the_forget_gate_is_to_1_the_further_the_gradient_reaches(page, seed) -> None:
    machines = ((nn.RNN, None), (nn.LSTM, None), (nn.LSTM, 1.0), (nn.LSTM, math.log(99)))
    far = [page["reach"](*machine, seed)[100].item() for machine in machines]
    assert far == sorted(far)
    assert far[1] < -15 and far[3] > -3


# The exercises


@settings(max_examples=50, deadline=None)
@given(dc=numbers, f=st.floats(0, 1), g=st.floats(-1, 1), c0=numbers)
def test_the_solution_of_the_coupled_gate_is_the_tapes(page, dc, f, g, c0) -> None:
    gate, candidate, old = Value(f), Value(g), Value(c0)
    (dc * (gate * old + (1 - gate) * candidate)).backward()
    own = page["coupled_back"](dc, f, g, c0)
    assert own == pytest.approx((candidate.grad, old.grad, gate.grad), abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(B=sizes, E=sizes, H=sizes, seed=seeds)
def test_the_solution_of_the_gru_is_torchs_for_any_sizes(page, B, E, H, seed) -> None:
    torch.manual_seed(seed)
    gru = nn.GRUCell(E, H).double()
    x, h = random(B, E, seed=seed), random(B, H, seed=seed + 1)
    torch.testing.assert_close(page["gru_step"](x, h, *gru.parameters()), gru(x, h), rtol=0, atol=1e-12)


# Drawings


def words(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def a_cell(page: dict) -> dict:
    x, h0, c0, w, u, b = 2.0, 0.25, 0.5, [0.5, -0.5, 1.0, -1.0], [-2.0, 4.0, 2.0, 2.0], [0.1, 0.2, 0.3, 0.4]
    taped = page["cell"](*page["on_tape"]((x, h0, c0)), *(page["on_tape"](row) for row in (w, u, b)))
    taped["h"].backward()
    return taped


def test_local_slopes_between_named_numbers_multiply_along_and_add_across_paths() -> None:
    a, b = Value(2), Value(3)
    result = a * b + a * a * 5  # the numbers between have no name
    assert slopes_between({"a": a, "b": b, "result": result}) == {("a", "result"): 23.0, ("b", "result"): 2.0}


def test_in_the_drawn_cell_every_slope_is_the_sum_over_the_arrows_that_leave_its_box(page, axes) -> None:
    taped = a_cell(page)
    local = slopes_between(taped)
    for name, node in taped.items():
        if name != "h":
            total = sum(slope * taped[end].grad for (start, end), slope in local.items() if start == name)
            assert node.grad == pytest.approx(total, abs=1e-12)
    draw_cell(taped, axes=axes)
    assert sum(isinstance(patch, FancyBboxPatch) for patch in axes.patches) == len(CELL_PLACES) == len(taped)
    assert {"x", "c₀", "f·c₀", "t = tanh c", "0.5", "0.25"} <= set(words(axes))


def test_the_two_roads_carry_the_forget_gates_on_the_belt(page, axes) -> None:
    weights = [page["on_tape"](row) for row in ([0.5, -0.5, 1.0, -1.0], [-2.0, 4.0, 2.0, 2.0], [0.1] * 4)]
    c, h = Value(0.5), Value(0.25)
    named, gates = {"c0": c, "h0": h}, []
    for t in (1, 2):
        now = page["cell"](Value(t), h, c, *weights)
        h, c = now["h"], now["c"]
        gates.append(now["f"].data)
        named |= {f"c{t}": c, f"h{t}": h}
    h.backward()
    local = slopes_between(named)
    assert [local["c0", "c1"], local["c1", "c2"]] == pytest.approx(gates)
    draw_two_roads(named, axes=axes)
    assert {"c₀", "c₁", "c₂", "h₀", "h₁", "h₂"} <= set(words(axes))


def test_the_bars_of_the_gates_add_up(axes) -> None:
    draw_gates(z_i=math.log(3), z_f=math.log(4), z_g=math.log(2), z_o=math.log(9), c0=0.5, axes=axes)
    assert words(axes) == ["0.75", "0.8", "0.9", "0.6", "0.5", "0.4", "0.45", "0.85", "0.622"]
    heights = [bar.get_height() for bar in axes.patches if isinstance(bar, Rectangle) and bar.get_fill()]
    assert heights[5] + heights[6] == pytest.approx(heights[7])  # kept + written = new memory


def test_words_not_read_yet_are_empty(axes) -> None:
    rows = {"gate": [0.0, 1.0, 0.5], "memory": [-1.0, 0.96, 0.04]}
    draw_reading(["last", "year", "."], rows, upto=2, axes=axes)
    assert words(axes) == ["0", "1", "−1", "1"]
    axes.clear()
    draw_reading(["last", "year", "."], rows, axes=axes)
    assert words(axes) == ["0", "1", ".5", "−1", "1", "0"]
