r"""SalUn: random labels, learned by the weights that matter most to the forget set alone.

Fan, Liu, Zhang, Wong, Wei and Liu, "SalUn: Empowering Machine Unlearning via Gradient-based Weight
Saliency in Both Image Classification and Generation", ICLR 2024, arXiv:2310.12508.

Half of the weights stay at :math:`\theta_o`, those whose gradient of the forget loss is small. The
others are trained on wrong labels for :math:`D_f` and on :math:`D_r`:

.. math::
    m_S = \mathbb 1 \left( \left| \nabla_\theta \ell_f(\theta_o) \right| \ge \gamma \right), \qquad
    \theta_u = m_S \odot (\theta_o + \Delta) + (1 - m_S) \odot \theta_o

    \min_\Delta \; \mathop{\mathrm{mean}}_{(x, y) \in D_f, \, y' \ne y} \ell(f_{\theta_u}(x), y')
        + \alpha \mathop{\mathrm{mean}}_{(x, y) \in D_r} \ell(f_{\theta_u}(x), y)

A step has a batch of each set; those of :math:`D_f`, the smaller one, come round again. The mask,
which other methods may use too, is `parts.saliency`; it is made in eval mode and full precision.
Steps are in train mode, so that the statistics of BatchNorm move, which no mask holds, here or in
the release, and in bf16 on CUDA, as training does.

Sees: :math:`D_f` and :math:`D_r` with labels. Never sees: test data.

Departs from the paper: its body could not be read; the settings are those of the release.

Departs from the release (OPTML-Group/Unlearn-Saliency @ a6e89fd), by `as_released`:
    `in_turn`: an epoch is one pass over D_f and then one over D_r, not the sum; no alpha. That is
        its branch for CIFAR-10 and SVHN.
    `any_label`: labels are drawn from all classes, the true one too.
    Not taken over: its branch for CIFAR-100 and Tiny-ImageNet, where an epoch is one shuffled pass
    over both sets together; shuffled and augmented views, which make the mask random; augmented
    training; momentum and weight decay that moved masked weights too, before this commit.
"""

from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD

from ..access import copy_of
from ..checks.outputs import settled
from ..data.tensors import Labelled
from ..fields import Checked, Count, NonNegative, Part, Share
from ..losses import mean_loss
from ..training import forward, seeded
from .parts.saliency import confine, saliency
from .random_label import wrong_labels


@dataclass(frozen=True)
class SalUn(Checked):
    r"""Random labels, learned by the most salient weights.

    The defaults are those of the release for CIFAR-10, ResNet-18 and a tenth of the training set,
    where steps are `in_turn`: an `lr` for steps on the sum is not known. Try 1e-3 to 0.1.

    Attributes:
        salient: Share of the weights that may move; one half makes :math:`\gamma` the median.
        alpha: Weight :math:`\alpha` of the retain set.
        epochs: Passes over the retain set.
        lr: Learning rate of SGD.
        momentum: Momentum of SGD.
        weight_decay: L2 penalty of SGD.
        batch_size: Examples of each set a step.
        in_turn: Go through the forget set once an epoch, before the retain set.
        any_label: Draw from all labels, the true one too.
    """

    salient: Share = 0.5
    alpha: NonNegative = 1.0
    epochs: Count = 10
    lr: NonNegative = 0.013
    momentum: Part = 0.9
    weight_decay: NonNegative = 5e-4
    batch_size: Count = 256
    in_turn: bool = False
    any_label: bool = False

    @classmethod
    def as_released(cls, **fields: Any) -> "SalUn":
        """Return the method with every departure of the release."""
        return cls(**({"in_turn": True, "any_label": True} | fields))

    def __call__(
        self, model: nn.Module, *, forget: Labelled, retain: Labelled, generator: torch.Generator
    ) -> nn.Module:
        """Return a copy of `model` some of whose weights have learned wrong labels."""
        model = copy_of(model, forget=forget, retain=retain).eval()
        sgd = SGD(model.parameters(), self.lr, self.momentum, weight_decay=self.weight_decay)
        confine(sgd, saliency(model, forget, self.salient))  # m_S, at theta_o
        all_y = torch.cat([forget.y, retain.y])

        def loss(batch: tuple[Tensor, Tensor]) -> Tensor:
            x, y = batch
            return mean_loss(forward(model, x), y)

        def step(term: Tensor) -> None:
            sgd.zero_grad()
            term.backward()
            sgd.step()

        model.train()
        with seeded(generator):
            for _ in range(self.epochs):
                y = wrong_labels(all_y, len(forget), generator, self.any_label)  # y', anew
                wrong = Labelled(forget.x, y)
                retained = retain.batches(self.batch_size, generator)
                if self.in_turn:
                    for batch in chain(wrong.batches(self.batch_size, generator), retained):
                        step(loss(batch))
                else:
                    again = wrong.endless(self.batch_size, generator)
                    for batch in retained:
                        step(loss(next(again)) + self.alpha * loss(batch))
        return settled(model)
