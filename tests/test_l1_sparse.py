"""l1-sparse against its equation, SGD by hand."""

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from unlearnlib import FineTune, L1Sparse, Labelled

from .made_classes import accuracy, trained
from .toys import assert_same, seeded


def examples(n: int, seed: int) -> Labelled:
    x = torch.randn(n, 4, dtype=torch.float64, generator=seeded(seed))
    return Labelled(x, torch.arange(n) % 3)


RETAIN = examples(8, 2)


def sparse(method: L1Sparse, model: nn.Module, retain: Labelled = RETAIN) -> nn.Module:
    return method(model, retain=retain, generator=seeded())


@pytest.mark.parametrize(
    ("fields", "gammas"),
    [
        ({"epochs": 4}, [0.1, 0.075, 0.05, 0.025]),
        ({"epochs": 4, "free": 2}, [0.1, 0.05, 0.0, 0.0]),
        ({"epochs": 2, "free": 2}, [0.0, 0.0]),
        ({"epochs": 2, "free": 9}, [0.0, 0.0]),
        ({"epochs": 1, "momentum": 0.0, "weight_decay": 0.0}, [0.1]),
    ],
)
def test_it_equals_brute_force(
    model: nn.Module, fields: dict[str, Any], gammas: list[float]
) -> None:
    """One example and one weight at a time; |theta| has the slope of its sign."""
    method = L1Sparse(0.1, lr=0.05, batch_size=3, **fields)
    reference, source = deepcopy(model), seeded()
    parameters = list(reference.parameters())
    velocities = [torch.zeros_like(p) for p in parameters]
    torch.randint(2**31, (), generator=source)  # what seeds dropout
    for gamma in gammas:
        for batch in torch.randperm(8, generator=source).split(3):
            total = sum(
                (cross_entropy(reference(RETAIN.x[i][None]), RETAIN.y[i][None]) for i in batch),
                torch.zeros(()),
            )
            gradients = torch.autograd.grad(total / len(batch), parameters)
            for p, v, g in zip(parameters, velocities, gradients, strict=True):
                slope = torch.tensor([(w > 0) - (w < 0) for w in p.flatten().tolist()]).view_as(p)
                v.copy_(method.momentum * v + g + gamma * slope + method.weight_decay * p.data)
                p.data -= 0.05 * v
    assert_same(sparse(method, model), reference)


def test_without_a_penalty_it_is_fine_tuning() -> None:
    """Bit for bit, with dropout and BatchNorm; and with all epochs free of it."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Dropout(0.5), nn.ReLU(), nn.Linear(5, 3)
        ).double()  # fmt: skip
    fields: dict[str, Any] = {"epochs": 3, "lr": 0.05, "batch_size": 3}
    tuned = FineTune(**fields)(net, retain=RETAIN, generator=seeded()).state_dict()
    for method in (L1Sparse(0, **fields), L1Sparse(0.3, free=3, **fields)):
        assert_close(sparse(method, net).state_dict(), tuned, rtol=0, atol=0)
    moved = sparse(L1Sparse(0.3, **fields), net).state_dict()
    assert not torch.equal(moved["0.weight"], tuned["0.weight"])


class Constant(nn.Module):
    """Outputs that no parameter moves."""

    def __init__(self) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.tensor([2.0, -3.0, 0.0, 0.5], dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :3] + 0 * self.theta.sum()


def test_of_a_constant_loss_a_step_moves_each_weight_alike() -> None:
    """By -lr gamma sign(theta), and nothing else; a 0 stays."""
    method = L1Sparse(0.2, epochs=1, lr=0.1, momentum=0.0, weight_decay=0.0, batch_size=8)
    expected = torch.tensor([1.98, -2.98, 0.0, 0.48], dtype=torch.float64)
    result = sparse(method, Constant())
    assert_close(next(result.parameters()).data, expected, rtol=0, atol=1e-15)


def test_what_the_rest_does_not_use_goes_to_zero_up_to_jitter() -> None:
    """The weights of an input that is always 0, and of no other."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Linear(4, 3).double()
    x = torch.eye(3, 4, dtype=torch.float64)
    data = Labelled(3 * x, torch.arange(3))
    method = L1Sparse(0.02, 80, lr=0.5, momentum=0.0, weight_decay=0.0, batch_size=3)
    weight = sparse(method, model, data).weight
    assert weight[:, 3].abs().max() <= 0.5 * 0.02  # type: ignore[index]
    assert weight.diagonal().min() > 0.5  # type: ignore[operator]


def test_no_step_changes_nothing(model: nn.Module) -> None:
    assert_same(sparse(L1Sparse(0.1, lr=0), model), model, rtol=0, atol=0)


@pytest.mark.parametrize("seed", range(5))
def test_it_forgets_a_class_and_keeps_the_rest(seed: int) -> None:
    """What fine-tuning alone does not, since the rest is known by heart already."""
    model, forget, retain = trained(seed)
    fields: dict[str, Any] = {"epochs": 30, "lr": 0.1, "batch_size": 16}
    tuned, sparser = (
        L1Sparse(gamma, **fields)(model, retain=retain, generator=seeded(seed))
        for gamma in (0.0, 0.1)
    )
    assert accuracy(tuned, forget) == 1
    assert accuracy(sparser, forget) < 0.1
    assert accuracy(sparser, retain) == 1
