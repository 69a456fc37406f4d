"""Labeled Faces in the Wild, the people with at least twenty photographs.

From the official folder `lfw-deepfunneled` (PERSON/PERSON_0001.jpg, 250 x 250 pixels), which its
home page serves as `lfw-deepfunneled.tgz`. The set has no split of its own into training and test
images; here every fifth photograph of a person is a test image. A photograph is cut to its middle,
the face, and scaled to 32 x 32.
"""

import hashlib
import io
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import DataError

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
FOLDER = "lfw-deepfunneled"
LEAST = 20
"""Photographs that a person must have."""
LARGEST = 1 << 18
"""Bytes of a photograph; of a larger file, no more is read."""
MIDDLE, SIDE = 150, 32
SHA1 = "672dd5e4e92f3418dd8a2440a73efa2a2783ecbe"


def read(root: Path) -> tuple[tuple[Images, Labels], tuple[Images, Labels], tuple[str, ...]]:
    """Return training and test examples, (n, 3, 32, 32) with labels, and the names.

    Args:
        root: The folder that holds `lfw-deepfunneled`.

    Raises:
        DataError: The folder is missing, or not what it should be.
    """
    photographs = {
        person.name: sorted(path for path in person.glob("*.jpg") if os.path.isfile(path))
        for person in sorted((root / FOLDER).glob("*"))
        if os.path.isdir(person)
    }
    photographs = {name: files for name, files in photographs.items() if len(files) >= LEAST}
    paths = [path for files in photographs.values() for path in files]
    try:
        contents = [_start(path) for path in paths]
    except OSError as error:
        raise DataError(
            f"{error.filename} cannot be read: {error.strerror}. Make it a file that you may read."
        ) from None
    if _digest(paths, contents) != SHA1:
        raise DataError(
            f"{root / FOLDER} should hold the people of LFW with at least {LEAST} photographs (62 "
            f"people, 3,023 files, as PERSON/PERSON_0001.jpg); found are {len(photographs)} and "
            f"{len(paths)}, or other contents. Unpack the official lfw-deepfunneled.tgz there."
        )
    labels = np.repeat(np.arange(len(photographs)), [len(v) for v in photographs.values()])
    held_out = np.concatenate([np.arange(len(v)) % 5 == 4 for v in photographs.values()])
    images = _decoded(contents)
    train, test = ((images[part], labels[part]) for part in (~held_out, held_out))
    return train, test, tuple(photographs)


def _start(path: Path) -> bytes:
    """Return the content of a photograph."""
    with path.open("rb") as file:
        return file.read(LARGEST)


def _digest(paths: list[Path], contents: list[bytes]) -> str:
    """Return a hash of names and contents, in order."""
    digest = hashlib.sha1(usedforsecurity=False)
    for path, content in zip(paths, contents, strict=True):
        digest.update(f"{path.parent.name}/{path.name}".encode())
        digest.update(hashlib.sha1(content, usedforsecurity=False).digest())
    return digest.hexdigest()


def _decoded(contents: list[bytes]) -> Images:
    """Return the middles of the photographs, scaled."""
    try:
        from PIL import Image
    except ImportError:
        raise DataError(
            "LFW is made of JPEG files, which need Pillow: pip install pillow."
        ) from None

    images = np.empty((len(contents), 3, SIDE, SIDE), np.uint8)
    for i, content in enumerate(contents):
        with Image.open(io.BytesIO(content)) as image:
            left, top = (image.width - MIDDLE) // 2, (image.height - MIDDLE) // 2
            middle = image.convert("RGB").crop((left, top, left + MIDDLE, top + MIDDLE))
            small = middle.resize((SIDE, SIDE), Image.Resampling.BOX)
            images[i] = np.asarray(small).transpose(2, 0, 1)
    return images
