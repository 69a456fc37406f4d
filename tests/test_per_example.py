"""Gradients of single examples against a loop over them, on every kind of layer."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear
from torch.testing import assert_close

from unlearnlib import Importance, Labelled, fisher_diagonal, output_sensitivity
from unlearnlib.checks.trial import FEW
from unlearnlib.cost import count_forwards
from unlearnlib.fingerprint import fingerprint
from unlearnlib.models import MLP, PatchTransformer
from unlearnlib.models.resnet import Block
from unlearnlib.stored import layer_rules
from unlearnlib.stored import per_example as engine

from .toys import seeded

N = 9
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")


class Residual(nn.Module):
    """A stem, a block with a strided 1x1 shortcut, a plain block, BatchNorm in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4))
        self.relu = nn.ReLU(inplace=True)
        self.blocks = nn.Sequential(Block(4, 6, 2), Block(6, 6, 1))
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.relu(self.stem(x))).mean((2, 3)))


class Tokens(nn.Module):
    """Tokens with padding and repetitions, a position, attention, LayerNorm, a layer at each."""

    def __init__(self, attention: bool) -> None:
        super().__init__()
        self.embed = nn.Embedding(7, 8, padding_idx=0)
        self.attend = nn.MultiheadAttention(8, 2, batch_first=True) if attention else None
        self.position = nn.Parameter(torch.randn(5, 8)) if attention else 0
        self.norm, self.each = nn.LayerNorm(8), nn.Linear(8, 6)
        self.relu, self.head = nn.ReLU(inplace=True), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.embed(x) + self.position
        if self.attend is not None:
            h = h + self.attend(h, h, h, need_weights=False)[0]
        return self.head(self.relu(self.each(self.norm(h))).mean(1))


class Twice(nn.Module):
    """One layer used twice, its weight a third time, one parameter in two layers, one unused."""

    def __init__(self) -> None:
        super().__init__()
        self.twice, self.one, self.other = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 6)
        self.other.weight = self.one.weight
        self.idle, self.head = nn.Linear(2, 2), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.twice(self.twice(x).tanh())
        h = linear(self.other(self.one(h).tanh()), self.head.weight) @ self.head.weight
        return self.head(h)


class SequenceFirst(nn.Module):
    """A layer whose first dimension is time, as long as the batch may be."""

    def __init__(self) -> None:
        super().__init__()
        self.each, self.head = nn.Linear(2, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.each(x.unflatten(1, (4, 2)).transpose(0, 1)).tanh()
        return self.head(h.square().mean(0))


class Aside(nn.Module):
    """One layer called for nothing, one by keyword, one without gradients first."""

    def __init__(self) -> None:
        super().__init__()
        self.idle, self.keyword, self.head = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        self.idle(x)
        h = self.keyword(input=self.idle(-x).tanh()).tanh()
        with torch.no_grad():
            scale = self.head(h).norm(dim=1, keepdim=True)
        return self.head(h) / scale


def images(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(3))


def plain() -> nn.Module:
    return images(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Conv2d(4, 5, (3, 2), (2, 1), (0, 1)), nn.ReLU(inplace=True),
    )  # fmt: skip


def strange() -> nn.Module:
    """Grouped, depth-wise, dilated, circular and `same` convolutions, group norm, no bias."""
    return images(
        nn.Conv2d(3, 6, 3, padding=2, dilation=2, groups=3), nn.GroupNorm(2, 6), nn.Tanh(),
        nn.Conv2d(6, 4, 3, stride=2, padding=1, groups=2, padding_mode="circular"), nn.Tanh(),
        nn.Conv2d(4, 4, (2, 3), padding="same", bias=False), nn.LayerNorm([4, 3, 3]),
    )  # fmt: skip


def batchnorm() -> nn.Module:
    return nn.Sequential(
        nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Dropout(),
        nn.Unflatten(1, (4, 2)), nn.BatchNorm1d(4), nn.Flatten(), nn.LayerNorm(8), nn.Linear(8, 3),
    )  # fmt: skip


IMAGE, VECTOR, TOKEN = (3, 6, 6), (6,), None
CASES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...] | None, set[str]]] = {
    "mlp": (lambda: MLP((6,), 3, width=5), VECTOR, set()),
    "plain cnn": (plain, IMAGE, set()),
    "resnet": (Residual, IMAGE, set()),
    "strange convolutions": (strange, IMAGE, set()),
    "batchnorm": (batchnorm, VECTOR, set()),
    "embedding": (lambda: Tokens(False), TOKEN, set()),
    "attention": (lambda: Tokens(True), TOKEN, {"attend", "position"}),
    "attention by rules": (lambda: PatchTransformer(IMAGE, 3, grid=3, width=6), IMAGE, set()),
    "twice": (Twice, VECTOR, {"twice", "one", "other", "idle", "head.weight", "head.bias"}),
    "aside": (Aside, VECTOR, {"idle", "keyword"}),
    "sequence first": (SequenceFirst, (8,), {"each"}),
}
"""Name -> network, shape of an input, what no rule covers."""


def network(name: str) -> nn.Module:
    """A network in double precision whose BatchNorm has seen something."""
    make, shape, _ = CASES[name]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = make()
        with torch.no_grad():
            model(inputs(shape, 30).float() if shape else inputs(shape, 30))
            model.double()
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def inputs(shape: tuple[int, ...] | None, n: int = N) -> Tensor:
    generator = seeded(1)
    if shape is None:
        return torch.randint(7, (n, 5), generator=generator)
    return torch.randn(n, *shape, generator=generator, dtype=torch.float64)


def problem(name: str) -> tuple[nn.Module, Labelled]:
    model = network(name)
    return model, Labelled(inputs(CASES[name][1]), torch.arange(N) % 3)


def gradients(model: nn.Module, loss: Tensor) -> dict[str, Tensor]:
    names, parameters = zip(*model.named_parameters(), strict=True)
    found = torch.autograd.grad(loss, parameters, materialize_grads=True)
    return dict(zip(names, found, strict=True))


def loop(
    model: nn.Module, data: Labelled, loss: Callable[[Tensor, Tensor], Tensor], p: int, group: int
) -> dict[str, Tensor]:
    """Group by group, example by example."""
    total = {name: torch.zeros_like(q) for name, q in model.named_parameters()}
    groups = list(zip(data.x.split(group), data.y.split(group), strict=True))
    for x, y in groups:
        mean: Any = sum(loss(model(a[None]), b[None]) for a, b in zip(x, y, strict=True)) / len(x)
        for name, g in gradients(model, mean).items():
            total[name] += g.abs() ** p / len(groups)
    return total


def squared_norm(z: Tensor, y: Tensor) -> Tensor:
    return (z**2).sum()


def assert_equal(ours: Importance, theirs: dict[str, Tensor]) -> None:
    assert ours.values.keys() == theirs.keys()
    for name, value in theirs.items():
        assert_close(ours[name], value, rtol=1e-12, atol=1e-12 * max(1, float(value.max())))


each_network = pytest.mark.parametrize("name", CASES)
GROUPS = [1, 2, 4, N, 64]


@each_network
@pytest.mark.parametrize("group", GROUPS)
def test_the_fisher_is_that_of_a_loop(name: str, group: int) -> None:
    model, data = problem(name)
    expected = loop(model, data, cross_entropy, 2, group)
    assert any(value.max() > 1e-4 for value in expected.values())
    assert_equal(fisher_diagonal(model, data, group=group), expected)


@each_network
@pytest.mark.parametrize("group", GROUPS)
def test_the_sensitivity_is_that_of_a_loop(name: str, group: int) -> None:
    model, data = problem(name)
    expected = loop(model, data, squared_norm, 1, group)
    assert_equal(output_sensitivity(model, data.inputs, group=group), expected)


@each_network
def test_rules_cover_all_that_they_can(name: str) -> None:
    """The first pass sees one example, and what it leaves is left for good."""
    model, data = problem(name)
    asked: list[set[str]] = []

    def noted(*arguments: object, names: set[str], **options: object) -> dict[str, Tensor]:
        asked.append(set(names))
        return by_func(*arguments, names=names, **options)  # type: ignore[arg-type]

    by_func = engine.by_func
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "by_func", noted)
        fisher_diagonal(model, data, chunk=4)  # as long as the time of "sequence first"
    left = {n for n, _ in model.named_parameters() if {n, n.split(".")[0]} & CASES[name][2]}
    assert asked == ([left] * 3 if left else [])


@pytest.mark.parametrize("p", [1, 2])
@each_network
def test_the_slow_reference_is_right(name: str, p: int) -> None:
    model, data = problem(name)
    found = engine.by_func(model, (data.x, data.y), cross_entropy, p=p)
    expected = loop(model, data, cross_entropy, p, 1)
    for key, value in found.items():
        assert_close(value / N, expected[key], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("size", [0, 100, 10**9])
@pytest.mark.parametrize("name", ["resnet", "strange convolutions", "embedding"])
def test_blocks_make_no_difference(name: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer_rules, "CACHED", size)
    model, data = problem(name)
    assert_equal(fisher_diagonal(model, data), loop(model, data, cross_entropy, 2, 1))
    expected = loop(model, data, squared_norm, 1, 1)
    assert_equal(output_sensitivity(model, data.inputs), expected)


@pytest.mark.parametrize("group", [1, 7])
@pytest.mark.parametrize("chunk", [1, 2, 5, 64])
@pytest.mark.parametrize("name", ["mlp", "attention"])
def test_the_chunk_bounds_the_memory_and_changes_nothing(name: str, chunk: int, group: int) -> None:
    model, data = problem(name)
    expected = fisher_diagonal(model, data, group=group).values
    sizes: list[int] = []
    handle = model.register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    with count_forwards(type(model)) as count:
        assert_equal(fisher_diagonal(model, data, group=group, chunk=chunk), expected)
    handle.remove()
    assert max(sizes) <= max(chunk, FEW)
    if name == "mlp":
        assert count == [N]  # one pass; that a few were tried beforehand does not count


@each_network
@pytest.mark.parametrize("group", [1, 4])
def test_the_model_stays_as_it_is(name: str, group: int) -> None:
    model, data = problem(name)
    first = next(model.parameters())
    first.grad = torch.ones_like(first)
    before = fingerprint(model)
    with torch.no_grad():
        found = fisher_diagonal(model, data, group=group)
    assert fingerprint(model) == before == found.fingerprint
    assert all(q.requires_grad for q in model.parameters())
    assert [q.grad is None for q in model.parameters()].count(False) == 1
    assert torch.equal(first.grad, torch.ones_like(first))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    again = fisher_diagonal(model, data, group=group)
    assert not any(t.requires_grad for one in (found, again) for t in one.values.values())


def test_channels_last_and_single_precision() -> None:
    model, data = problem("resnet")
    expected = fisher_diagonal(model, data).values
    model.float().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    found = fisher_diagonal(model, Labelled(data.x.float(), data.y))
    for name, value in expected.items():
        assert found[name].dtype == torch.float32
        assert_close(found[name].double(), value, rtol=1e-4, atol=1e-6)
