"""What a method is handed stays as it is, or is refused: data by name, and models of any kind."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import MethodType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unlearnlib import PGU, GradientSpace, Inputs, Labelled, Method, access
from unlearnlib.access import copy_of, grant
from unlearnlib.errors import NonFiniteError, UnsupportedModelError
from unlearnlib.training import seeded as drawing_from

from .made_offers import assert_same, network, offers, state
from .test_conformance import CASES
from .toys import seeded

STEPS = {
    name: method
    for name, method in CASES.items()
    if not {"fisher", "sensitivity", "fresh_model"} & set(access(method))
}
REAL_INPUTS = ("JiT", "BoundaryShrink", "EMMN", "UNSIR", "AMUN")
"""Methods that cannot be used on tokens."""
each_step = pytest.mark.parametrize("method", STEPS.values(), ids=STEPS)


def handed(model: nn.Module, x: Callable[[Tensor], Tensor] = lambda x: x) -> SimpleNamespace:
    """The usual offers, in the form that `model` takes."""
    given = offers()
    for name in ("forget", "retain", "validation"):
        data = getattr(given, name)
        setattr(given, name, Labelled(x(data.x), data.y))
    given.forget_inputs, given.retain_inputs = given.forget.inputs, given.retain.inputs
    whole = Inputs(torch.cat([given.forget.x, given.retain.x]))
    with suppress(UnsupportedModelError):  # layers with a forward of their own have none
        given.gradient_space = GradientSpace.of(model, whole)
    return given


@each_step
def test_a_layer_under_two_names_stays_one_layer(method: Method) -> None:
    with drawing_from(seeded()):
        twice = nn.Linear(6, 6)
        model = nn.Sequential(twice, nn.Tanh(), twice, nn.Linear(6, 3)).double()
    before, given = state(model), handed(model)
    result: Any = method(model, **grant(method, given))
    assert_same(state(model), before)
    assert model[0] is model[2] is twice
    assert type(twice.weight) is nn.Parameter
    assert result[0] is result[2] is not twice
    assert result[0].weight is result[2].weight


@pytest.mark.parametrize("name", [name for name in STEPS if not name.startswith(REAL_INPUTS)])
def test_an_embedding_of_bounded_norm_is_not_rescaled(name: str) -> None:
    model = nn.Sequential(
        nn.Embedding(7, 4, max_norm=0.5), nn.Flatten(), nn.Linear(24, 5), nn.Linear(5, 3)
    ).double()  # fmt: skip
    before = state(model)
    given = handed(model, lambda x: (x * 9).long() % 7)
    STEPS[name](model, **grant(STEPS[name], given))
    assert_same(state(model), before)


class Doubled(nn.Linear):
    """Has hooks and a forward of its own, as methods of itself."""

    def twice(self, x: Tensor) -> Tensor:
        return 2 * nn.Linear.forward(self, x)

    def noted(self, module: nn.Module, x: Any, z: Tensor) -> Tensor:
        return z + self.bias


@pytest.mark.parametrize("name", [name for name in STEPS if "PGU" not in name])
def test_methods_of_a_layer_are_carried_to_the_copy(name: str) -> None:
    method, model = STEPS[name], network()
    with drawing_from(seeded()):
        layer = Doubled(8, 3).double()
    layer.forward = MethodType(Doubled.twice, layer)  # type: ignore[method-assign]
    layer.register_forward_hook(layer.noted)
    layer.register_forward_pre_hook(partial(lambda own, module, x: (x[0] + own.bias[0],), layer))
    model[4] = layer  # type: ignore[operator]
    before, given = state(model), handed(model)
    result: Any = method(model, **grant(method, given))
    assert_same(state(model), before)
    assert result[4].forward.__self__ is result[4]
    (hook,) = result[4]._forward_hooks.values()
    assert hook.__self__ is result[4]


KEPT = nn.Sequential(nn.Linear(4, 3))


def by_global(x: Tensor) -> Any:
    return KEPT[0].weight.sum() + x  # type: ignore[operator]


def foreign(kind: str) -> nn.Module:
    """A model some part of which names another."""
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 3))
    last, weight = model[1], model[0].weight
    if kind == "forward":
        model.forward = lambda x: last(x)  # type: ignore[method-assign]
    elif kind == "hook":
        model[0].register_forward_hook(lambda m, x, z: z @ weight)
    elif kind == "pre-hook":
        model[0].register_forward_pre_hook(lambda m, x: (x[0] + model[0].bias,))
    elif kind == "global":
        KEPT[0].forward = by_global
        return KEPT
    return model


@pytest.mark.parametrize("kind", ["forward", "hook", "pre-hook", "global"])
def test_functions_that_name_a_part_of_the_model_are_refused(kind: str) -> None:
    with pytest.raises(UnsupportedModelError, match="uses a part of this very model by name"):
        copy_of(foreign(kind))


def test_functions_that_name_other_things_are_not() -> None:
    seen: list[Tensor] = []
    other = nn.Linear(4, 4)
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 3))
    model[0].register_forward_hook(lambda m, x, z: seen.append(z))
    model[1].register_forward_pre_hook(lambda m, x: (other(x[0]),))
    copy_of(model)(torch.ones(1, 4))
    assert len(seen) == 1


def test_a_copy_of_a_weight_that_is_computed_says_what_to_take() -> None:
    with pytest.warns(FutureWarning):
        model = nn.Sequential(nn.utils.weight_norm(nn.Linear(4, 3)))
    with pytest.raises(UnsupportedModelError, match=r"in the place of torch\.nn\.utils\.weight_no"):
        copy_of(model)
    nn.utils.parametrizations.weight_norm(layer := nn.Linear(4, 3))
    copy_of(layer)


def test_a_projected_step_that_diverges_is_told() -> None:
    model = network(torch.float32)
    given = offers(torch.float32)
    method = PGU(0.0, 1e30, 1e30, epochs=9, stop=None)
    with pytest.raises(NonFiniteError, match="the steps diverged"):
        method(model, **grant(method, given))
