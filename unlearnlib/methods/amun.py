r"""AMUN: fine-tuning on the nearest adversarial examples of what is to be forgotten.

Ebrahimpour-Boroojeny, Sundaram and Chandrasekaran, "Not All Wrong is Bad: Using Adversarial
Examples for Unlearning", ICML 2025, arXiv:2503.00917.

Each forget example has a near neighbour :math:`x'` to which the original answers otherwise, found
by projected gradient steps in the smallest ball that a doubling radius :math:`\epsilon` reaches. It
is learned with that answer, which costs little elsewhere, since the original gives it already:

.. math:: D_A = \{ (x', \arg\max f_o(x')) : (x, y) \in D_f \}, \qquad
    \min_\theta \mathop{\mathrm{mean}}_{(x, y) \in D_r \cup D_f \cup D_A} \ell(f_\theta(x), y)

So :math:`D_f` is trained on too, with its true labels, and the border is drawn close to it. An
example that the original gets wrong is its own neighbour; one for which no neighbour is found is
left out of :math:`D_A`, with a warning, and if none is found the model is refused.

The search is in eval mode and in full precision. Training is as usual: in train mode, so that the
statistics of BatchNorm move, by :math:`D_A` too, and in bf16 on CUDA. Inputs that are tokens and
several labels an example are refused.

Sees: :math:`D_f` and :math:`D_r` with labels; if there is nothing to retain, it is the paper's form
without :math:`D_r`. Never sees: test data.

Departs from the paper: its body could not be read; this follows the release.

Departs from the release (Ali-E/AMUN @ 7282329; its script all in one @ 6dc29ab), by `as_released`:
    `forget_too=False` (all in one): :math:`D_f` itself is left out.
    Not taken over: inputs clamped to [0, 1], in the script all in one after they were normalised
    and augmented; there the median radius of 50 examples as the first one of the others;
    1e-10 added to the length of a gradient, beside which that of a confident example vanishes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ..access import copy_of
from ..checks.outputs import settled
from ..data.tensors import Labelled
from ..errors import SpecError
from ..fields import Checked, Count, NonNegative, Part, Positive
from .parts.adversary import nearest_adversaries
from .parts.fine_tuning import fine_tune


@dataclass(frozen=True)
class AMUN(Checked):
    r"""Fine-tuning on all examples and on near ones that are answered wrongly.

    With the defaults what is to be forgotten gets a little less sure, not wrong. To forget a class
    of a small problem, try `as_released` with an `eps` of 0.5 and batches of 20.

    Attributes:
        eps: First radius :math:`\epsilon`, in units of the inputs; the release has 0.04, of pixels
            between 0 and 1.
        steps: Gradient steps with each radius, of a tenth of it.
        epochs: Passes over all examples.
        lr: Learning rate of SGD, that of the release's script; what its tables rest on is not
            known.
        every: Epochs after which the rate falls to a tenth; the release searches 1, 5 and 10.
        momentum: Momentum of SGD.
        weight_decay: L2 penalty of SGD.
        batch_size: Examples a step.
        forget_too: Train on the forget set itself, with its labels.
    """

    eps: Positive = 0.04
    steps: Count = 50
    epochs: Count = 10
    lr: NonNegative = 0.01
    every: Count = 5
    momentum: Part = 0.9
    weight_decay: NonNegative = 5e-4
    batch_size: Count = 128
    forget_too: bool = True

    @classmethod
    def as_released(cls, **fields: Any) -> "AMUN":
        """Return AMUN as the script all in one runs it, with its values."""
        return cls(**({"eps": 0.01, "lr": 0.05, "every": 1, "forget_too": False} | fields))

    def __call__(
        self, model: nn.Module, *, forget: Labelled, retain: Labelled, generator: torch.Generator
    ) -> nn.Module:
        """Return a copy of `model` that gives wrong answers close to the forget examples.

        Raises:
            SpecError: The inputs are tokens, or examples have several labels.
        """
        model = copy_of(model, forget=forget, retain=retain).eval()
        if not forget.x.is_floating_point() or forget.y.is_floating_point():
            raise SpecError(
                "AMUN moves real-valued inputs until their one label is answered wrongly; these "
                "are tokens, or have several labels. Use another method, such as RandomLabel."
            )
        D_A = Labelled(*nearest_adversaries(
            model, forget.x, forget.y, self.eps, self.steps, self.batch_size
        ))  # fmt: skip
        D = [retain, *[forget] * self.forget_too, D_A]
        data = Labelled(torch.cat([part.x for part in D]), torch.cat([part.y for part in D]))
        fine_tune(
            model, data, self.rates(), self.batch_size, generator, self.momentum, self.weight_decay
        )
        return settled(model)

    def rates(self) -> Iterator[float]:
        """Yield the learning rate of each epoch."""
        for e in range(self.epochs):
            yield self.lr * 0.1 ** (e // self.every)
