"""The claims of page 03 hold beyond the numbers it prints; the code tested is the page's own."""

import math
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from exercise_player import page_names
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.patches import Rectangle

from helpers.plotting import draw_bounces, draw_contours, draw_line_and_errors, draw_path, draw_squares

numbers = st.floats(-5, 5)
places = st.tuples(numbers, numbers).map(lambda place: torch.tensor(place, dtype=torch.float64))


@pytest.fixture(scope="module")
def page() -> dict:
    """The names that the page's cells define, without those that only draw or print."""
    optimisers = ("gradient-descent", "three-orders", "momentum-build", "adam-build", "against-torch")
    cells = ("imports", "data", "loss-and-gradient", *optimisers)
    return page_names("03", cells, solutions=["03.5"], guess="none")


# The optimisers


@settings(max_examples=25, deadline=None)
@given(start=places, lr=st.floats(0.001, 0.11))
def test_own_optimisers_follow_torchs_from_any_start(page, start: torch.Tensor, lr: float) -> None:
    pairs = (
        (page["gradient_descent"], torch.optim.SGD, {}),
        (page["momentum"], torch.optim.SGD, {"momentum": 0.9}),
        (page["adam"], torch.optim.Adam, {}),
    )
    usual_start, page["start"] = page["start"], start
    try:
        for own, optimizer, options in pairs:
            theirs = page["torch_path"](optimizer, lr, steps=30, **options)
            torch.testing.assert_close(own(start, lr, 30), theirs, rtol=1e-9, atol=1e-9)
    finally:
        page["start"] = usual_start


# The edge


@settings(max_examples=60, deadline=None)
@given(x=st.lists(st.integers(-5, 5), min_size=3, max_size=7).filter(lambda x: len(set(x)) > 1), place=places)
def test_plain_descent_shrinks_below_the_edge_and_grows_above_it(page, x: list, place: torch.Tensor) -> None:
    """For any inputs; the labels are 0, so the lowest point is (0, 0)."""
    inputs = torch.tensor(x, dtype=torch.float64)
    edge = page["edge"](inputs, "mean")
    design = torch.stack([inputs, torch.ones_like(inputs)], dim=1)
    hessian = 2 * design.T @ design / len(x)
    steepest = torch.linalg.eigh(hessian).eigenvectors[:, 1]
    for factor, grows in ((0.99, False), (1.01, True)):
        theta = place + 10 * steepest
        across = [(theta @ steepest).abs().item()]
        for _ in range(3):
            theta = theta - factor * edge * hessian @ theta
            across.append((theta @ steepest).abs().item())
        assert all((after > before) == grows for before, after in pairwise(across))


@settings(max_examples=6, deadline=None)
@given(start=places.filter(lambda place: place.abs().min() > 0.1))
def test_the_edge_of_momentum_is_1_9_times_as_far_out(page, start: torch.Tensor) -> None:
    edge = 2 * (1 + 0.9) / ((17 + math.sqrt(269)) / 2)
    below, above = (page["loss_at"](page["momentum"](start, edge * near, 4000)) for near in (0.99, 1.01))
    assert below[-1] < 1e-6 < 1e6 < above[-1]


@settings(max_examples=8, deadline=None)
@given(start=places.filter(lambda place: place.abs().min() > 0.1), lr=st.floats(20, 100))
def test_adam_has_no_edge_on_the_bowl(page, start: torch.Tensor, lr: float) -> None:
    losses = page["loss_at"](page["adam"](start, lr, 1000))
    assert losses.max() > 1000 and losses[-1] < 1e-3


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_edge_is_the_same_with_every_sample_written_twice_only_for_the_mean(page, reduction: str) -> None:
    x = torch.tensor([1.0, 2.0, 4.0, 8.0], dtype=torch.float64)
    once, twice = page["edge"](x, reduction), page["edge"](x.repeat(2), reduction)
    assert once == pytest.approx(twice if reduction == "mean" else 2 * twice)


# The traps


@settings(max_examples=60, deadline=None)
@given(prediction=st.lists(numbers, min_size=2, max_size=6), data=st.data())
def test_a_mean_over_all_pairs_is_two_variances_and_a_squared_difference(prediction: list, data) -> None:
    labels = data.draw(st.lists(numbers, min_size=len(prediction), max_size=len(prediction)))
    p, y = np.array(prediction), np.array(labels)
    pairs = ((p[:, None] - y) ** 2).mean()
    assert pairs == pytest.approx(p.var() + y.var() + (p.mean() - y.mean()) ** 2, abs=1e-9)


def test_a_forgotten_zero_grad_never_settles_and_never_explodes(page) -> None:
    losses = np.array(page["losses_with"](["backward", "step"], steps=2000))
    assert losses[-200:].max() > 10 and losses.max() < 20


# What is drawn is what is computed


def drawn_axes():
    return plt.subplots()[1]


def test_squares_have_the_areas_of_the_squared_errors_and_of_their_mean() -> None:
    axes = draw_squares([-2.0, 3.0, -5.0], axes=drawn_axes())
    squares = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert [one.get_width() == one.get_height() for one in squares] == [True] * 4
    assert [one.get_width() ** 2 for one in squares] == pytest.approx([4, 9, 25, 38 / 3])
    assert [bool(one.get_hatch()) for one in squares] == [False, False, False, True]
    plt.close(axes.figure)


def test_each_error_is_written_beside_its_bar() -> None:
    axes = draw_line_and_errors([1.0, 2.0], [3.0, 5.0], [4.0, 2.5], axes=drawn_axes())
    assert [text.get_text() for text in axes.texts] == ["+1", "−2.5"]
    bars = [line.get_ydata() for line in axes.lines[2:]]
    assert [list(bar) for bar in bars] == [[4.0, 3.0], [2.5, 5.0]]
    plt.close(axes.figure)


def test_bounces_stand_on_the_parabola_and_the_first_three_are_numbered() -> None:
    axes = draw_bounces([-1.0, 1.25, -1.5, 2.0], 15, axes=drawn_axes())
    u, height = axes.lines[1].get_data()
    np.testing.assert_allclose(height, 7.5 * np.asarray(u) ** 2)
    assert [text.get_text() for text in axes.texts] == ["0", "1", "2"]
    plt.close(axes.figure)


def test_contours_ask_for_the_loss_of_the_place_they_draw_it_at() -> None:
    asked = []

    def loss(points: torch.Tensor) -> torch.Tensor:
        asked.append(points)
        return points[..., 0] ** 2 + points[..., 1]

    axes = draw_contours(loss, (-2, 2), (0, 5), lowest=(0, 0), axes=drawn_axes())
    (points,) = asked
    assert points[0, -1].tolist() == [2, 0] and points[-1, 0].tolist() == [-2, 5]
    assert (axes.get_xlim(), axes.get_ylim(), axes.get_aspect()) == ((-2, 2), (0, 5), 1)
    plt.close(axes.figure)


def test_a_path_does_not_move_the_map_and_marks_its_start() -> None:
    axes = draw_contours(lambda points: (points**2).sum(-1), (-1, 1), (-1, 1), axes=drawn_axes())
    draw_path(torch.tensor([[0.5, 0.5], [-30.0, 2.0]]), axes=axes)
    assert axes.get_xlim() == (-1, 1) and axes.get_ylim() == (-1, 1)
    ring = axes.lines[-1]
    assert (list(ring.get_xdata()), ring.get_markerfacecolor()) == ([0.5], "white")
    plt.close(axes.figure)
