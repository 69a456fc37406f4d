"""What is handed over is a thing, and not its class, what makes it, or what it is made of."""

import inspect

import torch
from torch import nn

from ..errors import AccessError, DataError, UnsupportedModelError


def check_method(method: object) -> None:
    """Refuse a class in the place of a method.

    Raises:
        AccessError: It is one.
    """
    if isinstance(method, type):
        raise AccessError(
            f"{method.__name__} is a class, and a method is an instance with its "
            f"hyper-parameters. Write {method.__name__}(), with those that are not the defaults."
        )


def check_network(model: object) -> None:
    """Refuse what is no network.

    Raises:
        UnsupportedModelError: It is a class, or anything else.
    """
    if isinstance(model, type):
        raise UnsupportedModelError(
            f"{model.__name__} is a class, and a model is an instance of it with parameters of its "
            f"own. Make one, such as model = {model.__name__}(...), and train or load it."
        )
    if not isinstance(model, nn.Module):
        raise UnsupportedModelError(
            f"A {type(model).__name__} is no torch.nn.Module to unlearn. Hand over the model."
        )


def check_factory(name: str, factory: object, given: int) -> None:
    """Refuse what does not make networks.

    Args:
        name: What to call it.
        factory: It.
        given: How many arguments it is called with: none, or a generator.

    Raises:
        DataError: It is a network itself, or cannot be called like that.
    """
    of = "a torch.Generator" if given else "nothing"
    wanted = f"`{name}` must be a function of {of} that returns a new, untrained network each time"
    if isinstance(factory, nn.Module) or not callable(factory):
        raise DataError(
            f"{wanted}, not a {type(factory).__name__}. Hand over what makes one, such as its "
            f"{'factory' if given else 'class'}."
        )
    try:
        inspect.signature(factory).bind(*[None] * given)
    except TypeError as error:
        call = "lambda generator: Net(...)" if given else "lambda: Net(...)"
        raise DataError(
            f"{wanted}, and it cannot be called with that ({error}). Write {call}, with the "
            "arguments of the network."
        ) from error
    except ValueError:  # made outside Python, it does not tell
        pass


def check_generator(generator: object) -> None:
    """Refuse what draws no random numbers.

    Raises:
        DataError: It is no generator of torch.
    """
    if not isinstance(generator, torch.Generator):
        raise DataError(
            f"`generator` must be a torch.Generator, whose state says what is drawn next, not "
            f"{generator!r:.60}. Make it with torch.Generator().manual_seed(0), on the device of "
            "the data."
        )
