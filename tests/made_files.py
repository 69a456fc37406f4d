"""A data set of two small files."""

import hashlib
from pathlib import Path

from unlearnlib.data.files import Part, Source

PARTS = {"train.bin": b"train" * 40, "test.bin": b"test" * 30}


def part(name: str, content: bytes) -> Part:
    return Part(name, len(content), hashlib.sha1(content).hexdigest())


def tiny(*urls: str, others: tuple[str, ...] = ()) -> Source:
    """A set of two files in the folder `tiny`."""
    parts = tuple(part(*item) for item in PARTS.items())
    return Source("tiny", parts, urls or ("http://127.0.0.1:9/tiny.tar.gz",), others)


def write(folder: Path, contents: dict[str, bytes] = PARTS) -> None:
    folder.mkdir(exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
