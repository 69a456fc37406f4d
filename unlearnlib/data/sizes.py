"""How large each data set is, known without its files: what the plan of runs counts with."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from .poison import parsed_name
from .tensors import Labelled


@dataclass(frozen=True)
class Size:
    """How large a data set is.

    Attributes:
        train: Training examples.
        shape: Of one example.
        classes: Classes, or labels of which an example may have several.
        tokens: Whether an example is a row of tokens, integers.
        several: Whether it may have several labels.
    """

    train: int
    shape: tuple[int, ...]
    classes: int
    tokens: bool = False
    several: bool = False

    def drawn(self, n: int) -> Labelled:
        """Return `n` random examples of this form."""
        x = torch.randint(2, 1000, (n, *self.shape)) if self.tokens else torch.randn(n, *self.shape)
        y = torch.randint(self.classes, (n,))
        return Labelled(x, torch.eye(self.classes)[y] if self.several else y)


_WORDS = Size(43_410, (40,), 28, tokens=True, several=True)
SIZES: Mapping[str, Size] = {
    "fashion_small": Size(12_000, (1, 28, 28), 10),
    "fashion_small_super": Size(12_000, (1, 28, 28), 5),
    "fashion_mnist": Size(60_000, (1, 28, 28), 10),
    "cifar10": Size(50_000, (3, 32, 32), 10),
    "cifar100": Size(50_000, (3, 32, 32), 100),
    "cifar20": Size(50_000, (3, 32, 32), 20),
    "lfw_people": Size(2_442, (3, 32, 32), 62),
    "tiny_imagenet": Size(100_000, (3, 64, 64), 200),
    "tiny_imagenet_20": Size(10_000, (3, 64, 64), 20),
    "goemotions": _WORDS,
    "goemotions_minilm": _WORDS,
    "goemotions_minilm_features": Size(43_410, (384,), 28, several=True),
    "goemotions_roberta": _WORDS,
}
"""Every data set by its name."""


def size_of(name: str) -> Size:
    """Return how large a data set is; wrong labels change nothing.

    >>> size_of("cifar10+poison500").train
    50000
    """
    return SIZES[parsed_name(name)[0]]
