"""One step of training, and all that changes with it (page 09): what a checkpoint must hold.

`helpers.training` repeats the step over all batches and epochs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers import parallel
from helpers.devices import PRECISIONS, TrainingError, mixed_precision
from helpers.model import TextClassifier
from helpers.text import Batch

AVERAGE_EVERY = 10  # steps between two additions to the averaged weights


@dataclass(frozen=True)
class Settings:
    """How to train. What is chosen here is a *hyperparameter*: it is set by us, on validation, not learnt.

    epochs         how often every training text is read
    batch_size     texts a step, over all processes together
    learning_rate  Adam's peak step; it rises over the first `warmup` share of steps, then falls to 0
    fall           False: after the rise the step stays at its peak
    clip           largest allowed norm of the whole gradient
    patience       stop after this many epochs without a better one on validation
    average_from   share of the run after which weights are averaged; what is measured and kept from there on
                   is the average. 1: no averaging
    precision      "float32", "bfloat16", "float16", or "auto": the faster one on this device, measured
    seed           fixes the batch order and the dropout masks (and, by `build_model`, the first weights)
    """

    epochs: int = 3
    batch_size: int = 64
    learning_rate: float = 2e-3
    warmup: float = 0.1
    fall: bool = True
    clip: float = 1.0
    patience: int = 3
    average_from: float = 1.0
    precision: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.precision not in ("auto", *PRECISIONS):
            raise ValueError(f"precision must be auto, {', '.join(PRECISIONS)}; got {self.precision!r}")
        for name in ("epochs", "batch_size", "learning_rate", "clip", "patience"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0; got {getattr(self, name)}")
        for name in ("warmup", "average_from"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share, from 0 to 1; got {getattr(self, name)}")


def learning_rate_at(step: int, steps: int, settings: Settings) -> float:
    """Linear rise over the first `warmup` share of `steps`; then, if it falls, linear fall to 0."""
    rise = max(1, round(settings.warmup * steps))
    if step < rise:
        return settings.learning_rate * (step + 1) / rise
    return settings.learning_rate * ((steps - step) / max(1, steps - rise) if settings.fall else 1)


class WeightAverage:
    """The mean of a model's weights over many steps; it often does better than the weights of any one step.

    Polyak and Juditsky, "Acceleration of stochastic approximation by averaging" (1992).
    """

    def __init__(self, model: nn.Module) -> None:
        self.count = 0
        self.means = [p.detach().clone() for p in model.parameters()]

    @torch.no_grad()
    def take_in(self, model: nn.Module) -> None:
        """Count the model's weights of this moment into the mean."""
        self.count += 1
        for mean, weight in zip(self.means, model.parameters(), strict=True):
            mean.lerp_(weight, 1 / self.count)

    @contextmanager
    def worn_by(self, model: nn.Module) -> Iterator[None]:
        """The model has the mean as its weights, and afterwards its own again; before any count, its own."""
        own = [p.detach().clone() for p in model.parameters()]
        try:
            if self.count:
                copy_weights(self.means, model)
            yield
        finally:
            copy_weights(own, model)


@torch.no_grad()
def copy_weights(weights: list[Tensor], model: nn.Module) -> None:
    """Set the model's parameters to `weights`, in their order."""
    for parameter, weight in zip(model.parameters(), weights, strict=True):
        parameter.copy_(weight)


class Learner:
    """A model and all that changes with it while it learns: optimizer, loss scale, averaged weights.

    steps: how many the whole run will have, for the schedule. precision: not "auto" any more.
    With several processes each has a learner of its own, and all make the same steps.
    """

    def __init__(self, model: TextClassifier, settings: Settings, precision: str, steps: int) -> None:
        self.model, self.settings, self.precision, self.steps = model, settings, precision, steps
        self.device = next(model.parameters()).device
        refuse_missing_float16(self.device, precision)
        self.network = parallel.summing_gradients(model)
        self.optimizer = torch.optim.Adam(
            model.parameters(), lr=settings.learning_rate, fused=self.device.type != "mps"
        )
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=precision == "float16")
        self.average = WeightAverage(model) if settings.average_from < 1 else None

    def step(self, batch: Batch, number: int, texts: int, weight: int = 1) -> tuple[Tensor, Tensor, Tensor]:
        """Make step `number` (from 0) of the run; nothing here makes the device wait.

        batch: this process's share of a batch of `texts` texts. weight: 0 if its texts do not count.
        Returns, on the device: this share's part of the batch's mean loss, how many of its texts were
        classified rightly, and the norm of the whole batch's gradient before clipping.
        """
        loss, right = self.forward(batch, texts, weight)  # forward, loss
        self.backward(loss)  # backward
        norm = self.update(number)  # update
        return loss.detach(), right, norm

    def forward(self, batch: Batch, texts: int, weight: int = 1) -> tuple[Tensor, Tensor]:
        """The share's part of the mean loss over `texts` texts, with its tape, and how many are right.

        Sum over the share, divided by the texts of the whole batch: summed over processes this is the mean
        over the batch, however unevenly a last batch was shared.
        """
        with mixed_precision(self.device, self.precision):
            fold = () if self.model.votes is None else (batch.fold,)
            logits = self.network(batch.ids, batch.lengths, *fold).float()  # [share, classes]
        loss = weight * nn.functional.cross_entropy(logits, batch.labels, reduction="sum") / texts
        right = weight * (logits.detach().argmax(dim=1) == batch.labels).sum()
        return loss, right

    def backward(self, loss: Tensor) -> None:
        """Fill in the gradients of the whole batch. (Among processes backward averages; we want the sum.)"""
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss * parallel.process_count()).backward()

    def update(self, number: int) -> Tensor:
        """Clip the gradients and move the weights; returns the norm before clipping.

        float16 holds no gradient below 6e-8, so there the loss is scaled up before backward. Clipping must
        see the true gradient: hence after `unscale_`. (In other precisions the scaler does nothing.)
        """
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate_at(number, self.steps, self.settings)
        self.scaler.unscale_(self.optimizer)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.average and number >= self.settings.average_from * self.steps and number % AVERAGE_EVERY == 0:
            self.average.take_in(self.model)
        return norm

    def measured_weights(self) -> contextlib.AbstractContextManager:
        """The model has the weights that are measured and kept: the average where there is one."""
        return self.average.worn_by(self.model) if self.average else contextlib.nullcontext()

    def state_dict(self) -> dict:
        """All that a checkpoint must hold for the next step to be the one that would have come now."""
        return {
            "weights": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "average": [self.average.count, self.average.means] if self.average else None,
        }

    def load_state_dict(self, state: dict) -> None:
        """Go back to a state that `state_dict` gave."""
        self.model.load_state_dict(state["weights"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        if self.average:
            self.average.count, means = state["average"]
            self.average.means = [mean.to(self.device) for mean in means]


def refuse_missing_float16(device: torch.device, precision: str) -> None:
    """Few CPUs compute in float16; on the others torch's LSTM stops with a message that says nothing."""
    asked = precision == "float16" and device.type == "cpu" and torch.backends.mkldnn.enabled
    if asked and not torch.ops.mkldnn._is_mkldnn_fp16_supported():
        raise TrainingError("this CPU computes no float16: take precision bfloat16 or float32")
