"""How each measurement is named, printed and compared: one small table for the whole report."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import pandas as pd

from ..access import STORED
from ..runs.one_run import UNKNOWN


@dataclass(frozen=True)
class Presentation:
    """What the report knows about one kind of measurement.

    Attributes:
        label: Its name for readers, without the unit.
        unit: The unit in which it is printed.
        scale: Factor from a record's value to the printed value (fraction to per cent: 100).
        decimals: Digits printed after the point.
        margin: The rule's tolerance, as a record's value; relative where `relative`.
        relative: Compared only as a ratio to a method measured in the same runs.
        bounds: The least and the most that a record's value, or such a ratio, can be; no figure
            goes beyond them.
    """

    label: str
    unit: str = ""
    scale: float = 1.0
    decimals: int = 3
    margin: float = 0.0
    relative: bool = False
    bounds: tuple[float, float] = (-math.inf, math.inf)

    def text(self, value: float) -> str:
        """Return `value`, a record's, as printed; a dash where there is none.

        >>> presented("accuracy").text(0.875)
        '87.5'
        >>> presented("accuracy").text(float("nan"))
        '—'
        """
        return "—" if pd.isna(value) else f"{bare(value * self.scale):.{self.decimals}f}"

    def signed(self, value: float) -> str:
        """Return a difference of two of a record's values, as printed, with its sign.

        >>> presented("accuracy").signed(-0.875), presented("accuracy").signed(-0.0)
        ('-87.5', '+0.0')
        """
        return "—" if pd.isna(value) else f"{bare(value * self.scale):+z.{self.decimals}f}"


def bare(value: float) -> float:
    """Return a mean without the rounding of its sums, so that two pages print it alike.

    >>> values = [0.293, 0.2, 0.249, 0.3]
    >>> means = [100 * sum(values) / 4, 100 * sum(reversed(values)) / 4]
    >>> [f"{mean:.1f}" for mean in means], [f"{bare(mean):.1f}" for mean in means]
    (['26.1', '26.0'], ['26.1', '26.1'])
    """
    return round(float(value), 9)


ACCURACY_MARGIN = 0.02
ATTACK_MARGIN = 0.05
TIME_MARGIN = 0.20

_SHARE, _AMOUNT = (0.0, 1.0), (0.0, math.inf)
_FAMILIES = {
    "accuracy": Presentation("Accuracy", "%", 100, 1, ACCURACY_MARGIN, bounds=_SHARE),
    "mia": Presentation("Attack says member", "%", 100, 1, ATTACK_MARGIN, bounds=_SHARE),
    "attack": Presentation("Attack accuracy", "%", 100, 1, ATTACK_MARGIN, bounds=_SHARE),
    "seconds": Presentation("Time", "s", 1, 1, TIME_MARGIN, relative=True, bounds=_AMOUNT),
    "entropy": Presentation("Entropy", "nats", 1, 3, bounds=_AMOUNT),
    "loss": Presentation("Loss", "nats", 1, 3, bounds=_AMOUNT),
    "passes": Presentation("Passes", "training sets", 1, 2, bounds=_AMOUNT),
    "peak": Presentation("Peak memory", "MiB", 1, 0, bounds=_AMOUNT),
    "change": Presentation("Change of the weights", "", 1, 3, bounds=_AMOUNT),
    "probability": Presentation("Probability", "", 1, 2, bounds=_SHARE),
    "wilcoxon": Presentation("Wilcoxon p", "", 1, 3, bounds=_SHARE),
    "correlation": Presentation("Rank correlation", "", 1, 2, bounds=(-1.0, 1.0)),
}
_VARIANTS = {
    "seconds_cpu": "Processor time",
    "seconds_stored": "Time of the stored statistic",
    "seconds_cpu_stored": "Processor time of the stored statistic",
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
    "validation_forget": "validation, forgotten",
    "validation_retain": "validation, retained",
}
_PARTS_OF_SPLITS = re.compile("|".join(name for name in _SPLITS if "_" in name))


def presented(metric: str) -> Presentation:
    """Return how to print and compare `metric`; the word before the first "_" is its family."""
    unknown = Presentation(metric.replace("_", " ").capitalize())
    family = _FAMILIES.get(metric.partition("_")[0], unknown)
    return replace(family, label=_VARIANTS.get(metric, family.label))


def label(metric: str, split: str, *, unit: bool = False) -> str:
    """Return the name of a measurement for readers.

    >>> label("accuracy", "test_forget", unit=True)
    'Accuracy, test, forgotten (%)'
    """
    how = presented(metric)
    name = ", ".join(part for part in (how.label, _SPLITS.get(split, split)) if part)
    return f"{name} ({how.unit})" if unit and how.unit else name


def in_words(text: str) -> str:
    """Return a text in which the parts of splits are named as readers have them.

    >>> in_words("accuracy, test_forget")
    'accuracy, test, forgotten'
    """
    return _PARTS_OF_SPLITS.sub(lambda found: _SPLITS[found[0]], text)


REFERENCE, ZERO_SHOT, STORED_TOO, MORE, OWN = (
    "Reference",
    "Sees the forget set at most",
    "Sees stored or held-out data too",
    "Sees retained data",
    "What it saw is not known",
)
GROUPS = (REFERENCE, ZERO_SHOT, STORED_TOO, MORE, OWN)
AGAIN = "Retrain again"
"""A second retrained model of the same seed: how far it is from the first is the floor."""

_REFERENCES = {"Original", "Retrain", AGAIN}
_FORGET_ONLY = {
    "forget", "forget_inputs", "forget_classes", "input_shape", "fresh_model", "generator",
    "zero-shot",
}  # fmt: skip


def group(method: str, access: str) -> str:
    """Return the group under which tables and figures show `method`, from its data access.

    Args:
        method: The label of the method; Original, Retrain and a second Retrain are references.
        access: The record's column, names joined by ", "; for a method known only from print
            "zero-shot" or "more"; `UNKNOWN` of a model of one's own.

    >>> group("JiT", "forget_inputs, generator")
    'Sees the forget set at most'
    >>> group("GKT", "forget_classes, fresh_model, input_shape, generator")
    'Sees the forget set at most'
    >>> group("LFSSD", "forget_inputs, sensitivity")
    'Sees stored or held-out data too'
    """
    names = set(filter(None, access.split(", ")))
    if method in _REFERENCES or not names:
        return REFERENCE
    if access == UNKNOWN:
        return OWN
    if names <= _FORGET_ONLY:
        return ZERO_SHOT
    return STORED_TOO if names <= _FORGET_ONLY | {*STORED, "validation"} else MORE


PARTS: Mapping[str, str] = MappingProxyType(
    {"jit": "JiT", "dampening": "SSD and LFSSD", "pgu": "PGU", "nabla_tau": "NablaTau"}
)
"""The parts of the book by the names of their papers' methods."""


def part_name(part: str) -> str:
    """Return the name of a part for readers; a part without one is named as it is.

    >>> part_name("nabla_tau"), part_name("new_paper")
    ('NablaTau', 'new_paper')
    """
    return PARTS.get(part, part)
