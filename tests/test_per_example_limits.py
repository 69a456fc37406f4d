"""Gradients of single examples under autocast, and the memory that they take."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from unlearnlib import Labelled, fisher_diagonal, output_sensitivity
from unlearnlib.cost import peak_memory_mib
from unlearnlib.models import build

from .toys import seeded


class Twice(nn.Module):
    """One layer used twice, which no rule covers."""

    def __init__(self) -> None:
        super().__init__()
        self.twice, self.head = nn.Linear(48, 48), nn.Linear(48, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.twice(self.twice(x.flatten(1)).relu()).relu())


def network(name: str) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return (Twice() if name == "twice" else build(name, (3, 4, 4), 3)).eval()


def images(n: int) -> Labelled:
    generator = seeded(1)
    return Labelled(torch.randn(n, 3, 4, 4, generator=generator), torch.arange(n) % 3)


@pytest.mark.parametrize("name", ["resnet18_mini", "patch_transformer", "mlp", "twice"])
def test_under_autocast_it_is_the_same_to_few_digits(name: str) -> None:
    model, data = network(name), images(8)
    for compute in (fisher_diagonal, lambda m, d: output_sensitivity(m, d.inputs)):
        exact = compute(model, data).values
        with torch.autocast("cpu", torch.bfloat16):
            found = compute(model, data).values
        total, missed = 0.0, 0.0
        for key, value in exact.items():
            assert found[key].dtype == torch.float32
            total += float(value.sum())
            missed += float((found[key] - value).abs().sum())
        assert missed < 0.05 * total


def test_four_times_the_examples_take_no_more_memory() -> None:
    model = network("resnet18_mini")

    def peak(n: int, group: int) -> float:
        data = images(n)
        return peak_memory_mib(lambda: fisher_diagonal(model, data, group=group, chunk=4))

    for group in (1, 4):
        assert peak(33, group) == pytest.approx(peak(9, group), rel=0.02)
    assert peak(9, 1) > 1.1 * peak(1, 1)


def test_under_autocast_the_rules_are_in_single_precision() -> None:
    """Only what the network itself computes is in half precision."""
    model, x, y = nn.Linear(4, 3), torch.full((1, 4), 1.2345), torch.tensor([1])
    with torch.autocast("cpu", torch.bfloat16):
        found = fisher_diagonal(model, Labelled(x, y))["weight"]
        z = model(x).float().detach().requires_grad_()
    (delta,) = torch.autograd.grad(nn.functional.cross_entropy(z, y), z)
    delta = delta.bfloat16().float()
    assert_close(found, (delta.T @ x).square(), rtol=1e-6, atol=0)
