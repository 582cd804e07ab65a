"""Shared by all tests of the course."""

import matplotlib
import pytest

matplotlib.use("Agg")  # figures that pages draw while their exercises are played are not shown


@pytest.fixture
def axes():
    """A place to draw; closed after the test."""
    from matplotlib import pyplot as plt  # slow, and most tests draw nothing

    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)
