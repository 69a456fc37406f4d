"""The tidy table of records: one measurement a row, with all that its run is known by."""

import json
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from ..access import Method
from ..fields import differing, first_defaults
from ..methods import METHODS
from . import behaviour
from .record_form import IDENTITY, Record

PROVENANCE = ("date", "commit", "dirty", "device", "seconds")
ROW = ("metric", "split", "value")
COLUMNS = ("run_id", *IDENTITY, *ROW, "stale", *PROVENANCE)
"""Columns of the tidy table; after them comes one for each hyper-parameter of its methods."""


def stale(record: Record) -> bool:
    """Tell whether the method does something else than when the record was made."""
    kind, dataset = record["specification"]["type"], record["identity"]["dataset"]
    now = behaviour.of_kind(kind, dataset)
    return now is not None and bool(record["provenance"]["behaviour"] != now)


def table(records: Iterable[Record]) -> pd.DataFrame:
    """Return the tidy table of `records`: one measurement a row, see `COLUMNS`.

    `params` is the JSON text of all hyper-parameters, and each of them is a column too, with NaN
    where a method has no such.
    """
    records = list(records)
    rows = [row for record in records for row in record["rows"]]
    runs = [
        (r["run_id"], *identity_in_full(r).values(), stale(r),
         *(r["provenance"].get(k) for k in PROVENANCE))
        for r in records
    ]  # fmt: skip
    frame = pd.DataFrame(runs, columns=[c for c in COLUMNS if c not in ROW]).infer_objects()
    each = np.repeat(np.arange(len(records)), [len(record["rows"]) for record in records])
    frame = frame.iloc[each].reset_index(drop=True)
    frame[list(ROW)] = pd.DataFrame(rows, columns=list(ROW))
    frame["value"] = frame["value"].astype(float)
    frame["stale"] = frame["stale"].astype(bool)
    return unfolded(frame[list(COLUMNS)])


def identity_in_full(record: Record) -> dict[str, Any]:
    """Return the identity of a record, its parameters with those that are at their defaults."""
    identity: dict[str, Any] = {name: record["identity"][name] for name in IDENTITY}
    method = METHODS.get(record["specification"]["type"].partition(".")[0])
    if method is not None:
        params = first_defaults(method) | json.loads(identity["params"])
        identity["params"] = json.dumps(params, sort_keys=True)
    return identity


def params_in_full(method: Method) -> str:
    """Return the JSON text of all hyper-parameters of a method; what JSON has not, as its repr."""
    fields = first_defaults(type(method)) | differing(method)
    return json.dumps(fields, sort_keys=True, default=repr)


def unfolded(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with a column for each hyper-parameter in the JSON text of its `params`.

    NaN stands where a method has no such; a list is a tuple. Whole numbers and None stay what they
    are beside that NaN, in columns of objects. One that is named like a column of every table, such
    as "value", stands in `params` alone.
    """
    codes, texts = pd.factorize(frame["params"])
    settings = [json.loads(text or "{}") for text in texts]
    columns = {}
    for name in sorted({name for setting in settings for name in setting}.difference(COLUMNS)):
        values = [setting.get(name, math.nan) for setting in settings]
        cells = [tuple(v) if isinstance(v, list) else v for v in values]
        kind = object if any(v is None or type(v) is int for v in cells) else None
        columns[name] = pd.Series(cells, dtype=kind).iloc[codes].set_axis(frame.index)
    return frame.assign(**columns)


def hyper_parameters(frame: pd.DataFrame) -> list[str]:
    """Return the names of a tidy table's columns that hold hyper-parameters of its methods.

    Columns that a page or a sweep adds are none.

    >>> table = pd.DataFrame({"params": ['{"lr": 0.1}'], "lr": [0.1], "sweep": ["a"]})
    >>> hyper_parameters(table)
    ['lr']
    """
    texts = frame["params"].dropna().unique()
    names = {name for text in texts for name in json.loads(text or "{}")}.difference(COLUMNS)
    return [str(column) for column in frame if column in names]
