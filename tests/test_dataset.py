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


def several(part: Labelled, classes: int = 3) -> Labelled:
    y = torch.zeros(len(part), classes)
    y[7, -1] = 1
    return Labelled(part.x, y)


MISFITS: list[tuple[str, Change]] = [
    ("two of its classes are 'Bag'", lambda d: {"classes": ("Bag", "Boot", "Bag")}),
    ("two of its subclasses are 'Tote'", lambda d: {"subclasses": ("Tote",) * 6}),
    (r"train\.y\[5\] is 3, but .*from 0 to 2", lambda d: {"train": relabelled(d.train, 5, 3)}),
    (r"test\.y\[9\] is 3, but .*from 0 to 2", lambda d: {"test": relabelled(d.test, 9, 3)}),
    (r"train\.y\[1?\d\] is 2, but .*from 0 to 1", lambda d: {"classes": ("Bag", "Boot")}),
    (
        r"train_subclass\[3\] is 6, .*from 0 to 5",
        lambda d: {"train_subclass": torch.tensor([0, 0, 0, 6] + 116 * [0])},
    ),
    (
        r"test_subclass is torch.int64 \(59,\) for 60 examples",
        lambda d: {"test_subclass": d.test_subclass[:-1]},  # type: ignore[index]
    ),
    (
        r"train_subclass is torch.int64 \(120, 1\) for 120 examples",
        lambda d: {"train_subclass": d.train_subclass[:, None]},  # type: ignore[index]
    ),
    (
        r"test_subclass is torch.float32 \(60,\) for 60 examples",
        lambda d: {"test_subclass": d.test_subclass.float()},  # type: ignore[union-attr]
    ),
    (r"test_subclass\[0\] is -1", lambda d: {"test_subclass": d.test_subclass - 1}),  # type: ignore[operator]
    ("all three, or none", lambda d: {"train_subclass": None}),
    ("all three, or none", lambda d: {"test_subclass": None}),
    ("all three, or none", lambda d: {"subclasses": ()}),
    ("all three, or none", lambda d: {"train_subclass": None, "test_subclass": None}),
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
        r"train\.y has 4 columns for 3 classes",
        lambda d: {"train": several(d.train, 4), "test": several(d.test)},
    ),
    (
        r"test\.y has 2 columns for 3 classes",
        lambda d: {"train": several(d.train), "test": several(d.test, 2)},
    ),
]


@pytest.mark.parametrize(("why", "change"), MISFITS)
def test_parts_that_do_not_fit_are_refused(toy: Dataset, why: str, change: Change) -> None:
    with pytest.raises(DataError, match=rf"The data set 'toy' is inconsistent: .*{why}.*\.$"):
        replace(toy, **change(toy))


def test_what_fits(toy: Dataset) -> None:
    plain = Dataset("plain", toy.train, toy.test, toy.classes)
    assert plain.train_subclass is None
    Dataset("several", several(toy.train), several(toy.test), toy.classes)
    Dataset("no test", toy.train, toy.test[torch.zeros(60, dtype=torch.bool)], toy.classes)


def test_to_moves_every_tensor(toy: Dataset) -> None:
    moved = toy.to("meta")
    tensors = (moved.train.x, moved.test.y, moved.train_subclass, moved.test_subclass)
    assert [t.device.type for t in tensors if t is not None] == 4 * ["meta"]
    assert moved.subclasses == toy.subclasses
    assert Dataset("plain", toy.train, toy.test, toy.classes).to("meta").test_subclass is None
