"""The claims of page 05 hold beyond the numbers it prints; the code tested is the page's own."""

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from exercise_player import page_names
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.patches import Rectangle

from helpers.plotting import draw_decision_surface, draw_matrix_products, draw_shape_map

sizes = st.integers(1, 6)
seeds = st.integers(0, 10_000)
WHOLE_CELLS = (
    "imports",
    "tape-functions",
    "linear",
    "relu",
    "mse",
    "network",
    "moons-data",
    "head",
    "train",
    "training-step",
    "dropout",
)
FIRST_PARTS = {"random-net": "generator", "zero-start": "lazy", "slipped": "right"}


@pytest.fixture(scope="module")
def page() -> dict:
    """The names that the page's cells define, without those that only draw or print."""
    names = page_names("05", WHOLE_CELLS, FIRST_PARTS, solutions=["05.5"])
    names["head"] = names["SoftmaxCrossEntropy"]()  # what the page's training_step uses
    return names


def random(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# The rules


@settings(max_examples=100, deadline=None)
@given(batch=sizes, inputs=sizes, outputs=sizes, seed=seeds)
def test_a_layers_rules_are_those_of_autograd_for_any_sizes(page, batch, inputs, outputs, seed) -> None:
    layer = page["Linear"](random(inputs, outputs, seed=seed), random(outputs, seed=seed + 1))
    X, dZ = random(batch, inputs, seed=seed + 2), random(batch, outputs, seed=seed + 3)
    layer.forward(X)
    dX = layer.backward(dZ)
    leaves = [part.clone().requires_grad_() for part in (X, layer.W, layer.b)]
    (leaves[0] @ leaves[1] + leaves[2]).backward(dZ)
    for own, leaf in zip((dX, layer.dW, layer.db), leaves, strict=True):
        assert own.shape == leaf.shape
        torch.testing.assert_close(own, leaf.grad)


@settings(max_examples=50, deadline=None)
@given(batch=sizes, widths=st.lists(sizes, min_size=3, max_size=5), seed=seeds)
def test_a_net_of_any_depth_has_the_slopes_of_autograd(page, batch, widths, seed) -> None:
    net, head = page["make_net"]((*widths, 3), seed), page["SoftmaxCrossEntropy"]()
    X, labels = random(batch, widths[0], seed=seed), torch.arange(batch) % 3
    loss = head.forward(net.forward(X), labels)
    net.backward(head.backward())

    layers = [layer for layer in net.layers if isinstance(layer, page["Linear"])]
    leaves = [part.clone().requires_grad_() for layer in layers for part in (layer.W, layer.b)]
    Z = X
    for k in range(0, len(leaves), 2):
        Z = (torch.relu(Z) if k else Z) @ leaves[k] + leaves[k + 1]
    expected = F.cross_entropy(Z, labels)
    expected.backward()
    torch.testing.assert_close(loss, expected.detach())
    own = [part for layer in layers for part in (layer.dW, layer.db)]
    for slope, leaf in zip(own, leaves, strict=True):
        torch.testing.assert_close(slope, leaf.grad)


@settings(max_examples=30, deadline=None)
@given(batch=sizes, inputs=sizes, outputs=sizes, seed=seeds)
def test_the_tapes_product_is_the_matrix_product(page, batch, inputs, outputs, seed) -> None:
    A, B = random(batch, inputs, seed=seed), random(inputs, outputs, seed=seed + 1)
    product = page["matmul"](page["as_values"](A.tolist()), page["as_values"](B.tolist()))
    torch.testing.assert_close(page["table"]([[entry.data for entry in row] for row in product]), A @ B)


def test_the_mean_squared_error_divides_by_all_entries_of_the_prediction(page) -> None:
    loss, prediction, label = page["MeanSquaredError"](), random(5, 3, seed=1), random(5, 3, seed=2)
    leaf = prediction.clone().requires_grad_()
    F.mse_loss(leaf, label).backward()
    torch.testing.assert_close(loss.forward(prediction, label), F.mse_loss(prediction, label))
    torch.testing.assert_close(loss.backward(), leaf.grad)


@settings(max_examples=30, deadline=None)
@given(batch=sizes, widths=st.tuples(sizes, sizes, sizes), seed=seeds)
def test_the_solution_of_the_last_exercise_holds_for_any_sizes(page, batch, widths, seed) -> None:
    shapes = list(pairwise((*widths, 3)))
    parameters = [
        random(*shape, seed=seed + k) for k, pair in enumerate(shapes) for shape in (pair, pair[1:])
    ]
    leaves = [part.clone().requires_grad_() for part in parameters]
    X, labels = random(batch, widths[0], seed=seed + 9), torch.arange(batch) % 3
    loss, slopes = page["loss_and_slopes"](X, labels, parameters)
    H = torch.relu(torch.relu(X @ leaves[0] + leaves[1]) @ leaves[2] + leaves[3])
    expected = F.cross_entropy(H @ leaves[4] + leaves[5], labels)
    expected.backward()
    torch.testing.assert_close(loss, expected.detach())
    for slope, leaf in zip(slopes, leaves, strict=True):
        torch.testing.assert_close(slope, leaf.grad)


def test_a_slipped_transpose_leaves_its_own_layer_right_and_the_one_below_wrong(page) -> None:
    a, relu_a, b, relu_b, c = page["make_net"]((2, 6, 6, 2), seed=3).layers
    right, head = page["Network"](a, relu_a, b, relu_b, c), page["SoftmaxCrossEntropy"]()
    X, labels = random(7, 2, seed=4), torch.arange(7) % 2
    head.forward(right.forward(X), labels)
    right.backward(head.backward())
    expected = [layer.dW for layer in (a, b, c)]
    slipped_b = page["SlippedLinear"](b.W, b.b)
    slipped = page["Network"](a, relu_a, slipped_b, relu_b, c)
    head.forward(slipped.forward(X), labels)
    slipped.backward(head.backward())
    assert torch.equal(slipped_b.dW, expected[1]) and torch.equal(c.dW, expected[2])
    assert not torch.allclose(a.dW, expected[0])


# How a net must not start


@settings(max_examples=15, deadline=None)
@given(
    start=st.floats(-1, 1),
    lr=st.floats(0.01, 1.0),
    hidden=st.integers(2, 8),
    seed=seeds,
)
def test_units_that_start_equal_stay_equal_whatever_the_data_and_the_step(
    page, start, lr, hidden, seed
) -> None:
    net = page["zero_net"](hidden, value=start)
    X, labels = random(9, 2, seed=seed), torch.arange(9) % 2
    for _ in range(20):
        page["training_step"](net, X, labels, lr)
    W1 = net.layers[0].W
    torch.testing.assert_close(W1, W1[:, :1].expand_as(W1), rtol=0, atol=1e-9)


def test_only_the_last_bias_moves_from_a_start_at_zero(page) -> None:
    net = page["zero_net"](5)
    X, labels = (
        random(10, 2, seed=1),
        torch.tensor([0, 0, 0, 1, 0, 0, 1, 0, 0, 0]),
    )  # classes not alike in number
    for _ in range(50):
        page["training_step"](net, X, labels, 0.5)
    assert not net.layers[0].W.any() and not net.layers[2].W.any() and not net.layers[0].b.any()
    assert net.layers[2].b.any()


# Dropout


@settings(max_examples=20, deadline=None)
@given(p=st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.8]), seed=seeds)
def test_dropout_keeps_the_mean_in_training_and_does_nothing_in_use(page, p, seed) -> None:
    drop, X = page["Dropout"](p, torch.Generator().manual_seed(seed)), torch.full((400, 500), 3.0)
    dropped = drop.forward(X)
    assert dropped.mean().item() == pytest.approx(3.0, abs=0.08)
    kept = dropped[dropped != 0]
    torch.testing.assert_close(kept, torch.full_like(kept, 3 / (1 - p)))
    torch.testing.assert_close(drop.backward(torch.ones_like(X)), dropped / 3)
    drop.training = False
    assert torch.equal(drop.forward(X), X) and torch.equal(drop.backward(X), X)


def test_moons_are_the_same_for_everybody_and_balanced(page) -> None:
    points, labels = page["two_moons"](50, 0.1, seed=3)
    again, _ = page["two_moons"](50, 0.1, seed=3)
    other, _ = page["two_moons"](50, 0.1, seed=4)
    assert torch.equal(points, again) and not torch.equal(points, other)
    assert torch.bincount(labels).tolist() == [50, 50] and points.dtype == torch.float64


# Drawings


def grids(axes, backward: bool) -> list[tuple[float, float]]:
    """Height and width of the drawn tables, sorted; those of slopes are hatched."""
    tables = [patch for patch in axes.patches if isinstance(patch, Rectangle) and patch.get_linewidth() == 0]
    tables = [patch for patch in tables if patch.get_height() < 10]  # without the bands behind the layers
    return sorted(
        (patch.get_height(), patch.get_width()) for patch in tables if bool(patch.get_hatch()) == backward
    )


@pytest.mark.parametrize("shape", [(5, 3, 4, 2), (2, 6, 3, 4)])
def test_the_shape_map_draws_each_slope_as_large_as_its_tensor(axes, shape) -> None:
    batch, inputs, hidden, outputs = shape
    draw_shape_map(batch, inputs, hidden, outputs, axes=axes)
    tensors = [
        *((batch, inputs), (inputs, hidden), (1, hidden), (batch, hidden), (batch, hidden)),
        *((hidden, outputs), (1, outputs), (batch, outputs), (1, 1)),
    ]
    assert grids(axes, backward=False) == grids(axes, backward=True) == sorted(tensors)
    words = {text.get_text() for text in axes.texts}
    assert {f"W1 [{inputs}, {hidden}]", f"dW1 [{inputs}, {hidden}]", f"db2 [{outputs}]"} <= words


def test_the_four_products_carry_the_shapes_they_draw(axes) -> None:
    draw_matrix_products(5, 3, 4, axes=axes)
    words = [text.get_text() for text in axes.texts]
    for label in ("X [5, 3]", "Xᵀ [3, 5]", "Wᵀ [4, 3]", "dW [3, 4]", "dX [5, 3]", "db [4]", "ones [5]"):
        assert label in words
    assert (3.0, 4.0) in grids(axes, backward=True) and (3.0, 5.0) in grids(axes, backward=False)


def test_a_net_without_an_opinion_has_no_border(axes) -> None:
    points = torch.tensor([[0.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
    labels = torch.tensor([0, 1])
    draw_decision_surface(lambda places: torch.full((len(places),), 0.3), points, labels, axes=axes)
    areas = len(axes.collections)
    draw_decision_surface(lambda places: (places[:, 0] > 0.5).double(), points, labels, axes=axes)
    assert len(axes.collections) == 2 * areas + 1  # the second has its border


def test_each_hidden_unit_that_switches_in_sight_has_its_line(axes) -> None:
    points, labels = random(10, 2, seed=5), torch.arange(10) % 2
    W, b = (
        torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]),
        torch.tensor([0.0, 0.0, 50.0]),
    )  # the third is far off
    draw_decision_surface(lambda places: torch.zeros(len(places)), points, labels, axes=axes)
    without = len(axes.collections)
    draw_decision_surface(
        lambda places: torch.zeros(len(places)), points, labels, hinges=(W.double(), b.double()), axes=axes
    )
    assert len(axes.collections) == 2 * without + 2
