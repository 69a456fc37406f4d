"""How much a model's loss on an example hangs on the input and on the parameters."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.functional import cross_entropy


def input_gradient(f: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> Tensor:
    r"""Return the gradient of every example's loss with respect to its input, (n, ...).

    Args:
        f: Maps inputs (n, ...) to logits (n, classes), each by itself.
        x: Inputs, (n, ...).
        y: Labels, (n,).
    """
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(cross_entropy(f(x), y, reduction="sum"), x)
    return gradient


def curvature(
    f: Callable[[Tensor], Tensor],
    x: Tensor,
    y: Tensor,
    radius: float,
    generator: torch.Generator,
    draws: int = 4,
) -> Tensor:
    r"""Return how fast the gradient with respect to the input turns around every input, (n,).

    .. math:: \frac1m \sum_{j=1}^m
        \frac{\lVert \nabla_x \ell(x + \delta_j) - \nabla_x \ell(x) \rVert_2}{r},
        \qquad \delta_j \text{ uniform on } \lVert \delta \rVert_2 = r

    For a small :math:`r` this is the mean length of the Hessian times a random direction.

    Args:
        f: Maps inputs (n, ...) to logits (n, classes), each by itself.
        x: Inputs, (n, ...).
        y: Labels, (n,).
        radius: Distance :math:`r`, in units of the normalised input.
        generator: Directions; on the device of `x`.
        draws: Directions :math:`m` an input.
    """
    here = input_gradient(f, x, y)
    total = torch.zeros(len(x), dtype=here.dtype, device=here.device)
    for _ in range(draws):
        delta = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
        delta *= radius / delta.flatten(1).norm(dim=1).view(-1, *[1] * (x.dim() - 1))
        total += (input_gradient(f, x + delta, y) - here).flatten(1).norm(dim=1) / radius
    return total / draws


def parameter_gradient(model: nn.Module, x: Tensor, y: Tensor, chunk: int = 32) -> Tensor:
    r"""Return :math:`\lVert \nabla_\theta \, \ell(f_\theta(x_i), y_i) \rVert_2` of examples, (n,).

    Its square is the example's share of the trace of the Fisher information. How far a gradient
    step on the example would move the parameters is a proxy for what they have yet to learn of it.

    Args:
        model: Maps inputs (n, ...) to logits (n, classes), each by itself.
        x: Inputs, (n, ...).
        y: Labels, (n,).
        chunk: Examples whose gradients are in memory at a time.
    """
    theta = {name: p.detach() for name, p in model.named_parameters()}

    def loss(theta: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return cross_entropy(functional_call(model, theta, (x[None],)), y[None])

    each = vmap(grad(loss), in_dims=(None, 0, 0))
    squares = [
        torch.stack([g.flatten(1).square().sum(1) for g in each(theta, a, b).values()]).sum(0)
        for a, b in zip(x.split(chunk), y.split(chunk), strict=True)
    ]
    return torch.cat(squares).sqrt()
