"""Data as tensors: with labels, and without. What they hold is checked when they are made."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int, Real, Shaped
from torch import Tensor

from ..checks.outputs import finite, first_not_finite
from ..errors import DataError, NonFiniteError
from ..losses import Labels

Device = torch.device | str

Examples = Real[Tensor, "n ..."]
"""Examples, one a row: floats; or tokens, integers."""

Index = Int[Tensor, " k"] | Bool[Tensor, " n"]
"""Which examples: their numbers, or a mask of all."""


def batch_count(n: int, size: int) -> int:
    """Return the number of batches of `n` examples, `size` at a time.

    What is left over is a batch of its own, unless it is a single example: that joins the batch
    before, since BatchNorm in train mode cannot go by one.

    >>> [batch_count(n, 4) for n in (1, 4, 5, 6, 9)]
    [1, 1, 1, 2, 2]
    """
    return -(-n // size) - (size < n and n % size == 1)


def batched(t: Shaped[Tensor, "n ..."], size: int) -> tuple[Shaped[Tensor, "_ ..."], ...]:
    """Return `t` in batches of `size`, as `batch_count` counts them.

    Raises:
        DataError: There is nothing in it.
    """
    if not len(t):
        raise DataError("There are no examples to go through. Hand over one at least.")
    whole = batch_count(len(t), size) - 1
    return tuple(t.split([size] * whole + [len(t) - size * whole]))


@dataclass(frozen=True)
class Inputs:
    """Examples without labels: a method that is handed these cannot read a label.

    Attributes:
        x: Examples, (n, ...): finite floats; or tokens, integers.
    """

    x: Examples

    def __post_init__(self) -> None:
        """Refuse what no model takes.

        Raises:
            DataError: It is no tensor of examples.
            NonFiniteError: A number is NaN or infinite.
        """
        _check_examples(self.x)

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.x)

    def __getitem__(self, index: Index) -> "Inputs":
        """Return a copy of the examples at `index`, an integer or boolean tensor.

        A slice would keep the whole parent alive and in reach, so only tensors index.
        """
        return Inputs(self.x[index])

    def to(self, device: Device) -> "Inputs":
        """Return the examples on `device`."""
        return Inputs(self.x.to(device))

    def batches(self, size: int) -> Iterator[Tensor]:
        """Yield the examples in their order, in batches of `size`, see `batch_count`."""
        yield from batched(self.x, size)


@dataclass(frozen=True)
class Labelled:
    """Examples with their labels.

    Attributes:
        x: Examples, (n, ...): finite floats; or tokens, integers.
        y: Labels, (n,), int64; or, where an example may have several of c, (n, c), 0.0 or 1.0.
    """

    x: Examples
    y: Labels

    def __post_init__(self) -> None:
        """Refuse what no model takes, and labels that do not pair with the examples.

        Raises:
            DataError: They are no tensors of examples and their labels.
            NonFiniteError: A number of the examples is NaN or infinite.
        """
        _check_examples(self.x)
        _check_labels(self.y)
        if len(self.x) != len(self.y):
            raise DataError(f"{len(self.x)} examples have {len(self.y)} labels; give one each.")
        if self.x.device != self.y.device:
            raise DataError(
                f"The examples are on {self.x.device}, their labels on {self.y.device}. Move both "
                "to one device."
            )

    @property
    def classes(self) -> Int[Tensor, " k"]:
        """The labels that occur, in order."""
        seen = self.y.any(0) if self.y.is_floating_point() else self.y.bincount()
        return seen.nonzero()[:, 0]

    @property
    def inputs(self) -> Inputs:
        """The same examples without their labels."""
        return Inputs(self.x)

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.x)

    def __getitem__(self, index: Index) -> "Labelled":
        """Return a copy of the examples at `index`, an integer or boolean tensor."""
        return Labelled(self.x[index], self.y[index])

    def to(self, device: Device) -> "Labelled":
        """Return the data on `device`."""
        return Labelled(self.x.to(device), self.y.to(device))

    def batches(
        self, size: int, generator: torch.Generator | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (x, y) in batches of `size`, see `batch_count`; a `generator` shuffles them."""
        if generator is None:
            yield from zip(batched(self.x, size), batched(self.y, size), strict=True)
            return
        order = torch.randperm(len(self), generator=generator, device=generator.device)
        for index in batched(order.to(self.x.device), size):
            yield self.x[index], self.y[index]

    def endless(self, size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (x, y) in batches of `size` without end, shuffled anew for each pass."""
        while True:
            yield from self.batches(size, generator)


def _check_examples(x: object) -> None:
    """Refuse what is no tensor of examples, or not finite."""
    if not isinstance(x, Tensor):
        raise DataError(
            f"Examples are a tensor, (n, ...), not a {type(x).__name__}. torch.stack makes one of "
            "a list of examples, torch.from_numpy of an array, and torch.cat([x for x, y in "
            "loader]) of a loader."
        )
    if not (x.is_floating_point() or x.dtype in (torch.int32, torch.int64)) or not x.dim():
        raise DataError(
            f"Examples of {x.dtype} in the shape {tuple(x.shape)} are no inputs, (n, ...). Images "
            "and features are floats, such as x.float() / 255; tokens are int64; a single example "
            "is x[None]."
        )
    if not x.is_meta and not finite(x.detach()):
        example, *place = first_not_finite(x.detach())
        raise NonFiniteError(
            f"Example {example} holds {x[example, *place].item()} at {tuple(place)}, and one such "
            "number makes all of a model NaN. Leave the example out, or mend it."
        )


def _check_labels(y: object) -> None:
    """Refuse what are neither single labels nor several."""
    if not isinstance(y, Tensor):
        raise DataError(
            f"Labels are a tensor, not a {type(y).__name__}. torch.tensor makes one of a list, "
            "torch.from_numpy of an array."
        )
    several = y.is_floating_point() and y.dim() == 2 and y.shape[1] > 1
    if not several and not (y.dtype == torch.int64 and y.dim() == 1):
        raise DataError(
            f"Labels of {y.dtype} in the shape {tuple(y.shape)} are not understood. One label an "
            "example is int64, (n,), which y.flatten().long() may make; several of two or more "
            "classes are floats, (n, classes), each 0.0 or 1.0."
        )
    if y.is_meta or not y.numel():
        return
    allowed = (y == 0) | (y == 1) if several else y >= 0
    if not allowed.all():
        example, *column = (~allowed).nonzero()[0].tolist()
        raise DataError(
            f"Example {example} has the label {y[example, *column].item()}. "
            + ("Several labels are 0.0 or 1.0 each." if several else "Classes count from 0.")
        )
