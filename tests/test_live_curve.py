"""The curve that grows while a model trains: one figure, redrawn in place, left as a plain picture."""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
from nbclient import NotebookClient
from small_training import SETTINGS, fresh, trained

from helpers import training
from helpers.plotting import training_curves
from helpers.plotting.style import SMALLEST_TEXT, use_style
from helpers.plotting.training_curves import LiveCurve, draw_training

CELL = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
from small_training import SETTINGS, fresh, trained
from helpers import training
from helpers.plotting.style import use_style
from helpers.plotting.training_curves import LiveCurve
use_style()
training.LOOK_SECONDS = 0.0
run = trained(fresh(), SETTINGS, watch=LiveCurve(), progress=True)
"""


@pytest.fixture(scope="module")
def outputs():
    """What a notebook cell that trains with a live curve leaves in the page."""
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    NotebookClient(page, timeout=100, kernel_name="python3").execute()
    return page.cells[0].outputs


def test_one_picture_is_left_in_the_page(outputs):
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 1 and len(pictures[0]["data"]["image/png"]) > 5_000


def test_nothing_is_left_on_stderr(outputs):
    assert not [output for output in outputs if output.output_type == "stream" and output.name == "stderr"]


@pytest.fixture
def drawings(monkeypatch):
    """How often a curve is drawn in a process without a notebook."""
    count = []
    real = LiveCurve._draw
    monkeypatch.setattr(LiveCurve, "_draw", lambda self, progress: (count.append(1), real(self, progress)))
    return count


def test_it_is_drawn_at_most_once_a_second_and_at_the_end(drawings, monkeypatch):
    monkeypatch.setattr(training, "LOOK_SECONDS", 0.0)  # 44 looks in far less than a second
    curve = LiveCurve()
    trained(fresh(), watch=curve)
    assert 2 <= len(drawings) <= 4 and len(curve.looks) == 44


def test_at_most_a_thirtieth_of_the_time_is_spent_on_drawing(drawings, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(training_curves.time, "perf_counter", lambda: now[0])
    slow = LiveCurve._draw
    monkeypatch.setattr(LiveCurve, "_draw", lambda *a: (slow(*a), now.__setitem__(0, now[0] + 0.2)))
    curve = LiveCurve()
    for look in range(200):  # a look every half second for a hundred seconds
        now[0] += 0.5
        curve(training.Progress(1, 1, look, 200, 0.5, 0.5, rows=[]))
    assert len(drawings) > 10 and 0.2 * len(drawings) <= now[0] / 30


def test_the_end_shows_an_interrupted_run_as_far_as_it_came(monkeypatch):
    def stop(progress):
        curve(progress)
        if progress.epoch == 3 and not progress.over:
            raise KeyboardInterrupt

    curve = LiveCurve()
    run = trained(fresh(), watch=stop)
    accuracy = curve.figure.axes[1]
    assert list(accuracy.lines[1].get_ydata()) == run.history["validation_accuracy"].tolist()
    upright = {line.get_label(): line for line in accuracy.lines}["best epoch"]
    assert upright.get_xdata()[0] == run.best_epoch


def test_without_a_notebook_nothing_is_shown_and_the_figure_can_be_had(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    use_style()  # titles stand on the left
    before = plt.get_fignums()
    curve = LiveCurve()
    run = trained(fresh(), watch=curve)
    loss, accuracy = curve.figure.axes
    validation = {line.get_label(): line for line in accuracy.lines}["validation"]
    assert list(validation.get_ydata()) == run.history["validation_accuracy"].tolist()
    assert loss.get_title("left") == "loss" and plt.get_fignums() == before
    assert capsys.readouterr().out == ""


def test_a_history_is_drawn_with_two_cues_a_legend_and_legible_text():
    use_style()
    history = trained(fresh(), SETTINGS).history
    figure, axes = plt.subplots(1, 2)
    draw_training(history, axes, best_epoch=3)
    train, validation = axes[1].lines[:2]
    assert (
        train.get_linestyle() != validation.get_linestyle() and train.get_marker() != validation.get_marker()
    )
    assert [text.get_text() for text in axes[1].get_legend().get_texts()] == [
        "train",
        "validation",
        "best epoch",
    ]
    figure.canvas.draw()
    texts = [text for ax in axes for text in (*ax.get_xticklabels(), *ax.get_yticklabels(), *ax.texts)]
    assert min(text.get_fontsize() for text in texts) >= SMALLEST_TEXT
    plt.close(figure)


def test_a_curve_before_the_first_epoch_has_ended_can_be_drawn():
    curve = LiveCurve()
    curve(training.Progress(epoch=1, epochs=3, step=5, steps=10, loss=0.7, accuracy=0.5, rows=[]))
    assert curve.looks == [(0.5, 0.7)] and curve.figure.axes[0].get_xlim()[1] > 3
