"""How much a model's loss on an example hangs on the input and on the parameters."""

from collections.abc import Callable
from copy import deepcopy

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ..errors import DataError
from ..metrics.shapes import known, one_label, told
from .smoothness import check_sphere, neighbour


def input_gradient(
    f: Callable[[Tensor], Tensor], x: Float[Tensor, "n ..."], y: Int[Tensor, " n"]
) -> Float[Tensor, "n ..."]:
    r"""Return the gradient of every example's loss with respect to its input, (n, ...).

    Args:
        f: Maps inputs (n, ...) to logits (n, classes), each by itself.
        x: Inputs, (n, ...).
        y: Labels, (n,).

    Returns:
        One gradient an example; NaN where an output is not finite.
    """
    x = x.detach().requires_grad_()
    z = f(x)
    told(z)
    # Row i of the gradient of the sum is that of example i's own loss
    (gradient,) = torch.autograd.grad(cross_entropy(z, one_label(z, y), reduction="sum"), x)
    return known(gradient, z)


def curvature(
    f: Callable[[Tensor], Tensor],
    x: Float[Tensor, "n ..."],
    y: Int[Tensor, " n"],
    radius: float,
    generator: torch.Generator,
    draws: int = 4,
) -> Float[Tensor, " n"]:
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

    Returns:
        One mean an example; NaN where an output is not finite.

    Raises:
        SpecError: The radius is too small for the type of the inputs.
    """
    check_sphere(radius, draws)
    here = input_gradient(f, x, y)
    total = torch.zeros(len(x), dtype=here.dtype, device=here.device)  # sum over j
    for _ in range(draws):
        near = neighbour(x, radius, generator)
        total += (input_gradient(f, near, y) - here).flatten(1).norm(dim=1) / radius
    return known(total / draws, total[:, None])


def parameter_gradient(
    model: nn.Module, x: Shaped[Tensor, "n ..."], y: Int[Tensor, " n"]
) -> Float[Tensor, " n"]:
    r"""Return :math:`\lVert \nabla_\theta \, \ell(f_\theta(x_i), y_i) \rVert_2` of examples, (n,).

    Its square is the example's share of the trace of the Fisher information. How far a gradient
    step on the example would move the parameters is a proxy for what they have yet to learn of it.

    Args:
        model: Maps inputs (n, ...) to logits (n, classes), each by itself in eval mode; it stays
            as it is.
        x: Inputs, (n, ...).
        y: Labels, (n,).

    Returns:
        One norm an example; NaN where an output is not finite.
    """
    model = deepcopy(model).eval()
    theta = [p for p in model.parameters() if p.requires_grad]
    if not isinstance(y, Tensor) or y.shape != x.shape[:1] or not theta:
        raise DataError(
            f"Gradients of {len(x)} inputs in {len(theta)} parameters that can be trained need one "
            f"of these, and a label for each of the inputs, not {getattr(y, 'shape', y)}."
        )
    norms = []
    for a, b in zip(x.split(1), y.split(1), strict=True):  # for convolutions faster than vmap
        z = model(a)
        told(z)
        gradient = torch.autograd.grad(
            cross_entropy(z, one_label(z, b)), theta, materialize_grads=True
        )
        norm = torch.stack([g.norm() for g in gradient]).norm()
        if not 0 < norm < float("inf"):  # squares beyond the type, of numbers within it
            exact = torch.stack([g.double().norm() for g in gradient]).norm()
            norm = exact.to(norm.dtype)
        norms.append(known(norm[None], z))
    return torch.cat(norms)
