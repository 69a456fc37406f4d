"""The parameters of a notebook: their names, annotations and defaults, read without running it."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, Union, get_type_hints

import nbformat

from ..errors import SpecError
from ..fields import nearest
from ..methods import METHODS
from ..runs.grid import Grid
from ..training import Recipe

KINDS: dict[str, Any] = {kind.__name__: kind for kind in (bool, int, float, str, list, dict)}
TYPED = (("list", 1), ("dict", 2))
"""Kinds that may name those of their members, and how many they name: `dict[str, int]` two."""
UNKNOWN: Any = type("Unknown", (), {"__repr__": lambda self: "an expression"})()
"""The default of a parameter that is computed; it can be replaced, and not be reached into."""
GRID_PARAMETERS = {field.name for field in fields(Grid)} - {"splits", "validation", "worth"}
"""The parameters of a notebook that runs a grid."""


@dataclass(frozen=True)
class Parameter:
    """One line of a notebook's `parameters` cell.

    Attributes:
        kind: Its annotation, or the type of its default.
        default: Its value, or `UNKNOWN`.
    """

    kind: Any
    default: Any


def parameters_of(notebook: str | Path) -> dict[str, Parameter]:
    """Return the parameters of a notebook by name.

    Raises:
        SpecError: There is no such notebook, or no cell of it that is tagged `parameters` and
            can be read.
    """
    try:
        cells = nbformat.read(notebook, as_version=4).cells  # type: ignore[no-untyped-call]
    except Exception as error:  # whatever nbformat makes of a file that is no notebook
        raise SpecError(f"{notebook} cannot be read as a notebook: {error!s:.200}.") from None
    tagged = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    if not tagged:
        raise SpecError(f"No cell of {notebook} has the tag 'parameters', so nothing can vary.")
    try:
        lines = ast.parse(tagged[0].source).body
    except SyntaxError as error:
        raise SpecError(
            f"Line {error.lineno} of the parameters of {notebook} is not Python: {error.msg}."
        ) from None
    declared = {}
    for node in lines:
        if isinstance(node, ast.AnnAssign):
            declared[ast.unparse(node.target)] = _parameter(node.value, node.annotation)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                declared[ast.unparse(target)] = _parameter(node.value, None)
    return {name: parameter for name, parameter in declared.items() if name.isidentifier()}


def _parameter(value: ast.expr | None, annotation: ast.expr | None) -> Parameter:
    """Return the parameter that a line declares."""
    try:
        default = ast.literal_eval(value) if value else UNKNOWN
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        default = UNKNOWN
    try:
        return Parameter(_kind(annotation) if annotation else kind_like(default), default)
    except (ValueError, TypeError, SyntaxError):  # an annotation that Python has not looked at
        return Parameter(Any, default)


def _kind(node: ast.expr) -> Any:
    """Return what an annotation stands for; `Any` where it has names that are not known here."""
    match node:
        case ast.Name(id=name):
            return KINDS.get(name, Any)
        case ast.Constant(value=None):
            return None
        case ast.Constant(value=str(text)):
            return _kind(ast.parse(text, mode="eval").body)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return Union[_kind(left), _kind(right)]  # noqa: UP007
        case ast.Subscript(value=ast.Name(id=name), slice=inner):
            parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            if name == "Literal":
                return Literal[tuple(ast.literal_eval(part) for part in parts)]
            kinds: tuple[Any, ...] = tuple(_kind(part) for part in parts)
            if name in ("Optional", "Union"):
                kinds += (None,) * (name == "Optional")
                return Union[kinds]  # noqa: UP007
            return KINDS[name][kinds] if (name, len(kinds)) in TYPED else KINDS.get(name, Any)
    return Any


def kind_like(default: Any) -> Any:
    """Return the kind of values that can stand in place of a default without annotation."""
    if isinstance(default, int) and not isinstance(default, bool):
        return int | float
    return type(default) if type(default) in KINDS.values() else Any


def reach(name: str, known: Mapping[str, Parameter]) -> tuple[str, list[str]]:
    """Return the parameter and the keys that a dotted name stands for; only the last may be new."""
    root, _, rest = name.partition(".")
    if name in known:
        return name, []
    if root not in known:
        told = nearest(root, known) if known else "The notebook has none."
        raise SpecError(f"There is no parameter {name!r}. {told}")
    inner: Any = known[root].default
    if inner is UNKNOWN:
        raise SpecError(f"{name!r}: the default of {root} is computed; give {root} as a whole.")
    place: list[str] = []
    while keys := [k for k in _keys(inner) if rest.startswith(f"{k}.")]:
        place.append(max(keys, key=len))  # keys may have dots themselves
        inner, rest = inner[place[-1]], rest[len(place[-1]) + 1 :]
    if not isinstance(inner, dict) or not rest or ("." in rest and rest not in inner):
        has = ", ".join(_keys(inner)) or f"no keys, it is {inner!r}"
        raise SpecError(f"{name!r}: there is no {rest!r} to reach. {root} has: {has}.")
    return root, [*place, rest]


def _keys(value: Any) -> list[str]:
    """Return the keys of a dictionary, and none of anything else."""
    return [key for key in value if isinstance(key, str)] if isinstance(value, dict) else []


def kind_at(root: str, place: list[str], known: Mapping[str, Parameter]) -> Any:
    """Return the annotation of what the keys `place` reach in the parameter `root`.

    Where the notebook runs a grid, what lies in `training` and in a method has that of its field.

    Raises:
        SpecError: There is no such field.
    """
    if not place:
        return known[root].kind
    *path, last = place
    inner = known[root].default
    for key in path:
        inner = inner[key]
    owner: Any = None
    if known.keys() >= GRID_PARAMETERS:
        if root == "training" and not path:
            owner = Recipe
        elif root == "methods" and len(path) == 1:
            if last in ("type", "label"):
                return str
            owner = METHODS.get(str(inner.get("type", path[0])).partition(".")[0])
    if owner is None:
        return kind_like(inner.get(last))
    hints = get_type_hints(owner, include_extras=True)
    names = [field.name for field in fields(owner) if field.init]
    if last not in names:
        raise SpecError(f"There is no {'.'.join([root, *place])}. {nearest(last, names)}")
    return hints[last]
