"""Re-runs: a sample of what is recorded, made anew and set beside its record.

The numbers of the book are its records. Whether the code still gives them, on the machine at hand,
is what a re-run tells: `RERUN=none`, `sample` or `all` says how much of it to do. It changes no
record.
"""

import os
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtrit

from ..errors import DisagreementError, SpecError
from . import records
from .grid import Grid, Run

MODES = ("none", "sample", "all")
AGAIN = "again"
"""Key of `attrs` under which the recorded table of an experiment carries the one made anew."""
NEAR = 0.005
"""The least that counts as a spread: half a point of an accuracy, which is an image or two."""
LEAST, LEAST_OF_ONE = 0.95, 0.5
"""Shares of the measurements, of all and of each method, that must lie where the record says."""
COLUMNS = (
    "part", "where", "what", "metric", "split", "recorded", "again", "low", "high", "spread", "n",
)  # fmt: skip


def mode() -> str:
    """Return how much to make anew, as the environment variable `RERUN` says.

    That is nothing, a `sample`, which is meant where it is not set (of the first grid that is
    handed over the first request with the first seed, at laptop scale: the others may want a
    download and hours, and an experiment the models of all its seeds), or all.

    Raises:
        SpecError: It says something else.
    """
    given = os.environ.get("RERUN") or "sample"
    if given not in MODES:
        raise SpecError(f"RERUN={given} is none of {', '.join(MODES)}. Set it to one of these.")
    return given


def rerun(*recorded: Grid | pd.DataFrame) -> pd.DataFrame:
    """Make anew what `RERUN` names of recorded runs, and return it beside the records.

    Only what is committed is made anew: the rest of a page was computed by this build anyway.
    Models come from the cache where it has them.

    Args:
        recorded: Grids, and tables as `experiment` returned them.

    Returns:
        One measurement a row, see `COLUMNS`. `low`, `high` and `spread` are the least, the greatest
        and the standard deviation over the recorded seeds of the same method on the same request;
        of an experiment, over the rows that differ in columns `seed…` alone, and without such
        columns the recorded value itself, and the standard deviation of its column. `spread` is
        NaN where there is but one value. `n` is the number of values.
    """
    rows: list[tuple[Any, ...]] = []
    first = next((one for one in recorded if isinstance(one, Grid)), None)
    for one in recorded:
        if not isinstance(one, Grid):
            rows += _table(one)
        elif one is first or mode() == "all":
            rows += _runs(one)
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    numbers = list(COLUMNS[COLUMNS.index("recorded") :])
    return frame.astype(dict.fromkeys(numbers, float))


def judged(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Tell of each measurement whether it can agree: times cannot, nor what has no spread."""
    timed = frame["metric"].str.startswith("seconds") | (frame["metric"] == "peak_memory_mib")
    return ~timed & frame["spread"].notna()


def widening(n: "pd.Series[float]") -> "pd.Series[float]":
    r"""Return by how many spreads to widen the range of `n` values: one from ten values on.

    The range of ten normal values, widened by one of their spreads, holds 96 % of further ones,
    that of five 88 %. So that it holds as many, the range of fewer is widened as far as the
    prediction interval of a further value reaches beyond the expected greatest one:

    .. math:: t_{0.98,\,n-1} \sqrt{1 + 1/n} - \Phi^{-1}\left(\tfrac{n - 0.375}{n + 0.25}\right)

    >>> widening(pd.Series([3, 5, 10, 20])).round(1).tolist()
    [4.7, 2.1, 1.0, 1.0]
    """
    n = n.astype(float)
    reach = stdtrit(n.clip(lower=2) - 1, 0.98) * np.sqrt(1 + 1 / n) - ndtri(
        (n - 0.375) / (n + 0.25)
    )
    return pd.Series(np.maximum(reach, 1.0), n.index)


def within(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Tell of each measurement whether it lies in the recorded range, widened by a spread.

    Below ten values it is more than one spread, see :func:`widening`.
    """
    slack = frame["spread"].fillna(0).clip(lower=NEAR) * widening(frame["n"])
    inside = frame["again"].between(frame["low"] - slack, frame["high"] + slack)
    return inside | (frame["again"].isna() & frame["recorded"].isna())


def agreement(frame: pd.DataFrame) -> float:
    """Return the share of the measurements that lie where the record says; NaN if there is none."""
    inside = within(frame)[judged(frame)]
    return float(inside.mean()) if len(inside) else float("nan")


def as_recorded(frame: pd.DataFrame, least: float = LEAST) -> bool:
    """Tell whether what was made anew is as recorded; what was not made anew is.

    Args:
        frame: What :func:`rerun` returned.
        least: Share of the measurements that must lie in the recorded range, see :func:`within`;
            of those of each method at least half must.
    """
    frame = frame[judged(frame)]
    inside = within(frame)
    by_method = inside.groupby([frame["part"], frame["what"]]).mean()
    return frame.empty or (inside.mean() >= least and by_method.min() >= LEAST_OF_ONE)


def check_rerun(frame: pd.DataFrame) -> None:
    """Complain if what was made anew is not what is recorded; what was not made anew passes.

    Raises:
        DisagreementError: Less than 95 % of the measurements, or less than half of those of one
            method, lie in the recorded range, see `within`.
    """
    if as_recorded(frame):
        return
    frame = frame[judged(frame)]
    inside = within(frame)
    by_method = inside.groupby([frame["part"], frame["what"]]).mean()
    far = ((frame["again"] - frame["recorded"]) / frame["spread"].clip(lower=NEAR)).abs()
    worst = frame.iloc[int(far.fillna(np.inf).where(~inside, -1).to_numpy().argmax())]
    raise DisagreementError(
        f"{inside.mean():.0%} of the {len(frame)} measurements that were made anew lie in the "
        f"recorded range, widened by a spread, and at least {by_method.min():.0%} of those of one "
        f"method; {LEAST:.0%} and {LEAST_OF_ONE:.0%} must. The code does something else than when "
        f"this was recorded. The farthest: {worst['what']} on {worst['where']}, "
        f"{worst['metric']} {worst['split']}: recorded {worst['recorded']:.4g} "
        f"({worst['low']:.4g} to {worst['high']:.4g}), now {worst['again']:.4g}. Mend the code, or "
        "delete the records and make them anew: python -m unlearnlib record NOTEBOOK."
    )


Rows = Iterator[tuple[Any, ...]]


def _runs(grid: Grid) -> Rows:
    """Yield the measurements of the runs of a grid that are made anew."""
    if mode() == "none" or (mode() == "sample" and grid.scale != "laptop"):
        return
    kept = records.committed(grid.part, grid.scale)
    runs = [run for run in grid.runs() if run.run_id in kept]
    seeds, requests = grid.seeds, grid.requests
    if mode() == "sample":
        seeds, requests = seeds[:1], requests[:1]
    scenario = runs[0].scenario if runs else None
    for run in runs:
        if run.seed not in seeds or run.request not in requests:
            continue
        if run.scenario != scenario:
            assert scenario is not None
            scenario = scenario.but(request=run.request, seed_model=run.seed, seed_request=run.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that nothing changed is in the table
            new = _values(run.go(scenario))
        same = [kept[r.run_id] for r in runs if (r.request, r.label) == (run.request, run.label)]
        yield from _beside(run, _values(kept[run.run_id]), new, [_values(one) for one in same])


Values = dict[tuple[str, str], float]


def _values(record: records.Record) -> Values:
    return {(metric, split): float(value) for metric, split, value in record["rows"]}


def _beside(run: Run, old: Values, new: Values, same: list[Values]) -> Rows:
    """Yield the measurements of a run beside those made anew, with what its seeds span."""
    g, none = run.grid, float("nan")
    where = f"{g.dataset}, {g.model}, {run.request}, seed {run.seed}"
    for key in old | new:
        seen = pd.Series([values.get(key, none) for values in same])
        now, before = new.get(key, none), old.get(key, none)
        yield (g.part, where, run.label, *key, before, now, *_span(seen))


def _span(seen: "pd.Series[float]") -> tuple[float, float, float, int]:
    return seen.min(), seen.max(), seen.std(), seen.count()


def _table(table: pd.DataFrame) -> Rows:
    """Yield the measurements of an experiment that was made anew."""
    if AGAIN not in table.attrs:
        return
    again = pd.DataFrame(table.attrs[AGAIN])
    numbers = [column for column in table if table[column].dtype == float]
    keys = [column for column in table if column not in numbers]
    setting = [column for column in keys if not str(column).startswith("seed")]
    of = _texts(table, setting)
    for number in numbers:
        values = table[number]
        seen = pd.DataFrame({"old": values, "low": values, "high": values, "sd": values.std()})
        seen["n"] = len(values)
        if setting != keys:  # there are seeds
            same = values.groupby(of)
            seen["low"], seen["high"] = same.transform("min"), same.transform("max")
            seen["sd"], seen["n"] = same.transform("std"), same.transform("count")
        new = again[[number]].rename(columns={number: "new"})
        both = _by_key(table, keys, seen).join(_by_key(again, keys, new), how="outer")
        lost = both["old"].isna() & both["new"].notna()  # which no row of the record stands for
        both["sd"] = both["sd"].mask(lost, 0.0)
        both["n"] = both["n"].fillna(len(values))
        name = table.attrs["name"]
        for (where, _), before, low, high, spread, n, now in both.itertuples(name=None):
            ends = (low, high, spread, n)
            yield table.attrs["part"], where, name, str(number), "", before, now, *ends


def _texts(table: pd.DataFrame, columns: list[Any]) -> list[str]:
    """Return what each row reads in some columns."""
    return [", ".join(map(str, row[1:])) for row in table[columns].itertuples()]


def _by_key(table: pd.DataFrame, keys: list[Any], values: pd.DataFrame) -> pd.DataFrame:
    """Return values under what their rows are known by, those of one key in their order."""
    known = pd.Series(_texts(table, keys), table.index)
    return values.set_index([known, known.groupby(known).cumcount()])
