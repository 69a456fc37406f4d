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
:math:`\eta_t` falls by the same cosine. Losses :math:`\ell_i` count as what the loss of a certain
answer rounds to (1e-7 in single precision) at least. The Fisher information is of eval mode and in
full precision; both kinds of steps are in train mode, so batches of :math:`D_f` too move the
statistics of BatchNorm, which no mask holds, and in bf16 on CUDA, as training is.

Sees: :math:`D_f` and :math:`D_r` with labels. Never sees: test data.

Departs from the paper: its body could not be read; this follows the release.

Departs from the release (K1nght/Unified-Unlearning-w-Remain-Geometry @ 36bb7f6), by `as_released`:
    `group=128`: the gradient of a batch's mean loss is squared.
    `shared`: one optimiser takes both kinds of steps, so that momentum and weight decay of the
    others move what is masked too, and momentum carries a forget gradient on.
    Not taken over: a loss that rounds to 0, which has no gradient, takes the weight of its whole
    batch; an average of the parameters, which is that of the last step alone in the released
    setting; masks that are read from a file of another model or seed; random batches for the
    Fisher; augmented images.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import SGD

from ..access import copy_of
from ..checks.outputs import settled
from ..data.tensors import Labelled
from ..fields import BOUNDS_MEMORY, Checked, Count, NonNegative, Part, Positive
from ..losses import losses
from ..stored.importance import fisher_diagonal
from ..training import forward, seeded, step
from .parts.trial import number_of_classes

TINY = 1e-15
"""What the release adds to each importance."""


@dataclass(frozen=True)
class SFROn(Checked):
    r"""Masked ascent on the forget set between steps on the retain set.

    The defaults are the release's for a tenth of CIFAR-10 and a ResNet-18. Few `steps`
    forget nothing with them: for 40, on some dozen examples, try an `ascent` of 1000 and `lr` 0.1.

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
        down = SGD(parameters.values(), self.lr, self.momentum, weight_decay=self.weight_decay)
        up = down if self.shared else SGD(parameters.values(), self.lr)
        model.train()
        with seeded(generator):
            forgotten = forget.endless(self.batch_size, generator)
            kept = retain.endless(self.batch_size, generator)
            for t in range(self.steps):
                falling = (1 + math.cos(math.pi * t / self.steps)) / 2
                up.param_groups[0]["lr"] = down.param_groups[0]["lr"] = self.lr * falling
                if t % self.every == 0:
                    x, y = next(forgotten)
                    up.zero_grad()
                    l_f = weighted(losses(forward(model, x), y), self.lam)
                    (-self.ascent * falling * l_f).backward()
                    for name, theta in parameters.items():
                        if theta.grad is not None:
                            theta.grad *= m[name]
                    clip_grad_norm_(parameters.values(), self.clip)
                    up.step()
                step(model, down, *next(kept))
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


def weighted(each: Tensor, lam: float) -> Tensor:
    """Return the sum over the losses l of `each` example, (b,), of w_i l_i."""
    w = (-lam * each.detach().clamp(min=torch.finfo(each.dtype).eps).log()).softmax(0)
    return w @ each
