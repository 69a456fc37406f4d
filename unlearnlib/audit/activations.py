"""What a step does to retained activations, and how far two gradient spaces are from each other."""

from copy import deepcopy

import pandas as pd
import torch
from torch import Tensor, nn

from ..data.tensors import Inputs
from ..methods.parts.projection import RankRule, Spectrum
from ..stored.gradient_space import GradientSpace


@torch.no_grad()
def layer_inputs(model: nn.Module, inputs: Inputs) -> dict[str, Tensor]:
    """Return what each `Linear` and `Conv2d` of `model` is fed, in eval mode."""
    model = deepcopy(model).eval()
    seen: dict[str, list[Tensor]] = {}
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            layer.register_forward_pre_hook(
                lambda _, args, name=name: seen.setdefault(name, []).append(args[0])
            )
    for x in inputs.batches(500):
        model(x)
    return {name: torch.cat(parts) for name, parts in seen.items()}


def drift(before: nn.Module, after: nn.Module, inputs: Inputs) -> dict[str, float]:
    r"""Return :math:`\lVert a' - a \rVert / \lVert a \rVert` of every layer's inputs :math:`a`."""
    old, new = layer_inputs(before, inputs), layer_inputs(after, inputs)
    return {name: float((new[name] - a).norm() / a.norm()) for name, a in old.items()}


def protected_shares(
    space: GradientSpace, gamma: float, share: RankRule = "energy"
) -> dict[str, float]:
    """Return the share of each layer's directions that is protected, groups together."""
    shares = {}
    for name, moment in space.moments.items():
        protected = Spectrum.of(moment).ranks(gamma, share)
        shares[name] = float(protected.sum()) / (len(moment) * moment.shape[1])
    return shares


def space_distances(reference: GradientSpace, other: GradientSpace, gamma: float) -> pd.DataFrame:
    r"""Return how far `other` is from `reference`, one row a layer.

    `moments` is the relative distance of the moments in the Frobenius norm. `leak` tells what
    protecting the wrong directions loses: :math:`1 - \operatorname{tr} C^\top M C /
    \operatorname{tr} B^\top M B` with the bases B of the reference and C of the other at their
    own ranks and M of the reference; below zero, the other protects more. `bases` is the distance
    of the two spaces, :math:`\lVert B B^\top - C C^\top \rVert_F / \sqrt{k_B + k_C}`: 0 if they are
    one, 1 if they are orthogonal. `negative` is the share of the other's spectrum that was negative
    and counts as none. Of layers with groups, the first.
    """
    rows = []
    for name, M in reference.moments.items():
        N = other.moments[name]
        one, two = Spectrum.of(M), Spectrum.of(N)
        B, C = (s.vectors[0, :, : int(s.ranks(gamma, "energy")[0])] for s in (one, two))
        # The energy of M in its own basis, and what of it the other basis catches
        held, caught = torch.trace(B.T @ M[0] @ B), torch.trace(C.T @ M[0] @ C)
        moments, leak = float((M - N).norm() / M.norm()), 1 - float(caught / held)
        both = B.shape[1] + C.shape[1]
        # |BB' - CC'|^2 = k_B + k_C - 2 |B'C|^2 for orthonormal columns
        apart = max(both - 2 * float((B.T @ C).square().sum()), 0.0) / max(both, 1)
        rows.append((name, B.shape[1], C.shape[1], moments, apart**0.5, leak, two.clamped))
    columns = ["layer", "rank", "rank of the other", "moments", "bases", "leak", "negative"]
    return pd.DataFrame(rows, columns=columns)
