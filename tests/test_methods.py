"""The baselines: original, retrained, fine-tuned."""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from unlearnlib import Dataset, FineTune, Labelled, Original, Recipe, Retrain, training
from unlearnlib.models import Factory, build
from unlearnlib.training import train

from .toys import seeded

RECIPE = Recipe(1, lr=0.05, batch_size=16)


def fresh(name: str = "vgg_mini_bn") -> Factory:
    """A factory of networks for the toy."""

    def fresh_model(source: torch.Generator) -> nn.Module:
        with training.seeded(source):
            return build(name, (1, 8, 8), 3)

    return fresh_model


def retrain(model: nn.Module, retain: Labelled, seed: int = 0, again: int = 0) -> nn.Module:
    return Retrain(again)(
        model, retain=retain, fresh_model=fresh(), recipe=RECIPE, generator=seeded(seed)
    )


def states(one: nn.Module, other: nn.Module) -> list[tuple[str, Tensor, Tensor]]:
    """The same entry of both models, by name."""
    entries = other.state_dict()
    return [(name, entry, entries[name]) for name, entry in one.state_dict().items()]


def test_the_original_is_a_copy() -> None:
    model = fresh()(seeded())
    result = Original()(model)
    assert result is not model
    assert not result.training
    assert model.training
    for name, p, q in states(model, result):
        assert torch.equal(p, q), name
        assert p.data_ptr() != q.data_ptr(), name


class TestRetrain:
    def test_again_is_another_model_of_the_same_seed(self, toy: Dataset) -> None:
        original, kept = fresh()(seeded()), toy.train[toy.train.y != 1]
        models = [retrain(original, kept, seed=3, again=again) for again in (0, 1, 2, 1)]
        weights = [torch.cat([p.flatten() for p in model.parameters()]) for model in models]
        assert torch.equal(weights[1], weights[3])
        for one, other in ((0, 1), (0, 2), (1, 2)):
            assert (weights[one] != weights[other]).double().mean() > 0.5

    def test_every_parameter_is_made_anew(self, toy: Dataset) -> None:
        original = train(fresh()(seeded(5)), toy.train, RECIPE, seeded(5))
        result = retrain(original, toy.train[toy.train.y != 1])
        for name, p, q in states(original, result):
            if name.endswith("num_batches_tracked"):
                continue
            assert (p != q).double().mean() > 0.5, name

    def test_nothing_of_the_model_is_used(self, toy: Dataset) -> None:
        poisoned = fresh()(seeded(5))
        for value in poisoned.state_dict().values():
            value.copy_(torch.full_like(value, torch.nan if value.is_floating_point() else -1))
        retain = toy.train[toy.train.y != 1]
        for name, p, q in states(retrain(poisoned, retain), retrain(fresh()(seeded()), retain)):
            assert torch.equal(p, q), name
            assert p.isfinite().all(), name

    def test_with_nothing_to_forget_it_is_training(self, toy: Dataset) -> None:
        source = seeded(3)
        trained = train(fresh()(source), toy.train, RECIPE, source)
        for name, p, q in states(trained, retrain(nn.Linear(1, 1), toy.train, seed=3)):
            assert torch.equal(p, q), name

    def test_oracles_of_two_seeds_differ(self, toy: Dataset) -> None:
        one, two = (retrain(nn.Linear(1, 1), toy.train, seed) for seed in (0, 1))
        assert not any(map(torch.equal, one.parameters(), two.parameters()))

    def test_the_recipe_is_followed(self, toy: Dataset) -> None:
        longer = Retrain()(
            nn.Linear(1, 1), retain=toy.train, fresh_model=fresh(),
            recipe=Recipe(2, lr=0.05, batch_size=60), generator=seeded(),
        )  # fmt: skip
        assert longer.state_dict()["features.1.num_batches_tracked"] == 4


class TestFineTune:
    def test_it_takes_the_steps_of_sgd(self) -> None:
        """Loops over epochs, batches and examples; the generator orders the batches."""
        x = torch.randn(10, 4, dtype=torch.float64, generator=seeded(1))
        retain = Labelled(x, torch.arange(10) % 3)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double().eval()
        method = FineTune(epochs=3, lr=0.1, momentum=0.8, weight_decay=0.01, batch_size=4)
        reference, source = deepcopy(model), seeded()
        torch.randint(2**31, (), generator=source)  # what seeds dropout
        parameters = list(reference.parameters())
        velocities = [torch.zeros_like(p) for p in parameters]
        for _ in range(3):
            order = torch.randperm(10, generator=source)
            for batch in (order[:4], order[4:8], order[8:]):
                z = reference(retain.x[batch])
                total: Any = sum(cross_entropy(z[i], retain.y[batch][i]) for i in range(len(batch)))
                gradients = torch.autograd.grad(total / len(batch), parameters)
                for p, v, g in zip(parameters, velocities, gradients, strict=True):
                    v.copy_(0.8 * v + g + 0.01 * p.data)
                    p.data -= 0.1 * v
        result = method(model, retain=retain, generator=seeded())
        for name, ours, by_hand in states(result, reference):
            assert_close(ours, by_hand, msg=name)

    def test_the_defaults_are_those_of_the_release(self) -> None:
        assert FineTune() == FineTune(
            epochs=5, lr=0.02, momentum=0.9, weight_decay=5e-4, batch_size=128
        )

    def test_a_rate_of_zero_changes_nothing(self, toy: Dataset) -> None:
        model = fresh("mlp")(seeded())
        result = FineTune(lr=0.0)(model, retain=toy.train, generator=seeded())
        assert all(map(torch.equal, model.parameters(), result.parameters()))

    def test_it_lowers_the_loss_on_the_retain_set(self, toy: Dataset) -> None:
        model, retain = fresh("mlp")(seeded()).eval(), toy.train[toy.train.y != 1]
        result = FineTune(batch_size=8)(model, retain=retain, generator=seeded())
        before, after = (cross_entropy(net(retain.x), retain.y) for net in (model, result))
        assert after < 0.5 * before
