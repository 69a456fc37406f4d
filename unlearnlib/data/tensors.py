"""Data as tensors: with labels, and without."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

Device = torch.device | str


@dataclass(frozen=True)
class Inputs:
    """Examples without labels: a method that is handed these cannot read a label.

    Attributes:
        x: Examples, (n, ...).
    """

    x: Tensor

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.x)

    def __getitem__(self, index: Tensor) -> "Inputs":
        """Return a copy of the examples at `index`, an integer or boolean tensor.

        A slice would keep the whole parent alive and in reach, so only tensors index.
        """
        return Inputs(self.x[index])

    def to(self, device: Device) -> "Inputs":
        """Return the examples on `device`."""
        return Inputs(self.x.to(device))

    def batches(self, size: int) -> Iterator[Tensor]:
        """Yield the examples in their order, `size` at a time; the last may be smaller."""
        yield from self.x.split(size)


@dataclass(frozen=True)
class Labelled:
    """Examples with their labels.

    Attributes:
        x: Examples, (n, ...).
        y: Labels, (n,), int64; or, where an example may have several of c, (n, c), 0.0 or 1.0.
    """

    x: Tensor
    y: Tensor

    def __post_init__(self) -> None:
        """Refuse labels that do not pair with the examples."""
        if len(self.x) != len(self.y):
            raise ValueError(f"{len(self.x)} examples have {len(self.y)} labels; give one each.")

    @property
    def inputs(self) -> Inputs:
        """The same examples without their labels."""
        return Inputs(self.x)

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.x)

    def __getitem__(self, index: Tensor) -> "Labelled":
        """Return a copy of the examples at `index`, an integer or boolean tensor."""
        return Labelled(self.x[index], self.y[index])

    def to(self, device: Device) -> "Labelled":
        """Return the data on `device`."""
        return Labelled(self.x.to(device), self.y.to(device))

    def batches(
        self, size: int, generator: torch.Generator | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (x, y) `size` at a time, shuffled if a `generator` is given."""
        if generator is None:
            yield from zip(self.x.split(size), self.y.split(size), strict=True)
            return
        order = torch.randperm(len(self), generator=generator, device=generator.device)
        for index in order.to(self.x.device).split(size):
            yield self.x[index], self.y[index]

    def endless(self, size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (x, y) `size` at a time without end, shuffled anew for each pass."""
        while True:
            yield from self.batches(size, generator)
