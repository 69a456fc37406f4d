"""The numbers printed in papers, as data/reported holds them."""

import numpy as np
import pandas as pd

from ..errors import DataError, SpecError
from ..locations import data_folder
from ..runs.records import unfolded
from .summary import SETTING

UNITS = {"%": 0.01, "fraction": 1.0, "nats": 1.0, "s": 1.0, "p": 1.0}
"""Units of the numbers, and their factors to a record's unit."""
_CELL = ["paper", "item", *SETTING, "method", "params", "metric", "split"]
COLUMNS = (*_CELL, "zero_shot", "unit", "mean", "sd", "source", "note")
"""Columns of the files; after them comes one for each hyper-parameter that is printed."""


def reported(paper: str = "jit") -> pd.DataFrame:
    """Return the numbers printed in a paper, one a row, as printed (see data/reported/README.md).

    Each hyper-parameter of its `params` is a column too, as in the table of records.

    Raises:
        SpecError: There is no file of printed numbers for `paper`.
        DataError: The file cannot be read, a cell stands twice, or one is not a number.
    """
    path = data_folder() / "reported" / f"{paper}.csv"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.csv")))
        raise SpecError(
            f"No printed numbers are stored for '{paper}'. Known papers: {known or 'none'}."
        )
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is no table of text in UTF-8: {error}.") from None
    if absent := [c for c in (*_CELL, "unit", "mean", "sd") if c not in frame]:
        raise DataError(f"{path.name} lacks the columns {', '.join(absent)}.")
    frame.index = pd.RangeIndex(2, len(frame) + 2)  # lines of the file
    for column in ("mean", "sd"):
        text = frame[column].mask(frame[column] == "")
        frame[column] = pd.to_numeric(text, errors="coerce")
        if len(bad := text[text.notna() & ~np.isfinite(frame[column])]):
            raise DataError(
                f"Line {bad.index[0]} of {path.name} has the {column} '{bad.iloc[0]}', which is no "
                "number. Write it as printed, or leave it empty."
            )
    if (frame["sd"] < 0).any():
        raise DataError(f"Line {frame.index[frame['sd'] < 0][0]} of {path.name}: sd is negative.")
    if len(strange := frame[~frame["unit"].isin(list(UNITS))]):
        raise DataError(
            f"Line {strange.index[0]} of {path.name} has the unit '{strange['unit'].iloc[0]}'. "
            f"Known are: {', '.join(UNITS)}."
        )
    if len(twice := frame[frame.duplicated(_CELL)]):
        raise DataError(
            f"Line {twice.index[0]} of {path.name} prints a cell for the second time: "
            f"{', '.join(twice.iloc[0][_CELL])}."
        )
    try:
        return unfolded(frame.reset_index(drop=True))
    except ValueError as error:
        raise DataError(f"{path.name} has params that are no JSON: {error}.") from None


def as_printed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return printed numbers in per cent, one row a (set-up, method), one column a measurement.

    Args:
        rows: Rows of :func:`reported`, of fractions or per cent.
    """
    factor = rows["unit"].map({"%": 1, "fraction": 100})
    spread = (" ± " + (rows["sd"] * factor).map("{:.1f}".format)).where(rows["sd"].notna(), "")
    text = (rows["mean"] * factor).map("{:.1f}".format) + spread
    what = rows["metric"].str.partition("_")[0] + ", " + rows["split"]
    rows = rows.rename(columns={"item": "set-up"}).assign(text=text, what=what)
    return rows.pivot(index=["set-up", "method"], columns="what", values="text").reset_index()
