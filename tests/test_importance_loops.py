"""Models that `torch.func` cannot send through: a loop over the examples is right."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.testing import assert_close
from torch.utils.checkpoint import checkpoint

from unlearnlib import Labelled, fisher_diagonal
from unlearnlib.cost import count_forwards
from unlearnlib.errors import UnsupportedModelError
from unlearnlib.losses import losses
from unlearnlib.stored import per_example as engine

from .odd_models import (
    VECTORS,
    Chain,
    N,
    assert_all_stays,
    assert_as_in_a_loop,
    loop,
    made,
    plain,
    state,
)


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.Module]) -> None:
        super().__init__()
        self.cells, self.head = kind(8, 6, batch_first=True), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cells(x)[0][:, -1])


class Masked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.encoder, self.head = nn.TransformerEncoder(layer, 1), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        mask = torch.arange(5).expand(len(x), 5) > 3
        return self.head(self.encoder(x, src_key_padding_mask=mask)[:, 0])


class Aside(nn.Module):
    """A weight that the model holds in a list too, where `functional_call` does not find it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Linear(8, 8), nn.Linear(8, 3)
        self.also = [self.layer.weight]

    def forward(self, x: Tensor) -> Tensor:
        return self.head(linear(self.layer(x).tanh(), self.also[0]))


def branching(x: Tensor) -> Tensor:
    """A batch is not its examples: for some of them alone the other branch is taken."""
    return 2 * x if x.max() > -9.0 and x.min() < 0 else x


class PerImage(nn.Module):
    """Layers that are called without a dimension for the examples, one of a single channel."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Conv2d(1, 2, 3), nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.head(self.layer(one[:1]).flatten()) for one in x])


class EachToken(nn.Module):
    """A table that is asked for one token at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.table(one[0]) + 2 * one[1] for one in x])


RIGHT: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "in a list": (Aside, (8,)),
    "GRU": (lambda: Recurrent(nn.GRU), (5, 8)),
    "RNN": (lambda: Recurrent(nn.RNN), (5, 8)),
    "LSTM": (lambda: Recurrent(nn.LSTM), (5, 8)),
    "padding mask": (Masked, (5, 8)),
    "checkpoint": (
        lambda: Chain(lambda x: checkpoint(torch.tanh, x, use_reentrant=False)), (8,),
    ),
    "traced": (lambda: torch.jit.trace(plain().double(), VECTORS), (8,)),
    "branching": (lambda: Chain(branching), (8,)),
    "image by image": (PerImage, (3, 6, 6)),
    "token by token": (EachToken, (5,)),
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
def test_a_loop_sends_each_example_once() -> None:
    model, data = problem("GRU")
    with count_forwards(Recurrent) as count:
        fisher_diagonal(model, data)
    assert count == [N]


def test_the_slow_reference_refuses_what_it_cannot_do() -> None:
    for name, words in (
        ("GRU", "torch.func.vmap cannot send Recurrent through"),
        ("in a list", "Aside.*past the modules"),
    ):
        model, data = problem(name)
        before = state(model)
        with pytest.raises(UnsupportedModelError, match=words):
            engine.by_func(model, (data.x, data.y), losses, p=2)
        assert state(model) == before


def test_a_batch_that_takes_another_branch_than_its_examples() -> None:
    """Where a batch is not its examples, nobody knows what is meant."""
    model = Chain(lambda x: 2 * x if x.max() > 0 else x, nn.Identity()).double()
    positive = torch.tensor([1, 1, 1, 0, 0, 0, 0, 0, 1]).bool()[:, None]
    data = Labelled(torch.where(positive, VECTORS.abs(), -VECTORS.abs()), torch.arange(N) % 3)
    with pytest.raises(UnsupportedModelError, match="other outputs alone than in a batch"):
        fisher_diagonal(model, data)
    same = Labelled(VECTORS.abs(), data.y)
    found, expected = fisher_diagonal(model, same).values, loop(model, same)
    for key, value in expected.items():
        assert_close(found[key], value, rtol=1e-10, atol=1e-12)


def test_hooks_go_even_if_the_model_fails() -> None:
    model = nn.Sequential(nn.Linear(6, 4), nn.Linear(5, 3)).eval()
    with pytest.raises(UnsupportedModelError):
        fisher_diagonal(model, Labelled(torch.ones(2, 6), torch.zeros(2, dtype=torch.long)))
    assert not any(m._forward_hooks for m in model.modules())
