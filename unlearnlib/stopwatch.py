"""What a method costs: seconds, memory, and examples sent forward."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)


@dataclass
class Cost:
    """What was spent inside a `stopwatch`.

    Attributes:
        seconds: Wall clock.
        peak_memory_mib: Largest GPU memory in use above that at the start, in MiB; None on a CPU,
            whose allocator keeps no such count.
    """

    seconds: float = float("nan")
    peak_memory_mib: float | None = None


@contextmanager
def stopwatch(device: torch.device) -> Iterator[Cost]:
    """Time what happens inside, synchronised with `device`."""
    cost, before = Cost(), 0
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
    start = time.perf_counter()
    yield cost
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        cost.peak_memory_mib = (torch.cuda.max_memory_allocated(device) - before) / 2**20
    cost.seconds = time.perf_counter() - start


def warm_up(model: nn.Module, x: Tensor) -> None:
    """Send a batch forward and backward through a copy of `model`.

    What a device does at its first call (choice of kernels, buffers) is not a method's cost.
    """
    deepcopy(model)(x).sum().backward()


@contextmanager
def count_forwards(kind: type[nn.Module]) -> Iterator[list[int]]:
    """Count the examples that go forward through any model of class `kind`, as [count].

    Copies and fresh models count too; a module of the same class inside another does not.
    """
    count, depth = [0], [0]

    def enter(module: nn.Module, inputs: Any) -> None:
        if isinstance(module, kind):
            count[0] += len(inputs[0]) if depth[0] == 0 else 0
            depth[0] += 1

    def leave(module: nn.Module, inputs: Any, output: Any) -> None:
        depth[0] -= isinstance(module, kind)

    hooks = [register_module_forward_pre_hook(enter), register_module_forward_hook(leave)]
    try:
        yield count
    finally:
        for hook in hooks:
            hook.remove()
