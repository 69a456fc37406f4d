"""The loss of a classifier, example by example, that fits the labels; and what it gets right."""

from jaxtyping import Float, Float64, Int
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from .errors import DataError

Labels = Int[Tensor, " n"] | Float[Tensor, "n classes"]
"""One label an example, counted from 0; or several, 0.0 or 1.0 for each class."""

NONE = -(2**63)
"""What torch ignores as a label; its own, -100, would be an example without any loss."""


def losses(logits: Float[Tensor, "n classes"], y: Labels) -> Float[Tensor, " n"]:
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

    Raises:
        DataError: The labels are not those of the outputs; on a GPU single labels are not looked
            at, which would wait for it at every step.
    """
    if y.is_floating_point():
        check_labels(logits, y)
        y = y.to(logits.dtype)
        return binary_cross_entropy_with_logits(logits, y, reduction="none").mean(1)
    return _cross_entropy(logits, y, "none")


def mean_loss(logits: Float[Tensor, "n classes"], y: Labels) -> Float[Tensor, ""]:
    """Return the mean of `losses`, which has the same arguments."""
    return losses(logits, y).mean() if y.is_floating_point() else _cross_entropy(logits, y, "mean")


def right(logits: Float[Tensor, "n classes"], y: Labels) -> Float64[Tensor, " n"]:
    """Return 1 for every example whose largest output is its label, or one of them, else 0, (n,).

    NaN where an output of the example is not finite; in double precision.

    >>> import torch
    >>> right(torch.eye(2), torch.tensor([0, 0])).tolist()
    [1.0, 0.0]

    Args:
        logits: Outputs, (n, classes).
        y: Labels: (n,), integers; or (n, classes), floats that are 0 or 1.
    """
    top = logits.argmax(1)
    hit = y.gather(1, top[:, None])[:, 0] if y.is_floating_point() else top == y
    return hit.double().masked_fill(~logits.isfinite().all(1), float("nan"))


def check_labels(logits: Float[Tensor, "n classes"], y: Labels) -> None:
    """Refuse labels that are not those of the outputs.

    Raises:
        DataError: A label is below 0 or beyond the classes, or there are several of another number.
    """
    classes = logits.shape[1]
    if y.is_floating_point():
        if y.shape[1] != classes:
            raise DataError(
                f"The labels are for {y.shape[1]} classes, the model has {classes} outputs. Give a "
                "column of labels for each output."
            )
        return
    first, last = (int(end) for end in y.aminmax()) if len(y) else (0, 0)
    if first < 0:
        raise DataError(
            f"There is a label {first}, but labels are counted from 0, here to {classes - 1}. "
            "Leave out examples that have none."
        )
    if last >= classes:
        raise DataError(
            f"There is a label {last}, but the model has {classes} outputs, whose labels are 0 to "
            f"{classes - 1}. Count the labels from 0, or take a model with an output for each."
        )


def _cross_entropy(logits: Tensor, y: Tensor, reduction: str) -> Tensor:
    try:
        return cross_entropy(logits, y, reduction=reduction, ignore_index=NONE)
    except IndexError:
        check_labels(logits, y)
        raise
