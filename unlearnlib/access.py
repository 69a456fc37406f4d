"""What a method may see is what its signature names.

A method is a frozen dataclass of hyper-parameters. Calling it maps a trained model to an unlearned
copy, and the keyword-only parameters of `__call__` are its data access: the runner reads them,
hands over those and nothing else, and every table prints them.
"""

import inspect
from collections.abc import Mapping
from dataclasses import Field
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, runtime_checkable

from torch import nn

from .errors import AccessError

ACCESS: Mapping[str, str] = MappingProxyType(
    {
        "forget": "the examples to forget, with labels",
        "forget_inputs": "the examples to forget, without labels",
        "retain": "the rest of the training set, with labels",
        "retain_inputs": "the rest of the training set, without labels",
        "validation": "examples held out of the training set, with labels",
        "fisher": "stored importance of every parameter for the training set, made with labels",
        "sensitivity": "stored importance of every parameter for the training set, without labels",
        "gradient_space": "stored second moments of every layer's inputs, of the training set",
        "fresh_model": "a factory of untrained networks of the same architecture",
        "recipe": "how the original model was trained",
        "generator": "random numbers",
    }
)
"""The closed vocabulary. Test data are not in it, so no method can name them."""


@runtime_checkable
class Method(Protocol):
    """A frozen dataclass of hyper-parameters that maps a model to an unlearned copy."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __call__(self, model: nn.Module, /, *args: Any, **kwargs: Any) -> nn.Module:
        """Return an unlearned copy of `model`, in eval mode; `model` itself stays as it is."""


def access(method: Method) -> tuple[str, ...]:
    """Return the names of everything that `method` may see, in the order of its signature.

    >>> from unlearnlib import JiT, Retrain
    >>> access(JiT())
    ('forget_inputs', 'generator')
    >>> access(Retrain())
    ('retain', 'fresh_model', 'recipe', 'generator')

    Raises:
        AccessError: A name is outside the vocabulary, or a parameter is not keyword-only.
    """
    _, *asked = inspect.signature(method).parameters.values()
    for parameter in asked:
        if parameter.name not in ACCESS or parameter.kind is not parameter.KEYWORD_ONLY:
            raise AccessError(
                f"{type(method).__name__}.__call__ asks for '{parameter.name}', which is not on "
                f"offer. A method may name, keyword-only: {', '.join(ACCESS)}. Hyper-parameters "
                "belong in the fields of the dataclass; test data are never on offer."
            )
    return tuple(parameter.name for parameter in asked)


def grant(method: Method, offers: object) -> dict[str, Any]:
    """Return what `method` names, taken from the attributes of `offers`, and nothing else."""
    return {name: getattr(offers, name) for name in access(method)}
