"""Accuracy, both as it should be and as the JiT and SSD papers average it; and the loss."""

from jaxtyping import Float, Float64
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from ..errors import SpecError
from ..losses import Labels, right
from .shapes import labels, told


def hits(logits: Float[Tensor, "n classes"], y: Labels) -> Float64[Tensor, " n"]:
    """Return 1 for every example whose largest output is its label, or one of them, else 0, (n,).

    NaN, in double precision, where an output of the example is not finite: it answers nothing.

    Args:
        logits: Outputs, (n, classes).
        y: Labels: (n,), integers; or (n, classes), floats that are 0 or 1.
    """
    return right(told(logits), labels(logits, y))


def accuracy(logits: Float[Tensor, "n classes"], y: Labels) -> float:
    r"""Return :math:`\frac1n \sum_i [\arg\max_c z_{ic} = y_i]`, a fraction; see `hits`.

    NaN if an output of any example is not finite.

    Args:
        logits: Outputs :math:`z`, (n, classes).
        y: Labels, (n,) or (n, classes).
    """
    return hits(logits, y).mean().item()


def accuracy_batch_mean(
    logits: Float[Tensor, "n classes"], y: Labels, batch_size: int = 64
) -> float:
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

    Raises:
        SpecError: `batch_size` is no whole number of at least 1.
    """
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise SpecError(f"batch_size must be a whole number of at least 1, not {batch_size!r}.")
    hit = hits(logits, y)
    return float(sum(batch.mean().item() for batch in hit.split(batch_size))) / -(
        -len(y) // batch_size
    )


def loss(logits: Float[Tensor, "n classes"], y: Labels) -> float:
    """Return the mean cross-entropy, in nats; that of several labels is a mean over them too."""
    z, y = told(logits), labels(logits, y)
    if y.is_floating_point():
        return binary_cross_entropy_with_logits(z, y.double()).item()
    return cross_entropy(z, y).item()
