r"""A declared search for hyper-parameters that sees neither the retrained model nor the test set.

Every setting unlearns on every seed; what is measured is the accuracy on the forget set and on
validation examples, nothing else. The setting with the least mean over the seeds of

.. math:: J = |A_f - a| + \max(0,\, A_v(\theta_o) - A_v(\theta_u))

is chosen; of equal ones the first. :math:`A_f` is the accuracy on the forget set, :math:`A_v` that
on validation examples which are not of the forgotten kind, and :math:`a` what a model would reach
on the forget set that had never seen it: 0 for a class, and for labels that are known to be wrong,
which a model that learnt the true ones does not give; the original's validation accuracy for a
random request. For another sub-class nothing short of retraining tells; :math:`a` is chance, one
over the number of classes, which overstates the forgetting.

A search has two rounds of twelve trials, by one rule for every method. The first is the grid of its
declared file. A method whose best trial there is better than doing nothing, and lies inside the
range of each dial, keeps it. Any other has a second round, on a grid of the same form, with the
same request, seeds, data and objective:

- a dial whose best value lies inside its range keeps its values;
- one whose best value lies at the edge has as many new values on both sides of it: most of them
  beyond the edge as far as the dial goes, the others between the best and the value next to it;
- where no trial is better than doing nothing, every dial has new values, and the setting of the
  paper or of the release lies inside their range; where neither names one, they go on from the
  edge at which the method does more.

The best of the trials of both rounds is chosen. There is no third round: a best trial that lies at
the edge again is used and shown as that, and a method that is still no better than doing nothing
has no setting.
"""

import math
from itertools import product
from typing import Any

import pandas as pd

from .records import hyper_parameters

SPLITS = ["forget", "validation", "validation_forget", "validation_retain"]
"""What a search measures."""


def settings(kind: str, **values: list[Any]) -> dict[str, dict[str, Any]]:
    """Return the methods of a grid: every combination of the `values`, and the original.

    >>> list(settings("JiT", sigma=[0.5, 1.0], lr=[0.1]))
    ['Original', 'JiT sigma=0.5 lr=0.1', 'JiT sigma=1.0 lr=0.1']
    >>> settings("JiT", sigma=[0.5])["JiT sigma=0.5"]
    {'type': 'JiT', 'label': 'JiT', 'sigma': 0.5}
    """
    methods: dict[str, dict[str, Any]] = {"Original": {}}
    for point in product(*values.values()):
        fields = dict(zip(values, point, strict=True))
        label = " ".join([kind, *(f"{name}={value}" for name, value in fields.items())])
        methods[label] = {"type": kind, "label": kind.partition(".")[0], **fields}
    return methods


def scores(table: pd.DataFrame, classes: int) -> pd.DataFrame:
    """Return :math:`J` and its parts for every setting of one request, best first.

    Args:
        table: The tidy table of a search on one request.
        classes: Number of classes of the data set.

    Returns:
        The hyper-parameters that vary, params, accuracies on `SPLITS` and J as means over seeds;
        J is infinite for a setting that lacks a seed, on which it diverged.
    """
    wide = table[table["metric"] == "accuracy"].pivot_table(
        index=["method", "params", "seed_model"], columns="split", values="value", sort=False
    )
    tried = wide.drop(index="Original").reset_index()
    original = wide.loc["Original"].droplevel("params").loc[tried["seed_model"]].reset_index()
    request = table["request"].iloc[0]
    targets = {"class": 0.0, "classes": 0.0, "subclass": 1 / classes}
    targets["subclass:poisoned"] = 0.0  # wrong labels, see `data.poison`
    kind = request if request in targets else request.partition(":")[0]
    target = original["validation"] if kind == "random" else targets[kind]
    lost = (original["validation_retain"] - tried["validation_retain"]).clip(lower=0)
    tried["J"] = (tried["forget"] - target).abs() + lost
    settings = tried.reindex(columns=["params", *SPLITS, "J"]).groupby("params", sort=False)
    means = settings.mean()
    whole = settings.size() == wide.loc["Original"].index.nunique()
    means["J"] = means["J"].where(whole, math.inf)
    fields = table.drop_duplicates("params").set_index("params").loc[means.index]
    fields = fields[hyper_parameters(table)].infer_objects()
    varied = fields.loc[:, fields.astype(str).nunique() > 1]
    best_first = pd.concat([varied, means], axis=1).sort_values("J", kind="stable")
    return best_first.reset_index(names="params")


def best_of_each(table: pd.DataFrame, classes: int) -> pd.DataFrame:
    """Return the best setting of every method that was searched on one request.

    Args:
        table: The tidy table of the searches on one request, of one data set and network.
        classes: Number of classes of the data set.

    Returns:
        method, params, tried (the number of its settings), accuracies on `SPLITS` and J.
    """
    best = []
    for method in table["method"].unique():
        if method != "Original":
            ranked = scores(table[table["method"].isin(["Original", method])], classes)
            first = ranked.loc[[0], ["params", *SPLITS, "J"]]
            first.insert(0, "method", method)
            first.insert(2, "tried", len(ranked))
            best.append(first)
    return pd.concat(best, ignore_index=True)
