"""Means over seeds, and differences between methods paired by seed, each with its n."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import betaincinv

from ..errors import RecordError, SpecError
from ..runs.records import hyper_parameters
from .rows import having, once, one_setting, other_than, pick

CONFIDENCE = 0.95
FEWEST = 5
"""The fewest models of which an interval is drawn."""
SAMPLES = 10_000
"""Of a bootstrap."""
PAIR = ["dataset", "model", "request", "seed_model", "seed_request"]
SETTING = ["dataset", "model", "request"]
SUMMARISED = (*SETTING, "method", "params", "access", "metric", "split")
"""What the runs of one mean have in common."""


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean of `values` and the ends of its 95 % bootstrap interval.

    The ends are percentiles of the means of samples drawn with replacement, always the same ones,
    so they lie between the least and the greatest value. Fewer than five values have no interval:
    its ends are -inf and inf.

    >>> tuple(round(end, 3) for end in interval([1.0, 2.0, 3.0, 4.0, 5.0]))
    (3.0, 1.8, 4.2)
    >>> interval([1.0, 2.0, 3.0])
    (2.0, -inf, inf)
    """
    x = np.sort(np.asarray(values, dtype=float))  # the order of the models decides nothing
    if x.size == 0 or not np.isfinite(x).all():
        raise RecordError(
            "An interval needs at least one number, and finite ones only, but was given "
            f"{list(x)}. Drop the runs without a value first, and say how many they are."
        )
    mean = float(x.mean())
    if x.size < FEWEST:
        return mean, -math.inf, math.inf
    drawn = np.random.default_rng(0).integers(x.size, size=(SAMPLES, x.size))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(x[drawn].mean(axis=1), [tail, 1 - tail])
    return mean, float(low), float(high)


def share_interval(k: int, n: int) -> tuple[float, float]:
    """Return the exact interval of a share that was k of n, each end with 95 % confidence.

    Clopper and Pearson's: at the lower end k or more of n have a probability of 5 %, at the upper
    end k or fewer.

    >>> [round(share_interval(k, n)[0], 3) for k, n in ((4, 4), (5, 5), (8, 10), (9, 10))]
    [0.473, 0.549, 0.493, 0.606]
    """
    tail = 1 - CONFIDENCE
    low = float(betaincinv(k, n - k + 1, tail)) if k else 0.0
    high = float(betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0
    return low, high


def span(values: "pd.Series[float]", form: str = "+.1f") -> str:
    """Return "mean (low to high)" with the ends of the 95 % interval of the mean.

    Args:
        values: One a model, all of them numbers.
        form: How a number is printed.

    >>> span(pd.Series([1.0, 2.0, 3.0, 4.0, 5.0]))
    '+3.0 (+1.8 to +4.2)'
    >>> span(pd.Series([1.0, 2.0, 3.0]))
    '+2.0 (n = 3, no interval)'
    >>> span(pd.Series([-0.01, 0.0, 0.0]))
    '+0.0 (n = 3, no interval)'
    """
    form = re.sub("^[+]?", r"\g<0>z", form)  # no "-0.0"
    mean, low, high = interval(values.to_list())
    if len(values) < FEWEST:
        return f"{mean:{form}} (n = {len(values)}, no interval)"
    return f"{mean:{form}} ({low:{form}} to {high:{form}})"


def summary(table: pd.DataFrame, metrics: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Return mean and spread over the runs of every method and setting of its hyper-parameters.

    Args:
        table: Records.
        metrics: Pairs (metric, split), in the order of the columns to be shown.

    Returns:
        dataset, model, request, method, params, access, metric, split, mean, sd (NaN at n = 1),
        n (of the runs that have a number, over which both are taken), missing (the runs that have
        none), stale, and the hyper-parameters one by one; in a record's unit.

    Raises:
        RecordError: The table lacks a measurement, or has two values of one.
    """
    rows = once(pd.concat([pick(table, *what) for what in dict.fromkeys(metrics)]))
    settings = rows.drop_duplicates("params")[["params", *hyper_parameters(rows)]]
    rows = rows.assign(missing=rows["value"].isna())
    means = rows.groupby(list(SUMMARISED), sort=False).agg(
        mean=("value", "mean"), sd=("value", "std"), n=("value", "count"),
        missing=("missing", "sum"), stale=("stale", "any"),
    ).reset_index()  # fmt: skip
    return means.merge(settings, on="params", how="left")


@dataclass(frozen=True)
class Quantity:
    """One measurement of one method, as a claim names it.

    Attributes:
        method: Label of the method.
        metric: Name of the metric.
        split: Name of the split, "" for none.
        params: Hyper-parameters that the run must have; the others are free.
    """

    method: str
    metric: str
    split: str = ""
    params: dict[str, Any] = field(default_factory=dict)

    def runs(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the value per PAIR and params, averaged over the seeds of the method.

        It is NaN if one of these has no number, and stale if one of these is. `free` is the text
        of the hyper-parameters that the quantity leaves open.
        """
        rows = table[
            (table["method"] == self.method)
            & (table["metric"] == self.metric)
            & (table["split"] == self.split)
        ]
        rows = once(rows)
        for name, value in self.params.items():
            rows = having(rows, name, value)
        rows = rows.assign(free=other_than(rows, self.params))
        means = rows.groupby([*PAIR, "params", "free"], sort=False).agg(
            value=("value", lambda values: values.mean(skipna=False)), stale=("stale", "any")
        )
        return means.reset_index()


def differences(
    table: pd.DataFrame, left: Quantity, right: Quantity | None = None, *, ratio: bool = False
) -> pd.DataFrame:
    """Return `left` minus `right` (or their ratio) paired by seed, one row a setting.

    Two runs are a pair if they share data set, model, request and the seeds of model and request;
    seeds of the method are averaged first, since runs on one trained model are not independent.
    Two settings of one method are paired only if their other hyper-parameters are equal.

    Returns:
        dataset, model, request, params, mean, low, high, n, missing, stale; no row where nothing
        pairs. n counts the pairs that have a number, and `missing` those that have none; with one
        of these mean, low and high are NaN, since what is left would tell of the good runs only.
        stale tells whether a run on either side is.
    """
    runs = left.runs(table)
    keys = [*SETTING, "params"]
    if right is not None:
        on = [*PAIR, "free"] if right.method == left.method else PAIR
        runs = runs.merge(right.runs(table), on=on, suffixes=("", "_right"))
        a, b = runs["value"], runs["value_right"]
        runs["value"] = (a / b).where(b != 0) if ratio else a - b
        runs["stale"] |= runs["stale_right"]
        keys.append("params_right")
    columns = [*SETTING, "params", "mean", "low", "high", "n", "missing", "stale"]
    rows = []
    for key, pairs in runs.groupby(keys, sort=False):
        missing = int(pairs["value"].isna().sum())
        ends = (math.nan,) * 3 if missing else interval(pairs["value"].to_list())
        stale = bool(pairs["stale"].any())
        rows.append((*key[: len(SETTING) + 1], *ends, len(pairs) - missing, missing, stale))
    return pd.DataFrame(rows, columns=columns).astype({"stale": bool})


def paired(
    table: pd.DataFrame,
    metric: str,
    split: str,
    method: str,
    reference: str = "Retrain",
    *,
    ratio: bool = False,
) -> pd.DataFrame:
    """Return how far `method` is from `reference` on the same trained models.

    Args:
        table: Records.
        metric: Name of the metric.
        split: Name of the split, "" for none.
        method: Label of the method.
        reference: Label of the method that is subtracted.
        ratio: Divide instead of subtracting (times).

    Returns:
        One row a (dataset, model, request, params of the method): method, reference, metric, split,
        mean, low, high (95 % interval; infinite below five models), n, missing, stale. No row if
        one of them has no runs.

    Raises:
        SpecError: Both have runs, but none share their seeds.
    """
    if not table.empty:
        pick(table, metric, split)
    rows = differences(
        table, Quantity(method, metric, split), Quantity(reference, metric, split), ratio=ratio
    )
    if rows.empty and {method, reference} <= set(table["method"]):
        raise SpecError(
            f"No run of '{method}' has a partner of '{reference}' with the same data set, model, "
            f"request and seeds. Methods in the table: {', '.join(table['method'].unique())}."
        )
    names = {"method": method, "reference": reference, "metric": metric, "split": split}
    return rows.assign(**names, ratio=ratio)


def paired_each(
    table: pd.DataFrame,
    measured: Sequence[tuple[str, str]],
    pairs: Sequence[tuple[str, str]],
    *,
    ratio: bool = False,
) -> pd.DataFrame:
    """Return :func:`paired` for several pairs of methods, each in every measurement.

    Args:
        table: Records.
        measured: Pairs (metric, split), in the order of the rows of one pair of methods.
        pairs: Pairs (method, reference).
        ratio: Divide instead of subtracting (times).
    """
    return pd.concat(
        [paired(table, *what, *pair, ratio=ratio) for pair in pairs for what in measured]
    )


def mean_by_method(table: pd.DataFrame, metric: str, split: str = "") -> "pd.Series[float]":
    """Return the mean of one measurement over the runs of each method, by its label.

    Raises:
        RecordError: The table lacks the measurement, or holds several set-ups or settings of one
            method.
    """
    return one_setting(once(pick(table, metric, split))).groupby("method")["value"].mean()
