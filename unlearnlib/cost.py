"""What a method costs: seconds, memory, and examples sent forward."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as every_module
from torch.profiler import ProfilerActivity, profile

from .checks.intact import intact
from .checks.outputs import logits

_COUNTING = ContextVar("counting", default=True)


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
    """Send a batch forward and backward through `model`, which stays as it is.

    What a device does at its first call (choice of kernels, buffers) is not a method's cost.

    Raises:
        UnsupportedModelError: The outputs are not logits.
    """
    parameters = [q for q in model.parameters() if q.requires_grad]
    with intact(model):
        z = logits(model, x.clone())
        if z.requires_grad:
            torch.autograd.grad(z.sum(), parameters, allow_unused=True)


@contextmanager
def count_forwards(kind: type[nn.Module]) -> Iterator[list[int]]:
    """Count the examples that go forward through any model of class `kind`, as [count].

    Copies and fresh models count too; a module of the same class inside another does not, nor what
    is `uncounted`.
    """
    counter = _Counter(kind)
    hooks = [
        every_module.register_module_forward_pre_hook(counter.enter),
        every_module.register_module_forward_hook(
            counter.leave, with_kwargs=True, always_call=True
        ),
    ]
    try:
        yield counter.count
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def uncounted() -> Iterator[None]:
    """Send examples forward that no `count_forwards` counts: to check a model is not to use it."""
    before = _COUNTING.set(False)
    try:
        yield
    finally:
        _COUNTING.reset(before)


def hooked_by_others() -> bool:
    """Tell whether hooks see every module of the process, but for those of `count_forwards`."""
    tables = (
        every_module._global_forward_pre_hooks,
        every_module._global_forward_hooks,
        every_module._global_backward_pre_hooks,
        every_module._global_backward_hooks,
    )
    hooks = [hook for table in tables for hook in table.values()]
    return not all(isinstance(getattr(hook, "__self__", None), _Counter) for hook in hooks)


class _Counter:
    """What `count_forwards` counts, by hooks that change nothing."""

    def __init__(self, kind: type[nn.Module]) -> None:
        self.kind, self.count, self.depth = kind, [0], 0

    def enter(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        self.depth += isinstance(module, self.kind)

    def leave(self, module: nn.Module, inputs: tuple[Any, ...], *rest: Any) -> None:
        """Count when the outermost is left, also by an error (torch then omits the keywords)."""
        if isinstance(module, self.kind):
            self.depth -= 1
            named = rest[0].values() if len(rest) == 2 else ()
            if self.depth == 0 and _COUNTING.get():
                self.count[0] += next((len(given) for given in (*inputs, *named)), 0)


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
