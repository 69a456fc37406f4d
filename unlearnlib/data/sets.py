"""The data sets by name, whole in memory as tensors; images are normalised."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..errors import DataError
from ..fields import nearest
from ..locations import download_folder
from . import files, lfw, names, tiny_imagenet
from .dataset import Dataset as Dataset
from .files import Source
from .poison import parsed_name, poisoned
from .sources import (
    CIFAR10,
    CIFAR100,
    FASHION,
    FASHION_SMALL,
    GOEMOTIONS,
    TINY_IMAGENET,
    TINY_IMAGENET_20,
)
from .tensors import Labelled
from .text import FORMS, load_text

Array = npt.NDArray[np.integer[Any]]
Examples = tuple[Array, Array]


@dataclass(frozen=True)
class Split:
    """Examples as their files hold them.

    Attributes:
        images: (n, channels, height, width) uint8.
        fine: Class, (n,).
        coarse: Super-class, (n,); the class where there is none.
    """

    images: Array
    fine: Array
    coarse: Array


def idx_array(data: bytes) -> Array:
    """Return the array of unsigned bytes in an idx file, the format of MNIST and its kin.

    Two zero bytes, the type (8: unsigned byte), the number d of dimensions, d big-endian 32-bit
    sizes, then the values in C order.
    """
    shape = np.frombuffer(data, ">u4", count=data[3], offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)


def cifar_split(batches: Iterable[bytes], label_bytes: int) -> Split:
    """Return the examples of CIFAR's binary files.

    One row of bytes an example: the class (CIFAR-10), or super-class and class (CIFAR-100), then
    3 x 32 x 32 values.

    Args:
        batches: Contents of the files, to be read one after the other.
        label_bytes: 1 for CIFAR-10, 2 for CIFAR-100.
    """
    rows = np.frombuffer(b"".join(batches), np.uint8).reshape(-1, label_bytes + 3072)
    images = rows[:, label_bytes:].reshape(-1, 3, 32, 32)
    return Split(images, fine=rows[:, label_bytes - 1], coarse=rows[:, 0])


def _read_fashion(data: Mapping[str, bytes]) -> tuple[Split, Split]:
    """Return the training and test examples of the four idx files."""
    super_of = np.array(
        [[fine in group for group in names.FASHION_SUPER.values()] for fine in names.FASHION]
    ).argmax(1)

    def split(prefix: str) -> Split:
        images = idx_array(data[f"{prefix}-images-idx3-ubyte"])
        fine = idx_array(data[f"{prefix}-labels-idx1-ubyte"])
        return Split(images[:, None], fine, super_of[fine])

    return split("train"), split("t10k")


def _read_cifar10(data: Mapping[str, bytes]) -> tuple[Split, Split]:
    """Return the examples of five training batches and the test batch."""
    *batches, test = (data[part.name] for part in CIFAR10.parts)
    return cifar_split(batches, 1), cifar_split([test], 1)


def _read_cifar100(data: Mapping[str, bytes]) -> tuple[Split, Split]:
    """Return the training and test examples of CIFAR-100."""
    return cifar_split([data["train.bin"]], 2), cifar_split([data["test.bin"]], 2)


@dataclass(frozen=True)
class Family:
    """Images that several data sets share, with what it takes to load them.

    Attributes:
        source: The files.
        splits: Turns the files' contents into training and test examples.
        mean: Mean of each channel, on the scale where 255 is 1.
        std: Standard deviation of each channel, on the same scale.
        classes: Class names.
        superclasses: Super-class names, or empty.
    """

    source: Source
    splits: Callable[[Mapping[str, bytes]], tuple[Split, Split]]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    classes: tuple[str, ...]
    superclasses: tuple[str, ...] = ()


def _fashion(source: Source) -> Family:
    """Return Fashion-MNIST or its subset, scaled by the mean of all 60,000 training images."""
    return Family(
        source, _read_fashion, (0.2860,), (0.3530,), names.FASHION, tuple(names.FASHION_SUPER)
    )


# Mean and standard deviation of CIFAR-100's training images; JiT's release has them for CIFAR-10
# too.
_SCALE = ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762))
_CIFAR10 = Family(CIFAR10, _read_cifar10, *_SCALE, names.CIFAR10)
_CIFAR100 = Family(CIFAR100, _read_cifar100, *_SCALE, names.CIFAR100, names.CIFAR20)

# name -> the images, and whether the labels are the super-classes
_SETS: Mapping[str, tuple[Family, bool]] = {
    "fashion_small": (_fashion(FASHION_SMALL), False),
    "fashion_small_super": (_fashion(FASHION_SMALL), True),
    "fashion_mnist": (_fashion(FASHION), False),
    "cifar10": (_CIFAR10, False),
    "cifar100": (_CIFAR100, False),
    "cifar20": (_CIFAR100, True),
}
_LFW = "lfw_people"
_TINY = {"tiny_imagenet": 200, "tiny_imagenet_20": 20}  # name -> the number of classes
NAMES = (*_SETS, _LFW, *_TINY, *FORMS)


def load(name: str) -> Dataset:
    """Return the data set `name`, downloaded first if it has to be.

    The files of `fashion_small` come with this project. The others are searched in the folder that
    the environment variable `UNLEARNLIB_DATA` names (default `data` in the cache folder), directly
    or in the set's own sub-folder. `NAME+poison500` is the set `NAME` with a wrong label on 500
    training examples of each class, see `poisoned`.

    Raises:
        DataError: If there is no such set, or a file is missing, truncated or corrupt.
    """
    clean, wrong_labels = parsed_name(name)
    if wrong_labels:
        return poisoned(load(clean), wrong_labels)
    if name == _LFW:
        return _colour(name, *lfw.read(download_folder()))
    if name in _TINY:
        archive = tiny_imagenet.contents(files.read(_source(name)))
        return _colour(name, *tiny_imagenet.read(archive, _TINY[name]))
    if name in FORMS:
        parts = files.read(GOEMOTIONS)
        texts = load_text(name, parts["train.tsv"], parts["test.tsv"])
        return Dataset(name, *texts, names.EMOTIONS)
    family, by_superclass = _lookup(name)
    mean, std = (torch.tensor(v).view(-1, 1, 1) for v in (family.mean, family.std))

    def labelled(split: Split) -> Labelled:
        x = torch.from_numpy(split.images.astype(np.float32))
        y = split.coarse if by_superclass else split.fine
        return Labelled(x.div_(255).sub_(mean).div_(std), _int64(y))

    train, test = family.splits(files.read(family.source))
    if not by_superclass:
        return Dataset(name, labelled(train), labelled(test), family.classes)
    return Dataset(
        name=name,
        train=labelled(train),
        test=labelled(test),
        classes=family.superclasses,
        subclasses=family.classes,
        train_subclass=_int64(train.fine),
        test_subclass=_int64(test.fine),
    )


def fetch(name: str) -> None:
    """Make sure that the official files of the data set `name` are there; download if not.

    Raises:
        DataError: As `load`.
    """
    if name == _LFW:
        lfw.read(download_folder())
    else:
        files.read(_source(name))


def _source(name: str) -> Source:
    """Return where the files of a set come from."""
    if name in FORMS:
        return GOEMOTIONS
    if name in _TINY:  # the small archive if it is there and does
        small = _TINY[name] == 20 and files.at_hand(TINY_IMAGENET_20)
        return TINY_IMAGENET_20 if small else TINY_IMAGENET
    return _lookup(name)[0].source


def _colour(name: str, train: Examples, test: Examples, classes: tuple[str, ...]) -> Dataset:
    """Return a set of colour images on the scale of CIFAR."""
    mean, std = (torch.tensor(v).view(-1, 1, 1) for v in _SCALE)

    def labelled(images: Array, labels: Array) -> Labelled:
        x = torch.from_numpy(images.astype(np.float32))
        return Labelled(x.div_(255).sub_(mean).div_(std), _int64(labels))

    return Dataset(name, labelled(*train), labelled(*test), classes)


def _lookup(name: str) -> tuple[Family, bool]:
    """Return the images of the set `name` and whether its labels are super-classes."""
    if name not in _SETS:
        raise DataError(f"There is no data set {name!r}. {nearest(str(name).lower(), NAMES)}")
    return _SETS[name]


def _int64(labels: Array) -> Tensor:
    """Return labels as the tensor that losses take."""
    return torch.from_numpy(labels.astype(np.int64))
