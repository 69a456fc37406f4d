"""A small network, everything that a method may ask for, and what is made of them."""

from collections.abc import Callable
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from unlearnlib import (
    GradientSpace,
    Labelled,
    Method,
    Recipe,
    fisher_diagonal,
    output_sensitivity,
    training,
)
from unlearnlib.access import grant

from .toys import seeded

State = dict[str, Tensor]


class Forbidden:
    """Fails when it is touched."""

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "_name", name)

    def __getattribute__(self, attribute: str) -> object:
        raise AssertionError(f"{object.__getattribute__(self, '_name')}.{attribute} was touched")

    def __len__(self) -> int:
        raise AssertionError("the length was asked for")

    def __call__(self, *arguments: object) -> object:
        raise AssertionError("it was called")


def factory(dtype: torch.dtype) -> Callable[[torch.Generator], nn.Module]:
    """Untrained networks with BatchNorm and dropout."""

    def fresh_model(generator: torch.Generator) -> nn.Module:
        with training.seeded(generator):
            return nn.Sequential(
                nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3)
            ).to(dtype)

    return fresh_model


def network(dtype: torch.dtype = torch.float64) -> nn.Module:
    """A network whose BatchNorm has seen something."""
    model = factory(dtype)(seeded(7))
    model(torch.randn(50, 6, generator=seeded(8)).to(dtype))
    return model.eval()


def offers(dtype: torch.dtype = torch.float64, seed: int = 0, data: int = 0) -> SimpleNamespace:
    """Everything in the vocabulary; `data` seeds the examples, `seed` the method."""
    draw = seeded(data)

    def examples(n: int, first: int = 0) -> Labelled:
        x = torch.randn(n, 6, generator=draw).to(dtype)
        return Labelled(x, torch.randint(first, 3, (n,), generator=draw))

    forget, retain, validation = examples(10, first=1), examples(18), examples(8)
    whole = Labelled(torch.cat([forget.x, retain.x]), torch.cat([forget.y, retain.y]))
    return SimpleNamespace(
        forget=forget,
        forget_inputs=forget.inputs,
        forget_classes=(data % 3,),
        retain=retain,
        retain_inputs=retain.inputs,
        validation=validation,
        fisher=fisher_diagonal(network(dtype), whole),
        sensitivity=output_sensitivity(network(dtype), whole.inputs),
        gradient_space=GradientSpace.of(network(dtype), whole.inputs),
        fresh_model=factory(dtype),
        recipe=Recipe(2, lr=0.05, batch_size=9),
        input_shape=(6,),
        generator=seeded(seed),
    )


def state(model: nn.Module) -> State:
    """Copies of all parameters and buffers."""
    return {name: value.clone() for name, value in model.state_dict().items()}


def assert_same(one: State, other: State) -> None:
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def differ(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return any(not torch.equal(p, q) for p, q in pairs)


def unlearned(method: Method, model: nn.Module, given: SimpleNamespace) -> nn.Module:
    return method(model, **grant(method, given))
