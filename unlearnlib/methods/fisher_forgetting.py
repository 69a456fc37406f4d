r"""Fisher forgetting: noise in the weights that do not matter to the retain set.

Golatkar, Achille and Soatto, "Eternal Sunshine of the Spotless Net: Selective Forgetting in Deep
Networks", CVPR 2020, arXiv:1911.04933.

No step is taken. Each weight gets noise, the more the less the retain set says about it, as the
diagonal of the Fisher information tells:

.. math::
    \theta_i \leftarrow \theta_i + (\alpha / F_i)^q \, \epsilon_i, \qquad
    \epsilon_i \sim \mathcal N(0, 1), \qquad
    F_i = \mathop{\mathrm{mean}}_{x \in D_r} \sum_y p_\theta(y \mid x)
        \left( \frac{\partial}{\partial\theta_i} \log p_\theta(y \mid x) \right)^2

with :math:`q = 1/4`, where the paper writes :math:`\alpha` as :math:`\lambda \sigma_h^2`. The
expectation is over the model's own labels, see `stored.gauss_newton`. A weight that :math:`D_r`
does not use has :math:`F_i = 0`; so :math:`F_i` counts as `floor` at least. If an example has
several labels, the expectation is over each one's yes and no. All is in eval mode and in full
precision: BatchNorm keeps its statistics, and its weights get noise.

In the releases it is not this noise that forgets a class, but `erase`, which overwrites the row of
the last layer that answers with it. That is no part of the equation; the releases go back to the
code of the paper's authors.

Sees: :math:`D_r`; its labels only to know, if `erase`, which classes are left. Never sees:
:math:`D_f`.

Departs from the paper: its body could not be read, and the equation is quoted from memory; its
alpha is not known, and the floor is that of the releases.

Departs from the releases (if-loops/selective-synaptic-dampening @ cdfdc0e; `fisher_new` in
OPTML-Group/Unlearn-Saliency @ a6e89fd), by `as_released`:
    `power=0.5`: the variance, and not its square, is inverse to the Fisher.
    `pooled`: a tensor of two or more dimensions has one variance for all that its dimension 1 runs
    over, the mean.
    `tenfold`: the last layer, and vectors such as those of BatchNorm, get ten times the variance;
    in the last layer the floor is ten times as high.
    `erase`: a class without an example to retain loses its row of the last layer, to noise of a
        variance of 1e-4 about 0.
    Not taken over: that every tensor with as many rows as there are classes is a last layer; a
    Fisher of batches of 32 (Unlearn-Saliency); that this one erases the last class if 4500 random
    examples are to be forgotten.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn.functional import one_hot

from ..access import copy_of
from ..checks.intact import intact
from ..checks.outputs import settled
from ..data.tensors import Labelled
from ..fields import BOUNDS_MEMORY, Checked, Count, NonNegative, Positive
from ..stored.gauss_newton import by_classes
from .parts.trial import number_of_classes


@dataclass(frozen=True)
class FisherForgetting(Checked):
    r"""Noise in the weights that do not matter to the retain set.

    The default changes little of a small network. Try an `alpha` from 1e-8 to 1e-7, or a `floor`
    down to 1e-9, as far as what is retained bears it.

    Attributes:
        alpha: Size :math:`\alpha` of the noise. With the default a weight that :math:`D_r` does not
            use gets as much as with `if-loops`' 1e-6 in the release's form.
        power: :math:`q`.
        floor: The least that :math:`F_i` counts as.
        pooled: A departure of the releases, see above.
        tenfold: Likewise.
        erase: Likewise.
        chunk: Examples a forward pass; bounds the memory, changes nothing else.
    """

    alpha: NonNegative = 1e-9
    power: NonNegative = 0.25
    floor: Positive = 1e-3
    pooled: bool = False
    tenfold: bool = False
    erase: bool = False
    chunk: Count = field(default=64, metadata=BOUNDS_MEMORY)

    @classmethod
    def as_released(cls, alpha: float = 1e-6, **fields: Any) -> "FisherForgetting":
        """Return the method with every departure of the releases (if-loops' alpha by default)."""
        released: dict[str, Any] = {"power": 0.5, "pooled": True, "tenfold": True, "erase": True}
        return cls(alpha, **(released | fields))

    @torch.no_grad()
    def __call__(
        self, model: nn.Module, *, retain: Labelled, generator: torch.Generator
    ) -> nn.Module:
        """Return a copy of `model` with noise where the retain set does not look."""
        model = copy_of(model, retain=retain, generator=generator).eval()
        classes, several = number_of_classes(model, retain), retain.y.is_floating_point()
        left = (retain.y if several else one_hot(retain.y, classes)).bool().any(0)
        head = last_layer(model, classes)
        with intact(model):
            F = by_classes(model, retain.x, several=several, chunk=self.chunk)
        for name, theta in model.named_parameters():
            if theta.requires_grad:
                ten = 10 if self.tenfold and (theta in head or theta.dim() == 1) else 1
                floor = self.floor * (10 if self.tenfold and theta in head else 1)
                variance = (self.alpha / F[name].clamp(min=floor)) ** (2 * self.power)
                if self.pooled and theta.dim() > 1:
                    variance = variance.mean(1, keepdim=True).expand_as(theta).clone()
                if self.erase and theta in head:
                    theta[~left], variance[~left] = 0, 1e-4
                epsilon = torch.randn(
                    theta.shape, generator=generator, device=generator.device, dtype=F[name].dtype
                )
                theta.add_((ten * variance).sqrt() * epsilon.to(variance.device))
        return settled(model)


def last_layer(model: nn.Module, classes: int) -> set[nn.Parameter]:
    """Return the parameters of the last layer of `model` with a row for each class."""
    last: set[nn.Parameter] = set()
    for layer in model.modules():
        own = {*layer.parameters(recurse=False)}
        if any(q.shape[:1] == (classes,) for q in own):
            last = own
    return last
