"""Models that are not what their layers' types say: importances are right, or refused."""

import warnings
from collections.abc import Callable
from functools import partial
from types import MethodType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.nn.modules import module as every_module
from torch.nn.utils import parametrizations, prune
from torch.testing import assert_close

from unlearnlib import Labelled, fisher_diagonal
from unlearnlib.cost import count_forwards
from unlearnlib.errors import UnsupportedModelError
from unlearnlib.losses import losses
from unlearnlib.stored import per_example as engine
from unlearnlib.stored.layer_rules import RULES

from .odd_models import (
    VECTORS,
    N,
    Words,
    assert_all_stays,
    assert_as_in_a_loop,
    hooked,
    loop,
    made,
    plain,
    state,
)


def own_forward(kind: str) -> nn.Module:
    model = plain()
    layer: Any = model[2]
    former = layer.forward
    layer.forward = {
        "closure": lambda x: 2 * former(x),
        "method": MethodType(lambda self, x: linear(x, 2 * self.weight, self.bias), layer),
        "partial": partial(linear, weight=layer.weight, bias=layer.bias),
    }[kind]
    return model


def own_convolution() -> nn.Module:
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(32, 3))
    convolution: Any = model[0]
    former = convolution._conv_forward
    convolution._conv_forward = lambda x, W, b: former(x, 2 * W, b)
    return model


def changed_convolution() -> nn.Module:
    """As users adapt a first layer to small images: other attributes, in other forms."""
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(4 * 9, 3))
    layer: Any = model[0]
    layer.stride, layer.padding = 2, 1
    layer.weight = nn.Parameter(torch.randn(4, 3, 3, 3))
    return model


def cut_head() -> nn.Module:
    model = plain()
    layer: Any = model[2]
    layer.weight, layer.bias = (nn.Parameter(q[:2].detach()) for q in (layer.weight, layer.bias))
    return model


def added() -> nn.Module:
    model = plain()
    model[2].register_parameter("idle", nn.Parameter(torch.ones(2)))
    return model


class Tied(nn.Module):
    """Two layers with one weight, of which the second is called, or both."""

    def __init__(self, both: bool) -> None:
        super().__init__()
        self.first, self.second, self.head = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        self.second.weight, self.both = self.first.weight, both

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x).tanh() if self.both else x
        return self.head(self.second(x).tanh())


def two_names() -> nn.Module:
    layer = nn.Linear(8, 8)
    return nn.Sequential(layer, nn.Tanh(), layer, nn.Linear(8, 3))


def old(function: Callable[[nn.Module], nn.Module]) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return nn.Sequential(function(nn.Linear(8, 8)), nn.Tanh(), nn.Linear(8, 3))


def double(*_: Any) -> Any:
    """Double the last of what a hook is given."""
    return 2 * _[-1] if isinstance(_[-1], Tensor) else tuple(2 * t for t in _[-1])


RIGHT: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "hook on the output": (lambda: hooked("forward", double), (8,)),
    "hook on the input": (lambda: hooked("forward_pre", double), (8,)),
    "hook by keyword": (
        lambda: hooked("forward_pre", lambda m, a, k: ((2 * a[0],), k), with_kwargs=True), (8,),
    ),
    "backward hook": (lambda: hooked("full_backward", lambda m, i, o: (2 * i[0],)), (8,)),
    "backward pre-hook": (lambda: hooked("full_backward_pre", double), (8,)),
    "closure": (lambda: own_forward("closure"), (8,)),
    "method": (lambda: own_forward("method"), (8,)),
    "partial": (lambda: own_forward("partial"), (8,)),
    "own convolution": (own_convolution, (3, 6, 6)),
    "changed convolution": (changed_convolution, (3, 6, 6)),
    "cut head": (cut_head, (8,)),
    "added parameter": (added, (8,)),
    "weight norm": (lambda: old(nn.utils.weight_norm), (8,)),
    "spectral norm": (lambda: old(nn.utils.spectral_norm), (8,)),
    "parametrization": (lambda: old(parametrizations.weight_norm), (8,)),
    "pruned": (lambda: old(lambda m: prune.l1_unstructured(m, "weight", 0.5)), (8,)),
    "first owner idle": (lambda: Tied(False), (8,)),
    "both owners": (lambda: Tied(True), (8,)),
    "two names": (two_names, (8,)),
    "renormalised": (lambda: Words(max_norm=0.5), (5,)),
    "renormalised and shared": (lambda: Words(True, max_norm=0.5), (5,)),
    "renormalised by frequency": (lambda: Words(max_norm=0.5, scale_grad_by_freq=True), (5,)),
    "by frequency": (lambda: Words(scale_grad_by_freq=True), (5,)),
    "sparse": (lambda: Words(sparse=True), (5,)),
    "sparse and shared": (lambda: Words(True), (5,)),
    "rectified inputs": (lambda: nn.Sequential(nn.ReLU(inplace=True), nn.Linear(8, 3)), (8,)),
}  # fmt: skip
"""Name -> model, shape of an input."""


def problem(name: str) -> tuple[nn.Module, Labelled]:
    return made(*RIGHT[name])


@pytest.mark.parametrize("group", [1, N + 1])
@pytest.mark.parametrize("name", RIGHT)
def test_the_model_and_the_data_stay(name: str, group: int) -> None:
    assert_all_stays(*problem(name), group)


@pytest.mark.parametrize("name", RIGHT)
def test_the_importance_is_that_of_a_loop(name: str) -> None:
    assert_as_in_a_loop(*problem(name))


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
@pytest.mark.parametrize("direction", ["forward", "forward_pre", "full_backward"])
def test_hooks_on_every_module_are_seen(direction: str) -> None:
    def hook(module: nn.Module, *rest: Any) -> Any:
        return double(*rest) if module is model[2] and direction != "full_backward" else None

    model, data = plain().double(), Labelled(VECTORS, torch.arange(N) % 3)
    handle = getattr(every_module, f"register_module_{direction}_hook")(hook)
    try:
        found, expected = fisher_diagonal(model, data).values, loop(model, data)
    finally:
        handle.remove()
    for key, value in expected.items():
        assert_close(found[key], value, rtol=1e-10, atol=1e-12)


def test_a_forward_that_was_replaced_in_the_class_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    former = nn.Linear.forward
    monkeypatch.setattr(nn.Linear, "forward", lambda self, x: 2 * former(self, x))
    model, data = plain().double(), Labelled(VECTORS, torch.arange(N) % 3)
    found = fisher_diagonal(model, data).values
    for key, value in loop(model, data).items():
        assert_close(found[key], value, rtol=1e-10, atol=1e-12)


def test_what_is_counted_goes_by_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hooks of `count_forwards` change nothing, and a check of the model is no pass."""
    monkeypatch.setattr(engine, "by_func", None)
    model, data = plain().double(), Labelled(VECTORS, torch.arange(N) % 3)
    for group in (1, 4):
        with count_forwards(nn.Sequential) as count:
            fisher_diagonal(model, data, group=group, chunk=2)
        assert count == [N]


@pytest.mark.parametrize("name", ["two names", "renormalised", "weight norm"])
def test_the_slow_reference_leaves_the_model(name: str) -> None:
    model, data = problem(name)
    before = state(model)
    refused = name in ("renormalised",)
    words = "vmap cannot send Words through"
    with (
        pytest.raises(UnsupportedModelError, match=words) if refused else warnings.catch_warnings()
    ):
        found = engine.by_func(model, (data.x, data.y), losses, p=2)
        for key, value in loop(model, data).items():
            assert_close(found[key] / N, value, rtol=1e-10, atol=1e-12)
    assert state(model) == before


def test_no_rule_works_for_a_frozen_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[nn.Module] = []
    rule = RULES[nn.Linear]

    def noted(layer: nn.Module, *rest: Any) -> dict[str, Tensor]:
        asked.append(layer)
        return rule(layer, *rest)

    monkeypatch.setitem(RULES, nn.Linear, noted)
    model = plain().double()
    model[2].requires_grad_(False)
    fisher_diagonal(model, Labelled(VECTORS, torch.arange(N) % 3))
    assert asked == [model[0]] * 2
