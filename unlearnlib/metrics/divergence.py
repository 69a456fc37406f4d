"""How far the outputs of two models are apart."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import DataError
from .shapes import told


def divergence(z: Float[Tensor, "n classes"], other: Float[Tensor, "n classes"]) -> float:
    r"""Return the mean Jensen-Shannon divergence of two models' outputs, in nats.

    .. math:: \frac12 \operatorname{KL}(p \Vert m) + \frac12 \operatorname{KL}(q \Vert m),
        \qquad m = \frac{p + q}{2}

    It is 0 for equal outputs and log 2 at most. Two retrained models are not at 0 either: their
    divergence is the floor to compare with.

    >>> round(divergence(torch.tensor([[0.0, 99.0]]), torch.tensor([[99.0, 0.0]])), 4)
    0.6931

    Args:
        z: Outputs of one model, (n, classes).
        other: Outputs of the other on the same examples.

    Returns:
        Nats; NaN if an output is not finite.

    Raises:
        DataError: The outputs are not of the same examples and classes.
    """
    log_p, log_q = told(z).log_softmax(1), told(other).log_softmax(1)
    if z.shape != other.shape:
        raise DataError(
            f"Outputs of shape {tuple(z.shape)} are compared with {tuple(other.shape)}. Give those "
            "of two models on the same examples and classes."
        )
    log_m = torch.logaddexp(log_p, log_q) - math.log(2)
    halves = [(log_r.exp() * (log_r - log_m)).sum(1).mean() / 2 for log_r in (log_p, log_q)]
    return float(sum(halves))
