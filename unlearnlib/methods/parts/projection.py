r"""Steps that leave a gradient space untouched.

.. math::
    M = V \operatorname{diag}(\lambda) V^\top, \qquad B = (v_1, \dots, v_k), \qquad
    G \mapsto G (I - B B^\top)

so that :math:`\Delta W x = 0` for every x in the span of B.
"""

import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from ...checks.intact import intact
from ...checks.outputs import finite, logits
from ...checks.trial import graph
from ...cost import off_the_clock
from ...errors import NonFiniteError, SpecError, UnsupportedModelError
from ...stored.gradient_space import GradientSpace
from ...stored.per_example import autocast_afresh
from ...training import seeded
from .modes import train_dropout_alone

RankRule = Literal["energy", "singular"]
"""How the share of a space that is protected is counted, see `Spectrum.ranks`."""
Steps = dict[Tensor, Callable[[Tensor], Tensor]]
"""The weights that may move, each with what makes a step of its gradient."""


@dataclass(frozen=True)
class Spectrum:
    r"""Eigenvectors and eigenvalues of one layer's moment.

    Attributes:
        vectors: :math:`V`, (groups, d, d); columns by falling eigenvalue.
        values: :math:`\lambda`, (groups, d), falling; negative ones are set to zero.
        clamped: What was negative, as a share of the trace. Rounding leaves next to nothing; more
            tells that what was subtracted was not part of the whole.
    """

    vectors: Tensor
    values: Tensor
    clamped: float

    @classmethod
    def of(cls, moment: Tensor) -> "Spectrum":
        """Return the spectrum of `moment`, (groups, d, d)."""
        values, vectors = torch.linalg.eigh(moment)
        clamped = values.clamp(max=0).abs().sum() / values.abs().sum().clamp(min=1e-300)
        return cls(vectors.flip(-1), values.flip(-1).clamp(min=0), float(clamped))

    def ranks(self, gamma: float, share: RankRule) -> Tensor:
        r"""Return how many directions k hold the share :math:`\gamma`, (groups,).

        `energy` is GPM's rule (its Eq. 5): the smallest k with
        :math:`\sum_{i \le k} \lambda_i \ge \gamma \sum_i \lambda_i`. `singular` is that of the
        release of PGU: the largest k with
        :math:`\sum_{i \le k} \sqrt{\lambda_i} \le \gamma \sum_i \sqrt{\lambda_i}`. From
        :math:`\gamma = 1` on, both keep all d.
        """
        d = self.values.shape[1]
        size = self.values if share == "energy" else self.values.sqrt()  # or lambda^(1/2)
        held = size.cumsum(1)  # by the first k, at k - 1; it rises, so that a count is a border
        if gamma >= 1:  # rounding could leave the last below the sum
            return torch.full((len(held),), d, device=held.device)
        if share == "singular":  # as many k as do not hold more
            return (held <= gamma * held[:, -1:]).sum(1)
        return (held < gamma * held[:, -1:]).sum(1) + (gamma > 0)  # as hold too little, and one

    def projection(self, ranks: Tensor) -> "Projection":
        """Return the projection off the first `ranks` directions, (groups,)."""
        d = self.values.shape[1]
        first = torch.arange(d, device=ranks.device) < ranks[:, None]
        low, high = int(ranks.min()), int(ranks.max())
        # G - G B B^T = G B' B'^T, where B' are the other columns of V: the fewer are multiplied
        if high <= d - low:
            return Projection(self.vectors[..., :high] * first[:, None, :high], removes=True)
        return Projection(self.vectors[..., low:] * ~first[:, None, low:], removes=False)


@dataclass(frozen=True)
class Projection:
    r"""The map :math:`G \mapsto G - G B B^\top` of gradients.

    Attributes:
        basis: Orthonormal columns, (groups, d, r): :math:`B`, or those that complete it.
        removes: Whether the columns are those to remove; else those to keep.
    """

    basis: Tensor
    removes: bool

    def __call__(self, gradient: Tensor) -> Tensor:
        """Return the part of `gradient`, (outputs, ...), that is orthogonal to the space."""
        groups, d, _ = self.basis.shape
        G = gradient.reshape(groups, -1, d)
        along = G @ self.basis @ self.basis.mT  # the part of each row in the span
        return (G - along if self.removes else along).reshape(gradient.shape)

    def to(self, like: Tensor) -> "Projection":
        """Return the projection with the device and the type of `like`."""
        return replace(self, basis=self.basis.to(like))


@dataclass(frozen=True)
class TrustRegion:
    r"""A projection that may also rescale some directions of the space, after TRGP.

    Lin, Yang, Fan and Zhang, "TRGP: Trust Region Gradient Projection for Continual Learning", ICLR
    2022, uses :math:`W - W C C^\top + W C Q C^\top` in the place of W, where C are the directions
    in question and Q, at first I, is trained along. The gradient of Q is
    :math:`(W C)^\top G C`, and projected steps leave :math:`W C` as it was, so a step of Q is one
    of the effective weight, and Q itself need not be kept:

    .. math:: G \mapsto G (I - B B^\top) + \tau (W_0 C)(W_0 C)^\top G C C^\top

    Attributes:
        projection: Off the whole space B.
        directions: :math:`C`, (d, m), columns of B.
        gram: :math:`\tau (W_0 C)(W_0 C)^\top`, (outputs, outputs).
    """

    projection: Projection
    directions: Tensor
    gram: Tensor

    @classmethod
    def of(
        cls, projection: Projection, spectrum: Spectrum, k: int, m: int, W: Tensor
    ) -> "TrustRegion":
        r"""Return the trust region of the weakest `m` of `k` directions, with :math:`\tau = 0.1`.

        The release trains Q at a tenth of the rate of W.
        """
        C = spectrum.vectors[0, :, max(k - m, 0) : k].to(W)  # the last m of B, by eigenvalue
        WC = W.detach() @ C  # stays as it is, since the steps of W are orthogonal to C
        return cls(projection, C, 0.1 * WC @ WC.T)

    def __call__(self, gradient: Tensor) -> Tensor:
        """Return the step for `gradient`, (outputs, d)."""
        # (W C) dQ C^T, where dQ = tau (W C)^T G C is the step of Q
        rescaled = self.gram @ (gradient @ self.directions) @ self.directions.T
        return self.projection(gradient) + rescaled


def projections(
    model: nn.Module,
    space: GradientSpace,
    gamma: float,
    share: RankRule,
    layers: Iterable[str] = (),
    trust: int = 0,
    x: Tensor | None = None,
) -> Steps:
    r"""Return the weights that may move, each with what makes a step of its gradient.

    Args:
        model: The model of `space`; parameters that need no gradient stay out.
        space: The gradient space to protect.
        gamma: Share :math:`\gamma` of it.
        share: How the share is counted, see `Spectrum.ranks`.
        layers: Names of layers; all if empty.
        trust: Weakest directions of the last layer, in the order of the forward pass, that may be
            rescaled; all that are protected if they are fewer.
        x: Examples, of which one is sent forward (and not counted) to see where else a weight goes.

    Raises:
        NonFiniteError: A moment of the space is NaN or infinite.
        SpecError: A layer is not in the space, or all are frozen.
        UnsupportedModelError: A weight is made from other parameters, or another module has it too,
            or it is used outside the calls of its layer.
    """
    if broken := [name for name, M in space.moments.items() if not finite(M)]:
        raise NonFiniteError(
            f"The moments at {', '.join(broken)} are NaN or infinite, so that they span no space. "
            "Look for such numbers in the model, or compute in a type of larger range."
        )
    if unknown := sorted(set(layers) - space.moments.keys()):
        raise SpecError(
            f"There is no gradient space of {', '.join(unknown)}: only a Linear or Conv2d that is "
            f"called has one. There are: {', '.join(space.moments)}."
        )
    steps: Steps = {}
    last = list(space.moments)[-1]
    for name in layers or space.moments:
        W = _own_weight(model, name)
        if not W.requires_grad:
            continue
        spectrum = Spectrum.of(space.moments[name])
        if spectrum.clamped > 1e-3:
            warnings.warn(
                f"{spectrum.clamped:.1%} of the moments at '{name}' are negative and count as none:"
                " what was subtracted was not part of the whole, or in other views.",
                stacklevel=2,
            )
        ranks = spectrum.ranks(gamma, share)
        projection = spectrum.projection(ranks).to(W)
        steps[W] = projection
        if trust and name == last and W.dim() == 2:  # a Linear, which has one group
            steps[W] = TrustRegion.of(projection, spectrum, int(ranks), trust, W)
    if not steps:
        raise SpecError(
            "No weight of the chosen layers needs a gradient, so no step could change anything. "
            "Choose other layers, or unfreeze them with requires_grad_()."
        )
    if x is not None:
        _refuse_other_uses(model, steps, x[:1])
    return steps


@off_the_clock()
@torch.enable_grad()
def _refuse_other_uses(model: nn.Module, steps: Steps, x: Tensor) -> None:
    """Refuse a weight that enters the outputs more often than its layer is called."""
    calls: Counter[nn.Module] = Counter()

    def note(layer: nn.Module, args: tuple[Tensor, ...]) -> None:
        calls[layer] += 1

    with intact(model), autocast_afresh(x.device.type):
        owners = {
            layer: name
            for name, layer in model.named_modules()
            if any(W in steps for W in layer._parameters.values())
        }
        for layer in owners:
            layer.register_forward_pre_hook(note)
        uses = graph(logits(model, x.clone()))[1]
    for layer, name in owners.items():
        W = layer._parameters["weight"]
        if W is not None and uses[W] > calls[layer]:
            raise UnsupportedModelError(
                f"The weight of '{name}' is also used outside that layer (such as by F.linear), on "
                "inputs that the gradient space does not have, so its steps would change their "
                "outputs. Call the layer, or leave it out by naming the others in `layers`."
            )


def _own_weight(model: nn.Module, name: str) -> Tensor:
    """Return the weight of a layer, which is multiplied with the inputs of that layer alone."""
    W = model.get_submodule(name)._parameters.get("weight")
    if W is None:
        raise UnsupportedModelError(
            f"Layer '{name}' makes its weight from other parameters (weight_norm, prune, a "
            "parametrization), so no step of these is orthogonal to its inputs. Remove that first, "
            "or leave the layer out by naming the others in `layers`."
        )
    holders = [
        path or type(module).__name__
        for path, module in model.named_modules()
        if any(q is W for q in module._parameters.values())
    ]
    if len(holders) > 1:
        raise UnsupportedModelError(
            f"{' and '.join(holders)} share one weight, so its step would have to be orthogonal to "
            "the inputs of them all. Leave them out by naming the others in `layers`."
        )
    return W


def descend(
    model: nn.Module,
    steps: Steps,
    loss: Callable[[Tensor, Tensor], Tensor],
    batches: Iterable[tuple[Tensor, Tensor]],
    lr: float,
    dropout: torch.Generator | None = None,
) -> None:
    r"""Move `model` in place by :math:`W \leftarrow W - \eta P_W(\nabla_W \ell)`, once a batch.

    Args:
        model: A classifier; BatchNorm keeps its statistics, and eval mode is on afterwards.
        steps: :math:`P_W`, see `projections`.
        loss: Maps logits and labels to :math:`\ell`.
        batches: Inputs and labels.
        lr: :math:`\eta`.
        dropout: What dropout draws from; without it there is none.
    """
    model.eval()
    if dropout is not None:
        train_dropout_alone(model)
    with seeded(dropout) if dropout is not None else nullcontext():
        for x, y in batches:
            gradients = torch.autograd.grad(loss(logits(model, x), y), [*steps])
            with torch.no_grad():
                for (W, P_W), G in zip(steps.items(), gradients, strict=True):
                    W -= lr * P_W(G)
    model.eval()
