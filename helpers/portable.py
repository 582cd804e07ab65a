"""The classifier outside of this course: as a graph (torch.export, ONNX), and in smaller numbers (page 10).

    program = portable.export(model)                  # a graph: runs without this course's code
    torch.export.save(program, "classifier.pt2")
    torch.export.load("classifier.pt2").module()(ids, lengths)

What a graph does not hold: how text becomes ids. Vocabulary and tokenizer still have to travel beside it.
"""

from __future__ import annotations

import copy
import io
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn

from helpers.model import TextClassifier, last_state
from helpers.text import EncodedTexts, batches
from helpers.training import evaluating


def export(model: TextClassifier) -> torch.export.ExportedProgram:
    """`model` in evaluation mode as a graph from ids [batch, time] and lengths [batch] to logits.

    Any batch and any time. RuntimeError where this PyTorch can only export one length.
    """
    ids = torch.tensor([[2, 2, 2, 2, 2], [2, 2, 2, 0, 0], [2, 0, 0, 0, 0]])
    lengths = torch.tensor([5, 3, 1])  # an example: of its values the graph keeps none
    free = torch.export.Dim.DYNAMIC
    traced = copy.deepcopy(model).cpu()
    if traced.read is last_state:
        traced.read = _last_state_of_any_batch
    with evaluating(traced), _lstm_kept_whole(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about PyTorch's own insides
        shapes = ({0: free, 1: free}, {0: free})  # of ids, of lengths
        return torch.export.export(traced, (ids, lengths), dynamic_shapes=shapes)


def _last_state_of_any_batch(states: Tensor, lengths: Tensor) -> Tensor:
    """`helpers.model.last_state` without len(), which makes a plain number of the batch and so fixes it."""
    return states[torch.arange(lengths.shape[0], device=states.device), lengths - 1]


@contextmanager
def _lstm_kept_whole() -> Iterator[None]:
    """By itself torch.export unrolls an LSTM over the time of its example, and then takes that one length.

    PyTorch's ONNX exporter has a way around that, which is not public yet. The kernels that the LSTM
    remembers from earlier calls would go past it, so they are forgotten before, and those of here after.
    """
    try:
        from torch.export._patches import register_lstm_while_loop_decomposition as any_time
    except ImportError:
        raise RuntimeError(
            f"PyTorch {torch.__version__} exports an LSTM for one length only: update it"
        ) from None
    remembered = torch.ops.aten.lstm.input._dispatch_cache
    remembered.clear()
    try:
        with any_time():
            yield
    finally:
        remembered.clear()


def export_onnx(model: TextClassifier, path: Path | str) -> None:
    """Write `model` as an ONNX file: inputs `ids` and `lengths`, output `logits`, any batch and any time.

    Needs the extra packages: pip install -e ".[onnx]".
    """
    program = export(model)
    with _lstm_kept_whole(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            program,
            f=str(path),
            input_names=["ids", "lengths"],
            output_names=["logits"],
            external_data=False,
            verbose=False,
        )


def in_int8(model: TextClassifier) -> nn.Module:
    """A copy of `model` whose weights are whole numbers of 8 bits, each row or table with a scale of its own.

    Dynamic quantisation: the inputs of each layer are rounded as they come, with the scale they happen to
    need. PyTorch is moving this to the package torchao; what it warns of is kept quiet here.
    """
    from torch.ao import quantization

    how = {
        nn.Embedding: quantization.float_qparams_weight_only_qconfig,
        nn.LSTM: quantization.default_dynamic_qconfig,
        nn.Linear: quantization.default_dynamic_qconfig,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return quantization.quantize_dynamic(copy.deepcopy(model).cpu().eval(), how)


@torch.no_grad()
def compare(models: dict[str, nn.Module], encoded: EncodedTexts, rounds: int = 5) -> pd.DataFrame:
    """One row a model: what it weighs, what it gets right, and how long it takes, on the CPU.

    megabytes      its saved weights
    accuracy       share of `encoded` classified rightly
    agrees         share on which it says what the first model says
    one_text_ms    milliseconds for the longest text alone: the median of `rounds`
    texts_a_second in batches of 64 of like length: the median of `rounds`, over at most 512 texts
    """
    rows, first = [], None
    longest = encoded.batch(encoded.lengths.argmax()[None])
    few = list(batches(encoded, 64))[:: max(1, len(encoded) // 512)][:8]
    for name, model in models.items():
        guesses = torch.empty(len(encoded), dtype=torch.long)
        for batch in batches(encoded, 64):
            guesses[batch.rows] = model(batch.ids, batch.lengths).argmax(dim=1)
        first = guesses if first is None else first
        weights = io.BytesIO()
        torch.save(model.state_dict(), weights)
        alone, together = [], []
        for _ in range(rounds):
            start = time.perf_counter()
            model(longest.ids, longest.lengths)
            middle = time.perf_counter()
            for batch in few:
                model(batch.ids, batch.lengths)
            alone.append(middle - start)
            together.append((time.perf_counter() - middle) / sum(len(batch.rows) for batch in few))
        rows.append(
            {
                "model": name,
                "megabytes": weights.tell() / 1e6,
                "accuracy": (guesses == encoded.labels).double().mean().item(),
                "agrees": (guesses == first).double().mean().item(),
                "one_text_ms": 1_000 * sorted(alone)[rounds // 2],
                "texts_a_second": 1 / sorted(together)[rounds // 2],
            }
        )
    return pd.DataFrame(rows).set_index("model")
