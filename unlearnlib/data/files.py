"""The files of a data set: found, or downloaded from their home page, and checked by digest."""

import gzip
import hashlib
import lzma
import os
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from torch.hub import download_url_to_file

from ..errors import DataError
from ..locations import cache_folder, data_folder

_DECOMPRESS: Mapping[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.decompress,
    ".xz": lzma.decompress,
}
_UNREADABLE = (OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, HTTPException)


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
        urls: What the home page serves: files, or archives that hold `folder`. Empty for a set
            that is part of this project.
    """

    folder: str
    parts: tuple[Part, ...]
    urls: tuple[str, ...] = ()


def root_of(source: Source) -> Path:
    """Return the folder to search: `data/embedded`, or `UNLEARNLIB_DATA`, or the cache."""
    if not source.urls:
        return data_folder() / "embedded"
    return download_root()


def download_root() -> Path:
    """Return the folder of the sets that do not come with this project."""
    return Path(os.environ.get("UNLEARNLIB_DATA") or cache_folder() / "data")


def read(source: Source) -> dict[str, bytes]:
    """Return the content of each part, after a download if no part is there.

    Raises:
        DataError: If a file is missing, truncated or corrupt, or cannot be downloaded.
    """
    root = root_of(source)
    if source.urls and not _locate(source, root):
        _download(source, root)
    folder = root / source.folder
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


def _locate(source: Source, root: Path) -> dict[str, Path]:
    """Return the parts that lie, compressed or not, directly in `root` or in the set's folder."""
    places = [
        (part.name, folder / f"{part.name}{suffix}")
        for folder in (root, root / source.folder)  # the later wins
        for part in source.parts
        for suffix in _DECOMPRESS
    ]
    return {name: path for name, path in places if path.is_file()}


def _contents(source: Source, root: Path, remedy: str) -> dict[str, bytes]:
    """Return the content of each part under `root`; an error ends with the `remedy`."""
    found = _locate(source, root)
    missing = [part.name for part in source.parts if part.name not in found]
    if missing:
        raise DataError(
            f"{root / source.folder} should hold {len(source.parts)} files, but "
            f"{', '.join(missing)} cannot be found. {remedy}"
        )
    return {part.name: _content(found[part.name], part, remedy) for part in source.parts}


def _content(path: Path, part: Part, remedy: str) -> bytes:
    """Return what `path` holds if it is what `part` says; an error ends with the `remedy`."""
    try:
        data = _DECOMPRESS.get(path.suffix, bytes)(path.read_bytes())
    except _UNREADABLE as error:
        raise DataError(f"{path} is truncated or corrupt: {error} {remedy}") from error
    kind = "MD5" if len(part.digest) == 32 else "SHA-1"
    found = hashlib.new(kind.replace("-", ""), data, usedforsecurity=False).hexdigest()
    if (len(data), found) != (part.size, part.digest):
        raise DataError(
            f"{path} is truncated or corrupt: expected {part.size:,} bytes with {kind} "
            f"{part.digest}, found {len(data):,} bytes with {kind} {found}. {remedy}"
        )
    return data


def _download(source: Source, root: Path) -> None:
    """Download, unpack and check the set beside its folder, then move it there in one step."""
    root.mkdir(parents=True, exist_ok=True)
    remedy = f"Try again, or put the official files into {root / source.folder}."
    with tempfile.TemporaryDirectory(prefix=f".{source.folder}-", dir=root) as workshop:
        fresh = Path(workshop) / source.folder
        fresh.mkdir()
        for url in source.urls:
            file = fresh / url.rpartition("/")[2]
            try:
                download_url_to_file(url, str(file))
                if ".tar" in file.suffixes:
                    with tarfile.open(file) as archive:
                        archive.extractall(workshop, filter="data")
                    file.unlink()
            except _UNREADABLE as error:
                raise DataError(f"{url} cannot be downloaded: {error} {remedy}") from error
        _contents(source, Path(workshop), remedy)
        if not (root / source.folder).exists():  # another process may have been faster
            os.replace(fresh, root / source.folder)
