"""A data set: training and test examples, the names of their classes, and finer classes."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import DataError
from .tensors import Device, Labelled


@dataclass(frozen=True)
class Dataset:
    """A data set with its official split into training and test examples.

    Attributes:
        name: One of `NAMES`.
        train: Training examples: x (n, channels, height, width) float32, normalised; y (n,) int64.
            Of texts: x (n, 40) int64, tokens, or features; y (n, classes) float32, 0 or 1.
        test: Test examples, in the same form.
        classes: Class names; y indexes them.
        subclasses: Names of the finer classes if `classes` are super-classes, else empty.
        train_subclass: Finer class of each training example, (n,) int64, indexes `subclasses`.
        test_subclass: The same for the test examples.
    """

    name: str
    train: Labelled
    test: Labelled
    classes: tuple[str, ...]
    subclasses: tuple[str, ...] = ()
    train_subclass: Tensor | None = None
    test_subclass: Tensor | None = None

    def __post_init__(self) -> None:
        """Refuse parts that do not fit together.

        Raises:
            DataError: Two classes have one name, a label or a finer class is not among the names,
                or training and test examples are not of one form.
        """
        for what, known in (("classes", self.classes), ("subclasses", self.subclasses)):
            if len(set(known)) < len(known):
                twice = next(name for name in known if known.count(name) > 1)
                self._refuse(f"two of its {what} are '{twice}'; give each a name of its own")
        forms = [(p.x.shape[1:], p.x.dtype, p.y.dim()) for p in (self.train, self.test)]
        if forms[0] != forms[1]:
            self._refuse(
                f"training examples are {_form(self.train)}, test examples {_form(self.test)}; "
                "make them alike"
            )
        given = {fine is not None for fine in (self.train_subclass, self.test_subclass)}
        if given != {bool(self.subclasses)}:
            self._refuse(
                "give subclasses, train_subclass and test_subclass all three, or none of them"
            )
        for part, labelled, fine in (
            ("train", self.train, self.train_subclass),
            ("test", self.test, self.test_subclass),
        ):
            self._check_labels(f"{part}.y", labelled.y, self.classes)
            if fine is not None:
                if fine.shape != (len(labelled),) or fine.dtype != torch.int64:
                    self._refuse(
                        f"{part}_subclass is {fine.dtype} {tuple(fine.shape)} for {len(labelled)} "
                        "examples; give each one finer class, int64"
                    )
                self._check_labels(f"{part}_subclass", fine, self.subclasses)

    def _check_labels(self, place: str, y: Tensor, names: tuple[str, ...]) -> None:
        """Refuse labels that are not the numbers of `names`, or not a yes or no for each."""
        if y.dim() == 2 and y.shape[1] != len(names):
            self._refuse(f"{place} has {y.shape[1]} columns for {len(names)} classes")
        if y.dim() == 1 and not y.is_meta and bool((wrong := (y < 0) | (y >= len(names))).any()):
            i = int(wrong.nonzero()[0])
            self._refuse(
                f"{place}[{i}] is {int(y[i])}, but there are {len(names)} names, from 0 to "
                f"{len(names) - 1}"
            )

    def _refuse(self, why: str) -> None:
        """Raise the error of this data set."""
        raise DataError(f"The data set '{self.name}' is inconsistent: {why}.")

    def to(self, device: Device) -> "Dataset":
        """Return the data set with its tensors on `device`; itself if they are there."""
        if self.train.x.device == torch.device(device):
            return self
        return replace(
            self,
            train=self.train.to(device),
            test=self.test.to(device),
            train_subclass=None if self.train_subclass is None else self.train_subclass.to(device),
            test_subclass=None if self.test_subclass is None else self.test_subclass.to(device),
        )


def _form(part: Labelled) -> str:
    """Return the words for what one example is."""
    several = "labels, several each" if part.y.dim() == 2 else "labels"
    return f"{part.x.dtype} {tuple(part.x.shape[1:])} with {several}"


def classes_of(y: Tensor) -> set[int]:
    """Return the classes of which there are examples."""
    return set((y.any(0).nonzero()[:, 0] if y.is_floating_point() else y.unique()).tolist())


def of_classes(y: Tensor, wanted: Tensor) -> Tensor:
    """Return which examples have one of the classes `wanted`, (n,), bool; several labels may."""
    y = y.cpu()
    return y[:, wanted].any(1) if y.is_floating_point() else torch.isin(y, wanted)
