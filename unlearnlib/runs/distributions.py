"""How the outputs of unlearned models are distributed, where records hold their means alone."""

import math
from collections.abc import Iterable, Sequence
from itertools import groupby

import pandas as pd

from ..metrics import entropy, histogram
from .grid import Run
from .one_run import outputs, unlearn

NATS = (0.0, 0.0001, 0.001, 0.01, 0.03, 0.1, 0.3, 0.7, 1.1, 1.6, math.log(10))
"""Edges of bins of the entropy of ten classes: fine near 0, where trained models are."""


def entropy_shares(
    runs: Iterable[Run], splits: Sequence[str], by: Sequence[str], edges: Sequence[float] = NATS
) -> pd.DataFrame:
    """Make runs anew, and return the histogram of the entropy of each model on each split.

    Args:
        runs: What to run, those of one scenario together; nothing of it is recorded.
        splits: Names of splits; one that a request does not have gives no row.
        by: Fields of the methods that tell the settings apart; "" where a method lacks one.
        edges: Ends of the bins, in nats.

    Returns:
        A model and split a row: `method`, `request`, the fields, `split`, `seed_model` and the
        shares `b0`, `b1`, … to four digits.
    """
    rows = []
    for scenario, same in groupby(runs, lambda run: run.scenario):
        for run in same:
            model = unlearn(run.method, scenario, run.seed).model
            fields = [str(getattr(run.method, name, "")) for name in by]
            for split in splits:
                if not len(part := getattr(scenario.splits, split)):
                    continue
                shares = histogram(entropy(outputs(model, part.x)), edges)
                of = [run.name, run.request, *fields, split, run.seed]
                rows.append([*of, *(round(share, 4) for share in shares.tolist())])
    bins = [f"b{i}" for i in range(len(edges) - 1)]
    return pd.DataFrame(rows, columns=["method", "request", *by, "split", "seed_model", *bins])
