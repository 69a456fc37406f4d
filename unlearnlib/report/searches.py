"""What declared searches found, see `runs.declared_search`."""

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from ..data.sizes import size_of
from ..errors import RecordError
from ..runs.declared_search import SPLITS, best_of_each, declared, each_trial, trials
from .show import plain
from .table import Table

_BEST = (
    "method", "params", "setting", "tried", *SPLITS, "J", "nothing", "found", "edge",
)  # fmt: skip
"""The columns of `best_of_each`."""
_TRIED = ("method", "setting", *SPLITS, "J")
"""The columns of `each_trial`."""

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
    found = [
        best_of_each(runs, size_of(data_set).classes).assign(
            **{"data set": data_set, "request": request}
        )
        for data_set, request, runs in _recorded(part, dataset, kind, model)
    ]
    if not found:
        return pd.DataFrame(columns=["data set", "request", *_BEST]).astype({"found": bool})
    return pd.concat(found, ignore_index=True)


def tried_settings(part: str, dataset: str = "", kind: str = "", model: str = "") -> pd.DataFrame:
    """Return every trial of the declared searches of a part that are recorded.

    Args:
        part: As of :func:`best_settings`.
        dataset: As of :func:`best_settings`.
        kind: As of :func:`best_settings`.
        model: As of :func:`best_settings`.

    Returns:
        Request, and what `each_trial` returns, a trial a row; no row where nothing is recorded.

    Raises:
        RecordError: As of :func:`best_settings`.
    """
    tried = [
        each_trial(runs, size_of(data_set).classes).assign(request=request)
        for data_set, request, runs in _recorded(part, dataset, kind, model)
    ]
    return pd.concat([pd.DataFrame(columns=["request", *_TRIED]), *tried], ignore_index=True)


def _recorded(
    part: str, dataset: str, kind: str, model: str
) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield data set, request and runs of the searches that are recorded, or complain of gaps."""
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
            if kind in ("", request.partition(":")[0]):
                yield data_set, request, runs


def show_searches(
    best: pd.DataFrame, caption: str = "", tried: pd.DataFrame | None = None
) -> Table:
    """Return the best setting of every method as a table.

    Args:
        best: What `best_settings` or `best_of_each` returned; other columns, such as the request of
            each of several, come first.
        caption: Put above the table.
        tried: What `tried_settings` returned: every trial of these methods and its J, folded below.

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
    if not table.rows:
        return replace(table, notes=("No search of this is recorded.",))
    if tried is None:
        return table
    of = best[best.columns.intersection(["method", "request"])].drop_duplicates()
    shown = tried.merge(of).drop_duplicates(["method", "setting"])
    scored = shown["J"].map("{:.3g}".format).where(shown["forget"].notna(), "diverged")
    texts = (shown["setting"] + " \N{RIGHTWARDS ARROW} " + scored).groupby(
        shown["method"], sort=False
    )
    lines = texts.agg(" · ".join).rename_axis("method").reset_index(name="setting → J, best first")
    return replace(table, fold=plain(lines, f"All {len(shown)} trials"))
