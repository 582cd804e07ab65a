"""One style for every figure of the course, and the drawings of its pages.

Colours are never the only cue: lines also differ in dash, points in marker, and boxes carry their words. The
parts stand in modules of their own; pages import from here.
"""

from helpers.plotting.attention import (
    draw_attention,
    draw_counts,
    draw_label_curves,
    draw_scale,
    draw_size_curve,
)
from helpers.plotting.chains import draw_backward_step, draw_chain, draw_secant, draw_tape
from helpers.plotting.descent import (
    draw_bounces,
    draw_contours,
    draw_line_and_errors,
    draw_path,
    draw_squares,
)
from helpers.plotting.evaluation import (
    draw_confusion,
    draw_mattered,
    draw_reliability,
    draw_slices,
    draw_threshold,
    draw_two_failures,
)
from helpers.plotting.footprints import draw_footprint, draw_losses, draw_verdicts
from helpers.plotting.graphs import Edge, Node, draw_graph
from helpers.plotting.ladders import draw_asynchronous, draw_ladder
from helpers.plotting.memory import draw_cell, draw_gates, draw_reading, draw_two_roads
from helpers.plotting.prices import draw_pictures, draw_prediction
from helpers.plotting.style import COLORS, LINESTYLES, MARKERS, SMALLEST_TEXT, use_style
from helpers.plotting.tensors import draw_decision_surface, draw_matrix_products, draw_shape_map
from helpers.plotting.training_curves import LiveCurve, draw_training
from helpers.plotting.words import draw_batches, draw_lookup, draw_shared_bag, draw_words

__all__ = [
    "COLORS",
    "LINESTYLES",
    "MARKERS",
    "SMALLEST_TEXT",
    "Edge",
    "LiveCurve",
    "Node",
    "draw_asynchronous",
    "draw_attention",
    "draw_backward_step",
    "draw_batches",
    "draw_bounces",
    "draw_cell",
    "draw_chain",
    "draw_confusion",
    "draw_contours",
    "draw_counts",
    "draw_decision_surface",
    "draw_footprint",
    "draw_gates",
    "draw_graph",
    "draw_label_curves",
    "draw_ladder",
    "draw_line_and_errors",
    "draw_lookup",
    "draw_losses",
    "draw_matrix_products",
    "draw_mattered",
    "draw_path",
    "draw_pictures",
    "draw_prediction",
    "draw_reading",
    "draw_reliability",
    "draw_scale",
    "draw_secant",
    "draw_shape_map",
    "draw_shared_bag",
    "draw_size_curve",
    "draw_slices",
    "draw_squares",
    "draw_tape",
    "draw_threshold",
    "draw_training",
    "draw_two_failures",
    "draw_two_roads",
    "draw_verdicts",
    "draw_words",
    "use_style",
]
