"""How each measurement is named, printed and compared: one small table for the whole report."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..errors import RecordError


@dataclass(frozen=True)
class Measure:
    """What the report knows about one kind of measurement.

    Attributes:
        label: Its name for readers, without the unit.
        unit: The unit in which it is printed.
        scale: Factor from a record's value to the printed value (fraction to per cent: 100).
        decimals: Digits printed after the point.
        margin: The rule's t_metric, as a record's value; relative where `relative`.
        relative: Compared only as a ratio to a method measured in the same runs.
    """

    label: str
    unit: str = ""
    scale: float = 1.0
    decimals: int = 3
    margin: float = 0.0
    relative: bool = False

    def text(self, value: float) -> str:
        """Return `value`, a record's, as printed; a dash where there is none.

        >>> measure("accuracy").text(0.875)
        '87.5'
        >>> measure("accuracy").text(float("nan"))
        '—'
        """
        return "—" if pd.isna(value) else f"{value * self.scale:.{self.decimals}f}"


ACCURACY_MARGIN = 0.02
ATTACK_MARGIN = 0.05
TIME_MARGIN = 0.20

_FAMILIES = {
    "accuracy": Measure("Accuracy", "%", 100, 1, ACCURACY_MARGIN),
    "mia": Measure("Attack says member", "%", 100, 1, ATTACK_MARGIN),
    "attack": Measure("Attack accuracy", "%", 100, 1, ATTACK_MARGIN),
    "seconds": Measure("Time", "s", 1, 1, TIME_MARGIN, relative=True),
    "entropy": Measure("Entropy", "nats", 1, 3),
    "loss": Measure("Loss", "nats", 1, 3),
    "passes": Measure("Passes", "training sets", 1, 2),
    "peak": Measure("Peak memory", "MiB", 1, 0),
    "change": Measure("Change of the weights", "", 1, 3),
    "probability": Measure("Probability", "", 1, 2),
    "wilcoxon": Measure("Wilcoxon p", "", 1, 3),
}
_VARIANTS = {
    "seconds_stored": "Time of the stored statistic",
    "accuracy_batch_mean": "Accuracy (batch mean)",
    "attack_loss": "Attack accuracy (loss)",
    "attack_entropy": "Attack accuracy (entropy)",
    "entropy_median": "Median entropy",
    "entropy_q3": "Third quartile of entropy",
}
_SPLITS = {
    "forget": "forget set",
    "retain": "retain set",
    "validation": "validation set",
    "test": "test set",
    "test_forget": "test, forgotten",
    "test_retain": "test, retained",
}


def measure(metric: str) -> Measure:
    """Return how to print and compare `metric`; the word before the first "_" is its family."""
    family = _FAMILIES.get(metric.partition("_")[0], Measure(metric.replace("_", " ").capitalize()))
    label = _VARIANTS.get(metric, family.label)
    return Measure(**{**family.__dict__, "label": label})


def label(metric: str, split: str, *, unit: bool = False) -> str:
    """Return the name of a measurement for readers.

    >>> label("accuracy", "test_forget", unit=True)
    'Accuracy, test, forgotten (%)'
    """
    kind = measure(metric)
    name = ", ".join(part for part in (kind.label, _SPLITS.get(split, split)) if part)
    return f"{name} ({kind.unit})" if unit and kind.unit else name


REFERENCE, ZERO_SHOT, STORED, MORE = (
    "Reference",
    "Sees the forget set only",
    "Sees stored or held-out data too",
    "Sees more than the forget set",
)
GROUPS = (REFERENCE, ZERO_SHOT, STORED, MORE)
_FORGET_ONLY = {"forget", "forget_inputs", "generator", "zero-shot"}
_STORED = {"fisher", "sensitivity", "gradient_space", "validation"}


def group(method: str, access: str) -> str:
    """Return the group under which tables and figures show `method`, from its data access.

    Args:
        method: The label of the method; Original and Retrain are the two references.
        access: The record's column, names joined by ", "; for a method known only from print
            "zero-shot" or "more".

    >>> group("JiT", "forget_inputs, generator")
    'Sees the forget set only'
    >>> group("LFSSD", "forget_inputs, sensitivity")
    'Sees stored or held-out data too'
    """
    names = set(filter(None, access.split(", ")))
    if method in {"Original", "Retrain"} or not names:
        return REFERENCE
    if names <= _FORGET_ONLY:
        return ZERO_SHOT
    return STORED if names <= _FORGET_ONLY | _STORED else MORE


_ONE = [
    "run_id", "scale", "dataset", "model", "request", "method", "params",
    "seed_model", "seed_request", "seed_method", "metric", "split",
]  # fmt: skip


def once(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` with each measurement once, and NaN for each value that is not finite.

    Pages put tables together that share runs, and none may weigh twice.

    Raises:
        RecordError: A run has two values of one measurement.
    """
    key = [column for column in _ONE if column in table]
    rows = table.assign(value=table["value"].where(np.isfinite(table["value"])))
    rows = rows.drop_duplicates([*key, "value"])
    twice = rows[rows.duplicated(key)]
    if len(twice):
        run, metric, split = twice.iloc[0][["run_id", "metric", "split"]]
        raise RecordError(
            f"Run {run} has two values of '{metric}' on split '{split}' in the table, so one of "
            "them is wrong. Keep the rows of one record a run."
        )
    return rows


def lacking(missing: int, total: int, of: str = "run") -> str:
    """Return how many of `total` have no number, in words; "" if all have one.

    >>> lacking(1, 3), lacking(2, 3), lacking(0, 3)
    ('1 of 3 runs has no number', '2 of 3 runs have no number', '')
    """
    has = "has" if missing == 1 else "have"
    return f"{missing} of {total} {of}s {has} no number" if missing else ""


def pick(table: pd.DataFrame, metric: str, split: str = "") -> pd.DataFrame:
    """Return the rows of one measurement.

    Raises:
        RecordError: The table has none; the message lists what it has.
    """
    rows = table[(table["metric"] == metric) & (table["split"] == split)]
    if rows.empty:
        found = sorted({f"{m}/{s}" for m, s in zip(table["metric"], table["split"], strict=True)})
        raise RecordError(
            f"The table has no '{metric}' on split '{split}', so there is nothing to show. "
            f"It has: {', '.join(found) or 'no rows at all'}. Name one of these, or run the grid."
        )
    return rows
