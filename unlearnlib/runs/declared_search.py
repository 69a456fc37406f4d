r"""A declared search for hyper-parameters that sees neither the retrained model nor the test set.

Every setting unlearns on every seed; what is measured is the accuracy on the forget set and on
validation examples, nothing else. The setting with the least mean over the seeds of

.. math:: J = |A_f - a| + \max(0,\, A_v(\theta_o) - A_v(\theta_u))

is chosen; of equal ones the first. :math:`A_f` is the accuracy on the forget set, :math:`A_v` that
on validation examples which are not of the forgotten kind, and :math:`a` what a model would reach
on the forget set that had never seen it: 0 for a class, and for labels that are known to be wrong,
which a model that learnt the true ones does not give; the original's validation accuracy for a
random request, and for a part of a class, of which the rest is kept. For another sub-class nothing
short of retraining tells; :math:`a` is chance, one over the number of classes, which overstates the
forgetting.

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

from ..errors import SpecError
from ..locations import PACKAGE
from . import records
from .grid import Grid
from .tidy import hyper_parameters

SPLITS = ["forget", "validation", "validation_forget", "validation_retain"]
"""What a search measures."""
_SHARED = (
    "part", "scale", "dataset", "model", "requests", "training", "validation", "splits", "seeds",
)  # fmt: skip
"""What its rounds have in common."""


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


def declared(part: str) -> dict[str, list[Grid]]:
    """Return the declared files of a part's searches by name, of each its rounds in their order.

    They lie in the folder `search` beside the notebooks; without a clone there are none.

    >>> [len(rounds) for rounds in declared("no such part").values()]
    []
    """
    found: dict[str, list[Grid]] = {}
    paths = (PACKAGE.parent / "notebooks" / part / "search").glob("*.yaml")
    for path in sorted(paths, key=lambda path: (".second." in path.name, path)):
        name = path.stem.replace(".second", "")  # "full_class.laptop"
        found.setdefault(name, []).append(Grid.read(path))
    return found


def trials(*grids: Grid) -> pd.DataFrame:
    """Return the tidy table of the runs that the declared files of one search name.

    Args:
        grids: Its rounds, in their order. Other runs on the same request, such as those of a range
            that was given up, are left out.

    Raises:
        SpecError: They are not of one search.
    """
    first = grids[0]
    for other in grids[1:]:
        for field in _SHARED:
            one, another = getattr(first, field), getattr(other, field)
            if one != another:
                raise SpecError(
                    f"Rounds of one search differ in nothing but their methods, and here {field} "
                    f"is {one} and {another}. Give the files of one search."
                )
    runs = dict.fromkeys(run.run_id for grid in grids for run in grid.runs())
    turn = {run_id: i for i, run_id in enumerate(runs)}
    table = records.read(first.part, first.scale)
    table = table[table["run_id"].isin(turn)]
    return table.sort_values("run_id", key=lambda ids: ids.map(turn), kind="stable")


def scores(table: pd.DataFrame, classes: int) -> pd.DataFrame:
    """Return :math:`J` and its parts for every setting of one request, best first.

    Args:
        table: The tidy table of a search on one request.
        classes: Number of classes of the data set.

    Returns:
        The hyper-parameters that vary, params, accuracies on `SPLITS` and J as means over seeds;
        J is infinite for a setting that lacks a seed, on which it diverged.
    """
    wide = _accuracies(table)
    tried = wide.drop(index="Original").reset_index()
    original = wide.loc["Original"].droplevel("params").loc[tried["seed_model"]].reset_index()
    target = _target(table["request"].iloc[0], original, classes)
    lost = (original["validation_retain"] - tried["validation_retain"]).clip(lower=0)
    tried["J"] = (tried["forget"] - target).abs() + lost
    settings = tried.reindex(columns=["params", *SPLITS, "J"]).groupby("params", sort=False)
    whole = settings.size() == wide.loc["Original"].index.nunique()
    every = table.loc[table["method"] != "Original", "params"].unique()  # with those that diverged
    means = settings.mean().where(whole).reindex(every)
    means["J"] = means["J"].fillna(math.inf)
    fields = table.drop_duplicates("params").set_index("params").loc[means.index]
    fields = fields[hyper_parameters(table)]
    varied = fields.loc[:, fields.map(repr).nunique() > 1]
    best_first = pd.concat([varied, means], axis=1).sort_values("J", kind="stable")
    return best_first.reset_index(names="params")


def of_doing_nothing(table: pd.DataFrame, classes: int) -> float:
    """Return :math:`J` of the original, which loses nothing; see :func:`scores`."""
    original = _accuracies(table).loc[["Original"]]
    target = _target(table["request"].iloc[0], original, classes)
    return float((original["forget"] - target).abs().mean())


def target(table: pd.DataFrame, classes: int) -> float:
    """Return the mean of :math:`a` over the seeds; see :func:`scores`."""
    original = _accuracies(table).loc[["Original"]]
    targets = _target(table["request"].iloc[0], original, classes)
    return targets if isinstance(targets, float) else float(targets.mean())


def _accuracies(table: pd.DataFrame) -> pd.DataFrame:
    """Return accuracies, a method with a setting and a seed a row, a split a column."""
    return table[table["metric"] == "accuracy"].pivot_table(
        index=["method", "params", "seed_model"], columns="split", values="value", sort=False
    )


def _target(request: str, original: pd.DataFrame, classes: int) -> "float | pd.Series[float]":
    """Return the accuracy on the forget set of a model that never saw it, as :math:`a` has it."""
    targets = {"class": 0.0, "classes": 0.0, "subclass": 1 / classes}
    targets["subclass:poisoned"] = 0.0  # wrong labels, see `data.poison`
    kind = request if request in targets else request.partition(":")[0]
    return targets[kind] if kind in targets else original["validation"]


def best_of_each(table: pd.DataFrame, classes: int) -> pd.DataFrame:
    """Return the best setting of every method that was searched on one request.

    Args:
        table: The tidy table of the searches on one request, of one data set and network, of all
            their rounds.
        classes: Number of classes of the data set.

    Returns:
        method, params, setting (its dials, in words), tried (the number of settings, with those
        that diverged), accuracies on `SPLITS` and J; nothing (J of doing nothing); found (whether
        J is below that); edge (the dials whose value is the least or the greatest that was tried,
        in words).
    """
    best = []
    nothing = of_doing_nothing(table, classes)
    for method in table["method"].unique():
        if method != "Original":
            ranked = scores(table[table["method"].isin(["Original", method])], classes)
            dials = _dials(ranked)
            ends = [v.iloc[0] in (v.min(), v.max()) for _, v in dials.items()]
            first = ranked.loc[[0], ["params", *SPLITS, "J"]]
            first.insert(0, "method", method)
            first.insert(2, "setting", _words(dials.iloc[0]))
            first.insert(3, "tried", len(ranked))
            least, edge = ranked["J"].iloc[0], _words(dials.iloc[0][ends])
            found = least < nothing and not math.isclose(least, nothing)
            best.append(first.assign(nothing=nothing, found=found, edge=edge))
    return pd.concat(best, ignore_index=True)


def each_trial(table: pd.DataFrame, classes: int) -> pd.DataFrame:
    """Return every trial of every method that was searched on one request, the best first.

    Args:
        table: As of :func:`best_of_each`.
        classes: As of :func:`best_of_each`.

    Returns:
        method, setting (its dials, in words), accuracies on `SPLITS` and J; NaN where it diverged.
    """
    every = []
    for method in table["method"].unique():
        if method != "Original":
            ranked = scores(table[table["method"].isin(["Original", method])], classes)
            ranked.insert(0, "setting", [_words(dials) for _, dials in _dials(ranked).iterrows()])
            ranked.insert(0, "method", method)
            every.append(ranked[["method", "setting", *SPLITS, "J"]])
    return pd.concat(every, ignore_index=True)


def _dials(ranked: pd.DataFrame) -> pd.DataFrame:
    """Return the hyper-parameters that vary, of those that follow one another the first alone."""
    dials = ranked.drop(columns=["params", *SPLITS, "J"]).astype(object)
    values = dials.apply(lambda column: pd.factorize(column)[0])
    return dials[values.T.drop_duplicates().index]


def _words(dials: "pd.Series[Any]") -> str:
    """Return values of dials in words, such as "lr 0.3, sigma 0.3"."""
    return ", ".join(f"{name} {value}" for name, value in dials.items())
