"""Trained models and stored statistics on disk, under the hash of what made them."""

import hashlib
import json
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from torch import nn

from .locations import cache_folder

FORMAT = 1
"""Raise when a change to the code changes what the same recipe trains."""


def digest(identity: Mapping[str, Any]) -> str:
    """Return a hash of anything that JSON can write, whatever the order of its keys.

    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    True
    """
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Hand out a temporary name that becomes `path` if nothing fails; leaves nothing otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        yield Path(name)
        Path(name).chmod(0o644)
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def cached(
    identity: Mapping[str, Any],
    empty: Callable[[], nn.Module],
    make: Callable[[], tuple[nn.Module, dict[str, float]]],
    device: torch.device,
) -> tuple[nn.Module, dict[str, float]]:
    """Return the model that `identity` stands for and what it cost, from the disk if it is there.

    Of several processes that want one model, the first makes it and the others wait for it.

    Args:
        identity: Everything that decides the result, writable as JSON.
        empty: Makes a network to load the parameters into.
        make: Makes the model and tells its costs; called if the cache has none.
        device: Where the model shall be.
    """
    name = digest({**identity, "format": FORMAT})
    path = cache_folder() / "models" / f"{name}.pt"
    lock = cache_folder() / "locks" / f"{name}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        if path.exists() and (found := _stored(path, empty, device)):
            return found
        model, cost = make()
        with atomic(path) as temporary:
            torch.save(
                {"state": model.state_dict(), "cost": cost, "identity": dict(identity)}, temporary
            )
    return model, cost


def stored(
    identity: Mapping[str, Any], make: Callable[[], dict[str, Any]], device: torch.device
) -> tuple[dict[str, Any], float]:
    """Return a statistic and the seconds that it took, from the disk if it is there.

    Args:
        identity: Everything that decides the result, writable as JSON.
        make: Makes the statistic, of tensors, numbers and texts; called if the cache has none.
        device: Where its tensors shall be.
    """
    name = digest({**identity, "format": FORMAT})
    path = cache_folder() / "statistics" / f"{name}.pt"
    lock = cache_folder() / "locks" / f"{name}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        if path.exists():
            try:
                found = torch.load(path, map_location=device, weights_only=True)
                return found["value"], found["seconds"]
            except Exception as error:  # whatever is wrong with the file, it can be made again
                kind = type(error).__name__
                warnings.warn(f"{path} cannot be used ({kind}); it is computed anew.", stacklevel=2)
        start = time.perf_counter()
        value = make()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds = time.perf_counter() - start
        with atomic(path) as temporary:
            torch.save({"value": value, "seconds": seconds, "identity": dict(identity)}, temporary)
    return value, seconds


def _stored(
    path: Path, empty: Callable[[], nn.Module], device: torch.device
) -> tuple[nn.Module, dict[str, float]] | None:
    """Return what a file of the cache holds; None, with a warning, if it is corrupt."""
    try:
        stored = torch.load(path, map_location=device, weights_only=True)
        model = empty().to(device).eval()
        model.load_state_dict(stored["state"])
        return model, stored["cost"]
    except Exception as error:  # whatever is wrong with the file, it can be made again
        kind = type(error).__name__
        warnings.warn(f"{path} cannot be used ({kind}); it is computed anew.", stacklevel=3)
        return None
