r"""EU-k: the last k layers are retrained from scratch ("exact unlearning").

Goel, Prabhu, Sanyal, Lim, Torr and Kumaraguru, "Towards Adversarial Evaluations for Inexact Machine
Unlearning", 2022, arXiv:2201.06640.

All but the last k layers, :math:`\phi`, stay as they were trained. The last k, :math:`\psi`, are
drawn anew and trained on :math:`D_r` by the recipe of the original model:

.. math:: \min_\psi \mathop{\mathrm{mean}}_{(x, y) \in D_r} \ell(f_{\phi_o, \psi}(x), y), \qquad
    \psi_0 \sim \text{an untrained network}

Convolutions and linear layers are counted, from the end, in the order in which they were
registered; what was registered after the first of them, such as its BatchNorm, rides along. All of
them are retraining, but for what comes before the first, such as embeddings; more are refused. The
last layers are in train mode and the frozen part in eval mode, so that it keeps the statistics of
its BatchNorm; on CUDA steps run in bf16, as usual.

Sees: :math:`D_r`, an untrained network and the recipe. Never sees: :math:`D_f`.

Departs from the paper: its body could not be read; this follows the release. The model of the last
epoch is returned; so does the release, though its name for it is that of the best.

Departs from the release (shash42/Evaluating-Inexact-Unlearning @ e315401), by `as_released`:
    `frozen_in_train_mode`: BatchNorm of the frozen part uses batches and updates its statistics.
    `reset_rest=False`: BatchNorm among the last layers keeps weights and statistics.
    Not taken over: gradients are clipped at a norm of 10; where there were pretrained weights, it
    goes back to these.
"""

from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import nn

from ..access import copy_of
from ..data.tensors import Labelled
from ..fields import Checked, Count
from ..models import Factory
from ..training import Recipe, train
from .parts.last_layers import LAYERS, frozen_but_last, last_layers


@dataclass(frozen=True)
class EUK(Checked):
    """EU-k: the last layers are trained from scratch.

    `fresh_model` is a function that makes an untrained network of a generator, `recipe` says how it
    is trained; `OwnScenario` makes both of a factory and a `Recipe`.

    Attributes:
        k: Last layers; the release has 1, 3, 5 and 7 of a ResNet-20.
        frozen_in_train_mode: See what departs from the release.
        reset_rest: Draw all anew that was registered among the last layers; else only convolutions
            and linear layers.
    """

    k: Count = 1
    frozen_in_train_mode: bool = False
    reset_rest: bool = True

    @classmethod
    def as_released(cls, **fields: Any) -> Self:
        """Return EU-k with the departures of the release."""
        return cls(**({"frozen_in_train_mode": True, "reset_rest": False} | fields))

    def __call__(
        self, model: nn.Module, *, retain: Labelled, fresh_model: Factory, recipe: Recipe,
        generator: torch.Generator,
    ) -> nn.Module:  # fmt: skip
        """Return a copy of `model` whose last layers never saw the forget set."""
        model = copy_of(model, retain=retain, fresh_model=fresh_model, generator=generator)
        drawn = last_layers(fresh_model(generator), self.k)
        with frozen_but_last(model, self.k) as (phi, psi):
            for old, new in zip(psi, drawn, strict=True):  # psi_0
                if self.reset_rest or isinstance(old, LAYERS):
                    take_over(old, new)
            return train(model, retain, recipe, generator, [] if self.frozen_in_train_mode else phi)


@torch.no_grad()
def take_over(old: nn.Module, new: nn.Module) -> None:
    """Give `old` the parameters of `new`, but for frozen ones, and the buffers."""
    for p, q in zip(old.parameters(False), new.parameters(False), strict=True):
        p.copy_(q if p.requires_grad else p)
    for b, c in zip(old.buffers(False), new.buffers(False), strict=True):
        b.copy_(c)
