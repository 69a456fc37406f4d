"""The weights of convolutions, which MSG and GKT draw anew and CT transposes."""

import torch
from torch import nn

from ...access import copy_of
from ...training import seeded


def kernels(model: nn.Module) -> list[nn.Parameter]:
    """Return the weight of every `Conv2d` of `model` that may move, once each.

    A layer that makes its weight from other parameters (such as by weight_norm) is left out.
    """
    weights = [m._parameters.get("weight") for m in model.modules() if isinstance(m, nn.Conv2d)]
    return [W for W in dict.fromkeys(weights) if W is not None and W.requires_grad]


def drawn_anew(model: nn.Module, generator: torch.Generator) -> nn.Module:
    """Return a copy of `model`, the weights of its convolutions drawn by Xavier's rule."""
    model = copy_of(model)
    with seeded(generator):
        for W in kernels(model):
            nn.init.xavier_uniform_(W)
    return model
