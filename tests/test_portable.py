"""Outside of this course the classifier says the same: as a graph, as an ONNX file, nearly so in 8 bits."""

import subprocess
import sys
import warnings

import pytest
import torch
from small_classifier import WORDS, taught

from helpers import portable
from helpers.model import READOUTS, TextClassifier
from helpers.text import encode

ONE = taught()
SHAPES = [(1, 1), (1, 9), (2, 1), (3, 5), (5, 3), (17, 40), (2, 400)]

pytest.importorskip("torch.export._patches", reason="this PyTorch exports an LSTM for one length only")


def untrained(readout: str) -> TextClassifier:
    torch.manual_seed(1)
    return TextClassifier(50, 6, 7, readout=readout, forget_bias=1.0, dropout=0.5)


def batch_of(batch: int, time: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and lengths; the first row fills its time, the others are padded."""
    lengths = torch.randint(1, time + 1, (batch,))
    lengths[0] = time
    ids = torch.randint(1, 50, (batch, time)) * (torch.arange(time) < lengths[:, None])
    return ids, lengths


@pytest.fixture(scope="module", params=sorted(READOUTS))
def pair(request, tmp_path_factory):
    """A model, and its graph as it comes back from a file."""
    model = untrained(request.param)
    path = tmp_path_factory.mktemp("graph") / "classifier.pt2"
    torch.export.save(portable.export(model), path)
    return model.eval(), torch.export.load(path).module()


@pytest.mark.parametrize("shape", SHAPES)
def test_the_graph_gives_the_same_logits_for_any_batch_and_any_time(pair, shape):
    model, graph = pair
    given = batch_of(*shape)
    with torch.no_grad():
        torch.testing.assert_close(graph(*given), model(*given), rtol=0, atol=1e-6)


def test_the_graph_runs_without_the_code_of_this_course(tmp_path):
    model, given = untrained("max").eval(), batch_of(2, 6)
    torch.export.save(portable.export(model), tmp_path / "classifier.pt2")
    torch.save({"given": given, "logits": model(*given).detach()}, tmp_path / "case.pt")
    program = (
        "import sys, torch; case = torch.load('case.pt');"
        "graph = torch.export.load('classifier.pt2').module();"
        "torch.testing.assert_close(graph(*case['given']), case['logits'], rtol=0, atol=1e-6);"
        "print('helpers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("False\n", 0), done.stderr


def test_exporting_is_quiet_and_leaves_the_model_as_it_was():
    model = untrained("last").train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        portable.export(model)
    assert model.training and model.read is READOUTS["last"]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_an_export_of_one_length_before_does_not_spoil_the_next():
    model, given = untrained("max").eval(), batch_of(3, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.export(model, given)  # PyTorch's own way: one batch, one time
    graph = portable.export(model).module()
    assert graph(*batch_of(2, 7)).shape == (2, 2)


@pytest.mark.parametrize("readout", sorted(READOUTS))
def test_the_onnx_file_gives_the_same_logits_for_any_batch_and_any_time(readout, tmp_path):
    reason = 'ONNX needs its extra: pip install -e ".[onnx]"'
    onnx = pytest.importorskip("onnx", reason=reason)
    pytest.importorskip("onnxscript", reason=reason)
    runtime = pytest.importorskip("onnxruntime", reason=reason)
    model = untrained(readout).eval()
    portable.export_onnx(model, tmp_path / "classifier.onnx")
    assert "LSTM" in {node.op_type for node in onnx.load(tmp_path / "classifier.onnx").graph.node}
    session = runtime.InferenceSession(tmp_path / "classifier.onnx", providers=["CPUExecutionProvider"])
    for shape in SHAPES:
        ids, lengths = batch_of(*shape)
        (logits,) = session.run(None, {"ids": ids.numpy(), "lengths": lengths.numpy()})
        with torch.no_grad():
            torch.testing.assert_close(torch.tensor(logits), model(ids, lengths), rtol=0, atol=1e-5)


@pytest.fixture(scope="module")
def texts():
    """Texts that the tiny classifier of `test_predict` classifies rightly."""
    plain = [f"{a} {b}" for a in WORDS[2:] for b in WORDS[2:]]
    texts = [f"{text} {polar}" for text in plain for polar in ("good", "bad")]
    return encode(texts, [1, 0] * len(plain), ONE.vocabulary, 400)


def test_smaller_numbers_weigh_less_and_say_the_same(texts):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wide = TextClassifier(5_000, 64, 64).eval()
        both = {"float32": wide, "int8": portable.in_int8(wide)}
        weights = portable.compare(both, texts, rounds=1)["megabytes"]
        says = {"float32": ONE.model, "int8": portable.in_int8(ONE.model)}
        table = portable.compare(says, texts, rounds=1)
    assert weights["int8"] < 0.35 * weights["float32"]
    assert (table["accuracy"] > 0.95).all() and (table["agrees"] > 0.95).all()


def test_the_comparison_counts_what_it_says(texts):
    class Fixed(torch.nn.Module):
        """Says of every text that it is of one class."""

        def __init__(self, label: int):
            super().__init__()
            self.register_buffer("logits", torch.eye(2)[label])

        def forward(self, ids, lengths):
            return self.logits.expand(len(ids), 2)

    table = portable.compare({"right": ONE.model, "no": Fixed(0), "yes": Fixed(1)}, texts, rounds=3)
    assert table["accuracy"].tolist() == [1.0, 0.5, 0.5] and table["agrees"].tolist() == [1.0, 0.5, 0.5]
    assert (table[["one_text_ms", "texts_a_second", "megabytes"]] > 0).all(axis=None)


def test_the_copy_in_smaller_numbers_leaves_the_model_as_it_was():
    model = untrained("max").train()
    portable.in_int8(model)
    assert model.training and {value.dtype for value in model.state_dict().values()} == {torch.float32}
