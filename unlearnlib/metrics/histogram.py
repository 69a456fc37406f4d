"""Histograms of scores."""

from collections.abc import Sequence

import torch
from jaxtyping import Float64, Real
from torch import Tensor

from ..errors import SpecError
from .shapes import NAN, scores


def histogram(values: Real[Tensor, " n"], edges: Sequence[float]) -> Float64[Tensor, " bins"]:
    """Return the share of the scores in each bin, (bins,); NaN if there is none, or one is NaN.

    A bin holds its lower edge and not its upper one. What lies below the first edge, or at the last
    or above it, counts in the bin beside it: rounding moves a bounded score that far.

    >>> import torch
    >>> histogram(torch.tensor([0.0, 0.1, 0.5, 1.0]), [0, 0.1, 0.5, 1]).tolist()
    [0.25, 0.25, 0.5]

    Args:
        values: Scores, (n,).
        edges: Ends of the bins, each greater than the one before.

    Raises:
        SpecError: There are less than two edges, or they do not grow.
    """
    ends = torch.tensor(edges, dtype=torch.float64)
    if len(ends) < 2 or not (ends.diff() > 0).all():
        raise SpecError(
            f"The edges {list(edges)} are no ends of bins. Name two or more, each greater than the "
            "one before."
        )
    (known,) = scores(values)
    bins = len(ends) - 1
    if not len(known) or known.isnan().any():
        return torch.full((bins,), NAN, dtype=torch.float64)
    at = torch.bucketize(known.cpu(), ends[1:-1], right=True)
    return torch.bincount(at, minlength=bins).double() / len(known)
