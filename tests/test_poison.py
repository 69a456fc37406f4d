"""Poisoned labels: pairs, counts, and a scenario that forgets them."""

import pytest
import torch

from unlearnlib import Dataset, Labelled, Recipe, Scenario, scenario
from unlearnlib.data import partners, poisoned
from unlearnlib.data.names import CIFAR10
from unlearnlib.errors import DataError


@pytest.fixture
def four(toy: Dataset) -> Dataset:
    """The toy with a fourth class."""
    y = torch.arange(len(toy.train)) % 4
    return Dataset("four", Labelled(toy.train.x, y), toy.test, (*toy.classes, "Hat"))


def test_the_pairs_of_cifar10_are_those_of_the_notes() -> None:
    pairs = {frozenset((CIFAR10[i], CIFAR10[j])) for i, j in enumerate(partners(10))}
    named = ("horse ship", "automobile dog", "cat deer", "bird airplane", "truck frog")
    assert pairs == {frozenset(pair.split()) for pair in named}


@pytest.mark.parametrize("classes", [2, 4, 10, 200])
def test_partners_are_mutual_and_never_oneself(classes: int) -> None:
    partner, own = partners(classes), torch.arange(classes)
    assert torch.equal(partner[partner], own)
    assert not (partner == own).any()


def test_an_odd_one_has_no_partner() -> None:
    with pytest.raises(DataError, match=r"3 classes cannot be paired.*even number"):
        partners(3)


def test_some_of_each_class_carry_the_label_of_the_partner(four: Dataset) -> None:
    bad = poisoned(four, 7)
    wrong = bad.train.y != four.train.y
    assert bad.train_subclass is not None
    assert torch.equal(bad.train_subclass.bool(), wrong)
    assert torch.bincount(four.train.y[wrong]).tolist() == [7] * 4
    assert torch.equal(partners(4)[bad.train.y[wrong]], four.train.y[wrong])
    assert bad.test is four.test
    assert bad.train.x is four.train.x
    assert torch.equal(poisoned(four, 7).train.y, bad.train.y)
    assert not torch.equal(poisoned(four, 7, seed=1).train.y, bad.train.y)
    with pytest.raises(DataError, match=r"31 examples a class.*has 30"):
        poisoned(four, 31)


def test_a_scenario_forgets_the_poison(
    lab: object, four: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenario, "load", lambda name: {"four": four}[name])
    made = Scenario("four+poison5", "mlp", "subclass:poisoned", Recipe(1))
    assert len(made.splits.forget) == 20
    assert len(made.splits.test_forget) == 0
    images = four.train.x.flatten(1).tolist()
    true = {tuple(x): y for x, y in zip(images, four.train.y, strict=True)}
    for part, right in ((made.splits.forget, False), (made.splits.retain, True)):
        for x, y in zip(part.x.flatten(1).tolist(), part.y, strict=True):
            assert (true[tuple(x)] == y) == right
    with pytest.raises(KeyError, match="poisonmany"):
        _ = Scenario("four+poisonmany", "mlp", "random:3", Recipe(1)).data
