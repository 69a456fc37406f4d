"""What a paper prints of each method in all its tables of one kind, beside our runs of it."""

from collections.abc import Mapping, Sequence

import pandas as pd

from ..errors import SpecError
from .presentation import label, presented
from .printed import UNITS, reported
from .rows import lacking, marked, once, with_diverged
from .summary import SETTING, summary
from .table import Table

_BATCHES = "_batch_mean"
"""Ends the name of a metric that the papers take as the mean of batch means."""


def show_rows_of_print(
    table: pd.DataFrame, paper: str, items: str, names: Mapping[str, str] | None = None
) -> Table:
    """Return the range of what is printed and that of our runs, a row a printed method.

    The ranges are those of means: in print over its set-ups (a data set, a network and a request),
    ours over the requests of the table. What several printed tables repeat counts once.

    Args:
        table: Our records, of one data set and network and one setting a method.
        paper: Name of the file in data/reported.
        items: Regular expression that a printed item must match from its start on.
        names: What a printed method is called in our records, where that is something else.

    Raises:
        SpecError: No item matches, or one of times alone.
    """
    printed = reported(paper)
    printed = printed[printed["item"].str.match(items)]
    printed = printed[~printed["metric"].str.startswith("seconds")]
    if printed.empty:
        raise SpecError(
            f"No item of '{paper}' with more than times matches '{items}'. It has: "
            f"{', '.join(reported(paper)['item'].unique())}."
        )
    printed = printed.drop_duplicates([*SETTING, "method", "metric", "split"])
    measured = dict.fromkeys(zip(printed["metric"], printed["split"], strict=True))
    called = dict(names or {})
    ours = once(table)
    rows, notes = list[tuple[str, tuple[str, ...]]](), list[str]()
    for method in dict.fromkeys(printed["method"]):
        mine = ours[ours["method"] == called.get(method, method)]
        theirs = printed[printed["method"] == method]
        cells = [_pair(theirs, mine, metric, split) for metric, split in measured]
        name = method if called.get(method, method) == method else f"{method}: {called[method]}"
        stale = bool(mine["stale"].any())
        rows.append(("", (marked(name, stale), *(text for pair in cells for text in pair))))
        first = _of(mine, *next(iter(measured)))["value"]
        if first.isna().any():
            missing = int(first.isna().sum())
            notes.append(f"{called.get(method, method)}: {lacking(missing, len(first))}.")
    heads = [label(_plain(metric), split, unit=True) for metric, split in measured]
    setups = len(printed[SETTING].drop_duplicates())
    requests = ", ".join(dict.fromkeys(ours["request"]))
    columns = ("Method", *(f"{head}: {side}" for head in heads for side in ("print", "ours")))
    caption = f"Range of the means over {setups} printed set-ups and over {requests}"
    return Table(columns, tuple(rows), caption, frozenset(columns[1:]), notes=tuple(notes))


def _plain(metric: str) -> str:
    """Return the metric without the mark of a mean of batch means."""
    return metric.removesuffix(_BATCHES)


def _of(runs: pd.DataFrame, metric: str, split: str) -> pd.DataFrame:
    """Return the rows of one measurement, NaN where a run diverged."""
    return with_diverged(runs, _plain(metric), split)


def _pair(theirs: pd.DataFrame, mine: pd.DataFrame, metric: str, split: str) -> tuple[str, str]:
    """Return the printed range of one measurement, and ours."""
    cell = theirs[(theirs["metric"] == metric) & (theirs["split"] == split)]
    printed = (cell["mean"] * cell["unit"].map(UNITS)).dropna()
    rows = _of(mine, metric, split)
    if rows.empty:
        return _range(printed.tolist(), metric), "not run"
    means = summary(rows, [(_plain(metric), split)])["mean"].dropna()
    return _range(printed.tolist(), metric), _range(means.tolist(), metric)


def _range(values: Sequence[float], metric: str) -> str:
    """Return the least and the greatest of some values, as printed; a dash where there is none."""
    if not values:
        return "\N{EM DASH}"
    ends = [presented(_plain(metric)).text(end) for end in (min(values), max(values))]
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
