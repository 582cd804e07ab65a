"""One training run on several processes, one for each GPU (or CPU core): what they must tell each other.

    torchrun --nproc_per_node=2 -m helpers.training --corpus imdb

Each process reads its share of every batch; the gradients are summed over all of them before the update, so
that all make the same step, the one that a single process would have made, up to rounding. Only the masks of
dropout are drawn by each process for itself. Without torchrun there is one process and everything here does
nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor, nn

from helpers.devices import TrainingError

LOOPBACK = {"linux": "lo", "darwin": "lo0"}


def process_count() -> int:
    """How many processes train together; 1 without torchrun."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def process_number() -> int:
    """The number of this process, from 0."""
    return dist.get_rank() if process_count() > 1 else 0


@contextmanager
def joined_processes(device: torch.device) -> Iterator[torch.device]:
    """Join the processes that torchrun started and give each its own device; alone, give `device` back.

    NCCL carries the gradients between CUDA GPUs, Gloo between CPU processes. Processes that all run on this
    machine talk over its loopback interface only.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield device
        return
    if device.type == "cuda":
        number = int(os.environ.get("LOCAL_RANK", "0"))
        if number >= torch.cuda.device_count():
            raise TrainingError(
                f"process {number} of {count} finds no GPU of its own; this machine has "
                f"{torch.cuda.device_count()}: start at most as many processes, or give --device cpu"
            )
        device = torch.device("cuda", number)
        torch.cuda.set_device(device)
    elif device.type != "cpu":
        raise TrainingError(f"several processes need CUDA GPUs or --device cpu; got {device}")
    if os.environ.get("MASTER_ADDR") in ("127.0.0.1", "localhost") and sys.platform in LOOPBACK:
        for library in ("GLOO", "NCCL"):
            os.environ.setdefault(f"{library}_SOCKET_IFNAME", LOOPBACK[sys.platform])
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield device
        dist.barrier()  # none leaves while another still needs it
    finally:
        dist.destroy_process_group()


def summing_gradients(model: nn.Module) -> nn.Module:
    """The model as it is called in training: among several processes, backward averages over them.

    Before that, every process is given the weights of process 0.
    """
    if process_count() == 1:
        return model
    device = next(model.parameters()).device
    return nn.parallel.DistributedDataParallel(model, [device] if device.type == "cuda" else None)


def own_share(rows: Tensor) -> tuple[Tensor, int]:
    """This process's rows of a batch, and 1; a last batch too small for all gives one row, and 0: its weight.

    rows [batch] -> [about batch / processes]. Every row goes to one process. Rows lie in order of length, so
    taking every so-manieth gives all processes texts of like length.
    """
    own = rows[process_number() :: process_count()]
    return (own, 1) if len(own) else (rows[:1], 0)


def add_over_processes(value: Tensor) -> Tensor:
    """The sum of `value` over all processes, the same in each."""
    if process_count() > 1:
        dist.all_reduce(value)
    return value


def decided_by_first(decide: Callable[[], object]) -> object:
    """What `decide()` gives in process 0, told to all, so that no process goes its own way."""
    if process_count() == 1:
        return decide()
    answer = [decide() if process_number() == 0 else None]
    dist.broadcast_object_list(answer)
    return answer[0]


def first_then_others(make: Callable[[], object]) -> object:
    """What `make()` gives, made in every process, but in process 0 before the others begin.

    For work that leaves a file behind which the others then find: a download, a cache.
    """
    if process_count() == 1:
        return make()
    if process_number() == 0:
        made = make()
        dist.barrier()
        return made
    dist.barrier()
    return make()


def refuse_uneven(batch_size: int, texts: int) -> None:
    """Several processes must be able to share every batch evenly, and have texts enough for all."""
    count = process_count()
    if batch_size % count:
        near = [
            size
            for size in (batch_size - batch_size % count, batch_size + count - batch_size % count)
            if size
        ]
        raise TrainingError(
            f"batch_size is {batch_size}, which {count} processes cannot share evenly: "
            f"take {' or '.join(map(str, near))}, or another number of processes"
        )
    if texts < count:
        raise TrainingError(f"{texts} training texts are too few for {count} processes: start fewer")
