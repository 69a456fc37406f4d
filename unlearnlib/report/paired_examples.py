"""Tests that pair the examples of one data set rather than runs."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from ..errors import SpecError


def wilcoxon(samples: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """Return Wilcoxon's signed-rank test of every pair of models, paired by example.

    On thousands of examples p is tiny for differences that nobody would notice, so the size of the
    difference stands beside it. The p of the null hypothesis, that the differences are symmetric
    around zero, is about the examples of these two models: it says nothing about another training
    seed. If all differences are zero p is 1.

    >>> wilcoxon({"a": [1.0, 2.0, 3.0], "b": [0.0, 0.0, 0.0]})[["pair", "median", "p"]].values
    array([['a − b', 2.0, 0.25]], dtype=object)

    Args:
        samples: Values by method label, for the same examples in the same order.

    Returns:
        pair, mean and median (of the differences, in the unit of the values), share (of examples
        whose difference is positive), p, n; one pair a row. NaN if a value is not finite.

    Raises:
        SpecError: The samples are not of the same one or more examples.
    """
    values = {name: np.asarray(sample, dtype=float) for name, sample in samples.items()}
    shapes = {value.shape for value in values.values()}
    if len(shapes) > 1 or any(len(shape) != 1 or not shape[0] for shape in shapes):
        raise SpecError(
            f"A test that pairs examples was given values of shapes {sorted(shapes)}. Give one "
            "value of each model for each of the same examples."
        )
    rows = []
    for left, right in combinations(values, 2):
        d = values[left] - values[right]
        if not np.isfinite(d).all():
            rows.append({"pair": f"{left} − {right}", "n": int(np.isfinite(d).sum())})
            continue
        rows.append(
            {
                "pair": f"{left} − {right}",
                "mean": d.mean(),
                "median": float(np.median(d)),
                "share": float((d > 0).mean()),
                "p": float(stats.wilcoxon(d).pvalue) if d.any() else 1.0,
                "n": len(d),
            }
        )
    return pd.DataFrame(rows, columns=["pair", "mean", "median", "share", "p", "n"])
