"""The losses of examples by hand, and labels that are not those of the outputs."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from unlearnlib import losses
from unlearnlib.errors import DataError
from unlearnlib.losses import check_labels, mean_loss, right

from .toys import seeded

Z = torch.randn(5, 3, dtype=torch.float64, generator=seeded(0))
ONE = torch.tensor([0, 2, 1, 1, 0])
SEVERAL = torch.tensor([[1.0, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0], [0, 0, 1]])


def by_hand(z: Tensor, y: Tensor) -> Tensor:
    if y.dim() == 0:
        return z.exp().sum().log() - z[y]
    p = 1 / (1 + (-z).exp())
    return -torch.stack([(p[c] if y[c] else 1 - p[c]).log() for c in range(len(z))]).mean()


@pytest.mark.parametrize("y", [ONE, SEVERAL])
def test_losses_and_their_mean(y: Tensor) -> None:
    expected = torch.stack([by_hand(z, label) for z, label in zip(Z, y, strict=True)])
    assert_close(losses(Z, y), expected)
    assert_close(mean_loss(Z, y), expected.mean())


def test_the_mean_of_single_labels_is_that_of_torch() -> None:
    z = Z.float()
    assert torch.equal(mean_loss(z, ONE), cross_entropy(z, ONE))


@pytest.mark.wrong_shapes
@pytest.mark.parametrize("loss", [losses, mean_loss, check_labels])
def test_labels_are_those_of_the_outputs(loss: Callable[[Tensor, Tensor], object]) -> None:
    loss(Z, ONE)
    loss(Z, SEVERAL)
    with pytest.raises(DataError, match=r"a label 7, but the model has 3 outputs.*0 to 2"):
        loss(Z, torch.tensor([0, 7, 3, 0, 0]))
    with pytest.raises(DataError, match=r"a label 3, but"):
        loss(Z, torch.tensor([0, 2, 3, 0, 0]))
    with pytest.raises(DataError, match=r"for 2 classes, the model has 3 outputs"):
        loss(Z, SEVERAL[:, :2])
    with pytest.raises(DataError, match=r"for 4 classes, the model has 3 outputs"):
        loss(Z, torch.ones(5, 4))


def test_no_labels_are_none_too_many() -> None:
    check_labels(Z[:0], ONE[:0])


@pytest.mark.parametrize("loss", [losses, mean_loss, check_labels])
@pytest.mark.parametrize("label", [-1, -100])
def test_there_are_no_labels_below_zero(
    loss: Callable[[Tensor, Tensor], object], label: int
) -> None:
    """Also that which torch leaves out of a loss without a word."""
    with pytest.raises(DataError, match=rf"a label {label}, but labels are counted from 0"):
        loss(Z, torch.tensor([0, 2, label, 1, 0]))


def test_what_is_right_is_the_label_or_one_of_them() -> None:
    z = torch.tensor([[0.0, 2, 1], [5, 0, 0], [0, 0, 1]], dtype=torch.float16)
    assert right(z, torch.tensor([1, 2, 2])).tolist() == [1, 0, 1]
    assert right(z, torch.tensor([[0.0, 1, 1], [0, 1, 1], [1, 0, 0]])).tolist() == [1, 0, 0]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_an_output_that_is_not_finite_answers_nothing(number: float) -> None:
    z = torch.eye(3)
    z[1, 1] = number
    answers = right(z, torch.tensor([0, 1, 0]))
    assert answers.isnan().tolist() == [False, True, False]
    assert answers[[0, 2]].tolist() == [1, 0]
