"""How much memory a computation takes at its worst moment, on a GPU and on a CPU."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch.profiler import ProfilerActivity, profile

from .stopwatch import stopwatch


def peak_memory_mib(run: Callable[[], object], device: torch.device | str = "cpu") -> float:
    """Return the most memory that tensors made inside `run` held at one time, in MiB.

    On a GPU its allocator knows. A CPU's does not; there the profiler notes every allocation and
    release of a tensor, so that `run` takes longer than it would, and the result is exact and the
    same every time. What existed before does not count, nor what is not a tensor's.

    >>> round(peak_memory_mib(lambda: torch.zeros(2**18).add_(1)), 2)
    1.0
    """
    device = torch.device(device)
    if device.type == "cuda":
        with stopwatch(device) as cost:
            run()
        return cost.peak_memory_mib or 0.0
    with _quiet(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as found:
        result = run()
    del result
    kineto = found.profiler.kineto_results if found.profiler else None
    held = most = 0
    for event in sorted(kineto.events() if kineto else [], key=lambda e: e.start_ns()):
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return most / 2**20


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what native code writes to standard error to itself; the profiler greets there."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
