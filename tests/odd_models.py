"""Models and data for the tests of importances on models that are not what they seem."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from unlearnlib import Labelled, fisher_diagonal

from .toys import seeded

N = 9


def draw(*shape: int) -> Tensor:
    return torch.randn(shape, generator=seeded(0)).double()


VECTORS, SEQUENCES, IMAGES = draw(N, 8), draw(N, 5, 8), draw(N, 3, 6, 6)
TOKENS = torch.randint(7, (N, 5), generator=seeded(0))
INPUTS = {(8,): VECTORS, (5, 8): SEQUENCES, (3, 6, 6): IMAGES, (5,): TOKENS}


class Chain(nn.Module):
    """A layer, something in the middle, a head."""

    def __init__(self, middle: Callable[[Tensor], Tensor], layer: nn.Module | None = None) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8) if layer is None else layer
        self.middle, self.head = middle, nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.middle(self.layer(x)))


class Words(nn.Module):
    """Embeddings with options, of which one overwrites the table."""

    def __init__(self, head: bool = False, **options: Any) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(7, 6, **options), nn.Linear(6, 7)
        if head:  # the decoder shares the encoder's table
            self.head.weight = self.table.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.table(x).tanh().mean(1))[:, :3]


def plain() -> nn.Sequential:
    return nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3))


def hooked(kind: str, hook: Any, **options: bool) -> nn.Module:
    model = plain()
    getattr(model[2], f"register_{kind}_hook")(hook, **options)
    return model


def made(make: Callable[[], nn.Module], shape: tuple[int, ...]) -> tuple[nn.Module, Labelled]:
    """A model in double precision and eval mode, and examples of a shape for it."""
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit and the old weight_norm are deprecated
        torch.manual_seed(0)
        return make().double().eval(), Labelled(INPUTS[shape].clone(), torch.arange(N) % 2)


def state(model: nn.Module) -> list[Any]:
    """All that could change: parameters by identity, numbers, modes, hooks, random numbers."""
    modules = [*model.modules()]
    return [
        [(name, id(q), q.grad) for name, q in model.named_parameters(remove_duplicate=False)],
        [(name, v.tolist()) for name, v in model.state_dict().items()],
        [(m.training, len(m._forward_hooks), len(m._forward_pre_hooks)) for m in modules],
        torch.get_rng_state().tolist(),
    ]


def loop(model: nn.Module, data: Labelled) -> dict[str, Tensor]:
    """The Fisher diagonal, an example at a time; the model may change."""
    parameters = dict(model.named_parameters())
    total = {name: torch.zeros_like(q) for name, q in parameters.items()}
    for x, y in zip(data.x, data.y, strict=True):
        loss = cross_entropy(model(x[None].clone()), y[None])
        found = torch.autograd.grad(loss, [*parameters.values()], materialize_grads=True)
        for name, g in zip(parameters, found, strict=True):
            total[name] += g.to_dense().square() / N
    return total


def assert_all_stays(model: nn.Module, data: Labelled, group: int) -> None:
    """An importance changes neither model nor data."""
    before, given = state(model), data.x.clone()
    fisher_diagonal(model, data, group=group)
    assert state(model) == before
    assert torch.equal(data.x, given)
    model(data.x.clone())  # and it can be used


def assert_as_in_a_loop(model: nn.Module, data: Labelled) -> None:
    """The importance is what a loop over the examples gives, and not all 0."""
    found = fisher_diagonal(model, data).values
    expected = loop(model, data)
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert_close(found[key], value, rtol=1e-10, atol=1e-12)
    assert any(value.max() > 1e-6 for value in expected.values())
