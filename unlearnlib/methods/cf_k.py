r"""CF-k: the last k layers are trained on, which relies on catastrophic forgetting.

Goel, Prabhu, Sanyal, Lim, Torr and Kumaraguru, "Towards Adversarial Evaluations for Inexact Machine
Unlearning", 2022, arXiv:2201.06640.

All but the last k layers, :math:`\phi`, stay as they were trained. The last k, :math:`\psi`, go on
from where they are:

.. math:: \min_\psi \mathop{\mathrm{mean}}_{(x, y) \in D_r} \ell(f_{\phi_o, \psi}(x), y), \qquad
    \psi_0 = \psi_o

Layers are counted, and the rest is frozen, as by EU-k, see `eu_k`. With all of them it is
fine-tuning, but for what comes before the first.

Sees: :math:`D_r`. Never sees: :math:`D_f`.

Departs from the paper: its body could not be read; this follows the release. The model of the last
epoch is returned; so does the release, though its name for it is that of the best.

Departs from the release (shash42/Evaluating-Inexact-Unlearning @ e315401), by `as_released`:
    `frozen_in_train_mode`: BatchNorm of the frozen part uses batches and updates its statistics.
    Not taken over: gradients are clipped at a norm of 10.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import cos, pi
from typing import Any, Self

import torch
from torch import nn

from ..access import copy_of
from ..checks.outputs import settled
from ..data.tensors import Labelled
from ..fields import Checked, Count, NonNegative, Part
from .parts.fine_tuning import fine_tune
from .parts.last_layers import frozen_but_last


@dataclass(frozen=True)
class CFK(Checked):
    r"""CF-k: the last layers are trained on.

    The defaults are those of the release. What the retain set has no slope for stays: where it is
    known by heart, the last layer forgets nothing, so try a larger `k`.

    Attributes:
        k: Last layers, as for EU-k.
        epochs: Passes over the retain set.
        lr: Learning rate of SGD at first: a cosine towards `lr_end`, epoch by epoch, that begins
            anew after 1, 3, 7, 15 ... epochs.
        lr_end: What the learning rate falls to.
        momentum: Momentum of SGD.
        weight_decay: L2 penalty of SGD.
        batch_size: Examples a step.
        frozen_in_train_mode: See what departs from the release.
    """

    k: Count = 1
    epochs: Count = 30
    lr: NonNegative = 0.1
    lr_end: NonNegative = 0.005
    momentum: Part = 0.9
    weight_decay: NonNegative = 5e-5
    batch_size: Count = 64
    frozen_in_train_mode: bool = False

    @classmethod
    def as_released(cls, **fields: Any) -> Self:
        """Return CF-k with the departure of the release."""
        return cls(**({"frozen_in_train_mode": True} | fields))

    def __call__(
        self, model: nn.Module, *, retain: Labelled, generator: torch.Generator
    ) -> nn.Module:
        """Return a copy of `model` whose last layers were trained further on the retain set."""
        model = copy_of(model, retain=retain)
        with frozen_but_last(model, self.k) as (phi, _):
            fine_tune(
                model, retain, self.rates(), self.batch_size, generator,
                self.momentum, self.weight_decay, [] if self.frozen_in_train_mode else phi,
            )  # fmt: skip
        return settled(model)

    def rates(self) -> Iterator[float]:
        """Yield the learning rate of each epoch."""
        for e in range(self.epochs):
            length = 1 << (e + 1).bit_length() - 1  # of the cycle, which began length - 1 epochs in
            done = (e + 1 - length) / length
            yield self.lr_end + (self.lr - self.lr_end) * (1 + cos(pi * done)) / 2
