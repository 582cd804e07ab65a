"""A tiny classifier that tests of predicting, serving and exporting share."""

import random
from functools import cache

import torch

from helpers.artefact import Artefact
from helpers.model import TextClassifier
from helpers.text import Vocabulary, encode

WORDS = ["good", "bad", "film", "plot", "the", "a", "was", "not", ".", ","]


@cache
def taught() -> Artefact:
    """One that has learnt, in a second, that "good" is positive, "bad" negative, and the rest neither."""
    torch.manual_seed(0)
    draw = random.Random(0)
    vocabulary = Vocabulary(("<pad>", "<unk>", *WORDS))
    texts, wanted = [], []
    for target, polar in (([0.0, 1.0], ["good"]), ([1.0, 0.0], ["bad"]), ([0.5, 0.5], [])) * 120:
        words = draw.choices(WORDS[2:], k=draw.randint(0, 9)) + polar
        draw.shuffle(words)
        texts.append(" ".join(words))
        wanted.append(target)
    batch = encode(texts, [0] * len(texts), vocabulary, 400).batch(torch.arange(len(texts)))
    model = TextClassifier(len(vocabulary), 6, 8, readout="max", forget_bias=1.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(80):
        optimizer.zero_grad()
        logits = model(batch.ids, batch.lengths)
        torch.nn.functional.cross_entropy(logits, torch.tensor(wanted)).backward()
        optimizer.step()
    return Artefact(model.eval(), vocabulary, 400, limits=("It knows ten words.",))
