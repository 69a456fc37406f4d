r"""Selective Synaptic Dampening (SSD).

Foster, Schoepf and Brintrup, "Fast Machine Unlearning Without Retraining Through Selective
Synaptic Dampening", AAAI 2024, arXiv:2308.07707.

A parameter matters more to :math:`D_f` than to :math:`D` if its importance there, the diagonal of
the Fisher information, is :math:`\alpha` times as large; such parameters are shrunk in proportion:

.. math::
    \theta_i \leftarrow \min\left( \lambda I_{D,i} / I_{D_f,i},\; 1 \right) \theta_i
    \quad \text{if } I_{D_f,i} > \alpha I_{D,i}

(Equation 4; no gradient step.) Since :math:`D_f` is a part of D, a parameter that matters to
:math:`D_f` alone is multiplied by :math:`\lambda |D_f| / |D|`, which is small but not zero.

Sees: :math:`D_f` with labels, and :math:`I_D`, stored with the model. Never sees: :math:`D_r`.

Departs from the paper: version 1 prints :math:`\theta_i` inside the minimum too, and does not say
whether gradients are squared one by one; its text and its release clip the factor.

Departs from the release (if-loops/selective-synaptic-dampening @ cdfdc0e), by `SSD.as_released`:
    `group=64`: the gradient of a batch's mean loss is squared (128 in the random script).
    `order="release"`: batches of D are sorted by class, with the forget set at the end.
"""

import warnings
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from ..access import copy_of
from ..checks.outputs import finite, settled
from ..data.tensors import Labelled
from ..errors import NonFiniteError
from ..fields import BOUNDS_MEMORY, Checked, Count, NonNegative
from ..stored.importance import Importance, Order, Statistic, fisher_diagonal


@dataclass(frozen=True)
class SSD(Checked):
    r"""Selective Synaptic Dampening.

    `SSD(...).stored.of(model, training_set)` makes `fisher`: once, of the whole training set, the
    forget set among it. Try `alpha` from 1 up to the size of the training set over that of the
    forget set, above which nothing is selected, and `lam` from 0.1 to 1.

    Attributes:
        alpha: Selection weight :math:`\alpha`; larger selects fewer parameters.
        lam: Dampening constant :math:`\lambda`; smaller shrinks harder.
        group: Examples whose gradients are averaged before they are squared; 1 is the equation.
        order: Order of D, which matters if examples are grouped.
        chunk: Examples a forward pass; bounds the memory, changes nothing else.
    """

    alpha: NonNegative = 10.0
    lam: NonNegative = 1.0
    group: Count = 1
    order: Order = "data"
    chunk: Count = field(default=64, metadata=BOUNDS_MEMORY)

    @classmethod
    def as_released(cls, alpha: float = 10.0, lam: float = 1.0, **fields: Any) -> "SSD":
        """Return SSD with every departure of the release (its ResNet18 values by default)."""
        released: dict[str, Any] = {"group": 64, "order": "release"}
        return cls(alpha, lam, **(released | fields))

    @property
    def stored(self) -> Statistic:
        """Which importance of D must be stored."""
        return Statistic("fisher", self.group, self.order)

    def __call__(self, model: nn.Module, *, forget: Labelled, fisher: Importance) -> nn.Module:
        """Return a copy of `model` without the parameters that matter to the forget set most."""
        model = copy_of(model, forget=forget).eval()
        fisher.check(model, self.stored)
        I_Df = fisher_diagonal(model, forget, group=self.group, chunk=self.chunk, order=self.order)
        warn_of_nothing(self.alpha, fisher, I_Df)
        return dampen(model, fisher, I_Df, self.alpha, self.lam)


def warn_of_nothing(alpha: float, I_D: Importance, I_Df: Importance) -> None:
    r"""Warn if alpha is so large that nothing can be selected.

    Since :math:`D_f` is a part of D, :math:`I_{D_f} \le (|D| / |D_f|) I_D` per example. In groups
    it is so only if those of the forget set are groups of D.
    """
    bound = I_D.n / I_Df.n
    if I_D.statistic.group == 1 and alpha >= bound:
        warnings.warn(
            f"alpha = {alpha:g} selects nothing: per example no importance for the forget set is "
            f"above |D| / |D_f| = {bound:g} times that for D. Choose a smaller alpha, "
            "such as `tune` finds.",
            stacklevel=3,
        )


@torch.no_grad()
def dampen(
    model: nn.Module, I_D: Importance, I_Df: Importance, alpha: float, lam: float
) -> nn.Module:
    """Apply the rule to `model`, in place, and return it.

    Raises:
        NonFiniteError: An importance is NaN or infinite, so that it cannot be compared.
    """
    for name, theta in model.named_parameters():
        if theta.requires_grad:
            if not (finite(I_D[name]) and finite(I_Df[name])):
                raise NonFiniteError(
                    f"The importance of '{name}' is NaN or infinite somewhere, so that nothing can "
                    "be compared with it. Look for such numbers in the model, or compute in a type "
                    "of larger range."
                )
            selected = I_Df[name] > alpha * I_D[name]  # never where I_Df = 0
            # Equation 4's min(lambda I_D / I_Df, 1); where I_Df = 0 it is 0/0, and masked below
            beta = (lam * I_D[name] / I_Df[name]).clamp(max=1)
            theta.copy_(torch.where(selected, beta * theta, theta))
    return settled(model)
