"""What the methods of pages cost on one model, in turns: Figure 5 of JiT on this device.

    python book/bench_methods.py baselines/full_class jit/full_class --threads 1 --csv FILE

Every method of the pages, at their settings, unlearns the first request of the first page from the
same trained model; the rounds take turns, and the least of a method's times is kept. Retraining
is left out, since it is a training and the table of the book has its time. Importances and
gradient spaces are made beforehand: their own time has a column.
"""

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from bench import parser, where

from unlearnlib import Grid
from unlearnlib.errors import NonFiniteError
from unlearnlib.locations import PACKAGE
from unlearnlib.methods import Original, Retrain
from unlearnlib.runs.grid import Run
from unlearnlib.runs.one_run import unlearn
from unlearnlib.sweep import grid_of

COSTS = {"passes": "passes", "seconds_cpu": "seconds", "seconds_cpu_stored": "seconds (stored)"}
"""What of a run's cost is kept -> its column; on a GPU there are no seconds of a processor."""
KEYS = ["dataset", "model", "request", "method"]


def runs(grids: Iterable[Grid]) -> Iterator[Run]:
    """Yield a run of every method of the grids, all on the first request and seed of the first.

    Raises:
        ValueError: The grids have other data or networks.
    """
    grids, seen = list(grids), set()
    first = grids[0]
    for grid in grids:
        if (grid.dataset, grid.model) != (first.dataset, first.model):
            raise ValueError(
                f"{grid.part} is on {grid.dataset} with {grid.model}, but {first.part} on "
                f"{first.dataset} with {first.model}: name pages of one data set and network."
            )
        one = replace(first, requests=first.requests[:1], seeds=first.seeds[:1])
        for run in replace(one, methods=grid.methods).runs():
            if run.label not in seen and not isinstance(run.method, Original | Retrain):
                seen.add(run.label)
                yield run


def timed(run: Run, scenario: Any, spent: dict[str, float]) -> dict[str, float]:
    """Return the least costs of a run so far; a run that diverges has none."""
    try:
        cost = unlearn(run.method, scenario, run.seed).cost
    except NonFiniteError:
        return spent
    return {k: min(cost[k], spent.get(k, cost[k])) for k in COSTS if k in cost}


def table(pages: Iterable[str], o: argparse.Namespace) -> pd.DataFrame:
    """Return the costs of the pages' methods, a method a row."""
    if o.threads:
        torch.set_num_threads(o.threads)
    grids = [grid_of(PACKAGE.parent / "notebooks" / f"{page}.ipynb") for page in pages]
    taken = list(runs(grids))
    scenario = taken[0].scenario
    spent: list[dict[str, float]] = [{} for _ in taken]
    for turn in range(o.repeats):
        for i, run in enumerate(taken):
            spent[i] = timed(run, scenario, spent[i])
            print(f"round {turn + 1}: {run.label:40} {spent[i]}", flush=True)
    lines = [
        {key: run.identity[key] for key in KEYS} | {COSTS[k]: v for k, v in cost.items()}
        for run, cost in zip(taken, spent, strict=True)
    ]
    return pd.DataFrame(lines).assign(**where(o))


def main() -> None:
    """Measure, print, write it if asked."""
    options = parser(__doc__, repeats=3)
    options.add_argument("pages", nargs="+", metavar="PAGE", help="such as jit/full_class")
    options.add_argument("--csv", metavar="FILE", type=Path)
    o = options.parse_args()
    if o.csv and not o.csv.parent.is_dir():
        options.error(f"there is no folder {o.csv.parent}: make it, or name another file")
    if o.repeats < 1:
        options.error("--repeats must be 1 at least")
    found = table(o.pages, o)
    if o.csv:
        found.to_csv(o.csv, index=False, float_format="%.4g", lineterminator="\n")


if __name__ == "__main__":
    main()
