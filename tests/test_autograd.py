"""The scalar tape of page 02: right on every graph, called twice, and at any length."""

import ast
import doctest
import math
from pathlib import Path

import nbformat
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import helpers.autograd
from helpers.autograd import Value, topological_order
from helpers.gradcheck import numeric_gradient


def diamond():
    a, b = Value(2, label="a"), Value(3, label="b")
    c, d = a + b, a * b
    return a, b, c, d, (c + d) + c * d


def slope_of(function, at):
    x = Value(at)
    function(x).backward()
    return x.grad


def test_the_worked_example_has_slopes_25_and_19():
    a, b, c, d, result = diamond()
    result.backward()
    assert (result.data, a.grad, b.grad, c.grad, d.grad) == (41, 25, 19, 7, 6)


def test_the_four_paths_from_a_add_up():
    a, *_, result = diamond()

    def paths(node):
        if node is a:
            return [1.0]
        edges = zip(node.inputs, node.slopes, strict=True)
        return [slope * rest for source, slope in edges for rest in paths(source)]

    assert sorted(paths(result)) == [1, 3, 6, 15]


def test_a_value_used_four_times_in_two_steps_has_slope_four():
    a = Value(1)
    b = a + a
    c = b + b
    c.backward()
    assert a.grad == 4


def test_backward_twice_gives_the_same_answer():
    a, b, c, d, result = diamond()
    result.backward()
    first = [node.grad for node in (a, b, c, d, result)]
    result.backward()
    assert [node.grad for node in (a, b, c, d, result)] == first


def test_backward_from_an_inner_node_forgets_the_outer_result():
    a, b, c, _, result = diamond()
    result.backward()
    c.backward()
    assert (a.grad, b.grad, c.grad) == (1, 1, 1)


def test_a_chain_of_ten_thousand_operations_needs_no_recursion():
    x = Value(0.5)
    y = x
    for _ in range(10_000):
        y = y * 1.0001
    y.backward()
    assert x.grad == pytest.approx(1.0001**10_000, rel=1e-10)


def test_a_graph_with_two_to_the_hundred_paths_costs_a_hundred_steps():
    x = Value(1)
    y = x
    for _ in range(100):
        y = y + y
    y.backward()
    assert x.grad == 2.0**100


def test_every_node_comes_after_its_inputs_and_once():
    *_, result = diamond()
    order = topological_order(result)
    place = {node: i for i, node in enumerate(order)}
    assert len(place) == len(order) == 7
    assert all(place[source] < place[node] for node in order for source in node.inputs)


def test_plain_numbers_work_on_either_side():
    a = Value(4)
    results = [2 * a, a * 2, 1 / a, a / 2, a - 1, 1 - a, 3 + a, a + 3, -a, a**2, a**-1, a**0.5, a**0]
    assert [r.data for r in results] == [8, 8, 0.25, 2, 3, -3, 7, 7, -4, 16, 0.25, 2, 1]
    slopes = []
    for result in results:
        result.backward()
        slopes.append(a.grad)
    assert slopes == [2, 2, -1 / 16, 0.5, 1, -1, 1, 1, -1, 8, -1 / 16, 0.25, 0]


def test_power_zero_is_flat_even_at_zero():
    assert slope_of(lambda x: x**0, 0.0) == 0


@pytest.mark.parametrize("z", [-1000.0, -40.0, -2.0, 0.0, 2.0, 40.0, 1000.0])
@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu"])
def test_the_squashing_functions_equal_torch_far_out_and_do_not_overflow(name, z):
    x, own = torch.tensor(z, dtype=torch.float64, requires_grad=True), Value(z)
    expected, result = getattr(x, name)(), getattr(own, name)()
    expected.backward()
    result.backward()
    assert result.data == pytest.approx(expected.item(), rel=1e-14)
    assert own.grad == pytest.approx(x.grad.item(), rel=1e-12)


def test_a_sigmoid_far_to_the_left_is_small_but_not_zero():
    assert Value(-40).sigmoid().log().data == pytest.approx(-40)


@pytest.mark.parametrize("z", [-3.0, -0.5, 0.5, 2.0])
def test_the_slope_of_tanh_is_taken_at_its_output(z):
    assert slope_of(Value.tanh, z) == pytest.approx(1 - math.tanh(z) ** 2)
    assert 0 < slope_of(Value.tanh, z) <= 1


def test_log_of_zero_says_what_it_needs():
    with pytest.raises(ValueError, match="above 0, got 0"):
        Value(0).log()


def test_a_value_as_a_power_says_what_to_write_instead():
    with pytest.raises(TypeError, match="plain number"):
        Value(2) ** Value(3)


def test_the_example_in_the_module_text_is_true():
    assert doctest.testmod(helpers.autograd).failed == 0


# Random graphs. One program is run on Values, on torch tensors and on plain nudged numbers.

ONE_INPUT = {
    "tanh": lambda p: p.tanh(),
    "sigmoid": lambda p: p.sigmoid(),
    "relu": lambda p: p.relu(),
    "exp of tanh": lambda p: p.tanh().exp(),
    "log of 1 + square": lambda p: (1 + p**2).log(),
    "square": lambda p: p**2,
    "power −1 of 2 + square": lambda p: (2 + p * p) ** -1,
    "minus": lambda p: -p,
    "3 − p": lambda p: 3 - p,
    "2 / (1.5 + sigmoid)": lambda p: 2 / (1.5 + p.sigmoid()),
}
TWO_INPUTS = {
    "add": lambda p, q: p + q,
    "subtract": lambda p, q: p - q,
    "multiply": lambda p, q: p * q,
    "divide": lambda p, q: p / (q**2 + 1),
}
leaf = st.floats(-2, 2).map(lambda number: round(number, 3))
step = st.tuples(st.sampled_from([*ONE_INPUT, *TWO_INPUTS]), st.integers(0, 99), st.integers(0, 99))
programs = st.tuples(st.lists(leaf, min_size=2, max_size=4), st.lists(step, min_size=3, max_size=12))


def run(leaves, steps):
    """All nodes of the program. Each step reads any two earlier nodes, so many are used more than once."""
    nodes = list(leaves)
    for name, i, j in steps:
        p, q = nodes[i % len(nodes)], nodes[-1 - j % len(nodes)]
        nodes.append(ONE_INPUT[name](p) if name in ONE_INPUT else TWO_INPUTS[name](p, q))
    return nodes


def test_at_least_200_random_graphs_agree_with_torch_and_with_central_differences():
    checked = 0

    @settings(
        max_examples=300, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.filter_too_much]
    )
    @given(programs)
    def check(program):
        nonlocal checked
        numbers, steps = program
        own = [Value(number) for number in numbers]
        nodes = run(own, steps)
        assume(all(abs(node.data) < 50 for node in nodes))
        # A nudge across the corner of relu measures no slope.
        corners = [
            nodes[i % (len(numbers) + k)].data for k, (name, i, _) in enumerate(steps) if name == "relu"
        ]
        assume(all(abs(corner) > 1e-3 for corner in corners))
        result = sum(nodes[len(numbers) :], Value(0))
        result.backward()

        tensors = [torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in numbers]
        sum(run(tensors, steps)[len(numbers) :]).backward()
        for leaf, tensor in zip(own, tensors, strict=True):
            expected = 0.0 if tensor.grad is None else tensor.grad.item()
            assert leaf.grad == pytest.approx(expected, rel=1e-9, abs=1e-9)

        def value_of(moved):
            return sum(node.data for node in run([Value(v) for v in moved.tolist()], steps)[len(numbers) :])

        start = torch.tensor(numbers, dtype=torch.float64)
        measured, doubled = (numeric_gradient(value_of, start, h) for h in (1e-5, 2e-5))
        # Where two steps disagree the graph is too steep to be measured; torch has judged it already.
        assume(torch.allclose(measured, doubled, rtol=1e-6, atol=1e-6))
        assert [leaf.grad for leaf in own] == pytest.approx(measured.tolist(), rel=1e-5, abs=1e-5)
        checked += 1

    check()
    assert checked >= 200


# The page builds the class cell by cell; put together, its cells are the helper.

ROOT = Path(__file__).parents[1]


def method_as_text(method):
    """Arguments and body without docstrings and annotations; a lambda is the function it stands for."""
    names = [argument.arg for argument in method.args.args]
    defaults = [ast.unparse(default) for default in method.args.defaults]
    body = [ast.Return(method.body)] if isinstance(method, ast.Lambda) else method.body
    code = [ast.unparse(line) for line in body if not isinstance(getattr(line, "value", None), ast.Constant)]
    return names, defaults, code


def methods_in(source):
    """Methods of the class Value in a piece of source: in its body, or given to it with `Value.name = …`."""
    tree = ast.parse(source)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    found = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == "Value":
            found |= {part.name: part for part in node.body if isinstance(part, ast.FunctionDef)}
        if isinstance(node, ast.Assign):
            targets = node.targets[0].elts if isinstance(node.targets[0], ast.Tuple) else node.targets
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            for target, value in zip(targets, values, strict=False):
                if isinstance(target, ast.Attribute) and ast.unparse(target.value) == "Value":
                    found[target.attr] = value if isinstance(value, ast.Lambda) else functions[value.id]
    return {name: method_as_text(method) for name, method in found.items()}


def methods_on_the_page():
    page = nbformat.read(ROOT / "notebooks" / "02_backpropagation.ipynb", as_version=4)
    shown = [cell for cell in page.cells if cell.cell_type == "code"]
    kept = [cell for cell in shown if cell.metadata.get("course", {}).get("role") not in ("broken", "stub")]
    return methods_in("\n".join(cell.source for cell in kept))


def test_the_cells_of_page_02_together_are_the_class_of_the_helper():
    helper = methods_in((ROOT / "helpers" / "autograd.py").read_text(encoding="utf-8"))
    assert methods_on_the_page() == helper


def test_a_method_that_differs_from_the_page_is_seen():
    good = 'class Value:\n    def neg(self) -> int:\n        """Doc."""\n        return -self\n'
    same = "class Value:\n    pass\n\ndef f(self):\n    return -self\n\nValue.neg = f"
    other = "class Value:\n    pass\n\nValue.neg = lambda self: self"
    assert methods_in(good) == methods_in(same) != methods_in(other)
