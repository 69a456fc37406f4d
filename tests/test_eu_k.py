"""EU-k and CF-k: what is frozen stays, and what is not is retrained or trained further."""

from copy import deepcopy
from itertools import islice
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts
from torch.testing import assert_close

from unlearnlib import CFK, EUK, Dataset, FineTune, Labelled, Recipe, Retrain
from unlearnlib.errors import UnsupportedModelError
from unlearnlib.methods.parts.last_layers import last_layers
from unlearnlib.models import build

from .made_forgetting import forgotten_and_kept
from .made_offers import assert_same, factory, network, offers, state, unlearned
from .toys import seeded


def convolutions() -> nn.Module:
    """Convolutions, BatchNorm after each, and two linear layers with a LayerNorm between."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3),
            nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 6), nn.LayerNorm(6), nn.Linear(6, 3),
        ).double()  # fmt: skip


def images(n: int, seed: int) -> Labelled:
    x = torch.randn(n, 1, 6, 6, dtype=torch.float64, generator=seeded(seed))
    return Labelled(x, torch.arange(n) % 3)


RETAIN = images(11, 1)


@pytest.mark.parametrize(
    ("k", "names"),
    [(1, "8"), (2, "678"), (3, "345678"), (4, "012345678")],
)
def test_layers_are_counted_from_the_end_and_norms_ride_along(k: int, names: str) -> None:
    model = convolutions()
    own = {module for module in last_layers(model, k) if not list(module.children())}
    assert own == {model.get_submodule(name) for name in names}


def test_more_layers_than_there_are_are_refused() -> None:
    for method in (EUK(3), CFK(3)):
        with pytest.raises(UnsupportedModelError, match=r"Sequential has 2 .* no last 3\. Take"):
            unlearned(method, network(), offers())


@pytest.mark.parametrize("in_train_mode", [False, True])
def test_all_layers_from_scratch_are_retraining(in_train_mode: bool) -> None:
    methods = EUK(2, in_train_mode), Retrain()
    assert_same(*(state(unlearned(method, network(), offers())) for method in methods))


def test_all_layers_trained_on_are_fine_tuning() -> None:
    fields = {"epochs": 4, "lr": 0.05, "momentum": 0.8, "weight_decay": 0.01, "batch_size": 7}
    methods = CFK(2, lr_end=0.05, **fields), FineTune(**fields)  # type: ignore[arg-type]
    assert_same(*(state(unlearned(method, network(), offers())) for method in methods))


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("cls", [EUK, CFK])
@pytest.mark.parametrize("released", [False, True])
def test_what_is_frozen_stays_under_decay_and_momentum(cls: Any, k: int, released: bool) -> None:
    """In train mode BatchNorm's statistics move, as in the release, and nothing else."""
    method = cls.as_released(k=k) if released else cls(k=k)
    given, model = offers(), convolutions()
    given.retain, given.fresh_model = RETAIN, lambda generator: convolutions()
    given.recipe = Recipe(2, 0.05, 0.9, weight_decay=0.5, batch_size=4)
    before, after = state(model), state(unlearned(method, model, given))
    first = {1: "8", 2: "6", 3: "3"}[k]
    for name, value in after.items():
        moved = name >= first or (released and name.partition(".")[2].startswith(("run", "num")))
        assert torch.equal(value, before[name]) != moved, name


def test_features_computed_once_give_the_same() -> None:
    """SGD by hand on the features of the frozen part."""
    method = CFK(k=2, epochs=4, lr=0.1, lr_end=0.02, weight_decay=0.01, batch_size=4)
    model = convolutions().eval()
    with torch.no_grad():
        features = model[:6](RETAIN.x)  # type: ignore[index]
    head = deepcopy(model[6:])  # type: ignore[index]
    parameters, source = list(head.parameters()), seeded()
    velocities = [torch.zeros_like(p) for p in parameters]
    torch.randint(2**31, (), generator=source)  # what seeds dropout
    for eta in (0.1, 0.1, 0.06, 0.1):  # cycles of one, two and four epochs; half-way, their mean
        for batch in torch.randperm(11, generator=source).split(4):
            loss = cross_entropy(head(features[batch]), RETAIN.y[batch])
            gradients = torch.autograd.grad(loss, parameters)
            for p, v, g in zip(parameters, velocities, gradients, strict=True):
                v.copy_(0.9 * v + g + 0.01 * p.data)
                p.data -= eta * v
    result = method(model, retain=RETAIN, generator=seeded())
    assert_close(state(result[6:]), state(head))  # type: ignore[index]


@pytest.mark.parametrize("epochs", [1, 30, 62])
def test_the_rates_are_warm_restarts(epochs: int) -> None:
    sgd = SGD([torch.zeros(1)], 0.1)
    schedule = CosineAnnealingWarmRestarts(sgd, 1, T_mult=2, eta_min=0.005)
    for eta in (rates := CFK(epochs=epochs).rates()):
        assert eta == pytest.approx(sgd.param_groups[0]["lr"], rel=1e-12)
        schedule.step()
    assert not list(rates)
    assert len(list(islice(CFK(epochs=epochs).rates(), 99))) == epochs


@pytest.mark.parametrize("released", [False, True])
def test_without_steps_the_last_layers_are_untrained(released: bool) -> None:
    given, model = offers(), network()
    given.recipe = Recipe(1, lr=0.0, batch_size=99)
    method = EUK.as_released(k=2) if released else EUK(k=2)
    after, before = (state(net) for net in (unlearned(method, model, given), model))
    drawn = state(factory(torch.float64)(seeded()))
    for name in ("0.weight", "0.bias", "4.weight", "4.bias", "1.weight", "1.bias"):
        kept = released and name.startswith("1")
        assert torch.equal(after[name], (before if kept else drawn)[name]), name
    mean = 0.1 * nn.functional.linear(given.retain.x, drawn["0.weight"], drawn["0.bias"]).mean(0)
    mean += 0.9 * before["1.running_mean"] if released else 0.0  # one batch was seen
    assert_close(after["1.running_mean"], mean)


def test_presets() -> None:
    assert EUK.as_released(k=3) == EUK(3, frozen_in_train_mode=True, reset_rest=False)
    assert CFK.as_released(lr=0.2) == CFK(lr=0.2, frozen_in_train_mode=True)


def test_last_layers_that_are_frozen_are_refused() -> None:
    model = network()
    model[-1].requires_grad_(False)  # type: ignore[index]
    for method in (EUK(), CFK()):
        with pytest.raises(UnsupportedModelError, match=r"last k = 1 layers of Seq.*a larger k\.$"):
            unlearned(method, model, offers())
        assert not unlearned(type(method)(k=2), model, offers()).training


@pytest.mark.parametrize("name", ["resnet18_mini", "patch_transformer"])
def test_they_work_where_layers_are_nested(name: str) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build(name, (1, 8, 8), 3)
    x = torch.randn(9, 1, 8, 8, generator=seeded())
    result = CFK(k=3, epochs=2)(model, retain=Labelled(x, torch.arange(9) % 3), generator=seeded())
    moved = [n for n, p in result.named_parameters() if not torch.equal(p, model.get_parameter(n))]
    names = [name for name, _ in model.named_parameters()]
    assert moved == names[-len(moved) :]
    assert sum(result.get_parameter(name).dim() > 1 for name in moved) == 3


def test_a_class_is_forgotten_from_scratch_and_the_rest_kept(toy: Dataset) -> None:
    for accuracy, loss, kept in forgotten_and_kept(EUK(), toy):
        assert accuracy <= 0.05
        assert loss > 1
        assert kept >= 0.95


def test_training_on_forgets_little_where_the_rest_is_known_by_heart(toy: Dataset) -> None:
    """There is no slope left: the losses are about 0.001 before."""
    for accuracy, loss, kept in forgotten_and_kept(CFK(), toy):
        assert accuracy >= 0.95
        assert loss < 0.01
        assert kept >= 0.95
