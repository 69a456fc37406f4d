"""The Gauss-Newton diagonal against the product of its three matrices."""

from itertools import product

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.testing import assert_close

from unlearnlib import Statistic, gauss_newton_diagonal
from unlearnlib.errors import SpecError, UnsupportedModelError
from unlearnlib.stored.gauss_newton import by_classes

from .toys import convolution


def logit_jacobians(model: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """Return the derivative of the logits of one example, (classes, *shape) by name."""
    parameters = {name: q.detach() for name, q in model.named_parameters()}
    return jacrev(lambda q: functional_call(model, q, (x[None],))[0])(parameters)


@pytest.mark.parametrize("chunk", [2, 64])
def test_it_is_the_product_of_its_three_matrices(chunk: int) -> None:
    model, data = convolution()
    total = {name: torch.zeros_like(q) for name, q in model.named_parameters()}
    for x in data.x:
        p = model(x[None])[0].softmax(0).detach()
        H = torch.diag(p) - torch.outer(p, p)
        for name, J in logit_jacobians(model, x).items():
            total[name] += torch.einsum("c...,cd,d...->...", J, H, J)
    found = gauss_newton_diagonal(model, data, chunk=chunk)
    assert found.statistic == Statistic("gauss_newton")
    assert found.n == len(data)
    for name, value in total.items():
        assert_close(found[name], value / len(data), rtol=1e-10, atol=1e-12)


def test_of_several_labels_each_is_a_yes_or_no() -> None:
    """The expectation over all labels that the model could give, one set of them at a time."""
    model, data = convolution()
    total = {name: torch.zeros_like(q) for name, q in model.named_parameters()}
    for x in data.x:
        p = model(x[None])[0].sigmoid().detach()
        for labels in product([0.0, 1.0], repeat=4):
            y = torch.tensor(labels, dtype=p.dtype)
            likelihood = (p * y + (1 - p) * (1 - y)).prod()
            loss = binary_cross_entropy_with_logits(model(x[None])[0], y, reduction="sum")
            gradients = torch.autograd.grad(loss, [*model.parameters()])
            for name, g in zip(total, gradients, strict=True):
                total[name] += likelihood * g**2
    found = by_classes(model, data.x, several=True, chunk=3)
    for name, value in total.items():
        assert_close(found[name], value / len(data), rtol=1e-10, atol=1e-12)


def test_it_refuses_what_the_others_refuse() -> None:
    model, data = convolution()
    with pytest.raises(SpecError, match="0 examples"):
        gauss_newton_diagonal(model, data[torch.arange(0)])
    with pytest.raises(UnsupportedModelError):
        gauss_newton_diagonal(model.train(), data)
