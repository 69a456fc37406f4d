"""Inputs and labels: what they refuse, and the batches that they come in."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Subset, TensorDataset

from unlearnlib import Inputs, Labelled
from unlearnlib.data.tensors import batch_count, batched
from unlearnlib.errors import DataError, NonFiniteError

from .toys import seeded

X, Y = torch.randn(9, 2, 4), torch.arange(9) % 3
NAN, INF = float("nan"), float("inf")


def loader(examples: Any) -> "DataLoader[Any]":
    """Load what is no data set of torch, which a loader takes too."""
    return DataLoader(examples, batch_size=2)


def made(x: object, y: object = Y) -> list[object]:
    """Both kinds of data of the same examples."""
    return [lambda: Inputs(x), lambda: Labelled(x, y)]  # type: ignore[arg-type]


@pytest.mark.wrong_shapes
@pytest.mark.parametrize(
    ("x", "match"),
    [
        ([[1.0, 2.0]] * 9, "not a list. torch.stack"),
        (list(X), "not a list"),
        (X.numpy(), "not a ndarray.*torch.from_numpy of an array"),
        (DataLoader(TensorDataset(X, Y)), "not a DataLoader.*Labelled.of take a DataLoader"),
        (Labelled(X, Y), "not a Labelled"),
        (None, "not a NoneType"),
        (X > 0, r"torch.bool in the shape \(9, 2, 4\)"),
        (X.to(torch.uint8), r"torch.uint8 .* x.float\(\) / 255; tokens are int64"),
        (X.to(torch.int16), "torch.int16"),
        (X.to(torch.complex64), "torch.complex64"),
        (torch.tensor(1.0), r"in the shape \(\) .* a single example is x\[None\]"),
    ],
)
def test_what_is_no_tensor_of_examples_is_refused(x: object, match: str) -> None:
    for make in made(x):
        with pytest.raises(DataError, match=match):
            make()  # type: ignore[operator]


@pytest.mark.parametrize(
    "data",
    [
        (X, Y),
        Labelled(X, Y),
        TensorDataset(X, Y),
        Subset(TensorDataset(torch.cat([X, X]), torch.cat([Y, Y])), range(9)),
        DataLoader(TensorDataset(X, Y), batch_size=4),
        loader([(x, int(y)) for x, y in zip(X, Y, strict=True)]),
    ],
    ids=lambda data: type(data).__name__,
)
def test_examples_with_labels_are_taken_in_every_usual_form(data: object) -> None:
    made = Labelled.of(data)
    assert torch.equal(made.x, X)
    assert torch.equal(made.y, Y)
    assert torch.equal(Inputs.of(data).x, X)


def test_what_is_there_is_not_made_again() -> None:
    data = Labelled(X, Y)
    assert Labelled.of(data) is data
    assert Inputs.of(data.inputs).x is X


@pytest.mark.parametrize("data", [X, Inputs(X), TensorDataset(X), loader(X)])
def test_inputs_need_no_labels(data: object) -> None:
    assert torch.equal(Inputs.of(data).x, X)
    with pytest.raises(DataError, match=r"holds 1 tensors .* Give a pair \(x, y\)"):
        Labelled.of(data)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        ((X, Y, Y), "tuple that holds 3 tensors"),
        ((), "tuple that holds 1 tensors"),
        (None, "NoneType that holds 1"),
        (DataLoader(TensorDataset(X, Y), batch_size=4, drop_last=True), "drop_last leaves"),
        (DataLoader(TensorDataset(X[:0], Y[:0])), "yields nothing"),
        (loader([{"x": x} for x in X]), "yields a dict"),
        (loader([(x, "a") for x in X]), "yields a tuple, not tensors"),
        pytest.param(
            TensorDataset(X, Y.float()), "Labels of torch.float32", marks=pytest.mark.wrong_shapes
        ),
    ],
)
def test_what_holds_no_labelled_examples_is_refused(data: object, match: str) -> None:
    with pytest.raises(DataError, match=match):
        Labelled.of(data)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize(("value", "word"), [(NAN, "nan"), (INF, "inf"), (-INF, "-inf")])
def test_the_first_number_that_is_not_finite_is_named(
    value: float, word: str, dtype: torch.dtype
) -> None:
    x = X.to(dtype, copy=True)
    x[3, 1, 2] = x[7, 0, 0] = value
    for make in made(x):
        with pytest.raises(NonFiniteError, match=rf"Example 3 holds {word} at \(1, 2\)"):
            make()  # type: ignore[operator]
    with pytest.raises(NonFiniteError, match=rf"Example 1 holds {word} at \(\)"):
        Inputs(torch.tensor([0.0, value], dtype=dtype))


@pytest.mark.wrong_shapes
@pytest.mark.parametrize(
    ("y", "match"),
    [
        ([0] * 9, "Labels are a tensor, not a list"),
        (np.zeros(9, dtype=np.int64), "not a ndarray"),
        (Y[:8], "9 examples have 8 labels"),
        (Y[:, None], r"torch.int64 in the shape \(9, 1\) .* y.flatten\(\).long\(\)"),
        (torch.eye(3).long()[Y], r"torch.int64 in the shape \(9, 3\)"),
        (Y.float(), r"torch.float32 in the shape \(9,\)"),
        (torch.ones(9, 1), r"torch.float32 in the shape \(9, 1\) .* two or more classes"),
        (torch.ones(9, 2, 2), r"in the shape \(9, 2, 2\)"),
        (Y.int(), "torch.int32"),
        (Y.to(torch.uint8), "torch.uint8"),
        (Y > 0, "torch.bool"),
        (torch.tensor(3), r"in the shape \(\)"),
        (Y.where(torch.arange(9) != 4, -100), "Example 4 has the label -100. Classes count from 0"),
        (Y - 1, "Example 0 has the label -1"),
        (50 * torch.eye(3)[Y], "Example 0 has the label 50.0. Several labels are 0.0 or 1.0"),
        (torch.eye(3)[Y] - 0.5, "Example 0 has the label 0.5"),
        (torch.eye(3)[Y] / 0, "Example 0 has the label inf"),
        (Y.to("meta"), "The examples are on cpu, their labels on meta"),
    ],
)
def test_what_are_no_labels_is_refused(y: object, match: str) -> None:
    with pytest.raises(DataError, match=match):
        Labelled(X, y)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (X[:0], Y[:0]),
        (X[:0], torch.eye(3)[Y][:0]),
        (X.bfloat16(), Y),
        (X.double().requires_grad_(), torch.eye(3)[Y].half()),
        (torch.arange(9), Y),
        (torch.ones(9, 5, dtype=torch.int32), Y),
        (X.to("meta"), Y.to("meta")),
        (X.expand(9, 2, 4), torch.ones(9, 2)),
        (torch.full((9, 4), 3e38), Y),
        (torch.randn(9, 0), Y),
    ],
)
def test_what_is_data_is_taken_as_it_is(x: Tensor, y: Tensor) -> None:
    data = Labelled(x, y)
    assert data.x is x
    assert data.y is y
    assert data.inputs.x is x
    assert len(data) == len(data.inputs) == len(x)
    part = data[torch.arange(len(x), device=x.device) < 4] if not x.is_meta else data
    assert part.x.dtype == x.dtype
    assert data.to(x.device).y.dtype == y.dtype


def test_a_check_leaves_no_graph() -> None:
    x = X.clone().requires_grad_()
    Labelled(x, Y)
    assert x.grad_fn is None
    assert x.grad is None


SIZES = {
    (1, 4): [1], (4, 4): [4], (5, 4): [5], (6, 4): [4, 2], (8, 4): [4, 4], (9, 4): [4, 5],
    (3, 1): [1, 1, 1], (1, 1): [1], (3, 2): [3], (5, 2): [2, 3], (2, 9): [2], (7, 3): [3, 4],
}  # fmt: skip


@pytest.mark.parametrize("case", SIZES, ids=str)
def test_no_batch_of_one_is_left_over(case: tuple[int, int]) -> None:
    n, size = case
    x, draw = torch.arange(n), torch.Generator()
    data = Labelled(x, x)
    assert batch_count(n, size) == len(SIZES[case])
    for batches in (
        batched(x, size),
        list(data.inputs.batches(size)),
        [x for x, _ in data.batches(size)],
    ):
        assert [len(batch) for batch in batches] == SIZES[case]
        assert torch.cat([*batches]).tolist() == list(range(n))
    drawn = [*data.batches(size, draw.manual_seed(0))]
    order = torch.randperm(n, generator=draw.manual_seed(0))
    assert [len(x) for x, _ in drawn] == SIZES[case]
    assert torch.equal(torch.cat([x for x, _ in drawn]), order)
    assert torch.equal(torch.cat([y for _, y in drawn]), order)


def test_endless_batches_go_through_all_examples_again_and_again() -> None:
    data = Labelled(torch.arange(7), torch.arange(7))
    endless = data.endless(3, seeded(0))
    rounds = [torch.cat([next(endless)[0] for _ in range(2)]) for _ in range(3)]
    assert all(sorted(one.tolist()) == list(range(7)) for one in rounds)
    assert not torch.equal(rounds[0], rounds[1])


def test_of_nothing_there_are_no_batches() -> None:
    nothing = Labelled(X[:0], Y[:0])
    draw = torch.Generator()
    for batches in (
        nothing.batches(3), nothing.batches(3, draw), nothing.inputs.batches(3),
        nothing.endless(3, draw),
    ):  # fmt: skip
        with pytest.raises(DataError, match="no examples to go through"):
            next(batches)
