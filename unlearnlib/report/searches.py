"""What declared searches found, see `runs.declared_search`."""

from dataclasses import replace

import pandas as pd

from ..data.names import FASHION_SUPER
from ..errors import RecordError
from ..runs.declared_search import SPLITS, best_of_each, declared, trials
from .show import plain
from .table import Table

_BEST = (
    "method", "params", "setting", "tried", *SPLITS, "J", "nothing", "found", "edge",
)  # fmt: skip
"""The columns of `best_of_each`."""
_CLASSES = {"fashion_small_super": len(FASHION_SUPER), "cifar20": 20}

_HEADS = {
    "method": "method", "tried": "trials", "setting": "best setting", "forget": "A_f",
    "validation_retain": "A_v", "J": "best J", "nothing": "J of doing nothing",
    "edge": "at the edge",
}  # fmt: skip


def best_settings(part: str, dataset: str = "", kind: str = "", model: str = "") -> pd.DataFrame:
    """Return the best settings of the declared searches of a part that are recorded.

    Args:
        part: Part of the book, whose files of `notebooks/PART/search` are read.
        dataset: Of these data alone; of all if "".
        kind: Of requests of this kind alone, such as "class"; of all if "".
        model: Of this network alone; of all if "".

    Returns:
        Data set, request, and what `best_of_each` returns, a method a row; no row where nothing of
        it is recorded.

    Raises:
        RecordError: A search is recorded in part.
    """
    found = []
    for name, rounds in declared(part).items():
        kinds = {request.partition(":")[0] for request in rounds[0].requests}
        if dataset not in ("", rounds[0].dataset) or model not in ("", rounds[0].model):
            continue
        if not kinds >= {kind} - {""}:
            continue
        if (table := trials(*rounds)).empty:
            continue
        lacking = {run.run_id for grid in rounds for run in grid.runs()} - set(table["run_id"])
        if lacking:
            raise RecordError(
                f"The search '{name}' of the part '{part}' lacks {len(lacking)} of its runs, and "
                "what they find may be better than the best of the others. Run its files in "
                f"notebooks/{part}/search: python -m unlearnlib run FILE ..."
            )
        for where, runs in table.groupby(["dataset", "request"], sort=False):
            data_set, request = map(str, where)
            if kind not in ("", request.partition(":")[0]):
                continue
            best = best_of_each(runs, _CLASSES.get(data_set, 10))
            found.append(best.assign(**{"data set": data_set, "request": request}))
    if not found:
        return pd.DataFrame(columns=["data set", "request", *_BEST]).astype({"found": bool})
    return pd.concat(found, ignore_index=True)


def show_searches(best: pd.DataFrame, caption: str = "") -> Table:
    """Return the best setting of every method as a table.

    Args:
        best: What `best_settings` or `best_of_each` returned; other columns, such as the request of
            each of several, come first.
        caption: Put above the table.

    Returns:
        A row a method: its trials, the best setting, or "no setting found" where none is better
        than doing nothing, the accuracies and J of it, and the dials that lie at an edge.
    """
    dials = best["setting"].str.replace(r"(?<!,) ", "\N{NO-BREAK SPACE}", regex=True)
    known = {"params", "validation", "validation_forget", "found", *_HEADS}
    found, edge = best["found"], best["edge"].where(best["edge"] != "", "none")
    frame = best.assign(setting=dials.where(found, "no setting found"), edge=edge.where(found, "—"))
    first = [name for name in frame if name not in known]
    frame = frame[[*first, *_HEADS]].round(3).rename(columns=_HEADS)
    table = plain(frame, caption, digits=4)
    return table if table.rows else replace(table, notes=("No search of this is recorded.",))
