"""What holds in how many models, and tables of several requests: a column each."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from ..errors import RecordError
from .presentation import Presentation, label, presented
from .rows import lacking, marked, once, pick, row_dicts
from .summary import PAIR, paired, summary
from .table import Table, grouped, spread

FLOOR = "Retrain again"
_ENDS = ("mean", "low", "high")


def by_model(table: pd.DataFrame, metric: str, split: str = "") -> pd.DataFrame:
    """Return one measurement, a trained model with a request a row and a method a column.

    Seeds of the method are averaged. A run without a number has NaN, of which nothing holds.

    Args:
        table: Records, one setting a method.
        metric: Name of the metric.
        split: Name of the split, "" for none.

    Raises:
        RecordError: The table lacks the measurement, or has several settings of a method.
    """
    rows = once(pick(table, metric, split))
    settings = rows.groupby(["dataset", "model", "request", "method"])["params"].nunique()
    if (settings > 1).any():
        raise RecordError(
            f"The table holds up to {settings.max()} settings of a method on one request, and a "
            "model counts once. Filter it to one setting a method."
        )
    means = rows.groupby([*PAIR, "method"], sort=False)["value"].agg(lambda v: v.mean(skipna=False))
    wide: pd.DataFrame = means.unstack("method")
    return wide[list(dict.fromkeys(rows["method"]))]


def of_models(holds: "pd.Series[bool]") -> str:
    """Return in how many models something holds, in words.

    >>> of_models(pd.Series([True, True, False]))
    '2 of 3 models'
    """
    return f"{int(holds.sum())} of {len(holds)} models"


def show_by_request(table: pd.DataFrame, metric: str, split: str = "") -> Table:
    """Return mean and standard deviation of one measurement: a row a method, a column a request.

    Args:
        table: Records of one data set and network, one setting a method.
        metric: Name of the metric.
        split: Name of the split, "" for none.
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
        rows.append((str(kind), (name, *cells, str(lines["n"].max()))))
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

    The first row is the floor: how far a second retrained model is from the first.

    Args:
        table: Records of one data set and network, one setting a method.
        metric: Name of the metric.
        split: Name of the split, "" for none.
        methods: Labels, one row each.
        reference: Label of the method that is subtracted.
    """
    how = presented(metric)
    table = pick(table, metric, split)  # in which runs that diverged are rows without a number
    requests, sizes, rows = list(dict.fromkeys(table["request"])), set[int](), []
    for left, right in [(FLOOR, "Retrain"), *((method, reference) for method in methods)]:
        pairs = row_dicts(paired(table, metric, split, left, right))
        by = {row["request"]: _ends(row, how) for row in pairs}
        sizes |= {row["n"] for row in pairs}
        name = "Floor: two retrained" if left == FLOOR else f"{left} − {right}"
        name = marked(name, any(row["stale"] for row in pairs))
        rows.append(("", (name, *(by.get(request, "—") for request in requests))))
    n = " or ".join(map(str, sorted(sizes)))
    what = label(metric, split, unit=True)
    caption = f"{what}: mean difference on the same models, with its 95 % interval; n = {n}"
    return Table(("Pair", *requests), tuple(rows), caption, frozenset(requests))


def _ends(row: dict[str, Any], how: Presentation) -> str:
    """Return "mean (low to high)" of a difference; without ends where there is no interval."""
    if row["missing"]:
        return f"— ({lacking(row['missing'], row['n'] + row['missing'], 'pair')})"
    mean, low, high = (f"{row[end] * how.scale:+.{how.decimals}f}" for end in _ENDS)
    return f"{mean} ({low} to {high})" if math.isfinite(row["low"]) else mean
