"""Adversarial examples: how little an input must move for the model to answer otherwise."""

import warnings

import torch
from torch import Tensor, nn

from ...checks.outputs import logits
from ...data.tensors import Labelled, batched
from ...errors import UnsupportedModelError
from .trial import number_of_classes

DOUBLINGS = 20
"""Radii that are tried, each twice the one before."""


def nearest_adversaries(
    model: nn.Module, x: Tensor, y: Tensor, eps: float, steps: int, batch_size: int = 128
) -> tuple[Tensor, Tensor]:
    r"""Return inputs near `x` to which `model` does not answer `y`, and what it answers.

    .. math:: x' \leftarrow \Pi_\epsilon \left( x' + \tfrac{\epsilon}{10} \,
        \frac{\nabla_x \ell(f(x'), y)}{\lVert \nabla_x \ell(f(x'), y) \rVert_2} \right)

    from :math:`x' = x`, where :math:`\Pi_\epsilon` goes to the nearest point of the ball of radius
    :math:`\epsilon` around x. An example stops where it is answered otherwise; one that never is
    goes on from where it is with a radius twice as large. Those for which no radius suffices are
    left out, with a warning.

    Args:
        model: A classifier in eval mode.
        x: Inputs, (n, ...), floats.
        y: Labels, (n,).
        eps: The first radius.
        steps: Steps with each radius.
        batch_size: Examples at once.

    Raises:
        DataError: The labels are not those of the outputs.
        UnsupportedModelError: None is answered otherwise anywhere.
    """
    number_of_classes(model, Labelled(x, y))
    there, answers = x.clone(), y.clone()
    for some in batched(torch.arange(len(x), device=x.device), batch_size):
        there[some], answers[some] = _search(model, x[some], y[some], eps, steps)
    wrong = answers != y
    if not wrong.any():
        raise UnsupportedModelError(
            f"{type(model).__name__} answers all inputs near the forget set alike, however far they"
            " are moved: its outputs hardly depend on them. Take a method without adversarial "
            "examples, or a larger eps."
        )
    if not wrong.all():
        warnings.warn(
            f"{int((~wrong).sum())} of {len(y)} examples to forget have no adversarial example "
            "near them that was found, and are learned without one.",
            stacklevel=3,
        )
    return there[wrong], answers[wrong]


def _search(
    model: nn.Module, x: Tensor, y: Tensor, eps: float, steps: int
) -> tuple[Tensor, Tensor]:
    """Return where the search ended for each of `x`, and what is answered there."""
    there, answers, left = x.clone(), y.clone(), torch.arange(len(x), device=x.device)
    for radius in (eps * 2**doubling for doubling in range(DOUBLINGS)):
        for _ in range(steps):
            near = there[left].requires_grad_()
            z = logits(model, near.clone())  # a first layer may work in place
            answers[left] = z.argmax(1)
            right = answers[left] == y[left]
            if not right.any():
                return there, answers
            (g,) = torch.autograd.grad(log_odds(z, y[left]).sum(), near)
            left, near, g = left[right], near[right].detach(), g[right]
            delta = near + radius / 10 * unit(g) - x[left]
            length = delta.flatten(1).norm(dim=1).view(-1, *[1] * (x.dim() - 1))
            there[left] = x[left] + delta * (radius / length).clamp(max=1)
    return there, answers


def log_odds(z: Tensor, y: Tensor) -> Tensor:
    r"""Return :math:`\log \frac{1 - p_y}{p_y}` of logits (n, classes) and labels (n,), as (n,).

    Its gradient has the direction of that of the cross-entropy :math:`-\log p_y`, and does not
    vanish where :math:`p_y` rounds to 1.
    """
    y = y[:, None]
    others = z.scatter(1, y, -torch.inf).logsumexp(1)
    return others - z.gather(1, y)[:, 0]


def unit(g: Tensor) -> Tensor:
    """Return `g`, (n, ...), with rows of length 1; rows of zeros stay."""
    rows, tiny = g.flatten(1), torch.finfo(g.dtype).tiny
    rows = rows / rows.abs().amax(1, keepdim=True).clamp(min=tiny)  # squares would round to 0
    scaled: Tensor = rows / rows.norm(dim=1, keepdim=True).clamp(min=tiny)
    return scaled.view_as(g)
