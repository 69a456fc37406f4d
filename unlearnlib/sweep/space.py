"""Which values a notebook's parameters take: checked before anything starts."""

import ast
import math
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, fields
from itertools import product
from pathlib import Path
from typing import Any

import nbformat
import numpy as np

from ..errors import SpecError
from ..grid import Grid, mapping

KINDS = {kind.__name__: kind for kind in (bool, int, float, str, list, dict)}


@dataclass(frozen=True)
class Parameter:
    """One line of a notebook's `parameters` cell.

    Attributes:
        kind: Its annotation, or the type of its default.
        default: Its value.
    """

    kind: type
    default: Any


def parameters_of(notebook: str | Path) -> dict[str, Parameter]:
    """Return the parameters of a notebook by name.

    Raises:
        SpecError: There is no such notebook, or no cell of it is tagged `parameters`.
    """
    try:
        cells = nbformat.read(notebook, as_version=4).cells  # type: ignore[no-untyped-call]
    except (OSError, nbformat.reader.NotJSONError) as error:
        raise SpecError(f"{notebook} cannot be read as a notebook: {error}.") from None
    tagged = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    if not tagged:
        raise SpecError(f"No cell of {notebook} has the tag 'parameters', so nothing can vary.")
    found = {}
    for node in ast.parse(tagged[0].source).body:
        if isinstance(node, ast.AnnAssign | ast.Assign) and node.value is not None:
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            default = ast.literal_eval(node.value)
            named = ast.unparse(node.annotation) if isinstance(node, ast.AnnAssign) else ""
            kind = KINDS.get(named.partition("[")[0], type(default))
            found[ast.unparse(target)] = Parameter(kind, default)
    return found


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
    return Grid(
        **{field.name: values[field.name] for field in fields(Grid) if field.name in values}
    )


def read_axes(path: str | Path, known: Mapping[str, Parameter]) -> dict[str, Any]:
    """Return the axes of a grid file: what varies -> a list of values, or a range.

    A name with dots reaches into a dictionary, as `methods.JiT.sigma` does. A range is
    `{low: 0.01, high: 1, log: true}`; `log` is optional.

    Raises:
        SpecError: A name is unknown, or a value has the wrong type.
    """
    axes = mapping(Path(path))
    for name, axis in axes.items():
        root, place = _find(name, known)
        values = [axis["low"], axis["high"]] if _is_range(axis) else axis
        if not isinstance(values, list) or not values:
            raise SpecError(f"{path}: '{name}' is neither a list of values nor {{low, high}}.")
        kind = known[root].kind
        if not place and (wrong := [value for value in values if not _fits(value, kind)]):
            each = ", each of them a list itself" if kind is list else ""
            raise SpecError(
                f"{path}: '{name}' is a {kind.__name__}, and {wrong[0]!r} is a "
                f"{type(wrong[0]).__name__}. An axis is a list of values{each}."
            )
    return axes


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
        SpecError: There is a range, and `sample` is None.
    """
    if sample is None:
        if ranges := [name for name, axis in axes.items() if isinstance(axis, dict)]:
            raise SpecError(f"{', '.join(ranges)}: a range has no end of values; give --sample N.")
        for values in product(*axes.values()):
            yield dict(zip(axes, values, strict=True))
        return
    if sobol:
        from scipy.stats import qmc

        draws = qmc.Sobol(len(axes), rng=seed).random_base2(math.ceil(math.log2(sample)))[:sample]
    else:
        draws = np.random.default_rng(seed).random((sample, len(axes)))
    seen = []
    for draw in draws:
        point = {name: _at(axis, u) for (name, axis), u in zip(axes.items(), draw, strict=True)}
        if point not in seen:  # lists are finite
            seen.append(point)
            yield point


def _fits(value: Any, kind: type) -> bool:
    """Tell whether a value is of a kind; whole numbers are floats, truth values are no numbers."""
    if isinstance(value, bool) or kind is bool:
        return isinstance(value, bool) and kind is bool
    return isinstance(value, kind) or (kind is float and isinstance(value, int))


def _is_range(axis: Any) -> bool:
    """Tell whether an axis is a range."""
    return isinstance(axis, dict) and {"low", "high"} <= axis.keys() <= {"low", "high", "log"}


def _at(axis: Any, u: float) -> Any:
    """Return the value at `u` in [0, 1) of an axis."""
    if isinstance(axis, list):
        return axis[int(u * len(axis))]
    low, high = axis["low"], axis["high"]
    if axis.get("log"):
        return float(low * (high / low) ** u)
    if isinstance(low, int) and isinstance(high, int):
        return int(low + u * (high + 1 - low))
    return float(low + u * (high - low))


def resolve(point: Mapping[str, Any], known: Mapping[str, Parameter]) -> dict[str, Any]:
    """Return the parameters that papermill is to set for a point.

    Where the parameters are those of a `Grid`, the grid is made, which refuses what could only
    fail later.
    """
    given: dict[str, Any] = {}
    for name, value in point.items():
        root, place = _find(name, known)
        if not place:
            given[root] = deepcopy(value)
            continue
        inner = given.setdefault(root, deepcopy(known[root].default))
        *path, last = place
        for key in path:
            inner = inner[key]
        inner[last] = value
    everything = {name: parameter.default for name, parameter in known.items()} | given
    wanted = {field.name for field in fields(Grid)} - {"splits", "validation"}
    if wanted <= everything.keys():
        _grid(everything)
    return given


def _find(name: str, known: Mapping[str, Parameter]) -> tuple[str, list[str]]:
    """Return the parameter and the keys that a dotted name stands for; only the last may be new."""
    root, _, rest = name.partition(".")
    if name in known:
        return name, []
    if root not in known:
        raise SpecError(f"There is no parameter '{name}'. The notebook has: {', '.join(known)}.")
    inner: Any = known[root].default
    place: list[str] = []
    while keys := [k for k in _keys(inner) if rest.startswith(f"{k}.")]:
        place.append(max(keys, key=len))  # keys may have dots themselves
        inner, rest = inner[place[-1]], rest[len(place[-1]) + 1 :]
    if not isinstance(inner, dict) or not rest or ("." in rest and rest not in inner):
        has = ", ".join(_keys(inner)) or f"no keys, it is {inner!r}"
        raise SpecError(f"'{name}': there is no '{rest}' to reach. {root} has: {has}.")
    return root, [*place, rest]


def _keys(value: Any) -> list[str]:
    """Return the keys of a dictionary, and none of anything else."""
    return list(value) if isinstance(value, dict) else []
