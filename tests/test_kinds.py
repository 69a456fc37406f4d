"""A class, a dictionary, a module or a number in the place of what is wanted: one sentence each."""

from typing import Any

import pytest
import torch
from torch import nn

from unlearnlib import (
    GradientSpace,
    JiT,
    Labelled,
    Original,
    OwnScenario,
    Recipe,
    Splits,
    access,
    evaluate,
    finite_sensitivity,
    fisher_diagonal,
    measure,
    outputs,
    run,
    train,
    tune,
    unlearn,
)
from unlearnlib.errors import AccessError, DataError, SpecError, UnsupportedModelError
from unlearnlib.scenario import Scenario

from .made_offers import network, offers, unlearned
from .test_conformance import CASES
from .toys import seeded


class Net(nn.Linear):
    """Takes no argument."""

    def __init__(self) -> None:
        super().__init__(6, 3)


RECIPE = Recipe(1, lr=0.1)


def data(seed: int) -> Labelled:
    return Labelled(torch.randn(12, 6, generator=seeded(seed)), torch.arange(12) % 3)


SPLITS = Splits.of(forget=data(0), retain=data(1), test=data(2), validation=data(3))


def names(name: str) -> list[Any]:
    return [pytest.param(m, id=label) for label, m in CASES.items() if name in access(m)]


@pytest.mark.parametrize("wrong", [0, None, "cpu", torch.Generator])
@pytest.mark.parametrize("method", names("generator"))
def test_a_generator_is_no_seed(method: Any, wrong: object) -> None:
    given = offers()
    given.generator = wrong
    with pytest.raises(DataError, match=r"^`generator` must be a torch.Generator, .* not .*manual"):
        unlearned(method, network(), given)


@pytest.mark.parametrize("method", names("recipe"))
def test_a_recipe_is_no_dictionary(method: Any) -> None:
    given = offers()
    given.recipe = {"epochs": 2, "lr": 0.1}
    with pytest.raises(
        SpecError, match=r"not a dict\. Make it with Recipe\(\*\*\{'epochs': 2, 'lr'"
    ):
        unlearned(method, network(), given)
    with pytest.raises(SpecError, match=r"not a type\. Make it with Recipe\(epochs="):
        OwnScenario(Net(), SPLITS, Net, Recipe)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", names("fresh_model"))
def test_a_factory_is_no_module(method: Any) -> None:
    given = offers()
    given.fresh_model = network()
    with pytest.raises(DataError, match=r"^`fresh_model` must be a function of a torch.Generator"):
        unlearned(method, network(), given)
    given.fresh_model = Net
    with pytest.raises(DataError, match=r"too many positional .* Write lambda generator: Net"):
        unlearned(method, network(), given)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"model": Net}, "^Net is a class, and a model is an instance of it"),
        ({"model": "Net"}, "^A str is no torch.nn.Module"),
        ({"factory": Net()}, "not a Net. Hand over what makes one, such as its class"),
        ({"factory": "mlp"}, "^`factory` must be a function of nothing .* not a str"),
        ({"factory": nn.Linear}, r"missing a required argument.*Write lambda: Net\(\.\.\.\)"),
        ({"recipe": {"epochs": 3}}, r"^`recipe` must be a Recipe, not a dict"),
        ({"splits": data(0)}, r"^OwnScenario\.splits must be Splits, not a Labelled\. Make them"),
    ],
)
def test_a_scenario_of_ones_own_is_looked_at_when_it_is_made(
    wrong: dict[str, Any], why: str
) -> None:
    given: dict[str, Any] = {"model": Net(), "splits": SPLITS, "factory": Net, "recipe": RECIPE}
    OwnScenario(**given)
    with pytest.raises((DataError, SpecError, UnsupportedModelError), match=why):
        OwnScenario(**given | wrong)


def test_a_factory_returns_no_class() -> None:
    scenario = OwnScenario(Net(), SPLITS, lambda: Net, RECIPE)  # type: ignore[arg-type,return-value]
    with pytest.raises(UnsupportedModelError, match=r"^Net is a class"):
        scenario.fresh_model(seeded(0))


def test_the_class_of_a_method_is_no_method() -> None:
    scenario, kind = OwnScenario(Net(), SPLITS), JiT
    calls: list[Any] = [
        lambda: run(kind, scenario),  # type: ignore[arg-type]
        lambda: unlearn(kind, scenario),  # type: ignore[arg-type]
        lambda: tune(kind, scenario, lr=[1.0]),  # type: ignore[type-var]
        lambda: access(kind),  # type: ignore[arg-type]
    ]
    for call in calls:
        with pytest.raises(AccessError, match=r"^JiT is a class, and a method .* Write JiT\(\),"):
            call()


def test_the_class_of_a_network_is_no_model() -> None:
    kind: Any = Net
    calls: list[Any] = [
        lambda: JiT()(kind, forget_inputs=data(0).inputs, generator=seeded(0)),
        lambda: Original()(kind),
        lambda: outputs(kind, data(0).x),
        lambda: measure(kind, SPLITS),
        lambda: evaluate({"mine": kind}, SPLITS),
        lambda: fisher_diagonal(kind, data(0)),
        lambda: finite_sensitivity(kind, data(0).inputs, [("bias", 0)], 1e-3),
        lambda: GradientSpace.of(kind, data(0).inputs),
        lambda: train(kind, data(0), RECIPE, seeded(0)),
    ]
    for call in calls:
        with pytest.raises(
            UnsupportedModelError, match=r"^Net is a class, .* model = Net\(\.\.\.\)"
        ):
            call()


@pytest.mark.usefixtures("lab")
def test_a_request_that_is_none_is_refused_before_a_training() -> None:
    scenario = Scenario("toy", "mlp", "class:shoe", RECIPE)
    with pytest.raises(ValueError, match="there is no class 'shoe'"):
        run(Original(), scenario)
    assert not scenario.trained
