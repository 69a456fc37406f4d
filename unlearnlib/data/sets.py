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
Contents = Mapping[str, bytes]
Examples = tuple[Array, Array]
"""Images, (n, channels, height, width), and labels, (n,), as integers."""
Scale = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation of each channel, where 255 is 1."""


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


def _read_fashion(data: Contents) -> tuple[Split, Split]:
    """Return the training and test examples of the four idx files."""
    group_of = {fine: i for i, group in enumerate(names.FASHION_SUPER.values()) for fine in group}
    super_of = np.array([group_of[fine] for fine in names.FASHION])

    def split(prefix: str) -> Split:
        images = idx_array(data[f"{prefix}-images-idx3-ubyte"])
        fine = idx_array(data[f"{prefix}-labels-idx1-ubyte"])
        return Split(images[:, None], fine, super_of[fine])

    return split("train"), split("t10k")


def _read_cifar10(data: Contents) -> tuple[Split, Split]:
    """Return the examples of five training batches and the test batch."""
    *batches, test = (data[part.name] for part in CIFAR10.parts)
    return cifar_split(batches, 1), cifar_split([test], 1)


def _read_cifar100(data: Contents) -> tuple[Split, Split]:
    """Return the training and test examples of CIFAR-100."""
    return cifar_split([data["train.bin"]], 2), cifar_split([data["test.bin"]], 2)


def _normalised(examples: Examples, scale: Scale) -> Labelled:
    """Return examples as tensors, each channel less its mean and divided by its deviation."""
    images, labels = examples
    mean, std = (torch.tensor(of_channel).view(-1, 1, 1) for of_channel in scale)
    x = torch.from_numpy(images.astype(np.float32))
    return Labelled(x.div_(255).sub_(mean).div_(std), _int64(labels))


def _int64(labels: Array) -> Tensor:
    """Return labels as the tensor that losses take."""
    return torch.from_numpy(labels.astype(np.int64))


@dataclass(frozen=True)
class Loader:
    """What it takes to load the data set of a name.

    Attributes:
        read: Reads the official files, downloaded first if they have to be.
        made: Makes the data set of a name from what was read.
    """

    read: Callable[[], Any]
    made: Callable[[str, Any], Dataset]


def images_of(
    source: Source,
    splits: Callable[[Contents], tuple[Split, Split]],
    scale: Scale,
    classes: tuple[str, ...],
    superclasses: tuple[str, ...] = (),
) -> Loader:
    """Return the loader of images; labelled by their super-classes, if names of these are given.

    Args:
        source: The files.
        splits: Turns the files' contents into training and test examples.
        scale: Mean and deviation of each channel.
        classes: Class names.
        superclasses: Super-class names; the classes are then the sub-classes of the data set.
    """

    def made(name: str, contents: Contents) -> Dataset:
        train, test = splits(contents)
        if not superclasses:
            learned, held = (_normalised((part.images, part.fine), scale) for part in (train, test))
            return Dataset(name, learned, held, classes)
        return Dataset(
            name=name,
            train=_normalised((train.images, train.coarse), scale),
            test=_normalised((test.images, test.coarse), scale),
            classes=superclasses,
            subclasses=classes,
            train_subclass=_int64(train.fine),
            test_subclass=_int64(test.fine),
        )

    return Loader(lambda: files.read(source), made)


def _colour(name: str, contents: tuple[Examples, Examples, tuple[str, ...]]) -> Dataset:
    """Return a set of colour images on the scale of CIFAR."""
    train, test, classes = contents
    return Dataset(name, _normalised(train, _CIFAR), _normalised(test, _CIFAR), classes)


def _tiny(classes: int) -> Loader:
    """Return the loader of the first classes of Tiny-ImageNet."""

    def read() -> tuple[Examples, Examples, tuple[str, ...]]:
        small = classes == 20 and files.at_hand(TINY_IMAGENET_20)  # that archive is enough
        contents = files.read(TINY_IMAGENET_20 if small else TINY_IMAGENET)
        return tiny_imagenet.read(tiny_imagenet.contents(contents), classes)

    return Loader(read, _colour)


def _text(name: str, contents: Contents) -> Dataset:
    """Return GoEmotions in the form that is named."""
    return Dataset(
        name, *load_text(name, contents["train.tsv"], contents["test.tsv"]), names.EMOTIONS
    )


_FASHION: Scale = ((0.2860,), (0.3530,))  # of all 60,000 training images
# Of CIFAR-100's training images; JiT's release has them for CIFAR-10 too.
_CIFAR: Scale = ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762))
_FASHION_SUPER = tuple(names.FASHION_SUPER)
_LOADERS: Mapping[str, Loader] = {
    "fashion_small": images_of(FASHION_SMALL, _read_fashion, _FASHION, names.FASHION),
    "fashion_small_super": images_of(
        FASHION_SMALL, _read_fashion, _FASHION, names.FASHION, _FASHION_SUPER
    ),
    "fashion_mnist": images_of(FASHION, _read_fashion, _FASHION, names.FASHION),
    "cifar10": images_of(CIFAR10, _read_cifar10, _CIFAR, names.CIFAR10),
    "cifar100": images_of(CIFAR100, _read_cifar100, _CIFAR, names.CIFAR100),
    "cifar20": images_of(CIFAR100, _read_cifar100, _CIFAR, names.CIFAR100, names.CIFAR20),
    "lfw_people": Loader(lambda: lfw.read(download_folder()), _colour),
    "tiny_imagenet": _tiny(200),
    "tiny_imagenet_20": _tiny(20),
    **dict.fromkeys(FORMS, Loader(lambda: files.read(GOEMOTIONS), _text)),
}
NAMES = tuple(_LOADERS)


def _loader(name: str) -> Loader:
    """Return the loader of the set `name`, or say that there is none."""
    if name not in _LOADERS:
        raise DataError(f"There is no data set {name!r}. {nearest(str(name).lower(), NAMES)}")
    return _LOADERS[name]


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
    loader = _loader(name)
    return loader.made(name, loader.read())


def fetch(name: str) -> None:
    """Make sure that the official files of the data set `name` are there; download if not.

    Raises:
        DataError: As `load`.
    """
    _loader(name).read()
