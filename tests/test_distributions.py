"""Histograms of outputs: counted one by one, and beside the recorded means of the same runs."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from unlearnlib import Grid, metrics, outputs, read_records
from unlearnlib.errors import SpecError
from unlearnlib.locations import committed_records
from unlearnlib.runs.distributions import NATS, entropy_shares
from unlearnlib.runs.one_run import unlearn

from .toys import seeded

BINS = [f"b{i}" for i in range(len(NATS) - 1)]
TABLES = {  # of an experiment: its part, that of its grid and the network; what is swept, and not
    "jit-sensitivity": ("jit-sensitivity", "strided_cnn_plain", ["sigma", "lr"], {"noises": 5}),
    "dampening": ("dampening-sensitivity", "strided_cnn_plain", ["alpha"], {"lam": 1}),
    "pgu-sensitivity": ("pgu-sensitivity", "mlp", ["gamma", "share"], {}),
    "nabla_tau-grid": ("nabla_tau-grid", "mlp", ["alpha"], {}),
}


def test_every_score_is_counted_in_its_bin() -> None:
    values = torch.rand(500, generator=seeded(0)) * 1.2 - 0.1
    edges = [0.0, 0.25, 0.5, 0.9, 1.0]
    values[:3] = torch.tensor([0.25, 1.0, 0.0])
    counts = [0] * 4
    for value in values.tolist():
        (at,) = [
            i
            for i in range(4)
            if (value >= edges[i] or i == 0) and (value < edges[i + 1] or i == 3)
        ]
        counts[at] += 1
    assert metrics.histogram(values, edges).tolist() == [count / 500 for count in counts]


def test_the_ends_of_a_bounded_score_are_inside() -> None:
    same = metrics.entropy(torch.zeros(1, 10))
    sure = metrics.entropy(1000 * torch.eye(10)[:1])
    shares = metrics.histogram(torch.cat([same, sure]), NATS)
    assert shares.tolist() == [0.5, *[0.0] * 8, 0.5]


def test_a_score_that_is_none_makes_no_share() -> None:
    assert metrics.histogram(torch.tensor([0.1, math.nan]), [0, 1]).isnan().all()
    assert metrics.histogram(torch.tensor([]), [0, 1]).isnan().all()


@pytest.mark.parametrize("edges", [[], [1.0], [0, 1, 1], [1, 0]])
def test_edges_that_do_not_grow_are_refused(edges: list[float]) -> None:
    with pytest.raises(SpecError, match="are no ends of bins"):
        metrics.histogram(torch.tensor([0.1]), edges)


def test_the_models_are_those_of_the_runs() -> None:
    methods = {"Original": {}, "JiT": {"sigma": 0.5, "lr": 0.1, "noises": 1}}
    setup = ("fashion_small", "mlp", ["class:Bag", "random:0.1"], {"epochs": 1})
    grid = Grid("try", "laptop", *setup, methods, [3, 4])
    table = entropy_shares(grid.runs(), ["forget", "test_forget"], ["sigma"], [0, 0.5, 3])
    assert table.drop(columns=["b0", "b1"]).to_numpy().tolist() == [
        [name, request, {"Original": ""}.get(name, "0.5"), split, seed]
        for request in grid.requests for seed in grid.seeds for name in methods
        for split in ["forget", "test_forget"][: 2 if request == "class:Bag" else 1]
    ]  # fmt: skip
    run = [*grid.runs()][-1]
    model = unlearn(run.method, run.scenario, run.seed).model
    values = metrics.entropy(outputs(model, run.scenario.splits.forget.x))
    below = sum(value < 0.5 for value in values.tolist()) / len(values)
    assert table.iloc[-1][["b0", "b1"]].tolist() == pytest.approx([below, 1 - below], abs=1e-4)


@pytest.mark.parametrize("part", TABLES)
def test_recorded_histograms_agree_with_the_recorded_means(part: str) -> None:
    """The mean entropy of a run lies between those of the lower and of the upper edges."""
    of_grid, model, by, fixed = TABLES[part]
    path = committed_records() / part / "laptop.entropies.csv"
    assert path.stat().st_size < 60_000
    table = pd.read_csv(path, header=1)
    assert np.allclose(table[BINS].sum(axis=1), 1, atol=1e-3)
    keys = ["method", "request", "split", "seed_model"]
    assert not table.duplicated([*keys, *by]).any()
    runs = read_records(of_grid, "laptop")
    runs = runs[(runs["metric"] == "entropy") & (runs["model"] == model)]
    for name, value in fixed.items():  # other values are those of sections of their own
        runs = runs[runs[name].isna() | (runs[name].astype(float) == value)]
    numbers = [name for name in by if name != "share"]
    both = table.merge(runs.astype(dict.fromkeys(numbers, float)), on=[*keys, *by])
    low, high = (both[BINS].to_numpy() @ np.array(ends) for ends in (NATS[:-1], NATS[1:]))
    assert len(both) >= 150
    assert both["value"].between(low - 1e-3, high + 1e-3).all()
