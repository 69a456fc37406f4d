r"""Boundary Shrink and Boundary Expand: a class gives way to its neighbours, or to a new class.

Chen, Gao, Liu, Peng and Wang, "Boundary Unlearning: Rapid Forgetting of Deep Networks via Shifting
the Decision Boundary", CVPR 2023, arXiv:2303.11570.

Shrink gives each forget example the label of the class that is nearest to it, which one step of
FGSM towards a larger loss finds, and trains on these labels:

.. math::
    x' = x + \epsilon \operatorname{sign} \nabla_x \ell(f_{\theta_o}(x), y), \qquad
    y_{nbi} = \arg\max_{c \ne y} f_{\theta_o}(x')_c, \qquad
    \min_\theta \mathop{\mathrm{mean}}_{D_f} \ell(f_\theta(x), y_{nbi})

The gradient is that of :math:`\log (1 - p_y) / p_y`, which has the signs of that of the loss and
does not vanish where :math:`p_y` rounds to 1.

Expand gives all of them a new class C + 1, the outputs of which are cut off in the end:

.. math:: \min_\theta \mathop{\mathrm{mean}}_{D_f} \ell(f_\theta(x), C + 1)

where the last layer keeps its rows and has one more, drawn by Xavier's rule. Outputs are those of a
softmax: Shrink refuses several labels an example, Expand sees no label and cannot tell. Both train
in eval mode, which leaves BatchNorm's statistics as they are, and on CUDA in bf16 autocast.

Sees: :math:`D_f`, Shrink with labels and Expand without. Never sees: :math:`D_r`.

Departs from the paper: its body could not be read; the settings are those of the release.

Departs from the release (TY-LEE-KR/Boundary-Unlearning-Code @ 19f9f23, the authors' code put there
by another), by `as_released`:
    `train_mode`: BatchNorm uses and updates batch statistics, those of the forget set alone.
    `relearn` (Shrink): of examples that the step does not carry over the boundary, y is the argmax
    over all classes, so that they are learned again.
    `eps=0.5` (Shrink): the step of 0.1 is taken after pixels were scaled as if by 0.2, while they
    were by 0.5; in units of the normalised input that is 0.5, a quarter of the range of pixels.
    Not taken over: rounding x' to 1/255 and clamping it to [0, 1] in those wrong units; Expand's
    first step in the mode that the model came in; the curvature term and the weights of examples
    that Shrink may have.

Shrink is probably what the tables of JiT call BDSH: by its letters, its data and a standard
deviation of 0.0 over seeds, which fixed labels give. But JiT's release has no such method, its
settings are not known, and 1051 s on ViT are many times ten epochs: no row here reproduces one.
"""

from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.optim import SGD

from ..access import copy_of
from ..checks.outputs import logits, settled
from ..data.tensors import Inputs, Labelled
from ..errors import SpecError, UnsupportedModelError
from ..fields import Checked, Count, NonNegative
from ..losses import check_labels, mean_loss
from ..training import forward, seeded
from .parts.adversary import log_odds


@dataclass(frozen=True)
class Boundary(Checked):
    """What Shrink and Expand share: training on new labels of the forget set.

    The defaults are the release's. Its `lr` does nothing to a small model or a few hundred
    examples: try 1e-5 to 1e-2, batches of 8 there.

    Attributes:
        epochs: Passes over the forget set.
        lr: Learning rate of SGD (momentum 0.9).
        batch_size: Forget examples a step.
        train_mode: Train in train mode, which moves the statistics of BatchNorm.
    """

    epochs: Count = 10
    lr: NonNegative = 1e-5
    batch_size: Count = 64
    train_mode: bool = False

    @classmethod
    def as_released(cls, **fields: Any) -> Self:
        """Return the method with every departure of the release."""
        return cls(**({"train_mode": True} | fields))

    def learn(
        self, model: nn.Module, parameters: list[nn.Parameter], data: Labelled,
        generator: torch.Generator,
    ) -> None:  # fmt: skip
        """Take the steps of `parameters` that lower the mean loss of `model` on `data`."""
        sgd = SGD(parameters, self.lr, momentum=0.9)
        model.train(self.train_mode)
        with seeded(generator):
            for _ in range(self.epochs):
                for x, y in data.batches(self.batch_size, generator):
                    sgd.zero_grad()
                    mean_loss(forward(model, x), y).backward()
                    sgd.step()


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


@dataclass(frozen=True)
class BoundaryExpand(Boundary):
    """Boundary Expand; its fields are those of `Boundary`."""

    def __call__(
        self, model: nn.Module, *, forget_inputs: Inputs, generator: torch.Generator
    ) -> nn.Module:
        """Return a copy of `model` that took the forget set for a class which it no longer has.

        Raises:
            UnsupportedModelError: The logits are not the outputs of a linear layer.
        """
        model = copy_of(model, forget_inputs=forget_inputs).eval()
        x = forget_inputs.x
        head, C = head_of(model, x[:1].clone())
        with seeded(generator):
            row = nn.Linear(head.in_features, 1, bias=head.bias is not None).to(head.weight)
            nn.init.normal_(row.weight, std=(2 / (head.in_features + C + 1)) ** 0.5)  # Xavier
        if row.bias is not None:
            nn.init.zeros_(row.bias)
        wider = head.register_forward_hook(lambda _, h, z: torch.cat([z, row(h[0])], 1))
        new = torch.full((len(x),), C, device=x.device)  # class C + 1, counted from 0
        self.learn(model, [*model.parameters(), *row.parameters()], Labelled(x, new), generator)
        wider.remove()  # and with it the row
        return settled(model)


def head_of(model: nn.Module, x: Tensor) -> tuple[nn.Linear, int]:
    """Return the linear layer whose outputs are the logits of `model` for `x`, and their number.

    Raises:
        UnsupportedModelError: There is none.
    """
    left: dict[nn.Linear, Tensor] = {}
    hooks = [
        layer.register_forward_hook(lambda layer, _, z: left.update({layer: z}))
        for layer in model.modules()
        if isinstance(layer, nn.Linear)
    ]
    z = logits(model, x)
    for hook in hooks:
        hook.remove()
    for layer, out in reversed(left.items()):
        if out.shape == z.shape and torch.equal(out, z):
            return layer, z.shape[1]
    raise UnsupportedModelError(
        f"The logits of {type(model).__name__} are not the outputs of a linear layer, and "
        "BoundaryExpand gives that layer a new output. Let the model end in torch.nn.Linear."
    )
