r"""CT: every convolution kernel is transposed, then all is fine-tuned.

An entry of the NeurIPS 2023 competition (Triantafillou et al., "Are We Making Progress in
Unlearning? Findings from the First NeurIPS Unlearning Competition", arXiv:2406.09073), named and
ported by Cadet, Borovykh, Malekzadeh, Ahmadi-Abhari and Haddadi, "Deep Unlearn", arXiv:2410.01276.

Height and width of each kernel change places, and training goes on on :math:`D_r`:

.. math:: W_{oiab} \leftarrow W_{oiba}, \qquad
    \theta \leftarrow \theta - \eta_e \nabla_\theta \, \ell(f_\theta(x), y), \quad (x, y) \in D_r,
    \qquad \eta_e = \tfrac12 \eta \, (1 + \cos (\pi e / E)), \quad e = 0, \dots, E - 1

The transposed network does to a transposed image what the original did to the image, if its inputs,
strides and pools are square and its last features are pooled over the whole image. Kernels of
1 x 1 stay, and a network without convolutions is fine-tuned. Training is in train mode, so that the
statistics of BatchNorm move, and in bf16 on CUDA, as usual.

Sees: :math:`D_r` with labels. Never sees: :math:`D_f`.

Departs from the entry: its code and write-up could not be read, so how near the port is to it is
not known. The port is xcadet/deepunlearn @ d3dacb6.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import cos, pi

import torch
from torch import nn

from ..access import copy_of
from ..checks.outputs import settled
from ..data.tensors import Labelled
from ..errors import UnsupportedModelError
from ..fields import Checked, Count, NonNegative, Part
from .parts.fine_tuning import fine_tune
from .parts.kernels import kernels


@dataclass(frozen=True)
class CT(Checked):
    r"""Fine-tuning after every convolution kernel was transposed.

    The defaults are those of the port. On small data its `lr` is too small to learn again what
    transposing undid, so that everything is half forgotten: try 0.05.

    Attributes:
        epochs: Passes E over the retain set.
        lr: Learning rate :math:`\eta` of SGD in the first epoch.
        momentum: Momentum of SGD.
        weight_decay: L2 penalty of SGD.
        batch_size: Examples a step.
    """

    epochs: Count = 3
    lr: NonNegative = 1e-3
    momentum: Part = 0.9
    weight_decay: NonNegative = 5e-4
    batch_size: Count = 64

    def __call__(
        self, model: nn.Module, *, retain: Labelled, generator: torch.Generator
    ) -> nn.Module:
        """Return a copy of `model` with transposed kernels, trained further on the retain set.

        Raises:
            UnsupportedModelError: A kernel is not square.
        """
        model = copy_of(model, retain=retain)
        for W in kernels(model):
            if W.shape[2] != W.shape[3]:
                raise UnsupportedModelError(
                    f"A convolution of {type(model).__name__} has a kernel of {W.shape[2]} x "
                    f"{W.shape[3]}, which transposed does not fit its layer: CT takes square "
                    "kernels. Freeze that layer with requires_grad_(False) to leave it as it is."
                )
            W.data.copy_(W.detach().mT.clone())  # W_oiab <- W_oiba, in the memory of W
        fine_tune(
            model, retain, self.rates(), self.batch_size, generator,
            self.momentum, self.weight_decay,
        )  # fmt: skip
        return settled(model)

    def rates(self) -> Iterator[float]:
        """Yield the learning rate of each epoch."""
        for e in range(self.epochs):
            yield self.lr * (1 + cos(pi * e / self.epochs)) / 2
