"""Classes by their numbers, for methods that see no example of them: GKT, EMMN and UNSIR."""

import torch
from torch import nn

from ...checks.outputs import logits
from ...cost import off_the_clock
from ...losses import check_labels


@off_the_clock()
@torch.no_grad()
def count_classes(model: nn.Module, shape: tuple[int, ...], classes: tuple[int, ...]) -> int:
    """Return how many classes `model` knows.

    Args:
        model: A classifier in eval mode; it is shown inputs of zeros.
        shape: Shape of one input.
        classes: Numbers of some of its classes.

    Raises:
        DataError: It has no class of such a number.
    """
    like = next(model.parameters())
    z = logits(model, like.new_zeros(len(classes), *shape))
    check_labels(z, torch.tensor(classes, device=like.device))
    return z.shape[1]
