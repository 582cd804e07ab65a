"""The gradient check of page 01: it passes what is right, and it can fail."""

import numpy as np
import pytest
import torch

from helpers.gradcheck import compare, numeric_gradient, relative_error

W, X, B, Y = 2.0, 3.0, -1.0, 4.0


def loss(w, x=X, b=B, y=Y):
    return (w * x + b - y) ** 2


def test_the_slope_of_the_worked_example_is_six():
    assert abs(numeric_gradient(loss, W) - 6) < 1e-9


def test_a_python_integer_counts_as_a_number():
    assert abs(numeric_gradient(loss, 2) - 6) < 1e-9


def test_every_entry_of_an_array_gets_its_own_slope():
    x = np.array([[1.0, -2.0, 0.5], [3.0, 0.0, -1.5]])
    assert np.allclose(numeric_gradient(lambda x: (x**3).sum(), x), 3 * x**2, rtol=1e-8, atol=1e-9)


def test_a_tensor_gives_a_tensor_and_stays_unchanged():
    x = torch.tensor([[1.0, -2.0, 0.5], [3.0, 0.25, -1.5]], dtype=torch.float64, requires_grad=True)
    before = x.detach().clone()
    gradient = numeric_gradient(lambda x: (x.exp() * x).sum(), x)
    assert torch.equal(x, before)
    torch.testing.assert_close(gradient, (before.exp() * (before + 1)), rtol=1e-8, atol=1e-9)


def test_a_function_that_writes_into_its_input_does_no_harm():
    def spoils(x):
        x *= 2
        return float((x**2).sum())

    x = np.array([1.0, 2.0, 3.0])
    assert np.allclose(numeric_gradient(spoils, x), 8 * x)


def test_the_error_of_a_central_difference_falls_as_the_square_of_the_step():
    errors = [abs(numeric_gradient(np.sin, 1.0, h) - np.cos(1.0)) for h in (1e-2, 5e-3)]
    assert 3.9 < errors[0] / errors[1] < 4.1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_an_input_coarser_than_float64_is_refused(dtype):
    with pytest.raises(TypeError, match=r"float64.*x\.double"):
        numeric_gradient(lambda x: (x**2).sum(), torch.ones(3, dtype=dtype))


def test_a_function_that_falls_back_to_float32_is_refused():
    with pytest.raises(TypeError, match="what f returned is float32"):
        numeric_gradient(lambda x: (x.float() ** 2).sum(), torch.ones(3, dtype=torch.float64))


@pytest.mark.parametrize("result", [float("nan"), float("inf"), np.ones(3)])
def test_a_function_must_return_one_finite_number(result):
    with pytest.raises(ValueError, match="one finite number"):
        numeric_gradient(lambda x: result, 1.0)


def test_a_function_that_is_not_the_same_twice_is_refused():
    torch.manual_seed(0)
    with pytest.raises(ValueError, match="dropout"):
        numeric_gradient(
            lambda x: torch.dropout(x, 0.5, train=True).sum(), torch.ones(9, dtype=torch.float64)
        )


@pytest.mark.parametrize("h", [0.0, -1e-5, float("nan")])
def test_a_step_must_be_above_zero(h):
    with pytest.raises(ValueError, match="above 0"):
        numeric_gradient(loss, W, h)


def test_relative_error_asks_compared_with_what():
    assert relative_error(1e-7, 2e-7) == pytest.approx(0.5)
    assert relative_error(1.0, 1.0 + 1e-7) == pytest.approx(1e-7)
    assert relative_error(0.0, 0.0) == 0
    assert relative_error(-1.0, 1.0) == 2


def test_relative_error_broadcasts_nothing():
    with pytest.raises(ValueError, match="one shape"):
        relative_error(np.ones((3, 1)), np.ones(3))


def test_compare_prints_one_line_when_all_three_agree(capsys):
    compare("dL/dw", own=6.0, numeric=6.0 + 1e-10, torch=torch.tensor(6.0, dtype=torch.float64))
    expected = "dL/dw     own 6.000000  numeric 6.000000  torch 6.000000  agree to 1e-6\n"
    assert capsys.readouterr().out == expected


def test_the_noise_of_a_central_difference_around_a_true_zero_passes_and_is_remarked_on(capsys):
    compare("dL/dw", own=0.0, numeric=-3e-12)
    assert "numeric 0.000000" in (out := capsys.readouterr().out) and "tells little" in out


# Wrong gradients. Each must be caught, by name.

x = np.array([1.5, -2.0, 0.5])
right = 2 * x + 1  # of f(x) = sum(x² + x)


def f(x):
    return (x**2 + x).sum()


@pytest.mark.parametrize(
    ("mistake", "wrong"),
    [
        ("all zero", np.zeros(3)),
        ("missing term", 2 * x),
        ("overwritten accumulation: the last path only", np.ones(3)),
        ("inner slope dropped", right / 3),
        ("sign", -right),
        ("one entry of three", right * [1, 1, 1.001]),
        ("doubled by a second backward", 2 * right),
    ],
)
def test_a_wrong_gradient_is_flagged(mistake, wrong):
    with pytest.raises(AssertionError, match="DIFFER: own and numeric"):
        compare("df/dx", own=wrong, numeric=numeric_gradient(f, x))


def test_the_right_gradient_is_not_flagged():
    compare("df/dx", own=right, numeric=numeric_gradient(f, x))


def test_a_tiny_gradient_that_is_twice_too_large_is_flagged():
    with pytest.raises(AssertionError, match="DIFFER"):
        compare("df/dx", own=2e-7, numeric=1e-7)


def test_numeric_right_and_torch_wrong_names_torch():
    with pytest.raises(AssertionError, match="own and torch"):
        compare("df/dx", own=right, numeric=right, torch=right + 0.01)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("who", ["own", "numeric", "torch"])
def test_nan_and_infinity_are_flagged_wherever_they_stand(who, bad):
    answers = {"own": 6.0, "numeric": 6.0, "torch": 6.0} | {who: bad}
    with pytest.raises(AssertionError, match=f"{who} holds nan or inf"):
        compare("dL/dw", **answers)


def test_two_shapes_are_flagged_even_when_they_would_broadcast():
    with pytest.raises(AssertionError, match=r"shape \(3,\).*shape \(3, 1\)"):
        compare("df/dx", own=right, numeric=right[:, None])


def test_a_gradient_that_never_arrived_is_flagged():
    cut = torch.ones(3, dtype=torch.float64, requires_grad=True)
    with pytest.raises(AssertionError, match="torch is None"):
        compare("df/dx", own=right, torch=cut.grad)


def test_a_float32_gradient_is_refused():
    with pytest.raises(TypeError, match="own is float32"):
        compare("df/dx", own=right.astype(np.float32), numeric=right)


def test_comparing_with_nothing_is_refused():
    with pytest.raises(ValueError, match="compare own with"):
        compare("df/dx", own=right)
