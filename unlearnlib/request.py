"""What to forget: a request is a short text that selects examples.

===================  ==============================================================
`class:rocket`       one class, by name or number
`classes:a,b`        several classes
`subclass:rocket`    a fine class of a set whose labels are super-classes
`part:ship:500`      the first 500 training examples of a class
`random:0.01`        a share of the training set, drawn at random
`random:100`         that many training examples, drawn at random
===================  ==============================================================
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .data.sets import Dataset
from .errors import RequestError


@dataclass(frozen=True)
class Selection:
    """What a request selects.

    Attributes:
        train: Which training examples to forget, (n,), bool.
        test: Which test examples are of the same kind, (m,), bool; of a `part`, those of its class;
            none for a random request.
    """

    train: Tensor
    test: Tensor


def resolve(request: str, data: Dataset, generator: torch.Generator) -> Selection:
    """Return what `request` selects from `data`.

    Args:
        request: See the module.
        data: A data set.
        generator: Draws a random request; others do not use it.

    Raises:
        RequestError: The kind, the name or the size is not one that the data set has.
    """
    kind, _, argument = request.partition(":")
    n = len(data.train)
    if kind == "random" and argument:
        count = _count(argument, n, request)
        chosen = torch.randperm(n, generator=generator, device=generator.device)[:count]
        train = torch.zeros(n, dtype=torch.bool)
        train[chosen.cpu()] = True
        return _checked(train, torch.zeros(len(data.test), dtype=torch.bool), request)
    if kind in ("class", "classes") and argument:
        names = [argument] if kind == "class" else argument.split(",")
        wanted = torch.tensor([_index(name, data.classes, request) for name in names])
        return _checked(_of(data.train.y, wanted), _of(data.test.y, wanted), request)
    if kind == "part" and argument:
        name, _, size = argument.rpartition(":")
        wanted = torch.tensor([_index(name, data.classes, request)])
        own = _of(data.train.y, wanted).nonzero()[:, 0]
        train = torch.zeros(n, dtype=torch.bool)
        train[own[: _count(size, len(own), request)]] = True
        return _checked(train, _of(data.test.y, wanted), request)
    if kind == "subclass" and argument:
        if data.train_subclass is None or data.test_subclass is None:
            raise RequestError(
                f"'{request}' names a sub-class, but '{data.name}' has none: its labels are the "
                f"finest there are. Use 'class:{argument}', or a set with super-classes "
                "(cifar20, fashion_small_super)."
            )
        fine = _index(argument, data.subclasses, request)
        return _checked(
            data.train_subclass.cpu() == fine, data.test_subclass.cpu() == fine, request
        )
    raise RequestError(
        f"'{request}' is not a request. Known are class:NAME, classes:NAME,NAME, subclass:NAME, "
        "part:NAME:COUNT, random:SHARE (0 to 1) and random:COUNT."
    )


def _of(y: Tensor, wanted: Tensor) -> Tensor:
    """Return which examples have one of the classes `wanted`, (n,), bool; several labels may."""
    y = y.cpu()
    return y[:, wanted].any(1) if y.is_floating_point() else torch.isin(y, wanted)


def _index(name: str, names: tuple[str, ...], request: str) -> int:
    """Return the index of a class given by its name, in any case, or by its number."""
    name = name.strip()
    if name.isdecimal() and int(name) < len(names):
        return int(name)
    folded = [known.casefold() for known in names]
    if name.casefold() not in folded:
        raise RequestError(
            f"'{request}': there is no class '{name}'. Known are, from 0: {', '.join(names)}."
        )
    return folded.index(name.casefold())


def _count(argument: str, n: int, request: str) -> int:
    """Return the number of examples that `argument`, a share or a count, asks for."""
    try:
        return int(argument) if argument.isdecimal() else max(0, round(float(argument) * n))
    except (ValueError, OverflowError):
        raise RequestError(
            f"'{request}': '{argument}' is neither a count nor a share, such as 100 or 0.01."
        ) from None


def _checked(train: Tensor, test: Tensor, request: str) -> Selection:
    """Refuse to forget nothing or everything."""
    if not 0 < int(train.sum()) < len(train):
        raise RequestError(
            f"'{request}' selects {int(train.sum())} of {len(train)} training examples; it must "
            "leave some to forget and some to retain."
        )
    return Selection(train, test)
