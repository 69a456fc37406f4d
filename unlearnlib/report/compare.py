"""Printed numbers and ours side by side, a row a measurement."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from ..access import access
from ..errors import RecordError, SpecError
from ..methods import METHODS
from .agreement import verdict
from .presentation import presented
from .printed import COLUMNS, UNITS, reported
from .rows import having, lacking, once, row_dicts, with_diverged
from .summary import SETTING


def compare(
    item: str,
    table: pd.DataFrame,
    *,
    paper: str = "jit",
    relative_to: str | None = None,
) -> pd.DataFrame:
    """Put a printed table or figure beside our runs, one row a (method, metric, split).

    Runs in the paper's own set-up (data set, model and request, at paper scale: trained as the
    paper does) are taken if the table has them. Otherwise the table must hold one set-up only: its
    numbers stand beside the printed ones, and the verdict stays "not run".

    Args:
        item: The printed item, such as "Table 2b".
        table: Our records, of one scale; it may be empty.
        paper: Name of the file in data/reported.
        relative_to: The method whose time is 1; needed where the item prints times.

    Returns:
        item, method, params, setting (what of ours is not as printed), metric, split, access,
        reported_mean, reported_sd, ours_mean, ours_sd, n (of the runs that have a number, over
        which both are taken), difference, low, high (of its interval), verdict, doubt, scale,
        dataset, model, request, runs, stale, source, note. Means and spreads are in a record's
        unit; times are ratios.

    Raises:
        SpecError: The item is unknown, or times are asked without `relative_to`.
        RecordError: The table mixes set-ups, scales or settings of one method, or has times and
            none of `relative_to`.
    """
    printed = reported(paper)
    if item not in set(printed["item"]):
        raise SpecError(
            f"'{item}' is not an item of '{paper}'. It has: {', '.join(printed['item'].unique())}."
        )
    printed = printed[printed["item"] == item].copy()
    factor = printed["unit"].map(UNITS)
    printed["mean"], printed["sd"] = printed["mean"] * factor, printed["sd"] * factor
    ours, same = _one_setup(once(table), printed.iloc[0], item)
    measured = dict.fromkeys(zip(printed["metric"], printed["split"], strict=True))
    dials = [str(column) for column in printed if column not in COLUMNS]
    rows: list[dict[str, Any]] = []
    for metric, split in measured:
        theirs = printed[(printed["metric"] == metric) & (printed["split"] == split)]
        runs = with_diverged(ours, metric, split)
        runs = runs.assign(missing=runs["value"].isna())
        if presented(metric).relative:
            theirs, runs = _ratios(theirs, runs, relative_to)
        sweep = bool(theirs.duplicated("method").any())
        seen: set[str] = set()
        for number in row_dicts(theirs):
            wanted = _setting(number, dials)
            mine = runs[runs["method"] == number["method"]]
            if sweep:
                for name, value in wanted.items():
                    mine = having(mine, name, value)
            seen |= set(mine["run_id"])
            rows.append(_row(number, wanted, mine, same))
        if sweep:  # a run at a setting that is not printed has no place
            continue
        for method, mine in runs[~runs["run_id"].isin(seen)].groupby("method", sort=False):
            blank = {"item": item, "method": method, "metric": metric, "split": split}
            rows.append(_row(blank, {}, mine, same))
    return pd.DataFrame(rows)


def _one_setup(
    table: pd.DataFrame, printed: "pd.Series[Any]", item: str
) -> tuple[pd.DataFrame, bool]:
    """Return the runs to stand beside the item, and whether they are in its own set-up."""
    at_home = (table[SETTING] == printed[SETTING].to_numpy()).all(axis=1)
    at_home &= table["scale"] == "paper"
    same = bool(at_home.any())
    runs = table[at_home] if same else table
    held = runs[["scale", *SETTING]].drop_duplicates()
    if len(held) > 1:
        setups = "; ".join(", ".join(row) for row in held.astype(str).to_numpy())
        raise RecordError(
            f"{item} is one data set, model and request, but the table holds {len(held)} set-ups "
            f"({setups}), so a mean over them would mean nothing. Filter the table to one."
        )
    return runs, same


def _ratios(
    theirs: pd.DataFrame, runs: pd.DataFrame, relative_to: str | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide printed times by the reference's, and each run's by the mean of the reference's."""
    base = theirs.loc[theirs["method"] == relative_to, "mean"]
    if base.empty or (base.isna().all() and theirs["mean"].notna().any()):
        offer = ", ".join(theirs.loc[theirs["mean"].notna(), "method"])
        raise SpecError(
            f"Times of different machines cannot be compared, only ratios, and '{relative_to}' has "
            f"no printed time. Pass relative_to=, one of: {offer}."
        )
    theirs, runs = theirs.copy(), runs.copy()
    theirs["mean"], theirs["sd"] = theirs["mean"] / base.iloc[0], theirs["sd"] / base.iloc[0]
    reference = runs[runs["method"] == relative_to]
    if reference["value"].isna().all() and runs["value"].notna().any():
        raise RecordError(
            f"Our times are shown as ratios to that of '{relative_to}', which has none in the "
            "table. Add its runs, or name a method that has a time."
        )
    runs["value"] = runs["value"] / reference["value"].mean()
    runs["stale"] |= bool(reference["stale"].any())
    return theirs, runs


def _setting(row: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return those of the hyper-parameters `names` that a row has; the others are NaN in it."""
    values = {name: row.get(name, math.nan) for name in names}
    return {name: value for name, value in values.items() if value is None or value == value}


def _other(row: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Return what a run has in place of what is `wanted`: "alpha 20 (printed 10)"."""
    have = _setting(row, wanted)
    return ", ".join(
        f"{name} {have.get(name)} (printed {value})"
        for name, value in wanted.items()
        if have.get(name) != value
    )


def _sees(method: str, zero_shot: str) -> str:
    """Return what a method that was not run sees: as ours of the name does, or as print says."""
    if zero_shot == "no" and method in METHODS:
        return ", ".join(access(METHODS[method]()))
    return {"yes": "zero-shot", "no": "more"}.get(zero_shot, "")


def _row(
    printed: dict[str, Any], wanted: dict[str, Any], runs: pd.DataFrame, same: bool
) -> dict[str, Any]:
    """Return one row of the comparison: a printed number, at `wanted`, and the runs beside it."""
    if runs["params"].nunique() > 1:
        raise RecordError(
            f"{printed['method']} was run with {runs['params'].nunique()} settings of its "
            "hyper-parameters, so its mean would mix them. Filter the table to one setting."
        )
    mean, sd = runs["value"].mean(), runs["value"].std()
    numbers = (printed.get("mean", math.nan), printed.get("sd", math.nan))
    n = int(runs["value"].count())
    result = verdict(*numbers, mean, sd, n, printed["metric"])
    first = {} if runs.empty else row_dicts(runs.iloc[:1])[0]
    apart = bool(first) and not same
    doubts = ["ours is another set-up" if apart else result.note]
    doubts += [lacking(int(runs["missing"].sum()), len(runs))]
    return {
        **{name: printed.get(name, "") for name in ("item", "method", "metric", "split")},
        "params": first.get("params", printed.get("params", "")),
        "setting": _other(first, wanted) if first else "",
        "access": first["access"] if first else _sees(printed["method"], printed["zero_shot"]),
        "reported_mean": numbers[0],
        "reported_sd": numbers[1],
        "ours_mean": mean,
        "ours_sd": sd,
        "n": n,
        "difference": mean - numbers[0],
        "low": result.low,
        "high": result.high,
        "verdict": "not run" if apart and result.word != "not known" else result.word,
        "doubt": ", ".join(filter(None, doubts)),
        **{name: first.get(name, "") for name in ("scale", *SETTING)},
        "runs": " ".join(sorted(set(runs["run_id"]))),
        "stale": bool(runs["stale"].any()),
        "source": printed.get("source", ""),
        "note": printed.get("note", ""),
    }
