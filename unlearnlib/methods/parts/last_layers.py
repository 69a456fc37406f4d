"""The last layers of a model, and all but these frozen, for EU-k and CF-k."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.conv import _ConvNd

from ...errors import UnsupportedModelError

LAYERS = (nn.Linear, _ConvNd)
"""What is counted."""


def last_layers(model: nn.Module, k: int) -> list[nn.Module]:
    """Return the k-th last layer of `model` and all that was registered after it.

    Raises:
        UnsupportedModelError: There are fewer layers.
    """
    modules = [*model.modules()]
    layers = [i for i, module in enumerate(modules) if isinstance(module, LAYERS)]
    if k > len(layers):
        raise UnsupportedModelError(
            f"{type(model).__name__} has {len(layers)} convolutions and linear layers, so there "
            f"are no last {k}. Take a k of as many at most, or Retrain or FineTune, for all of it."
        )
    return modules[layers[-k] :]


@contextmanager
def frozen_but_last(model: nn.Module, k: int) -> Iterator[tuple[list[nn.Module], list[nn.Module]]]:
    """Freeze all but the last `k` layers; yield the modules of either part.

    Raises:
        UnsupportedModelError: The last layers are frozen already, or there are fewer.
    """
    psi = last_layers(model, k)
    phi = [module for module in model.modules() if module not in psi]
    moving = {p for module in psi for p in module.parameters(recurse=False) if p.requires_grad}
    if not moving:
        raise UnsupportedModelError(
            f"None of the last k = {k} layers of {type(model).__name__} requires a gradient, so no "
            "step could change anything. Thaw them with requires_grad_(), or take a larger k."
        )
    frozen = [p for p in model.parameters() if p.requires_grad and p not in moving]
    for parameter in frozen:
        parameter.requires_grad_(False)  # its gradient stays None, so that no decay moves it
    yield phi, psi
    for parameter in frozen:
        parameter.requires_grad_(True)
