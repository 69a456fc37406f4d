"""What the last hidden layer still knows: a linear readout, learned anew from other images."""

import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from ..data.tensors import Labelled


@torch.no_grad()
def features(model: nn.Module, x: Tensor, batch_size: int = 250) -> Tensor:
    """Return what the last linear layer of `model` is given, (n, features), in eval mode."""
    last = [m for m in model.eval().modules() if isinstance(m, nn.Linear)][-1]
    seen: list[Tensor] = []
    hook = last.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        for batch in x.split(batch_size):
            model(batch)
    finally:
        hook.remove()
    return torch.cat(seen)


def readout(model: nn.Module, known: Labelled, asked: Labelled) -> float:
    """Return the accuracy on `asked` of a logistic regression on the features of `known`.

    High after unlearning means that whoever has the parameters and a few labelled images has the
    class back; compare it with a retrained model, whose features may be as good for the class.

    Args:
        model: A network that ends in a linear layer.
        known: What the readout learns from, every class among it.
        asked: What it is asked about.
    """
    learned = LogisticRegression(max_iter=200).fit(features(model, known.x).cpu(), known.y.cpu())
    right: float = learned.score(features(model, asked.x).cpu(), asked.y.cpu())
    return right
