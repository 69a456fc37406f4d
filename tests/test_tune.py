"""Dials are chosen on validation data: enough is forgotten, and the most is kept."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import nn

from unlearnlib import GradientAscent, Inputs, Labelled, OwnScenario, Splits, tune
from unlearnlib.access import copy_of
from unlearnlib.errors import SpecError

X = torch.eye(4)


@dataclass(frozen=True)
class Mute:
    """Takes `by` from the answers for classes, in the order in which they are best forgotten."""

    three: float = 0.0
    zero: float = 0.0
    broken: bool = False

    def __call__(self, model: nn.Module, *, forget_inputs: Inputs) -> nn.Module:
        changed: Any = copy_of(model, forget_inputs=forget_inputs)
        with torch.no_grad():
            changed[0].bias -= torch.tensor([self.zero, 0, 0, self.three])
            changed[0].bias += torch.nan if self.broken else 0.0
        return changed


def scenario(forget: list[int], retain: list[int], validation: list[int]) -> OwnScenario:
    """The identity, which is right about each of four classes."""
    model: Any = nn.Sequential(nn.Linear(4, 4))
    with torch.no_grad():
        model[0].weight.copy_(torch.eye(4))
        model[0].bias.zero_()

    def rows(y: list[int], size: float) -> Labelled:
        return Labelled(size * X[y], torch.tensor(y))

    splits = Splits.of(
        forget=rows(forget, 1.1),
        retain=rows(retain, 1.11),
        test=rows([0, 1], 1.12),
        validation=rows(validation, 1.13),
    )
    return OwnScenario(model, splits)


CLASS = [3, 3], [0, 1, 2], [0, 1, 2, 3, 3, 3]


def test_of_what_forgets_enough_the_most_is_kept() -> None:
    best, trials = tune(Mute(), scenario(*CLASS), three=[0, 2], zero=[2, 0])
    assert best == Mute(three=2, zero=0)
    assert trials[["three", "zero"]].to_numpy().tolist() == [[2, 0], [2, 2], [0, 0], [0, 2]]
    assert trials["enough"].tolist() == [True, True, False, False]
    assert trials["forget"].tolist() == [0, 0, 1, 1]
    assert trials["validation_retain"].tolist() == pytest.approx([1, 2 / 3, 1, 2 / 3])


def test_the_fields_that_are_not_searched_stay() -> None:
    best, _ = tune(Mute(three=2.0), scenario(*CLASS), zero=[2.0, 0.0])
    assert best == Mute(three=2.0)


def test_what_forgets_some_is_nearer_and_a_margin_may_let_it_pass() -> None:
    """With a zero for half of the forget set, the accuracy on it is one half."""
    mixed = scenario([3, 0], [1, 2], [0, 1, 2, 3])
    with pytest.warns(UserWarning, match=r"No setting of Mute .* accuracy of 0.50 .* margin"):
        best, trials = tune(Mute(), mixed, three=[0, 2])
    assert best == Mute(three=2)
    assert not trials["enough"].any()
    assert tune(Mute(), mixed, margin=0.5, three=[0, 2])[1]["enough"].tolist() == [True, False]


def test_at_random_a_model_that_never_saw_it_is_as_good_as_on_validation_data() -> None:
    """The original is right on three quarters of the validation examples by their labels."""
    some = scenario([3, 0, 1], [0, 1, 2, 3], [0, 1, 2, 3])
    wrong = replace(some.splits.validation, y=torch.tensor([0, 1, 2, 0]))
    splits = Splits.of(
        forget=some.splits.forget, retain=some.splits.retain, test=wrong, validation=wrong
    )
    best, trials = tune(Mute(), OwnScenario(some.model, splits), three=[0, 2])
    assert best == Mute(three=2)  # 2 of 3 is below 3 of 4, and nothing more is lost
    assert trials["enough"].tolist() == [True, False]


def test_what_diverges_comes_last() -> None:
    best, trials = tune(Mute(three=2), scenario(*CLASS), broken=[True, False])
    assert not best.broken
    assert trials["broken"].tolist() == [False, True]
    assert trials["forget"].isna().tolist() == [False, True]
    assert trials["enough"].tolist() == [True, False]


def test_the_test_set_is_not_looked_at() -> None:
    own = scenario(*CLASS)
    hidden: Any = {"test": None, "test_forget": None, "test_retain": None}
    blind = replace(own.splits, **hidden)
    assert tune(Mute(), OwnScenario(own.model, blind), three=[0, 2])[0] == Mute(three=2)


def test_a_method_of_the_library() -> None:
    best, trials = tune(GradientAscent(batch_size=1), scenario(*CLASS), lr=[0.01, 2.0])
    assert best == GradientAscent(lr=2.0, batch_size=1)
    assert len(trials) == 2


def test_what_cannot_be_searched_is_refused() -> None:
    own = scenario(*CLASS)
    with pytest.raises(SpecError, match=r"no field 'tree'\. Did you mean three"):
        tune(Mute(), own, tree=[1])
    with pytest.raises(SpecError, match="nothing to try"):
        tune(Mute(), own)
    with pytest.raises(SpecError, match="nothing to try"):
        tune(Mute(), own, three=[])
    with pytest.raises(SpecError, match="a list of values each"):
        tune(Mute(), own, three=2.0)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=r"no validation examples .* Splits.of\(validation"):
        tune(Mute(), scenario([3], [0, 1], [3]), three=[1])
