"""What training has to know of the machine: its device, number types, clock and memory (page 09)."""

from __future__ import annotations

import platform
import sys
import time
from pathlib import Path

import torch
from torch import nn

PRECISIONS = ("float32", "bfloat16", "float16")


class TrainingError(RuntimeError):
    """Training cannot start or go on; the message says why and what to do."""


def pick_device(name: str | None = None) -> torch.device:
    """The device to train on: `name` if given, else CUDA, else Apple's MPS, else the CPU."""
    available = ["cpu"]
    if torch.backends.mps.is_available():
        available.insert(0, "mps")
    if torch.cuda.is_available():
        available.insert(0, "cuda")
    if name is None:
        return torch.device(available[0])
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in available:
        raise TrainingError(f"no device {name!r} here; this machine has: {', '.join(available)}")
    return device


def describe_device(device: torch.device) -> str:
    """The device in words: the GPU's name, or the CPU's and how many threads torch uses."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return f"Apple MPS ({platform.machine()})"
    cpu = platform.processor() or platform.machine()
    if sys.platform == "linux":
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), cpu)
    return f"CPU {cpu}, threads: {torch.get_num_threads()}"


def seed_everything(seed: int) -> None:
    """Fix torch's random numbers on every device, so that the same machine repeats the same run."""
    torch.manual_seed(seed)


def synchronize(device: torch.device) -> None:
    """Wait until `device` has done what it was asked, so that a clock read next tells the truth."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def short_precision(device: torch.device) -> str:
    """The 16-bit type to try on `device`: bfloat16, or float16 on GPUs that compute no bfloat16."""
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return "float16"
    return "bfloat16"


def mixed_precision(device: torch.device, precision: str) -> torch.autocast:
    """A context in which matrix work runs in `precision`; weights and the loss stay float32."""
    dtype = torch.float16 if precision == "float16" else torch.bfloat16
    return torch.autocast(device.type, dtype=dtype, enabled=precision != "float32")


def faster_precision(model: nn.Module, device: torch.device, batch_size: int) -> str:
    """The device's 16-bit type if it runs this LSTM at least 1.2 times as fast as float32, else "float32".

    model: has an `lstm`. Measured on random numbers [batch_size, 32, input size], forward and backward.
    """
    if device.type == "mps":
        return "float32"
    short = short_precision(device)
    size = model.lstm.input_size
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        inputs = torch.randn(batch_size, 32, size, device=device)
        lstm = nn.LSTM(size, model.lstm.hidden_size, batch_first=True, device=device)
    seconds: dict[str, list[float]] = {"float32": [], short: []}
    for _ in range(6):  # in turn, and the best of each: another program may be busy for a while
        for precision, runs in seconds.items():
            start = time.perf_counter()
            with mixed_precision(device, precision):
                states, _ = lstm(inputs)
            states.float().sum().backward()
            synchronize(device)
            runs.append(time.perf_counter() - start)
    return short if min(seconds["float32"]) > 1.2 * min(seconds[short]) else "float32"


def peak_memory(device: torch.device) -> int | None:
    """The most memory used so far, in bytes; None where it cannot be asked (the CPU under Windows).

    On CUDA: what tensors took. On the CPU: the whole process, Python and torch included. On MPS: what the
    driver holds now, since it keeps no record of the peak.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if device.type == "mps":
        return torch.mps.driver_allocated_memory()
    if sys.platform == "win32":
        return None
    import resource  # POSIX only

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most
