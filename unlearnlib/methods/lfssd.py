r"""Loss-free Selective Synaptic Dampening (LFSSD).

Foster, Schoepf and Brintrup, "Loss-Free Machine Unlearning", ICLR 2024 Tiny Papers,
arXiv:2402.19308.

SSD without labels: the importance of a parameter is how much the size of the output moves with it,

.. math::
    \Omega_i = \frac1n \sum_n
        \left| \frac{\partial \lVert f_\theta(x_n) \rVert_2^2}{\partial \theta_i} \right|,
    \qquad
    \theta_i \leftarrow \min\left( \lambda \Omega_{D,i} / \Omega_{D_f,i},\; 1 \right) \theta_i
    \quad \text{if } \Omega_{D_f,i} > \alpha \Omega_{D,i}

These are first powers of gradients, SSD's are second powers: one alpha is not the other's.

Sees: :math:`D_f` without labels, and :math:`\Omega_D`, stored with the model. Never sees:
:math:`D_r`, labels.

Departs from the paper: its body could not be read for this file. The abstract says "l2 norm", the
authors' code squares it, as here; `norm` names others.

Departs from the release (two lines in the README of if-loops/selective-synaptic-dampening @
cdfdc0e), by `LFSSD.as_released`:
    `group=64`: the absolute value of the gradient of a batch's mean (128 in the random script).
    `order="release"`: batches of D are sorted by class, with the forget set at the end.
"""

from dataclasses import dataclass, field
from typing import Any

from torch import nn

from ..access import copy_of
from ..data.tensors import Inputs
from ..fields import BOUNDS_MEMORY, Checked, Count, NonNegative
from ..stored.importance import Importance, Norm, Order, Statistic, output_sensitivity
from .ssd import dampen, warn_of_nothing


@dataclass(frozen=True)
class LFSSD(Checked):
    r"""Loss-free Selective Synaptic Dampening.

    `LFSSD(...).stored.of(model, training_set)` makes `sensitivity`: once, of the whole training set
    as `Inputs`, the forget set among it. Try the values that `SSD` says.

    Attributes:
        alpha: Selection weight :math:`\alpha`; larger selects fewer parameters.
        lam: Dampening constant :math:`\lambda`; smaller shrinks harder.
        group: Examples whose gradients are averaged before the absolute value; 1 is the equation.
        order: Order of D, which matters if examples are grouped.
        norm: Size of the output, a key of `unlearnlib.stored.importance.NORMS`.
        chunk: Examples a forward pass; bounds the memory, changes nothing else.
    """

    alpha: NonNegative = 10.0
    lam: NonNegative = 1.0
    group: Count = 1
    order: Order = "data"
    norm: Norm = "squared"
    chunk: Count = field(default=64, metadata=BOUNDS_MEMORY)

    @classmethod
    def as_released(cls, alpha: float = 10.0, lam: float = 1.0, **fields: Any) -> "LFSSD":
        """Return LFSSD with every departure of the release (its class values by default)."""
        released: dict[str, Any] = {"group": 64, "order": "release"}
        return cls(alpha, lam, **(released | fields))

    @property
    def stored(self) -> Statistic:
        """Which importance of D must be stored."""
        return Statistic("sensitivity", self.group, self.order, self.norm)

    def __call__(
        self, model: nn.Module, *, forget_inputs: Inputs, sensitivity: Importance
    ) -> nn.Module:
        """Return a copy of `model` without the parameters that matter to the forget set most."""
        model = copy_of(model, forget_inputs=forget_inputs).eval()
        sensitivity.check(model, self.stored)
        Omega_Df = output_sensitivity(
            model,
            forget_inputs,
            group=self.group,
            chunk=self.chunk,
            order=self.order,
            norm=self.norm,
        )
        warn_of_nothing(self.alpha, sensitivity, Omega_Df)
        return dampen(model, sensitivity, Omega_Df, self.alpha, self.lam)
