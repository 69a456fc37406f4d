"""What of two sets of losses is compared."""

from typing import Literal

import torch
from torch import Tensor

Match = Literal["mean", "moments", "quantiles"]


def gaps(l_f: Tensor, l_v: Tensor, match: Match) -> Tensor:
    """Return by how much losses `l_f`, (b,), stay below losses `l_v`, (m,).

    The difference of the means, (); of the means and the variances, (2,); or of the b quantiles
    that the losses `l_f` are themselves, (b,).
    """
    gap = l_v.mean() - l_f.mean()
    if match == "moments":
        gap = torch.stack([gap, l_v.var(correction=0) - l_f.var(correction=0)])
    elif match == "quantiles":
        if torch.finfo(l_f.dtype).bits < 32:  # torch has no quantiles of these
            l_f, l_v = l_f.float(), l_v.float()
        # the i-th of b sorted losses is their quantile at (i + 1/2) / b
        ranks = torch.arange(len(l_f), device=l_f.device, dtype=l_f.dtype) + 0.5
        gap = l_v.quantile(ranks / len(l_f)) - l_f.sort().values
    return gap
