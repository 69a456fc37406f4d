"""What a figure draws of a table: one setting, a value a trained model, hyper-parameters."""

import json
import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...errors import RecordError
from ..compare import UNITS, reported
from ..measures import lacking, pick
from ..summary import PAIR


def one_setting(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `rows`, or complain that a mean over them would mix settings."""
    setups = len(rows[["scale", "dataset", "model", "request"]].drop_duplicates())
    mixed = rows.groupby("method")["params"].nunique()
    if setups > 1 or mixed.max() > 1:
        raise RecordError(
            f"The table holds {setups} set-ups (scale, data set, model, request) and up to "
            f"{mixed.max()} settings of '{mixed.idxmax()}', so a mean would mix them. Filter it to "
            "one set-up and one setting a method."
        )
    return rows


def per_model(rows: pd.DataFrame) -> "pd.Series[float]":
    """Return one value a trained model and request, the method's own seeds averaged.

    What has no number is left out.
    """
    return rows.groupby(PAIR, sort=False)["value"].mean().dropna()


def without(values: "pd.Series[float] | npt.NDArray[np.float64]", of: str = "run") -> str:
    """Return how many of the values to be drawn are none, for a title; "" if all are numbers."""
    found = lacking(int((~np.isfinite(values)).sum()), len(values), of)
    return f"; {found}" if found else ""


def printed(item: str, metric: str, split: str) -> dict[str, float]:
    """Return the printed mean by method, in a record's unit; {} without an item."""
    if not item:
        return {}
    rows = reported()
    rows = rows[(rows["item"] == item) & rows["mean"].notna()]
    rows = pick(rows, metric, split)
    return dict(zip(rows["method"], rows["mean"] * rows["unit"].map(UNITS), strict=True))


def swept(rows: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Add the hyper-parameters `names` as columns; NaN where a method does not have one."""
    settings = [json.loads(text or "{}") for text in rows["params"]]
    for name in names:
        rows = rows.assign(**{name: [setting.get(name, math.nan) for setting in settings]})
        if rows[name].isna().all():
            known = sorted({key for setting in settings for key in setting})
            raise RecordError(
                f"No run has a hyper-parameter '{name}' to draw against. The runs have: "
                f"{', '.join(known) or 'none'}. Name one of these."
            )
    rest = [json.dumps({k: v for k, v in s.items() if k not in names}) for s in settings]
    one_setting(rows.assign(params=rest))
    return rows
