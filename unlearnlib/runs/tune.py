r"""The dials of a method for a model of one's own, chosen on validation data.

It is a search as in :mod:`unlearnlib.runs.declared_search`, of one round and without a file: the
same accuracies are measured, and neither a retrained model nor the test set is looked at. Those
searches weigh what is left against what is lost; whoever has to forget names how much must be
forgotten, and wants to keep the most.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import product
from typing import Any, TypeVar

import pandas as pd

from ..access import Method
from ..checks.kinds import check_method
from ..errors import DivergedError, SpecError
from ..fields import nearest
from ..methods import Original
from ..offers import Offering
from ..progress import shown
from .declared_search import SPLITS, scores, target
from .one_run import DIVERGED, Row, measured, outputs
from .tidy import params_in_full, unfolded

M = TypeVar("M", bound=Method)


def tune(
    method: M, scenario: Offering, /, *, margin: float = 0.05, seed: int = 0, **dials: Sequence[Any]
) -> tuple[M, pd.DataFrame]:
    """Return the method with the best of its settings, and the table of all trials, best first.

    A setting forgets enough if the accuracy on the forget set is at most `margin` above that of a
    model which never saw it: 0 where whole classes are forgotten, else the original's on the
    validation examples. Of those that do, the best keeps the most: the accuracy on the validation
    examples which are not of the forgotten kind. Where none does, the best is the one that comes
    nearest, with a warning.

    Args:
        method: Has the values of the fields that are not searched.
        scenario: A model, with validation examples.
        margin: How far above that of a model which never saw it the accuracy may lie.
        seed: Of the method, for every trial.
        dials: Names of fields and the values to try; every combination is a trial.

    Returns:
        The method; and of each trial the dials that vary, params, the mean accuracies on `SPLITS`
        (NaN where it diverged), J of the declared searches, and whether it forgets enough.

    Raises:
        AccessError: It is the class of a method.
        SpecError: There are no validation examples, no dials, or a field is none of the method's.
    """
    check_method(method)
    trials = _trials(method, scenario, dials)
    rows = _rows(Original(), scenario, seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*(changed no parameter|selects nothing)")  # J tells
        for trial in shown(trials.values(), "tuning", "trial"):
            rows += _rows(trial, scenario, seed)
    table = unfolded(pd.DataFrame(rows))
    classes = outputs(scenario.original[0], scenario.splits.forget.x[:1]).shape[1]
    ranked = _ranked(table, classes, margin)
    if not ranked["enough"].iloc[0]:
        warnings.warn(
            f"No setting of {type(method).__name__} forgets enough: the best leaves an accuracy of "
            f"{ranked['forget'].iloc[0]:.2f} on the forget set. Try other values of its dials, or "
            "allow a larger margin.",
            stacklevel=2,
        )
    return trials[ranked["params"].iloc[0]], ranked


def _trials(method: M, scenario: Offering, dials: dict[str, Sequence[Any]]) -> dict[str, M]:
    """Return the method with each setting, by the text of all of its fields."""
    known = [field.name for field in fields(method)]
    for name in dials:
        if name not in known:
            raise SpecError(
                f"{type(method).__name__} has no field {name!r}. {nearest(name, known)}"
            )
    if not dials or not all(isinstance(v, Sequence) and len(v) for v in dials.values()):
        raise SpecError(
            f"With {dials} there is nothing to try. Give fields of {type(method).__name__} a list "
            "of values each, such as lr=[0.1, 1.0]."
        )
    if not len(scenario.splits.validation_retain):
        raise SpecError(
            "There are no validation examples to choose by, but those that are forgotten. Hold "
            "some of the training set out: Splits.of(validation=...), or Scenario(validation=0.1)."
        )
    points = [dict(zip(dials, values, strict=True)) for values in product(*dials.values())]
    settings = [replace(method, **point) for point in points]
    return {params_in_full(setting): setting for setting in settings}


def _rows(method: Method, scenario: Offering, seed: int) -> list[dict[str, Any]]:
    """Return what a search measures of a method, a measurement a row."""
    try:
        rows: list[Row] = measured(method, scenario, seed, SPLITS)
    except DivergedError:
        rows = [DIVERGED]
    name = type(method).__name__
    known = {**scenario.identity_of_runs, "method": name, "params": params_in_full(method)}
    return [known | {"metric": m, "split": split, "value": value} for m, split, value in rows]


def _ranked(table: pd.DataFrame, classes: int, margin: float) -> pd.DataFrame:
    """Return the trials of `scores`, those that forget enough first and then by what they keep."""
    found = scores(table, classes)
    left = (found["forget"] - target(table, classes) - margin).fillna(math.inf)  # diverged
    left = left.where(left > 1e-9, 0)
    found = found.assign(enough=left == 0, left=left)
    by = ["left", "validation_retain", "J"]
    return found.sort_values(
        by, ascending=[True, False, True], kind="stable", ignore_index=True
    ).drop(columns="left")
