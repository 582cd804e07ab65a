"""Two processes that share every batch make the run that one process makes."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_training import ENCODED, MEASURED, SETTINGS, VOCABULARY, fresh, trained

from helpers import parallel, training
from helpers.devices import TrainingError
from helpers.text import plan_batches

needs_gloo = pytest.mark.skipif(
    not torch.distributed.is_available() or sys.platform == "win32",
    reason="several processes on the CPU need Gloo, and torchrun a system with POSIX signals",
)
TESTS = str(Path(__file__).parent)

# Sums over rows are added in another order, and Adam divides by the root of small squares: weights that
# differ by up to 6e-7 were seen.
TOLERANCE = 1e-5

# Of 73 texts, batches of 8 leave one text at the end, which only one process reads; batches of 10 leave
# three, of which one process reads two.
BATCH_SIZES = (8, 10)
SHARED = replace(SETTINGS, clip=0.05, average_from=0.3)

SHARED_RUN = f"""
import os, sys
sys.path.insert(0, {TESTS!r})
from test_parallel import *
folder = Path(sys.argv[1])
with parallel.joined_processes(torch.device("cpu")):
    number = parallel.process_number()
    for size in BATCH_SIZES:
        model = fresh(dropout=0.0)
        if number:
            torch.nn.init.zeros_(model.fc.bias)  # process 0 has the say
        own = folder / f"{{size}}-{{number}}"
        run = trained(model, replace(SHARED, batch_size=size), folder=own)
        found = {{"weights": model.state_dict(), "history": run.history[{MEASURED}].to_dict("list")}}
        torch.save(found, folder / f"{{size}}-{{number}}.pt")
print(os.environ["GLOO_SOCKET_IFNAME"], os.environ["NCCL_SOCKET_IFNAME"])
"""


def in_processes(code: str, count: int, *arguments: object) -> list[subprocess.CompletedProcess]:
    """Run `code` in `count` processes with the environment that torchrun would give them."""
    port = free_port()
    running = []
    for number in range(count):
        told = dict(
            RANK=number, LOCAL_RANK=number, WORLD_SIZE=count, MASTER_ADDR="127.0.0.1", MASTER_PORT=port
        )
        env = os.environ | {name: str(value) for name, value in told.items()}
        command = [sys.executable, "-c", code, *map(str, arguments)]
        running.append(
            subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        )
    done = []
    for process in running:
        out, err = process.communicate(timeout=300)
        done.append(subprocess.CompletedProcess(process.args, process.returncode, out, err))
    return done


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def shared_run(tmp_path_factory):
    """Two processes have trained with each batch size; the folder, and what each process printed."""
    folder = tmp_path_factory.mktemp("two")
    done = in_processes(SHARED_RUN, 2, folder)
    for process in done:
        assert process.returncode == 0, process.stderr
    return folder, [process.stdout for process in done]


@needs_gloo
@pytest.mark.parametrize("size", BATCH_SIZES)
def test_two_processes_make_the_run_of_one(shared_run, size):
    folder, _ = shared_run
    one, two = (torch.load(folder / f"{size}-{number}.pt", weights_only=True) for number in (0, 1))
    assert all(torch.equal(one["weights"][name], two["weights"][name]) for name in one["weights"])
    model = fresh(dropout=0.0)
    alone = trained(model, replace(SHARED, batch_size=size))
    for name, value in model.state_dict().items():
        torch.testing.assert_close(one["weights"][name], value, atol=TOLERANCE, rtol=0)
    for name, values in one["history"].items():
        assert values == pytest.approx(alone.history[name].tolist(), abs=TOLERANCE), name


@needs_gloo
def test_only_the_first_process_writes_checkpoints(shared_run):
    folder, _ = shared_run
    assert sorted(path.name for path in (folder / "8-0").iterdir()) == ["best.pt", "last.pt"]
    assert not (folder / "8-1").exists()
    best = training.load_best(fresh(dropout=0.0), folder / "8-0", VOCABULARY)
    assert best["epoch"] == 4


@needs_gloo
def test_processes_on_one_machine_talk_over_its_loopback_only(shared_run):
    assert {said.strip() for said in shared_run[1]} in ({"lo lo"}, {"lo0 lo0"})


@needs_gloo
def test_torchrun_trains_and_only_the_first_process_speaks(tmp_path):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    options = ["--corpus", "twins", "--device", "cpu", "--epochs", "1", "--precision", "float32", "--folder"]
    command = [*torchrun, "-m", "helpers.training", *options, str(tmp_path / "two")]
    env = os.environ | {"PYTHONFAULTHANDLER": "1"}  # a crash in a library shows where
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("processes: 2") == 1 and done.stdout.count("read once") == 1

    training.main([*options, str(tmp_path / "one")])
    one, two = (
        torch.load(tmp_path / name / "best.pt", weights_only=True)["weights"] for name in ("one", "two")
    )
    for name in one:
        torch.testing.assert_close(two[name], one[name], atol=TOLERANCE, rtol=0)


@pytest.fixture
def as_if(monkeypatch):
    """Let this process believe that it is number `number` of `count`."""

    def pretend(number, count):
        monkeypatch.setattr(parallel, "process_number", lambda: number)
        monkeypatch.setattr(parallel, "process_count", lambda: count)

    return pretend


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_every_row_of_every_batch_counts_in_exactly_one_process(as_if, count):
    for rows in plan_batches(ENCODED.lengths, 15):
        counted = []
        for number in range(count):
            as_if(number, count)
            own, weight = parallel.own_share(rows)
            assert len(own) > 0
            counted += own.tolist() * weight
        assert sorted(counted) == sorted(rows.tolist())


def test_a_share_that_does_not_count_moves_nothing():
    learning = training.Learner(fresh(dropout=0.0), SETTINGS, "float32", steps=10)
    loss, right = learning.forward(ENCODED.batch(torch.tensor([3])), texts=1, weight=0)
    learning.backward(loss)
    assert loss == 0 and right == 0
    assert all((p.grad == 0).all() for p in learning.model.parameters())


@pytest.mark.parametrize(
    "batch_size, texts, said",
    [
        (64, 100, "batch_size is 64, which 3 processes cannot share evenly: take 63 or 66"),
        (2, 100, "batch_size is 2, which 3 processes cannot share evenly: take 3"),
        (3, 2, "2 training texts are too few for 3 processes"),
    ],
)
def test_what_cannot_be_shared_is_refused_in_words(as_if, batch_size, texts, said):
    as_if(0, 3)
    with pytest.raises(TrainingError, match=said):
        parallel.refuse_uneven(batch_size, texts)


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with (
        pytest.raises(TrainingError, match="process 1 of 2 finds no GPU of its own; this machine has 1"),
        parallel.joined_processes(torch.device("cuda")),
    ):
        pass


def test_alone_nothing_is_joined_and_nothing_is_summed(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with parallel.joined_processes(torch.device("cpu")) as device:
        model = fresh()
        assert device == torch.device("cpu") and parallel.process_count() == 1
        assert parallel.summing_gradients(model) is model
        assert parallel.add_over_processes(torch.ones(1)) == 1
        assert parallel.decided_by_first(lambda: 7) == parallel.first_then_others(lambda: 7) == 7
