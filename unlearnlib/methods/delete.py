r"""DELETE: the original's answers on the forget set without the true class.

Zhou, Zheng, Mo, Lu, Lin and Zheng, "Decoupled Distillation to Erase: A General Unlearning Method
for Any Class-centric Tasks", CVPR 2025, arXiv:2503.23751.

The model learns on :math:`D_f` what the original :math:`\theta_o` thinks of the other classes:

.. math::
    p'_k = \frac{[k \ne y] \, e^{f_{\theta_o}(x)_k}}{\sum_{j \ne y} e^{f_{\theta_o}(x)_j}}, \qquad
    \min_\theta \mathop{\mathrm{mean}}_{(x, y) \in D_f} \operatorname{KL}(p' \,\Vert\, q), \qquad
    q = \operatorname{softmax} f_\theta(x)

which is a term that forgets, :math:`-\log(1 - q_y)`, and one that keeps the rest as it is, the
divergence of :math:`q` without :math:`y`, rescaled, from :math:`p'`. If several classes are to be
forgotten, what one loses may go to another. If an example has several labels, the divergence is
that of the yes and no of each class, and the answer to its own is to be no. The steps are taken in
train mode, by which BatchNorm's statistics become those of :math:`D_f`, and on CUDA in bf16
autocast; :math:`p'` is that of the model in eval mode.

Sees: :math:`D_f` with labels. Never sees: :math:`D_r`.

Departs from the paper: its body could not be read; this is the release's algorithm.

Departs from the release (shaaaaron/DELETE @ 1dfe8cc):
    Not taken over: augmentation; so :math:`p'` is computed once, in the place of once a step.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.optim import SGD

from ..access import copy_of
from ..checks.outputs import settled
from ..data.tensors import Labelled, batched
from ..fields import Checked, Count, NonNegative
from ..losses import check_labels
from ..training import forward, seeded
from .parts.distillation import divergence_from_teacher
from .parts.modes import train_without_batchnorm


@dataclass(frozen=True)
class DELETE(Checked):
    """Distillation of the original's answers without the true class.

    The defaults are those of the release for CIFAR-10 and ResNet-18. Try `lr` from 5e-5 to 1e-2,
    the latter where there are a few hundred examples.

    Attributes:
        epochs: Passes over the forget set.
        lr: Learning rate of SGD (momentum 0.9).
        batch_size: Forget examples a step.
        batchnorm_in_train_mode: Let BatchNorm use and learn the statistics of a batch to forget;
            else it stays in eval mode, by a switch of the release.
    """

    epochs: Count = 20
    lr: NonNegative = 1e-3
    batch_size: Count = 128
    batchnorm_in_train_mode: bool = True

    def __call__(
        self, model: nn.Module, *, forget: Labelled, generator: torch.Generator
    ) -> nn.Module:
        """Return a copy of `model` that answers on the forget set as if its class were none."""
        model = copy_of(model, forget=forget).eval()
        z_others = others(model, forget)  # p' is their softmax
        several = forget.y.is_floating_point()
        sgd = SGD(model.parameters(), self.lr, momentum=0.9)
        if self.batchnorm_in_train_mode:
            model.train()
        else:
            train_without_batchnorm(model)
        with seeded(generator):
            for _ in range(self.epochs):
                n = len(forget)
                order = torch.randperm(n, generator=generator, device=generator.device)
                for index in batched(order.to(forget.x.device), self.batch_size):
                    z = forward(model, forget.x[index])
                    sgd.zero_grad()
                    divergence_from_teacher(z, z_others[index], several=several).backward()
                    sgd.step()
        return settled(model)


@torch.no_grad()
def others(model: nn.Module, data: Labelled) -> Tensor:
    """Return the logits of `data`, (n, classes), those of an example's own labels below all."""
    rows = []
    for x, y in data.batches(256):
        z = forward(model, x.clone())
        check_labels(z, y)
        own = (y if y.is_floating_point() else one_hot(y, z.shape[1])).bool()
        # of probability 0, and finite: in the divergence 0 times -inf would be NaN
        rows.append(z.masked_fill(own, torch.finfo(z.dtype).min / 2))
    return torch.cat(rows)
