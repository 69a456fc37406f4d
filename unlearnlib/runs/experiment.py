"""Experiments: what a page computes besides grids, recorded as a table that pandas reads.

`data/records/PART/SCALE.NAME.csv` has in its first line, as JSON, what decides the numbers and
where they came from, and after it the table: `pandas.read_csv(path, header=1)`.
"""

import inspect
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import pandas as pd
from pandas.api import types

from ..cache import atomic, canonical, contents, digest
from ..errors import RecordError, SpecError
from ..locations import committed_records
from . import records
from .environment import environment, library_hash
from .rerun import AGAIN, mode

KINDS: dict[str, Callable[[Any], bool]] = {
    "bool": types.is_bool_dtype,
    "int": types.is_integer_dtype,
    "float": types.is_float_dtype,
    "str": lambda column: types.is_object_dtype(column) or types.is_string_dtype(column),
}
"""What a column may hold, and how that is told."""


def experiment(
    part: str, name: str, make: Callable[[], pd.DataFrame], *, scale: str = "laptop", **decides: Any
) -> pd.DataFrame:
    """Return the recorded table of an experiment; where there is none, make and record it.

    A committed table stands on every machine. With other parameters than its own the experiment is
    made, and kept in the cache until they, `make`, what it names on its page, or the library are
    others. What is made is read back before it is returned, so that it reads the same as from a
    record. `attrs` has the name, the part and the provenance, and the table made anew if this build
    is to make it, see `rerun`.

    Args:
        part: Part of the book, as of a grid.
        name: A word; one table of that name is kept for each part and scale.
        make: Makes the table, tidy: the columns of numbers are what is measured, those of text,
            whole numbers and truth values what it is known by.
        scale: As of a grid.
        decides: All that decides the numbers, writable as JSON.

    Raises:
        SpecError: `decides` cannot be written as JSON, or `make` returns no such table.
        RecordError: The committed table is damaged, or a name is no word.
    """
    identity = {"part": part, "scale": scale, "name": name, "decides": decides}
    try:
        known_by = canonical(identity)
    except (TypeError, ValueError) as error:
        raise SpecError(
            f"What decides the experiment '{name}' cannot be written as JSON ({error}). Hand over "
            "numbers, texts, lists and dictionaries, such as the parameters of the page."
        ) from None
    own = records.folder(part, scale).with_name(f"{scale}.{records.word('name', name)}.csv")
    committed = committed_records() / part / own.name
    table = _read(committed, known_by)
    if table is not None:
        if mode() == "all":
            # as lists, not as a table: pandas compares `attrs` when tables are joined
            table.attrs[AGAIN] = _parsed(*_written(name, make())).to_dict("list")
        return table
    code = digest([library_hash(), *sorted(_sources(make))])
    try:
        table = _read(own, known_by)
    except RecordError:  # it is only kept, and can be made again
        table = None
    if table is not None and table.attrs["provenance"]["code"] == code:
        return table
    start = time.perf_counter()
    kinds, text = _written(name, make())
    seconds = round(time.perf_counter() - start, 3)
    provenance = environment() | {"date": records.now(), "seconds": seconds, "code": code}
    head = {"identity": identity, "columns": kinds, "provenance": provenance}
    with atomic(own) as temporary:
        temporary.write_text(f"{_quoted(json.dumps(head, sort_keys=True))}\n{text}", "utf-8")
    return _table(head, text)  # and not the file, which another process may have written by now


def _read(path: Path, known_by: str) -> pd.DataFrame | None:
    """Return the table in a file; None if there is no file, or it is of another experiment.

    Raises:
        RecordError: It is damaged.
    """
    held = contents(path)
    if held is None:
        return None
    try:
        if isinstance(held, OSError):
            raise held
        first, _, text = held.decode().partition("\n")
        head = json.loads(first[1:-1].replace('""', '"'))
        if canonical(head["identity"]) != known_by:
            return None
        float(head["provenance"]["seconds"]), head["provenance"]["code"]
        return _table(head, text)
    except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        raise RecordError(
            f"{path}: not the table of an experiment ({type(error).__name__}: {error}). Restore "
            "it, or delete it, and it is made again."
        ) from None


def _table(head: dict[str, Any], text: str) -> pd.DataFrame:
    """Return the table of a text, with what its head says of it."""
    table = _parsed(head["columns"], text)
    who = {k: head["identity"][k] for k in ("part", "scale", "name")}
    table.attrs |= who | {"provenance": head["provenance"]}
    return table


def _written(name: str, made: Any) -> tuple[dict[str, str], str]:
    """Return the kinds of the columns of a table, and its text."""
    if not isinstance(made, pd.DataFrame) or made.empty:
        raise SpecError(
            f"The experiment '{name}' returns {type(made).__name__}, not a table with rows. Return "
            "a pandas.DataFrame, a measurement a row."
        )
    kinds: dict[str, str] = {}
    names: list[Any] = [*made.columns]
    for column in names:
        named = isinstance(column, str) and names.count(column) == 1
        fits = [kind for kind, holds in KINDS.items() if named and holds(made[column])]
        if not fits:
            raise SpecError(
                f"The column {column!r} of the experiment '{name}' is none of {', '.join(KINDS)}, "
                "has no text as its name, or one that stands twice. Name every column once, and "
                "let each hold one of these."
            )
        if fits[0] == "str" and not made[column].map(lambda cell: type(cell) is str).all():
            raise SpecError(
                f"The column '{column}' of the experiment '{name}' holds what is no text. Let "
                "every column hold one kind: texts, whole numbers, numbers or truth values."
            )
        if fits[0] == "str" and made[column].str.contains("\r").any():
            raise SpecError(
                f"The column '{column}' of the experiment '{name}' holds a carriage return, which "
                "would be read as the end of a row. Replace it."
            )
        if fits[0] in ("bool", "int") and made[column].isna().any():
            raise SpecError(
                f"The column '{column}' of the experiment '{name}' lacks a value, which no "
                f"{fits[0]} can. Make it a column of float, or leave the row out."
            )
        kinds[column] = fits[0]
    plain = made.astype({column: float for column, kind in kinds.items() if kind == "float"})
    return kinds, plain.to_csv(index=False, na_rep="nan", lineterminator="\n")


def _parsed(kinds: dict[str, str], text: str) -> pd.DataFrame:
    """Return the table of a text whose columns have these kinds."""
    cells = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    if {*cells} != {*kinds} or cells.empty:
        raise ValueError(f"its columns are {[*cells]}, not {[*kinds]}")
    for column, kind in kinds.items():
        if kind == "bool":
            cells[column] = [{"True": True, "False": False}[cell] for cell in cells[column]]
        elif kind != "str":
            cells[column] = cells[column].map(int if kind == "int" else float)
    return cells


def _quoted(text: str) -> str:
    """Return a text as one cell of CSV, so that what follows is read as a table all the same."""
    return '"' + text.replace('"', '""') + '"'


def _sources(make: Callable[..., Any]) -> set[str]:
    """Return the sources of a function and of those of its page that it names, as far as known."""
    found, due = dict[int, str](), [make]
    while due:
        function: Any = inspect.unwrap(due.pop())
        try:
            found[id(function)] = inspect.getsource(function)
        except (OSError, TypeError):
            found[id(function)] = ""
        if inspect.isfunction(function):
            called = [inspect.unwrap(one) for one in _named(function) if callable(one)]
            own = [f for f in called if inspect.isfunction(f) and f.__module__ == make.__module__]
            due += [one for one in own if id(one) not in found]
    return set(found.values())


def _named(function: FunctionType) -> list[Any]:
    """Return what the names in a function, and in what is defined inside it, stand for.

    Of a dictionary, a list or a tuple that is what it holds, too.
    """
    codes = [function.__code__]
    for code in codes:
        codes += [inner for inner in code.co_consts if inspect.iscode(inner)]
    names = {name for code in codes for name in code.co_names}
    values = [value for name, value in function.__globals__.items() if name in names]
    for value in values[:]:
        values += value.values() if isinstance(value, dict) else ()
        values += value if isinstance(value, list | tuple) else ()
    return values
