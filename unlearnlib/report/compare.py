"""Printed numbers beside ours, and the rule that says whether they agree."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from scipy.special import ndtri, stdtrit

from ..access import access
from ..errors import RecordError, SpecError
from ..methods import METHODS
from .presentation import ACCURACY_MARGIN, ATTACK_MARGIN, TIME_MARGIN, presented
from .printed import COLUMNS, UNITS, reported
from .rows import having, lacking, once, row_dicts
from .summary import CONFIDENCE, SETTING

PRINTED_QUANTILE = float(ndtri((1 + CONFIDENCE) / 2))

AGREEMENT_GLYPHS = {
    "agrees": "✓",
    "differs": "✗",
    "undecided": "?",
    "not run": "–",
    "not known": "·",
}


def rule() -> str:
    """Return the rule of :func:`verdict` as Markdown, written from its constants."""
    glyphs = AGREEMENT_GLYPHS
    return (
        "With printed mean $m_p$ and spread $s_p$, and ours $m_o$ and $s_o$ over $n$ runs, let "
        "$d = m_o - m_p$. Its "
        f"{CONFIDENCE * 100:g} % interval is $d \\pm \\sqrt{{(t_{{n-1}}\\, s_o / \\sqrt n)^2 + "
        f"({PRINTED_QUANTILE:.2f}\\, s_p)^2}}$, as far as the bounds of the measurement allow: the "
        "printed spread counts as it is, since no paper prints of how many runs it is. The "
        f"tolerance is {ACCURACY_MARGIN * 100:g} points for accuracies, {ATTACK_MARGIN * 100:g} "
        f"points for attack rates, {TIME_MARGIN * 100:g} % for times (only as ratios to a method "
        "measured in the same runs) and none for all else, which can differ but not agree.\n\n"
        f"- {glyphs['agrees']} **agrees**: the whole interval lies within the tolerance\n"
        f"- {glyphs['differs']} **differs**: the whole interval lies outside\n"
        f"- {glyphs['undecided']} **undecided**: neither; always so for a single run\n"
        f"- {glyphs['not run']} **not run**: not measured by us in the paper's set-up "
        "(data set, network, request)\n"
        f"- {glyphs['not known']} **not known**: no printed number\n\n"
        "A printed spread that is not known counts as 0 and is marked."
    )


@dataclass(frozen=True)
class Verdict:
    """Whether our number agrees with the printed one.

    Attributes:
        word: agrees, differs, undecided, not run or not known.
        difference: d, ours minus printed; NaN where one is missing.
        low: Lower end of its interval; NaN where one is missing, -inf at n = 1.
        high: Upper end.
        tolerance: Of the metric, in a record's unit; NaN where one is missing.
        note: What a reader must know to trust the word; "" if nothing.
    """

    word: str
    difference: float = math.nan
    low: float = math.nan
    high: float = math.nan
    tolerance: float = math.nan
    note: str = ""

    def __str__(self) -> str:
        """Return glyph, word and note: "? undecided (n = 1)"."""
        text = f"{AGREEMENT_GLYPHS[self.word]} {self.word}"
        return f"{text} ({self.note})" if self.note else text


def verdict(
    reported_mean: float,
    reported_sd: float,
    ours_mean: float,
    ours_sd: float,
    n: int,
    metric: str,
) -> Verdict:
    r"""Return whether our number agrees with the printed one, by the one rule of the project.

    .. math::
        d = m_o - m_p, \qquad
        d \pm \sqrt{(t_{0.975,\,n-1}\, s_o / \sqrt n)^2 + (z_{0.975}\, s_p)^2}

    agrees: the whole interval is within the tolerance of the metric; differs: all of it is outside;
    undecided: neither. The interval ends where the metric does: an accuracy is no more than 1.

    Args:
        reported_mean: m_p, in a record's unit (fractions); NaN if not printed.
        reported_sd: s_p; NaN if not printed, which counts as 0.
        ours_mean: m_o; NaN if not run. For times both means are ratios to the same method.
        ours_sd: s_o; NaN at n = 1, where there is no interval.
        n: Number of our runs.
        metric: Name of the metric, which decides tolerance and bounds.

    Raises:
        SpecError: n or a spread is negative.

    >>> str(verdict(0.662, 0.003, 0.665, 0.004, 5, "accuracy_batch_mean"))
    '✓ agrees'
    >>> str(verdict(0.662, 0.003, 0.665, float("nan"), 1, "accuracy_batch_mean"))
    '? undecided (n = 1)'
    """
    if n < 0 or reported_sd < 0 or ours_sd < 0:
        raise SpecError(
            f"A verdict was asked with n = {n} and spreads {reported_sd} and {ours_sd}. None of "
            "them can be negative: pass NaN for a spread that is not known."
        )
    if math.isnan(reported_mean):
        return Verdict("not known", note="n = 1" if n == 1 else "")
    if n == 0 or math.isnan(ours_mean):
        return Verdict("not run")
    how = presented(metric)
    margin = how.margin * abs(reported_mean) if how.relative else how.margin
    least, most = how.bounds
    d, half = ours_mean - reported_mean, _half(reported_sd, ours_sd, n)
    low, high = max(d - half, least - reported_mean), min(d + half, most - reported_mean)
    slack = 1e-9 * max(1.0, abs(reported_mean))  # 0.87 - 0.85 is not 0.02 in binary
    if half == math.inf:
        word = "undecided"
    elif max(-low, high) <= margin + slack and margin:
        word = "agrees"
    else:
        word = "differs" if max(low, -high) > margin + slack else "undecided"
    doubts = []
    if n == 1:
        doubts.append("n = 1")
    if math.isnan(reported_sd):
        doubts.append("printed without spread")
    if n > 1 and math.isnan(ours_sd):
        doubts.append("our spread not known")
    return Verdict(word, d, low, high, margin, ", ".join(doubts))


def _half(reported_sd: float, ours_sd: float, n: int) -> float:
    """Return half the width of the interval of a difference; infinite where ours has none."""
    if n == 1 or math.isnan(ours_sd):
        return math.inf
    ours = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * ours_sd / math.sqrt(n)
    printed = 0.0 if math.isnan(reported_sd) else PRINTED_QUANTILE * reported_sd
    return math.hypot(ours, printed)


def compare(
    item: str,
    table: pd.DataFrame,
    *,
    paper: str = "jit",
    relative_to: str | None = None,
) -> pd.DataFrame:
    """Put a printed table or figure beside our runs, one row a (method, metric, split).

    Runs in the paper's own set-up (data set, model, request) are taken if the table has them.
    Otherwise the table must hold one set-up only: its numbers stand beside the printed ones, and
    the verdict stays "not run".

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
        RecordError: The table mixes set-ups, scales or settings of one method.
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
    ours = ours.assign(missing=ours["value"].isna())
    measured = dict.fromkeys(zip(printed["metric"], printed["split"], strict=True))
    dials = [str(column) for column in printed if column not in COLUMNS]
    rows: list[dict[str, Any]] = []
    for metric, split in measured:
        theirs = printed[(printed["metric"] == metric) & (printed["split"] == split)]
        runs = ours[(ours["metric"] == metric) & (ours["split"] == split)]
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
