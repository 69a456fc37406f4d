r"""Fine-tuning on the retain set, the usual baseline.

Training goes on without the forget set and hopes that it is forgotten on the way:

.. math:: \theta \leftarrow \theta - \eta \nabla_\theta \, \ell(f_\theta(x), y),
    \qquad (x, y) \in D_r

Sees: :math:`D_r`. Never sees: :math:`D_f`.

The defaults are those of the JiT release (5 epochs, SGD 0.02, momentum 0.9, weight decay 5e-4, no
schedule, no augmentation).
"""

from dataclasses import dataclass

import torch
from torch import nn

from ..access import copy_of
from ..data.tensors import Labelled
from ..fields import Checked, Count, NonNegative, Part
from ..training import Recipe, train


@dataclass(frozen=True)
class FineTune(Checked):
    r"""Fine-tuning on the retain set.

    Needs no more than what is to be kept. Try `lr` from a tenth of what the model was trained with.

    Attributes:
        epochs: Passes over the retain set.
        lr: Learning rate :math:`\eta`.
        momentum: Momentum of SGD.
        weight_decay: L2 penalty of SGD.
        batch_size: Examples a step.
    """

    epochs: Count = 5
    lr: NonNegative = 0.02
    momentum: Part = 0.9
    weight_decay: NonNegative = 5e-4
    batch_size: Count = 128

    def __call__(
        self, model: nn.Module, *, retain: Labelled, generator: torch.Generator
    ) -> nn.Module:
        """Return a copy of `model`, trained further on the retain set."""
        recipe = Recipe(
            self.epochs, self.lr, self.momentum, self.weight_decay, self.batch_size, "constant"
        )
        return train(copy_of(model, retain=retain), retain, recipe, generator)
