"""The loss of a classifier, example by example: the one that fits the labels."""

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy


def losses(logits: Tensor, y: Tensor) -> Tensor:
    r"""Return the loss of every example in nats, (n,).

    One label an example has the cross-entropy :math:`-\log p_y`. Several have the mean over the
    labels of the binary cross-entropy, with which such a model is trained.

    >>> import torch
    >>> losses(torch.zeros(1, 2), torch.tensor([1])).exp()
    tensor([2.])
    >>> losses(torch.zeros(1, 3), torch.tensor([[1.0, 0.0, 1.0]])).exp()
    tensor([2.])

    Args:
        logits: Outputs, (n, classes).
        y: Labels: (n,), integers; or (n, classes), floats that are 0 or 1.
    """
    if y.is_floating_point():
        y = y.to(logits.dtype)
        return binary_cross_entropy_with_logits(logits, y, reduction="none").mean(1)
    return cross_entropy(logits, y, reduction="none")
