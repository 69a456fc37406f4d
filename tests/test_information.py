"""Gradients of single examples, against closed forms and one example at a time."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot
from torch.testing import assert_close

from unlearnlib.audit.information import curvature, input_gradient, parameter_gradient
from unlearnlib.audit.smoothness import local_ratio
from unlearnlib.errors import SpecError

from .toys import seeded


def problem() -> tuple[nn.Sequential, Tensor, Tensor]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)).double().eval()
    x = torch.randn(7, 6, dtype=torch.float64, generator=seeded(1))
    return model, x, torch.arange(7) % 3


def test_input_gradient_of_a_linear_model_is_in_closed_form() -> None:
    """For softmax regression it is W' (p - y)."""
    _, x, y = problem()
    linear = nn.Linear(6, 3).double()
    p = linear(x).softmax(1) - one_hot(y, 3)
    assert_close(input_gradient(linear, x, y), p @ linear.weight)


def test_input_gradient_is_that_of_each_example_alone() -> None:
    model, x, y = problem()
    alone = [input_gradient(model, a[None], b[None])[0] for a, b in zip(x, y, strict=True)]
    assert_close(input_gradient(model, x, y), torch.stack(alone))


def test_curvature_tends_to_the_hessian_times_a_direction() -> None:
    model, x, y = problem()
    generator, total = seeded(3), torch.zeros(7, dtype=torch.float64)
    for _ in range(4):
        d = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        d /= d.norm(dim=1, keepdim=True)
        for i in range(7):
            loss = lambda v, i=i: cross_entropy(model(v[None]), y[i : i + 1])  # noqa: E731
            total[i] += (torch.autograd.functional.hessian(loss, x[i]) @ d[i]).norm() / 4
    assert_close(curvature(model, x, y, 1e-5, seeded(3)), total, rtol=1e-4, atol=1e-7)


def test_a_loss_that_is_flat_has_no_curvature() -> None:
    _, x, y = problem()
    nothing = nn.Linear(6, 3).double()
    nn.init.zeros_(nothing.weight)
    assert_close(curvature(nothing, x, y, 0.5, seeded()), torch.zeros(7, dtype=torch.float64))


def test_parameter_gradient_of_a_linear_model_is_in_closed_form() -> None:
    """For softmax regression it is the outer product of p - y and (x, 1)."""
    _, x, y = problem()
    linear = nn.Linear(6, 3).double()
    error = (linear(x).softmax(1) - one_hot(y, 3)).norm(dim=1)
    expected = error * (1 + x.square().sum(1)).sqrt()
    assert_close(parameter_gradient(linear, x, y), expected)


def test_parameter_gradient_is_what_a_small_step_gains() -> None:
    """The loss falls by eta times the squared norm."""
    model, x, y = problem()
    norm, eta = parameter_gradient(model, x, y)[0], 1e-6
    before = cross_entropy(model(x[:1]), y[:1])
    gradient = torch.autograd.grad(before, list(model.parameters()))
    with torch.no_grad():
        for p, g in zip(model.parameters(), gradient, strict=True):
            p.sub_(eta * g)
    gained = before - cross_entropy(model(x[:1]), y[:1])
    assert_close(gained / eta, norm**2, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("radius", [1e-9, 1e-7])
def test_a_radius_that_rounding_swallows_is_refused(radius: float) -> None:
    model, x, y = problem()
    with pytest.raises(SpecError, match=r"is too small for inputs in torch\.float32"):
        local_ratio(model.float(), x.float(), radius, seeded())
    with pytest.raises(SpecError, match=r"is too small for inputs in torch\.float32"):
        curvature(model, x.float(), y, radius, seeded())
    assert (local_ratio(model.double(), x, radius, seeded()) > 0).all()


@pytest.mark.parametrize("scale", [1e25, 1e-25])
def test_parameter_gradient_squares_nothing_beyond_its_type(scale: float) -> None:
    linear = nn.Linear(6, 3, bias=False)
    nn.init.zeros_(linear.weight)
    _, x, y = problem()
    found = parameter_gradient(linear, scale * x.float(), y)
    assert_close((found / scale).double(), x.norm(dim=1) * (2 / 3) ** 0.5, rtol=1e-5, atol=0)
