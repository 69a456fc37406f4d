"""In how many models something holds, for the sentences and the tables of pages."""

import pandas as pd

from ..errors import RecordError
from .presentation import presented
from .rows import once, pick
from .summary import PAIR
from .table import Table


def by_model(table: pd.DataFrame, metric: str, split: str = "") -> pd.DataFrame:
    """Return one measurement of every trained model, a model and request a row, a method a column.

    Args:
        table: Records, of one setting a method; seeds of the method are averaged.
        metric: Name of the metric.
        split: Name of the split, "" for none.

    Returns:
        The values in the printed unit (per cent for fractions), NaN where a run has no number.

    Raises:
        RecordError: The table lacks the measurement, or a method has several settings.
    """
    rows = once(pick(table, metric, split))
    methods = rows.groupby("method", sort=False)
    if (methods["params"].nunique() > 1).any():
        several = methods["params"].nunique().idxmax()
        raise RecordError(
            f"There are several settings of '{several}', and a model has one number of it here. "
            "Filter the table to one."
        )
    of_model = rows.groupby([*PAIR, "method"], sort=False)["value"]
    values = of_model.agg(lambda values: values.mean(skipna=False))
    return presented(metric).scale * values.unstack().reindex(columns=list(methods.groups))


def of_models(holds: "pd.Series[bool]") -> str:
    """Return in how many models something holds, in words.

    >>> of_models(pd.Series([True, True, False]))
    '2 of 3 models'
    """
    return f"{int(holds.sum())} of {len(holds)} models"


def show_counts(holds: pd.DataFrame, caption: str = "") -> Table:
    """Return in how many models something holds: a row a method, a column a request, and in all.

    Args:
        holds: Whether it holds, a model and request a row and a method a column, as a comparison of
            what :func:`by_model` returned says.
        caption: Put above the table.
    """
    parts = {"In all": holds}
    for request, part in holds.groupby(level="request", sort=False):
        parts[str(request)] = part
    rows = [
        ("", (str(m), *(f"{int(part[m].sum())} of {len(part)}" for part in parts.values())))
        for m in holds
    ]
    heads = ("Method", *parts)
    return Table(heads, tuple(rows), caption, frozenset(heads[1:]))
