"""What declared searches found, see `runs.declared_search`."""

import pandas as pd

from .show import plain
from .table import Table

_HEADS = {
    "method": "method", "tried": "trials", "setting": "best setting", "forget": "A_f",
    "validation_retain": "A_v", "J": "best J", "nothing": "J of doing nothing",
    "edge": "at the edge",
}  # fmt: skip


def show_searches(best: pd.DataFrame, caption: str = "") -> Table:
    """Return the best setting of every method as a table.

    Args:
        best: What `best_of_each` returned; columns that it does not have, such as the request of
            each of several, come first.
        caption: Put above the table.

    Returns:
        A row a method: its trials, the best setting, or "no setting found" where none is better
        than doing nothing, the accuracies and J of it, and the dials that lie at an edge.
    """
    known = {"params", "validation", "validation_forget", "found", *_HEADS}
    found, edge = best["found"], best["edge"].where(best["edge"] != "", "none")
    frame = best.assign(
        setting=best["setting"].where(found, "no setting found"), edge=edge.where(found, "—")
    )
    first = [name for name in frame if name not in known]
    return plain(frame[[*first, *_HEADS]].rename(columns=_HEADS), caption, digits=4)
