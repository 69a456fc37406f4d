"""What a recipe buys: one line a recipe, of a network that is trained as everywhere."""

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
from torch import nn

from unlearnlib import Labelled
from unlearnlib.data import Dataset
from unlearnlib.runs.one_run import outputs


@pytest.fixture
def bench(of_book: Callable[[str], ModuleType]) -> ModuleType:
    """book/bench_recipes.py."""
    return of_book("bench_recipes")


def options(**changes: object) -> Namespace:
    values = {
        "dataset": "toy", "network": "mlp_16", "epochs": 2, "lr": 0.1, "batch": 32,
        "weight_decay": 0.0, "seed": 0, "threads": 0, "device": "cpu",
    }  # fmt: skip
    return Namespace(**(values | changes))


def test_a_line_has_what_the_network_knows_and_tells(
    bench: ModuleType, toy: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def train(model: nn.Module, data: Labelled, *rest: object) -> object:
        made.append((model, len(data)))
        return true_train(model, data, *rest)

    true_train = bench.train
    monkeypatch.setattr(bench, "train", train)
    monkeypatch.setattr(bench, "load", lambda name: toy)
    found = bench.line(options())
    ((model, n),) = made
    assert n == len(toy.train)
    for part, what in ((toy.train, "training (%)"), (toy.test, "test (%)")):
        right = (outputs(model, part.x).argmax(1) == part.y).double().mean().item()
        assert found[what] == pytest.approx(100 * right)
    again = bench.line(options())
    assert {**again, "core seconds": 0} == {**found, "core seconds": 0}
    assert bench.line(options(seed=1))["test (%)"] != found["test (%)"]


def test_a_table_keeps_one_line_a_recipe(bench: ModuleType, tmp_path: Path) -> None:
    one = dict.fromkeys(bench.KEYS, 1) | {"dataset": "a", "network": "b", "test (%)": 1.5}
    for changed in ({}, {"lr": 2}, {"test (%)": 2.5}):
        bench.kept(tmp_path / "table.csv", one | changed)
    table = pd.read_csv(tmp_path / "table.csv")
    assert table[["lr", "test (%)"]].to_numpy().tolist() == [[2, 1.5], [1, 2.5]]
