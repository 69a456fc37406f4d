"""What all that is kept with a model has in common, and what asks for it."""

from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch import nn

from ..data.tensors import Labelled
from .importance import Order


class Stored(Protocol):
    """What is kept with a trained model: an `Importance` or a `GradientSpace`."""

    @property
    def seconds(self) -> float:
        """What it cost."""

    @property
    def cpu_seconds(self) -> float | None:
        """The same in seconds of the processor; None on a GPU."""

    def check(self, model: nn.Module, wanted: Any, /) -> None:
        """Refuse to be used for another model, or as something else than `wanted`."""

    def save(self, path: Path) -> None:
        """Write it to a file."""


S = TypeVar("S", bound=Stored)
S_co = TypeVar("S_co", bound=Stored, covariant=True)


class Storable(Protocol[S_co]):
    """Which one of them, before it is made: a `Statistic` or `Moments`."""

    @property
    def order(self) -> Order:
        """The order of the examples, see `offers.ordered`."""

    @property
    def identity(self) -> dict[str, Any]:
        """What its file is known by, beside the model and the data."""

    def of(self, model: nn.Module, data: Labelled, /) -> S_co:
        """Make it."""

    def load(self, path: Path, device: torch.device | str, /) -> S_co:
        """Read it from a file."""
