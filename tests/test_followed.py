"""A method followed step by step: what is granted, and what metrics say of each model."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from unlearnlib import PGU, Labelled, NablaTau, Recipe, Scenario, measure, metrics, unlearn
from unlearnlib.runs.followed import descent, followed, iterates, metric_on


def test_a_metric_is_of_a_model_on_data(model: nn.Module) -> None:
    x = torch.randn(9, 4, dtype=torch.float64)
    data = Labelled(x, model(x).argmax(1))
    assert metric_on(metrics.accuracy, model, data) == 1.0
    assert metric_on(metrics.margin, model, data).shape == (9,)


def test_every_model_is_looked_at_before_it_changes() -> None:
    layer = nn.Linear(2, 2).double()
    x = torch.eye(2, dtype=torch.float64)
    parts = {"right": Labelled(x, torch.tensor([0, 1])), "wrong": Labelled(x, torch.tensor([1, 0]))}

    def turning() -> Iterator[nn.Module]:
        for sign in (2.0, -2.0):  # one object, whose answers turn round
            with torch.no_grad():
                layer.weight.copy_(sign * torch.eye(2))
                layer.bias.zero_()
            yield layer

    frame = followed(turning(), parts, {"accuracy": metrics.accuracy, "loss": metrics.loss})
    assert frame["accuracy"].to_numpy().tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert frame["loss"]["right"][0] < frame["loss"]["wrong"][0]
    assert frame.index.name == "step"


@pytest.mark.usefixtures("lab")
def test_the_last_iterate_is_what_the_method_returns() -> None:
    method = NablaTau(batch_size=32)
    recipe = Recipe(epochs=2, lr=0.05, batch_size=32)
    scenario = Scenario("toy", "mlp", "random:0.2", recipe, validation=0.2)
    *_, last = iterates(method, scenario, 3)
    whole = unlearn(method, scenario, 3).model
    assert measure(last, scenario.splits) == measure(whole, scenario.splits)


@pytest.mark.usefixtures("lab")
def test_a_descent_begins_with_the_original_and_ends_where_pgu_without_a_stop_does() -> None:
    method = PGU(epochs=3, lr=0.5, stop=None)
    recipe = Recipe(epochs=2, lr=0.05, batch_size=32)
    scenario = Scenario("toy", "mlp", "random:0.2", recipe, validation=0.2)
    models = descent(method, scenario, 3)
    first = measure(next(models), scenario.splits)
    assert first == measure(scenario.original[0], scenario.splits)
    *others, last = models
    assert len(others) == 2
    assert measure(last, scenario.splits) == measure(
        unlearn(method, scenario, 3).model, scenario.splits
    )
