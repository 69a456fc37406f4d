"""Accuracy, both as it should be and as the JiT and SSD papers average it; and the loss."""

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy


def hits(logits: Tensor, y: Tensor) -> Tensor:
    """Return for every example whether its largest output is its label, or one of them, (n,), bool.

    Args:
        logits: Outputs, (n, classes).
        y: Labels: (n,), integers; or (n, classes), floats that are 0 or 1.
    """
    top = logits.argmax(1)
    return y.gather(1, top[:, None])[:, 0] > 0 if y.is_floating_point() else top == y


def accuracy(logits: Tensor, y: Tensor) -> float:
    r"""Return :math:`\frac1n \sum_i [\arg\max_c z_{ic} = y_i]`, a fraction; see `hits`.

    Args:
        logits: Outputs :math:`z`, (n, classes).
        y: Labels, (n,) or (n, classes).
    """
    return hits(logits, y).double().mean().item()


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
    hit = hits(logits, y).double()
    return float(sum(batch.mean().item() for batch in hit.split(batch_size))) / -(
        -len(y) // batch_size
    )


def loss(logits: Tensor, y: Tensor) -> float:
    """Return the mean cross-entropy, in nats; that of several labels is a mean over them too."""
    if y.is_floating_point():
        return binary_cross_entropy_with_logits(logits.double(), y.double()).item()
    return cross_entropy(logits.double(), y).item()
