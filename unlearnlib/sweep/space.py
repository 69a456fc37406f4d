"""Which values a notebook's parameters take: checked before anything starts."""

import json
import math
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import fields
from itertools import combinations, product
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import numpy as np

from ..errors import SpecError
from ..fields import wrong
from ..runs.grid import Grid
from ..runs.mapping import mapping
from .parameters import GRID_PARAMETERS, UNKNOWN, Parameter, kind_at, parameters_of, reach

LARGEST = 10_000
"""The most points of a sweep."""


def grid_of(notebook: str | Path) -> Grid:
    """Return the grid that a notebook runs at the defaults of its parameters.

    Raises:
        SpecError: A key of a grid is not among its parameters.
    """
    known = {name: parameter.default for name, parameter in parameters_of(notebook).items()}
    try:
        return _grid(known)
    except TypeError as error:
        raise SpecError(f"{notebook} does not run a grid: {error}.") from None


def _grid(values: Mapping[str, Any]) -> Grid:
    """Return the grid that is among the values of parameters."""
    given = {field.name: values.get(field.name, UNKNOWN) for field in fields(Grid)}
    return Grid(**{name: value for name, value in given.items() if value is not UNKNOWN})


def read_axes(path: str | Path, known: Mapping[str, Parameter]) -> dict[str, Any]:
    """Return the axes of a grid file: what varies -> a list of values, or a range.

    A name with dots reaches into a dictionary, as `methods.JiT.sigma` does. A range is
    `{low: 0.01, high: 1, log: true}`; `log` is optional. Its values are whole where those of the
    parameter are.

    Raises:
        SpecError: A name is unknown, or a value is not allowed; a sentence for each.
    """
    axes: dict[str, Any] = {}
    places: dict[str, list[str]] = {}
    mistakes: list[str] = []
    for name, axis in mapping(path).items():
        try:
            root, place = reach(name, known)
            kind = kind_at(root, place, known)
        except SpecError as error:
            mistakes.append(str(error))
            continue
        places[name] = [root, *place]
        if _is_range(axis):
            mistakes += _wrong_range(name, axis, kind)
            whole = all(isinstance(axis[end], int) for end in ("low", "high"))
            to = int if whole and _number_kind(kind) is not float else float
            axes[name] = axis if mistakes else axis | {k: to(axis[k]) for k in ("low", "high")}
        else:
            mistakes += _wrong_list(name, axis, kind)
            axes[name] = axis
    for one, other in combinations(sorted(places, key=lambda name: len(places[name])), 2):
        if places[other][: len(places[one])] == places[one]:
            mistakes.append(f"{other!r} is a part of {one!r}; only one of them can vary.")
    if mistakes:
        raise SpecError("\n".join(f"{path}: {sentence}" for sentence in dict.fromkeys(mistakes)))
    return axes


def _wrong_list(name: str, axis: Any, kind: Any) -> Iterator[str]:
    """Yield what is wrong with a list of values."""
    if axis == []:
        yield f"{name!r} has no values. Give one at least."
        return
    if not isinstance(axis, list):
        yield f"{name!r} is neither a list of values nor a range {{low, high}}."
        return
    mistakes = [sentence for value in axis for sentence in wrong(name, value, kind)]
    lists = kind in (list, tuple) or get_origin(kind) in (list, tuple)
    if mistakes and lists and not any(isinstance(value, list) for value in axis):
        yield f"Each value of the axis {name!r} is a list itself. Write [{axis!r:.80}]."
        return
    yield from mistakes
    seen = set()
    for value in axis:
        inner = isinstance(value, list | dict)
        key = json.dumps(value, sort_keys=True) if inner else (isinstance(value, bool), value)
        if key in seen:
            yield f"{name!r} has the value {value!r:.80} twice."
        seen.add(key)


def _wrong_range(name: str, axis: Mapping[str, Any], kind: Any) -> Iterator[str]:
    """Yield what is wrong with a range."""
    if _number_kind(kind) is None:
        yield f"{name!r} is not a number, so it has no range; give a list of values."
        return
    low, high, log = axis["low"], axis["high"], axis.get("log", False)
    both = int | float if kind is Any else kind
    mistakes = [*wrong(f"{name}.low", low, both), *wrong(f"{name}.high", high, both)]
    mistakes += wrong(f"{name}.log", log, bool)
    for end, value in (("low", low), ("high", high)):
        if value is None or (not mistakes and abs(value) > 2**53 and isinstance(value, int)):
            mistakes.append(f"{name}.{end} must be a number of at most 16 digits.")
    yield from mistakes
    if not mistakes and low > high:
        yield f"{name}.low is {low!r}, above {name}.high, {high!r}."
    elif not mistakes and log and low <= 0:
        yield f"{name}.low must be above 0 where log is true, not {low!r}."
    elif not mistakes and log and not math.isfinite(high / low):
        yield f"{name} is too wide a range."


def _number_kind(kind: Any) -> Any:
    """Return `int` or `float` for an annotation of numbers, a union where it may be both or any."""
    if kind is Any:
        return int | float
    if get_origin(kind) is Annotated:
        return _number_kind(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        inner = {_number_kind(one) for one in get_args(kind)} - {None}
        return next(iter(inner)) if len(inner) == 1 else (int | float if inner else None)
    return kind if kind in (int, float) else None


def points(
    axes: Mapping[str, Any], sample: int | None = None, sobol: bool = False, seed: int = 0
) -> Iterator[dict[str, Any]]:
    """Yield the points of a space: all combinations, or a sample of them.

    Args:
        axes: What `read_axes` returns.
        sample: How many points to draw; None for every combination.
        sobol: Draw a scrambled Sobol sequence, which is even from coarse to fine.
        seed: Seed of the draw.

    Raises:
        SpecError: There is a range, and `sample` is None; or there are too many points.
    """
    if sample is None:
        if ranges := [name for name, axis in axes.items() if isinstance(axis, dict)]:
            raise SpecError(f"{', '.join(ranges)}: a range has no end of values; give --sample N.")
        if (count := math.prod(len(axis) for axis in axes.values())) > LARGEST:
            raise SpecError(
                f"These are {count:,} points, and a sweep has at most {LARGEST:,}. Draw some of "
                "them with --sample N."
            )
        for values in product(*axes.values()):
            yield dict(zip(axes, values, strict=True))
        return
    if not 1 <= sample <= LARGEST:
        raise SpecError(f"--sample must be from 1 to {LARGEST:,}, not {sample:,}.")
    if sobol and axes:
        from scipy.stats import qmc

        draws = qmc.Sobol(len(axes), rng=seed).random_base2(math.ceil(math.log2(sample)))[:sample]
    else:
        draws = np.random.default_rng(seed).random((sample, len(axes)))
    seen = set()
    for draw in draws:
        point = {
            name: _value_at(axis, u) for (name, axis), u in zip(axes.items(), draw, strict=True)
        }
        if (text := json.dumps(point)) not in seen:  # lists are finite
            seen.add(text)
            yield point


def _is_range(axis: Any) -> bool:
    """Tell whether an axis is a range."""
    return isinstance(axis, dict) and {"low", "high"} <= axis.keys() <= {"low", "high", "log"}


def _value_at(axis: Any, u: float) -> Any:
    """Return the value at `u` in [0, 1) of an axis."""
    if isinstance(axis, list):
        return axis[int(u * len(axis))]
    low, high = axis["low"], axis["high"]
    whole = isinstance(low, int) and isinstance(high, int)
    if axis.get("log"):
        top = high + 1 if whole else high
        value = float(low * (top / low) ** u)
        return min(int(value), high) if whole else value
    if whole:
        return int(low + u * (high + 1 - low))
    return float(low + u * (high - low))


def parameters_at(point: Mapping[str, Any], known: Mapping[str, Parameter]) -> dict[str, Any]:
    """Return the parameters that papermill is to set for a point.

    Where the parameters are those of a `Grid`, the grid is made, which refuses what could only
    fail later.
    """
    given: dict[str, Any] = {}
    for name, value in point.items():
        root, place = reach(name, known)
        if not place:
            given[root] = value
            continue
        inner = given.setdefault(root, deepcopy(known[root].default))
        *path, last = place
        for key in path:
            inner = inner[key]
        inner[last] = value
    defaults = {name: parameter.default for name, parameter in known.items()}
    everything = {k: v for k, v in (defaults | given).items() if v is not UNKNOWN}
    if everything.keys() >= GRID_PARAMETERS:
        _grid(everything)
    return given
