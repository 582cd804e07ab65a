"""The ladder of accuracies: one change a rung, its last rung is the recipe, and its table is what it says."""

import importlib.util
import json
import subprocess
import sys
from dataclasses import asdict, fields
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
import torch

from helpers import corpus as corpora
from helpers.learner import Settings
from helpers.measured import read_measured
from helpers.recipes import RECIPES, Recipe
from helpers.twins import twin_frames

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "accuracy_ladder.py"
spec = importlib.util.spec_from_file_location("accuracy_ladder", SCRIPT)
script = importlib.util.module_from_spec(spec)
sys.modules["accuracy_ladder"] = script
spec.loader.exec_module(script)
RUNGS = script.ladder()


def changes(a, b) -> list[str]:
    """The names of what differs between two rungs; the rate's rise and fall are one thing, its schedule."""
    flat = [{"kind": r.kind, "words": r.words, **r.model, **r.settings} for r in (a, b)]
    found = {key for key in {**flat[0], **flat[1]} if flat[0].get(key) != flat[1].get(key)}
    return sorted({"schedule" if key in ("warmup", "fall") else key for key in found})


@pytest.mark.parametrize(("before", "after"), list(pairwise(RUNGS)), ids=lambda rung: rung.name)
def test_one_change_a_rung(before, after):
    assert len(changes(before, after)) == 1


def test_what_was_left_out_is_one_change_to_a_rung():
    (learned,) = [rung for rung in RUNGS if rung.name == "averaged"]
    recipe_with, learned_with = script.side_rungs()
    assert changes(RUNGS[-1], recipe_with) == changes(learned, learned_with) == ["dropout"]


def test_the_last_rung_is_the_recipe_of_the_real_reviews():
    last, recipe = RUNGS[-1], RECIPES["imdb"]
    assert last.words == recipe.vocabulary_size and recipe.max_tokens == 400
    assert last.model == recipe.model
    settings = Settings(**last.settings)
    assert {f.name: getattr(settings, f.name) for f in fields(Settings)} == asdict(recipe.settings)


def test_the_first_rung_computes_what_the_articles_class_computes():
    torch.manual_seed(0)
    model = RUNGS[0].kind(50, 4, 6)
    ids = torch.randint(2, 50, (3, 5))
    embedding = model.embedding(ids)
    states, _ = torch.nn.LSTM(4, 6)(embedding)  # only the shape: the batch is taken for time
    assert states.shape == (3, 5, 6)
    plain = torch.nn.LSTM(4, 6)
    plain.load_state_dict(model.lstm.state_dict())
    assert torch.equal(model(ids, torch.tensor([5, 2, 1])), model.fc(plain(embedding)[0][:, -1]))


def test_a_run_is_written_once_and_not_repeated(tmp_path):
    command = [sys.executable, str(SCRIPT), "--corpus", "twins", "--group", "linear", "--rungs", "0"]
    command += ["--folder", str(tmp_path / "runs"), "--table", str(tmp_path / "table.csv")]
    first = subprocess.run(command, capture_output=True, text=True, check=True)
    assert first.stdout == "linear 0 TF-IDF words, seed 0: validation 0.6000\n"
    second = subprocess.run(command, capture_output=True, text=True, check=True)
    assert second.stdout == ""
    (row,) = pd.read_csv(tmp_path / "table.csv").to_dict("records")
    assert row["name"] == "TF-IDF words" and row["test"] == 0.6  # half of the plain fifth, half of the twins
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".part"] == []


def test_a_rung_is_trained_and_measured_on_the_set_that_it_names(tmp_path):
    data = script.prepare(corpora.Corpus("few", *few(), ""), Recipe(100, 40))
    row = script.run_rung(
        RUNGS[-1].next("small", "", model=dict(votes=(50, 50, 50)), settings=dict(epochs=2)), data, 0
    )
    assert row["best_epoch"] in (1, 2) and row["precision"] == "bfloat16"
    assert round(row["validation"] * len(data.validation)) / len(data.validation) == row["validation"]
    assert 0 <= row["test"] <= 1 and json.dumps(row)


def few() -> list[pd.DataFrame]:
    """A few reviews of each split of the twins."""
    return [split.head(96) for split in twin_frames().values()]


# --- the measured table -------------------------------------------------------------------------------


def test_the_table_has_three_seeds_a_rung_and_all_rungs():
    table = read_measured("accuracy")
    assert list(table.columns) == script.COLUMNS
    rungs = table[table["group"] == "ladder"].groupby("rung")
    assert {n: (set(g["name"]), set(g["change"]), sorted(g["seed"])) for n, g in rungs} == {
        n: ({rung.name}, {rung.change}, [0, 1, 2]) for n, rung in enumerate(RUNGS)
    }
    assert list(table[table["group"] == "linear"]["name"]) == list(script.LINEAR)
    assert table["validation"].between(0.4, 1).all() and table["test"].between(0.4, 1).all()


def test_every_figure_is_a_share_of_its_set():
    table = read_measured("accuracy")
    for column, texts in (("validation", 2_500), ("test", 25_000)):
        right = table[column] * texts
        assert ((right - right.round()).abs() < 1e-3).all()


def test_the_recipe_is_at_least_as_good_as_every_linear_model_and_reaches_its_target():
    table = read_measured("accuracy")
    mean = table[table["rung"].eq(len(RUNGS) - 1) & table["group"].eq("ladder")]["test"].mean()
    pairs = table[table["name"] == "naive-Bayes pairs"]["test"].item()
    assert mean >= 0.916 and mean > pairs


def test_an_unknown_table_is_refused():
    with pytest.raises(ValueError, match="no measured table 'speed'; there are: accuracy"):
        read_measured("speed")
