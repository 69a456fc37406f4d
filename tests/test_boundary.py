"""Boundary Shrink and Boundary Expand against their equations, one example at a time."""

from copy import deepcopy
from dataclasses import asdict
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from unlearnlib import BoundaryExpand, BoundaryShrink, Dataset, FineTune, Inputs, Labelled, Recipe
from unlearnlib.errors import SpecError, UnsupportedModelError
from unlearnlib.methods.boundary_expand import head_of
from unlearnlib.metrics import accuracy

from .made_offers import network, offers
from .toys import assert_same, learned, seeded

X = torch.randn(5, 4, dtype=torch.float64, generator=seeded(1))
FORGET = Labelled(X, torch.tensor([0, 1, 2, 1, 0]))


def loss_of_one(z: Tensor, y: int) -> Tensor:
    return z.exp().sum().log() - z[y]


def nearest(method: BoundaryShrink, model: nn.Module, x: Tensor, y: int) -> int:
    """The label of one example by the attack, coordinate by coordinate."""
    moved = x.clone()
    for i in range(len(x)):
        leaf = x.clone().requires_grad_()
        (g,) = torch.autograd.grad(loss_of_one(model(leaf[None])[0], y), leaf)
        moved[i] += method.eps * (1 if g[i] > 0 else -1)
    z = model(moved[None])[0].tolist()
    allowed = [c for c in range(len(z)) if method.relearn or c != y]
    return max(allowed, key=lambda c: z[c])


def descended(
    method: BoundaryShrink | BoundaryExpand, model: nn.Module, y: list[int], source: torch.Generator
) -> None:
    """SGD with momentum by hand, on the mean loss of batches of two and then three."""
    torch.randint(2**31, (), generator=source)  # what seeds dropout
    parameters = list(model.parameters())
    velocities = [torch.zeros_like(p) for p in parameters]
    for _ in range(method.epochs):
        order = torch.randperm(5, generator=source)
        for batch in (order[:2], order[2:]):
            one = [loss_of_one(model(X[i][None])[0], y[i]) for i in batch]
            gradients = torch.autograd.grad(torch.stack(one).mean(), parameters)
            for p, v, g in zip(parameters, velocities, gradients, strict=True):
                v.copy_(0.9 * v + g)
                p.data -= method.lr * v


@pytest.mark.parametrize("eps", [0.0, 0.1, 0.8, 3.0])
@pytest.mark.parametrize("relearn", [False, True])
def test_shrink_equals_brute_force(model: nn.Module, eps: float, relearn: bool) -> None:
    """The neighbours are those of the original, whatever the model has become meanwhile."""
    method = BoundaryShrink(epochs=4, lr=0.2, batch_size=2, eps=eps, relearn=relearn)
    y = [nearest(method, model, x, int(label)) for x, label in zip(X, FORGET.y, strict=True)]
    reference = deepcopy(model)
    descended(method, reference, y, seeded())
    assert_same(method(model, forget=FORGET, generator=seeded()), reference)


def test_neighbours_are_other_classes_unless_failures_are_learned_again(model: nn.Module) -> None:
    kept, moved = (
        BoundaryShrink(eps=1e-4, relearn=relearn).neighbours(model, X, model(X).argmax(1))
        for relearn in (True, False)
    )
    assert (moved != model(X).argmax(1)).all()
    assert (kept == model(X).argmax(1)).all()  # the step is a small one
    far, also = (
        BoundaryShrink(eps=9.0, relearn=relearn).neighbours(model, X, model(X).argmax(1))
        for relearn in (True, False)
    )
    hit = far != model(X).argmax(1)
    assert hit.any()
    assert torch.equal(far[hit], also[hit])


def test_a_linear_model_flips_where_the_margin_is_below_eps_times_the_l1_norm() -> None:
    line = nn.Linear(4, 2).double()
    x = torch.randn(200, 4, dtype=torch.float64, generator=seeded(2))
    z = line(x)
    y = z.argmax(1)
    margin = (z.max(1).values - z.min(1).values).detach()
    l1 = (line.weight[0] - line.weight[1]).abs().sum()
    flipped = BoundaryShrink(eps=0.3, relearn=True).neighbours(line, x, y) != y
    assert torch.equal(flipped, margin < 0.3 * l1)
    assert 20 < flipped.sum() < 180


@pytest.mark.parametrize("sure", [1.0, 1e3])
def test_where_the_model_is_sure_there_is_a_direction_too(sure: float) -> None:
    """In single precision the gradient of the loss is 0 where the probability rounds to 1."""
    line = nn.Linear(3, 3, bias=False)
    line.weight.data = sure * torch.eye(3)
    x, y = torch.tensor([[1.0, 0.4, 0.3], [0.1, 1.0, 0.9]]), torch.tensor([0, 1])
    far, near = (BoundaryShrink(eps=e, relearn=True).neighbours(line, x, y) for e in (0.35, 0.01))
    assert far.tolist() == [1, 2]
    assert torch.equal(near, y)


def test_without_an_attack_it_is_training(model: nn.Module) -> None:
    """On labels that the model gives, in whole batches."""
    data = Labelled(X, model(X).argmax(1))
    method = BoundaryShrink(epochs=3, lr=0.1, batch_size=5, eps=0.0, relearn=True)
    tuned = FineTune(3, 0.1, 0.9, 0.0, 5)(model, retain=data, generator=seeded())
    assert_same(method(model, forget=data, generator=seeded()), tuned)


def row_of(d: int, C: int, source: torch.Generator) -> nn.Linear:
    """The new row as the method draws it."""
    seed = int(torch.randint(2**31, (), generator=source))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        row = nn.Linear(d, 1).double()
        nn.init.xavier_normal_(whole := torch.empty(C + 1, d, dtype=torch.float64))
        torch.manual_seed(seed)
        nn.Linear(d, 1)
        row.weight.data.normal_(std=(2 / (d + C + 1)) ** 0.5)
    assert 0.5 < whole.std() / (2 / (d + C + 1)) ** 0.5 < 2  # what Xavier's rule is
    row.bias.data.zero_()
    return row


def test_expand_equals_brute_force(model: nn.Module) -> None:
    """With a last layer of four rows, of which three are kept."""
    method, source = BoundaryExpand(epochs=4, lr=0.2, batch_size=2), seeded()
    reference: Any = deepcopy(model)
    row, old = row_of(5, 3, source), reference[2]
    reference[2] = nn.Linear(5, 4).double()
    reference[2].weight.data = torch.cat([old.weight, row.weight]).data
    reference[2].bias.data = torch.cat([old.bias, row.bias]).data
    descended(method, reference, [3] * 5, source)
    reference[2].weight.data = reference[2].weight.data[:3]
    reference[2].bias.data = reference[2].bias.data[:3]
    result = method(model, forget_inputs=FORGET.inputs, generator=seeded())
    assert result(X).shape == (5, 3)
    assert_same(result, reference)
    assert not result[2]._forward_hooks  # type: ignore[index]


def test_old_logits_fall_by_their_probabilities() -> None:
    """One step on one example: the gradient of logit k is q_k, of which the new row takes 1."""
    line, x = nn.Linear(4, 3).double(), X[:1]
    row = row_of(4, 3, seeded())
    q = torch.cat([line(x), row(x)], 1).softmax(1)[0]
    method = BoundaryExpand(epochs=1, lr=0.5)
    result: Any = method(line, forget_inputs=Inputs(x), generator=seeded())
    assert_close(result.bias, line.bias - 0.5 * q[:3])
    assert_close(result.weight, line.weight - 0.5 * q[:3, None] * x)
    assert q[:3].sum() > 0.1


def test_a_rate_of_zero_changes_nothing(model: nn.Module) -> None:
    shrunk = BoundaryShrink(lr=0.0)(model, forget=FORGET, generator=seeded())
    expanded = BoundaryExpand(lr=0.0)(model, forget_inputs=FORGET.inputs, generator=seeded())
    for result in (shrunk, expanded):
        assert_same(result, model, rtol=0, atol=0)
        assert torch.equal(result(X), model(X))


@pytest.mark.parametrize("released", [False, True])
@pytest.mark.parametrize("kind", [BoundaryShrink, BoundaryExpand])
def test_statistics_of_batchnorm_move_in_the_release_only(kind: Any, released: bool) -> None:
    """There they become those of what is forgotten."""
    model, given = network(), offers()
    method = kind.as_released() if released else kind()
    data = given.forget if kind is BoundaryShrink else given.forget_inputs
    name = "forget" if kind is BoundaryShrink else "forget_inputs"
    result = method(model, **{name: data}, generator=seeded())
    mean, was = (dict(net.named_buffers())["1.running_mean"] for net in (result, model))
    assert torch.equal(mean, was) != released
    if released:
        h = model[0](given.forget.x).mean(0)  # type: ignore[index]
        assert ((mean - h).abs() < (was - h).abs()).all()


def test_presets() -> None:
    for kind, departures in (
        (BoundaryShrink, {"train_mode": True, "relearn": True, "eps": 0.5}),
        (BoundaryExpand, {"train_mode": True}),
    ):
        ours, released = asdict(kind()), asdict(kind.as_released())
        assert {n: v for n, v in released.items() if v != ours[n]} == departures
    assert BoundaryShrink.as_released(relearn=False, eps=0.1) == BoundaryShrink(train_mode=True)


def test_what_has_no_neighbour_is_refused(model: nn.Module) -> None:
    several = Labelled(X, torch.eye(3)[FORGET.y])
    with pytest.raises(SpecError, match=r"several labels has none.*one label an example"):
        BoundaryShrink()(model, forget=several, generator=seeded())
    words = nn.Sequential(nn.Embedding(9, 2), nn.Flatten(), nn.Linear(8, 3))
    tokens = Labelled(torch.arange(8).view(2, 4), torch.tensor([0, 1]))
    with pytest.raises(SpecError, match=r"these are tokens \(torch.int64\)"):
        BoundaryShrink()(words, forget=tokens, generator=seeded())


def test_the_head_is_the_layer_that_gives_the_logits(model: nn.Module) -> None:
    head, C = head_of(model, X)
    assert (head, C) == (model[2], 3)  # type: ignore[index]
    assert not head._forward_hooks
    side: Any = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 3), nn.LogSoftmax(1)).double()
    with pytest.raises(UnsupportedModelError, match=r"end in torch\.nn\.Linear"):
        BoundaryExpand()(side, forget_inputs=FORGET.inputs, generator=seeded())
    bare = nn.Linear(4, 3, bias=False).double()
    assert BoundaryExpand()(bare, forget_inputs=FORGET.inputs, generator=seeded()).bias is None


def test_a_first_layer_may_work_in_place(model: nn.Module) -> None:
    net = nn.Sequential(nn.LeakyReLU(0.5, inplace=True), model).eval()
    plain = nn.Sequential(nn.LeakyReLU(0.5), deepcopy(model)).eval()
    x, shrink = X.clone(), BoundaryShrink(lr=0.1, eps=1.0)
    expand = BoundaryExpand(lr=0.1)
    for one, other in (
        [shrink(m, forget=FORGET, generator=seeded()) for m in (net, plain)],
        [expand(m, forget_inputs=FORGET.inputs, generator=seeded()) for m in (net, plain)],
    ):
        assert_same(one, other)
    assert torch.equal(X, x)


def test_a_class_is_forgotten_and_the_rest_stays(toy: Dataset) -> None:
    """Five networks; as released Shrink learns again what its attack does not reach."""
    boot, test = toy.train[toy.train.y == 1], toy.test
    gone = test.y == 1
    for seed in range(5):
        original = learned(toy.train, Recipe(15, 0.05, batch_size=16), seed)
        assert accuracy(original(test.x), test.y) > 0.95
        shrink, expand = (
            BoundaryShrink(lr=0.01, batch_size=8),
            BoundaryExpand(lr=0.01, batch_size=8),
        )
        for result in (
            shrink(original, forget=boot, generator=seeded(seed)),
            expand(original, forget_inputs=boot.inputs, generator=seeded(seed)),
        ):
            assert accuracy(result(test.x[gone]), test.y[gone]) < 0.1
            assert accuracy(result(test.x[~gone]), test.y[~gone]) > 0.9
