"""The rows of records that a report rests on: once each, with a number or without, stale or not."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from ..errors import RecordError
from ..runs.one_run import DIVERGED
from ..runs.records import hyper_parameters

_RUN = [
    "run_id", "scale", "dataset", "model", "request", "method", "params",
    "seed_model", "seed_request", "seed_method",
]  # fmt: skip


def once(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` with each measurement once, and NaN for each value that is not finite.

    Pages put tables together that share runs, and none may weigh twice.

    Raises:
        RecordError: A run has two values of one measurement.
    """
    key = [column for column in (*_RUN, "metric", "split") if column in table]
    rows = table.assign(value=table["value"].where(np.isfinite(table["value"])))
    rows = rows.drop_duplicates([*key, "value"])
    twice = rows[rows.duplicated(key)]
    if len(twice):
        run, metric, split = twice.iloc[0][["run_id", "metric", "split"]]
        raise RecordError(
            f"Run {run} has two values of '{metric}' on split '{split}' in the table, so one of "
            "them is wrong. Keep the rows of one record a run."
        )
    return rows


def pick(table: pd.DataFrame, metric: str, split: str = "") -> pd.DataFrame:
    """Return the rows of one measurement: NaN for the runs that diverged, which have none.

    Raises:
        RecordError: The table has none; the message lists what it has.
    """
    if not ((table["metric"] == metric) & (table["split"] == split)).any():
        offer = sorted({f"{m}/{s}" for m, s in zip(table["metric"], table["split"], strict=True)})
        raise RecordError(
            f"The table has no '{metric}' on split '{split}', so there is nothing to show. "
            f"It has: {', '.join(offer) or 'no rows at all'}. Name one of these, or run the grid."
        )
    return with_diverged(table, metric, split)


def with_diverged(table: pd.DataFrame, metric: str, split: str = "") -> pd.DataFrame:
    """Return the rows of one measurement, if there are any, and NaN for the runs that diverged."""
    wanted = (table["metric"] == metric) & (table["split"] == split)
    wild = (table["metric"] == DIVERGED[0]) & ~wanted
    rows = table[wanted | wild]
    if not wild.any():
        return rows  # printed numbers have no values, and never diverge
    values = rows["value"].where(rows["metric"] == metric)
    return rows.assign(metric=metric, split=split, value=values)


def one_setting(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `rows`, or complain that a mean over them would mix settings."""
    told = [name for name in ("scale", "dataset", "model", "request") if name in rows]
    setups = len(rows[told].drop_duplicates())
    mixed = rows.groupby("method")["params"].nunique()
    if setups > 1 or mixed.max() > 1:
        raise RecordError(
            f"The table holds {setups} set-ups ({', '.join(told)}) and up to "
            f"{mixed.max()} settings of '{mixed.idxmax()}', so a mean would mix them. Filter it to "
            "one set-up and one setting a method."
        )
    return rows


def having(rows: pd.DataFrame, name: str, wanted: Any) -> pd.DataFrame:
    """Return the rows whose hyper-parameter `name` is `wanted`; none if they have no such."""
    wanted = tuple(wanted) if isinstance(wanted, list) else wanted
    values = rows[name] if name in rows else [np.nan] * len(rows)
    fits = [value == wanted for value in values]
    return rows[pd.Series(fits, index=rows.index, dtype=bool)]


def other_than(rows: pd.DataFrame, names: Iterable[str]) -> list[str]:
    """Return as text, for each row, its hyper-parameters other than `names`."""
    others = [name for name in hyper_parameters(rows) if name not in names]
    return [str(values) for values in rows[others].to_numpy(dtype=object).tolist()]


def lacking(missing: int, total: int, of: str = "run") -> str:
    """Return how many of `total` have no number, in words; "" if all have one.

    >>> lacking(1, 3), lacking(2, 3), lacking(0, 3)
    ('1 of 3 runs has no number', '2 of 3 runs have no number', '')
    """
    has = "has" if missing == 1 else "have"
    return f"{missing} of {total} {of}s {has} no number" if missing else ""


def outdated(rows: pd.DataFrame) -> str:
    """Return how many of the runs are stale, in words; "" if none is.

    A run is stale if its method does something else now than when its record was made.

    >>> outdated(pd.DataFrame({"run_id": ["a", "b", "b"], "stale": [True, False, False]}))
    '1 of 2 runs stale'
    """
    runs = rows.drop_duplicates("run_id")["stale"]
    return f"{int(runs.sum())} of {len(runs)} runs stale" if runs.any() else ""


def what_ran(table: pd.DataFrame, *saw: str) -> str:
    """Return in words how many runs there are, of which methods and seeds, and what `saw` had.

    If some are stale, it says how many.

    >>> runs = {"run_id": ["a", "b"], "method": "SSD", "seed_model": [0, 1], "access": "forget"}
    >>> print(what_ran(pd.DataFrame(runs).assign(stale=[True, False]), "SSD"))
    2 runs: SSD; seeds [0, 1]; 1 of 2 runs stale
    SSD saw: forget
    """
    runs = table.drop_duplicates("run_id")
    methods, seeds = runs["method"].unique(), runs["seed_model"].unique()
    ran = f"{len(runs)} runs: {', '.join(methods)}; seeds {seeds.tolist()}"
    lines = ["; ".join(filter(None, [ran, outdated(runs)]))]
    for name in saw:
        had = runs.loc[runs["method"] == name, "access"].unique()
        lines.append(f"{name} saw: {', '.join(had)}")
    return "\n".join(lines)


def marked(text: str, stale: bool) -> str:
    """Return `text`, with the mark of what rests on stale runs if it does.

    >>> marked("JiT", True), marked("JiT", False)
    ('JiT ⚠ stale', 'JiT')
    """
    return f"{text} ⚠ stale" if stale else text


def row_dicts(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame as dictionaries."""
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]
