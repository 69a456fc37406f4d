"""What there is to forget: how well the originals know the training set, and retrained ones not.

A request has headroom on a quantity if the original and the retrained model differ by at least
twice what two retrained models differ by. Where it has none nothing can be told about a method.
"""

import pandas as pd

from ..errors import RecordError
from .presentation import presented
from .rows import marked, once, one_setting, row_dicts
from .summary import PAIR, SETTING
from .table import Table

MEMORISED = 0.99
SPREADS = 2
AGAIN = "Retrain again"


def headroom(table: pd.DataFrame, metric: str = "accuracy", split: str = "forget") -> pd.DataFrame:
    r"""Return memorisation and headroom, one row a (data set, network, request).

    With the original :math:`o` and two retrained models :math:`r, r'` of the same seed, the
    headroom of a quantity :math:`q` is the mean over seeds of :math:`q(o) - q(r)`, and the floor
    that of :math:`|q(r) - q(r')|`.

    Args:
        table: Records of Original, Retrain and Retrain again.
        metric: Name of the metric.
        split: Name of the split.

    Returns:
        dataset, model, request, known (the least accuracy of an original on what it was trained
        on, forget and retain set), original, retrained, headroom, floor, n, memorised, enough,
        stale. `enough` tells whether the headroom is at least twice the floor. Where no second
        model was retrained the floor is NaN and nothing is enough.

    Raises:
        RecordError: The table lacks the original or the retrained models, or mixes scales or
            settings of one of them.
    """
    rows = once(table)
    kept = rows[(rows["metric"] == metric) & (rows["split"] == split)]
    kept = kept[kept["method"].isin(("Original", "Retrain", AGAIN))]
    for _, of_request in kept.groupby(SETTING):
        one_setting(of_request)
    wide = kept.pivot_table("value", PAIR, "method", sort=False)
    if missing := [name for name in ("Original", "Retrain") if name not in wide]:
        raise RecordError(
            f"Headroom is what lies between the original and the retrained model, and of "
            f"{' and '.join(missing)} there is no {metric} on '{split}'. Add it to the grid."
        )
    both = wide.dropna(subset=["Original", "Retrain"])  # means of the same models
    asked, told = (frame.groupby(level=SETTING).size().index for frame in (wide, both))
    if bare := set(asked) - set(told):
        raise RecordError(
            f"No model has both an original and a retrained one on {sorted(bare)}. Add the runs "
            "that lack to the grid."
        )
    wide = both
    first, second = wide["Retrain"], wide.reindex(columns=[AGAIN])[AGAIN]
    seeds = pd.DataFrame(
        {
            "known": _known(rows).reindex(wide.index),
            "original": wide["Original"],
            "retrained": first,
            "headroom": wide["Original"] - first,
            "floor": (first - second).abs(),
            "stale": kept.groupby(PAIR)["stale"].any().reindex(wide.index),
        }
    )
    means = seeds.groupby(level=SETTING, sort=False).agg(
        known=("known", "min"), original=("original", "mean"), retrained=("retrained", "mean"),
        headroom=("headroom", "mean"), floor=("floor", "mean"), n=("headroom", "count"),
        stale=("stale", "any"),
    ).reset_index()  # fmt: skip
    enough = means["headroom"].abs() >= SPREADS * means["floor"]
    return means.assign(memorised=means["known"] >= MEMORISED, enough=enough)


def _known(rows: pd.DataFrame) -> "pd.Series[float]":
    """Return the lesser of an original's accuracies on the two parts of its training set."""
    trained_on = rows["split"].isin(["forget", "retain"])
    known = rows[(rows["method"] == "Original") & (rows["metric"] == "accuracy") & trained_on]
    return known.groupby(PAIR, sort=False)["value"].min()


def show_headroom(table: pd.DataFrame, metric: str = "accuracy", split: str = "forget") -> Table:
    """Return :func:`headroom` as the first table of a page: is there anything to forget?

    Args:
        table: Records of Original, Retrain and Retrain again.
        metric: Name of the metric.
        split: Name of the split.
    """
    how = presented(metric)
    unit = f" ({how.unit})" if how.unit else ""
    frame = headroom(table, metric, split)
    rows = []
    for row in row_dicts(frame):
        numbers = [how.text(row[name]) for name in ("original", "retrained", "headroom", "floor")]
        known = presented("accuracy").text(row["known"])
        answer = "yes" if row["enough"] and row["memorised"] else "no"
        cells = (marked(row["request"], row["stale"]), known, *numbers, answer, str(row["n"]))
        rows.append(("", cells))
    heads = (
        "Request", "Known (%)", f"Original{unit}", f"Retrained{unit}", "Headroom", "Floor",
        "Enough", "n",
    )  # fmt: skip
    what = f"{how.label.lower()} on the {split.replace('_', ' ')} set"
    where = ", ".join(" and ".join(frame[name].unique()) for name in ("dataset", "model"))
    notes = (
        "Known: the least accuracy of an original on a part of its training set. Headroom: "
        "original less retrained. Floor: how far two models of one seed lie apart that were both "
        f"retrained. Enough: at least {MEMORISED:.0%} known, and headroom at least {SPREADS} "
        "floors.",
    )
    return Table(heads, tuple(rows), f"What there is to forget, {where}: {what}, means over seeds",
                 frozenset({*heads[1:6], "n"}), notes=notes)  # fmt: skip
