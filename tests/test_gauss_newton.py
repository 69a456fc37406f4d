"""The Gauss-Newton diagonal against the product of its three matrices."""

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev
from torch.testing import assert_close

from unlearnlib import Statistic, gauss_newton_diagonal
from unlearnlib.errors import SpecError, UnsupportedModelError

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


def test_it_refuses_what_the_others_refuse() -> None:
    model, data = convolution()
    with pytest.raises(SpecError, match="0 examples"):
        gauss_newton_diagonal(model, data[torch.arange(0)])
    with pytest.raises(UnsupportedModelError):
        gauss_newton_diagonal(model.train(), data)
