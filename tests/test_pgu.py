"""PGU against its equations, written out one example and one layer at a time; limits."""

import math
from copy import deepcopy
from dataclasses import asdict, replace

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from unlearnlib import PGU, Dataset, GradientSpace, Inputs, Labelled, Recipe
from unlearnlib.errors import StaleStatisticError
from unlearnlib.metrics import accuracy

from .toys import learned, seeded


def examples(n: int, seed: int) -> Labelled:
    x = torch.randn(n, 2, 6, 6, generator=seeded(seed)).double()
    return Labelled(x, torch.randint(4, (n,), generator=seeded(seed + 1)))


FORGET, RETAIN, VALIDATION = examples(7, 10), examples(12, 20), examples(9, 30)
WHOLE = Inputs(torch.cat([FORGET.x, RETAIN.x]))
NOTHING = Labelled(FORGET.x[:0], FORGET.y[:0])


class Net(nn.Module):
    """Two convolutions, one with a stride and groups, BatchNorm, dropout, two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.b = nn.Conv2d(4, 6, 3, stride=2, groups=2)
        self.drop = nn.Dropout(0.5)
        self.c = nn.Linear(24, 8)
        self.d = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.b(self.norm(self.a(x)).tanh()).tanh().flatten(1)
        return self.d(self.c(self.drop(x)).tanh())


@pytest.fixture
def model() -> nn.Module:
    """A network whose BatchNorm has seen something."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = Net().double()
        net(RETAIN.x + 0.3)
    return net.eval()


@pytest.fixture
def space(model: nn.Module) -> GradientSpace:
    return GradientSpace.of(model, WHOLE)


def applied(method: PGU, model: nn.Module, space: GradientSpace, seed: int = 0) -> nn.Module:
    return method(
        model,
        forget=FORGET,
        gradient_space=space,
        validation=VALIDATION,
        generator=seeded(seed),
    )


def loss_of_one(method: PGU, z: Tensor, y: int) -> Tensor:
    """The loss of one example, from its definition."""
    p = z.exp() / z.exp().sum()
    first = -torch.log(1 - (p[y] - method.offset))
    if method.depoison:
        others = [z[c].exp() for c in range(len(z)) if c != y]
        q = [v / sum(others) for v in others]
        return first + method.entropy * -sum(v * v.log() for v in q)
    return first - method.entropy * -sum(v * v.log() for v in p)


def bases(method: PGU, model: nn.Module) -> dict[str, list[Tensor]]:
    """Orthonormal bases a layer and group, by singular values of the retain set's own inputs."""
    inputs: dict[str, Tensor] = {}
    spied = deepcopy(model)
    for name in "abcd":
        layer = spied.get_submodule(name)
        layer.register_forward_pre_hook(lambda _, x, name=name: inputs.update({name: x[0]}))
    spied(RETAIN.x)
    unfold = nn.functional.unfold
    stride = 1 if method.stride_one else 2
    rows = {
        "a": [unfold(inputs["a"], 3, padding=1).transpose(1, 2).flatten(0, 1)],
        "b": [
            unfold(x, 3, stride=stride).transpose(1, 2).flatten(0, 1)
            for x in inputs["b"].split(2, 1)
        ],
        "c": [inputs["c"]],
        "d": [inputs["d"]],
    }
    B: dict[str, list[Tensor]] = {}
    for name, groups in rows.items():
        for R in groups:
            _, S, Vt = torch.linalg.svd(R.detach(), full_matrices=True)
            S = torch.cat([S, S.new_zeros(Vt.shape[0] - len(S))])
            k, power = 0, 2 if method.share == "energy" else 1
            if method.share == "energy":
                while (S[:k] ** power).sum() < method.gamma * (S**power).sum():
                    k += 1
            else:
                while (S[: k + 1] ** power).sum() <= method.gamma * (S**power).sum():
                    k += 1
            B.setdefault(name, []).append(Vt[:k].T)
    return B


def brute_force(method: PGU, model: nn.Module) -> nn.Module:
    """The algorithm with a loop for every sum, unshuffled and without dropout."""
    B = bases(method, model)
    model = deepcopy(model)
    ratio = method.lr_end / method.lr
    for e in range(1, method.epochs + 1):
        for start in range(0, len(FORGET), method.batch_size):
            x = FORGET.x[start : start + method.batch_size]
            y = FORGET.y[start : start + method.batch_size]
            one = [loss_of_one(method, model(x[i : i + 1])[0], int(y[i])) for i in range(len(x))]
            names = [n for n in "abcd" if n in (method.layers or "abcd")]
            weights = [model.get_parameter(f"{n}.weight") for n in names]
            gradients = torch.autograd.grad(torch.stack(one).sum() / len(one), weights)
            for n, W, gradient in zip(names, weights, gradients, strict=True):
                each = W.shape[0] // len(B[n])
                for g, b in enumerate(B[n]):
                    G = gradient[g * each : (g + 1) * each].flatten(1)
                    eta = method.lr * ratio ** (e / method.epochs)
                    step = eta * (G - G @ b @ b.T)
                    W.data[g * each : (g + 1) * each] -= step.view_as(W[g * each : (g + 1) * each])
    return model


METHODS = {
    "energy": PGU(0.9, 0.3, 0.1, epochs=3, batch_size=5, stop=None, shuffle=False),
    "released": PGU.as_released(0.7, 0.3, epochs=3, batch_size=4, stop=None, dropout=False),
    "depoisoning": PGU.depoisoning(
        0.5, 0.3, epochs=2, batch_size=4, trust=0, stop=None, shuffle=False
    ),
    "two layers": PGU(0.9, 0.3, epochs=2, stop=None, shuffle=False, layers=("b", "d")),
}


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
def test_pgu_equals_brute_force(model: nn.Module, method: PGU) -> None:
    space = GradientSpace.of(model, WHOLE, stride_one=method.stride_one)
    result, expected = applied(method, model, space), brute_force(method, model)
    assert not torch.equal(result.d.weight, model.d.weight)  # type: ignore[arg-type, union-attr]
    for p, q in zip(result.parameters(), expected.parameters(), strict=True):
        assert_close(p, q)


def test_what_stays_is_bit_identical(model: nn.Module, space: GradientSpace) -> None:
    result = applied(PGU(0.5, epochs=4, stop=None), model, space)
    weights = {f"{name}.weight" for name in "abcd"}
    before = model.state_dict()
    for name, value in result.state_dict().items():
        assert torch.equal(value, before[name]) == (name not in weights), name
    result = applied(PGU(0.5, epochs=4, stop=None, layers=("c",)), model, space)
    moved = [n for n, v in result.state_dict().items() if not torch.equal(v, before[n])]
    assert moved == ["c.weight"]


def test_steps_are_orthogonal_to_the_space(model: nn.Module, space: GradientSpace) -> None:
    method = PGU(0.95, 0.5, epochs=5, stop=None)
    result = applied(method, model, space)
    for name, groups in bases(method, model).items():
        change = result.get_parameter(f"{name}.weight") - model.get_parameter(f"{name}.weight")
        for part, B in zip(change.chunk(len(groups)), groups, strict=True):
            assert (part.flatten(1) @ B).norm() < 1e-12 * change.norm()
            assert B.shape[1] > 0


def test_an_empty_space_is_plain_descent(model: nn.Module, space: GradientSpace) -> None:
    method = PGU(gamma=0.0, epochs=2, batch_size=4, stop=None, shuffle=False)
    result, expected = applied(method, model, space), deepcopy(model)
    weights = [expected.get_parameter(f"{name}.weight") for name in "abcd"]
    for e in (1, 2):
        sgd = torch.optim.SGD(weights, lr=0.05 * 0.2 ** (e / 2))
        for x, y in FORGET.batches(4):
            sgd.zero_grad()
            method.loss(expected(x), y).backward()
            sgd.step()
    for p, q in zip(result.parameters(), expected.parameters(), strict=True):
        assert_close(p, q, rtol=1e-14, atol=0)


def test_the_full_space_changes_nothing(model: nn.Module, space: GradientSpace) -> None:
    result = applied(PGU(gamma=1.0, stop=None, epochs=3), model, space)
    for p, q in zip(result.parameters(), model.parameters(), strict=True):
        assert torch.equal(p, q)


def test_retained_activations_stay_as_gamma_goes_to_one(
    model: nn.Module, space: GradientSpace
) -> None:
    """Twelve images span less than the 24 inputs of c, so there is room however large gamma is."""

    def drift(gamma: float) -> float:
        result = applied(PGU(gamma, 0.05, epochs=5, stop=None), model, space)
        assert not torch.equal(result.c.weight, model.c.weight)  # type: ignore[arg-type, union-attr]
        return float((result(RETAIN.x) - model(RETAIN.x)).detach().norm())

    drifts = [drift(gamma) for gamma in (0.0, 0.9, 0.99, 1 - 1e-6, 1 - 1e-12)]
    assert drifts == sorted(drifts, reverse=True)
    assert drifts[0] > 0.01
    assert drifts[-1] < 1e-6


def test_the_loss_is_bounded_and_its_gradient_is_that_of_the_notes() -> None:
    r"""dl/dz_c = p_y (1[c = y] - p_c) / (1 + delta - p_y), for the reverse cross-entropy."""
    z, y = examples(6, 3).x.flatten(1)[:, :4].requires_grad_(), torch.tensor([0, 1, 2, 3, 0, 1])
    method = PGU(entropy=0.0)
    (g,) = torch.autograd.grad(6 * method.loss(z, y), z)
    p = z.softmax(1)
    p_y = p[torch.arange(6), y][:, None]
    assert_close(g, (p_y * (torch.eye(4)[y] - p) / (1.05 - p_y)).detach())
    certain = torch.tensor([[60.0, 0, 0, 0]]).double()
    assert method.loss(certain, torch.tensor([0])).item() == pytest.approx(-math.log(0.05))
    assert method.loss(certain, torch.tensor([1])).item() == pytest.approx(-math.log(1.05))


def test_entropy_is_raised_when_removing_and_lowered_when_depoisoning() -> None:
    flat, sharp = torch.zeros(1, 4).double(), torch.tensor([[0.0, 9, -9, -9]]).double()
    y = torch.tensor([0])
    weight = {"entropy": 1.0, "offset": 1e9}  # the reverse cross-entropy is then the same
    remove, depoison = PGU(**weight), PGU(**weight, depoison=True)  # type: ignore[arg-type]
    assert (remove.loss(flat, y) - remove.loss(sharp, y)).item() < -1
    assert (depoison.loss(flat, y) - depoison.loss(sharp, y)).item() == pytest.approx(math.log(3))


def test_dropout_and_order_follow_the_generator(model: nn.Module, space: GradientSpace) -> None:
    def weight(seed: int, **fields: bool) -> Tensor:
        method = replace(PGU(0.5, epochs=2, batch_size=3, stop=None), **fields)  # type: ignore[arg-type]
        return applied(method, model, space, seed).c.weight  # type: ignore[return-value, union-attr]

    for fields in ({"dropout": True, "shuffle": False}, {"shuffle": True}):
        assert torch.equal(weight(0, **fields), weight(0, **fields))
        assert not torch.equal(weight(0, **fields), weight(1, **fields))
    assert torch.equal(weight(0, shuffle=False), weight(1, shuffle=False))


def test_presets() -> None:
    ours = asdict(PGU())
    changed = {k: v for k, v in asdict(PGU.as_released()).items() if v != ours[k]}
    assert changed == {"share": "singular", "stride_one": True, "dropout": True, "shuffle": False}
    changed = {k: v for k, v in asdict(PGU.depoisoning(steps=2)).items() if v != ours[k]}
    assert changed == {
        "lr": 0.1, "lr_end": 0.05, "offset": 0.1, "depoison": True, "trust": 400, "stop": "drop",
        "steps": 2,
    }  # fmt: skip


def test_wrong_spaces_are_refused(model: nn.Module, space: GradientSpace) -> None:
    with pytest.raises(StaleStatisticError, match=r"with stride_one=False, the method wants.*True"):
        applied(PGU.as_released(), model, space)
    other = deepcopy(model)
    other.d.bias.data += 1  # type: ignore[union-attr, operator]
    with pytest.raises(StaleStatisticError):
        applied(PGU(), other, space)


def test_forgetting_a_class_spares_the_rest(toy: Dataset) -> None:
    """One small network, five seeds: the class goes, the rest stays; without the space it goes."""
    original = learned(toy.train, Recipe(15, 0.05, batch_size=16))
    boot = toy.train.y == 1
    space = GradientSpace.of(original, toy.train.inputs)
    kept: dict[float, list[float]] = {0.0: [], 0.9: []}
    for gamma, accuracies in kept.items():
        for seed in range(5):
            method = PGU(gamma, 0.5, 0.1, epochs=20, batch_size=16, stop=None)
            result = method(
                original, forget=toy.train[boot], gradient_space=space, validation=NOTHING,
                generator=seeded(seed),
            )  # fmt: skip
            with torch.no_grad():
                z = result(toy.train.x)
            assert accuracy(z[boot], toy.train.y[boot]) < 0.3
            accuracies.append(accuracy(z[~boot], toy.train.y[~boot]))
    assert sum(kept[0.9]) / 5 > 0.9
    assert sum(kept[0.9]) > sum(kept[0.0])
