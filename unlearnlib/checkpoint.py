"""Trainings that survive: a checkpoint every five minutes, and on from there, bit for bit.

A training inside `resumable` begins where an earlier one of the same identity was interrupted, with
the parameters, the optimiser, the schedule and the random states that it had between two batches;
what follows is what would have followed. Inside `deadline.until` it stops at a checkpoint when time
is up.
"""

import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from .cache import atomic, fault_of, seal
from .data.tensors import Labelled, batch_count
from .deadline import left
from .errors import PausedError, StorageError
from .progress import shown

EVERY = 300.0
"""Seconds from one checkpoint to the next."""


class Stateful(Protocol):
    """What a checkpoint holds of a training: its model, its optimiser, its schedule."""

    def state_dict(self) -> dict[str, Any]:
        """Return all that decides what it does next."""

    def load_state_dict(self, state: dict[str, Any], /) -> Any:
        """Take over what was returned."""


@dataclass(eq=False)
class Place:
    """Where a training is kept while it goes on, and what its earlier stretches spent.

    Attributes:
        path: The file.
        line: What the file is sealed with, see `cache.seal`: it says which training it is.
        seconds: Wall clock until the checkpoint that was gone on from; 0 without one.
        cpu_seconds: Time of the processor until there.
        examples: Examples that had gone forward.
    """

    path: Path
    line: bytes
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    examples: int = 0
    clock: tuple[float, float] = field(default_factory=lambda: _now())

    def read(self) -> dict[str, Any] | None:
        """Return the checkpoint; None if there is none that is whole."""
        if not self.path.exists():
            return None
        fault = fault_of(self.path, self.line)
        if not fault:
            try:
                state: dict[str, Any] = torch.load(self.path, "cpu", weights_only=True)
                self.seconds, self.cpu_seconds = state["seconds"], state["cpu_seconds"]
                self.examples = state["examples"]
                return state
            except Exception as error:  # whatever is wrong with it, the training can begin anew
                fault = type(error).__name__
        warnings.warn(f"{self.path} cannot be used ({fault}); it begins anew.", stacklevel=4)
        return None

    def write(self, state: dict[str, Any], examples: int) -> str:
        """Keep a state, and what was spent until now; return why it cannot be written, or ""."""
        (start, cpu_start), (now, cpu_now) = self.clock, _now()
        spent = {
            "seconds": self.seconds + now - start,
            "cpu_seconds": self.cpu_seconds + cpu_now - cpu_start,
            "examples": examples,
        }
        try:
            with atomic(self.path) as temporary:
                torch.save(state | spent, temporary)
                seal(temporary, self.line)
        except (StorageError, RuntimeError) as error:  # the training is worth more than the file
            return str(error)
        return ""


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


_PLACE: ContextVar[Place | None] = ContextVar("place", default=None)


@contextmanager
def resumable(path: Path, line: bytes) -> Iterator[Place]:
    """Keep the first training inside at `path` while it goes on, and go on from what is there."""
    place = Place(path, line)
    token = _PLACE.set(place)
    try:
        yield place
    finally:
        _PLACE.reset(token)


def batches(
    data: Labelled,
    epochs: int,
    size: int,
    generator: torch.Generator,
    parts: Mapping[str, Stateful],
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches of a training, shuffled anew in each epoch; only what an interrupted left.

    Args:
        data: The training set.
        epochs: Passes over it.
        size: Examples a batch.
        generator: Of the order, and of all else that the training draws between two batches.
        parts: What the training changes, under names.

    Raises:
        PausedError: Time was up; the training is kept.
    """
    place, each = _PLACE.get(), batch_count(len(data), size)
    _PLACE.set(None)  # no other training inside is this one
    kept = place.read() if place else None
    first, done = (kept["epoch"], kept["done"]) if kept else (0, 0)
    saved = time.monotonic()
    if place:
        place.clock = _now()  # what was made before, such as another model, is no time of this one
    for epoch in shown(range(first, epochs), "training", "epoch", initial=first, total=epochs):
        began = kept["began"] if kept else generator.get_state()
        generator.set_state(began)
        order = data.batches(size, generator)
        for _ in islice(order, done):
            pass  # those that were trained on
        if kept:
            _restore(kept, parts, generator)
            kept = None
        for batch in order:
            yield batch
            done += 1
            now = time.monotonic()
            over = left() == 0
            at_end = (epoch + 1, done) == (epochs, each)
            if place is None or at_end or not (over or now >= saved + EVERY):
                continue
            at = {"epoch": epoch, "done": done, "began": began}
            seen = epoch * len(data) + (done * size if done < each else len(data))
            fault = place.write(at | _state(parts, generator), seen)
            saved = now
            if over:
                raise PausedError(
                    f"The time was up: a training stands in epoch {epoch + 1} of {epochs}, "
                    + (f"and is not kept. {fault} " if fault else f"kept in {place.path}. ")
                    + "The same command goes on from "
                    + ("its checkpoint before, or begins anew." if fault else "there.")
                )
            if fault:
                warnings.warn(f"{fault} The training goes on without a checkpoint.", stacklevel=3)
        done = 0


def _state(parts: Mapping[str, Stateful], generator: torch.Generator) -> dict[str, Any]:
    """Return all that decides what a training does next."""
    return {name: part.state_dict() for name, part in parts.items()} | {
        "generator": generator.get_state(),
        "cpu": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all(),
    }


def _restore(
    state: dict[str, Any], parts: Mapping[str, Stateful], generator: torch.Generator
) -> None:
    """Bring a training to where it was when `_state` was called."""
    for name, part in parts.items():
        part.load_state_dict(state[name])
    generator.set_state(state["generator"])
    torch.set_rng_state(state["cpu"])
    torch.cuda.set_rng_state_all(state["cuda"])
