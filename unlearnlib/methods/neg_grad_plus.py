r"""NegGrad+: descent on the retain set and, at the same time, ascent on the forget set.

Kurmanji, Triantafillou, Hayes and Triantafillou, "Towards Unbounded Machine Unlearning", NeurIPS
2023, arXiv:2302.09880, as a stronger baseline than ascent alone.

.. math:: L = \beta \, \ell_r - (1 - \beta) \, \ell_f

for one batch of each set; nothing bounds the second term. Since there are fewer forget batches,
they come round again.

Sees: :math:`D_f` and :math:`D_r` with labels. Never sees: test data.

Departs from the paper: it was read in part; the settings are those of the release, where they are
chosen anew for each experiment.

Departs from the release (meghdadk/SCRUB @ 98ffb11):
    Not taken over: the first round of forget batches is replayed; here each round is shuffled.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.optim import SGD

from ..access import copy_of
from ..checks.outputs import logits, settled
from ..data.tensors import Labelled
from ..fields import Checked, Count, NonNegative, Share
from ..losses import losses
from ..training import seeded


@dataclass(frozen=True)
class NegGradPlus(Checked):
    r"""Descent on the retain set together with ascent on the forget set.

    Needs no more than the training set. Try `lr` from a tenth of what the model was trained with,
    and `beta` from 0.9 to 0.9999.

    Attributes:
        beta: Weight :math:`\beta` of the retain set; 1 is fine-tuning, 0 is ascent alone.
        epochs: Passes over the retain set.
        lr: Learning rate of plain SGD.
        batch_size: Retain examples a step.
        forget_batch_size: Forget examples a step.
    """

    beta: Share = 0.9999
    epochs: Count = 5
    lr: NonNegative = 0.01
    batch_size: Count = 128
    forget_batch_size: Count = 16

    def __call__(
        self, model: nn.Module, *, forget: Labelled, retain: Labelled, generator: torch.Generator
    ) -> nn.Module:
        """Return a copy of `model` that fits the forget set less well."""
        model = copy_of(model, forget=forget, retain=retain).train()
        sgd = SGD(model.parameters(), self.lr)
        with seeded(generator):
            forgotten = forget.endless(self.forget_batch_size, generator)
            for _ in range(self.epochs):
                for x, y in retain.batches(self.batch_size, generator):
                    x_f, y_f = next(forgotten)
                    l_r = losses(logits(model, x), y).mean()
                    l_f = losses(logits(model, x_f), y_f).mean()
                    sgd.zero_grad()
                    (self.beta * l_r - (1 - self.beta) * l_f).backward()
                    sgd.step()
        return settled(model)
