"""What the fields of a dataclass may hold: their annotations and ranges, checked when it is made.

A dataclass that is `Checked` refuses, in one sentence a mistake, what its annotations do not
allow. A range is part of the annotation:

>>> from dataclasses import dataclass
>>> @dataclass(frozen=True)
... class Walk(Checked):
...     steps: Count = 1
...     lr: NonNegative = 0.1
>>> Walk(steps=3, lr=1)
Walk(steps=3, lr=1)
>>> Walk(steps=0, lr="1e-3")
Traceback (most recent call last):
    ...
unlearnlib.errors.SpecError: Walk.steps must be at least 1, not 0.
Walk.lr must be a finite number, not the text '1e-3'.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from .errors import SpecError


@dataclass(frozen=True)
class Range:
    """The numbers from `low` to `high`.

    Attributes:
        low, high: The ends.
        beyond: Whether `low` itself is left out.
        below: Whether `high` itself is left out.
    """

    low: float = -math.inf
    high: float = math.inf
    beyond: bool = False
    below: bool = False

    def __contains__(self, value: float) -> bool:
        """Tell whether `value` is in the range."""
        low = self.low < value if self.beyond else self.low <= value
        return low and (value < self.high if self.below else value <= self.high)

    def __str__(self) -> str:
        """Return what a value must be: "at least 0 and below 1"."""
        low = f"{'above' if self.beyond else 'at least'} {self.low:.10g}"
        high = f"{'below' if self.below else 'at most'} {self.high:.10g}"
        ends = [low] * (self.low > -math.inf) + [high] * (self.high < math.inf)
        return " and ".join(ends)


_WHOLE, _REAL = Range(high=2**31 - 1), Range(high=1e30)  # what torch can still compute with
Count = Annotated[int, Range(1), _WHOLE]
"""One or more."""
Whole = Annotated[int, Range(0), _WHOLE]
"""None, one or more."""
Positive = Annotated[float, Range(0, beyond=True), _REAL]
NonNegative = Annotated[float, Range(0), _REAL]
Share = Annotated[float, Range(0, 1)]
"""From nothing to all."""
Part = Annotated[float, Range(0, 1, below=True)]
"""From nothing to less than all."""


BOUNDS_MEMORY = {"bounds_memory": True}
"""Metadata of a field that bounds the memory and changes no number: no identity has it."""


def differing(instance: Any) -> dict[str, Any]:
    """Return the fields of a dataclass that differ from their first defaults, as JSON holds them.

    What a run, a model or a statistic is known by must not change when the code around it does. So
    it is made of these alone: a new field with a default changes no identity, nor does a changed
    default, if the field's metadata keep the `first` one and who means the old value writes it.

    >>> from dataclasses import dataclass, field
    >>> @dataclass(frozen=True)
    ... class Walk(Checked):
    ...     steps: Count = field(default=2, metadata={"first": 1})
    ...     lr: NonNegative = 0.1
    ...     chunk: Count = field(default=64, metadata=BOUNDS_MEMORY)
    >>> differing(Walk()), differing(Walk(steps=1, lr=3.0, chunk=8))
    ({'steps': 2}, {'lr': 3.0})
    """
    first = first_defaults(type(instance))
    values = {
        one.name: _as_json(getattr(instance, one.name))
        for one in fields(instance)
        if not one.metadata.get("bounds_memory")
    }
    return {name: v for name, v in values.items() if name not in first or v != first[name]}


def first_defaults(cls: type) -> dict[str, Any]:
    """Return the first default of each field of a dataclass that has one, as JSON holds it."""
    kept = {one.name: one.metadata.get("first", one.default) for one in fields(cls)
            if not one.metadata.get("bounds_memory")}  # fmt: skip
    return {name: _as_json(value) for name, value in kept.items() if value is not MISSING}


def _as_json(value: Any) -> Any:
    """Return a value as JSON gives it back: lists for tuples."""
    return [*value] if isinstance(value, tuple) else value


class Checked:
    """A dataclass whose fields are checked when it is made."""

    def __post_init__(self) -> None:
        """Refuse what the annotations do not allow."""
        check(self)


def check(instance: Any) -> None:
    """Refuse a dataclass whose fields do not hold what their annotations allow.

    A list becomes a tuple where that is meant.

    Raises:
        SpecError: One sentence, on a line of its own, for each mistake.
    """
    cls: type = type(instance)
    given = {field.name: getattr(instance, field.name) for field in fields(cls)}
    if sentences := [*mistakes(cls, given, f"{cls.__name__}.")]:
        raise SpecError("\n".join(sentences))
    for name, hint in _hints(cls).items():
        if get_origin(hint) is tuple and isinstance(given[name], list):
            object.__setattr__(instance, name, tuple(given[name]))


def mistakes(cls: type, given: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield a sentence for each of the values `given` that is no field of `cls`, or not allowed.

    Args:
        cls: A dataclass.
        given: Values by the names of the fields; those that are missing are not looked at.
        prefix: What to write before the name of a field, such as `training.`.
    """
    hints = _hints(cls)
    for name, value in given.items():
        if name in hints:
            yield from wrong(f"{prefix}{name}", value, hints[name])
        else:
            yield f"There is no {prefix}{name}. {nearest(str(name), hints)}"


def nearest(word: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    """Return the sentence that tells the known word nearest to `word`, and all of them."""
    if not known:
        return "There are no fields."
    close = "".join(f"Did you mean {near}? " for near in get_close_matches(word, list(known), 1))
    return f"{close}Known are: {', '.join(known)}."


@lru_cache(maxsize=64)
def _hints(cls: type) -> dict[str, Any]:
    """Return the annotations of the fields of a dataclass that are set when it is made."""
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in fields(cls) if field.init}


def wrong(place: str, value: Any, hint: Any) -> Iterator[str]:
    """Yield what is wrong with a value, and with those inside it."""
    kind, inner = get_origin(hint) or hint, get_args(hint)
    if kind is Annotated:
        sentences = [*wrong(place, value, inner[0])]
        yield from sentences
        if not sentences:
            limits = [limit for limit in inner[1:] if value not in limit]
            yield from (f"{place} must be {limit}, not {value!r}." for limit in limits)
    elif kind in (Union, UnionType):
        if all([*wrong(place, value, one)] for one in inner):
            others = [one for one in inner if one is not NoneType]
            # What may be left out is judged as what it is otherwise.
            told = wrong(place, value, others[0]) if len(others) == 1 else None
            yield from told or [f"{place} must be {_named(hint)}, not {_shown(value)}."]
    elif kind is Literal:
        if value not in inner or isinstance(value, bool):
            yield f"{place} cannot be {_shown(value)}. {nearest(str(value), [*map(str, inner)])}"
    elif kind is dict and inner and isinstance(value, dict):
        for key, item in value.items():
            yield from wrong(f"the key {key!r} of {place}", key, inner[0])
            yield from wrong(f"{place}.{key}", item, inner[1])
    elif kind in (list, tuple) and inner and isinstance(value, list | kind):  # YAML has no tuples
        for i, item in enumerate(value):
            yield from wrong(f"{place}[{i}]", item, inner[0])
    elif not _is(value, kind):
        yield f"{place} must be {_named(hint)}, not {_shown(value)}."


def _is(value: Any, kind: Any) -> bool:
    """Tell whether a value is of a class; whole numbers are floats, truth values no numbers."""
    if kind is Any:
        return True
    if isinstance(value, bool) or kind is bool:
        return kind is bool and isinstance(value, bool)
    if kind is float:
        return isinstance(value, int | float) and -math.inf < value < math.inf
    return isinstance(value, kind)


_NAMES: dict[Any, str] = {
    bool: "true or false", int: "a whole number", float: "a finite number", str: "text",
    list: "a list", tuple: "a tuple", dict: "a mapping", NoneType: "null",
}  # fmt: skip


def _named(hint: Any) -> str:
    """Return the words for an annotation."""
    kind, inner = get_origin(hint) or hint, get_args(hint)
    if kind in (Union, UnionType):
        return " or ".join(_named(one) for one in inner)
    if kind is Annotated:
        return _named(inner[0])
    return _NAMES.get(kind) or f"a {getattr(kind, '__name__', kind)}"


def _shown(value: Any) -> str:
    """Return a value as who wrote it would read it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"the text {value!r}" if isinstance(value, str) else f"{value!r:.80}"
