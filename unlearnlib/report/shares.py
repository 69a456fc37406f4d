"""Requests of a random share of the training set: what changes with the share."""

import numpy as np
import pandas as pd

from ..errors import RecordError
from .rows import marked, pick
from .summary import summary


def over_requests(runs: pd.DataFrame, metric: str, split: str) -> pd.DataFrame:
    """Return the mean of one measurement over seeds, one request a row, one method a column."""
    means = summary(runs, [(metric, split)])
    return means.pivot_table("mean", "request", "method", sort=False)


def way(runs: pd.DataFrame, methods: list[str]) -> pd.DataFrame:
    r"""Return how far each of `methods` comes on the way from the original to retraining.

    With the accuracies :math:`a` of the attack on the loss of the original :math:`o`, the retrained
    :math:`r` and the unlearned model :math:`u`, the way covered is
    :math:`1 - (a_u - a_r) / (a_o - a_r)`.

    Returns:
        request (marked if one of its runs is stale), method, and in points or per cent
        "attack − retrained", "way covered (%)" and "test − original", the accuracy on test images.

    Raises:
        RecordError: The original or the retrained model is not in the table.
    """
    attack = over_requests(runs, "attack_loss", "forget")
    if lost := [name for name in ("Original", "Retrain") if name not in attack]:
        raise RecordError(
            f"The way goes from the original to the retrained model, and of {' and '.join(lost)} "
            "there are no runs in the table. Add them to the grid."
        )
    test = over_requests(runs, "accuracy", "test")
    gap = 100 * attack.sub(attack["Retrain"], axis=0)
    columns = {
        "attack − retrained": gap,
        "way covered (%)": 100 * (1 - gap.div(gap["Original"], axis=0)),
        "test − original": 100 * test.sub(test["Original"], axis=0),
    }
    stacked = {name: column[methods].stack() for name, column in columns.items()}
    old = runs.groupby("request")["stale"].any()
    table = pd.concat(stacked, axis=1).reset_index()
    return table.assign(request=[marked(name, old[name]) for name in table["request"]])


def share_of(runs: pd.DataFrame) -> "pd.Series[float]":
    """Return the share that each run's random request names, 0.15 of "random:0.15"."""
    return runs["request"].str.partition(":")[2].astype(float)


def by_share(
    runs: pd.DataFrame, metric: str, split: str, reference: str, *, method: str, x: str
) -> pd.DataFrame:
    """Return the mean of `method` less that of `reference`, in points.

    Args:
        runs: Records of random requests of several shares.
        metric: Name of the metric.
        split: Name of the split, "" for none.
        reference: Method whose mean at the same share is subtracted.
        method: The method that is swept.
        x: Its hyper-parameter.

    Returns:
        Shares by values of `x`.
    """
    rows = pick(runs, metric, split)
    rows = rows.assign(share=share_of(rows))
    swept = rows[rows["method"] == method].astype({x: float})
    mean = swept.groupby(["share", x])["value"].mean().unstack()
    target = rows[rows["method"] == reference].groupby("share")["value"].mean()
    return (100 * mean.sub(target, axis=0)).round(6) + 0.0  # no -0


def rule_beside_best(
    attack: pd.DataFrame, test: pd.DataFrame, slope: float, *, lost: float = 2.0
) -> pd.DataFrame:
    """Return the weight of a rule and the best one of a grid, one row a share that it reaches.

    The rule's weight is `slope` times the share. The best brings the attack nearest to that on the
    retrained model, and costs at most `lost` points of test accuracy more than the rule's.

    Args:
        attack: The attack less that on the retrained model, shares by weights, in points.
        test: Test accuracy less the original's, likewise.
        slope: Of the rule.
        lost: Points of test accuracy.
    """
    rows = []
    for share in attack.index.to_numpy(dtype=float):
        row = attack.loc[share].dropna()
        weights = row.index.to_numpy(dtype=float)
        if slope * share < weights.max() + 0.01:
            rule = weights[np.abs(weights - slope * share).argmin()]
            kept = test.loc[share, weights]
            allowed = row[kept >= kept.loc[rule] - lost]
            best = allowed.abs().idxmin()
            rows.append((f"{share:.0%}", rule, row.loc[rule], best, row.loc[best]))
    names = ["share", "rule's α₀", "attack (points)", "best α₀", "its attack (points)"]
    return pd.DataFrame(rows, columns=names)
