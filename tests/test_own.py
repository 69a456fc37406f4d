"""A model and data of one's own: methods, what they want stored, and retraining."""

import json
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from unlearnlib import (
    EMMN,
    PGU,
    SSD,
    FineTune,
    Labelled,
    Moments,
    Original,
    OwnScenario,
    Recipe,
    Retrain,
    Splits,
    rng,
    run,
    train,
    unlearn,
)
from unlearnlib.errors import AccessError, DataError, NonFiniteError, RequestError
from unlearnlib.offers import ordered
from unlearnlib.report import show_summary, summary
from unlearnlib.runs.tidy import hyper_parameters
from unlearnlib.training import seeded as drawing_from

from .toys import seeded

RECIPE = Recipe(epochs=3, lr=0.1, batch_size=16)


class Net(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


def rows(n: int, seed: int) -> Labelled:
    y = torch.arange(n) % 3
    return Labelled(torch.randn(n, 4, generator=seeded(seed)) + y[:, None], y)


def own(**changes: Any) -> OwnScenario:
    data, test = rows(48, 0), rows(12, 1)
    splits = Splits.of(
        forget=data[data.y == 2], retain=data[data.y < 2], test=test, validation=rows(9, 2)
    )
    with drawing_from(seeded(0)):
        model = train(Net(), data, RECIPE, seeded(0))
    given: dict[str, Any] = {"model": model, "splits": splits, **changes}
    return OwnScenario(**given)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNLEARNLIB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_method_gets_what_is_stored_of_the_whole_training_set() -> None:
    scenario, method = own(), SSD(alpha=1.0)
    whole = Labelled(
        torch.cat([scenario.splits.retain.x, scenario.splits.forget.x]),
        torch.cat([scenario.splits.retain.y, scenario.splits.forget.y]),
    )
    fisher = method.stored.of(scenario.model.eval(), whole)
    wanted = method(scenario.model, forget=scenario.splits.forget, fisher=fisher)
    assert_close(unlearn(method, scenario).model.state_dict(), wanted.state_dict())


def test_what_is_stored_is_made_once() -> None:
    scenario = own()
    fisher = scenario.stored(SSD().stored)
    assert scenario.stored(SSD(alpha=3.0).stored) is fisher
    assert scenario.stored(SSD(group=4).stored) is not fisher
    assert scenario.stored(Moments()) is scenario.stored(PGU().stored)


def test_retraining_never_sees_the_forget_set() -> None:
    scenario = own(factory=Net, recipe=RECIPE)
    retrained: Any = unlearn(Retrain(), scenario, 7).model
    generator = rng("method", 7)
    wanted = train(scenario.fresh_model(generator), scenario.splits.retain, RECIPE, generator)
    assert_close(retrained.state_dict(), wanted.state_dict(), rtol=0, atol=0)
    other: Any = unlearn(Retrain(), scenario, 8).model
    assert not torch.equal(other[0].weight, retrained[0].weight)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_the_factory_makes_is_of_the_dtype_of_the_model(dtype: torch.dtype) -> None:
    """Whatever that of its class is."""
    scenario, splits = own(), own().splits
    parts: dict[str, Any] = {
        name: Labelled(data.x.to(dtype), data.y) for name in ("forget", "retain", "test")
        if (data := getattr(splits, name))
    }  # fmt: skip
    model = scenario.model.to(dtype)
    given: dict[str, Any] = {"model": model, "splits": Splits.of(**parts), "recipe": RECIPE}
    for factory in (Net, lambda: Net().double(), lambda: Net().to("cpu", torch.float16)):
        retrained = unlearn(Retrain(), own(**given, factory=factory)).model
        assert {p.dtype for p in retrained.parameters()} == {dtype}


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({}, "Retrain names fresh_model and recipe, .* OwnScenario"),
        ({"factory": Net}, "Retrain names recipe,"),
        ({"recipe": RECIPE}, "Retrain names fresh_model,"),
    ],
)
def test_retraining_needs_a_factory_and_a_recipe(given: dict[str, Any], match: str) -> None:
    with pytest.raises(AccessError, match=match):
        unlearn(Retrain(), own(**given))
    with pytest.raises(AccessError, match="no factory"):
        own().fresh_model(seeded(0))


def test_the_trained_model_is_no_untrained_network() -> None:
    """Nor is one that shares a layer with it: what is retrained would be the original."""
    scenario = own(recipe=RECIPE)
    for factory in (lambda: scenario.model, lambda: nn.Sequential(nn.Linear(4, 4), scenario.model)):
        with pytest.raises(AccessError, match="returns the trained model itself"):
            unlearn(Retrain(), own(model=scenario.model, factory=factory, recipe=RECIPE))


def test_the_model_stays_as_it_is_and_nothing_is_cached(cache: Path) -> None:
    scenario = own(factory=Net, recipe=RECIPE)
    scenario.model.train()
    before = {name: value.clone() for name, value in scenario.model.state_dict().items()}
    for method in (SSD(alpha=1.0), Retrain()):
        run(method, scenario)
    assert scenario.model.training
    assert_close(dict(scenario.model.state_dict()), before, rtol=0, atol=0)
    assert not cache.exists()


def test_a_model_of_nan_is_refused() -> None:
    scenario = own()
    with torch.no_grad():
        scenario.model[0].bias.fill_(torch.nan)  # type: ignore[index]
    with pytest.raises(NonFiniteError):
        run(Original(), scenario)


def test_what_kind_of_request_it_is() -> None:
    scenario, some = own(), torch.arange(4)
    assert scenario.request == "class"
    data = scenario.train
    splits = Splits.of(forget=data[some], retain=data[4 + some], test=rows(12, 1))
    assert own(splits=splits).request == "random"


def test_classes_are_told_where_each_example_has_one() -> None:
    data, some = Labelled(torch.randn(9, 4), torch.eye(3).repeat(3, 1)), torch.arange(4)
    made = own(splits=Splits.of(forget=data[some], retain=data[4 + some], test=data[8 + some[:1]]))
    with pytest.raises(RequestError, match=r"several labels here.*use another method"):
        made.offers(0, EMMN())


def test_the_order_of_the_releases() -> None:
    scenario = own()
    assert torch.equal(ordered(scenario, "data").x, scenario.train.x)
    assert ordered(scenario, "release").y.tolist() == [0] * 16 + [1] * 16 + [2] * 16


def test_a_report_reads_its_runs() -> None:
    scenario = own(factory=Net, recipe=RECIPE, seed=4)
    table = pd.concat([run(method, scenario) for method in (Original(), Retrain(), SSD(1.0))])
    shown = str(show_summary(summary(table, [("accuracy", "test_forget")])))
    assert set(table["seed_model"]) == {4}
    assert "Sees stored or held-out data too" in shown
    assert set(table["model"]) == {"Net"}


def test_its_runs_are_told_apart_by_their_settings() -> None:
    scenario = own(factory=Net, recipe=RECIPE)
    table = pd.concat([run(FineTune(epochs=1, lr=lr), scenario) for lr in (0.001, 0.1)])
    shown = str(show_summary(summary(table, [("accuracy", "forget")])))
    assert "lr = 0.001" in shown
    assert "lr = 0.1" in shown


@pytest.mark.parametrize(
    ("alike", "told"),
    [
        ({"test": torch.tensor([1, 0, 1])}, r"must be a mask of bool, \(3,\)"),
        ({"test": torch.tensor([True])}, r"must be a mask of bool, \(3,\)"),
        ({"test": [True, False, True]}, r"must be a mask of bool, \(3,\)"),
        ({"tests": torch.tensor([True, False, True])}, "a mask of 'tests'"),
    ],
)
def test_what_is_alike_is_a_mask(alike: dict[str, Any], told: str) -> None:
    parts = {name: rows(n, seed) for seed, (name, n) in enumerate(
        {"forget": 4, "retain": 4, "test": 3}.items())}  # fmt: skip
    with pytest.raises(DataError, match=told):
        Splits.of(**parts, alike=alike)
    mask = torch.tensor([True, False, True])
    assert len(Splits.of(**parts, alike={"test": mask}).test_forget) == 2


@dataclass(frozen=True)
class Named:
    """A method of one's own with dials that a table, or JSON, has no room for."""

    value: float = 0.3
    split: str = "none"
    optimiser: Any = torch.optim.SGD

    def __call__(self, model: nn.Module, *, forget: Labelled) -> nn.Module:
        return deepcopy(model)


def test_no_dial_stands_in_the_place_of_a_measurement() -> None:
    with pytest.warns(UserWarning, match="changed no parameter"):
        table = run(Named(), own())
    plain = run(Original(), own())
    both = table.merge(plain, on=["metric", "split"], suffixes=("", "_plain"))
    told = both[both["metric"] == "accuracy"]
    assert len(told) > 3
    assert (told["value"] == told["value_plain"]).all()
    assert json.loads(table["params"].iloc[0])["value"] == 0.3
    assert hyper_parameters(table) == ["optimiser"]
