"""Tables of recorded runs: beside a printed item, of a data set, and one request a row."""

from collections.abc import Mapping, Sequence

import pandas as pd

from ..runs.records import read, recorded
from .compare import compare
from .printed import reported
from .show import show_summary
from .side_by_side import show_comparison
from .summary import summary
from .table import Table

MODELS = ["scale", "dataset", "model", "request", "seed_model", "seed_request"]
"""What tells the trained models of one request from those of another."""


def show_printed(
    part: str, item: str, otherwise: pd.DataFrame | None = None, *, relative_to: str | None = None
) -> Table:
    """Return a printed item beside the recorded runs of its own data set, model and request.

    Args:
        part: Part of the book, whose paper prints the item.
        item: Such as "Table 2b".
        otherwise: Runs of another setting, to stand beside it as long as there are none of its own.
        relative_to: As of :func:`compare`.

    Raises:
        SpecError: The item is unknown.
        RecordError: The runs mix networks, scales or settings of one method.
    """
    printed = reported(part)
    own = printed[printed["item"] == item]
    if own.empty:
        runs = recorded(part).iloc[:0]
    else:
        runs = recorded(part, **own.iloc[0][["dataset", "model", "request"]])
    if runs.empty and otherwise is not None:
        runs = otherwise
    return show_comparison(compare(item, runs, paper=part, relative_to=relative_to), item)


def show_beside(
    item: str,
    part: str,
    *,
    paper: str,
    model: str,
    names: Mapping[str, str] | None = None,
    rivals: str | None = None,
    times: bool = True,
) -> Table:
    """Return a printed table with the recorded runs of its data set and request beside it.

    Args:
        item: The printed item, such as "Table 2, ResNet18, rocket".
        part: Part of the records.
        paper: Name of the file in data/reported.
        model: The network in print that our runs stand beside, whatever network they are of; a
            table of another stands alone.
        names: What our methods are called in print, where that is something else.
        rivals: The part whose runs of other printed methods, on models of the same network, scale
            and seeds, stand beside those of `part`; both train them alike.
        times: Whether times are shown; beside three more measurements they are wider than a page.

    Raises:
        SpecError: The item is unknown.
        RecordError: The runs mix networks, scales or settings of one method.
    """
    printed = reported(paper)
    same = printed[(printed["item"] == item) & (printed["model"] == model)]
    if same.empty:
        runs = recorded(part).iloc[:0]
    else:
        first = same.iloc[0][["dataset", "request"]]
        runs = recorded(part, **first)
    runs = runs.assign(method=runs["method"].replace(dict(names or {})))
    if rivals and not runs.empty:
        others = read(rivals, runs["scale"].iloc[0])
        runs = pd.concat([runs, of_rivals(runs, others, same["method"])])
    frame = compare(item, runs, paper=paper, relative_to="Retrain")
    shown = frame if times else frame[~frame["metric"].str.startswith("seconds")]
    return show_comparison(shown, item)


def of_rivals(runs: pd.DataFrame, others: pd.DataFrame, printed: pd.Series) -> pd.DataFrame:
    """Return those of `others` that are of printed methods which `runs` lack, on all such models.

    Their times are of other hours of the machine than those of `runs`, and are left out.
    """
    models = pd.MultiIndex.from_frame(runs[MODELS].drop_duplicates())
    same = others[pd.MultiIndex.from_frame(others[MODELS]).isin(models)]
    runs_of = same.drop_duplicates(["method", *MODELS])["method"].value_counts()
    theirs = set(printed) & {*runs_of[runs_of == len(models)].index} - {*runs["method"]}
    return same[same["method"].isin(theirs) & ~same["metric"].str.startswith("seconds")]


def random_shares(part: str, dataset: str, **where: str | int) -> pd.DataFrame:
    """Return the recorded runs of a part on a data set that forget a random share.

    Args:
        part: Part that the records belong to.
        dataset: Name of the data set.
        where: Further identity columns, such as `scale="workstation"`, as of :func:`recorded`.
    """
    runs = recorded(part, dataset=dataset, **where)
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
