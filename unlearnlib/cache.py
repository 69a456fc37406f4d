"""Trained models and what is stored with them on disk, under the hash of what made them."""

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from filelock import FileLock
from torch import nn

from .locations import cache_folder

T = TypeVar("T")
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

    def read(path: Path) -> tuple[nn.Module, dict[str, float]]:
        stored = torch.load(path, map_location=device, weights_only=True)
        model = empty().to(device).eval()
        model.load_state_dict(stored["state"])
        return model, stored["cost"]

    def write(made: tuple[nn.Module, dict[str, float]], path: Path) -> None:
        model, cost = made
        torch.save({"state": model.state_dict(), "cost": cost, "identity": dict(identity)}, path)

    return kept("models", identity, read, make, write)


def kept(
    folder: str,
    identity: Mapping[str, Any],
    read: Callable[[Path], T],
    make: Callable[[], T],
    write: Callable[[T, Path], None],
) -> T:
    """Return what `identity` stands for: read from `folder` of the cache, else made and written.

    One process makes it; the others wait for it.
    """
    name = digest({**identity, "format": FORMAT})
    path = cache_folder() / folder / f"{name}.pt"
    lock = cache_folder() / "locks" / f"{name}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        if path.exists():
            try:
                return read(path)
            except Exception as error:  # whatever is wrong with the file, it can be made again
                kind = type(error).__name__
                warnings.warn(f"{path} cannot be used ({kind}); it is computed anew.", stacklevel=3)
        made = make()
        with atomic(path) as temporary:
            write(made, temporary)
    return made
