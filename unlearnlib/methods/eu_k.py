r"""EU-k and CF-k: the last k layers alone forget.

Goel, Prabhu, Sanyal, Lim, Torr and Kumaraguru, "Towards Adversarial Evaluations for Inexact Machine
Unlearning", 2022, arXiv:2201.06640.

All but the last k layers, :math:`\phi`, stay as they were trained. The last k, :math:`\psi`, are
trained on :math:`D_r`: from scratch, by the recipe of the original model ("exact unlearning",
EU-k), or on from where they are, which relies on catastrophic forgetting (CF-k):

.. math:: \min_\psi \mathop{\mathrm{mean}}_{(x, y) \in D_r} \ell(f_{\phi_o, \psi}(x), y), \qquad
    \psi_0 \sim \text{an untrained network (EU-k)}, \quad \psi_0 = \psi_o \text{ (CF-k)}

Convolutions and linear layers are counted, from the end, in the order in which they were
registered; what was registered after the first of them, such as its BatchNorm, rides along. With
all of them EU-k is retraining and CF-k fine-tuning, but for what comes before the first, such as
embeddings. More than there are are refused. The last layers are in train mode and the frozen part
in eval mode, so that it keeps the statistics of its BatchNorm; on CUDA steps run in bf16, as usual.

Sees: :math:`D_r`; EU-k also an untrained network and the recipe. Never sees: :math:`D_f`.

Departs from the paper: its body could not be read; this follows the release. The model of the last
epoch is returned; so does the release, though its name for it is that of the best.

Departs from the release (shash42/Evaluating-Inexact-Unlearning @ e315401), by `as_released`:
    `frozen_in_train_mode`: BatchNorm of the frozen part uses batches and updates its statistics.
    `reset_rest=False` (EU-k): BatchNorm among the last layers keeps weights and statistics.
    Not taken over: gradients are clipped at a norm of 10; EU-k goes back to pretrained weights
    where there were any.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import cos, pi
from typing import Any, Self

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd

from ..access import copy_of
from ..checks.outputs import settled
from ..data.tensors import Labelled
from ..errors import UnsupportedModelError
from ..fields import Checked, Count, NonNegative, Part
from ..models import Factory
from ..training import Recipe, train
from .parts.fine_tuning import fine_tune


@dataclass(frozen=True)
class EUK(Checked):
    """EU-k: the last layers are trained from scratch.

    `fresh_model` is a function that makes an untrained network of a generator, `recipe` says how it
    is trained; `OwnScenario` makes both of a factory and a `Recipe`.

    Attributes:
        k: Last layers; the release has 1, 3, 5 and 7 of a ResNet-20.
        frozen_in_train_mode: See what departs from the release.
        reset_rest: Draw all anew that was registered among the last layers; else only convolutions
            and linear layers.
    """

    k: Count = 1
    frozen_in_train_mode: bool = False
    reset_rest: bool = True

    @classmethod
    def as_released(cls, **fields: Any) -> "EUK":
        """Return EU-k with the departures of the release."""
        return cls(**({"frozen_in_train_mode": True, "reset_rest": False} | fields))

    def __call__(
        self, model: nn.Module, *, retain: Labelled, fresh_model: Factory, recipe: Recipe,
        generator: torch.Generator,
    ) -> nn.Module:  # fmt: skip
        """Return a copy of `model` whose last layers never saw the forget set."""
        model = copy_of(model, retain=retain, fresh_model=fresh_model, generator=generator)
        drawn = last_layers(fresh_model(generator), self.k)
        with frozen_but_last(model, self.k) as (phi, psi):
            for old, new in zip(psi, drawn, strict=True):  # psi_0
                if self.reset_rest or isinstance(old, LAYERS):
                    take_over(old, new)
            return train(model, retain, recipe, generator, [] if self.frozen_in_train_mode else phi)


@dataclass(frozen=True)
class CFK(Checked):
    r"""CF-k: the last layers are trained on.

    The defaults are those of the release. What the retain set has no slope for stays: where it is
    known by heart, the last layer forgets nothing, so try a larger `k`.

    Attributes:
        k: Last layers, as for EU-k.
        epochs: Passes over the retain set.
        lr: Learning rate of SGD at first: a cosine towards `lr_end`, epoch by epoch, that begins
            anew after 1, 3, 7, 15 ... epochs.
        lr_end: What the learning rate falls to.
        momentum: Momentum of SGD.
        weight_decay: L2 penalty of SGD.
        batch_size: Examples a step.
        frozen_in_train_mode: See what departs from the release.
    """

    k: Count = 1
    epochs: Count = 30
    lr: NonNegative = 0.1
    lr_end: NonNegative = 0.005
    momentum: Part = 0.9
    weight_decay: NonNegative = 5e-5
    batch_size: Count = 64
    frozen_in_train_mode: bool = False

    @classmethod
    def as_released(cls, **fields: Any) -> Self:
        """Return CF-k with the departure of the release."""
        return cls(**({"frozen_in_train_mode": True} | fields))

    def __call__(
        self, model: nn.Module, *, retain: Labelled, generator: torch.Generator
    ) -> nn.Module:
        """Return a copy of `model` whose last layers were trained further on the retain set."""
        model = copy_of(model, retain=retain)
        with frozen_but_last(model, self.k) as (phi, _):
            fine_tune(
                model, retain, self.rates(), self.batch_size, generator,
                self.momentum, self.weight_decay, [] if self.frozen_in_train_mode else phi,
            )  # fmt: skip
        return settled(model)

    def rates(self) -> Iterator[float]:
        """Yield the learning rate of each epoch."""
        for e in range(self.epochs):
            length = 1 << (e + 1).bit_length() - 1  # of the cycle, which began length - 1 epochs in
            done = (e + 1 - length) / length
            yield self.lr_end + (self.lr - self.lr_end) * (1 + cos(pi * done)) / 2


LAYERS = (nn.Linear, _ConvNd)
"""What is counted."""


def last_layers(model: nn.Module, k: int) -> list[nn.Module]:
    """Return the k-th last layer of `model` and all that was registered after it.

    Raises:
        UnsupportedModelError: There are fewer layers.
    """
    modules = [*model.modules()]
    layers = [i for i, module in enumerate(modules) if isinstance(module, LAYERS)]
    if k > len(layers):
        raise UnsupportedModelError(
            f"{type(model).__name__} has {len(layers)} convolutions and linear layers, so there "
            f"are no last {k}. Take a k of as many at most, or Retrain or FineTune, for all of it."
        )
    return modules[layers[-k] :]


@contextmanager
def frozen_but_last(model: nn.Module, k: int) -> Iterator[tuple[list[nn.Module], list[nn.Module]]]:
    """Freeze all but the last `k` layers; yield the modules of either part.

    Raises:
        UnsupportedModelError: The last layers are frozen already, or there are fewer.
    """
    psi = last_layers(model, k)
    phi = [module for module in model.modules() if module not in psi]
    moving = {p for module in psi for p in module.parameters(recurse=False) if p.requires_grad}
    if not moving:
        raise UnsupportedModelError(
            f"None of the last k = {k} layers of {type(model).__name__} requires a gradient, so no "
            "step could change anything. Thaw them with requires_grad_(), or take a larger k."
        )
    frozen = [p for p in model.parameters() if p.requires_grad and p not in moving]
    for parameter in frozen:
        parameter.requires_grad_(False)  # its gradient stays None, so that no decay moves it
    yield phi, psi
    for parameter in frozen:
        parameter.requires_grad_(True)


@torch.no_grad()
def take_over(old: nn.Module, new: nn.Module) -> None:
    """Give `old` the parameters of `new`, but for frozen ones, and the buffers."""
    for p, q in zip(old.parameters(False), new.parameters(False), strict=True):
        p.copy_(q if p.requires_grad else p)
    for b, c in zip(old.buffers(False), new.buffers(False), strict=True):
        b.copy_(c)
