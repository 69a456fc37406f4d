r"""Adaptive Selective Synaptic Dampening (ASSD).

Schoepf, Foster and Brintrup, "Parameter-tuning-free data entry error unlearning with adaptive
selective synaptic dampening", 2024, arXiv:2402.10098.

SSD with :math:`\lambda = 1` and no alpha to choose: it is a percentile of the relative importances
of all parameters, so that about :math:`\ln(1 + 100 |D_f| / |D|)` per cent of them are dampened.

.. math::
    \alpha = \operatorname{percentile}_p \left( I_{D_f,i} / I_{D,i} \right), \qquad
    p = 100 - \ln \left( 1 + 100 \frac{|D_f|}{|D|} \right)

Quotients that are not finite do not count.

Sees: :math:`D_f` with labels, and :math:`I_D`, stored with the model. Never sees: :math:`D_r`.

Departs from the paper: its body could not be read; this is the authors' code.

Departs from the release (if-loops/adaptive-selective-synaptic-dampening @ f04c49d):
    `retained=True`, by `ASSD.as_released`: the retain set stands in D's place; its importance
    follows from the stored one, with no pass over :math:`D_r`.
    Not taken over: batches of 1024 of the retain set, in train mode (BatchNorm on batches).
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from ..access import copy_of
from ..data.tensors import Labelled
from ..errors import NonFiniteError
from ..fields import BOUNDS_MEMORY, Checked, Count, NonNegative
from ..stored.importance import Importance, Order, Statistic, fisher_diagonal
from .ssd import dampen


@dataclass(frozen=True)
class ASSD(Checked):
    r"""Adaptive Selective Synaptic Dampening.

    `ASSD(...).stored.of(model, training_set)` makes `fisher`: once, of the whole training set, the
    forget set among it. There is no `alpha` to choose.

    Attributes:
        lam: Dampening constant :math:`\lambda`.
        retained: Compare with :math:`I_{D_r}` instead of :math:`I_D`; needs `group=1`.
        group: Examples whose gradients are averaged before they are squared; 1 is the equation.
        order: Order of D, which matters if examples are grouped.
        chunk: Examples a forward pass; bounds the memory, changes nothing else.
    """

    lam: NonNegative = 1.0
    retained: bool = False
    group: Count = 1
    order: Order = "data"
    chunk: Count = field(default=64, metadata=BOUNDS_MEMORY)

    @classmethod
    def as_released(cls, lam: float = 1.0, **fields: Any) -> "ASSD":
        """Return ASSD with the retain set in place of D."""
        return cls(lam, **({"retained": True} | fields))

    @property
    def stored(self) -> Statistic:
        """Which importance of D must be stored."""
        return Statistic("fisher", self.group, self.order)

    def __call__(self, model: nn.Module, *, forget: Labelled, fisher: Importance) -> nn.Module:
        """Return a copy of `model` without the parameters that matter to the forget set most."""
        model = copy_of(model, forget=forget).eval()
        fisher.check(model, self.stored)
        I_Df = fisher_diagonal(model, forget, group=self.group, chunk=self.chunk, order=self.order)
        I_D = fisher.without(I_Df) if self.retained else fisher
        alpha = adaptive_alpha(I_D, I_Df, len(forget) / fisher.n)
        return dampen(model, I_D, I_Df, alpha, self.lam)


def adaptive_alpha(I_D: Importance, I_Df: Importance, share: float) -> float:
    r"""Return the percentile of all quotients that are finite, for a `share` of D to forget.

    Raises:
        NonFiniteError: None of them is finite.
    """
    r = torch.cat([(I_Df[name] / I_D[name]).flatten() for name in I_Df.values])
    r = r[r.isfinite()]  # of dead parameters: 0/0; and what only rounding tells from them: x/0
    if not len(r):
        raise NonFiniteError(
            "No relative importance is finite, so that there is no percentile of them: those for D "
            "are all zero (a model without any loss has no gradients), NaN or infinite. Use "
            "a method that needs no importance, or one without labels (LFSSD)."
        )
    p = 100 - math.log1p(100 * share)
    return float(np.percentile(r.cpu().numpy(), p))
