r"""Error-maximising and error-minimising noise (EMMN): noise in the place of all data.

Chundawat, Tarun, Mandal and Kankanhalli, "Zero-Shot Machine Unlearning", IEEE TIFS 2023,
arXiv:2201.05629.

For each class k a few inputs :math:`N_k` are learned from normal noise: those of a class
:math:`c_f` to forget are such as the model least takes for it, those of every other class such as
it surely does. The model is then trained on all of them, each with its class:

.. math::
    \min_{N_{c_f}} - \ell(f_{\theta_o}(N_{c_f}), c_f) + \lambda \lVert N_{c_f} \rVert_2^2, \qquad
    \min_{N_k} \ell(f_{\theta_o}(N_k), k) + \lambda \lVert N_k \rVert_2^2, \\
    \min_\theta \mathop{\mathrm{mean}}_{k} \ell(f_\theta(N_k), k) \quad \text{over all } k

Noise is learned and the model is trained in eval mode, by which BatchNorm's statistics stay; the
steps of the model are taken in bf16 autocast on CUDA. Outputs are those of a softmax; scenarios of
several labels an example are refused.

Sees: the numbers of the classes to forget and the shape of an input. Never sees: an example, of
anything.

Departs from the paper: its body could not be read, and the release of its authors has no EMMN. The
defaults are those of the copy in JiT's release (jwf40/Information-Theoretic-Unlearning @ f207655),
which the tables of JiT compare with.

Departs from that copy, by `as_copied`:
    `lam_retain=0`: the noise of the classes to keep has no penalty.
    `train_mode`: trained in train mode, by which BatchNorm takes its statistics from the noise.
    Not taken over: gradients that learning the noise leaves in the model, which are added to those
    of the first step; three of the four inputs of a class alone (it takes the number of channels
    for that of inputs); noise learned in whatever mode the model came in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam

from ..access import copy_of
from ..checks.outputs import logits, settled
from ..data.tensors import Labelled, batched
from ..errors import DataError
from ..fields import Checked, Count, NonNegative
from ..losses import losses, mean_loss
from ..training import forward, seeded
from .parts.classes import count_classes


@dataclass(frozen=True)
class EMMN(Checked):
    r"""Training on error-maximising and error-minimising noise.

    With ten classes it shows the model 7600 inputs, about a seventh of a pass over 50,000, and with
    a hundred ten times as many, four a step. Try `lr` from 1e-4 to 0.03.

    Attributes:
        noises: Inputs :math:`N_k` that are learned for each class.
        steps: Steps of those of a class to forget.
        retain_steps: Steps of those of another class.
        noise_lr: Learning rate of Adam for the noise.
        lam: Weight :math:`\lambda` of the squared length of the noise of a class to forget.
        lam_retain: The same, of another class.
        copies: How often the noise comes in an epoch.
        epochs: Passes over these copies.
        lr: Learning rate of Adam for the model.
        batch_size: Noise inputs a step.
        train_mode: Train the model in train mode.
    """

    noises: Count = 4
    steps: Count = 25
    retain_steps: Count = 30
    noise_lr: NonNegative = 0.1
    lam: NonNegative = 0.1
    lam_retain: NonNegative = 0.1
    copies: Count = 80
    epochs: Count = 2
    lr: NonNegative = 1e-4
    batch_size: Count = 4
    train_mode: bool = False

    @classmethod
    def as_copied(cls, **fields: Any) -> "EMMN":
        """Return EMMN as JiT's release has it."""
        return cls(**({"lam_retain": 0.0, "train_mode": True} | fields))

    def __call__(
        self, model: nn.Module, *, forget_classes: tuple[int, ...], input_shape: tuple[int, ...],
        generator: torch.Generator,
    ) -> nn.Module:  # fmt: skip
        """Return a copy of `model` that took noise for the classes to forget.

        Raises:
            DataError: All classes are to be forgotten, or there is no such class.
        """
        model = copy_of(model, forget_classes=forget_classes, generator=generator).eval()
        like = next(model.parameters())
        C = count_classes(model, input_shape, forget_classes)
        kept = [k for k in range(C) if k not in forget_classes]
        if not kept:
            raise DataError(
                "EMMN holds on to the classes that are kept, and all are to be forgotten. Leave one"
                " out of forget_classes."
            )

        def noise(classes: Sequence[int], sign: int, lam: float, steps: int) -> Labelled:
            """Return the noise of some classes, with these as labels."""
            y = torch.tensor(classes, device=like.device).repeat_interleave(self.noises)
            shape = (len(y), *input_shape)
            N = torch.randn(shape, generator=generator, device=like.device, dtype=like.dtype)
            N.requires_grad_()
            adam = Adam([N], self.noise_lr)
            for _ in range(steps):
                loss = sign * losses(logits(model, N.clone()), y)  # a first layer may work in place
                penalised = loss + lam * N.square().flatten(1).sum(1)
                # Mean over the inputs of a class; those of one do not touch those of another
                (N.grad,) = torch.autograd.grad(penalised.sum() / self.noises, N)
                adam.step()
            return Labelled(N.detach(), y)

        N_f = noise(sorted({*forget_classes}), -1, self.lam, self.steps)
        N_r = noise(kept, 1, self.lam_retain, self.retain_steps)
        x, y = torch.cat([N_f.x, N_r.x]), torch.cat([N_f.y, N_r.y])
        adam = Adam(model.parameters(), self.lr)
        model.train(self.train_mode)
        with seeded(generator):
            for _ in range(self.epochs):
                for index in batched(self.order(len(y), generator).to(y.device), self.batch_size):
                    adam.zero_grad()
                    mean_loss(forward(model, x[index]), y[index]).backward()
                    adam.step()
        return settled(model)

    def order(self, n: int, generator: torch.Generator) -> Tensor:
        """Return the order of all copies of `n` inputs, by the numbers of the inputs."""
        return torch.randperm(self.copies * n, generator=generator, device=generator.device) % n
