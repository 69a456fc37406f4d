"""A data set, ours or a user's own: what must fit together, and what it is on another device."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from unlearnlib import Dataset, Labelled
from unlearnlib.errors import DataError

Change = Callable[[Dataset], dict[str, Any]]


def relabelled(part: Labelled, index: int, label: int) -> Labelled:
    y = part.y.clone()
    y[index] = label
    return Labelled(part.x, y)


def several(part: Labelled, classes: int = 3, value: float = 1.0) -> Labelled:
    y = torch.zeros(len(part), classes)
    y[7, -1] = value
    return Labelled(part.x, y)


MISFITS: list[tuple[str, Change]] = [
    ("two of its classes are 'Bag'", lambda d: {"classes": ("Bag", "Boot", "Bag")}),
    ("two of its subclasses are 'Tote'", lambda d: {"subclasses": ("Tote",) * 6}),
    (r"train\.y\[5\] is 3, but .*from 0 to 2", lambda d: {"train": relabelled(d.train, 5, 3)}),
    (r"test\.y\[9\] is -1, but .*from 0 to 2", lambda d: {"test": relabelled(d.test, 9, -1)}),
    (r"train\.y\[1?\d\] is 2, but .*from 0 to 1", lambda d: {"classes": ("Bag", "Boot")}),
    (
        r"train_subclass\[3\] is 6, .*from 0 to 5",
        lambda d: {"train_subclass": torch.tensor([0, 0, 0, 6] + 116 * [0])},
    ),
    (
        r"test_subclass has the shape \(59,\) for 60 examples",
        lambda d: {"test_subclass": d.test_subclass[:-1]},  # type: ignore[index]
    ),
    (
        r"train_subclass has the shape \(120, 1\) for 120 examples",
        lambda d: {"train_subclass": d.train_subclass[:, None]},  # type: ignore[index]
    ),
    ("only one of train_subclass and test_sub", lambda d: {"test_subclass": None}),
    ("it takes both the names of its subclasses", lambda d: {"subclasses": ()}),
    ("it takes both the names", lambda d: {"train_subclass": None, "test_subclass": None}),
    (
        r"examples are torch.float32 \(1, 8, 8\) .*, test examples torch.float32 \(64,\)",
        lambda d: {"test": Labelled(d.test.x.flatten(1), d.test.y)},
    ),
    (
        r"train.* torch.float32 \(1, 8, 8\) .*test examples torch.float64",
        lambda d: {"test": Labelled(d.test.x.double(), d.test.y)},
    ),
    (r"with labels, test .* with labels, several each", lambda d: {"test": several(d.test)}),
    (
        r"train\.y should be 0\.0 or 1\.0 for each of the 3 classes",
        lambda d: {"train": several(d.train, 4), "test": several(d.test)},
    ),
    (
        r"test\.y should be 0\.0 or 1\.0 for each of the 3 classes",
        lambda d: {"train": several(d.train), "test": several(d.test, value=0.5)},
    ),
    (
        r"train\.y should be whole numbers, \(n,\)",
        lambda d: {k: Labelled(p.x, p.y.float()) for k, p in vars(d).items() if k in PARTS},
    ),
    (
        r"train\.y should be whole numbers, \(n,\)",
        lambda d: {k: Labelled(p.x, p.y[:, None]) for k, p in vars(d).items() if k in PARTS},
    ),
]
PARTS = ("train", "test")


@pytest.mark.parametrize(("why", "change"), MISFITS)
def test_parts_that_do_not_fit_are_refused(toy: Dataset, why: str, change: Change) -> None:
    with pytest.raises(DataError, match=rf"The data set 'toy' is inconsistent: .*{why}.*\.$"):
        replace(toy, **change(toy))


def test_what_fits(toy: Dataset) -> None:
    plain = Dataset("plain", toy.train, toy.test, toy.classes)
    assert plain.train_subclass is None
    Dataset("several", several(toy.train), several(toy.test), toy.classes)
    Dataset("bytes", *(Labelled(p.x, p.y.byte()) for p in (toy.train, toy.test)), toy.classes)
    nothing = torch.zeros(0, dtype=torch.bool)
    Dataset("no test", toy.train, toy.test[nothing.new_zeros(60)], toy.classes)


def test_to_moves_every_tensor(toy: Dataset) -> None:
    moved = toy.to("meta")
    tensors = (moved.train.x, moved.test.y, moved.train_subclass, moved.test_subclass)
    assert [t.device.type for t in tensors if t is not None] == 4 * ["meta"]
    assert moved.subclasses == toy.subclasses
    assert Dataset("plain", toy.train, toy.test, toy.classes).to("meta").test_subclass is None
