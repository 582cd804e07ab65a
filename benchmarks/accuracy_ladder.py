"""Accuracy on the real reviews: linear models, and a ladder from the article's model up, one change a rung.

    python benchmarks/accuracy_ladder.py                                  all: about two hours on one core
    python benchmarks/accuracy_ladder.py --group ladder --rungs 9 --seeds 0    one run of page 09's recipe

Trained on 22,500 reviews; epochs (and C of the linear models) are chosen on the 2,500 of validation; the
25,000 of the test set are read once a run. Every finished run is a file in --folder, and is not run again;
after each, helpers/measured/accuracy.csv is written anew from all of them.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.sparse import diags
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from helpers import corpus as corpora
from helpers import training
from helpers.devices import describe_device
from helpers.measured import FOLDER
from helpers.model import TextClassifier, count_parameters
from helpers.recipes import Recipe, build_model, prepare
from helpers.text import tokenize

MAX_TOKENS = 400
COLUMNS = ["group", "rung", "name", "change", "seed", "best_epoch", "validation", "test", "parameters"]
COLUMNS += ["cpu_minutes", "precision", "device", "torch", "date"]


class AsWritten(TextClassifier):
    """The article's forward: the LSTM takes the batch for time, and the last column is read, pad or word."""

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        self.lstm.batch_first = False
        states, _ = self.lstm(self.dropout(self.embedding(ids)))  # [batch, time, hidden]
        return self.fc(self.dropout(states[:, -1]))  # [batch, classes]


@dataclass(frozen=True)
class Rung:
    """A row of the ladder: what changes from the rung before."""

    name: str
    change: str
    kind: type[TextClassifier] = TextClassifier
    words: int = 10_000
    model: dict = field(default_factory=dict)
    settings: dict = field(default_factory=dict)

    def next(self, name: str, change: str, **changed) -> Rung:
        """The rung after this one: `changed` fields, and of `model` and `settings` only the given keys."""
        for name_of_dict in ("model", "settings"):
            changed[name_of_dict] = getattr(self, name_of_dict) | changed.get(name_of_dict, {})
        return dataclasses.replace(self, name=name, change=change, **changed)


def ladder() -> list[Rung]:
    """All rungs, from the article's class to the recipe of page 09. Hidden size 128 (the article: 256)."""
    rungs = [
        Rung(
            "article",
            "as written, in a loop that trains it",
            AsWritten,
            model=dict(embedding_dim=128, hidden_dim=128),
            settings=dict(epochs=3, batch_size=64, learning_rate=3e-3, warmup=0.0, fall=False),
        )
    ]
    steps = [
        ("repaired", "page 08: batch_first, and the last word read", dict(kind=TextClassifier)),
        ("forget bias", "forget bias 1", dict(model=dict(forget_bias=1.0))),
        ("max over time", "the maximum over all words", dict(model=dict(readout="max"))),
        ("30,000 words", "30,000 words in place of 10,000", dict(words=30_000)),
        ("schedule", "the rate rises for a tenth, then falls", dict(settings=dict(warmup=0.1, fall=True))),
        ("averaged", "weights averaged over the last epoch", dict(settings=dict(average_from=2 / 3))),
        ("words vote", "counted votes of 30,000 words", dict(model=dict(votes=(30_000,)))),
        ("pairs vote", "and of 150,000 pairs", dict(model=dict(votes=(30_000, 150_000)))),
        ("triples vote", "and of 150,000 triples", dict(model=dict(votes=(30_000, 150_000, 150_000)))),
    ]
    for name, change, changed in steps:
        rungs.append(rungs[-1].next(name, change, **changed))
    return rungs


def side_rungs() -> list[Rung]:
    """What was tried and left out, one change to a rung: validation did not ask for it."""
    learned = next(rung for rung in ladder() if rung.name == "averaged")
    dropout = dict(model=dict(dropout=0.3))
    return [
        ladder()[-1].next("recipe, dropout", "the recipe with dropout 0.3", **dropout),
        learned.next("learned, dropout", "the rung before the votes, with dropout 0.3", **dropout),
    ]


def run_rung(rung: Rung, data: training.Prepared, seed: int) -> dict:
    """Train, choose the epoch on validation, read the test set once."""
    recipe = Recipe(rung.words, MAX_TOKENS, rung.model)
    model = build_model(recipe, data, torch.device("cpu"), seed, rung.kind)
    settings = training.Settings(precision="bfloat16", seed=seed, **rung.settings)
    start = time.process_time()
    run = training.train(model, data.train, data.validation, settings, progress=False)
    return {
        "best_epoch": run.best_epoch,
        "validation": run.history.validation_accuracy.max(),
        "cpu_minutes": (time.process_time() - start) / 60,
        "test": training.evaluate(model, data.test, run.precision).accuracy,
        "parameters": count_parameters(model),
        "precision": run.precision,
    }


# --- linear models -----------------------------------------------------------------------------------


LINEAR = {  # name: order of n-grams, ways to count them, C to choose from on validation
    "TF-IDF words": (1, "tf-idf", (1, 3)),
    "TF-IDF pairs": (2, "tf-idf", (3, 10)),
    "naive-Bayes pairs": (2, "votes", (0.03, 0.1, 0.3)),
    "naive-Bayes triples": (3, "votes", (0.03, 0.1, 0.3)),
}


def run_linear(name: str, corpus: corpora.Corpus) -> dict:
    """A logistic regression on counted n-grams (triples: of two training reviews or more)."""
    order, way, choices = LINEAR[name]
    how = dict(tokenizer=tokenize, lowercase=False, token_pattern=None, ngram_range=(1, order))
    how |= dict(min_df=2 if order == 3 else 1, dtype=np.float32)
    start = time.process_time()
    vectorizer = (
        TfidfVectorizer(sublinear_tf=True, **how) if way == "tf-idf" else CountVectorizer(binary=True, **how)
    )
    train = vectorizer.fit_transform(corpus.train["text"])
    labels = corpus.train["label"].to_numpy()
    scale = diags(np.ones(train.shape[1], dtype=np.float32))
    if way == "votes":
        positive, negative = (np.asarray(train[labels == one].sum(axis=0)).ravel() + 1 for one in (1, 0))
        scale = diags(np.log(positive / positive.sum()) - np.log(negative / negative.sum()))
    validation = vectorizer.transform(corpus.validation["text"]) @ scale
    found = {}
    for c in choices:
        model = LogisticRegression(C=c, solver="liblinear").fit(train @ scale, labels)
        found[model.score(validation, corpus.validation["label"])] = (c, model)
    best = max(found)
    c, model = found[best]
    return {
        "change": f"C {c} of {', '.join(map(str, choices))}",
        "validation": best,
        "test": model.score(vectorizer.transform(corpus.test["text"]) @ scale, corpus.test["label"]),
        "parameters": model.coef_.size + 1,
        "cpu_minutes": (time.process_time() - start) / 60,
        "precision": "float64",
    }


# --- the command -------------------------------------------------------------------------------------


def collect(folder: Path, to: Path) -> None:
    """All finished runs as one table, written whole or not at all."""
    rows = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
    order = {"linear": 0, "ladder": 1, "side": 2}
    table = pd.DataFrame(rows, columns=COLUMNS).round({"validation": 4, "test": 5, "cpu_minutes": 2})
    table = table.sort_values(
        ["group", "rung", "seed"], key=lambda c: c.map(order) if c.name == "group" else c
    )
    fresh = to.with_suffix(f".{os.getpid()}.part")
    table.to_csv(fresh, index=False, lineterminator="\n")
    os.replace(fresh, to)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", default="imdb", help="imdb, or twins to try the script; default: imdb")
    parser.add_argument("--group", choices=["linear", "ladder", "side"], help="default: all")
    parser.add_argument("--rungs", type=int, nargs="*", help="numbers of rungs; default: all")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2], help="default: 0 1 2")
    parser.add_argument("--folder", type=Path, default=Path("runs/accuracy"), help="of finished runs")
    parser.add_argument("--table", type=Path, default=FOLDER / "accuracy.csv", help="the CSV to write")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    corpus = corpora.load(options.corpus)
    prepared: dict[int, training.Prepared] = {}
    groups = {"linear": list(LINEAR), "ladder": ladder(), "side": side_rungs()}
    jobs = [
        (group, number, rung, seed)
        for group, rungs in groups.items()
        if options.group in (None, group)
        for number, rung in enumerate(rungs)
        if options.rungs is None or number in options.rungs
        for seed in (options.seeds if group != "linear" else [0])
    ]
    for group, number, rung, seed in jobs:
        done = options.folder / f"{group}-{number}-{seed}.json"
        if done.exists():
            continue
        row = {"group": group, "rung": number, "seed": seed, "best_epoch": 0, "torch": torch.__version__}
        row |= {"device": describe_device(torch.device("cpu")), "date": str(datetime.date.today())}
        if group == "linear":
            row |= {"name": rung} | run_linear(rung, corpus)
        else:
            if rung.words not in prepared:
                prepared = {rung.words: prepare(corpus, Recipe(rung.words, MAX_TOKENS))}
            row |= {"name": rung.name, "change": rung.change} | run_rung(rung, prepared[rung.words], seed)
        done.write_text(json.dumps(row), encoding="utf-8")
        collect(options.folder, options.table)
        print(f"{group} {number} {row['name']}, seed {seed}: validation {row['validation']:.4f}", flush=True)


if __name__ == "__main__":
    main()
