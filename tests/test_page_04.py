"""The claims of page 04 hold beyond the numbers it prints; the code tested is the page's own."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from exercise_player import page_names
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.plotting import draw_pictures, draw_prediction

# Subnormal numbers are left out: another test may have told the CPU to flush them to zero.
scores = st.lists(st.floats(-30, 30), min_size=2, max_size=6)


@pytest.fixture(scope="module")
def page() -> dict:
    """The names that the page's cells define, without those that only draw or print."""
    cells = ("imports", "descend", "shapes", "cat", "dog", "own-gradient")
    return page_names("04", cells, solutions=["04.5"])


# The article's formula


@settings(max_examples=60, deadline=None)
@given(start=st.floats(0.01, 0.99).filter(lambda p: abs(p - 1 / math.e) > 0.002), lr=st.floats(0.1, 2.0))
def test_the_articles_formula_leads_away_from_one_over_e(page, start: float, lr: float) -> None:
    path = page["descend"](page["article_slope"], start, steps=50, lr=lr)
    steps = np.diff(path)
    assert (steps < 0).all() if start < 1 / math.e else (steps > 0).all()


@settings(max_examples=60, deadline=None)
@given(start=st.floats(0.01, 0.99))
def test_the_price_of_the_truth_leads_to_the_truth_from_everywhere(page, start: float) -> None:
    assert page["descend"](lambda p: -1 / p, start)[-1] > 0.98


def test_no_base_of_the_logarithm_prints_the_articles_two_numbers() -> None:
    bases = np.exp(np.linspace(math.log(1.01), math.log(100), 100_000))
    first, second = (-p * math.log(p) / np.log(bases) for p in (0.8, 0.2))
    assert not ((first.round(2) == 0.22) & (second.round(2) == 0.69)).any()
    assert (first.round(2) == 0.22).any() and (second.round(2) == 0.69).any()


# The gradient and its loss


@settings(max_examples=200, deadline=None)
@given(z=scores, data=st.data())
def test_the_gradient_is_a_set_of_wishes(page, z: list[float], data: st.DataObject) -> None:
    """It adds up to 0, only the truth's entry is below 0, and none is larger than 1 in size."""
    truth = data.draw(st.integers(0, len(z) - 1))
    logits = torch.tensor([z], dtype=torch.float64)
    _, (gradient,) = page["loss_and_gradient"](logits, torch.tensor([truth]))
    assert abs(gradient.sum()) < 1e-12 and gradient.abs().max() <= 1
    assert gradient[truth] <= 0 and (gradient[torch.arange(len(z)) != truth] >= 0).all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("size", [1.0, 100.0, 10_000.0])
def test_own_loss_is_torchs_at_scores_of_any_size(page, dtype: torch.dtype, size: float) -> None:
    random = torch.Generator().manual_seed(0)
    logits = (size * torch.randn(7, 5, generator=random)).to(dtype).requires_grad_()
    labels = torch.tensor([0, 4, 2, 2, 1, 3, 0])
    wanted = F.cross_entropy(logits, labels)
    wanted.backward()
    loss, gradient = page["loss_and_gradient"](logits.detach(), labels)
    torch.testing.assert_close(loss, wanted.detach())
    torch.testing.assert_close(gradient, logits.grad)


@settings(max_examples=200, deadline=None)
@given(z=scores, data=st.data())
def test_a_second_softmax_never_goes_below_its_floor(z: list[float], data: st.DataObject) -> None:
    truth = torch.tensor(data.draw(st.integers(0, len(z) - 1)))
    floor = math.log(math.e + len(z) - 1) - 1
    assert F.cross_entropy(torch.tensor(z, dtype=torch.float64).softmax(0), truth) >= floor - 1e-12


# Cats and dogs


def test_photos_are_the_same_in_every_run_and_are_grey_values(page) -> None:
    photos, labels = page["take_photos"](6, seed=1)
    again, _ = page["take_photos"](6, seed=1)
    assert torch.equal(photos, again) and not torch.equal(photos, page["take_photos"](6, seed=2)[0])
    assert photos.shape == (6, 256) and photos.min() >= 0 and photos.max() <= 1
    assert labels.tolist() == [0, 1, 0, 1, 0, 1]


@pytest.fixture(scope="module")
def trained(page) -> tuple[torch.Tensor, torch.Tensor]:
    photos, labels = page["take_photos"](200, seed=1)
    W, b = torch.zeros(2, 256, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    for _ in range(100):
        _, W_grad, b_grad = page["loss_and_gradients"](photos, labels, W, b)
        W, b = W - 0.1 * W_grad, b - 0.1 * b_grad
    return W, b


@pytest.mark.parametrize("seed", [2, 3, 4, 5])
def test_cats_and_dogs_of_any_seed_are_separated(page, trained, seed: int) -> None:
    photos, labels = page["take_photos"](200, seed=seed)
    right = page["scores_of"](photos, *trained).argmax(dim=1) == labels
    assert right.double().mean() >= 0.99


def test_the_weights_of_cat_and_dog_cancel(trained) -> None:
    W, b = trained
    assert (W[0] + W[1]).abs().max() < 1e-12 and (b[0] + b[1]).abs() < 1e-12


# What is drawn is what is computed


@pytest.mark.parametrize("logits", [[2.0, 1.0, 0.1], [-900.0, 5.0, 900.0]], ids=str)
@pytest.mark.parametrize("truth", [0, 1, 2])
def test_bars_are_the_scores_their_softmax_and_the_gradient(logits: list[float], truth: int) -> None:
    figure = draw_prediction(logits, truth, ["cat", "dog", "owl"])
    z = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    loss = F.cross_entropy(z, torch.tensor(truth))
    loss.backward()
    for axes, heights in zip(figure.axes, (z, z.softmax(dim=0), z.grad), strict=True):
        drawn = [bar.get_height() for bar in axes.patches]
        np.testing.assert_allclose(drawn, heights.detach(), atol=1e-12)
        assert [bool(bar.get_hatch()) for bar in axes.patches] == [one == truth for one in range(3)]
    assert figure.axes[1].get_title(loc="left").endswith(f"price {loss.item():.4f}")
    plt.close(figure)


def test_pictures_with_signs_have_zero_in_the_middle_of_their_colours() -> None:
    pictures = np.array([[[0.0, 3.0]], [[-1.0, 0.5]]])
    figure, panels = plt.subplots(1, 3)
    draw_pictures(pictures, ["a", "b"], signed=True, axes=panels)
    assert [axes.images[0].get_clim() for axes in panels[:2]] == [(-3.0, 3.0)] * 2
    assert not panels[2].images and [axes.get_title() for axes in panels] == ["a", "b", ""]
    plt.close(figure)
