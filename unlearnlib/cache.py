"""Trained models and what is stored with them on disk, under the hash of what made them.

A file of the cache ends in a seal: a line with the identity of what it holds, and a SHA-256 of all
before it. `torch.load` does not mind what follows; a file whose seal is broken is made anew.
"""

import hashlib
import json
import os
import stat
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from math import inf
from pathlib import Path
from typing import Any, TypeVar

import torch
from filelock import FileLock, Timeout
from torch import nn

from .deadline import left
from .errors import PausedError, StorageError
from .locations import cache_folder

T = TypeVar("T")
Costed = tuple[nn.Module, dict[str, float]]
FORMAT = 2
"""Raise when a change to the code changes what the same recipe trains, or how it is written."""


def digest(identity: Any) -> str:
    """Return a hash of anything that JSON can write, whatever the order of its keys.

    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1.0})
    True
    """
    return hashlib.sha256(canonical(identity).encode()).hexdigest()[:16]


def canonical(value: Any) -> str:
    """Return the one JSON text of a value, which writes 1 for 1.0, and 0 for -0.0."""

    def number(word: str) -> float:
        x = float(word)
        return int(x) if x.is_integer() else x

    text = json.dumps(value, sort_keys=True)
    return json.dumps(json.loads(text, parse_float=number), separators=(",", ":"))


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Hand out a temporary name that becomes `path` if nothing fails; leaves nothing otherwise.

    The contents are on the disk before the name is, so that no crash leaves an empty file.

    Raises:
        StorageError: The disk is full, or `path` cannot be written for another reason.
    """
    with _told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        try:
            yield Path(name)
            with open(name, "rb+") as file:
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            os.replace(name, path)
        finally:
            Path(name).unlink(missing_ok=True)


Contents = bytes | OSError


def contents(path: Path) -> Contents | None:
    """Return what is in a file, or why it cannot be read; None if there is none (any more)."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # who opens a pipe waits for a writer
            return OSError("it is no file")
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        return error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock `path`; other processes wait, inside `deadline.until` as long as it lets them.

    Raises:
        StorageError: The lock cannot be made.
        PausedError: Time was up while another process held it.
    """
    lock = FileLock(path)
    with _told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=left() if left() < inf else -1)
        except Timeout:
            raise PausedError(
                f"The time was up while another process held {path}, so that what it makes was not "
                "there yet. The same command goes on when it is."
            ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say in one sentence which file cannot be written, and why."""
    try:
        yield
    except PausedError:  # is an error of the system too, and no fault of the disk
        raise
    except OSError as error:
        told = StorageError(
            f"{path} cannot be written ({error.strerror or error}). What was there is as it was; "
            "make room, or the folder writable, and try again."
        )
        told.errno = error.errno
        raise told from error


def cached(
    identity: Mapping[str, Any],
    empty: Callable[[], nn.Module],
    make: Callable[[], Costed],
    device: torch.device,
) -> Costed:
    """Return the model that `identity` stands for and what it cost, from the disk if it is there.

    Of several processes that want one model, the first makes it and the others wait for it.

    Args:
        identity: Everything that decides the result, writable as JSON.
        empty: Makes a network to load the parameters into.
        make: Makes the model and tells its costs; called if the cache has none.
        device: Where the model shall be.

    Raises:
        PausedError: Time was up, see `deadline.until`, while another process was making it.
    """

    def read(path: Path) -> Costed:
        stored = torch.load(path, map_location=device, weights_only=True)
        model = empty().to(device).eval()
        model.load_state_dict(stored["state"])
        return model, stored["cost"]

    def write(made: Costed, path: Path) -> None:
        model, cost = made
        torch.save({"state": model.state_dict(), "cost": cost}, path)

    model, cost = kept("models", identity, read, make, write, _unwritten)
    return model.to(device), cost


_unwritten: dict[Path, Costed] = {}
"""The last models that could not be written, so that none is trained for every run anew."""
_warned: set[Path] = set()


def kept(
    folder: str,
    identity: Mapping[str, Any],
    read: Callable[[Path], T],
    make: Callable[[], T],
    write: Callable[[T, Path], None],
    unwritten: dict[Path, T] | None = None,
) -> T:
    """Return what `identity` stands for: read from `folder` of the cache, else made and written.

    One process makes it; the others wait for it. A cache that cannot be written to is read all the
    same; what it lacks is made, with a warning that it is not kept.

    Args:
        folder: Folder of the cache.
        identity: Everything that decides the result, writable as JSON.
        read: Reads what `write` has written; it must not mind the seal that follows.
        make: Makes what the cache does not have.
        write: Writes what was made to a file.
        unwritten: Holds the last eight that could not be written, for the next who asks.

    Raises:
        PausedError: Time was up, see `deadline.until`, while another process was making it.
    """
    path, line = place_of(folder, identity)
    name = path.stem
    held = {} if unwritten is None else unwritten
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(cache_folder() / "locks" / f"{name}.lock"))
        except StorageError:  # a cache that takes no lock may hold what is wanted
            pass
        except PausedError:  # who holds it may only be reading
            if fault_of(path, line):
                raise
        if os.path.lexists(path):
            fault = fault_of(path, line)
            if not fault:
                try:
                    return read(path)
                except Exception as error:  # whatever is wrong with it, it can be made again
                    fault = type(error).__name__
            warnings.warn(f"{path} cannot be used ({fault}); it is computed anew.", stacklevel=3)
        made = deepcopy(held[path]) if path in held else make()
        try:
            with atomic(path) as temporary:
                _write(made, temporary, write)
                seal(temporary, line)
            held.pop(path, None)
        except Exception as error:  # what was made is worth more than the file
            if unwritten is not None:
                held[path] = held.pop(path, None) or deepcopy(made)
                while len(held) > 8:
                    del held[next(iter(held))]
            if path not in _warned:
                _warned.add(path)
                told = isinstance(error, StorageError)
                cause = error if told else f"{path} cannot be written ({error})."
                warnings.warn(f"{cause} What was made is used, but not kept.", stacklevel=3)
    return made


def place_of(folder: str, identity: Mapping[str, Any]) -> tuple[Path, bytes]:
    """Return the file of `folder` of the cache that holds what `identity` stands for, and its line.

    The line is what the file is sealed with, see `seal`.
    """
    identity = {**identity, "format": FORMAT}
    line = f"\n{json.dumps(identity, sort_keys=True)}\n".encode()
    return cache_folder() / folder / f"{digest(identity)}.pt", line


def _write(made: T, path: Path, write: Callable[[T, Path], None]) -> None:
    """Write what was made to `path`, and tell the cause if the disk is full."""
    try:
        write(made, path)
    except RuntimeError:  # torch does not say what failed; the next megabyte does
        try:
            with path.open("ab") as file:
                file.write(bytes(2**20))
        finally:
            os.truncate(path, 0)  # torch has it open still, and its room is needed
        raise


def seal(path: Path, line: bytes) -> None:
    """Append `line`, and the SHA-256 of all before it and of it, to a file."""
    with path.open("rb+") as file:
        sha256 = hashlib.file_digest(file, "sha256")
        sha256.update(line)
        file.write(line + sha256.hexdigest().encode())


def fault_of(path: Path, line: bytes) -> str:
    """Return what is wrong with a file that should be sealed with `line`; nothing if it is sound.

    All but a regular file is left alone: whoever opens a pipe waits for a writer.
    """
    try:
        if not path.is_file():
            return "it is no file"
        left = path.stat().st_size - 64
        sha256 = hashlib.sha256()
        with path.open("rb") as file:
            while left > 0 and (part := file.read(min(left, 2**20))):
                sha256.update(part)
                left -= len(part)
            if file.read() != sha256.hexdigest().encode():
                return "it is damaged"
            file.seek(-64 - len(line), os.SEEK_END)
            return "" if file.read(len(line)) == line else "it holds something else"
    except OSError as error:
        return error.strerror or str(error)
