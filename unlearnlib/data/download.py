"""What a home page serves: within bounds of time and size, and unpacked no further than needed."""

import sys
import tarfile
import time
import zlib
from collections.abc import Iterator, Mapping
from gzip import BadGzipFile
from http.client import HTTPException
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tqdm import tqdm

from ..errors import DataError, first_line

WAIT = 60.0
"""Seconds without a byte after which a server is given up."""
SLOWEST = 1000.0
"""Bytes a second, on the average, below which a server is given up."""
SLACK = 1 << 20
"""Bytes that an archive may have beyond the files of the set."""
CORRUPT = (EOFError, zlib.error, LZMAError, BadGzipFile, tarfile.TarError)
"""What a packed file that is truncated or corrupt raises."""


def download(url: str, file: Path, limit: int) -> None:
    """Write what `url` serves to `file`.

    Args:
        url: Address of a file.
        file: Where to write.
        limit: Bytes of what is wanted; much more is refused.

    Raises:
        DataError: The server is not there, refuses, stalls, or sends too much or too little.
        OSError: `file` cannot be written.
    """
    with file.open("wb") as written:
        for chunk in _served(url, limit + SLACK):
            written.write(chunk)


def _served(url: str, limit: int) -> Iterator[bytes]:
    """Yield what `url` serves; every failure of the network is one sentence."""
    start, done = time.monotonic(), 0
    shown = sys.stderr is not None and sys.stderr.isatty()
    try:
        request = Request(url, headers={"User-Agent": "unlearnlib"})
        with urlopen(request, timeout=WAIT) as response:
            told = response.headers.get("Content-Length")
            total = int(told) if told else None
            name = url.rpartition("/")[2]
            with tqdm(
                total=total, desc=name, unit="B", unit_scale=True, disable=not shown
            ) as progress:
                while chunk := response.read1(1 << 16):
                    yield chunk
                    done += len(chunk)
                    progress.update(len(chunk))
                    if done > limit:
                        raise OSError(f"it sends more than {limit:,} bytes, and the set has fewer")
                    if time.monotonic() - start > WAIT + done / SLOWEST:
                        raise OSError(f"it sends fewer than {SLOWEST:g} bytes a second")
        if total is not None and done < total:
            raise OSError(f"it ended after {done:,} of {total:,} bytes")
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(error, HTTPError):
            error.close()
        raise DataError(f"{url} cannot be downloaded: {_cause(error)}.") from None


def _cause(error: Exception) -> str:
    """Return what went wrong, without the numbers and names that are for programmers."""
    cause = error.reason if type(error) is URLError else error
    if isinstance(cause, TimeoutError):
        return f"nothing came for {WAIT:g} seconds"
    return getattr(cause, "strerror", None) or first_line(cause)


def unpack(archive: Path, folder: Path, sizes: Mapping[str, int]) -> None:
    """Write the files that are wanted from a tar archive to `folder`, and nothing else.

    No name, link or size in the archive decides where, or how much, is written.

    Args:
        archive: A tar file, compressed or not.
        folder: Where to write.
        sizes: Bytes of each file that is wanted, by its name; of a longer one, one byte more.

    Raises:
        DataError: The archive is truncated or corrupt.
        OSError: A file cannot be read or written.
    """
    try:
        with tarfile.open(archive) as packed:
            for member in packed:
                name = PurePosixPath(member.name).name
                content = packed.extractfile(member) if member.isreg() else None
                if content is not None and name in sizes:
                    (folder / name).write_bytes(content.read(sizes[name] + 1))
    except CORRUPT as error:
        raise DataError(f"{archive} is truncated or corrupt: {first_line(error)}.") from None
