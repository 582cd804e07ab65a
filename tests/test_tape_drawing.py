"""The drawings of pages 01 and 02 show the numbers that the engine computed."""

import matplotlib
import pytest

matplotlib.use("Agg")

from matplotlib import pyplot as plt

from helpers.autograd import Value, topological_order
from helpers.plotting import SMALLEST_TEXT, draw_backward_step, draw_chain, draw_secant, draw_tape, use_style


@pytest.fixture(autouse=True)
def in_the_style_of_the_course():
    use_style()
    yield
    plt.close("all")


@pytest.fixture
def result():
    a, b = Value(2, label="a"), Value(3, label="b")
    c, d = a + b, a * b
    c.label, d.label = "c", "d"
    result = (c + d) + c * d
    result.label = "Y"
    result.backward()
    return result


def words(axes):
    return [text.get_text() for text in axes.texts]


def box_of(axes, name):
    (found,) = [text for text in axes.texts if text.get_text().startswith(f"{name} =")]
    return found


def test_a_box_shows_value_and_slope(result):
    shown = words(draw_tape(result))
    assert "a = 2\ndY/da = 25" in shown and "c = 5\ndY/dc = 7" in shown and "Y = 41\ndY/dY = 1" in shown


def test_an_arrow_shows_the_slope_that_the_tape_wrote_down(result):
    shown = sorted(text for text in words(draw_tape(result)) if "=" not in text)
    slopes = [slope for node in topological_order(result) for slope in node.slopes]
    assert shown == sorted(f"{slope:g}" for slope in slopes)


def test_a_negative_number_has_a_real_minus_sign():
    x = Value(-2, label="x")
    (x * 1).backward()
    assert "−2" in box_of(draw_tape(x * 1), "x").get_text()


def test_every_arrow_leads_to_the_right_and_no_two_boxes_share_a_place(result):
    axes = draw_tape(result)
    boxes = [text for text in axes.texts if "=" in text.get_text()]
    assert len({text.get_position() for text in boxes}) == len(boxes) == 7
    across = {text.get_text()[0]: text.get_position()[0] for text in boxes}
    assert across["a"] < across["c"] < across["×"] < across["Y"]


def test_a_number_without_inputs_stands_beside_its_first_use():
    w, x, y = Value(2, label="w"), Value(3, label="x"), Value(4, label="y")
    product = w * x
    product.label = "p"
    axes = draw_tape(product - y)
    assert box_of(axes, "y").get_position()[0] == box_of(axes, "p").get_position()[0]


def test_after_all_steps_the_drawing_shows_what_backward_gives(result):
    shown = words(draw_backward_step(result, 10))
    assert "a = 2\nslope 25" in shown and "b = 3\nslope 19" in shown


def test_a_node_that_waits_for_a_share_says_so(result):
    assert "c = 5\nso far 1" in words(draw_backward_step(result, 4))
    assert "c = 5\nslope 7" in words(draw_backward_step(result, 6))


def test_drawing_a_step_leaves_the_tape_as_it_is(result):
    before = [node.grad for node in topological_order(result)]
    draw_backward_step(result, 3)
    assert [node.grad for node in topological_order(result)] == before


@pytest.mark.parametrize("step", [-1, 11])
def test_a_step_that_the_tape_has_not_is_refused(result, step):
    with pytest.raises(ValueError, match="0 to 10"):
        draw_backward_step(result, step)


def test_a_chain_shows_the_products_of_its_slopes():
    shown = words(draw_chain(["w", "p", "L"], [2, 6, 36], [3, 12]))
    assert "w = 2\ndL/dw = 36" in shown and "p = 6\ndL/dp = 12" in shown and "12 · 3" in shown


def test_a_secant_says_the_slope_it_measures():
    assert draw_secant(lambda x: x**2, 3.0, 0.5).get_title(loc="left") == "h = 0.5: slope 6.000000"


def test_no_text_is_smaller_than_the_smallest(result):
    for axes in (draw_tape(result), draw_backward_step(result, 2), draw_chain(["x", "y"], [1, 2], [2])):
        assert min(text.get_fontsize() for text in axes.texts) >= SMALLEST_TEXT
