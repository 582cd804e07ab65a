"""From a corpus to a model: text settings, sizes and training settings that were chosen for it (page 09)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from helpers.devices import seed_everything
from helpers.learner import Settings
from helpers.model import TextClassifier
from helpers.text import EncodedTexts, Vocabulary, encode

if TYPE_CHECKING:
    from helpers.corpus import Corpus


@dataclass(frozen=True)
class Recipe:
    """Everything that turns a corpus into a trained model: text settings, model sizes, training settings."""

    vocabulary_size: int
    max_tokens: int
    model: dict = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)


RECIPES = {
    "imdb": Recipe(
        vocabulary_size=30_000,
        max_tokens=400,
        model=dict(
            embedding_dim=128,
            hidden_dim=128,
            readout="max",
            forget_bias=1.0,
            votes=(30_000, 150_000, 150_000),  # words, pairs, triples
        ),
        settings=Settings(epochs=3, batch_size=64, learning_rate=3e-3, average_from=2 / 3),
    ),
    "twins": Recipe(
        vocabulary_size=1_000,
        max_tokens=60,
        model=dict(embedding_dim=32, hidden_dim=48, readout="last", forget_bias=1.0),
        settings=Settings(epochs=12, batch_size=64, learning_rate=5e-3),
    ),
}


@dataclass(frozen=True)
class Prepared:
    """A corpus as the model reads it: the vocabulary (of the training texts) and three encoded splits.

    The training texts have folds: the corpus's own (IMDb's hold whole films), else tenths in their order.
    """

    vocabulary: Vocabulary
    train: EncodedTexts
    validation: EncodedTexts
    test: EncodedTexts


def prepare(corpus: Corpus, recipe: Recipe) -> Prepared:
    """Build the vocabulary from the training texts alone and encode the three splits."""
    vocabulary = Vocabulary.build(corpus.train["text"], recipe.vocabulary_size)
    tenths = [10 * row // len(corpus.train) for row in range(len(corpus.train))]
    folds = corpus.train.get("fold", tenths)
    train = encode(corpus.train["text"], corpus.train["label"], vocabulary, recipe.max_tokens, folds)
    rest = (corpus.validation, corpus.test)
    encoded = [encode(s["text"], s["label"], vocabulary, recipe.max_tokens) for s in rest]
    return Prepared(vocabulary, train, *encoded)


def build_model(
    recipe: Recipe,
    prepared: Prepared,
    device: torch.device,
    seed: int,
    kind: type[TextClassifier] = TextClassifier,
) -> TextClassifier:
    """A fresh model of the recipe's sizes on `device`: first weights fixed by `seed`, votes counted."""
    seed_everything(seed)
    model = kind(len(prepared.vocabulary), **recipe.model).to(device)
    if model.votes is not None:
        model.votes.count(prepared.train)
    return model
