r"""Boundary Expand: a class gives way to a new one, which is then cut off.

Chen, Gao, Liu, Peng and Wang, "Boundary Unlearning: Rapid Forgetting of Deep Networks via Shifting
the Decision Boundary", CVPR 2023, arXiv:2303.11570.

All forget examples are given a new class C + 1, the outputs of which are cut off in the end:

.. math:: \min_\theta \mathop{\mathrm{mean}}_{D_f} \ell(f_\theta(x), C + 1)

where the last layer keeps its rows and has one more, drawn by Xavier's rule. Outputs are those of a
softmax, also where examples have several labels: without labels nothing tells. Training is in eval
mode, which leaves BatchNorm's statistics as they are, and on CUDA in bf16 autocast.

Sees: :math:`D_f` without labels. Never sees: :math:`D_r`.

Departs from the paper: its body could not be read; the settings are those of the release.

Departs from the release (TY-LEE-KR/Boundary-Unlearning-Code @ 19f9f23, the authors' code put there
by another), by `as_released`:
    `train_mode`: BatchNorm uses and updates batch statistics, those of the forget set alone.
    Not taken over: its first step in the mode that the model came in.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..access import copy_of
from ..checks.outputs import logits, settled
from ..data.tensors import Inputs, Labelled
from ..errors import UnsupportedModelError
from ..training import seeded
from .parts.boundary import Boundary


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
