"""A run loses no work: files are whole or not there, resuming is exact, and what does not fit is refused."""

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_training import ENCODED, FLIPPED, MEASURED, SETTINGS, VOCABULARY, fresh, trained, weights_equal

from helpers import checkpoints, learner, training
from helpers.checkpoints import CheckpointError, load_checkpoint, save_whole
from helpers.model import TextClassifier
from helpers.text import Vocabulary

TESTS = str(Path(__file__).parent)
HEAD = f"import json, sys, time, torch; sys.path.insert(0, {TESTS!r}); from pathlib import Path\n"


def start(code: str, *arguments: object) -> subprocess.Popen:
    """A fresh Python process that runs `code` beside this one; what it prints can be read line by line."""
    command = [sys.executable, "-c", HEAD + code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def kill_at(process: subprocess.Popen, line: str) -> None:
    """Kill the process (SIGKILL; under Windows TerminateProcess) once it has printed `line`."""
    for printed in process.stdout:
        if printed.strip() == line:
            break
    else:
        pytest.fail(f"the process ended before it printed {line!r}")
    process.kill()
    process.wait()
    process.stdout.close()
    assert process.returncode != 0


# Killed while it saves

SAVE_HALF = """
from helpers import checkpoints
path = Path(sys.argv[1]) / "last.pt"
checkpoints.save_whole({"format": 2, "number": 1, "big": torch.ones(100_000)}, path)
whole = torch.save
def half(payload, file):
    whole(payload, path.with_name("all"))
    file.write(path.with_name("all").read_bytes()[:200_000])
    file.flush()
    print("half", flush=True)
    time.sleep(60)
torch.save = half
checkpoints.save_whole({"format": 2, "number": 2, "big": torch.ones(100_000)}, path)
"""


def test_killed_in_the_middle_of_a_save_the_old_checkpoint_is_whole(tmp_path):
    kill_at(start(SAVE_HALF, tmp_path), "half")
    assert load_checkpoint(tmp_path / "last.pt", {}, {"number"})["number"] == 1
    (half,) = tmp_path.glob("*.part")
    assert half.stat().st_size == 200_000  # the kill did come in the middle
    checkpoints.sweep(tmp_path)
    assert not list(tmp_path.glob("*.part")) and (tmp_path / "last.pt").exists()


def test_a_failed_save_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "last.pt"
    save_whole({"format": 2}, path)
    before = path.read_bytes()

    def disk_full(_payload, file):
        file.write(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(torch, "save", disk_full)
    with pytest.raises(OSError, match="no space"):
        save_whole({"format": 2}, path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


# Killed while it trains, and resumed

TRAIN = """
from small_training import *
from dataclasses import replace
folder, resume = Path(sys.argv[1]), sys.argv[2] == "resume"
settings = replace(SETTINGS, average_from=0.3)
def watch(progress):
    if not resume:
        print(progress.epoch, progress.step, len(progress.rows), flush=True)
        if progress.epoch == 3 and progress.step == 5:
            time.sleep(60)
training.LOOK_SECONDS = 0.0
run = trained(fresh(), settings, folder=folder, resume=resume, watch=watch)
(folder / "done").write_text(json.dumps(run.history[MEASURED].to_numpy().tolist()))
"""


def test_killed_in_an_epoch_and_resumed_gives_what_an_uninterrupted_run_gives(tmp_path):
    killed = tmp_path / "killed"
    kill_at(start(TRAIN, killed, "new"), "3 5 2")  # epoch 3, step 5, two epochs finished
    assert not (killed / "done").exists()
    again = start(TRAIN, killed, "resume")
    again.communicate()
    assert again.returncode == 0

    torch.set_flush_denormal(True)  # as in any process that has imported the loop; see conftest.py
    whole, resumed = fresh(), fresh()
    expected = trained(whole, replace(SETTINGS, average_from=0.3), folder=tmp_path / "whole")
    training.load_best(resumed, killed, VOCABULARY)
    assert weights_equal(whole, resumed)
    assert equal(states(killed), states(tmp_path / "whole"))
    rows = json.loads((killed / "done").read_text())
    assert rows == expected.history[MEASURED].to_numpy().tolist()


def states(folder):
    """All tensors and numbers in a `last.pt` but the seconds that the epochs took."""
    found = torch.load(folder / "last.pt", weights_only=True)
    rows = [[row[name] for name in MEASURED] for row in found["history"]]
    return found["learner"], found["best"], rows


def equal(a, b):
    """Whether two nests of dicts, lists, tensors and numbers are equal, bit for bit."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b


@pytest.mark.parametrize(
    "changes", [{}, dict(average_from=0.3), dict(precision="bfloat16")], ids=["plain", "average", "bfloat16"]
)
def test_resumed_after_each_epoch_the_last_checkpoint_is_the_same(tmp_path, monkeypatch, changes):
    """Not only the weights: optimizer, averaged weights, best epoch and history, to the last bit."""
    monkeypatch.setattr(learner, "AVERAGE_EVERY", 3)
    settings = replace(SETTINGS, **changes)
    trained(fresh(), settings, folder=tmp_path / "whole")
    for epoch in range(2, 5):

        def stop(progress, epoch=epoch):
            if progress.epoch == epoch and not progress.over:
                raise KeyboardInterrupt

        torch.rand(epoch)  # whatever else the process drew in between
        trained(fresh(), settings, folder=tmp_path / "parts", resume=epoch > 2, watch=stop)
    trained(fresh(), settings, folder=tmp_path / "parts", resume=True)
    assert equal(states(tmp_path / "whole"), states(tmp_path / "parts"))


@pytest.mark.filterwarnings("ignore:TF32 acceleration on top of oneDNN")
def test_the_scale_of_the_loss_in_float16_is_resumed_too(tmp_path):
    settings = replace(SETTINGS, precision="float16")
    with torch.backends.mkldnn.flags(enabled=False):  # torch's own LSTM, which knows float16 on any CPU
        model = fresh()
        learning = learner.Learner(model, settings, "float16", steps=10)
        loss, _ = learning.forward(ENCODED.batch(torch.arange(7)), 7)
        learning.backward(loss * torch.inf)  # the scale is halved
        learning.update(0)
        save_whole(learning.state_dict(), tmp_path / "state")
        other = learner.Learner(fresh(), settings, "float16", steps=10)
        other.load_state_dict(torch.load(tmp_path / "state", weights_only=True))
    assert other.scaler.get_scale() == learning.scaler.get_scale() == 2.0**15


def test_the_count_of_epochs_without_a_better_one_goes_on_after_resuming(tmp_path):
    settings = replace(SETTINGS, epochs=40, patience=3)
    whole = trained(fresh(), settings, validation_set=FLIPPED)

    def stop(progress):
        if progress.epoch == whole.best_epoch + 2 and not progress.over:
            raise KeyboardInterrupt

    trained(fresh(), settings, validation_set=FLIPPED, folder=tmp_path, watch=stop)
    resumed = trained(fresh(), settings, validation_set=FLIPPED, folder=tmp_path, resume=True)
    assert len(resumed.history) == len(whole.history) == whole.best_epoch + 3


def test_a_finished_run_resumes_to_its_own_end(tmp_path):
    one, two = fresh(), fresh()
    expected = trained(one, folder=tmp_path)
    run = trained(two, folder=tmp_path, resume=True)
    assert weights_equal(one, two) and run.history.equals(expected.history)


def test_resuming_sweeps_the_halves_of_a_killed_save(tmp_path):
    trained(fresh(), folder=tmp_path)
    (tmp_path / "last.pt.123.part").write_bytes(b"half")
    trained(fresh(), folder=tmp_path, resume=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.pt", "last.pt"]


def test_a_run_from_a_gpu_goes_on_here_in_a_precision_that_is_fast_here(tmp_path, monkeypatch):
    settings = replace(SETTINGS, precision="auto")
    monkeypatch.setattr(training, "faster_precision", lambda *_: "float32")
    trained(fresh(), settings, folder=tmp_path)
    found = torch.load(tmp_path / "last.pt", weights_only=True)
    torch.save(found | {"precision": "float16", "device": "cuda"}, tmp_path / "last.pt")
    assert trained(fresh(), settings, folder=tmp_path, resume=True).precision == "float32"


# Best and last


def test_best_and_last_are_both_kept(tmp_path):
    model, best = fresh(), fresh()
    run = trained(model, replace(SETTINGS, epochs=8), validation_set=FLIPPED, folder=tmp_path)
    row = training.load_best(best, tmp_path, VOCABULARY)
    assert row["epoch"] == run.best_epoch < len(run.history)
    assert weights_equal(model, best)
    last = torch.load(tmp_path / "last.pt", weights_only=True)
    assert len(last["history"]) == len(run.history)
    assert not torch.equal(last["learner"]["weights"]["fc.weight"], model.fc.weight)


def test_killed_between_the_two_files_the_run_resumes_to_the_same_end(tmp_path):
    expected, model = fresh(), fresh()
    trained(expected, folder=tmp_path / "whole")

    def stop(progress):
        if progress.epoch == 3 and not progress.over:
            raise KeyboardInterrupt

    trained(fresh(), folder=tmp_path / "parts", watch=stop)
    newer = (tmp_path / "whole" / "best.pt").read_bytes()  # best.pt of a later epoch than last.pt knows of
    (tmp_path / "parts" / "best.pt").write_bytes(newer)
    trained(model, folder=tmp_path / "parts", resume=True)
    assert weights_equal(expected, model)


def test_a_new_run_does_not_write_over_an_old_one(tmp_path):
    trained(fresh(), folder=tmp_path)
    before = (tmp_path / "last.pt").read_bytes()
    with pytest.raises(CheckpointError, match=r"holds the checkpoints of a run .*resume=True, or --resume"):
        trained(fresh(), folder=tmp_path)
    assert (tmp_path / "last.pt").read_bytes() == before


# What is refused


def resume(folder, settings=SETTINGS, model=None, **changes):
    trained(model or fresh(), settings, folder=folder, resume=True, **changes)


def test_a_missing_checkpoint_says_to_train_first(tmp_path):
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*last\.pt.* Train without resuming first"):
        resume(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[:1000],
        lambda whole: whole[:-1],
        lambda whole: b"",
        lambda whole: whole[:3000] + bytes([whole[3000] ^ 1]) + whole[3001:],
        lambda whole: b"not a checkpoint at all",
    ],
    ids=["cut", "one byte short", "empty", "one bit flipped", "foreign"],
)
def test_a_damaged_checkpoint_is_refused_by_name(tmp_path, damage):
    trained(fresh(), folder=tmp_path)
    path = tmp_path / "last.pt"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(
        CheckpointError, match=r"last\.pt cannot be read as a checkpoint: its [\d,]+ bytes .*Delete"
    ):
        resume(tmp_path)


def test_every_flipped_bit_is_noticed_or_harmless(tmp_path):
    trained(fresh(), folder=tmp_path)
    path = tmp_path / "best.pt"
    whole = path.read_bytes()
    expected = torch.load(path, weights_only=True)
    for place in range(50, len(whole), 997):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        try:
            found = load_checkpoint(path, {}, {"weights"})
        except CheckpointError:
            continue
        assert equal(found, expected)


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path(os.environ["COURSE_TEST_TOUCH"]),))


def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path, monkeypatch):
    touched = tmp_path / "touched"
    monkeypatch.setenv("COURSE_TEST_TOUCH", str(touched))
    pickle.loads(pickle.dumps(Evil()))
    assert touched.exists()  # the trap works
    touched.unlink()
    for payload in ({"format": 2, "weights": Evil()}, Evil()):
        torch.save(payload, tmp_path / "last.pt")
        with pytest.raises(CheckpointError, match="hold code, which is never run"):
            resume(tmp_path)
    (tmp_path / "last.pt").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(CheckpointError, match="hold code, which is never run"):
        resume(tmp_path)
    assert not touched.exists()


@pytest.mark.parametrize("payload, said", [({"weights": 1}, "None"), ([1], "'list'"), ({"format": 1}, "1")])
def test_another_format_is_refused_with_what_was_found(tmp_path, payload, said):
    torch.save(payload, tmp_path / "last.pt")
    with pytest.raises(CheckpointError, match=f"last.pt has checkpoint format {said}; expected 2"):
        resume(tmp_path)


def test_a_checkpoint_that_lacks_a_part_is_refused_with_its_name(tmp_path):
    trained(fresh(), folder=tmp_path)
    found = torch.load(tmp_path / "last.pt", weights_only=True)
    del found["learner"]
    torch.save(found, tmp_path / "last.pt")
    with pytest.raises(CheckpointError, match=r"last\.pt lacks learner"):
        resume(tmp_path)


@pytest.mark.parametrize(
    "change, said",
    [
        (dict(settings=replace(SETTINGS, epochs=5)), "another settings: epochs 4 there, 5 here"),
        (dict(settings=replace(SETTINGS, seed=6)), "another settings: seed 5 there, 6 here"),
        (
            dict(vocabulary=Vocabulary.build(["quite other words"], 30)),
            "another vocabulary: '[0-9a-f]+' there",
        ),
        (dict(model=TextClassifier(len(VOCABULARY), 6, 10)), "another model: hidden_dim 9 there, 10 here"),
        (dict(train_set=FLIPPED), "another training texts: "),
        (dict(validation_set=FLIPPED), "another validation texts: "),
    ],
    ids=["epochs", "seed", "vocabulary", "model", "training texts", "validation texts"],
)
def test_a_checkpoint_of_another_run_is_refused_with_what_differs(tmp_path, change, said):
    trained(fresh(), folder=tmp_path)
    with pytest.raises(CheckpointError, match=f"last.pt was written with {said}"):
        resume(tmp_path, **change)


def test_best_weights_are_not_given_to_another_model(tmp_path):
    trained(fresh(), folder=tmp_path)
    with pytest.raises(CheckpointError, match=r"best\.pt was written with another model: hidden_dim 9 there"):
        training.load_best(TextClassifier(len(VOCABULARY), 6, 10), tmp_path, VOCABULARY)


def test_the_command_resumes_and_refuses_in_one_line(tmp_path, capsys):
    common = ["--corpus", "twins", "--device", "cpu", "--epochs", "1", "--folder", str(tmp_path)]
    training.main(common)
    first = capsys.readouterr().out.splitlines()[-1]
    training.main([*common, "--resume"])
    assert capsys.readouterr().out.splitlines()[-1] == first
    with pytest.raises(SystemExit, match=r"^error: .*holds the checkpoints of a run"):
        training.main(common)
    with pytest.raises(SystemExit, match=r"^error: .*another settings: seed 0 there, 1 here"):
        training.main([*common, "--resume", "--seed", "1"])


def test_the_same_words_and_texts_have_the_same_fingerprint_anywhere():
    assert checkpoints.vocabulary_digest(VOCABULARY) != checkpoints.vocabulary_digest(
        Vocabulary(tuple(sorted(VOCABULARY.words, key=lambda word: (word[0] != "<", word))))
    )
    assert checkpoints.texts_digest(ENCODED) == checkpoints.texts_digest(ENCODED.to("cpu"))
    assert checkpoints.texts_digest(ENCODED) != checkpoints.texts_digest(FLIPPED)
