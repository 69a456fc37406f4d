"""What a dial shows: what was measured of the models of each of its settings."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ..errors import RecordError
from .dial_histogram import At
from .presentation import label
from .rows import lacking, marked
from .table import spread


@dataclass(frozen=True)
class Models:
    """What was measured of the models of one setting, or of a reference beside it.

    Attributes:
        name: The label of the method.
        at: Place of the setting on each knob; None on one that means nothing to these models.
        cells: A text for each measure: mean and standard deviation over the models.
        n: How many models there are, and how many of them have no number.
    """

    name: str
    at: At
    cells: tuple[str, ...]
    n: str

    def belongs_to(self, at: Sequence[int]) -> bool:
        """Tell whether these models are those of a setting, or its references."""
        return all(mine in (None, its) for mine, its in zip(self.at, at, strict=True))


def models_of(runs: pd.DataFrame, at: At, measures: Sequence[tuple[str, str]]) -> Models:
    """Return what was measured of the runs of one setting.

    Raises:
        RecordError: They lack a measure.
    """
    measured = set(zip(runs["metric"], runs["split"], strict=True))
    if lacks := [label(*what) for what in measures if what not in measured]:
        raise RecordError(
            f"The runs of {runs['method'].iloc[0]} at one place of the dial have no "
            f"{', '.join(lacks)}. Leave that out of `measures`, or the runs out of the table."
        )
    of = runs.groupby(["metric", "split"])["value"]
    means, sds, counts, sizes = of.mean(), of.std(), of.count(), of.size()
    cells = tuple(spread(means[what], sds[what], what[0]) for what in measures)
    most = int(sizes.max())
    told = [str(most), lacking(most - int(counts.min()), most)]
    n = marked("; ".join(filter(None, told)), bool(runs["stale"].any()))
    return Models(str(runs["method"].iloc[0]), at, cells, n)


def refuse_uneven(settings: list[Models], references: list[Models]) -> None:
    """Refuse two methods at one place, and settings that have other references than the first."""
    first = dict[At, str]()
    for one in settings:
        if (other := first.setdefault(one.at, one.name)) != one.name:
            raise RecordError(
                f"{other} and {one.name} stand at one place of the dial, which shows one setting "
                "at a time. Filter the table to one method, or name `method` in `by`."
            )
    each = ([place or 0 for place in one.at] for one in settings)
    beside = [sorted(r.name for r in references if r.belongs_to(places)) for places in each]
    if any(names != beside[0] or len({*names}) < len(names) for names in beside):
        raise RecordError(
            "The settings of the dial do not have the same references beside them, one of each, so "
            "that numbers would stand under another's name. Hand over the same for every setting."
        )
