"""Accuracy, both as it should be and as the JiT and SSD papers average it; and the loss."""

from torch import Tensor
from torch.nn.functional import cross_entropy


def accuracy(logits: Tensor, y: Tensor) -> float:
    r"""Return :math:`\frac1n \sum_i [\arg\max_c z_{ic} = y_i]`, a fraction.

    Args:
        logits: Outputs :math:`z`, (n, classes).
        y: Labels, (n,).
    """
    return (logits.argmax(1) == y).double().mean().item()


def accuracy_batch_mean(logits: Tensor, y: Tensor, batch_size: int = 64) -> float:
    """Return the unweighted mean of the accuracies of consecutive batches, a fraction.

    The releases of SSD and JiT print this: the last, smaller batch weighs as much as a full one.
    The digits of JiT's Tables 2a and 3 need batches of 64.

    >>> import torch
    >>> accuracy_batch_mean(torch.eye(2)[[0, 0, 0]], torch.tensor([0, 0, 1]), batch_size=2)
    0.5

    Args:
        logits: Outputs, (n, classes).
        y: Labels, (n,).
        batch_size: Examples a batch.
    """
    hits = (logits.argmax(1) == y).double()
    return float(sum(batch.mean().item() for batch in hits.split(batch_size))) / -(
        -len(y) // batch_size
    )


def loss(logits: Tensor, y: Tensor) -> float:
    """Return the mean cross-entropy, in nats."""
    return cross_entropy(logits.double(), y).item()
