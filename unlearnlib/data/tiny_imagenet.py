"""Tiny-ImageNet-200 from its official archive, or the first classes of it.

Classes are those of `wnids.txt`, in its order, which have training images; their names come from
`words.txt`. The official validation set is the test set here, since the labels of the official test
set were never published.
"""

import io
import zipfile
import zlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ..errors import DataError, first_line

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
ROOT = "tiny-imagenet-200"
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    ValueError,
    OSError,
    RuntimeError,
)


def read(
    archive: bytes, classes: int
) -> tuple[tuple[Images, Labels], tuple[Images, Labels], tuple[str, ...]]:
    """Return training and test examples, (n, 3, 64, 64) with labels, and the class names.

    Args:
        archive: Content of `tiny-imagenet-200.zip`, or of one with fewer classes.
        classes: How many classes to read, the first in the order of `wnids.txt`.

    Raises:
        DataError: The archive is not laid out like the official one.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            wnids = files.read(f"{ROOT}/wnids.txt").decode().split()[:classes]
            words = dict(_table(files, "words.txt"))
            held = dict(_table(files, "val/val_annotations.txt"))
            train = [
                (path, wnids.index(wnid))
                for path in sorted(files.namelist(), key=_place)
                for wnid in [path.removeprefix(f"{ROOT}/train/").partition("/")[0]]
                if path.endswith(".JPEG") and path.startswith(f"{ROOT}/train/") and wnid in wnids
            ]
            test = [
                (f"{ROOT}/val/images/{name}", wnids.index(wnid))
                for name, wnid in held.items()
                if wnid in wnids
            ]
            names = tuple(words.get(wnid, wnid).partition(",")[0] for wnid in wnids)
            return _decoded(files, train), _decoded(files, test), names
    except DataError:  # of Pillow
        raise
    except _UNREADABLE as error:
        raise DataError(
            f"The archive of Tiny-ImageNet cannot be read: {first_line(error)}. It should hold "
            f"{ROOT}/wnids.txt, words.txt, train/WNID/images/ and val/ with val_annotations.txt, "
            "as the official tiny-imagenet-200.zip does. Download that again."
        ) from None


def _place(path: str) -> tuple[str, int]:
    """Return what puts the images of a class in the order of their numbers."""
    stem, _, number = path.removesuffix(".JPEG").rpartition("_")
    return stem, int(number) if number.isdecimal() else 0


def _table(files: zipfile.ZipFile, name: str) -> list[tuple[str, str]]:
    """Return the first two columns of a file of tab-separated values."""
    lines = files.read(f"{ROOT}/{name}").decode().splitlines()
    return [(row[0], row[1]) for row in (line.split("\t") for line in lines) if len(row) > 1]


def _decoded(files: zipfile.ZipFile, examples: list[tuple[str, int]]) -> tuple[Images, Labels]:
    """Return the images, grey ones as three equal channels, and their labels."""
    try:
        from PIL import Image
    except ImportError:
        raise DataError(
            "Tiny-ImageNet is made of JPEG files, which need Pillow: pip install pillow."
        ) from None
    images = np.empty((len(examples), 3, 64, 64), np.uint8)
    for i, (path, _) in enumerate(examples):
        with Image.open(io.BytesIO(files.read(path))) as image:
            images[i] = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    return images, np.array([label for _, label in examples], np.int64)


def contents(data: Mapping[str, bytes]) -> bytes:
    """Return the archive among the contents of a source's one file."""
    (archive,) = data.values()
    return archive
