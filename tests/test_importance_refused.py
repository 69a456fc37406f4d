"""What has no importance is refused in one sentence, and the model stays whatever happens."""

import warnings
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, dropout
from torch.testing import assert_close
from torch.utils.checkpoint import checkpoint

from unlearnlib import (
    GradientSpace,
    Inputs,
    Labelled,
    fisher_diagonal,
    gauss_newton_diagonal,
    output_sensitivity,
)
from unlearnlib.checks.trial import few
from unlearnlib.errors import UnsupportedModelError

from .odd_models import TOKENS, VECTORS, Chain, N, Words, hooked, plain, state


def test_an_input_that_is_overwritten_is_not_used() -> None:
    """Autograd has no gradient of it either, so there is none to be right."""

    class Overwritten(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.head = nn.Linear(8, 8), nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = 2 * x
            h = self.layer(x)
            x.mul_(0)
            return self.head(h)

    with pytest.raises(UnsupportedModelError, match=r"cannot differentiate Overwritten \(one of"):
        fisher_diagonal(Overwritten().double(), Labelled(VECTORS, torch.arange(N) % 3))


REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "dropout": (lambda: Chain(lambda x: dropout(x, training=True)), "other outputs at each call"),
    "noise": (lambda: Chain(lambda x: x + 1e-6 * torch.randn_like(x)), "at each call"),
    "centred": (lambda: Chain(lambda x: x - x.mean(0)), "alone than in a batch"),
    "hardly centred": (lambda: Chain(lambda x: x - 0.001 * x.mean(0)), "alone than in a batch"),
    "rows masked": (
        lambda: hooked("forward", lambda m, i, o: o * (torch.arange(len(o)) < 2)[:, None]),
        "alone than in a batch",
    ),
    "batch statistics": (
        lambda: Chain(lambda x: batch_norm(x, None, None, training=True)),
        r"cannot take one example alone \(Expected more than 1 value",
    ),
    "reentrant": (
        lambda: Chain(torch.tanh, Reentrant()),
        r"hides them from .*: layer.inner.weight, layer.inner.bias. Call .*use_reentrant=False",
    ),
    "tuple": (lambda: Chain(lambda x: x, Pair()), "returns a tuple, not a tensor of logits"),
    "one logit": (lambda: nn.Linear(8, 1), r"shape \(8, 1\) for 8 examples"),
    "no gradients": (lambda: Frozen(), "do not depend on head.weight, head.bias, as gradients"),
    "nothing to learn": (lambda: plain().requires_grad_(False), "No parameter of Sequential req"),
    "no shape": (lambda: nn.Sequential(nn.LazyLinear(3)), "'0.weight' has no shape yet"),
}  # fmt: skip


class Reentrant(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return checkpoint(self.inner, x, use_reentrant=True)


class Pair(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


class Frozen(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 3)

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        return self.head(x)


@pytest.mark.parametrize("name", REFUSED)
def test_models_without_gradients_of_their_examples_are_refused(name: str) -> None:
    make, words = REFUSED[name]
    model = make().double().eval()
    if name == "tuple":
        model.register_forward_hook(lambda m, i, o: (o, o))
    data = Labelled(VECTORS, torch.arange(N) % 2)
    drawn = torch.get_rng_state()
    for group in (1, 4):
        for compute in (
            lambda: fisher_diagonal(model, data, group=group),  # noqa: B023
            lambda: output_sensitivity(model, data.inputs, group=group),  # noqa: B023
            lambda: gauss_newton_diagonal(model, data.inputs),
        ):
            with pytest.raises(UnsupportedModelError, match=words):
                compute()
    assert torch.equal(torch.get_rng_state(), drawn)


def test_a_copy_whose_forward_is_the_originals_is_refused() -> None:
    """`deepcopy` gives the copy the same function, which reaches for the original's weight."""
    model: Any = plain().double()
    former = model[2].forward
    model[2].forward = lambda x: 2 * former(x)
    copy, data = deepcopy(model), Labelled(VECTORS, torch.arange(N) % 3)
    with pytest.raises(UnsupportedModelError, match=r"depend on 2.weight, 2.bias.*of a copy"):
        fisher_diagonal(copy, data)


def test_inference_mode_makes_no_difference() -> None:
    model, data = plain().double(), Labelled(VECTORS, torch.arange(N) % 3)
    expected = fisher_diagonal(model, data).values
    with torch.inference_mode():
        found = fisher_diagonal(model, Labelled(VECTORS.clone(), data.y.clone())).values
        assert_close(found, expected, rtol=0, atol=0)
        made = plain().double()
    with pytest.raises(UnsupportedModelError, match=r"'0.weight' was made in inference mode"):
        fisher_diagonal(made, data)


def test_what_a_forward_pass_keeps_is_put_back() -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.calls, self.kept = nn.Linear(8, 3), 0, [torch.ones(1)]
            self.found, self.seen, self.scale = {"a": 1}, {3}, torch.ones(1)
            self.count: Tensor
            self.register_buffer("count", torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            self.count += 1
            self.count = self.count + 1
            self.calls += 1
            self.scale.add_(1)
            self.last = self.layer(x)
            self.kept.append(self.last)
            self.found["b"] = 2
            self.seen.add(4)
            return self.last

    model = Counting().double()
    count, kept = model.count, model.kept
    fisher_diagonal(model, Labelled(VECTORS, torch.arange(N) % 3))
    assert (model.calls, model.found, model.seen, len(kept)) == (0, {"a": 1}, {3}, 1)
    assert model.count is count
    assert model.kept is kept
    assert not count
    assert model.scale == 1
    assert not hasattr(model, "last")


def test_the_model_stays_after_an_error() -> None:
    class Broken(Words):
        def forward(self, x: Tensor) -> Tensor:
            z = super().forward(x)
            if len(x) == N - 1:  # all but the first, long after the trial
                torch.randn(1)
                raise ZeroDivisionError
            return z

    model = Broken(max_norm=0.5).double().train()
    before = state(model)
    for data in (TOKENS, TOKENS[:2]):
        with pytest.raises(ZeroDivisionError) if data is TOKENS else warnings.catch_warnings():
            labelled = Labelled(data, torch.arange(len(data)) % 3)
            fisher_diagonal(model, labelled, group=N - 1)
        assert state(model) == before


@pytest.mark.parametrize("where", ["blank", "spread"])
def test_statistics_of_a_batch_are_seen_wherever_the_examples_differ(where: str) -> None:
    """Among many blank images, or only in batches that are larger than a few."""
    x, y = torch.zeros(50, 8).double(), torch.arange(50) % 3
    x[26:28] = VECTORS[0]  # none of those that are taken at first
    x = x if where == "blank" else VECTORS.repeat(6, 1)[:50]

    def middle(z: Tensor) -> Tensor:
        return z - z.mean(0) if where == "blank" or len(z) > 3 else z

    with pytest.raises(UnsupportedModelError, match="alone than in a batch"):
        fisher_diagonal(Chain(middle).double(), Labelled(x, y))


@pytest.mark.parametrize("n", [0, 1, 2, 7, 8, 9, 60])
def test_the_examples_of_the_trial(n: int) -> None:
    assert few(torch.arange(n)).tolist() == [
        i * (n - 1) // max(min(n, 8) - 1, 1) for i in range(min(n, 8))
    ]
    assert len(few(torch.ones(n, 2))) == min(n, 8)
    one = torch.zeros(n, 2)
    one[n // 3 :][:1] = 1
    assert n < 2 or len(few(one).unique()) == 2


def test_the_space_of_a_lazy_layer_is_refused_and_the_model_stays() -> None:
    model = nn.Sequential(nn.LazyLinear(3))
    with pytest.raises(UnsupportedModelError, match=r"'0\.weight' has no shape yet"):
        GradientSpace.of(model, Inputs(VECTORS.float()))
    assert model(VECTORS.float()).shape == (N, 3)
