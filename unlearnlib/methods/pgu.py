r"""Projected-gradient unlearning (PGU).

Hoang, Rana, Gupta and Venkatesh, "Learn to Unlearn for Deep Neural Networks: Minimizing Unlearning
Interference with Gradient Projection", WACV 2024, arXiv:2312.04095.

Descent on a bounded reverse cross-entropy less an entropy, in steps that are orthogonal to what the
retain set feeds each layer, so that its activations stay:

.. math::
    \ell(x, y) = -\log(1 + \delta - p_y) - w H(p), \qquad
    W_l \leftarrow W_l - \eta_e \, \nabla_{W_l} \ell \, (I - B_l B_l^\top), \qquad
    \eta_e = \eta_0 (\eta_E / \eta_0)^{e/E}

:math:`B_l` spans the share :math:`\gamma` of :math:`M_D - M_{D_f}`, see `gradient_space`. Biases
and BatchNorm stay. De-poisoning lowers the entropy over the other classes instead.

Sees: :math:`D_f` with labels, the stored gradient space of :math:`D`, and validation data for the
stop rule (none if `stop` is). Never sees: :math:`D_r`.

Departs from the paper: its body could not be read; this follows the release. A third party's
transcript of its equations has the other sign of the entropy: more confidence on :math:`D_f`.

Departs from the release (hnanhtuan/projected_gradient_unlearning @ b3275c3), by `PGU.as_released`:
    `share="singular"`: the rank counts unsquared singular values, which keeps far more directions.
    `stride_one`: convolutions with a stride are unfolded as if they had none.
    `dropout`: active while unlearning. `shuffle=False`: the batches keep their order.
    Not taken over: augmented views of D less plain ones of D_f, the absolute value of the negative
    eigenvalues that follow, the last epoch left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from .. import fields
from ..access import copy_of
from ..checks.outputs import finite, settled
from ..data.tensors import Labelled
from ..errors import NonFiniteError
from ..losses import check_labels
from ..stored.gradient_space import GradientSpace, Moments
from .parts.projection import Share, descend, projections
from .parts.sequential import Stop, in_turn, parts


@dataclass(frozen=True)
class PGU(fields.Checked):
    r"""Projected-gradient unlearning.

    Attributes:
        gamma: Share :math:`\gamma` of the retain set's inputs that is protected; 1 freezes a layer.
        lr, lr_end: Step sizes :math:`\eta_0` and :math:`\eta_E`, the last one.
        epochs, batch_size: Passes :math:`E` over the forget set, at most; forget examples a step.
        offset: :math:`\delta`, which bounds the loss and slows the most confident examples.
        entropy: Weight :math:`w` of the entropy.
        stop: `gap`, `drop` or None (all epochs), see `parts.sequential.stopped`.
        layers: Names of the layers to update; all if empty.
        steps: Parts of the forget set, drawn at random, that are forgotten one after the other.
        depoison: Lower the entropy over the other classes instead of raising that over all.
        trust: Weakest protected directions of the last layer to rescale, see `TrustRegion`.
        share, stride_one, dropout, shuffle: See what departs from the release.
    """

    gamma: fields.Share = 0.95
    lr: fields.Positive = 0.05
    lr_end: fields.Positive = 0.01
    epochs: fields.Count = 100
    batch_size: fields.Count = 128
    offset: fields.NonNegative = 0.05
    entropy: float = 0.2
    stop: Stop = "gap"
    layers: tuple[str, ...] = ()
    steps: fields.Count = 1
    depoison: bool = False
    trust: fields.Whole = 0
    share: Share = "energy"
    stride_one: bool = False
    dropout: bool = False
    shuffle: bool = True

    @classmethod
    def as_released(cls, gamma: float = 0.95, lr: float = 0.05, **fields: Any) -> "PGU":
        """Return PGU with the departures of the release (its data-removal values by default)."""
        released = cls(gamma, lr, share="singular", stride_one=True, dropout=True, shuffle=False)
        return replace(released, **fields)

    @classmethod
    def depoisoning(cls, gamma: float = 0.95, lr: float = 0.1, **fields: Any) -> "PGU":
        """Return PGU for wrong labels, with the values of the release."""
        given = cls(gamma, lr, 0.05, offset=0.1, depoison=True, trust=400, stop="drop")
        return replace(given, **fields)

    @property
    def stored(self) -> Moments:
        """Which moments of D must be stored."""
        return Moments(self.stride_one)

    @property
    def needs_validation(self) -> bool:
        """Whether there must be validation examples."""
        return self.stop is not None

    def __call__(
        self, model: nn.Module, *, forget: Labelled, gradient_space: GradientSpace,
        validation: Labelled, generator: torch.Generator,
    ) -> nn.Module:  # fmt: skip
        """Return a copy of `model` that forgot in directions that the retain set does not use."""
        model = copy_of(model, forget=forget, validation=validation)
        forgets = parts(forget, self.steps, generator)
        for step in in_turn(self, model, forgets, gradient_space, validation, generator):
            model = step.model
        return settled(model)

    def iterates(
        self, model: nn.Module, forget: Labelled, space: GradientSpace, generator: torch.Generator
    ) -> Iterator[nn.Module]:
        """Yield the model, each time the same object, before the first epoch and after each.

        Raises:
            NonFiniteError: A moment of the space is NaN or infinite.
        """
        space.check(model, self.stored)
        if wrong := [name for name, M in space.moments.items() if not finite(M)]:
            raise NonFiniteError(
                f"The moments at {', '.join(wrong)} are NaN or infinite, so that they span no "
                "space. Look for such numbers in the model, or compute in a type of larger range."
            )
        model = copy_of(model, forget=forget).eval()
        steps = projections(model, space, self.gamma, self.share, self.layers, self.trust, forget.x)
        yield model
        for e in range(1, self.epochs + 1):
            lr = self.lr ** (1 - e / self.epochs) * self.lr_end ** (e / self.epochs)
            batches = forget.batches(self.batch_size, generator if self.shuffle else None)
            descend(model, steps, self.loss, batches, lr, generator if self.dropout else None)
            yield model

    def loss(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the mean loss of logits `z`, (n, classes), with the labels `y` to forget."""
        check_labels(z, y)
        is_y = one_hot(y, z.shape[1]).bool()
        reverse = -(1 + self.offset - z.softmax(1)[is_y]).log().mean()
        log_p = (z[~is_y].view(len(z), -1) if self.depoison else z).log_softmax(1)
        H = -(log_p.exp() * log_p).sum(1).mean()
        return reverse + self.entropy * (H if self.depoison else -H)
