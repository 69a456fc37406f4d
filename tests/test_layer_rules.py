"""Which layers a rule may be used for."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune
from torch.testing import assert_close

from unlearnlib.models import build
from unlearnlib.stored.importance import NORMS
from unlearnlib.stored.layer_rules import RULES, untouched
from unlearnlib.stored.per_example import by_func, by_rules

MADE: dict[type[nn.Module], tuple[Any, ...]] = {
    nn.Linear: (2, 3), nn.Conv2d: (2, 3, 1), nn.BatchNorm1d: (2,), nn.BatchNorm2d: (2,),
    nn.GroupNorm: (1, 2), nn.LayerNorm: (2,), nn.Embedding: (3, 2),
}  # fmt: skip


class Sub(nn.Linear):
    pass


def changed(change: Callable[[nn.Linear], Any]) -> nn.Module:
    layer = nn.Linear(2, 3)
    change(layer)
    return layer


def test_layers_as_they_are_made_are_untouched() -> None:
    assert MADE.keys() == RULES.keys()
    assert all(untouched(kind(*given)) for kind, given in MADE.items())
    assert untouched(nn.Linear(2, 3, bias=False))
    assert untouched(nn.BatchNorm1d(2, affine=False))


@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize("hook", ["forward_pre", "forward", "full_backward_pre", "full_backward"])
def test_layers_with_hooks_are_touched(kind: type[nn.Module], hook: str) -> None:
    layer = kind(*MADE[kind])
    handle = getattr(layer, f"register_{hook}_hook")(lambda *_: None)
    assert not untouched(layer)
    handle.remove()
    assert untouched(layer)


@pytest.mark.parametrize("kind", MADE)
def test_a_forward_of_ones_own_touches_a_layer(kind: type[nn.Module]) -> None:
    layer: Any = kind(*MADE[kind])
    layer.forward = lambda x: x
    assert not untouched(layer)


@pytest.mark.parametrize(
    "layer",
    [
        nn.ReLU(),
        Sub(2, 3),
        changed(lambda layer: layer.register_parameter("more", nn.Parameter(torch.ones(1)))),
        changed(lambda layer: delattr(layer, "bias")),
        changed(lambda layer: prune.identity(layer, "weight")),
        changed(parametrizations.weight_norm),
    ],
)
def test_other_layers_are_touched(layer: nn.Module) -> None:
    assert not untouched(layer)


def test_the_rules_cover_the_whole_transformer() -> None:
    model = build("patch_transformer", (1, 8, 8), 3).double().eval()
    x = torch.randn(4, 1, 8, 8, dtype=torch.float64)
    batch, loss = (x,), NORMS["squared"]
    found, reference = by_rules(model, batch, loss, p=1), by_func(model, batch, loss, p=1)
    assert found.keys() == reference.keys() == dict(model.named_parameters()).keys()
    for name, value in reference.items():
        assert_close(found[name], value, rtol=1e-10, atol=1e-12)
