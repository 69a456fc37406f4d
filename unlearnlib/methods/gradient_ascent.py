r"""Gradient ascent on the forget set, the oldest baseline.

Golatkar, Achille and Soatto, "Eternal Sunshine of the Spotless Net: Selective Forgetting in Deep
Networks", CVPR 2020, arXiv:1911.04933, compare with it.

Training backwards: one pass that raises the loss of what is to be forgotten, without a bound.

.. math:: \theta \leftarrow \theta + \eta \nabla_\theta \, \ell(f_\theta(x), y),
    \qquad (x, y) \in D_f

Sees: :math:`D_f` with labels. Never sees: :math:`D_r`.

Departs from the paper: only the idea is taken; the steps are those of plain SGD, in eval mode.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.optim import SGD

from ..access import copy_of
from ..checks.outputs import logits, settled
from ..data.tensors import Labelled
from ..fields import Checked, Count, NonNegative
from ..losses import losses


@dataclass(frozen=True)
class GradientAscent(Checked):
    r"""Gradient ascent on the forget set.

    Attributes:
        lr: Step size :math:`\eta`.
        batch_size: Forget examples a step.
    """

    lr: NonNegative = 1e-3
    batch_size: Count = 128

    def __call__(
        self, model: nn.Module, *, forget: Labelled, generator: torch.Generator
    ) -> nn.Module:
        """Return a copy of `model` that fits the forget set less well."""
        model = copy_of(model, forget=forget, generator=generator).eval()
        sgd = SGD(model.parameters(), self.lr, maximize=True)
        for x, y in forget.batches(self.batch_size, generator):
            sgd.zero_grad()
            losses(logits(model, x), y).mean().backward()
            sgd.step()
        return settled(model)
