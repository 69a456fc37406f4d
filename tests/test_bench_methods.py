"""What the methods of pages cost: which runs are timed, and that the least time is kept."""

from argparse import Namespace
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from unlearnlib import Grid
from unlearnlib.errors import NonFiniteError


@pytest.fixture
def bench(of_book: Callable[[str], ModuleType]) -> ModuleType:
    """book/bench_methods.py."""
    return of_book("bench_methods")


def grid(part: str = "jit", **changes: Any) -> Grid:
    fields: dict[str, Any] = {
        "part": part, "scale": "laptop", "dataset": "fashion_small", "model": "mlp",
        "requests": ["class:Bag", "class:Shirt"], "training": {"epochs": 1}, "seeds": [4, 5],
        "methods": {"Original": {}, "Retrain": {}, "FineTune": {"lr": 0.1}},
    }  # fmt: skip
    return Grid(**(fields | changes))


def test_every_method_is_timed_once_on_one_model_and_no_training_is(bench: ModuleType) -> None:
    other = grid(
        "dampening",
        requests=["class:Coat"],
        training={"epochs": 2},
        methods={"Original": {}, "FineTune": {"lr": 0.5}, "ASSD": {}},
    )
    found = list(bench.runs([grid(), other]))
    assert [(run.label, run.request, run.seed) for run in found] == [
        ("FineTune", "class:Bag", 4), ("ASSD", "class:Bag", 4),
    ]  # fmt: skip
    assert found[0].options == {"lr": 0.1}
    assert found[0].scenario.identity() == found[1].scenario.identity()


def test_pages_of_other_data_are_refused(bench: ModuleType) -> None:
    with pytest.raises(ValueError, match="jit is on cifar10 with mlp, but jit on fashion_small"):
        list(bench.runs([grid(), grid(dataset="cifar10")]))


def test_the_least_of_the_rounds_is_kept_and_a_run_that_diverges_changes_nothing(
    bench: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = iter([{"passes": 2.0, "seconds_cpu": 3.0}, {"passes": 2.0, "seconds_cpu": 5.0}, None])

    def unlearn(*given: Any) -> SimpleNamespace:
        cost = next(costs)
        if cost is None:
            raise NonFiniteError("NaN")  # as the method itself does
        return SimpleNamespace(cost=cost | {"change_norm": 1.0})

    monkeypatch.setattr(bench, "unlearn", unlearn)
    run, spent = next(bench.runs([grid()])), dict[str, float]()
    for _ in range(3):
        spent = bench.timed(run, None, spent)
    assert spent == {"passes": 2.0, "seconds_cpu": 3.0}


def test_the_table_says_of_what_and_where(
    bench: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "grid_of", lambda path: grid())
    monkeypatch.setattr(bench, "timed", lambda run, scenario, spent: {"seconds_cpu": 7.0})
    o = Namespace(threads=0, repeats=2, device="cpu", load="none")
    (row,) = bench.table(["a/page"], o).to_dict("records")
    assert (row["method"], row["request"], row["seconds"]) == ("FineTune", "class:Bag", 7.0)
    assert row["rounds"] == 2
    assert row["device"]
