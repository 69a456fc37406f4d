"""Splits of data of one's own: what is of the forgotten kind, and what has no business in two."""

from typing import Any

import pytest
import torch
from torch import Tensor

from unlearnlib import Labelled, Splits
from unlearnlib.errors import DataError


def examples(*labels: int, after: int = 0) -> Labelled:
    """Examples with these labels; `after` so many others, so that none of them is the same."""
    y = torch.tensor(labels, dtype=torch.int64)
    return Labelled(2.0 * after + torch.arange(2.0 * len(labels)).view(-1, 2), y)


def test_what_a_model_shall_not_know_any_more_is_told_by_the_retain_set() -> None:
    given: dict[str, Any] = {
        "forget": examples(2, 2, 1),
        "retain": examples(0, 1),
        "test": examples(0, 1, 2, 2, after=10),
    }
    splits = Splits.of(**given, validation=examples(2, 0, after=20))
    assert splits.test_forget.y.tolist() == [2, 2]
    assert splits.test_forget.x[:, 0].tolist() == [24, 26]
    assert splits.test_retain.y.tolist() == [0, 1]
    assert (splits.validation_forget.y.tolist(), splits.validation_retain.y.tolist()) == ([2], [0])
    assert {name: mask.tolist() for name, mask in splits.alike.items()} == {
        "test": [False, False, True, True],
        "validation": [True, False],
    }
    assert not len(Splits.of(**given).validation)


def test_without_a_class_that_is_gone_no_test_example_is_of_the_forgotten_kind() -> None:
    splits = Splits.of(forget=examples(1), retain=examples(0, 1), test=examples(0, 1, after=10))
    assert (len(splits.test_forget), len(splits.test_retain)) == (0, 2)


def test_the_forgotten_kind_can_be_given() -> None:
    alike = {"test": torch.tensor([True, False])}
    test = examples(1, 1, after=10)
    splits = Splits.of(forget=examples(1), retain=examples(0, 1), test=test, alike=alike)
    assert splits.test_forget.x.tolist() == [[20, 21]]


def test_of_several_labels_a_class_is_gone_too() -> None:
    def several(*rows: list[int]) -> tuple[Tensor, Tensor]:
        return torch.ones(len(rows), 3), torch.tensor(rows, dtype=torch.float32)

    splits = Splits.of(
        forget=several([1, 0, 1]), retain=several([1, 1, 0]), test=several([1, 0, 0], [0, 1, 1])
    )
    assert splits.alike["test"].tolist() == [False, True]


def test_a_retain_set_with_what_is_to_be_forgotten_is_refused() -> None:
    """Whole training sets are handed over for it, or an example is in the data twice."""
    whole = examples(0, 1, 2, 2)
    test = examples(0, after=10)
    with pytest.raises(DataError, match=r"^2 of 2 examples to forget .*forget\[0\],.*retain\[2\]:"):
        Splits.of(forget=whole[whole.y == 2], retain=whole, test=test)
    twice = Labelled(torch.cat([whole.x, whole.x[3:]]), torch.cat([whole.y, whole.y[3:]]))
    one, rest = (twice[torch.tensor(which)] for which in ([1, 2, 4], [0, 3]))
    with pytest.raises(DataError, match=r"^1 of 3 examples to forget .* forget every copy\.$"):
        Splits.of(forget=one, retain=rest, test=test)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64, torch.int64])
def test_an_example_is_the_same_in_all_of_its_numbers_and_its_label(dtype: torch.dtype) -> None:
    x = torch.zeros(1100, 2, 3, dtype=dtype)
    x[:, 1, 2] = torch.arange(1100).to(dtype) // 8 * 8  # what bfloat16 can still tell apart
    y = torch.arange(1100) % 8
    other = (x[:1], y[:1] + 8)
    Splits.of(forget=(x[1099:], y[1099:]), retain=(x[:1099], y[:1099]), test=other)
    with pytest.raises(DataError, match=r"^1 of 2 .* forget\[0\], which is retain\[1098\]:"):
        Splits.of(forget=(x[1098:], y[1098:]), retain=(x[:1099], y[:1099]), test=other)


@pytest.mark.parametrize("name", ["test", "validation"])
def test_data_held_out_that_the_model_was_trained_on_are_told(name: str) -> None:
    given: dict[str, Any] = {
        "forget": examples(2),
        "retain": examples(0, 1, after=5),
        "test": examples(0, after=9),
    }
    for seen in (examples(0, 1, after=5), examples(2)):  # of the retain set, and of the forget set
        held = Labelled(torch.cat([seen.x, seen.x + 50]), torch.cat([seen.y, seen.y]))
        told = f"^{len(seen)} of {len(held)} {name} examples are in the forget or in the retain set"
        with pytest.warns(UserWarning, match=told) as caught:
            Splits.of(**{**given, name: held})
        assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"forget": examples()}, "forget set is empty"),
        ({"test": (torch.ones(2, 3), torch.tensor([0, 1]))}, r"several shapes: .* test \(3,\)"),
        ({"test": (torch.ones(2, 2), torch.eye(2))}, "labels have several shapes"),
        ({"retain": torch.ones(3, 2)}, "Tensor that holds 1"),
    ],
)
def test_splits_that_do_not_fit_together_are_refused(changed: dict[str, Any], match: str) -> None:
    given = {"forget": examples(1), "retain": examples(0), "test": examples(0), **changed}
    with pytest.raises(DataError, match=match):
        Splits.of(**given)
