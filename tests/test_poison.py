"""Poisoned labels: pairs, counts, and a scenario that forgets them."""

import pytest
import torch

from unlearnlib import Dataset, Labelled, Recipe, Scenario, load, scenario
from unlearnlib.data import parsed_name, partners, poisoned
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


def test_the_draw_is_that_of_the_records(four: Dataset) -> None:
    """Bit for bit: records of poisoned sets depend on it."""
    fine = poisoned(four, 7).train_subclass
    assert fine is not None
    assert fine.nonzero()[:, 0].tolist() == [
        1, 9, 13, 15, 22, 31, 33, 36, 52, 54, 55, 56, 66, 67, 70, 78, 81, 92, 99, 100, 101, 106,
        108, 109, 111, 116, 118, 119,
    ]  # fmt: skip
    global_state = torch.get_rng_state()
    poisoned(four, 7)
    assert torch.equal(torch.get_rng_state(), global_state)


@pytest.mark.parametrize("per_class", [0, -1, 1.5, True, "5"])
def test_a_count_of_poisoned_examples_is_one_or_more(four: Dataset, per_class: object) -> None:
    with pytest.raises(DataError, match=r"examples a class cannot be poisoned; ask for 1 or more"):
        poisoned(four, per_class)  # type: ignore[arg-type]


def test_all_of_a_class_may_be_poisoned(four: Dataset) -> None:
    assert torch.equal(poisoned(four, 30).train.y, partners(4)[four.train.y])


def test_of_several_labels_none_has_a_partner(four: Dataset) -> None:
    y = torch.nn.functional.one_hot(four.train.y, 4).float()
    test = Labelled(four.test.x, torch.zeros(len(four.test), 4))
    with pytest.raises(DataError, match=r"'several' may have several labels.*one label each"):
        poisoned(Dataset("several", Labelled(four.train.x, y), test, four.classes), 5)


@pytest.mark.parametrize(
    ("name", "parsed"),
    [("cifar10", ("cifar10", 0)), ("a+b", ("a+b", 0)), ("cifar10+poison1", ("cifar10", 1)),
     ("cifar10+poison500", ("cifar10", 500))],
)  # fmt: skip
def test_names(name: str, parsed: tuple[str, int]) -> None:
    assert parsed_name(name) == parsed


@pytest.mark.parametrize(
    "count", ["", "0", "00", "05", "-1", "+1", "1.5", "x", "5x", "5 ", "٥", "²", "5\n", "5+poison5"]
)
def test_names_that_promise_poison_and_no_count(count: str) -> None:
    with pytest.raises(DataError, match=r"no poisoned data set.*1 or more.*'mnist\+poison500'"):
        parsed_name(f"mnist+poison{count}")


def test_a_scenario_forgets_the_poison(lab: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """The poison is part of the name of a data set, to whomever loads it."""
    monkeypatch.setattr(scenario, "load", load)
    clean = load("fashion_small")
    made = Scenario("fashion_small+poison5", "mlp", "subclass:poisoned", Recipe(1))
    assert made.data.name == made.dataset
    assert torch.equal(made.data.train.y, poisoned(clean, 5).train.y)
    assert len(made.splits.forget) == 50
    assert len(made.splits.test_forget) == 0
    images = clean.train.x.flatten(1).tolist()
    true = {tuple(x): y for x, y in zip(images, clean.train.y, strict=True)}
    for part, right in ((made.splits.forget, False), (made.splits.retain, True)):
        for x, y in zip(part.x.flatten(1).tolist(), part.y, strict=True):
            assert (true[tuple(x)] == y) == right
    with pytest.raises(DataError, match="no poisoned data set"):
        _ = Scenario("fashion_small+poisonmany", "mlp", "random:3", Recipe(1)).data
