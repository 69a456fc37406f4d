r"""Boundary Shrink: a class gives way to its neighbours.

Chen, Gao, Liu, Peng and Wang, "Boundary Unlearning: Rapid Forgetting of Deep Networks via Shifting
the Decision Boundary", CVPR 2023, arXiv:2303.11570.

Each forget example is given the label of the class that is nearest to it, which one step of FGSM
towards a larger loss finds, and the model is trained on these labels:

.. math::
    x' = x + \epsilon \operatorname{sign} \nabla_x \ell(f_{\theta_o}(x), y), \qquad
    y_{nbi} = \arg\max_{c \ne y} f_{\theta_o}(x')_c, \qquad
    \min_\theta \mathop{\mathrm{mean}}_{D_f} \ell(f_\theta(x), y_{nbi})

The gradient is that of :math:`\log (1 - p_y) / p_y`, which has the signs of that of the loss and
does not vanish where :math:`p_y` rounds to 1. Outputs are those of a softmax; several labels an
example are refused. Training is in eval mode, which leaves BatchNorm's statistics as they are, and
on CUDA in bf16 autocast.

Sees: :math:`D_f` with labels. Never sees: :math:`D_r`.

Departs from the paper: its body could not be read; the settings are those of the release.

Departs from the release (TY-LEE-KR/Boundary-Unlearning-Code @ 19f9f23, the authors' code put there
by another), by `as_released`:
    `train_mode`: BatchNorm uses and updates batch statistics, those of the forget set alone.
    `relearn`: of examples that the step does not carry over the boundary, y is the argmax over all
    classes, so that they are learned again.
    `eps=0.5`: the step of 0.1 is taken after pixels were scaled as if by 0.2, while they were by
    0.5; in units of the normalised input that is 0.5, a quarter of the range of pixels.
    Not taken over: rounding x' to 1/255 and clamping it to [0, 1] in those wrong units; the
    curvature term and the weights of examples that it may have.

Probably this is what the tables of JiT call BDSH: by the letters, the data and a standard deviation
of 0.0 over seeds, which fixed labels give. But JiT's release has no such method, its settings are
not known, and 1051 s on ViT are many times ten epochs: no row here reproduces one.
"""

from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from ..access import copy_of
from ..checks.outputs import logits, settled
from ..data.tensors import Labelled
from ..errors import SpecError
from ..fields import NonNegative
from ..losses import check_labels
from .parts.adversary import log_odds
from .parts.boundary import Boundary


@dataclass(frozen=True)
class BoundaryShrink(Boundary):
    r"""Boundary Shrink; the other fields are those of `Boundary`.

    Attributes:
        eps: Size :math:`\epsilon` of the step, in units of the normalised input; 0.1 is the
            release's number.
        relearn: Let an example that stays within the boundary keep its label.
    """

    eps: NonNegative = 0.1
    relearn: bool = False

    @classmethod
    def as_released(cls, **fields: Any) -> Self:
        """Return Boundary Shrink with every departure of the release."""
        return super().as_released(**({"relearn": True, "eps": 0.5} | fields))

    def __call__(
        self, model: nn.Module, *, forget: Labelled, generator: torch.Generator
    ) -> nn.Module:
        """Return a copy of `model` that takes the forget set for its neighbours.

        Raises:
            SpecError: The inputs are tokens, or an example may have several labels.
        """
        model = copy_of(model, forget=forget).eval()
        if not forget.x.is_floating_point():
            raise SpecError(
                "BoundaryShrink moves real-valued inputs; these are tokens "
                f"({forget.x.dtype}). Use another method, or features in their place."
            )
        if forget.y.is_floating_point():
            raise SpecError(
                "BoundaryShrink looks for the nearest other class, and an example with several "
                "labels has none. Use another method, or one label an example."
            )
        pairs = forget.batches(self.batch_size)
        y_nbi = torch.cat([self.neighbours(model, x, y) for x, y in pairs])  # of theta_o
        self.learn(model, [*model.parameters()], Labelled(forget.x, y_nbi), generator)
        return settled(model)

    def neighbours(self, model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        """Return the class that is nearest to each example of a batch, (b,)."""
        x = x.detach().clone().requires_grad_()
        z = logits(model, x.clone())  # a first layer may work in place
        check_labels(z, y)
        (g,) = torch.autograd.grad(log_odds(z, y).sum(), x, materialize_grads=True)
        with torch.no_grad():
            z = logits(model, x + self.eps * g.sign())  # f(x')
        return (z if self.relearn else z.scatter(1, y[:, None], -torch.inf)).argmax(1)
