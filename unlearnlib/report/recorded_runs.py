"""Tables of the recorded runs of a data set, and of those behind a printed item."""

from collections.abc import Sequence

import pandas as pd

from ..runs.records import recorded
from .compare import compare
from .printed import reported
from .show import show_summary
from .side_by_side import show_comparison
from .summary import summary
from .table import Table


def random_shares(part: str, dataset: str) -> pd.DataFrame:
    """Return the recorded runs of a part on a data set that forget a random share."""
    runs = recorded(part, dataset=dataset)
    return runs[runs["request"].astype(str).str.startswith("random")]


def show_random_shares(part: str, dataset: str, measured: Sequence[tuple[str, str]]) -> Table | str:
    """Return mean and spread of :func:`random_shares`, or a line that there are none.

    Args:
        part: Part that the records belong to.
        dataset: Name of the data set.
        measured: Pairs (metric, split).
    """
    runs = random_shares(part, dataset)
    if runs.empty:
        return f"No records of {dataset} yet."
    caption = f"{dataset}, {runs['scale'].iloc[0]} scale, mean ± standard deviation over seeds"
    return show_summary(summary(runs, measured), caption)


def show_printed(
    part: str, item: str, otherwise: pd.DataFrame | None = None, *, relative_to: str | None = None
) -> Table:
    """Return a printed item beside the recorded runs of its own data set, model and request.

    Args:
        part: Part of the book, whose paper prints the item.
        item: Such as "Table 2b".
        otherwise: Runs of another setting, to stand beside it as long as there are none of its own.
        relative_to: As of :func:`compare`.
    """
    printed = reported(part)
    where = printed[printed["item"] == item].iloc[0][["dataset", "model", "request"]]
    runs = recorded(part, **where)
    if runs.empty and otherwise is not None:
        runs = otherwise
    return show_comparison(compare(item, runs, paper=part, relative_to=relative_to), item)
