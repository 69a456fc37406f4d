"""Training that goes on, at a learning rate of its own in each epoch."""

from collections.abc import Iterable

import torch
from torch import nn
from torch.optim import SGD

from ...data.tensors import Labelled
from ...training import seeded, step


def fine_tune(
    model: nn.Module,
    data: Labelled,
    rates: Iterable[float],
    batch_size: int,
    generator: torch.Generator,
    momentum: float,
    weight_decay: float,
    still: Iterable[nn.Module] = (),
) -> None:
    """Train `model` in place on `data` by SGD, in train mode.

    Args:
        model: A classifier.
        data: What it is trained on.
        rates: Learning rates, one for each epoch.
        batch_size: Examples a step.
        generator: Order of the batches and dropout.
        momentum: Momentum of SGD.
        weight_decay: L2 penalty of SGD.
        still: Modules that stay in eval mode.
    """
    sgd = SGD(model.parameters(), 0.0, momentum, weight_decay=weight_decay)
    model.train()
    for module in still:
        module.training = False  # its children may be others
    with seeded(generator):
        for eta in rates:
            sgd.param_groups[0]["lr"] = eta
            for x, y in data.batches(batch_size, generator):
                step(model, sgd, x, y)
