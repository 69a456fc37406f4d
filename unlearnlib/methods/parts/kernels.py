"""The weights of convolutions, which MSG draws anew in part and CT transposes."""

from torch import nn


def kernels(model: nn.Module) -> list[nn.Parameter]:
    """Return the weight of every `Conv2d` of `model` that may move, once each.

    A layer that makes its weight from other parameters (such as by weight_norm) is left out.
    """
    weights = [m._parameters.get("weight") for m in model.modules() if isinstance(m, nn.Conv2d)]
    return [W for W in dict.fromkeys(weights) if W is not None and W.requires_grad]
