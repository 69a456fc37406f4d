r"""SFR-on: masked ascent on the forget set between steps on the retain set.

Huang, Cheng, Zheng, Wang, He, Li and Huang, "Unified Gradient-Based Machine Unlearning with Remain
Geometry Enhancement", NeurIPS 2024, arXiv:2409.19732.

Only parameters that matter to :math:`D_f` more than to :math:`D_r`, by the diagonal of the Fisher
information, take part in forgetting. Before every K-th of T steps of fine-tuning on :math:`D_r`
there is one up the loss of a batch of :math:`D_f`, in which an example counts the less, the larger
its loss is already. These steps fade by a cosine:

.. math::
    m = \left[ F_f \ge \gamma F_r \right], \qquad
    w_i = \ell_i^{-\lambda} \Big/ \sum_j \ell_j^{-\lambda}, \qquad
    a_t = a \, \frac{1 + \cos (\pi t / T)}{2}, \qquad
    \theta \leftarrow \theta + \eta_t \operatorname{clip}_c \Big( m \odot
        \nabla_\theta \, a_t \sum_i w_i \ell_i \Big)

The weights w have no gradient, :math:`\operatorname{clip}_c` shortens to the norm c, and the rate
:math:`\eta_t` falls by the same cosine. Both kinds of steps are in train mode, so batches of
:math:`D_f` move the statistics of BatchNorm too, which no mask holds.

Sees: :math:`D_f` and :math:`D_r` with labels. Never sees: test data.

Departs from the paper: its body could not be read; this follows the release.

Departs from the release (K1nght/Unified-Unlearning-w-Remain-Geometry @ 36bb7f6), by `as_released`:
    `group=128`: the gradient of a batch's mean loss is squared.
    `shared`: one optimiser takes both kinds of steps, so that momentum and weight decay of the
    others move what is masked too, and momentum carries a forget gradient on.
    Not taken over: an average of the parameters, which is that of the last step alone in the
    released setting; masks that are read from a file of another model or seed; random batches for
    the Fisher; augmented images.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR

from ..access import copy_of
from ..checks.outputs import settled
from ..data.tensors import Labelled
from ..fields import BOUNDS_MEMORY, Checked, Count, NonNegative, Part, Positive
from ..losses import losses
from ..stored.importance import fisher_diagonal
from ..training import forward, seeded, step
from .parts.trial import number_of_classes

TINY = 1e-15
"""What the release adds to each importance and to each power of a loss before it divides."""


@dataclass(frozen=True)
class SFROn(Checked):
    r"""Masked ascent on the forget set between steps on the retain set.

    The defaults are the release's for a tenth of CIFAR-10 and a ResNet-18.

    Attributes:
        ascent: Weight :math:`a` of the first ascent; 0 is fine-tuning.
        lr: Learning rate :math:`\eta_0` of SGD, of both kinds of steps.
        steps: Steps T on the retain set.
        every: K, the steps on the retain set for one on the forget set.
        lam: :math:`\lambda`; with 0 all forget examples count alike.
        gamma: :math:`\gamma`; the larger, the fewer parameters take part; 0 is all.
        clip: Largest norm c of a forget gradient.
        momentum: Momentum of SGD, in the steps on the retain set.
        weight_decay: L2 penalty of SGD, likewise.
        batch_size: Examples a step, of either kind.
        group: Examples whose gradients are averaged before they are squared; 1 is the equation.
        shared: See what departs from the release.
        chunk: Examples a forward pass for the Fisher; bounds the memory, changes nothing else.
    """

    ascent: NonNegative = 25.0
    lr: NonNegative = 0.01
    steps: Count = 1500
    every: Count = 5
    lam: NonNegative = 0.5
    gamma: NonNegative = 1.0
    clip: Positive = 7.0
    momentum: Part = 0.9
    weight_decay: NonNegative = 5e-4
    batch_size: Count = 128
    group: Count = 1
    shared: bool = False
    chunk: Count = field(default=64, metadata=BOUNDS_MEMORY)

    @classmethod
    def as_released(cls, **fields: Any) -> "SFROn":
        """Return the method with every departure of the release."""
        return cls(**({"group": 128, "shared": True} | fields))

    def __call__(
        self, model: nn.Module, *, forget: Labelled, retain: Labelled, generator: torch.Generator
    ) -> nn.Module:
        """Return a copy of `model` that forgot by what matters to the forget set most."""
        model = copy_of(model, forget=forget, retain=retain)
        parameters = {k: theta for k, theta in model.named_parameters() if theta.requires_grad}
        m = self.mask(model.eval(), forget, retain)
        sgd = SGD(parameters.values(), self.lr, self.momentum, weight_decay=self.weight_decay)
        schedule = CosineAnnealingLR(sgd, self.steps)
        model.train()
        with seeded(generator):
            forgotten = forget.endless(self.batch_size, generator)
            kept = retain.endless(self.batch_size, generator)
            for t in range(self.steps):
                if t % self.every == 0:
                    x, y = next(forgotten)
                    a_t = self.ascent * (1 + math.cos(math.pi * t / self.steps)) / 2
                    sgd.zero_grad()
                    (-a_t * weighted(losses(forward(model, x), y), self.lam)).backward()
                    for name, theta in parameters.items():
                        if theta.grad is not None:
                            theta.grad *= m[name]
                    clip_grad_norm_(parameters.values(), self.clip)
                    self.ascend(sgd)
                x, y = next(kept)
                step(model, sgd, x, y)
                schedule.step()
        return settled(model)

    def mask(self, model: nn.Module, forget: Labelled, retain: Labelled) -> dict[str, Tensor]:
        """Return whether each parameter takes part in forgetting, by its name."""
        for data in (forget, retain):
            number_of_classes(model, data)
        F_f, F_r = (
            fisher_diagonal(model, data, group=self.group, chunk=self.chunk)
            for data in (forget, retain)
        )
        return {name: F_f[name] + TINY >= self.gamma * (F_r[name] + TINY) for name in F_f.values}

    @torch.no_grad()
    def ascend(self, sgd: SGD) -> None:
        """Take a step by the gradients that are there, which are those of the negative loss."""
        if self.shared:
            sgd.step()
            return
        (group,) = sgd.param_groups
        for theta in group["params"]:
            if theta.grad is not None:
                theta -= group["lr"] * theta.grad


def weighted(each: Tensor, lam: float) -> Tensor:
    """Return the sum over the losses l of `each` example, (b,), of w_i l_i."""
    w = 1 / (each.detach() ** lam + TINY)
    return (w / w.sum()) @ each
