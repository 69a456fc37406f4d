"""How fast a model learns again what it should have forgotten, and what pull it has on it."""

import math
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.optim import SGD

from ..data.tensors import Labelled
from ..errors import SpecError, UnsupportedModelError
from ..losses import losses
from ..metrics.shapes import NAN, known, labels, told


def gradient_norm(model: nn.Module, data: Labelled) -> float:
    r"""Return :math:`\lVert \nabla_\theta \ell(D) \rVert_2`, of the mean loss in eval mode.

    What a model was trained on has no pull on it any more; what it never saw has. The norm on the
    forget set, beside that on test data, is thus a proxy of the influence that is left. It is NaN
    if an output is not finite.

    Raises:
        UnsupportedModelError: No parameter of the model can be trained.
    """
    model = deepcopy(model).eval()
    parameters = [q for q in model.parameters() if q.requires_grad]
    if not parameters:
        raise UnsupportedModelError(
            "No parameter of the model can be trained, so there is no gradient. Set requires_grad."
        )
    total = [torch.zeros_like(q) for q in parameters]
    for x, y in data.batches(500):
        loss = _losses(model, x, y).sum() / len(data)  # the batch's part of the mean
        gradient = torch.autograd.grad(loss, parameters, materialize_grads=True)
        for sum_, g in zip(total, gradient, strict=True):
            sum_ += g
        if not loss.isfinite():
            return NAN
    return float(torch.stack([g.norm() for g in total]).norm())


def relearning(
    model: nn.Module, data: Labelled, generator: torch.Generator, *, steps: int, lr: float = 0.01
) -> list[float]:
    """Return the mean loss of `data` before and during training on it, a value a step, steps + 1.

    Each step of plain SGD takes a batch of 256. A model that has forgotten no more than it should
    comes down as fast as a retrained one. From where an output is not finite on, it is NaN.

    Raises:
        SpecError: `steps` is below 0, or `lr` is not above 0 and finite.
    """
    if steps < 0 or not 0 < lr < math.inf:
        raise SpecError(
            f"{steps} steps of length {lr} teach nothing: give 0 steps or more, and a finite lr "
            "above 0."
        )
    model = deepcopy(model).eval()
    sgd = SGD(model.parameters(), lr)
    batches = data.endless(256, generator)

    def mean_loss() -> float:
        with torch.no_grad():
            parts = [_losses(model, x, y).sum() for x, y in data.batches(1000)]
        total = torch.stack(parts).sum()
        return float(total) / len(data) if total.isfinite() else NAN

    curve = [mean_loss()]
    for _ in range(steps):
        x, y = next(batches)
        sgd.zero_grad()
        losses(model(x), y).mean().backward()
        sgd.step()
        curve.append(mean_loss())
    return curve


def _losses(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Return the loss of every example, NaN where an output is not finite, (n,)."""
    z = model(x)
    told(z)
    return known(losses(z, labels(z, y)), z)
