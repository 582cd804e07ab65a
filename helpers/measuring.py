"""Batches laid out where the model lies, and what a model scores on them (page 09)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers.devices import mixed_precision
from helpers.model import TextClassifier
from helpers.text import Batch, EncodedTexts, plan_batches


def resident_batches(encoded: EncodedTexts, plan: list[Tensor]) -> Iterator[Batch]:
    """The batches of `plan` (rows [batch] on the CPU, by batch), laid out on the device of `encoded`.

    The same batches as `encoded.batch(rows)`, with `rows`, too, on the device. But the whole plan crosses to
    the device in one copy, before the first batch: each copy makes the CPU wait until a GPU has done all that
    it was asked.
    """
    device = encoded.flat.device
    order = torch.cat(plan)
    rows_there = order.to(device)
    lengths = encoded.lengths.to(device)[rows_there]
    starts, labels = encoded.starts[rows_there], encoded.labels[rows_there]
    folds = None if encoded.fold is None else encoded.fold[rows_there]
    widths = [int(encoded.lengths[rows].max()) for rows in plan]
    end = 0
    for rows, width in zip(plan, widths, strict=True):
        here, end = slice(end, end + len(rows)), end + len(rows)
        ids = encoded.padded(starts[here], lengths[here], width)
        fold = None if folds is None else folds[here]
        yield Batch(ids, lengths[here], labels[here], rows_there[here], fold)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, no tape; afterwards the model is in the mode it was in before."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)


def predict_logits(
    model: TextClassifier, encoded: EncodedTexts, precision: str = "float32", batch_size: int = 256
) -> Tensor:
    """Logits [texts, classes] float32 on the CPU, in the order of `encoded`."""
    device = next(model.parameters()).device
    plan = plan_batches(encoded.lengths, batch_size)
    with evaluating(model), mixed_precision(device, precision):
        found = [model(b.ids, b.lengths).float() for b in resident_batches(encoded.to(device), plan)]
    logits = torch.empty(len(encoded), model.fc.out_features)
    logits[torch.cat(plan)] = torch.cat(found).cpu()
    return logits


@dataclass(frozen=True)
class Evaluation:
    """`loss`: mean cross-entropy in nats; `accuracy`: share of texts classified rightly, 0 to 1."""

    loss: float
    accuracy: float


def evaluate(model: TextClassifier, encoded: EncodedTexts, precision: str = "float32") -> Evaluation:
    """Loss and accuracy over all texts of `encoded`: means over texts, not over batches."""
    logits = predict_logits(model, encoded, precision)
    labels = encoded.labels.cpu()
    loss = nn.functional.cross_entropy(logits, labels).item()
    return Evaluation(loss, (logits.argmax(dim=1) == labels).double().mean().item())
