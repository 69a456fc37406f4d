r"""MSG: the convolution weights that tell retain from forget set the least are drawn anew.

An entry of the NeurIPS 2023 competition (Triantafillou et al., "Are We Making Progress in
Unlearning? Findings from the First NeurIPS Unlearning Competition", arXiv:2406.09073), named and
ported by Cadet, Borovykh, Malekzadeh, Ahmadi-Abhari and Haddadi, "Deep Unlearn", arXiv:2410.01276.

With as many retained examples, drawn once, :math:`S_r`, as there are to forget, in batches b:

.. math:: d = \sum_{b \subset S_r} \nabla_\theta \, \ell_b - \sum_{b \subset D_f} \nabla_\theta \,
    \ell_b, \qquad |S_r| = |D_f|

Of the weight W of each convolution the share r with the smallest :math:`|d_i|`, R, is drawn anew:

.. math:: W_i \sim \mathcal N (0, 2 / \text{fan-out}), \qquad i \in R

Then all is trained on :math:`D_r`, the other weights of convolutions a tenth as fast:

.. math:: \theta \leftarrow \theta - \eta_e \, s \odot \nabla_\theta \, \ell_b, \quad b \subset D_r,
    \qquad s_i = 0.1 \text{ where } i \notin R, \text{ else } 1

The rate :math:`\eta_e` rises evenly until the middle and falls as evenly. A network without
convolutions is fine-tuned. The gradients d are those of eval mode, in full precision; training is
in train mode, so that the statistics of BatchNorm move, and in bf16 on CUDA, as usual.

Sees: :math:`D_f` and :math:`D_r` with labels. Never sees: test data.

Departs from the entry: its code and write-up could not be read, so how near the port is to it is
not known.

Departs from the port (xcadet/deepunlearn @ d3dacb6):
    Not taken over: random biases in the place of those of the convolutions; d in whatever mode the
    model comes in, here eval mode; layers in the returned network that slow their gradients.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..access import copy_of
from ..checks.outputs import logits, settled
from ..data.tensors import Labelled
from ..fields import Checked, Count, NonNegative, Part, Share
from ..losses import losses
from .parts.fine_tuning import fine_tune
from .parts.kernels import kernels


@dataclass(frozen=True)
class MSG(Checked):
    r"""Fine-tuning after a part of every convolution was drawn anew.

    The defaults are those of the port. On small data its `lr` does nothing: try 0.05 and batches of
    20, with `r` from 0.3 to 0.9.

    Attributes:
        r: Share of each convolution's weight that is drawn anew.
        epochs: Passes E over the retain set.
        lr: Largest learning rate of SGD, that of the epoch in the middle.
        momentum: Momentum of SGD.
        weight_decay: L2 penalty of SGD, which is not slowed.
        batch_size: Examples a step, and a gradient of d.
    """

    r: Share = 0.3
    epochs: Count = 5
    lr: NonNegative = 1e-3
    momentum: Part = 0.9
    weight_decay: NonNegative = 5e-4
    batch_size: Count = 64

    def __call__(
        self, model: nn.Module, *, forget: Labelled, retain: Labelled, generator: torch.Generator
    ) -> nn.Module:
        """Return a copy of `model` that learned a part of its convolutions from the retain set."""
        model = copy_of(model, forget=forget, retain=retain, generator=generator).eval()
        order = torch.randperm(len(retain), generator=generator, device=generator.device)
        S_r = retain[order[: len(forget)].to(retain.x.device)]
        for sign, data in ((1, S_r), (-1, forget)):
            for x, y in data.batches(self.batch_size):
                (sign * losses(logits(model, x), y).mean()).backward()  # adds up to d
        hooks = []
        for W in kernels(model):
            if (d := W.grad) is None:  # of a layer that is not called
                continue
            R = self.smallest(d)
            drawn = torch.empty(W.shape, dtype=W.dtype, device=W.device)
            nn.init.kaiming_normal_(drawn, mode="fan_out", generator=generator)
            W.data[R] = drawn[R]
            s = torch.where(R, 1.0, 0.1).to(W)
            hooks.append(W.register_hook(s.mul))  # its gradient becomes s * gradient
        fine_tune(
            model, retain, self.rates(), self.batch_size, generator,
            self.momentum, self.weight_decay,
        )  # fmt: skip
        for hook in hooks:
            hook.remove()
        return settled(model)

    def smallest(self, d: Tensor) -> Tensor:
        """Return whether each entry of `d` is of the share r with the smallest size."""
        R = torch.zeros(d.numel(), dtype=torch.bool, device=d.device)
        R[d.abs().flatten().topk(round(self.r * d.numel()), largest=False).indices] = True
        return R.view(d.shape)

    def rates(self) -> Iterator[float]:
        """Yield the learning rate of each epoch: 1/3, 2/3, 1, 2/3 and 1/3 of the largest, of 5."""
        middle = (self.epochs + 1) // 2
        for e in range(1, self.epochs + 1):
            rise, fall = e / middle, (self.epochs + 1 - e) / (self.epochs + 1 - middle)
            yield self.lr * min(rise, fall)
