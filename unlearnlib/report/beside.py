"""Recorded runs beside a printed table and by request; and what others measured."""

from collections.abc import Mapping

import pandas as pd

from ..runs.records import recorded
from .compare import compare
from .printed import reported
from .rows import marked
from .side_by_side import show_comparison
from .summary import summary
from .table import Table


def show_beside(
    item: str, part: str, *, paper: str, model: str, names: Mapping[str, str] | None = None
) -> Table:
    """Return a printed table with the recorded runs of its data set and request beside it.

    Args:
        item: The printed item, such as "Table 2, ResNet18, rocket".
        part: Part of the records.
        paper: Name of the file in data/reported.
        model: The network in print that our runs stand beside, whatever network they are of; a
            table of another stands alone.
        names: What our methods are called in print, where that is something else.

    Raises:
        SpecError: The item is unknown.
        RecordError: The runs mix networks, scales or settings of one method.
    """
    printed = reported(paper)
    same = printed[(printed["item"] == item) & (printed["model"] == model)]
    if same.empty:
        runs = recorded(part).iloc[:0]
    else:
        first = same.iloc[0]
        runs = recorded(part, dataset=first["dataset"], request=first["request"])
    runs = runs.assign(method=runs["method"].replace(dict(names or {})))
    return show_comparison(compare(item, runs, paper=paper, relative_to="Retrain"), item)


def by_request(runs: pd.DataFrame, metric: str, split: str) -> pd.DataFrame:
    """Return the mean of one measurement in per cent, one request a row and one method a column.

    Args:
        runs: Records, of several data sets or requests.
        metric: Name of the metric, a fraction in the records.
        split: Name of the split.

    Returns:
        request, the methods in the order of the records, and n: the most runs of one method. The
        request is marked if one of its runs is stale.

    Raises:
        RecordError: The records lack the measurement.
    """
    name = runs["request"].str.partition(":")[2].str.replace("_", " ")
    runs = runs.assign(request=runs["dataset"].str.partition("_")[0] + ": " + name)
    means = summary(runs, [(metric, split)])
    table = (100 * means.pivot_table("mean", "request", "method", sort=False)).round(1)
    of_request = means.groupby("request")
    old = of_request["stale"].any()
    table = table.join(of_request["n"].max())
    return table.rename(index=lambda name: marked(name, old[name])).reset_index()


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
