"""What a projection is of: borders of the ranks, weights with one layer of their own, descent."""

import warnings
from collections.abc import Callable
from types import MethodType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, dropout, linear
from torch.nn.utils import parametrizations, prune
from torch.testing import assert_close

from unlearnlib import PGU, GradientSpace, Inputs, Labelled
from unlearnlib.cost import count_forwards
from unlearnlib.errors import NonFiniteError, SpecError, UnsupportedModelError
from unlearnlib.methods.parts.projection import Spectrum, TrustRegion, descend, projections

from .toys import seeded


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=seeded(seed)).double()


X = draw(9, 8)


def spectrum(*values: float) -> Spectrum:
    return Spectrum(torch.eye(len(values)), torch.tensor([values]).double(), 0.0)


@pytest.mark.parametrize(
    ("gamma", "energy", "singular"),
    [(0.0, 0, 0), (1e-9, 1, 0), (0.5, 1, 0), (0.75, 2, 2), (0.8, 3, 2), (1.0, 4, 4), (2.0, 4, 4)],
)
def test_ranks_at_the_border(gamma: float, energy: int, singular: int) -> None:
    """Energies of 2, 1, 1 and 0 out of 4 reach a half and three quarters exactly."""
    assert spectrum(2, 1, 1, 0).ranks(gamma, "energy").tolist() == [energy]
    roots = spectrum(1, 1, 1, 1)  # of four equal ones, k hold k quarters
    expected = {0.5: 2, 0.75: 3, 0.8: 3}.get(gamma, singular)
    assert roots.ranks(gamma, "singular").tolist() == [expected]


def test_no_rank_is_above_the_number_of_directions() -> None:
    """Rounding may leave the sum of all below its own share, and a layer of zeros has none."""
    s = spectrum(0, 0, 0)
    assert s.ranks(0.9, "energy").tolist() == [1]
    third = Spectrum(torch.eye(3), torch.tensor([[1e20, 1.0, 1.0]]), 0.0)
    assert third.ranks(1 - 1e-9, "energy").tolist() == [1]
    nan_free = spectrum(1.0).ranks(0.999999999, "energy")
    assert nan_free.tolist() == [1]


def test_small_negative_parts_are_rounding() -> None:
    model = nn.Sequential(nn.Linear(2, 3)).double()
    space = GradientSpace.of(model, Inputs(draw(9, 2)))

    def told(negative: float) -> list[str]:
        moment = torch.diag(torch.tensor([1.0, -negative])).double()[None]
        changed = GradientSpace({"0": moment}, False, space.fingerprint, 0.0)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            projections(model, changed, 0.9, "energy")
        return [str(w.message) for w in warned]

    assert told(0.9e-3) == []
    assert len(told(1.2e-3)) == 1
    assert told(0.25)[0].startswith("20.0% of the moments at '0' are negative")


def test_a_trust_region_is_of_the_last_layer_and_a_matrix() -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    space = GradientSpace.of(model, Inputs(X))
    for layers, kinds in (((), [False, True]), (("0",), [False])):
        steps = projections(model, space, 0.9, "energy", layers, trust=2)
        assert [isinstance(step, TrustRegion) for step in steps.values()] == kinds
    assert not any(
        isinstance(step, TrustRegion) for step in projections(model, space, 0.9, "energy").values()
    )
    image = nn.Sequential(nn.Conv2d(1, 2, 3)).double()
    space = GradientSpace.of(image, Inputs(draw(4, 1, 5, 5)))
    (step,) = projections(image, space, 0.9, "energy", trust=2).values()
    assert not isinstance(step, TrustRegion)


class Noted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm = nn.Linear(8, 8), nn.BatchNorm1d(8)
        self.drop, self.head = nn.Dropout(0.5), nn.Linear(8, 3)
        self.modes: list[tuple[bool, ...]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.modes.append((self.training, self.norm.training, self.drop.training))
        return self.head(self.drop(self.norm(self.layer(x))))


@pytest.mark.parametrize("active", [False, True])
@pytest.mark.parametrize("train", [False, True])
def test_only_dropout_is_active_while_descending(active: bool, train: bool) -> None:
    model = Noted().double().train(train)
    space = GradientSpace.of(model, Inputs(X))
    model.modes.clear()
    statistics = [b.clone() for b in model.norm.buffers()]
    steps = projections(model, space, 0.5, "energy")
    generator = seeded(0) if active else None
    batches = [(X, torch.arange(9) % 3)] * 2
    descend(model, steps, cross_entropy, batches, 0.1, generator)
    assert model.modes == [(False, False, active)] * 2
    assert not any(module.training for module in model.modules())
    assert all(torch.equal(b, s) for b, s in zip(model.norm.buffers(), statistics, strict=True))


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.head = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        self.second.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.second(self.first(x).tanh()).tanh())


def normed(function: Callable[[nn.Module], nn.Module]) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return nn.Sequential(function(nn.Linear(8, 8)), nn.Tanh(), nn.Linear(8, 3))


@pytest.mark.parametrize(
    "function",
    [
        nn.utils.weight_norm,
        parametrizations.weight_norm,
        lambda layer: prune.l1_unstructured(layer, "weight", 0.5),
    ],
)
def test_weights_that_are_made_are_refused(function: Callable[[nn.Module], nn.Module]) -> None:
    model = normed(function).double()
    space = GradientSpace.of(model, Inputs(X))
    assert_close(space.moments["0"][0], X.T @ X)
    with pytest.raises(UnsupportedModelError, match="'0' makes its weight from other parameters"):
        projections(model, space, 0.9, "energy")
    assert len(projections(model, space, 0.9, "energy", ["2"])) == 1


def test_weights_that_are_shared_are_refused() -> None:
    model = Tied().double()
    space = GradientSpace.of(model, Inputs(X))
    with pytest.raises(UnsupportedModelError, match="first and second share one weight"):
        projections(model, space, 0.9, "energy")
    assert len(projections(model, space, 0.9, "energy", ["head"])) == 1
    layer = nn.Linear(8, 8).double()
    twice = nn.Sequential(layer, nn.Tanh(), layer)
    space = GradientSpace.of(twice, Inputs(X))
    inner = layer(X).tanh()
    assert_close(space.moments["0"][0], (X.T @ X + inner.T @ inner).detach())
    assert len(projections(twice, space, 0.9, "energy")) == 1


class Keyword(nn.Linear):
    """A subclass that leaves the forward pass as it is, called by keyword."""


class ByKeyword(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = Keyword(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(input=x)


def hooked(kind: str, hook: Any, **options: bool) -> nn.Module:
    layer = nn.Linear(8, 3)
    getattr(layer, f"register_{kind}_hook")(hook, **options)
    return nn.Sequential(layer)


SEEN: dict[str, tuple[Callable[[], nn.Module], str, float]] = {
    "hook on the input": (lambda: hooked("forward_pre", lambda m, x: 3 * x[0]), "0", 3.0),
    "with keywords": (
        lambda: hooked("forward_pre", lambda m, a, k: ((3 * a[0],), k), with_kwargs=True),
        "0",
        3.0,
    ),
    "hook on the output": (lambda: hooked("forward", lambda m, x, y: 3 * y), "0", 1.0),
    "by keyword": (ByKeyword, "layer", 1.0),
}


@pytest.mark.parametrize("name", SEEN)
def test_the_moment_is_of_what_the_weight_is_multiplied_with(name: str) -> None:
    make, layer, scale = SEEN[name]
    moment = GradientSpace.of(make().double(), Inputs(X)).moments[layer]
    assert_close(moment[0], scale**2 * X.T @ X)


class Scaled(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(3 * x)


class ScaledConvolution(nn.Conv2d):
    def _conv_forward(self, x: Tensor, W: Tensor, b: Tensor | None) -> Tensor:
        return super()._conv_forward(3 * x, W, b)


def own_forward() -> nn.Module:
    layer: Any = nn.Linear(8, 3)
    layer.forward = MethodType(lambda self, x: linear(3 * x, self.weight, self.bias), layer)
    return layer


@pytest.mark.parametrize(
    "make", [own_forward, lambda: Scaled(8, 3), lambda: ScaledConvolution(8, 2, 1)]
)
def test_layers_with_a_forward_of_their_own_are_refused(make: Callable[[], nn.Module]) -> None:
    model = nn.Sequential(make()).double()
    x = X if hasattr(model[0], "in_features") else X[..., None, None]
    before = len(model[0]._forward_pre_hooks)
    with pytest.raises(UnsupportedModelError, match=r"Layer '0' .* has a forward pass of its own"):
        GradientSpace.of(model, Inputs(x))
    assert len(model[0]._forward_pre_hooks) == before
    assert model.training


def test_convolutions_whose_attributes_were_changed() -> None:
    changed: Any = nn.Conv2d(1, 4, 5)
    changed.stride, changed.padding, changed.dilation = 2, (1, 0), 1
    changed.weight = nn.Parameter(draw(4, 3, 3, 3))
    made = nn.Conv2d(3, 4, 3, 2, (1, 0)).double()
    x = Inputs(draw(5, 3, 7, 6))
    space, expected = (GradientSpace.of(nn.Sequential(m.double()), x) for m in (changed, made))
    assert_close(space.moments["0"], expected.moments["0"])


class Dropping(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(dropout(x, training=True))


def test_spaces_that_mean_nothing_are_refused() -> None:
    model = nn.Sequential(nn.Linear(8, 3)).double()
    with pytest.raises(UnsupportedModelError, match="other outputs at each call"):
        GradientSpace.of(Dropping().double(), Inputs(X))
    bad = Inputs(X.clone())
    bad.x[8, 3] = float("inf")
    with pytest.raises(NonFiniteError, match="An input of layer '0' is NaN or infinite"):
        GradientSpace.of(model, bad)
    for chunk in (0, -1, 2.5, True, "8"):
        with pytest.raises(SpecError, match="chunk must be a whole number, at least 1, not"):
            GradientSpace.of(model, Inputs(X), chunk=chunk)  # type: ignore[arg-type]


def test_examples_count_once_and_the_data_stay() -> None:
    model, x = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(8, 3)).double(), X.clone()
    with count_forwards(nn.Sequential) as count:
        space = GradientSpace.of(model, Inputs(x), chunk=4)
    assert count == [9]
    assert torch.equal(x, X)
    assert_close(space.moments["1"][0], X.relu().T @ X.relu())


class Beside(nn.Module):
    """A layer whose weight is multiplied with something else, too."""

    def __init__(self, *, other: bool) -> None:
        super().__init__()
        self.layer, self.head, self.other = nn.Linear(8, 8), nn.Linear(8, 3), other

    def forward(self, x: Tensor) -> Tensor:
        z = self.layer(x) + self.layer(x.abs())
        return self.head(z + linear(x.cos(), self.layer.weight) if self.other else z)


def test_a_weight_that_is_used_outside_its_layer_is_refused() -> None:
    model = Beside(other=True).double()
    space = GradientSpace.of(model, Inputs(X))
    forget = Labelled(X, torch.arange(9) % 3)
    with count_forwards(Beside) as count:
        with pytest.raises(UnsupportedModelError, match=r"'layer' is also used outside.*`layers`"):
            projections(model, space, 0.9, "energy", x=X)
        projections(model, space, 0.9, "energy", ["head"], x=X)
        with pytest.raises(UnsupportedModelError, match="outside that layer"):
            next(PGU(stop=None).iterates(model, forget, space, torch.Generator()))
    assert count == [0]
    assert not any(m._forward_pre_hooks for m in model.modules())
    plain = Beside(other=False).double()
    assert len(projections(plain, GradientSpace.of(plain, Inputs(X)), 0.9, "energy", x=X)) == 2
