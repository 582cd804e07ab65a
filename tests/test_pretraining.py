"""The measurement of pretraining: a stopped run goes on, a finished one is skipped, frozen means frozen."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from helpers.learner import Settings

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "pretraining.py"
spec = importlib.util.spec_from_file_location("pretraining", SCRIPT)
script = importlib.util.module_from_spec(spec)
sys.modules["pretraining"] = script
spec.loader.exec_module(script)

CPU = torch.device("cpu")
PLAN = replace(
    script.QUICK,
    units=8,
    labels=((100, 1, 16), (200, 1, 16)),
    readout_labels=100,
    size_labels=200,
    pretraining=Settings(epochs=2, batch_size=64, learning_rate=4e-3),
)


@pytest.fixture(scope="module")
def texts() -> script.Texts:
    """The twins."""
    return script.load(True, PLAN)


@pytest.fixture
def table(tmp_path, monkeypatch) -> Path:
    """A table and a folder of weights of one's own, empty."""
    monkeypatch.setattr(script, "TABLE", tmp_path / "pretraining.csv")
    monkeypatch.setattr(script, "KEPT", tmp_path / "kept")
    return tmp_path / "pretraining.csv"


def run_all(texts, plan=PLAN) -> int:
    """Run what is missing; how often the pretrained reader was asked for."""
    log, asked = script.Log(CPU, quick=False), []

    def reader():
        asked.append(script.pretrain(texts, plan, CPU, "float32", log))
        return asked[-1]

    script.Runs(texts, plan, CPU, "float32", log, reader).all()
    return len(asked)


def test_all_runs_stand_in_the_table_once_and_a_second_start_does_nothing(texts, table):
    assert run_all(texts) > 0
    runs = pd.read_csv(table)
    assert runs["group"].value_counts().to_dict() == {
        "pretraining": 2,
        "labels": 4,
        "frozen": 4,
        "readout": 2,
        "size": 1,
    }
    pretrained = runs["start"] == "pretrained"
    assert (runs.loc[pretrained, "readings"] == 2).all()
    assert (runs.loc[runs["start"] == "scratch", "readings"] == 0).all()
    before = table.read_bytes()
    assert run_all(texts) == 0 and table.read_bytes() == before


def test_a_stopped_pretraining_goes_on_after_its_last_whole_epoch_and_ends_the_same(texts, table, tmp_path):
    whole = script.pretrain(texts, PLAN, CPU, "float32", script.Log(CPU, quick=False))
    (tmp_path / "kept" / "8-units-epoch-2-of-2.pt").unlink()  # as if stopped in the second epoch
    table.write_text("\n".join(table.read_text().splitlines()[:2]) + "\n", encoding="utf-8")
    resumed = script.pretrain(texts, PLAN, CPU, "float32", script.Log(CPU, quick=False))
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name
    assert len(pd.read_csv(table)) == 2


def test_another_size_or_another_number_of_readings_is_another_run(texts, table):
    run_all(texts)
    once = len(pd.read_csv(table))
    more = replace(PLAN, pretraining=replace(PLAN.pretraining, epochs=1))
    assert run_all(texts, more) > 0
    runs = pd.read_csv(table)
    assert len(runs) == once + 1 + 2 + 2 + 1  # one reading; fine-tuned, frozen, the other readout
    assert not runs.duplicated([*runs.columns[:10], "best_epoch"]).any()


def test_frozen_states_are_those_of_the_handed_over_reader_for_every_seed_and_are_read_once(texts):
    reader = script.fresh(texts, 0, CPU, PLAN.model())
    runs = script.Runs(texts, PLAN, CPU, "float32", script.Log(CPU, quick=True), lambda: reader)
    *_, of_reader = runs.states("pretrained", 1)
    assert torch.equal(of_reader, script.summaries(reader, texts.test))
    assert not torch.equal(of_reader, runs.states("scratch", 1)[2])
    assert runs.states("pretrained", 2) is runs.states("pretrained", 1)
    assert not torch.equal(runs.states("scratch", 2)[2], runs.states("scratch", 1)[2])


def test_only_the_last_layer_is_fitted_on_the_labelled_texts_and_no_others(texts):
    read = [torch.zeros(len(split), 1) for split in (texts.train, texts.validation, texts.test)]
    rows = script.labelled_rows(texts.train, 100, 0)
    read[0][:] = -100.0  # what texts without a label would tell, were they heard
    for part, split in zip(read[1:], (texts.validation, texts.test), strict=True):
        part[:, 0] = split.labels.float()
    read[0][rows, 0] = texts.train.labels[rows].float()
    fit = script.only_the_last_layer(read, texts, 100, PLAN.training(1, 16, "float32", 0))
    assert fit["validation"] == fit["test"] == 1.0
    assert fit["parameters"] == 2 and fit["tokens"] == texts.train.lengths[rows].sum()


def test_quick_writes_nothing(table, monkeypatch, capsys):
    monkeypatch.setattr(script, "QUICK", replace(PLAN, labels=((100, 1, 16),), size_labels=100))
    monkeypatch.setattr(sys, "argv", ["pretraining.py", "--quick", "--device", "cpu", "--units", "8"])
    script.main()
    assert "group frozen, start pretrained" in capsys.readouterr().out
    assert list(table.parent.iterdir()) == []


@pytest.mark.parametrize("count", [10, 100])
def test_the_labels_that_are_seen_are_half_of_each_class_and_differ_between_seeds(texts, count):
    one, same, other = (script.labelled_rows(texts.train, count, seed) for seed in (0, 0, 1))
    assert len(one.unique()) == count and texts.train.labels[one].sum() == count // 2
    assert torch.equal(one, same) and not torch.equal(one, other)
