"""The training loop: it learns, repeats, resumes, refuses bad input and never leaves half a file."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch

from helpers import training
from helpers.model import TextClassifier
from helpers.text import Vocabulary, encode
from helpers.training import CheckpointError, Settings, TrainingError, evaluate, pick_device, train

POSITIVE = [f"this was fine {w}" for w in ("today", "yesterday", "again", "here", "there", "once")] * 6
NEGATIVE = [f"this was dull {w}" for w in ("today", "yesterday", "again", "here", "there", "once")] * 6
TEXTS = POSITIVE + NEGATIVE
LABELS = [1] * len(POSITIVE) + [0] * len(NEGATIVE)
VOCABULARY = Vocabulary.build(TEXTS, 30)
ENCODED = encode(TEXTS, LABELS, VOCABULARY)
SETTINGS = Settings(epochs=4, batch_size=7, learning_rate=0.02, precision="float32", seed=5)


def fresh(**changes) -> TextClassifier:
    training.seed_everything(5)
    return TextClassifier(len(VOCABULARY), 6, 9, dropout=0.2, **changes)


def weights_equal(a, b) -> bool:
    return all(
        torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    )


def test_the_loop_learns_what_can_be_learnt():
    model = fresh()
    run = train(model, ENCODED, ENCODED, replace(SETTINGS, epochs=10), progress=False)
    assert run.history["train_loss"].iloc[0] > 0.4 and evaluate(model, ENCODED).loss < 0.1
    assert evaluate(model, ENCODED).accuracy == 1.0


def test_the_same_seed_gives_the_same_weights():
    one, two = fresh(), fresh()
    for model in (one, two):
        train(model, ENCODED, ENCODED, SETTINGS, progress=False)
    assert weights_equal(one, two)


def test_another_seed_gives_other_weights():
    one, two = fresh(), fresh()
    train(one, ENCODED, ENCODED, SETTINGS, progress=False)
    train(two, ENCODED, ENCODED, replace(SETTINGS, seed=6), progress=False)
    assert not weights_equal(one, two)


def test_resuming_gives_bit_for_bit_what_an_uninterrupted_run_gives(tmp_path, monkeypatch):
    whole = fresh()
    expected = train(whole, ENCODED, ENCODED, SETTINGS, vocabulary=VOCABULARY, progress=False)

    real_epoch = training.train_epoch

    def killed_in_epoch_3(*args, **kwargs):
        if args[4] == 3:
            raise KeyboardInterrupt
        return real_epoch(*args, **kwargs)

    monkeypatch.setattr(training, "train_epoch", killed_in_epoch_3)
    with pytest.raises(KeyboardInterrupt):
        train(fresh(), ENCODED, ENCODED, SETTINGS, vocabulary=VOCABULARY, folder=tmp_path, progress=False)
    monkeypatch.undo()

    resumed = TextClassifier(
        len(VOCABULARY), 6, 9, dropout=0.2
    )  # other first weights: the file must bring them
    run = train(
        resumed,
        ENCODED,
        ENCODED,
        SETTINGS,
        vocabulary=VOCABULARY,
        folder=tmp_path,
        resume=True,
        progress=False,
    )
    assert weights_equal(whole, resumed)
    measured = ["train_loss", "train_accuracy", "validation_loss", "validation_accuracy"]
    assert run.history[measured].equals(expected.history[measured])


def test_the_model_is_left_with_its_best_validation_epoch():
    flipped = encode(TEXTS, [1 - label for label in LABELS], VOCABULARY)  # every step of learning hurts here
    model = fresh()
    run = train(model, ENCODED, flipped, replace(SETTINGS, epochs=8), progress=False)
    ranked = run.history.sort_values(["validation_accuracy", "validation_loss"], ascending=[False, True])
    assert run.best_epoch == ranked.index[0]
    assert evaluate(model, flipped).loss == ranked["validation_loss"].iloc[0]


def test_training_stops_early_when_validation_does_not_improve():
    flipped = encode(TEXTS, [1 - label for label in LABELS], VOCABULARY)
    run = train(fresh(), ENCODED, flipped, replace(SETTINGS, epochs=40, patience=2), progress=False)
    assert len(run.history) == run.best_epoch + 2 < 40


def test_the_learning_rate_rises_then_falls_to_zero():
    settings = Settings(learning_rate=1.0, warmup=0.1)
    rates = [training.learning_rate_at(step, 100, settings) for step in range(101)]
    assert rates[9] == max(rates) == 1.0 and rates[0] == 0.1 and rates[100] == 0.0
    assert rates[:10] == sorted(rates[:10]) and rates[9:] == sorted(rates[9:], reverse=True)


def test_accuracy_is_a_mean_over_texts_not_over_batches():
    model = fresh()
    logits = training.predict_logits(model, ENCODED, batch_size=64)  # 72 texts: a batch of 64 and one of 8
    expected = (logits.argmax(1) == ENCODED.labels).double().mean().item()
    assert evaluate(model, ENCODED).accuracy == expected


def test_logits_come_back_in_the_order_of_the_texts():
    model = fresh().eval()
    one = ENCODED.batch(torch.tensor([40]))
    torch.testing.assert_close(
        training.predict_logits(model, ENCODED)[40:41], model(one.ids, one.lengths).detach()
    )


def test_evaluating_leaves_the_model_in_training_mode():
    model = fresh().train()
    evaluate(model, ENCODED)
    assert model.training


def test_a_loss_that_is_no_number_stops_and_names_the_batch():
    model = fresh()
    with torch.no_grad():
        model.fc.bias[0] = float("nan")
    with pytest.raises(TrainingError, match=r"batch 1 in epoch 1 is nan"):
        train(model, ENCODED, ENCODED, SETTINGS, progress=False)


def test_a_training_set_of_one_class_is_refused():
    with pytest.raises(TrainingError, match=r"training set holds 72 texts, all of class \[1\]"):
        train(fresh(), encode(TEXTS, [1] * 72, VOCABULARY), ENCODED, SETTINGS, progress=False)


def checkpoint(folder):
    train(fresh(), ENCODED, ENCODED, SETTINGS, vocabulary=VOCABULARY, folder=folder, progress=False)
    return folder / "last.pt"


def resume(folder, settings=SETTINGS, vocabulary=VOCABULARY, model=None):
    model = model or fresh()
    train(
        model, ENCODED, ENCODED, settings, vocabulary=vocabulary, folder=folder, resume=True, progress=False
    )


def test_a_truncated_checkpoint_is_refused_by_name(tmp_path):
    path = checkpoint(tmp_path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"last\.pt cannot be read"):
        resume(tmp_path)


def test_a_checkpoint_that_holds_code_is_refused_and_not_run(tmp_path):
    torch.save({"format": 1, "payload": os.getcwd}, tmp_path / "last.pt")
    with pytest.raises(CheckpointError, match="damaged or foreign"):
        resume(tmp_path)


def test_a_missing_checkpoint_says_to_train_first(tmp_path):
    with pytest.raises(CheckpointError, match="without resuming first"):
        resume(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        dict(settings=replace(SETTINGS, epochs=5)),
        dict(vocabulary=Vocabulary.build(["quite other words"], 30)),
        dict(model=TextClassifier(len(VOCABULARY), 6, 10)),
    ],
    ids=["settings", "vocabulary", "model"],
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path, change):
    checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match=f"another {next(iter(change))}"):
        resume(tmp_path, **change)


def test_a_failed_save_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "last.pt"
    training.save_whole({"format": 1}, path)
    before = path.read_bytes()

    def disk_full(_payload, file):
        file.write(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(torch, "save", disk_full)
    with pytest.raises(OSError, match="no space"):
        training.save_whole({"format": 1}, path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX only")
def test_a_process_killed_while_it_saves_leaves_a_whole_checkpoint(tmp_path):
    code = (
        "import torch, pathlib, sys\n"
        "from helpers.training import save_whole\n"
        "path = pathlib.Path(sys.argv[1]) / 'last.pt'\n"
        "big = torch.ones(1_000_000)\n"
        "i = 0\n"
        "while True:\n"
        "    i += 1\n"
        "    save_whole({'format': 1, 'big': big * i, 'i': i}, path)\n"
        "    print(i, flush=True)\n"
    )
    saver = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    for _ in range(3):
        saver.stdout.readline()
    time.sleep(0.003)
    saver.send_signal(signal.SIGKILL)
    saver.wait()
    saver.stdout.close()
    found = torch.load(tmp_path / "last.pt", weights_only=True)
    assert (found["big"] == found["i"]).all()


def test_an_unknown_device_is_refused_with_the_ones_here():
    with pytest.raises(TrainingError, match="cpu"):
        pick_device("abacus")


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="epochs must be above 0; got 0"):
        Settings(epochs=0)
    with pytest.raises(ValueError, match="float64"):
        Settings(precision="float64")


def test_bfloat16_and_float32_reach_the_same_answers():
    losses = {}
    for precision in ("float32", "bfloat16"):
        model = fresh()
        train(model, ENCODED, ENCODED, replace(SETTINGS, epochs=8, precision=precision), progress=False)
        losses[precision] = evaluate(model, ENCODED, precision).loss
    assert abs(losses["float32"] - losses["bfloat16"]) < 0.1


def test_the_command_trains_on_a_corpus_and_reads_the_test_set_once(capsys, monkeypatch):
    read = []
    real = training.evaluate
    monkeypatch.setattr(
        training, "evaluate", lambda model, part, *a: (read.append(len(part)), real(model, part, *a))[1]
    )
    training.main(["--corpus", "twins", "--epochs", "1", "--device", "cpu"])
    assert read.count(1250) == 1 and "read once" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name, said", [("novels", "no corpus 'novels'"), ("gap", "no recipe for the corpus 'gap'")]
)
def test_the_command_refuses_a_corpus_that_it_cannot_train_on(name, said):
    with pytest.raises(SystemExit, match=said):
        training.main(["--corpus", name])
