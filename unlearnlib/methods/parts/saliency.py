r"""SalUn's mask: the weights that matter most to the forget set, and steps that move no other.

Any method of gradient steps can be confined to them, in two lines:

    mask = saliency(model.eval(), forget, 0.5)
    confine(optimiser, mask)
"""

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ...checks.outputs import logits
from ...data.tensors import Labelled
from ...losses import losses

Mask = dict[Tensor, Tensor]
"""For each parameter, which of its entries may move: bool, of its shape."""


def saliency(model: nn.Module, data: Labelled, share: float) -> Mask:
    r"""Return the mask of the largest gradients, over all parameters together.

    .. math:: m_S = \mathbb 1 \left( \left| \nabla_\theta
        \mathop{\mathrm{mean}}_{(x, y)} \ell(f_\theta(x), y) \right| \ge \gamma \right)

    with :math:`\gamma` such that it is 1 for that share of the entries, exactly.

    Args:
        model: In the mode in which its gradients are wanted; it is left without gradients.
        data: The examples.
        share: Of the entries of parameters that are not frozen, rounded down.
    """
    model.zero_grad()
    for x, y in data.batches(256):
        (losses(logits(model, x.clone()), y).sum() / len(data)).backward()
    free = [p for p in model.parameters() if p.requires_grad]
    size = [torch.zeros_like(p) if p.grad is None else p.grad.abs() for p in free]
    model.zero_grad()
    flat = torch.cat([g.flatten() for g in size])
    chosen = torch.zeros_like(flat, dtype=torch.bool)
    chosen[flat.topk(int(share * len(flat))).indices] = True
    parts = chosen.split([p.numel() for p in free])
    return {p: part.view_as(p) for p, part in zip(free, parts, strict=True)}


def confine(optimiser: Optimizer, mask: Mask) -> None:
    r"""Let `optimiser` move nothing but what `mask` allows, whatever its momentum and decay.

    .. math:: \theta \leftarrow m_S \odot \theta + (1 - m_S) \odot \theta_o

    after every step, for the parameters that are in the mask. To put them back is exact where to
    multiply gradients by the mask is not: weight decay and momentum have no part in these.
    """
    theta_o = {p: p.detach().clone() for p in mask}

    @torch.no_grad()
    def put_back(*_: object) -> None:
        for p, m in mask.items():
            p.copy_(torch.where(m, p, theta_o[p]))

    optimiser.register_step_post_hook(put_back)
