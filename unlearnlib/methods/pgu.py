r"""Projected-gradient unlearning (PGU).

Hoang, Rana, Gupta and Venkatesh, "Learn to Unlearn for Deep Neural Networks: Minimizing Unlearning
Interference with Gradient Projection", WACV 2024, arXiv:2312.04095.

Descent on a bounded reverse cross-entropy less an entropy, in steps that are orthogonal to what the
retain set feeds each layer, so that its activations stay:

.. math::
    \ell = -\log(1 + \delta - p_y) - w H(p), \qquad
    W_l \leftarrow W_l - \eta_e \, \nabla_{W_l} \ell \, (I - B_l B_l^\top), \qquad
    \eta_e = \eta_0 (\eta_E / \eta_0)^{e/E}

:math:`B_l` spans the share :math:`\gamma` of :math:`M_D - M_{D_f}`, see `gradient_space`. Biases
and BatchNorm stay. De-poisoning has :math:`+ w H(q)` instead, where q are the probabilities of the
classes but y, which leads to one other class.

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

from ..access import copy_of
from ..checks.outputs import settled
from ..data.tensors import Labelled
from ..fields import Checked, Count, NonNegative, Positive, Share, Whole
from ..losses import check_labels
from ..stored.gradient_space import GradientSpace, Moments
from .parts.projection import RankRule, descend, projections
from .parts.sequential import random_parts, unlearn_in_turn
from .parts.stopping import Stop


@dataclass(frozen=True)
class PGU(Checked):
    r"""Projected-gradient unlearning.

    `PGU(...).stored.of(model, training_set)` makes `gradient_space`: once, of the whole training
    set; the forget set is taken out of it at the request. Validation examples were held out of the
    training set, and tell it when to stop; with `stop=None` it takes all `epochs`. Try `gamma` from
    0.5 to 0.99, and `lr` as large as the model was trained with or larger.

    Attributes:
        gamma: Share :math:`\gamma` of the retain set's inputs that is protected; 1 freezes a layer.
        lr: First step size :math:`\eta_0`.
        lr_end: Last step size :math:`\eta_E`.
        epochs: Passes :math:`E` over the forget set, at most.
        batch_size: Forget examples a step.
        offset: :math:`\delta`, which bounds the loss and slows the most confident examples.
        entropy: Weight :math:`w` of the entropy.
        stop: `gap`, `drop` or None (all epochs), see `parts.stopping.stopped`.
        layers: Names of the layers to update; all if empty.
        steps: Parts of the forget set, drawn at random, that are forgotten one after the other.
        depoison: Lower the entropy over the other classes instead of raising that over all.
        trust: Weakest protected directions of the last layer to rescale, see `TrustRegion`.
        share: Of what gamma is a share, of squared singular values or of the values themselves.
        stride_one: Unfold convolutions with stride 1 whatever their stride.
        dropout: Keep dropout on.
        shuffle: Draw the order of the forget set anew for each pass.
    """

    gamma: Share = 0.95
    lr: Positive = 0.05
    lr_end: Positive = 0.01
    epochs: Count = 100
    batch_size: Count = 128
    offset: NonNegative = 0.05
    entropy: float = 0.2
    stop: Stop = "gap"
    layers: tuple[str, ...] = ()
    steps: Count = 1
    depoison: bool = False
    trust: Whole = 0
    share: RankRule = "energy"
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
        model = copy_of(model, forget=forget, validation=validation, generator=generator)
        requests = random_parts(forget, self.steps, generator)
        for after in unlearn_in_turn(self, model, requests, gradient_space, validation, generator):
            model = after.model
        return settled(model)

    def iterates(
        self, model: nn.Module, forget: Labelled, space: GradientSpace, generator: torch.Generator
    ) -> Iterator[nn.Module]:
        """Yield the model, each time the same object, before the first epoch and after each."""
        space.check(model, self.stored)
        model = copy_of(model, forget=forget).eval()
        # G (I - B_l B_l^T) for each weight W_l that may move
        steps = projections(model, space, self.gamma, self.share, self.layers, self.trust, forget.x)
        yield model
        E = self.epochs
        for e in range(1, E + 1):
            eta = self.lr ** (1 - e / E) * self.lr_end ** (e / E)  # eta_0 (eta_E / eta_0)^(e / E)
            batches = forget.batches(self.batch_size, generator if self.shuffle else None)
            descend(model, steps, self.loss, batches, eta, generator if self.dropout else None)
            yield model

    def loss(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the mean loss of logits `z`, (n, classes), with the labels `y` to forget."""
        check_labels(z, y)
        of_y = one_hot(y, z.shape[1]).bool()
        p_y = z.softmax(1)[of_y]
        reverse = -(1 + self.offset - p_y).log().mean()  # at most -log delta, at p_y = 1
        if self.depoison:  # q is the softmax of the other logits: that of all, without y, rescaled
            return reverse + self.entropy * mean_entropy(z[~of_y].view(len(z), -1))
        return reverse - self.entropy * mean_entropy(z)


def mean_entropy(z: Tensor) -> Tensor:
    r"""Return the mean of :math:`H(p) = -\sum_c p_c \log p_c` over logits `z`, (n, classes)."""
    log_p = z.log_softmax(1)
    return -(log_p.exp() * log_p).sum(1).mean()
