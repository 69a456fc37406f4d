"""What a specification of runs may say: all of its mistakes are told before anything is trained.

What can be known without the data set is looked at here, field by field; `Grid.check_requests`
looks at the rest.
"""

import inspect
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass
from dataclasses import fields as fields_of
from difflib import get_close_matches
from functools import lru_cache, partial
from typing import Any

from .. import fields
from ..access import Method, access
from ..cache import canonical
from ..data import NAMES, parsed_name
from ..errors import DataError, RequestError, SpecError
from ..fields import differing, nearest
from ..methods import METHODS
from ..models import MODELS
from ..request import form, names_of_classes
from ..training import Recipe
from .one_run import SPLITS

LIMIT = 20_000
"""Runs that a grid may have."""


def refuse(sentences: Iterable[str], place: str = "") -> None:
    """Raise what is wrong, one sentence a line; after twenty only their number.

    Raises:
        SpecError: There is a sentence.
    """
    if mistaken := [f"{place}{sentence}" for sentence in sentences]:
        rest = [f"{place}There are {len(mistaken) - 20} mistakes more."] * (len(mistaken) > 20)
        raise SpecError("\n".join(mistaken[:20] + rest))


def mistakes(grid: type, given: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each mistake in the fields `given` of a `Grid`, and for what lacks."""
    yield from _lacking(grid, given)
    sizes = [given.get(name, ()) for name in ("requests", "methods", "seeds")]
    runs = math.prod(len(some) for some in sizes if isinstance(some, list | dict))
    if runs > LIMIT:
        yield f"A grid has at most {LIMIT:,} runs, not {runs:,}. Split it into several."
        return
    blind = given.get("validation", 0) == 0
    some = _sound(grid, "requests", given.get("requests")) or []
    requests = [request for request in some if not any(_requests([request]))]
    looks = _LOOKS | {"methods": lambda methods: _methods(methods, blind, requests)}
    for name, value in given.items():
        mistaken = [*fields.mistakes(grid, {name: value})]
        if mistaken and name in ("requests", "seeds", "splits") and isinstance(value, str | int):
            mistaken = [f"{sentence} Write [{value}]." for sentence in mistaken]
        yield from mistaken
        sound = _sound(grid, name, value) if mistaken else value
        if name in looks and not (mistaken and not sound):
            yield from looks[name](sound)


def _sound(grid: type, name: str, value: Any) -> Any:
    """Return those of the items of a field that have the type that they must have."""

    def right(item: Any) -> bool:
        return not any(fields.mistakes(grid, {name: item}))

    if isinstance(value, list):
        return [item for item in value if right([item])]
    if isinstance(value, dict) and name == "methods":
        return {key: item for key, item in value.items() if right({key: item})}
    return None


def method_of(label: str, options: dict[str, Any]) -> Method:
    """Return the method that a label and its options in a specification stand for.

    >>> method_of("JiT as released", {"type": "JiT.as_released", "noises": 5}).accumulate
    True
    """
    refuse(_entry(label, options))
    return made(label, options)


@dataclass
class _Naming:
    """What the options of a method may have beside the fields of the method."""

    type: str
    label: str


_NAMING = ("type", "label")


def made(label: str, options: Mapping[str, Any]) -> Method:
    """Return the method of an entry that is known to be right."""
    name, _, constructor = options.get("type", label).partition(".")
    make: Any = getattr(METHODS[name], constructor) if constructor else METHODS[name]
    given = {key: value for key, value in options.items() if key not in _NAMING}
    method: Method = make(**given)
    return method


def _place(label: str) -> str:
    """Return where a method stands, on one line."""
    return f"methods.{label if label.isprintable() else repr(label)}"


def _entry(label: str, options: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with one entry of `methods`."""
    place = _place(label)
    naming = {key: options[key] for key in _NAMING if key in options}
    given = {key: value for key, value in options.items() if key not in _NAMING}
    if mistaken := [*fields.mistakes(_Naming, naming, f"{place}.")]:
        yield from mistaken
        return
    kind = options.get("type", label)
    name, dot, constructor = kind.partition(".")
    if name not in METHODS:
        yield f"{place}: there is no method {kind!r}. {nearest(name or constructor, METHODS)}"
        return
    cls = METHODS[name]
    if dot and constructor not in (known := _constructors(cls)):
        told = nearest(constructor, known) if known else f"{name} has none."
        yield f"{place}: there is no method {kind!r}, a constructor of {name}. {told}"
        return
    if mistaken := [*fields.mistakes(cls, given, f"{place}.")]:
        yield from mistaken
        return
    try:
        made(label, options)
    except SpecError as error:  # fields that do not go together
        yield from (f"{place}: {line}" for line in str(error).splitlines())


@lru_cache(maxsize=64)
def _constructors(cls: type) -> list[str]:
    """Return the names of the class methods that make one of `cls`, such as `as_released`."""
    return [name for name, _ in inspect.getmembers(cls, inspect.ismethod) if name[0] != "_"]


def _methods(
    methods: Mapping[str, Mapping[str, Any]], blind: bool, requests: list[str]
) -> Iterator[str]:
    """Yield what is wrong with the methods; two that a table cannot tell apart are a mistake.

    Args:
        methods: Label -> options.
        blind: Whether nothing is held out for validation.
        requests: Those that have a form that is known.
    """
    if not methods:
        yield "methods is empty. Name one at least."
    seen: dict[str, str] = {}
    for label, options in methods.items():
        if mistaken := [*_entry(label, options)]:
            yield from mistaken
            continue
        method = made(label, options)
        shown = [options.get("label", label), type(method).__name__, differing(method)]
        first = seen.setdefault(canonical(shown), label)
        if first != label:
            yield (
                f"{_place(first)} and {_place(label)} are one method with one label and equal "
                "fields, whose rows would be counted twice. Leave one out, or give it another "
                "label."
            )
        needy = getattr(method, "needs_validation", True)  # some name it and may do without
        if blind and needy and "validation" in access(method):
            yield (
                f"{_place(label)}: {type(method).__name__} needs validation examples, and "
                "validation is 0. Hold some of the training set out, such as validation: 0.1."
            )
        if "forget_classes" in access(method):
            yield from _no_classes(label, requests)


def _no_classes(label: str, requests: list[str]) -> Iterator[str]:
    """Yield which requests are none for a method that is told the classes to forget."""
    for request in requests:
        try:
            names_of_classes(request)
        except RequestError as error:
            yield f"{_place(label)}: {error}"


def _word(part: str) -> Iterator[str]:
    """Yield why a part of the book is no name of a folder."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}", part):
        yield (
            f"part must be a word of letters, digits, '_' and '-', since it names the folder of "
            f"the records, not {part!r:.120}."
        )


def _dataset(dataset: str) -> Iterator[str]:
    """Yield why there is no such data set; `NAME+poison500` has wrong labels."""
    try:
        name, _ = parsed_name(dataset)
    except DataError as error:
        yield f"dataset: {error}"
        return
    if name not in NAMES:
        yield f"dataset: there is no data set {name!r}. {nearest(name, NAMES)}"


def _model(model: str) -> Iterator[str]:
    """Yield why there is no such network."""
    if model not in MODELS:
        yield f"model: there is no model {model!r}. {nearest(model, MODELS)}"


def _requests(requests: list[str]) -> Iterator[str]:
    """Yield which requests have no form that is known."""
    yield from _distinct("requests", requests)
    for request in dict.fromkeys(requests):
        try:
            form(request)
        except RequestError as error:
            yield str(error)


def _training(training: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the recipe."""
    mistaken = [*fields.mistakes(Recipe, training, "training.")]
    mistaken += _lacking(Recipe, training, "training.")
    yield from mistaken
    if not mistaken:
        try:
            Recipe(**training)
        except SpecError as error:  # fields that do not go together
            yield from (f"training: {line}" for line in str(error).splitlines())


def _splits(splits: list[str]) -> Iterator[str]:
    """Yield which splits are unknown."""
    yield from _distinct("splits", splits)
    for split in dict.fromkeys(splits):
        if split not in SPLITS:
            yield f"splits: there is no split {split!r}. {nearest(split, SPLITS)}"


def _distinct(name: str, values: list[Any]) -> Iterator[str]:
    """Yield whether a list is empty, and which of its values come more than once."""
    if not values:
        yield f"{name} is empty. Name one at least."
    seen, told = set(), set()
    for value in values:
        if value in seen and value not in told:
            told.add(value)
            yield f"{name} has {value!r} more than once, which would be counted as often."
        seen.add(value)


def _lacking(cls: type, given: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield which fields of a dataclass must be given and are not, unless they are misspelt."""
    names = {field.name: field for field in fields_of(cls)}
    strange = [str(name) for name in given if name not in names]
    for name, field in names.items():
        needed = field.default is field.default_factory is MISSING
        if needed and name not in given and not get_close_matches(name, strange, 1):
            yield f"{prefix}{name} is missing."


_LOOKS: dict[str, Callable[[Any], Iterator[str]]] = {
    "part": _word, "dataset": _dataset, "model": _model, "requests": _requests,
    "training": _training, "seeds": partial(_distinct, "seeds"), "splits": _splits,
}  # fmt: skip
"""What is looked at in a field whose type is right."""
