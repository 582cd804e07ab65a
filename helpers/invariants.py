"""Four properties that every right text classifier has, and a blind one has not. Taught on page 08.

Each function takes `logits_of`, a function from a padded batch (ids [batch, time], lengths [batch]) to
logits [batch, classes], and returns a `Finding`: a number that must be (nearly) zero or must not be, and
whether it is. Use batches with batch != time and batch > 1: equal or unit sizes hide a swapped axis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LogitsOf = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Finding:
    """What one property test measured. `change` is the largest absolute change of a logit."""

    name: str
    holds: bool
    change: float
    meaning: str

    def __str__(self) -> str:
        return f"[{'holds' if self.holds else 'FAILS'}] {self.name:18} {self.meaning}"


def largest_change(before: Tensor, after: Tensor) -> float:
    """How far the logit that moved most has moved."""
    return (after - before).abs().max().item()


@torch.no_grad()
def batch_invariance(logits_of: LogitsOf, ids: Tensor, lengths: Tensor, tolerance: float = 1e-4) -> Finding:
    """A review's logits do not depend on which other reviews share its batch."""
    together = logits_of(ids, lengths)
    alone = torch.cat([logits_of(ids[r : r + 1], lengths[r : r + 1]) for r in range(len(ids))])
    change = largest_change(together, alone)
    return Finding("batch", change <= tolerance, change, "a review alone scores as it does in a batch")


@torch.no_grad()
def padding_invariance(
    logits_of: LogitsOf, ids: Tensor, lengths: Tensor, tolerance: float = 1e-4, pads: int = 10
) -> Finding:
    """Ten more pads on the right change nothing."""
    wider = F.pad(ids, (0, pads), value=0)  # [batch, time + pads]
    change = largest_change(logits_of(ids, lengths), logits_of(wider, lengths))
    return Finding("padding", change <= tolerance, change, "pads on the right change nothing")


@torch.no_grad()
def token_sensitivity(logits_of: LogitsOf, ids: Tensor, lengths: Tensor, threshold: float = 1e-6) -> Finding:
    """Every real token counts: replacing any one token of a review moves that review's logits.

    `change` is the smallest move found over all real tokens, so 0 means that some token is never read.
    The replacement is id 2, or 3 where a 2 stands already.
    """
    before, moves = logits_of(ids, lengths), []
    for t in range(ids.shape[1]):
        changed = ids.clone()
        changed[:, t] = torch.where(ids[:, t] == 2, 3, 2)
        moved = (logits_of(changed, lengths) - before).abs().amax(dim=1)  # [batch]
        moves.append(moved[lengths > t])  # of the reviews that have a word there
    change = torch.cat(moves).min().item()
    return Finding(
        "token sensitivity", change > threshold, change, "every word of a review can move its score"
    )


@torch.no_grad()
def evaluate_twice(logits_of: LogitsOf, ids: Tensor, lengths: Tensor) -> Finding:
    """The same question gets the same answer (no dropout left on in evaluation)."""
    change = largest_change(logits_of(ids, lengths), logits_of(ids, lengths))
    return Finding("evaluate twice", change == 0.0, change, "the same review scores the same twice")


def all_invariants(logits_of: LogitsOf, ids: Tensor, lengths: Tensor) -> list[Finding]:
    """The four findings, in the order batch, padding, token sensitivity, evaluate twice."""
    batch, time = ids.shape
    if batch < 2 or batch == time:
        raise ValueError(
            f"these tests need a batch of 2 or more whose size differs from its time; got {(batch, time)}"
        )
    tests = (batch_invariance, padding_invariance, token_sensitivity, evaluate_twice)
    return [test(logits_of, ids, lengths) for test in tests]


def footprint(model: nn.Module, ids: Tensor, lengths: Tensor, row: int) -> Tensor:
    """Which tokens the score of one row looks at: the size of its slope at each embedding, [batch, time].

    The score is the last class's logit minus the first's. A slope of 0 everywhere in a vector means that the
    token is not read. `model` needs an `embedding` layer. A right classifier lights up one row, up to its
    true length.
    """
    caught: list[Tensor] = []
    hook = model.embedding.register_forward_hook(lambda layer, given, embedded: caught.append(embedded))
    try:
        logits = model(ids, lengths)  # [batch, classes]
    finally:
        hook.remove()
    score = logits[row, -1] - logits[row, 0]
    (slopes,) = torch.autograd.grad(score, caught[0])  # [batch, time, embedding]
    return slopes.norm(dim=-1)
