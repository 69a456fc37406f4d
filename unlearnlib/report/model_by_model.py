"""Tables of several requests: a column each."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from ..errors import RecordError
from .presentation import Presentation, label, presented
from .rows import lacking, marked, pick, row_dicts
from .summary import FEWEST, paired, summary
from .table import Table, grouped, spread

FLOOR = "Retrain again"
_ENDS = ("mean", "low", "high")


def show_by_request(table: pd.DataFrame, metric: str, split: str = "") -> Table:
    """Return mean and standard deviation of one measurement: a row a method, a column a request.

    Args:
        table: Records of one data set and network, one setting a method.
        metric: Name of the metric.
        split: Name of the split, "" for none.

    Raises:
        RecordError: A method was run with several settings or networks on one request.
    """
    frame = grouped(summary(table, [(metric, split)]))
    requests = list(dict.fromkeys(frame["request"]))
    rows, notes = [], list[str]()
    for (kind, method), lines in frame.groupby(["group", "method"], sort=False):
        if lines.duplicated("request").any():
            raise RecordError(
                f"The table holds several settings, data sets or networks of '{method}' on one "
                "request, and a cell has room for one. Filter it."
            )
        by = {row["request"]: row for row in row_dicts(lines)}
        cells = [spread(by[r]["mean"], by[r]["sd"], metric) if r in by else "—" for r in requests]
        missing = int(lines["missing"].sum())
        if missing:
            notes.append(f"{method}: {lacking(missing, missing + int(lines['n'].sum()))}.")
        name = marked(str(method), bool(lines["stale"].any()))
        least, most = lines["n"].min(), lines["n"].max()
        n = str(most) if least == most else f"{least} to {most}"
        rows.append((str(kind), (name, *cells, n)))
    caption = f"{label(metric, split, unit=True)}: mean ± standard deviation over models"
    heads = ("Method", *requests, "n")
    return Table(heads, tuple(rows), caption, frozenset(heads[1:]), notes=tuple(notes))


def show_paired_by_request(
    table: pd.DataFrame,
    metric: str,
    split: str,
    methods: Sequence[str],
    reference: str = "Retrain",
) -> Table:
    """Return how far methods are from `reference` on the same models: a column a request.

    The first row is the floor: how far a second retrained model is from the first. Where none was
    retrained there is no such row.

    Args:
        table: Records of one data set and network, one setting a method.
        metric: Name of the metric.
        split: Name of the split, "" for none.
        methods: Labels, one row each.
        reference: Label of the method that is subtracted.

    Raises:
        RecordError: A method was run with several settings or networks on one request.
    """
    how = presented(metric)
    table = pick(table, metric, split)  # in which runs that diverged are rows without a number
    requests, sizes, rows = list(dict.fromkeys(table["request"])), set[int](), []
    floor = [(FLOOR, "Retrain")] if FLOOR in set(table["method"]) else []
    for left, right in [*floor, *((method, reference) for method in methods)]:
        pairs = row_dicts(paired(table, metric, split, left, right))
        if len(pairs) > len({row["request"] for row in pairs}):
            raise RecordError(
                f"The table holds several settings, data sets or networks of '{left}' or '{right}' "
                "on one request, and a cell has room for one. Filter it."
            )
        by = {row["request"]: _ends(row, how) for row in pairs}
        sizes |= {row["n"] for row in pairs}
        name = "Floor: two retrained" if left == FLOOR else f"{left} − {right}"
        name = marked(name, any(row["stale"] for row in pairs))
        rows.append(("", (name, *(by.get(request, "—") for request in requests))))
    n = " or ".join(map(str, sorted(sizes)))
    what = label(metric, split, unit=True)
    few = max(sizes, default=0) < FEWEST
    ends = "too few for an interval" if few else "with its 95 % interval"
    caption = f"{what}: mean difference on the same models, {ends}; n = {n}"
    return Table(("Pair", *requests), tuple(rows), caption, frozenset(requests))


def _ends(row: dict[str, Any], how: Presentation) -> str:
    """Return "mean (low to high)" of a difference; without ends where there is no interval."""
    if row["missing"]:
        return f"— ({lacking(row['missing'], row['n'] + row['missing'], 'pair')})"
    mean, low, high = (how.signed(row[end]) for end in _ENDS)
    return f"{mean} ({low} to {high})" if math.isfinite(row["low"]) else mean
