r"""UNSIR: noise that the model hates under a label, training on it, and repair.

Tarun, Chundawat, Mandal and Kankanhalli, "Fast Yet Effective Machine Unlearning", IEEE TNNLS 2023,
arXiv:2111.08947.

For each class :math:`c` to forget, inputs are learned that the original :math:`\theta_o` fits
worst under that label. One pass over copies of them and a few retained examples :math:`R`, at a
high rate, impairs the model; another over :math:`R` alone repairs it:

.. math::
    N_c = \mathop{\mathrm{argmin}}_N \mathop{\mathrm{mean}}_i
        - \ell(f_{\theta_o}(N_i), c) + \lambda \lVert N_i \rVert_2^2, \qquad
        N_i \sim \mathcal N(0, I) \text{ at first}

    \text{impair: } \min_\theta \mathop{\mathrm{mean}}_{(x, y) \in \tilde N \cup R}
        \ell(f_\theta(x), y), \quad \tilde N = \{ (N_{c,i}, c) \}, \qquad
    \text{repair: } \min_\theta \mathop{\mathrm{mean}}_{(x, y) \in R} \ell(f_\theta(x), y)

The noise is learned in eval mode; impairing and repairing are in train mode, so that BatchNorm's
statistics become those of noise and :math:`R`, and on CUDA in bf16 autocast. Of several labels an
example, noise has one, and the first counts in :math:`R`.

Sees: :math:`D_r` and which classes are to be forgotten: UNSIR by their numbers, UNSIRByLabel by the
labels of :math:`D_f`, of which it uses nothing else. Never sees: an input to forget.

Departs from the paper: its body could not be read; this follows its notebook.

Departs from the release (vikram2000b/Fast-Machine-Unlearning @ 252bc92), by `as_released`:
    `noise_in_train_mode`: the noise enters BatchNorm's statistics while it is learned.
    Not taken over: the label 0 on all noise; the first examples of each class as :math:`R`, which
    is drawn here.

Departs from the copy in SSD's release (if-loops/selective-synaptic-dampening @ cdfdc0e), which the
tables of SSD and JiT compare with, by `as_copied`:
    `leftover`: gradients that learning the noise leaves in the model are added to those of the
    first impairing step; Adam's second moment keeps them, which may slow many steps.
    `noise_in_train_mode`, as above; `lr`, 200 times smaller, and the other values.
    Not taken over: batches of 128 in the repair.

Of a sub-class the copy takes the super-class for c, though its other sub-classes are in R, with
250 steps and 2500 examples a class: `UNSIRByLabel.as_copied`.
"""

from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import nn
from torch.nn.functional import one_hot
from torch.optim import Adam

from ..access import copy_of
from ..checks.outputs import finite, logits, settled
from ..data.dataset import classes_of
from ..data.tensors import Labelled
from ..errors import DataError, NonFiniteError, SpecError
from ..fields import Checked, Count, NonNegative
from ..losses import losses, mean_loss
from ..training import forward, seeded
from .parts.classes import count_classes


@dataclass(frozen=True)
class ImpairRepair(Checked):
    r"""What UNSIR and UNSIRByLabel share: learned noise that impairs some classes, and repair.

    The defaults are those of the paper's notebook; for a few hundred examples try 20 `noises` in 2
    `copies`, batches of 8 and a `lam` of 0.01.

    Attributes:
        noises: Noise inputs :math:`N_i` a class.
        steps: Steps of Adam that learn them.
        noise_lr: Its learning rate.
        lam: Weight :math:`\lambda` of the noise's size.
        copies: How often each noise input is in the data that impair.
        per_class: Retained examples of each class, at most: :math:`R`.
        lr: Learning rate of Adam that impairs.
        repair_lr: Learning rate of Adam that repairs.
        batch_size: Examples a step.
        noise_in_train_mode: Learn the noise in train mode.
        leftover: Begin to impair with the gradients that learning the noise has left.
    """

    noises: Count = 256
    steps: Count = 40
    noise_lr: NonNegative = 0.1
    lam: NonNegative = 0.1
    copies: Count = 20
    per_class: Count = 1000
    lr: NonNegative = 0.02
    repair_lr: NonNegative = 0.01
    batch_size: Count = 256
    noise_in_train_mode: bool = False
    leftover: bool = False

    @classmethod
    def as_released(cls, **fields: Any) -> Self:
        """Return the method with the departure of the release."""
        return cls(**({"noise_in_train_mode": True} | fields))

    @classmethod
    def as_copied(cls, **fields: Any) -> Self:
        """Return the method as SSD's release has it (its full-class values)."""
        copied: dict[str, Any] = {
            "noises": 32, "steps": 25, "copies": 80, "per_class": 500, "lr": 1e-4,
            "repair_lr": 1e-4, "batch_size": 32, "noise_in_train_mode": True, "leftover": True,
        }  # fmt: skip
        return cls(**(copied | fields))

    def impaired_and_repaired(
        self, model: nn.Module, classes: tuple[int, ...], retain: Labelled,
        generator: torch.Generator,
    ) -> nn.Module:  # fmt: skip
        """Return `model` itself, impaired on `classes` and repaired.

        Raises:
            SpecError: The inputs are tokens.
            DataError: The model has no such class.
            NonFiniteError: The noise diverged, or the steps did.
        """
        model.eval()
        if not retain.x.is_floating_point():
            raise SpecError(
                f"UNSIR learns real-valued inputs; these are tokens ({retain.x.dtype}). Use another"
                " method, or features in their place."
            )
        count_classes(model, retain.x.shape[1:], classes)
        model.train(self.noise_in_train_mode)
        with seeded(generator):
            noise = [self.noise(model, c, retain, generator) for c in classes]
            R = self.few(retain, generator)
            both = [R, *noise * self.copies]
            impairing = Labelled(torch.cat([d.x for d in both]), torch.cat([d.y for d in both]))
            if not self.leftover:
                model.zero_grad()  # learning the noise has left its gradients in the model too
            model.train()
            self.fit(model, impairing, self.lr, generator)
            self.fit(model, R, self.repair_lr, generator)
        return settled(model)

    def noise(
        self, model: nn.Module, c: int, like: Labelled, generator: torch.Generator
    ) -> Labelled:
        """Return inputs, such as those of `like`, that `model` fits badly under the label `c`."""
        shape = (self.noises, *like.x.shape[1:])
        N = torch.randn(shape, generator=generator, dtype=like.x.dtype, device=like.x.device)
        y = torch.full((self.noises,), c, device=N.device)
        if like.y.is_floating_point():
            y = one_hot(y, like.y.shape[1]).to(like.y.dtype)
        adam = Adam([N.requires_grad_()], self.noise_lr)
        for _ in range(self.steps):
            size = N.square().flatten(1).sum(1)  # |N_i|^2
            loss = (-losses(logits(model, N.clone()), y) + self.lam * size).mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
        if not finite(N.detach()):
            raise NonFiniteError(
                f"The noise that UNSIR learns for the label {c} is NaN or infinite. Take a smaller "
                "noise_lr, or a larger lam, which holds it."
            )
        return Labelled(N.detach(), y)

    def few(self, retain: Labelled, generator: torch.Generator) -> Labelled:
        """Return a draw of `per_class` examples of each class, or all there are."""
        order = torch.randperm(len(retain), generator=generator, device=generator.device)
        order = order.to(retain.x.device)
        y = (retain.y.argmax(1) if retain.y.is_floating_point() else retain.y)[order]
        some = [order[y == c][: self.per_class] for c in y.unique()]
        return retain[torch.cat([order[:0], *some])]

    def fit(self, model: nn.Module, data: Labelled, lr: float, generator: torch.Generator) -> None:
        """Take one pass over the data."""
        adam = Adam(model.parameters(), lr)
        for x, y in data.batches(self.batch_size, generator):
            mean_loss(forward(model, x), y).backward()
            adam.step()
            adam.zero_grad()  # after the step: what noise has left counts in the first


@dataclass(frozen=True)
class UNSIR(ImpairRepair):
    """UNSIR: whole classes are forgotten, by number; its fields are those of `ImpairRepair`."""

    def __call__(
        self, model: nn.Module, *, forget_classes: tuple[int, ...], retain: Labelled,
        generator: torch.Generator,
    ) -> nn.Module:  # fmt: skip
        """Return a copy of `model` that was impaired on the classes to forget, and repaired."""
        model = copy_of(model, forget_classes=forget_classes, retain=retain)
        return self.impaired_and_repaired(model, forget_classes, retain, generator)


@dataclass(frozen=True)
class UNSIRByLabel(ImpairRepair):
    """UNSIR on a sub-class, or any other part of a class: all labels to forget are the classes c.

    The labels of the forget set alone are used. Examples of these classes that are retained are in
    R and repair them. Its fields are those of `ImpairRepair`.
    """

    @classmethod
    def as_copied(cls, **fields: Any) -> Self:
        """Return the method as SSD's release has it (its values for sub-classes)."""
        return super().as_copied(**({"steps": 250, "per_class": 2500} | fields))

    def __call__(
        self, model: nn.Module, *, forget: Labelled, retain: Labelled, generator: torch.Generator
    ) -> nn.Module:
        """Return a copy of `model` that was impaired on the labels to forget, and repaired.

        Raises:
            DataError: No example of another class is retained.
        """
        model = copy_of(model, forget=forget, retain=retain)
        classes, kept = classes_of(forget.y), classes_of(retain.y)
        if kept and kept <= classes:
            raise DataError(
                "No example of another class is retained, so UNSIRByLabel would impair all that it "
                "repairs: use another method, or forget examples of fewer classes."
            )
        return self.impaired_and_repaired(model, tuple(sorted(classes)), retain, generator)
