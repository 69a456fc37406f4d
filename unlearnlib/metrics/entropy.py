"""Entropy of a classifier's outputs."""

from jaxtyping import Float, Float64
from torch import Tensor

from .shapes import told


def entropy(logits: Float[Tensor, "n classes"]) -> Float64[Tensor, " n"]:
    r"""Return :math:`H_i = -\sum_c p_{ic} \log p_{ic}` in nats, (n,), in double precision.

    >>> import torch
    >>> entropy(torch.zeros(1, 4)).exp()
    tensor([4.], dtype=torch.float64)

    Args:
        logits: Outputs, (n, classes); :math:`p` is their softmax. NaN where one is not finite.
    """
    log_p = told(logits).log_softmax(1)
    return -(log_p.exp() * log_p).sum(1)
