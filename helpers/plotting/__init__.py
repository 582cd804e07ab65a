"""One style for every figure of the course, and the drawings of its pages.

Colours are never the only cue: lines also differ in dash, points in marker, and boxes carry their words. The
parts stand in modules of their own; pages import from here.
"""

from helpers.plotting.chains import draw_backward_step, draw_chain, draw_secant, draw_tape
from helpers.plotting.descent import (
    draw_bounces,
    draw_contours,
    draw_line_and_errors,
    draw_path,
    draw_squares,
)
from helpers.plotting.graphs import Edge, Node, draw_graph
from helpers.plotting.prices import draw_pictures, draw_prediction
from helpers.plotting.style import COLORS, LINESTYLES, MARKERS, SMALLEST_TEXT, use_style
from helpers.plotting.tensors import draw_decision_surface, draw_matrix_products, draw_shape_map

__all__ = [
    "COLORS",
    "LINESTYLES",
    "MARKERS",
    "SMALLEST_TEXT",
    "Edge",
    "Node",
    "draw_backward_step",
    "draw_bounces",
    "draw_chain",
    "draw_contours",
    "draw_decision_surface",
    "draw_graph",
    "draw_line_and_errors",
    "draw_matrix_products",
    "draw_path",
    "draw_pictures",
    "draw_prediction",
    "draw_secant",
    "draw_shape_map",
    "draw_squares",
    "draw_tape",
    "use_style",
]
