"""What the last hidden layer still knows: a linear readout, learned anew from other images."""

from copy import deepcopy

import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from ..checks.outputs import finite
from ..data.tensors import Labelled
from ..errors import DataError, UnsupportedModelError
from ..metrics.shapes import NAN


@torch.no_grad()
def last_inputs(model: nn.Module, x: Tensor, batch_size: int = 250) -> Tensor:
    """Return what the last linear layer of `model` is given, (n, features), in eval mode.

    Raises:
        UnsupportedModelError: It is not given one row of numbers for each of the inputs.
    """
    model = deepcopy(model).eval()
    seen: list[Tensor] = []
    # None, if the model has no linear layer; else the last
    for last in [m for m in model.modules() if isinstance(m, nn.Linear)][-1:]:
        last.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    for batch in x.split(batch_size):
        model(batch)
    h = torch.cat(seen) if seen else x[:0]
    if h.dim() != 2 or len(h) != len(x):
        raise UnsupportedModelError(
            f"The last nn.Linear of {type(model).__name__} is given {tuple(h.shape)} for "
            f"{len(x)} inputs, and a readout needs one row each. Pass a network that ends in a "
            "linear layer."
        )
    return h


def readout(model: nn.Module, known: Labelled, asked: Labelled) -> float:
    """Return the accuracy on `asked` of a logistic regression on the features of `known`.

    High after unlearning means that whoever has the parameters and a few labelled images has the
    class back; compare it with a retrained model, whose features may be as good for the class.

    Args:
        model: A network that ends in a linear layer.
        known: What the readout learns from, every class among it.
        asked: What it is asked about.

    Returns:
        A fraction, or nan if a feature is not finite.

    Raises:
        DataError: Examples have several labels, or there are none, or none to tell apart.
    """
    several = known.y.dim() != 1 or asked.y.dim() != 1
    classes = len(torch.unique(known.y))
    if several or not len(asked) or classes < 2:
        raise DataError(
            f"A readout learns two or more classes, one label an example, and is asked about one "
            f"example or more; it was given labels of shape {tuple(known.y.shape)}, "
            f"{classes} of them different, and {tuple(asked.y.shape)}."
        )
    f_known, f_asked = last_inputs(model, known.x).cpu(), last_inputs(model, asked.x).cpu()
    if not (finite(f_known) and finite(f_asked)):
        return NAN
    learned = LogisticRegression(max_iter=5000).fit(f_known, known.y.cpu())
    right: float = learned.score(f_asked, asked.y.cpu())
    return right
