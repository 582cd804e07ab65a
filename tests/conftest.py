"""Shared by all tests of the course."""

import matplotlib

matplotlib.use("Agg")  # figures that pages draw while their exercises are played are not shown
