"""What to forget: a request is a short text that selects examples.

===================  =======================================================

`class:rocket`       one class, by name or number
`classes:a,b`        several classes
`subclass:rocket`    a fine class of a set whose labels are super-classes
`part:ship:500`      the first 500 training examples of a class
`random:0.01`        a share of the training set, drawn at random
`random:100`         that many training examples, drawn at random
===================  =======================================================

Each has one spelling: names as the data set has them, several in its order, 0.1 and not 0.10.
"""

import math
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches

import torch
from torch import Tensor

from .access import handed
from .checks.overlap import refuse_overlap
from .data import Dataset, Labelled
from .data.dataset import classes_of, of_classes
from .errors import DataError, RequestError


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


@dataclass(frozen=True)
class Splits:
    """The data, split by a request. `forget` and `retain` together are the training set.

    What a method may be handed is a copy, from which the rest cannot be reached.

    Attributes:
        forget: What is to be forgotten, :math:`D_f`.
        retain: The rest of the training set, :math:`D_r`.
        validation: Held out of the training set, seen by neither; may be empty.
        test: The test set.
        test_forget: Test examples of the forgotten kind; empty for a random request.
        test_retain: The other test examples.
        validation_forget: Validation examples of the forgotten kind.
        validation_retain: The other validation examples.
        alike: Which of `test` and of `validation` are of the forgotten kind, (n,), bool.
    """

    forget: Labelled
    retain: Labelled
    validation: Labelled
    test: Labelled
    test_forget: Labelled
    test_retain: Labelled
    validation_forget: Labelled
    validation_retain: Labelled
    alike: dict[str, Tensor] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        *,
        forget: object,
        retain: object,
        test: object,
        validation: object = None,
        alike: dict[str, Tensor] | None = None,
    ) -> "Splits":
        """Return the splits of data that are split already, each as `Labelled.of` takes it.

        >>> def rows(*labels: int) -> Labelled:
        ...     return Labelled(torch.randn(len(labels), 4), torch.tensor(labels))
        >>> splits = Splits.of(forget=rows(2, 2), retain=rows(0, 1), test=rows(0, 1, 2))
        >>> splits.test_forget.y.tolist(), splits.test_retain.y.tolist(), len(splits.validation)
        ([2], [0, 1], 0)

        Args:
            forget: What is to be forgotten.
            retain: The rest of what the model was trained on.
            test: Examples that it has never seen.
            validation: Held out of the training set; none if it is left out.
            alike: Which of `test` and of `validation` are of the forgotten kind, (n,), bool; by
                default those of a class of which `retain` has no example.

        Raises:
            DataError: One is no labelled data, they differ in form, nothing is to be forgotten,
                what is to be forgotten is in `retain` too, or `alike` is no mask.
        """
        given = {"forget": forget, "retain": retain, "test": test, "validation": validation}
        parts = {name: Labelled.of(data) for name, data in given.items() if data is not None}
        nothing = torch.zeros(len(parts["test"]), dtype=torch.bool)
        parts.setdefault("validation", parts["test"][nothing])
        handed(**parts)
        shapes = {name: (*part.x.shape[1:],) for name, part in parts.items()}
        if len(set(shapes.values())) > 1:
            told = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
            raise DataError(f"Examples have several shapes: {told}. Give all of them one.")
        refuse_overlap(**{name: (part.x, part.y) for name, part in parts.items()})
        gone = classes_of(parts["forget"].y) - classes_of(parts["retain"].y)
        wanted = torch.tensor(sorted(gone), dtype=torch.int64)
        of_class = {name: of_classes(parts[name].y, wanted) for name in ("test", "validation")}
        for name, mask in (alike or {}).items():
            if name not in of_class:
                raise DataError(f"alike has a mask of '{name}'. Give one of test or of validation.")
            size = (len(parts[name]),)
            if not isinstance(mask, Tensor) or mask.dtype != torch.bool or mask.shape != size:
                raise DataError(f"alike['{name}'] must be a mask of bool, {size}, as `fine == 3`.")
        return cls.by_kind(of_class | (alike or {}), **parts)

    @classmethod
    def by_kind(cls, alike: dict[str, Tensor], **parts: Labelled) -> "Splits":
        """Return the splits of parts that are known to be apart, by which of them are `alike`."""
        apart = {
            f"{name}_{kind}": parts[name][mask if kind == "forget" else ~mask]
            for name, mask in alike.items()
            for kind in ("forget", "retain")
        }
        return cls(**parts, **apart, alike=alike)


KNOWN = (
    "class:NAME, classes:NAME,NAME, subclass:NAME, part:NAME:COUNT, part:NAME:SHARE, random:SHARE "
    "(0 to 1) and random:COUNT"
)
FORMS = ("class", "classes", "subclass", "part", "random")


def form(request: str) -> tuple[str, list[str], float]:
    """Return the kind of a request, the names in it, and the count or share (0 if it has none).

    >>> form("part:ship:500")
    ('part', ['ship'], 500)

    Raises:
        RequestError: Whatever the data set, this is no request.
    """
    kind, _, argument = request.partition(":")
    names, size = [argument], ""
    if kind == "classes":
        names = argument.split(",")
    elif kind == "part":
        name, _, size = argument.rpartition(":")
        names = [name]
    elif kind == "random":
        names, size = [], argument
    if kind not in FORMS or not argument or not all(name.strip() for name in names):
        close = "".join(f"Did you mean {near}? " for near in get_close_matches(kind, FORMS, 1))
        meant = close if kind not in FORMS else ""
        raise RequestError(f"{request!r} is not a request. {meant}Known are {KNOWN}.")
    return kind, names, _size(size, request) if kind in ("part", "random") else 0


def resolve(request: str, data: Dataset, generator: torch.Generator) -> Selection:
    """Return what `request` selects from `data`.

    Args:
        request: See the module.
        data: A data set.
        generator: Draws a random request; others do not use it.

    Raises:
        RequestError: The kind, the name or the size is not one that the data set has.
    """
    kind, names, size = form(request)
    n = len(data.train)
    if kind == "random":
        count = _count(size, n, request)
        chosen = torch.randperm(n, generator=generator, device=generator.device)[:count]
        train = torch.zeros(n, dtype=torch.bool)
        train[chosen.cpu()] = True
        return _checked(train, torch.zeros(len(data.test), dtype=torch.bool), request)
    if kind == "subclass":
        if data.train_subclass is None or data.test_subclass is None:
            raise RequestError(
                f"{request!r} names a sub-class, but '{data.name}' has none: its labels are the "
                f"finest there are. Use {f'class:{names[0]}'!r}, or a set with super-classes "
                "(cifar20, fashion_small_super)."
            )
        fine = _index(names[0], data.subclasses, request)
        return _checked(
            data.train_subclass.cpu() == fine, data.test_subclass.cpu() == fine, request
        )
    indices = [_index(name, data.classes, request) for name in names]
    if (ordered := sorted(set(indices))) != indices:
        right = ",".join(names[indices.index(i)] for i in ordered)
        raise _misspelt(request, f"classes:{right}")
    wanted = torch.tensor(indices)
    train, test = of_classes(data.train.y, wanted), of_classes(data.test.y, wanted)
    if kind == "part":
        own = train.nonzero()[:, 0]
        train = torch.zeros(n, dtype=torch.bool)
        train[own[: _count(size, len(own), request)]] = True
    return _checked(train, test, request)


def names_of_classes(request: str) -> list[str]:
    """Return the names of the classes that `request` forgets as a whole.

    >>> names_of_classes("classes:ship,3")
    ['ship', '3']

    Raises:
        RequestError: What it forgets is no class.
    """
    kind, names, _ = form(request)
    if kind not in ("class", "classes"):
        raise RequestError(
            f"{request!r} forgets no whole class, and a method that sees no example of what is to "
            "be forgotten can only be told which classes: use class:NAME or classes:NAME,NAME, or "
            "another method."
        )
    return names


def numbers_of_classes(request: str, data: Dataset) -> tuple[int, ...]:
    """Return the numbers of the classes that `request` forgets as a whole.

    Raises:
        RequestError: What it forgets is no class; or there is none of the name; or an example may
            have several labels, so that it is of no class alone.
    """
    names = names_of_classes(request)
    if data.train.y.is_floating_point():
        raise RequestError(
            f"{request!r}: an example of '{data.name}' may have several labels, and a method that "
            "sees no example of what is to be forgotten can be told classes only where each has "
            "one: use another method."
        )
    return tuple(sorted({_index(name, data.classes, request) for name in names}))


def _index(name: str, names: tuple[str, ...], request: str) -> int:
    """Return the index of a class given by its name or by its number."""
    plain = name.strip().casefold()
    near = {known.casefold(): known for known in names}.get(plain)
    if plain.isdecimal() and int(plain) < len(names):
        near = str(int(plain))
    if near is None:
        raise RequestError(
            f"{request!r}: there is no class {name!r}. Known are, from 0: {', '.join(names)}."
        )
    if near != name:
        raise _misspelt(request, near)
    return int(name) if name.isdecimal() else names.index(name)


def _misspelt(request: str, right: str) -> RequestError:
    """Return the error of what is understood and written in another way."""
    return RequestError(
        f"{request!r}: did you mean {right!r}? A request is known by its text, so in another "
        "spelling the same one would have runs and models of its own."
    )


def _size(argument: str, request: str) -> float:
    """Return the count (an int) or the share (a float) that `argument` says."""
    try:
        size = int(argument) if argument.isdecimal() else float(argument)
    except ValueError:
        size = math.nan
    if 0 < size <= 1 or (isinstance(size, int) and size):
        if (right := format(Decimal(repr(size)), "f")) != argument:
            raise _misspelt(request, right)
        return size
    raise RequestError(
        f"{request!r}: {argument!r} is neither a count nor a share, such as 100 or 0.01: a count "
        "is a whole number from 1, a share lies between 0 and 1."
    )


def _count(size: float, n: int, request: str) -> int:
    """Return the number of `n` examples that a count or a share asks for."""
    count = size if isinstance(size, int) else round(size * n)
    if count > n:
        raise RequestError(f"{request!r} asks for {count} examples, and there are {n}.")
    return count


def _checked(train: Tensor, test: Tensor, request: str) -> Selection:
    """Refuse to forget nothing or everything."""
    if not 0 < int(train.sum()) < len(train):
        raise RequestError(
            f"{request!r} selects {int(train.sum())} of {len(train)} training examples; it must "
            "leave some to forget and some to retain."
        )
    return Selection(train, test)
