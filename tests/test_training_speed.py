"""The benchmark of the training loop runs, and prints all that it promises. No time is asserted."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "training_speed.py"


@pytest.fixture(scope="module")
def report():
    """What a tiny run on the twins prints."""
    tiny = "--corpus twins --device cpu --rounds 1 --batches 4 --batch-size 16 --seconds 0.02"
    command = [sys.executable, str(SCRIPT), *tiny.split(), "--precision", "float32"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert done.stderr == ""
    return done.stdout


def test_it_says_when_and_on_what_it_was_taken(report):
    assert re.match(rf"\d{{4}}-\d\d-\d\d, torch {re.escape(torch.__version__)}, CPU .*threads: 1\n", report)
    assert "twins: 64 texts" in report and "medians of 1 rounds" in report


@pytest.mark.parametrize("way", ["tutorial", "padded", "course", "model alone", "bare LSTM"])
def test_each_way_has_a_row_with_its_speed_and_its_ratios(report, way):
    (row,) = re.findall(rf"^{way} +([\d,.% ]+)$", report, flags=re.MULTILINE)
    speed, low, high, tutorial, model, bare = row.split()[:6]
    assert low == speed == high and float(speed.replace(",", "")) > 0  # one round: its own median
    assert float(tutorial) > 0 and model.endswith("%") and bare.endswith("%")


def test_the_ratios_are_those_of_the_printed_speeds(report):
    rows = dict(re.findall(r"^(tutorial|course|model alone|bare LSTM) +(\S.*)$", report, flags=re.MULTILINE))
    speed = {way: float(row.split()[0].replace(",", "")) for way, row in rows.items()}
    course = rows["course"].split()
    assert float(course[3]) == pytest.approx(speed["course"] / speed["tutorial"], abs=0.06)
    assert float(course[4][:-1]) == pytest.approx(100 * speed["course"] / speed["model alone"], abs=0.6)
    assert float(course[5][:-1]) == pytest.approx(100 * speed["course"] / speed["bare LSTM"], abs=0.6)


def test_the_shares_of_a_step_sum_to_one(report):
    (line,) = re.findall(r"where the time of a course step goes: (.*)", report)
    shares = dict(re.findall(r"(\w+) ([\d.]+)%", line))
    assert list(shares) == ["data", "forward", "backward", "update"]
    assert sum(map(float, shares.values())) == pytest.approx(100, abs=0.3)


def test_the_cost_of_more_reviews_is_printed_as_a_ratio(report):
    (line,) = re.findall(r"cost of 1, 2, 4 x 16 reviews, an epoch: (.*)", report)
    assert len(re.findall(r"[\d.]+ s \(x [\d.]+\)", line)) == 3 and "(x 1.00)" in line


def test_peak_memory_is_printed_or_said_to_be_unknown(report):
    assert re.search(r"peak memory: (the whole process|tensors on the GPU|not known)", report)


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("training_speed", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_only_work_that_was_warmed_up_is_timed(script):
    seen = []

    def step(piece):
        seen.append(piece)
        return 1

    found = script.timed(step, iter("abc"), torch.device("cpu"), 0.0)
    assert seen[0] == "a" and set(seen) == {"a"} and found["tokens"] == len(seen) - 1
    seen.clear()
    found = script.timed(step, iter("abc"), torch.device("cpu"), 0.05)
    assert seen[:6] == list("abcabc") and found["tokens"] == len(seen) - 3


def test_parts_of_the_texts_are_nested(script):
    from small_training import ENCODED

    quarter, half = script.part_of(ENCODED, 0.25), script.part_of(ENCODED, 0.5)
    assert len(quarter) == 18 and len(half) == 36
    assert torch.equal(half.lengths[:18], quarter.lengths)


def test_an_unknown_memory_is_a_dash(script):
    assert script.mib(None) == "—" and script.mib(3 * 2**20) == "3"


def test_rounds_that_differ_much_are_not_to_be_trusted(script):
    assert script.was_disturbed({"course": [100.0, 60.0], "padded": [50.0, 50.0]})
    assert not script.was_disturbed({"course": [100.0, 90.0], "padded": [50.0, 45.0]})
