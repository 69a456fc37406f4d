"""Many models at once against one at a time; the attack where the answer is known."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from unlearnlib import Dataset, Labelled, Recipe
from unlearnlib.audit import attack_scores, fit_attack, precision_recall, roc, train_many
from unlearnlib.audit.reference_attack import features
from unlearnlib.models import build
from unlearnlib.training import train

from .toys import seeded


def networks(name: str, n: int) -> list[nn.Module]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        models = [build(name, (1, 8, 8), 3).double() for _ in range(n)]
    for dropout in (m for model in models for m in model.modules() if isinstance(m, nn.Dropout)):
        dropout.p = 0.0
    return models


@pytest.mark.parametrize("augment", [False, True])
@pytest.mark.parametrize("name", ["mlp", "small_vgg_mini"])
def test_many_models_equal_one_at_a_time(toy: Dataset, name: str, augment: bool) -> None:
    data = Labelled(toy.train.x.double(), toy.train.y)
    recipe = Recipe(2, 0.05, batch_size=32, augment=augment)
    models = networks(name, 3)
    before = [{k: v.clone() for k, v in model.state_dict().items()} for model in models]
    together = train_many(models, data, recipe, [seeded(i) for i in range(3)])
    for i, (model, many) in enumerate(zip(models, together, strict=True)):
        assert all(torch.equal(v, before[i][k]) for k, v in model.state_dict().items())
        alone = train(model, data, recipe, seeded(i))
        assert not many.training
        assert_close(many.state_dict(), alone.state_dict(), rtol=1e-7, atol=1e-9)


def test_dropout_differs_between_models_and_follows_the_generator(toy: Dataset) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Dropout(0.5), nn.Linear(8, 3))
    recipe = Recipe(1, batch_size=40)

    def weights(seed: int) -> list[Tensor]:
        generators = [seeded(seed), seeded(seed)]
        return [m[1].weight for m in train_many([model, model], toy.train, recipe, generators)]  # type: ignore[index]

    torch.manual_seed(5)
    state = torch.get_rng_state()
    (one, two), again, other = weights(0), weights(0), weights(1)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(one, two)
    assert torch.equal(one, again[0])
    assert not torch.equal(one, other[0])


def logits(models: int, margin: float, seed: int, y: Tensor) -> Tensor:
    """Random outputs in which the true class has `margin` more."""
    z = torch.randn(models, len(y), 4, generator=seeded(seed))
    return z + margin * nn.functional.one_hot(y, 4)


Y = torch.arange(60) % 4


def test_features_are_probabilities_and_the_label() -> None:
    z = logits(2, 0.0, 0, Y)
    x = features(z, Y)
    assert x.shape == (120, 8)
    assert x[61, :4] == pytest.approx(z[1, 1].double().softmax(0).numpy())
    assert x[61, 4:].tolist() == [0, 1, 0, 0]


def test_the_attack_finds_what_was_not_forgotten() -> None:
    attack = fit_attack(logits(10, 3.0, 1, Y), logits(10, 0.0, 2, Y), Y)
    retrained = attack_scores(attack, logits(5, 0.0, 3, Y), Y)
    original = attack_scores(attack, logits(5, 3.0, 4, Y), Y)
    assert retrained.shape == (5, 60)
    assert roc(original, retrained)[2] > 0.9
    assert precision_recall(original, retrained)[2] > 0.9
    forgotten = attack_scores(attack, logits(5, 0.0, 5, Y), Y)
    assert roc(forgotten, retrained)[2] == pytest.approx(0.5, abs=0.07)


def test_the_attack_is_the_same_for_the_same_seed() -> None:
    z, w = logits(3, 2.0, 1, Y), logits(3, 0.0, 2, Y)
    once, again = (attack_scores(fit_attack(z, w, Y), z, Y) for _ in range(2))
    assert np.array_equal(once, again)


def test_curves_by_hand() -> None:
    """Scores .9, .4 to be caught, .6, .1 not: three of the four pairs are in order."""
    unlearned, retrained = np.array([[0.9, 0.4]]), np.array([0.6, 0.1])
    false, true, area = roc(unlearned, retrained)
    assert area == 0.75
    assert list(zip(false, true, strict=True)) == [(0, 0), (0, 0.5), (0.5, 0.5), (0.5, 1), (1, 1)]
    recall, precision, area = precision_recall(unlearned, retrained)
    assert recall.tolist() == [1, 1, 0.5, 0.5, 0]
    assert precision == pytest.approx([1 / 2, 2 / 3, 1 / 2, 1, 1])
    assert area == pytest.approx((2 / 3 + 1 / 2) / 4 + 1 / 2)


@pytest.mark.parametrize("schedule", ["constant", "multistep"])
def test_schedules_are_those_of_training(toy: Dataset, schedule: Any) -> None:
    data = Labelled(toy.train.x.double(), toy.train.y)
    recipe = replace(Recipe(2, 0.05, batch_size=50), schedule=schedule)
    (model,) = networks("mlp", 1)
    (many,) = train_many([model], data, recipe, [seeded(0)])
    assert_close(many.state_dict(), train(model, data, recipe, seeded(0)).state_dict())
