"""The training loop: it learns, repeats, stops where it should, waits for nothing, and says what is wrong."""

import math
import re
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from small_training import (
    ENCODED,
    FLIPPED,
    SETTINGS,
    TEXTS,
    VOCABULARY,
    fresh,
    trained,
    weights_equal,
)
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from helpers import artefact, devices, learner, training
from helpers.learner import Learner, Settings, WeightAverage, learning_rate_at
from helpers.measuring import evaluate, predict_logits, resident_batches
from helpers.text import EncodedTexts, encode, plan_batches
from helpers.training import TrainingError, pick_device

# It learns, and repeats


def test_the_loop_learns_what_can_be_learnt():
    model = fresh()
    run = trained(model, replace(SETTINGS, epochs=10))
    assert run.history["train_loss"].iloc[0] > 0.4 and evaluate(model, ENCODED).loss < 0.1
    assert evaluate(model, ENCODED).accuracy == 1.0 and not run.interrupted


def test_the_same_seed_gives_the_same_weights():
    one, two = fresh(), fresh()
    for model in (one, two):
        trained(model)
    assert weights_equal(one, two)


def test_another_seed_gives_other_weights():
    one, two = fresh(), fresh()
    trained(one)
    trained(two, replace(SETTINGS, seed=6))
    assert not weights_equal(one, two)


def test_the_model_is_left_with_its_best_validation_epoch():
    model = fresh()
    run = trained(model, replace(SETTINGS, epochs=8), validation_set=FLIPPED)
    ranked = run.history.sort_values(["validation_accuracy", "validation_loss"], ascending=[False, True])
    assert run.best_epoch == ranked.index[0] < 8
    assert evaluate(model, FLIPPED).loss == ranked["validation_loss"].iloc[0]


def test_training_stops_early_when_validation_does_not_improve():
    run = trained(fresh(), replace(SETTINGS, epochs=40, patience=2), validation_set=FLIPPED)
    assert len(run.history) == run.best_epoch + 2 < 40


def test_the_learning_rate_rises_then_falls_to_zero():
    settings = Settings(learning_rate=1.0, warmup=0.1)
    rates = [learning_rate_at(step, 100, settings) for step in range(101)]
    assert rates[9] == max(rates) == 1.0 and rates[0] == 0.1 and rates[100] == 0.0
    assert rates[:10] == sorted(rates[:10]) and rates[9:] == sorted(rates[9:], reverse=True)


def test_every_step_of_a_run_gets_the_rate_of_its_place_in_the_plan(monkeypatch):
    used = []
    real = torch.optim.Adam.step
    monkeypatch.setattr(
        torch.optim.Adam, "step", lambda self: (used.append(self.param_groups[0]["lr"]), real(self))[1]
    )
    trained(fresh(), replace(SETTINGS, epochs=2))
    assert used == [learning_rate_at(step, 22, SETTINGS) for step in range(22)]  # 73 texts by 7: 11 an epoch


# The step


def step_by_hand(model, optimizer, batch, clip):
    """The step as page 09 writes it."""
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(batch.ids, batch.lengths), batch.labels)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    return loss.item(), norm.item()


def test_a_step_is_the_one_that_the_page_writes():
    # Adam's first step has one size whatever the gradient's: only the second tells what was clipped and kept.
    given = replace(SETTINGS, clip=0.03)
    own, plain = fresh(dropout=0.0), fresh(dropout=0.0)
    learner, optimizer = Learner(own, given, "float32", steps=10), torch.optim.Adam(plain.parameters())
    for number, rows in enumerate(([2, 30, 50, 72], [1, 40, 60, 71])):
        batch = ENCODED.batch(torch.tensor(rows))
        with torch.no_grad():
            hits = (plain(batch.ids, batch.lengths).argmax(1) == batch.labels).sum()
        loss, right, norm = learner.step(batch, number, texts=4)
        optimizer.param_groups[0]["lr"] = learning_rate_at(number, 10, given)
        expected = step_by_hand(plain, optimizer, batch, given.clip)
        assert [loss.item(), norm.item()] == pytest.approx(expected, rel=1e-5)
        assert right == hits and norm > 1.5 * given.clip
    for mine, theirs in zip(own.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-6, rtol=0)


class Waits(TorchDispatchMode):
    """Notes the operations for which the CPU must wait until a GPU has done all its work."""

    NAMES = ("_local_scalar_dense", "nonzero", "equal", "is_nonzero", "masked_select", "unique")

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if any(name in str(func) for name in self.NAMES):
            self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("readout", ["last", "max", "mean"])
def test_no_step_makes_the_device_wait(readout):
    learning = Learner(fresh(readout=readout), SETTINGS, "float32", steps=30)
    laid_out = resident_batches(ENCODED, plan_batches(ENCODED.lengths, 7))
    next(laid_out)
    with Waits() as waits:
        for number, batch in enumerate(laid_out):
            learning.step(batch, number, len(batch.rows))
    assert waits.seen == []


def test_that_a_wait_is_seen():
    with Waits() as waits:
        torch.ones(3).sum().item()
    assert waits.seen == ["aten._local_scalar_dense.default"]


class Crossings(TorchDispatchMode):
    """Counts the copies from one device to another."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        self.count += "_to_copy" in str(func) and kwargs.get("device") is not None
        return func(*args, **kwargs)


def test_no_batch_after_the_first_sends_anything_to_the_device():
    there = ENCODED.to("meta")  # a device without memory: what would be copied to it can be counted
    laid_out = resident_batches(there, plan_batches(ENCODED.lengths, 7))
    with Crossings() as crossings:
        next(laid_out)
        before = crossings.count
        assert len(list(laid_out)) == 10
    assert crossings.count == before > 0


def test_batches_laid_out_ahead_are_those_of_the_texts():
    plan = plan_batches(ENCODED.lengths, 7, torch.Generator().manual_seed(0))
    for rows, batch in zip(plan, resident_batches(ENCODED, plan), strict=True):
        expected = ENCODED.batch(rows)
        for part in ("ids", "lengths", "labels", "rows"):
            assert torch.equal(getattr(batch, part), getattr(expected, part))


def test_the_loss_is_looked_at_rarely(monkeypatch):
    looks = []
    learning = Learner(fresh(), SETTINGS, "float32", steps=44)
    training.train_epoch(learning, ENCODED, 1, lambda *seen: looks.append(seen[:2]))
    assert looks == [(11, 11)]  # all eleven steps took less than half a second
    monkeypatch.setattr(training, "LOOK_SECONDS", 0.0)
    looks.clear()
    training.train_epoch(learning, ENCODED, 2, lambda *seen: looks.append(seen[:2]))
    assert looks == [(step, 11) for step in range(1, 12)]


def test_the_training_loss_is_a_mean_over_texts_not_over_batches():
    still = replace(SETTINGS, learning_rate=1e-12)  # weights that do not move: the mean can be checked
    model = fresh(dropout=0.0)
    row = training.train_epoch(Learner(model, still, "float32", steps=44), ENCODED, 1)
    expected = evaluate(model, ENCODED)
    assert row["train_loss"] == pytest.approx(expected.loss, abs=1e-6)
    assert row["train_accuracy"] == pytest.approx(expected.accuracy, abs=1e-12)


# Precision

without_onednn = pytest.mark.filterwarnings("ignore:TF32 acceleration on top of oneDNN")


def test_bfloat16_and_float32_reach_the_same_answers():
    losses = {}
    for precision in ("float32", "bfloat16"):
        model = fresh()
        trained(model, replace(SETTINGS, epochs=8, precision=precision))
        losses[precision] = evaluate(model, ENCODED, precision).loss
    assert abs(losses["float32"] - losses["bfloat16"]) < 0.1


@without_onednn
def test_float16_clips_the_true_gradient_not_the_scaled_one():
    with torch.backends.mkldnn.flags(enabled=False):  # torch's own LSTM, which knows float16 on any CPU
        batch = ENCODED.batch(torch.tensor([2, 30, 50, 72]))
        norms = {}
        for precision in ("float32", "float16"):
            learning = Learner(fresh(dropout=0.0), replace(SETTINGS, clip=1e-3), precision, steps=10)
            norms[precision] = learning.step(batch, 0, texts=4)[2].item()
            largest = max(p.grad.abs().max().item() for p in learning.model.parameters())
            assert largest < 1e-3  # clipped, and not scaled up any more
    assert learning.scaler.get_scale() > 1000
    assert norms["float16"] == pytest.approx(norms["float32"], rel=0.01)


@without_onednn
def test_float16_skips_a_step_whose_gradient_overflows_and_then_learns():
    with torch.backends.mkldnn.flags(enabled=False):
        model = fresh()
        run = trained(model, replace(SETTINGS, epochs=12, precision="float16"))
    assert run.precision == "float16" and run.history["train_loss"].iloc[-1] < 0.2
    with torch.backends.mkldnn.flags(enabled=False):
        learning = Learner(fresh(), SETTINGS, "float16", steps=10)
        before = [p.detach().clone() for p in learning.model.parameters()]
        loss, _ = learning.forward(ENCODED.batch(torch.arange(7)), 7)
        learning.backward(loss * torch.inf)
        learning.update(0)
    assert all(torch.equal(a, b) for a, b in zip(before, learning.model.parameters(), strict=True))


def test_float16_on_a_cpu_without_it_is_refused_in_words(monkeypatch):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_fp16_supported", lambda: False)
    with pytest.raises(TrainingError, match="no float16: take precision bfloat16 or float32"):
        trained(fresh(), replace(SETTINGS, precision="float16"))


@pytest.mark.parametrize("native, expected", [(True, "bfloat16"), (False, "float16")])
def test_float16_is_tried_only_on_a_gpu_without_bfloat16(monkeypatch, native, expected):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: native)
    assert devices.short_precision(torch.device("cuda")) == expected
    assert devices.short_precision(torch.device("cpu")) == "bfloat16"


def test_choosing_the_precision_leaves_the_random_numbers_alone():
    model = fresh()
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    assert devices.faster_precision(model, torch.device("cpu"), 7) in ("float32", "bfloat16")
    assert torch.equal(torch.rand(2), expected)


# Averaged weights


def test_the_average_is_the_plain_mean_of_the_weights_taken_in():
    model = fresh()
    average, seen = WeightAverage(model), []
    for number in range(5):
        with torch.no_grad():
            model.fc.bias += number
        average.take_in(model)
        seen.append(model.fc.bias.detach().clone())
    with average.worn_by(model):
        torch.testing.assert_close(model.fc.bias.detach(), torch.stack(seen).mean(dim=0))
    assert torch.equal(model.fc.bias, seen[-1])  # and afterwards the model has its own weights again


def test_averaging_begins_where_the_settings_say(monkeypatch):
    monkeypatch.setattr(learner, "AVERAGE_EVERY", 1)
    learning = Learner(fresh(), replace(SETTINGS, average_from=0.5), "float32", steps=11)
    counts = []
    for number, batch in enumerate(resident_batches(ENCODED, plan_batches(ENCODED.lengths, 7))):
        learning.step(batch, number, 7)
        counts.append(learning.average.count)
    assert counts == [0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5]


def test_what_is_measured_and_kept_is_the_average(monkeypatch):
    monkeypatch.setattr(learner, "AVERAGE_EVERY", 1)
    averaged, plain = fresh(), fresh()
    run = trained(averaged, replace(SETTINGS, average_from=0.5))
    trained(plain)
    assert run.best_epoch == 4 and not weights_equal(averaged, plain)
    assert evaluate(averaged, ENCODED).loss == run.history["validation_loss"].iloc[-1]


# Measuring


def test_accuracy_is_a_mean_over_texts_not_over_batches():
    model = fresh()
    logits = predict_logits(model, ENCODED, batch_size=64)  # 73 texts: a batch of 64 and one of 9
    expected = (logits.argmax(1) == ENCODED.labels).double().mean().item()
    assert evaluate(model, ENCODED).accuracy == expected


def test_logits_come_back_in_the_order_of_the_texts():
    model = fresh().eval()
    for row in (0, 40, 72):
        one = ENCODED.batch(torch.tensor([row]))
        found = predict_logits(model, ENCODED, batch_size=9)[row : row + 1]
        torch.testing.assert_close(found, model(one.ids, one.lengths).detach())


def test_evaluating_leaves_the_model_in_training_mode():
    model = fresh().train()
    evaluate(model, ENCODED)
    assert model.training


def test_the_peak_of_memory_is_a_number_of_bytes_that_grows_with_use():
    before = devices.peak_memory(torch.device("cpu"))
    if before is None:
        pytest.skip("not known under Windows")
    assert 50e6 < before < 1e12
    held = torch.ones(before // 4 + 50_000_000)  # 4 bytes each: more than the process ever held
    assert before + 1.9e8 < devices.peak_memory(torch.device("cpu")) < 3 * before + 1e9 and held[-1] == 1


def test_where_the_peak_cannot_be_asked_it_is_not_invented(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    assert devices.peak_memory(torch.device("cpu")) is None


# It says what is wrong


def broken(what):
    """A model whose loss, or only whose gradient, is no finite number."""
    model = fresh()
    if what == "loss":
        with torch.no_grad():
            model.fc.bias[0] = float("nan")
    else:
        model.fc.weight.register_hook(lambda gradient: gradient * torch.inf)
    return model


@pytest.mark.parametrize("what, value", [("loss", "nan"), ("gradient", "(inf|nan)")])
def test_a_number_that_is_not_finite_stops_and_names_epoch_batch_and_texts(what, value):
    with pytest.raises(
        TrainingError, match=rf"the {what} of batch 1 in epoch 1 is {value}\. .* rows \d+, \d"
    ):
        trained(broken(what))


def test_the_batch_named_is_the_one_whose_texts_are_named():
    order = torch.Generator().manual_seed(1_000_003 * SETTINGS.seed + 1)
    plan = plan_batches(ENCODED.lengths, SETTINGS.batch_size, order)
    model = fresh()
    calls = []

    def poison(_module, _given, logits):
        calls.append(1)
        return logits * torch.nan if len(calls) == 6 else logits

    model.fc.register_forward_hook(poison)
    rows = ", ".join(map(str, sorted(plan[5].tolist())))
    with pytest.raises(
        TrainingError, match=f"the loss of batch 6 in epoch 1 is nan. Its texts are rows {rows} "
    ):
        trained(model)


def test_weights_broken_by_the_last_update_of_an_epoch_are_noticed():
    model = fresh()
    model.fc.register_forward_hook(
        lambda module, _, logits: logits if module.training else logits * torch.nan
    )
    with pytest.raises(TrainingError, match="the validation loss after epoch 1 is nan"):
        trained(model)


def test_after_a_bad_loss_the_model_has_its_best_weights(tmp_path):
    def spoil(progress):
        if progress.epoch == 3 and len(progress.rows) == 2:
            with torch.no_grad():
                model.fc.bias[0] = float("nan")

    model, twin = fresh(), fresh()
    with pytest.raises(TrainingError, match=r"in epoch 4 is nan|after epoch 3 is nan"):
        trained(model, watch=spoil, folder=tmp_path)
    training.load_best(twin, tmp_path, VOCABULARY)
    assert weights_equal(model, twin) and all(p.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("which, name", [("train_set", "training"), ("validation_set", "validation")])
def test_a_set_of_one_class_is_refused(which, name):
    positive = encode(TEXTS, [1] * len(TEXTS), VOCABULARY)
    with pytest.raises(TrainingError, match=rf"{name} set holds 73 texts, all of class \[1\]"):
        trained(fresh(), **{which: positive})


def test_an_empty_training_set_is_refused():
    parts = (ENCODED.flat, ENCODED.starts, ENCODED.lengths, ENCODED.labels)
    empty = EncodedTexts(*(part[:0] for part in parts))
    with pytest.raises(TrainingError, match="the training set is empty"):
        trained(fresh(), train_set=empty)


def test_memory_that_runs_out_says_what_to_halve(monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    model = fresh()
    monkeypatch.setattr(model.lstm, "forward", full)
    with pytest.raises(TrainingError, match=r"batch of \d texts × \d tokens: halve batch_size"):
        trained(model)


def test_an_unknown_device_is_refused_with_the_ones_here():
    with pytest.raises(TrainingError, match="cpu"):
        pick_device("abacus")


@pytest.mark.parametrize(
    "wrong, said",
    [
        (dict(epochs=0), "epochs must be above 0; got 0"),
        (dict(precision="float64"), "precision must be auto, float32, bfloat16, float16; got 'float64'"),
        (dict(average_from=2), "average_from is a share, from 0 to 1; got 2"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        Settings(**wrong)


# Watching and interrupting


def test_a_watcher_is_told_where_the_run_stands():
    seen = []
    run = trained(fresh(), watch=seen.append)
    assert [p.epoch for p in seen] == [1, 1, 2, 2, 3, 3, 4, 4, 4]  # last step of an epoch, its end; the end
    assert [p.over for p in seen] == [False] * 8 + [True]
    assert all(p.epochs == 4 and p.step == p.steps == 11 for p in seen)
    assert seen[-1].rows[-1]["validation_accuracy"] == run.history["validation_accuracy"].iloc[-1]


def interrupting(epoch):
    def watch(progress):
        if progress.epoch == epoch and not progress.over:
            raise KeyboardInterrupt

    return watch


def test_an_interrupted_run_leaves_the_best_weights_and_says_how_to_go_on(tmp_path, capsys):
    model, twin = fresh(), fresh()
    run = trained(model, folder=tmp_path, watch=interrupting(3))
    assert run.interrupted and list(run.history.index) == [1, 2] and run.best_epoch in (1, 2)
    said = capsys.readouterr().out
    assert f"Interrupted in epoch 3: the model has the weights of epoch {run.best_epoch}" in said
    assert "resume=True" in said and str(tmp_path) in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.pt", "last.pt"]
    training.load_best(twin, tmp_path, VOCABULARY)
    assert weights_equal(model, twin)


def test_a_run_that_was_interrupted_can_be_resumed_to_the_same_end(tmp_path):
    whole, model = fresh(), fresh()
    trained(whole)
    trained(model, folder=tmp_path, watch=interrupting(3))
    run = trained(model, folder=tmp_path, resume=True)
    assert weights_equal(whole, model) and not run.interrupted and len(run.history) == 4


def test_a_run_interrupted_in_its_first_epoch_says_that_there_is_nothing_yet(tmp_path, capsys):
    run = trained(fresh(), folder=tmp_path, watch=interrupting(1))
    assert run.interrupted and run.best_epoch == 0 and len(run.history) == 0
    assert "no epoch was finished" in capsys.readouterr().out and list(tmp_path.iterdir()) == []


def test_a_signal_from_the_keyboard_ends_the_command_with_the_shells_number(monkeypatch, capsys, tmp_path):
    real = training.train_epoch

    def stopped(learning, train_set, epoch, look):
        if epoch == 2:
            raise KeyboardInterrupt
        return real(learning, train_set, epoch, look)

    monkeypatch.setattr(training, "train_epoch", stopped)
    with pytest.raises(SystemExit) as ended:
        training.main(["--corpus", "twins", "--device", "cpu", "--folder", str(tmp_path)])
    said = capsys.readouterr().out
    assert ended.value.code == 130 and "Interrupted in epoch 2" in said and "read once" not in said


def test_one_bar_shows_loss_accuracy_speed_and_time_left(capsys):
    model = fresh()
    trained(model, progress=True)
    shown = capsys.readouterr().err.replace("\r", "\n").splitlines()
    last = next(line for line in reversed(shown) if "4/4" in line)
    for part in ("epoch 4/4", "100%", "loss=", "accuracy=", "tok/s", "<00:00"):
        assert part in last


# The command


def test_the_command_trains_on_a_corpus_and_reads_the_test_set_once(capsys, monkeypatch):
    read = []
    real = training.evaluate
    monkeypatch.setattr(
        training, "evaluate", lambda model, part, *a: (read.append(len(part)), real(model, part, *a))[1]
    )
    training.main(["--corpus", "twins", "--epochs", "1", "--device", "cpu"])
    said = capsys.readouterr().out
    assert read.count(1250) == 1 and "read once" in said and "peak memory" in said and " ± 0.0" in said


def test_the_command_saves_a_classifier_that_predict_can_ask(tmp_path, capsys):
    folder = tmp_path / "classifier"
    training.main(["--corpus", "twins", "--epochs", "1", "--device", "cpu", "--save", str(folder)])
    accuracy = re.search(r"test accuracy ([\d.]+)", capsys.readouterr().out).group(1)
    saved = artefact.load(folder)
    assert f"{saved.metrics['test_accuracy']:.4f}" == accuracy and "twins" in saved.data
    assert saved.predict(["the plot was not dull , it was gripping ."])["label"].isin(saved.classes).all()


def test_a_place_that_cannot_take_the_classifier_is_refused_before_training(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "train", lambda *a, **k: pytest.fail("trained first"))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(SystemExit, match=r"error: .*other files"):
        training.main(["--corpus", "twins", "--device", "cpu", "--save", str(tmp_path)])


@pytest.mark.parametrize(
    "name, said", [("novels", "no corpus 'novels'"), ("gap", "no recipe for the corpus 'gap'")]
)
def test_the_command_refuses_a_corpus_that_it_cannot_train_on(name, said):
    with pytest.raises(SystemExit, match=said):
        training.main(["--corpus", name])


def test_the_help_of_the_command_shows_how_to_go_on_and_how_to_use_two_gpus():
    done = subprocess.run(
        [sys.executable, "-m", "helpers.training", "--help"], capture_output=True, text=True, check=True
    )
    for part in ("--folder", "--resume", "torchrun --nproc_per_node=2", "--precision"):
        assert part in done.stdout


def test_importing_the_loop_imports_no_slow_package_but_torch():
    code = (
        "import sys, torch\n"
        "before = set(sys.modules)\n"
        "import helpers.training\n"
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"pandas", "matplotlib", "sklearn", "IPython"} & set(done.stdout.split())


def test_the_learning_rate_is_a_finite_number_everywhere():
    for steps in (1, 2, 5):
        rates = [learning_rate_at(step, steps, Settings()) for step in range(steps)]
        assert all(math.isfinite(rate) and rate > 0 for rate in rates)
