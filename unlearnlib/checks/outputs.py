"""What every method may rely on: outputs that are logits, and numbers that are finite."""

import warnings
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor, nn

from ..cost import off_the_clock
from ..errors import NonFiniteError, UnlearnError, UnsupportedModelError, first_line
from .kinds import check_network

_LOOKED_AT: "WeakSet[nn.Module]" = WeakSet()
"""Models whose outputs were logits, so that no step of theirs waits for another look."""
_TOLD: "WeakSet[type[nn.Module]]" = WeakSet()
"""Classes of models of which it was said that they return probabilities."""


def logits(model: nn.Module, x: Tensor) -> Tensor:
    """Return the outputs of `model` for `x`, (n, classes); warn once if they are probabilities.

    Raises:
        UnsupportedModelError: They are not one row of two or more numbers for each example; or the
            model cannot take the inputs; or a BatchNorm in train mode is shown a single one.
    """
    check_network(model)
    name = type(model).__name__
    try:
        z: Any = model(x)
    except ValueError as error:
        if len(x) > 1 or "more than 1 value per channel" not in str(error):
            raise
        raise UnsupportedModelError(
            f"A BatchNorm of {name} in train mode is shown a batch of one example, which has no "
            "variance to divide by. Take a batch_size of two or more, and two or more examples."
        ) from error
    except (UnlearnError, torch.OutOfMemoryError):
        raise
    except (RuntimeError, IndexError, TypeError) as error:
        raise UnsupportedModelError(
            f"{name} cannot be given these inputs, {x.dtype} of shape {tuple(x.shape)} "
            f"({first_line(error)}). Give them in the form that the model was trained with."
        ) from error
    if not isinstance(z, Tensor):
        raise UnsupportedModelError(
            f"{name} returns a {type(z).__name__}, not a tensor of logits. Wrap it in a module "
            "whose forward returns the logits alone, (n, classes)."
        )
    if z.dim() != 2 or len(z) != len(x) or z.shape[1] < 2 or not z.is_floating_point():
        raise UnsupportedModelError(
            f"{name} returns {z.dtype} of shape {tuple(z.shape)} for {len(x)} examples, not logits "
            "(n, classes) of two or more classes. A yes-or-no model needs an output for each of "
            "the two answers; one that answers for every pixel or token is not supported."
        )
    if len(z) > 1 and model not in _LOOKED_AT:
        _LOOKED_AT.add(model)
        _tell_probabilities(model, z.detach())
    return z


@off_the_clock()
def _tell_probabilities(model: nn.Module, z: Tensor) -> None:
    """Warn if each row of outputs is a distribution, once for each class of models."""
    one = bool((z >= 0).all()) and bool(((z.double().sum(1) - 1).abs() < 1e-4).all())
    if one and type(model) not in _TOLD:
        _TOLD.add(type(model))
        warnings.warn(
            f"{type(model).__name__} returns probabilities (each row of its outputs sums to one), "
            "and every loss here takes the softmax of what a model returns, so that of these it is "
            "nearly flat. Take the softmax off its end, or put a log-softmax in its place.",
            stacklevel=2,
        )


def settled(model: nn.Module) -> nn.Module:
    """Return `model` in eval mode and without gradients, as every method hands it over.

    Raises:
        NonFiniteError: A parameter or a buffer is NaN or infinite.
    """
    for parameter in model.parameters():
        parameter.grad = None
    _refuse_not_finite(model)
    return model.eval()


@off_the_clock()
def _refuse_not_finite(model: nn.Module) -> None:
    """Refuse a model with a parameter or a buffer that is NaN or infinite."""
    for name, value in model.state_dict().items():
        if isinstance(value, Tensor) and not finite(value):  # an extra state may be anything
            raise NonFiniteError(
                f"'{name}' of the resulting model holds a number that is NaN or infinite, so that "
                "it classifies nothing: the steps diverged. Take smaller ones (a smaller lr), or "
                "look for a setting that divides by zero."
            )


def finite(t: Tensor) -> bool:
    """Tell whether all of `t` is finite, in one pass that allocates nothing if it is.

    >>> import torch
    >>> finite(torch.tensor([1.0, float("nan")])), finite(torch.full((9,), 3e38))
    (False, True)
    """
    if not (t.is_floating_point() or t.is_complex()):
        return True
    return bool(t.sum().isfinite()) or bool(t.isfinite().all())


def first_not_finite(t: Tensor) -> tuple[int, ...]:
    """Return the place of the first number of `t` that is not finite."""
    return tuple(int(i) for i in (~t.isfinite()).nonzero()[0])
