"""The files of a data set: found, or downloaded from their home page, and checked by digest."""

import gzip
import hashlib
import lzma
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from filelock import FileLock

from ..errors import DataError, first_line
from ..locations import data_folder, download_folder
from .download import CORRUPT, download, unpack

_OPEN: Mapping[str, Callable[..., Any]] = {"": open, ".gz": gzip.open, ".xz": lzma.open}


@dataclass(frozen=True)
class Part:
    """One file of a data set, described by its content after decompression.

    Attributes:
        name: File name without a compression suffix.
        size: Length in bytes.
        digest: SHA-1 of the content in hexadecimal; MD5 if that is all that is published.
            Compressed files are checked by what they hold, because the same official file is also
            distributed recompressed.
    """

    name: str
    size: int
    digest: str


@dataclass(frozen=True)
class Source:
    """Where the files of a data set come from.

    Attributes:
        folder: Name of the folder that holds the files.
        parts: The files.
        urls: What the home page serves: files, or archives that hold them. Empty for a set that is
            part of this project.
        others: Names of other forms of the set, which are not read.
    """

    folder: str
    parts: tuple[Part, ...]
    urls: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


def root_of(source: Source) -> Path:
    """Return the folder to search: `data/embedded`, or that of downloads."""
    return download_folder() if source.urls else data_folder() / "embedded"


def read(source: Source) -> dict[str, bytes]:
    """Return the content of each part, after a download if no part is there.

    Raises:
        DataError: If a file is missing, truncated or corrupt, or cannot be downloaded.
    """
    root = root_of(source)
    folder = root / source.folder
    if source.urls and not _locate(source, root):
        _install(source, root)
    remedy = (
        f"Delete the set's files there to download them again, or put those of {source.urls[0]} "
        f"into {folder}."
        if source.urls
        else f"Restore {folder} from the project's repository, or install the package again."
    )
    return _contents(source, root, remedy)


def at_hand(source: Source) -> bool:
    """Tell whether any file of `source` is there."""
    return bool(_locate(source, root_of(source)))


def _places(source: Source, folder: Path) -> list[tuple[str, Path]]:
    """Return where a part may lie in `folder`, compressed or not."""
    return [(part.name, folder / f"{part.name}{s}") for part in source.parts for s in _OPEN]


def _locate(source: Source, root: Path) -> dict[str, Path]:
    """Return the parts that lie, compressed or not, directly in `root` or in the set's folder."""
    places = _places(source, root) + _places(source, root / source.folder)  # the later wins
    return {name: path for name, path in places if os.path.isfile(path)}


def _contents(source: Source, root: Path, remedy: str) -> dict[str, bytes]:
    """Return the content of each part under `root`; an error ends with the `remedy`."""
    places = _locate(source, root)
    missing = [part.name for part in source.parts if part.name not in places]
    if missing:
        raise DataError(
            f"{root / source.folder} should hold {len(source.parts)} files, but "
            f"{', '.join(missing)} cannot be found. {remedy}"
        )
    return {part.name: _content(places[part.name], part, remedy) for part in source.parts}


def _content(path: Path, part: Part, remedy: str) -> bytes:
    """Return what `path` holds if it is what `part` says; an error ends with the `remedy`.

    Of a file that holds more, no more is read than it takes to see that.
    """
    try:
        with _OPEN.get(path.suffix, open)(path, "rb") as file:
            data: bytes = file.read(part.size + 1)
    except CORRUPT as error:
        raise DataError(f"{path} is truncated or corrupt: {first_line(error)}. {remedy}") from None
    except OSError as error:
        why = error.strerror or error
        raise DataError(
            f"{path} cannot be read: {why}. Make it a file that you may read."
        ) from None
    kind = "MD5" if len(part.digest) == 32 else "SHA-1"
    digest = hashlib.new(kind.replace("-", ""), data, usedforsecurity=False).hexdigest()
    if (len(data), digest) != (part.size, part.digest):
        got = f"{len(data):,} bytes with {kind} {digest}" if len(data) <= part.size else "more"
        raise DataError(
            f"{path} is truncated or corrupt: expected {part.size:,} bytes with {kind} "
            f"{part.digest}, found {got}. {remedy}"
        )
    return data


def _install(source: Source, root: Path) -> None:
    """Put the official files into the set's folder: one process does, the others wait for it.

    Raises:
        DataError: They cannot be had, or cannot be put there.
    """
    folder = root / source.folder
    _check_way(source, folder)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _alone(root / f".{source.folder}.lock"):
            for left in root.glob(f".{source.folder}-{8 * '?'}"):  # by a process that was killed
                shutil.rmtree(left, ignore_errors=True)
            if not _locate(source, root):  # another process may have been faster
                _fetch(source, root)
    except OSError as error:
        raise DataError(
            f"{error.filename or folder} cannot be read or written: {error.strerror or error}. Let "
            "UNLEARNLIB_DATA name a folder that you may write to, with room for the files."
        ) from None


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process in at a time; `path` is there as long as one is."""
    with FileLock(path):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)  # who waits for it finds it gone, and makes another


def _check_way(source: Source, folder: Path) -> None:
    """Refuse what lies where the files of a set should be, and is neither folder nor file."""
    if not os.path.lexists(folder):
        return
    if not (os.path.isdir(folder) and os.access(folder, os.R_OK | os.W_OK | os.X_OK)):
        raise DataError(
            f"{folder} should be a folder that you may read and write, with the files of the set. "
            "Make it one, or let UNLEARNLIB_DATA name another place."
        )
    for _, path in _places(source, folder):
        if os.path.lexists(path):
            raise DataError(f"{path} is no regular file, so it is not read. Remove it.")


def _fetch(source: Source, root: Path) -> None:
    """Download, unpack and check the set beside its folder, then move it there in one step.

    An archive of the home page's name that lies there already is taken in place of a download.
    """
    folder = root / source.folder
    names = [url.rpartition("/")[2] for url in source.urls]
    given = {n: place / n for n in names for place in (root, folder) if os.path.isfile(place / n)}
    again = f"Delete {', '.join(map(str, given.values()))} and try again" if given else "Try again"
    remedy = f"{again}, or put the official files into {folder}."
    for other in source.others:
        if (root / other).exists():
            remedy += (
                f" {root / other} is there, but that form of the set is not read (pickles are "
                f"never opened); the one to get is {source.urls[0]}."
            )
    with TemporaryDirectory(prefix=f".{source.folder}-", dir=root) as workshop:
        fresh = Path(workshop) / source.folder
        fresh.mkdir()
        try:
            for url, name in zip(source.urls, names, strict=True):
                file = given.get(name, fresh / name)
                if name not in given:
                    download(url, file, sum(part.size for part in source.parts))
                if ".tar" in file.suffixes:
                    unpack(file, fresh, {part.name: part.size for part in source.parts})
                    (fresh / name).unlink(missing_ok=True)
        except DataError as error:
            raise DataError(f"{error} {remedy}") from None
        _contents(source, Path(workshop), remedy)
        if not folder.exists():
            os.replace(fresh, folder)
            return
        for path in _locate(source, Path(workshop)).values():
            shutil.move(path, folder / path.name)  # which may be a link to another disk
