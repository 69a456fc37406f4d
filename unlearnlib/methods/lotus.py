r"""LoTUS: a student of its own original, whose teacher hesitates on the forget set.

Spartalis, Semertzidis, Gavves and Daras, "LoTUS: Large-Scale Machine Unlearning with a Taste of
Uncertainty", CVPR 2025, arXiv:2503.18314.

The student f starts as a copy of its teacher, the original :math:`f_o`, with logits :math:`z_o`. On
what is retained it learns single draws from the teacher's outputs, on :math:`D_f` draws that are
softened by a temperature :math:`\tau_e`; the more so, the better it still knows :math:`D_f`:

.. math::
    t(x) = \begin{cases}
        \operatorname{softmax}((z_o + g) / \tau_e) & x \in D_f \\
        \operatorname{onehot} \operatorname{argmax}(z_o + g) & x \in S_r \end{cases}
    \qquad g \sim \text{Gumbel}, \qquad
    \tau_e = e^{\alpha (\operatorname{acc}(f, D_f) - \operatorname{acc}(f_o, D_v))}, \qquad
    \min_\theta \mathop{\mathrm{mean}}_{x \in D_f \cup S_r} \operatorname{CE}(t(x), f(x))

:math:`S_r` is a part of :math:`D_r`, drawn once; g is drawn for each batch and :math:`\tau_e` set
in each epoch. It ends when the student knows :math:`D_f` by 0.01 worse than the teacher knows
:math:`D_v`. To forget a class, 0 stands in for the accuracy on :math:`D_v`, and all epochs are run.
At the goal :math:`\tau_e` is 1, which softens nothing: t is then a draw that is not yet hard. Its
exponent is kept between -50 and 50, where t is hard, or even, up to rounding.

The teacher is in eval mode, the student learns in train mode, so that the statistics of BatchNorm
move; both run in bf16 on CUDA, as training does. If an example has several labels, the draws are of
each label's yes and no.

Sees: :math:`D_f`, its labels for the accuracy alone; :math:`D_r` without labels; :math:`D_v`. Never
sees: test data.

Departs from the paper: its body could not be read; this follows the release.

Departs from the release (cspartalis/LoTUS @ 35ae25e): one draw g serves both cases, of which an
example is one.
"""

from copy import deepcopy
from dataclasses import dataclass
from math import exp

import torch
from torch import Tensor, nn
from torch.optim import AdamW

from ..access import copy_of
from ..checks.outputs import settled
from ..data.tensors import Inputs, Labelled, batched
from ..fields import Checked, Count, NonNegative, Share
from ..training import forward, seeded
from .parts.stopping import accuracy


@dataclass(frozen=True)
class LoTUS(Checked):
    r"""Distillation of softened draws from the original's outputs.

    The defaults are those of the release for a ResNet-18. Validation examples were held out of the
    training set; how many of them the original gets right is the aim, so that one that gets all of
    them right hardly changes. Try `lr` up to 3e-3, and for a class `to_zero` with `alpha` 8.

    Attributes:
        alpha: Steepness :math:`\alpha` of the temperature; the release has 2, and 8 for CIFAR-10.
        epochs: Passes over the forget set and that part, at most.
        lr: Learning rate of AdamW.
        weight_decay: Decay of AdamW.
        batch_size: Examples a step.
        fraction: Of the retain set, the part :math:`S_r` that is drawn, once.
        to_zero: Aim at an accuracy of 0 on the forget set, in the place of that on held-out data.
    """

    alpha: NonNegative = 2.0
    epochs: Count = 10
    lr: NonNegative = 1e-4
    weight_decay: NonNegative = 5e-4
    batch_size: Count = 128
    fraction: Share = 0.3
    to_zero: bool = False

    @property
    def needs_validation(self) -> bool:
        """Whether there must be validation examples."""
        return not self.to_zero

    def __call__(
        self, model: nn.Module, *, forget: Labelled, retain_inputs: Inputs, validation: Labelled,
        generator: torch.Generator,
    ) -> nn.Module:  # fmt: skip
        """Return a copy of `model` that is less sure of the forget set."""
        f = copy_of(
            model, forget=forget, retain_inputs=retain_inputs, validation=validation,
            generator=generator,
        )  # fmt: skip
        f_o = deepcopy(f).eval()
        device, n_f, several = forget.x.device, len(forget), forget.y.is_floating_point()
        goal = 0.0 if self.to_zero else accuracy(f_o, validation)
        order = torch.randperm(len(retain_inputs), generator=generator, device=generator.device)
        S_r = retain_inputs.x[order[: int(self.fraction * len(order))].to(device)]
        x_all = torch.cat([forget.x, S_r])
        adamw = AdamW(f.parameters(), self.lr, weight_decay=self.weight_decay)
        for _ in range(self.epochs):
            gap = accuracy(f.eval(), forget) - goal
            if gap <= -0.01:
                break
            tau = exp(max(-50.0, min(self.alpha * gap, 50.0)))
            f.train()
            order = torch.randperm(len(x_all), generator=generator, device=generator.device)
            with seeded(generator):
                for index in batched(order.to(device), self.batch_size):
                    x = x_all[index]
                    z = choices(forward(f, x.clone()), several)  # a first layer may work in place
                    with torch.no_grad():
                        z_o = choices(forward(f_o, x), several)
                        t = targets(z_o, index < n_f, tau, generator)
                    adamw.zero_grad()
                    (-t * z.log_softmax(-1)).sum(-1).mean().backward()  # CE(t, f)
                    adamw.step()
        return settled(f)


def choices(z: Tensor, several: bool) -> Tensor:
    """Return logits of single choices: `z` itself, or yes and no for each of several labels."""
    return torch.stack([z, torch.zeros_like(z)], -1) if several else z


def targets(z_o: Tensor, forgotten: Tensor, tau: float, generator: torch.Generator) -> Tensor:
    r"""Return the distributions :math:`t(x)` that the student is to learn.

    Args:
        z_o: Logits of the teacher, (n, ..., choices).
        forgotten: Which examples are of the forget set, (n,).
        tau: Temperature :math:`\tau_e` of these.
        generator: Draws; on the device of `z_o`.
    """
    g = -torch.empty_like(z_o).exponential_(generator=generator).log()
    soft = ((z_o + g) / tau).softmax(-1)
    hard = torch.zeros_like(soft).scatter_(-1, (z_o + g).argmax(-1, keepdim=True), 1.0)
    return torch.where(forgotten.view(-1, *[1] * (z_o.dim() - 1)), soft, hard)
