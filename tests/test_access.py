"""A method sees what its signature names; whoever asks for more is refused."""

from dataclasses import dataclass, fields
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from unlearnlib import (
    ACCESS,
    AMUN,
    ASSD,
    CFK,
    CT,
    DELETE,
    EMMN,
    EUK,
    GKT,
    LFSSD,
    METHODS,
    MSG,
    PGU,
    SCRUB,
    SSD,
    UNSIR,
    BadTeacher,
    BoundaryExpand,
    BoundaryShrink,
    FineTune,
    FisherForgetting,
    GradientAscent,
    Inputs,
    JiT,
    L1Sparse,
    Labelled,
    LoTUS,
    Method,
    Moments,
    NablaTau,
    NegGradPlus,
    Original,
    RandomLabel,
    Retrain,
    SalUn,
    SCRUBRewind,
    SFROn,
    Statistic,
    UNSIRByLabel,
    WoodFisher,
    access,
)
from unlearnlib.access import STORED, grant, to_store
from unlearnlib.errors import AccessError, UnlearnError


@dataclass(frozen=True)
class Cheat:
    """Asks for the test set."""

    def __call__(self, model: nn.Module, *, test: Labelled) -> nn.Module:
        return model


@dataclass(frozen=True)
class Sloppy:
    """Takes the forget set by position."""

    def __call__(self, model: nn.Module, forget: Labelled) -> nn.Module:
        return model


@dataclass(frozen=True)
class Greedy:
    """Takes whatever there is."""

    def __call__(self, model: nn.Module, **retain: object) -> nn.Module:
        return model


@pytest.mark.parametrize(
    ("method", "names"),
    [
        (Original(), ()),
        (Retrain(), ("retain", "fresh_model", "recipe", "generator")),
        (FineTune(), ("retain", "generator")),
        (JiT(), ("forget_inputs", "generator")),
        (JiT.as_released(), ("forget_inputs", "generator")),
        (SSD(), ("forget", "fisher")),
        (LFSSD(), ("forget_inputs", "sensitivity")),
        (ASSD(), ("forget", "fisher")),
        (PGU(), ("forget", "gradient_space", "validation", "generator")),
        (PGU(stop=None), ("forget", "gradient_space", "validation", "generator")),
        (NablaTau(), ("forget", "retain", "validation", "generator")),
        (GradientAscent(), ("forget", "generator")),
        (NegGradPlus(), ("forget", "retain", "generator")),
        (RandomLabel(), ("forget", "retain", "generator")),
        (FisherForgetting(), ("retain", "generator")),
        (L1Sparse(), ("retain", "generator")),
        (WoodFisher(), ("forget", "retain")),
        (SFROn(), ("forget", "retain", "generator")),
        (SCRUB(), ("forget_inputs", "retain", "generator")),
        (BadTeacher(), ("forget_inputs", "retain_inputs", "fresh_model", "generator")),
        (UNSIR(), ("forget_classes", "retain", "generator")),
        (UNSIRByLabel(), ("forget", "retain", "generator")),
        (SalUn(), ("forget", "retain", "generator")),
        (DELETE(), ("forget", "generator")),
        (SCRUBRewind(), ("forget", "retain", "validation", "generator")),
        (BoundaryShrink(), ("forget", "generator")),
        (BoundaryExpand(), ("forget_inputs", "generator")),
        (GKT(), ("forget_classes", "fresh_model", "input_shape", "generator")),
        (EMMN(), ("forget_classes", "input_shape", "generator")),
        (EUK(), ("retain", "fresh_model", "recipe", "generator")),
        (CFK(), ("retain", "generator")),
        (MSG(), ("forget", "retain", "generator")),
        (CT(), ("retain", "generator")),
        (AMUN(), ("forget", "retain", "generator")),
        (LoTUS(), ("forget", "retain_inputs", "validation", "generator")),
    ],
)
def test_the_signature_is_the_access(method: Method, names: tuple[str, ...]) -> None:
    assert access(method) == names


def test_test_data_are_not_in_the_vocabulary() -> None:
    assert not [name for name in ACCESS if "test" in name]
    with pytest.raises(TypeError):
        ACCESS["test"] = "the test set"  # type: ignore[index]


def test_inputs_have_no_labels() -> None:
    assert [field.name for field in fields(Inputs)] == ["x"]
    assert not hasattr(Labelled(torch.zeros(2, 1), torch.zeros(2, 3)).inputs, "y")


def test_a_cheat_is_told_what_it_may_ask_for() -> None:
    with pytest.raises(AccessError) as caught:
        access(Cheat())
    assert str(caught.value) == (
        "Cheat.__call__ asks for 'test', which is not on offer. A method may name, keyword-only: "
        "forget, forget_inputs, forget_classes, retain, retain_inputs, validation, fisher, "
        "sensitivity, gradient_space, fresh_model, recipe, input_shape, generator. "
        "Hyper-parameters belong in the fields of the dataclass; test data are never on offer."
    )
    assert isinstance(caught.value, UnlearnError)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("method", [Sloppy(), Greedy()])
def test_data_are_named_and_keyword_only(method: Method) -> None:
    name = type(method).__name__
    with pytest.raises(AccessError, match=rf"{name}.__call__ asks for '(forget|retain)'.*only"):
        access(method)


def test_grant_hands_over_what_is_named_and_nothing_else() -> None:
    offers = SimpleNamespace(**{name: object() for name in (*ACCESS, "test")})
    granted = grant(JiT(), offers)
    assert granted == {
        "forget_inputs": offers.forget_inputs,
        "generator": offers.generator,
    }
    assert grant(Original(), offers) == {}
    with pytest.raises(AccessError):
        grant(Cheat(), offers)


@pytest.mark.parametrize(
    ("method", "wanted"),
    [
        (Original(), {}), (JiT(), {}),
        (SSD(group=5), {"fisher": Statistic("fisher", 5)}),
        (ASSD(), {"fisher": Statistic("fisher")}),
        (LFSSD.as_released(group=9, norm="l2"),
         {"sensitivity": Statistic("sensitivity", 9, "release", "l2")}),
        (PGU.as_released(), {"gradient_space": Moments(stride_one=True)}),
    ],
)  # fmt: skip
def test_a_method_says_what_must_be_stored(method: Method, wanted: dict[str, object]) -> None:
    assert to_store(method) == wanted
    assert set(STORED) < ACCESS.keys()


@dataclass(frozen=True)
class Mute:
    """Does not say which."""

    def __call__(self, model: nn.Module, *, fisher: object) -> nn.Module:
        return model


@dataclass(frozen=True)
class Sly:
    """Names what is made without labels and wants what is made with them."""

    @property
    def stored(self) -> Statistic:
        return Statistic("fisher")

    def __call__(self, model: nn.Module, *, sensitivity: object) -> nn.Module:
        return model


@pytest.mark.parametrize(("method", "name"), [(Mute(), "fisher"), (Sly(), "sensitivity")])
def test_what_is_stored_must_be_said_and_be_what_is_named(method: Method, name: str) -> None:
    with pytest.raises(AccessError, match=f"names `{name}`, so a property `stored` of the class"):
        to_store(method)


@pytest.mark.parametrize("name", METHODS)
def test_methods_are_found_by_their_names(name: str) -> None:
    method = METHODS[name]()
    assert type(method).__name__ == name
    assert isinstance(method, Method)
