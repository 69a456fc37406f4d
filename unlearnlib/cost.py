"""What a method costs: seconds, memory, and examples sent forward."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as every_module
from torch.profiler import ProfilerActivity, profile


@dataclass
class Cost:
    """What was spent inside a `stopwatch`.

    All that happens inside counts but for what is `off_the_clock`: the checks of models, data and
    stored statistics, and the hash of a model's numbers. Copies of the model do count.

    Attributes:
        seconds: Wall clock, but for what was off the clock.
        cpu_seconds: Time that the process had processors for itself, likewise; None on a GPU. What
            else runs on a shared machine makes this grow far less than the wall clock.
        peak_memory_mib: Largest GPU memory in use above that at the start, in MiB; None on a CPU,
            whose allocator keeps no such count.
    """

    seconds: float = float("nan")
    cpu_seconds: float | None = None
    peak_memory_mib: float | None = None


@dataclass(eq=False)
class _Clock:
    """The clock of one `stopwatch`: tells the time when all that `device` was given is done."""

    device: torch.device
    stopped: float = 0.0
    cpu_stopped: float = 0.0

    def now(self) -> tuple[float, float]:
        """Return the time and the processor's."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter(), time.process_time()


_RUNNING: ContextVar[tuple[_Clock, ...]] = ContextVar("running", default=())
_COUNTING = ContextVar("counting", default=True)


@contextmanager
def stopwatch(device: torch.device) -> Iterator[Cost]:
    """Time what happens inside, synchronised with `device`, but for what is `off_the_clock`."""
    cost, clock, before = Cost(), _Clock(device), 0
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
    token = _RUNNING.set((*_RUNNING.get(), clock))
    start, cpu_start = clock.now()
    try:
        yield cost
        end, cpu_end = clock.now()
    finally:
        _RUNNING.reset(token)
    cost.seconds = end - start - clock.stopped
    if device.type == "cpu":
        cost.cpu_seconds = cpu_end - cpu_start - clock.cpu_stopped
    if device.type == "cuda":
        cost.peak_memory_mib = (torch.cuda.max_memory_allocated(device) - before) / 2**20


@contextmanager
def off_the_clock() -> Iterator[None]:
    """Stop every `stopwatch` of this thread that runs, and count no example that goes forward.

    For what checks and does not unlearn. A stopwatch that starts inside has a time of its own.
    """
    clocks = _RUNNING.get()
    starts = [clock.now() for clock in clocks]
    running, counting = _RUNNING.set(()), _COUNTING.set(False)
    try:
        yield
    finally:
        _COUNTING.reset(counting)
        _RUNNING.reset(running)
        for clock, (start, cpu_start) in zip(clocks, starts, strict=True):
            end, cpu_end = clock.now()
            clock.stopped += end - start
            clock.cpu_stopped += cpu_end - cpu_start


@contextmanager
def count_forwards(kind: type[nn.Module]) -> Iterator[list[int]]:
    """Count the examples that go forward through any model of class `kind` itself, as [count].

    Copies and fresh models count too; a module of the same class inside another does not, nor one
    of a class that is derived from it, nor what is `off_the_clock`.
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
        self.depth += type(module) is self.kind

    def leave(self, module: nn.Module, inputs: tuple[Any, ...], *rest: Any) -> None:
        """Count when the outermost is left, also by an error (torch then omits the keywords)."""
        if type(module) is self.kind:
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
    with _quiet(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as noted:
        result = run()
    del result
    kineto = noted.profiler.kineto_results if noted.profiler else None
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
