r"""Projected-gradient unlearning (PGU).

Hoang, Rana, Gupta and Venkatesh, "Learn to Unlearn for Deep Neural Networks: Minimizing Unlearning
Interference with Gradient Projection", WACV 2024, arXiv:2312.04095.

Descent on a bounded reverse cross-entropy with an entropy term, in which the step of every weight
is orthogonal to what the retain set feeds that layer, so that its activations stay:

.. math::
    \ell(x, y) = -\log(1 + \delta - p_y) - w H(p), \qquad
    W_l \leftarrow W_l - \eta_e \, \nabla_{W_l} \ell \, (I - B_l B_l^\top), \qquad
    \eta_e = \eta_0 (\eta_E / \eta_0)^{e/E}

:math:`B_l` spans the share :math:`\gamma` of :math:`M_D - M_{D_f}`, see `gradient_space`. Biases
and BatchNorm stay as they are. De-poisoning lowers the entropy over the other classes instead.

Sees: :math:`D_f` with labels, the gradient space of :math:`D` stored at training time, and
validation data for the stop rule (none if `stop` is). Never sees: :math:`D_r`.

Departs from the paper: the text of its method section was not at hand; this follows the release
where a third party's transcript of its equations does not say otherwise. That transcript has the
entropy with the other sign, which would make the outputs on :math:`D_f` more confident.

Departs from the release (hnanhtuan/projected_gradient_unlearning @ b3275c3); `PGU.as_released` sets
    `share="singular"`: the rank counts unsquared singular values, which keeps far more directions.
    `stride_one`: convolutions with a stride are unfolded as if they had none.
    `dropout`: active while unlearning. `shuffle=False`: the batches keep their order.
It also stores augmented views of D but subtracts unaugmented ones of D_f, takes the absolute value
of the negative eigenvalues that follow, and leaves out the last epoch; these are not reproduced.
"""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.nn.modules.dropout import _DropoutNd

from ..data.tensors import Labelled
from ..gradient_space import GradientSpace
from ..projection import Share, projections
from ..training import seeded
from .in_turn import Step, Stop, in_turn


@dataclass(frozen=True)
class PGU:
    r"""Projected-gradient unlearning.

    Attributes:
        gamma: Share :math:`\gamma` of the retain set's inputs that is protected; 1 freezes a layer.
        lr: First step size :math:`\eta_0`.
        lr_end: Last step size :math:`\eta_E`.
        epochs: Passes :math:`E` over the forget set, at most.
        batch_size: Forget examples a step.
        offset: :math:`\delta`, which bounds the loss and slows the most confident examples.
        entropy: Weight :math:`w` of the entropy.
        stop: `gap` ends when forgotten examples are predicted no better than unseen ones, `drop`
            when the rest has lost five points, see `in_turn.stopped`; None runs all epochs.
        layers: Names of the layers to update; all if empty.
        steps: Parts of the forget set, drawn at random, that are forgotten one after the other.
        depoison: Lower the entropy over the other classes instead of raising that over all.
        trust: Weakest protected directions of the last layer that may be rescaled, see
            `TrustRegion`.
        share: How the share is counted, see `Spectrum.ranks`.
        stride_one: Unfold convolutions with stride 1 whatever their stride.
        dropout: Keep dropout active.
        shuffle: Shuffle the forget set each epoch.
    """

    gamma: float = 0.95
    lr: float = 0.05
    lr_end: float = 0.01
    epochs: int = 100
    batch_size: int = 128
    offset: float = 0.05
    entropy: float = 0.2
    stop: Stop = "gap"
    layers: tuple[str, ...] = ()
    steps: int = 1
    depoison: bool = False
    trust: int = 0
    share: Share = "energy"
    stride_one: bool = False
    dropout: bool = False
    shuffle: bool = True

    @classmethod
    def as_released(cls, gamma: float = 0.95, lr: float = 0.05, **fields: Any) -> "PGU":
        """Return PGU with the departures of the release (its data-removal values by default)."""
        released: dict[str, Any] = {
            "share": "singular", "stride_one": True, "dropout": True, "shuffle": False,
        }  # fmt: skip
        return cls(gamma, lr, **(released | fields))

    @classmethod
    def depoisoning(cls, gamma: float = 0.95, lr: float = 0.1, **fields: Any) -> "PGU":
        """Return PGU for wrong labels, with the values of the release."""
        given: dict[str, Any] = {
            "lr_end": 0.05, "offset": 0.1, "depoison": True, "trust": 400, "stop": "drop",
        }  # fmt: skip
        return cls(gamma, lr, **(given | fields))

    def __call__(
        self,
        model: nn.Module,
        *,
        forget: Labelled,
        gradient_space: GradientSpace,
        validation: Labelled,
        generator: torch.Generator,
    ) -> nn.Module:
        """Return a copy of `model` that forgot in directions that the retain set does not use."""
        parts = [forget]
        if self.steps > 1:
            order = torch.randperm(len(forget), generator=generator, device=generator.device)
            parts = [forget[i] for i in order.to(forget.x.device).tensor_split(self.steps)]
        *_, last = self.requests(
            model, parts, gradient_space=gradient_space, validation=validation, generator=generator
        )
        return last.model

    def requests(
        self,
        model: nn.Module,
        forgets: Iterable[Labelled],
        *,
        gradient_space: GradientSpace,
        validation: Labelled,
        generator: torch.Generator,
    ) -> Iterator[Step]:
        """Yield what each of several requests leaves; see `in_turn`."""
        iterates = partial(self.iterates, generator=generator)
        return in_turn(iterates, model, forgets, gradient_space, self.stop, validation)

    def iterates(
        self,
        model: nn.Module,
        forget: Labelled,
        retained: GradientSpace,
        generator: torch.Generator,
    ) -> Iterator[nn.Module]:
        """Yield the model before the first epoch and after each; there is no stop rule.

        It is the same object each time, in eval mode: measure it or copy it before going on.
        `retained` is the gradient space of the retain set, `gradient_space.without(...)`.
        """
        retained.check(model, self.stride_one)
        model = deepcopy(model).eval()
        model.zero_grad()
        steps = projections(model, retained, self.gamma, self.share, self.layers, self.trust)
        yield model
        for e in range(1, self.epochs + 1):
            lr = self.lr ** (1 - e / self.epochs) * self.lr_end ** (e / self.epochs)
            for module in model.modules():
                module.training = self.dropout and isinstance(module, _DropoutNd)
            with seeded(generator):
                for x, y in forget.batches(self.batch_size, generator if self.shuffle else None):
                    gradients = torch.autograd.grad(self.loss(model(x), y), list(steps))
                    with torch.no_grad():
                        for (W, step), G in zip(steps.items(), gradients, strict=True):
                            W -= lr * step(G)
            yield model.eval()

    def loss(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the mean loss of logits `z`, (n, classes), with the labels `y` to forget."""
        is_y = one_hot(y, z.shape[1]).bool()
        reverse = -(1 + self.offset - z.softmax(1)[is_y]).log().mean()
        log_p = (z[~is_y].view(len(z), -1) if self.depoison else z).log_softmax(1)
        H = -(log_p.exp() * log_p).sum(1).mean()
        return reverse + self.entropy * (H if self.depoison else -H)
