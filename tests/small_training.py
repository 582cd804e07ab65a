"""A corpus that is learnt in a second, and one run on it: for the tests of training."""

import torch

from helpers import training
from helpers.model import TextClassifier
from helpers.text import EncodedTexts, Vocabulary, encode
from helpers.training import Run, Settings, train

ENDS = ("today", "yesterday", "again , and again", "here", "there and everywhere", "once")
POSITIVE = [f"this was fine {end}" for end in ENDS] * 6
NEGATIVE = [f"this was dull {end}" for end in ENDS] * 6
TEXTS = [*POSITIVE, *NEGATIVE, "fine"]  # 73: whatever the batch size, the last batch is another size
LABELS = [1] * len(POSITIVE) + [0] * len(NEGATIVE) + [1]
VOCABULARY = Vocabulary.build(TEXTS, 30)
ENCODED = encode(TEXTS, LABELS, VOCABULARY)
FLIPPED = encode(TEXTS, [1 - label for label in LABELS], VOCABULARY)  # every step of learning hurts here
SETTINGS = Settings(epochs=4, batch_size=7, learning_rate=0.02, precision="float32", seed=5)
MEASURED = ["train_loss", "train_accuracy", "validation_loss", "validation_accuracy"]


def fresh(**changes) -> TextClassifier:
    """The same untrained model at every call."""
    training.seed_everything(5)
    sizes = dict(embedding_dim=6, hidden_dim=9, dropout=0.2) | changes
    return TextClassifier(len(VOCABULARY), **sizes)


def trained(model: TextClassifier, settings: Settings = SETTINGS, **changes) -> Run:
    """Train on the small corpus, without a bar."""
    given = dict(train_set=ENCODED, validation_set=ENCODED, vocabulary=VOCABULARY, progress=False) | changes
    train_set: EncodedTexts = given.pop("train_set")
    return train(model, train_set, given.pop("validation_set"), settings, **given)


def weights_equal(a: TextClassifier, b: TextClassifier) -> bool:
    """Whether all weights are equal, bit for bit."""
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.equal(x, y) for x, y in pairs)
