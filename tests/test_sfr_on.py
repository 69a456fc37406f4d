"""SFR-on against its equations, one example and one parameter at a time."""

import math
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook
from torch.testing import assert_close

from unlearnlib import Labelled, SFROn
from unlearnlib.methods.sfr_on import weighted

from .made_classes import accuracy, trained
from .toys import assert_same, seeded


def examples(n: int, seed: int) -> Labelled:
    x = torch.randn(n, 4, dtype=torch.float64, generator=seeded(seed))
    return Labelled(x, torch.arange(n) % 3)


FORGET, RETAIN = examples(5, 1), examples(8, 2)
FEW: dict[str, Any] = {"steps": 7, "every": 3, "batch_size": 3, "lr": 0.05}


def unlearned(method: SFROn, model: nn.Module) -> nn.Module:
    return method(model, forget=FORGET, retain=RETAIN, generator=seeded())


def loss_of(model: nn.Module, data: Labelled, i: Tensor) -> Tensor:
    return cross_entropy(model(data.x[i][None]), data.y[i][None])


def fisher(model: nn.Module, data: Labelled, group: int) -> list[Tensor]:
    """The mean over groups of the square of their mean gradient."""
    parameters, parts = list(model.parameters()), torch.arange(len(data)).split(group)
    total = [torch.zeros_like(p) for p in parameters]
    for part in parts:
        mean = torch.stack([loss_of(model, data, i) for i in part]).mean()
        for F, g in zip(total, torch.autograd.grad(mean, parameters), strict=True):
            F += g**2 / len(parts)
    return total


def endless(n: int, source: torch.Generator) -> Iterator[Tensor]:
    while True:
        yield from torch.randperm(n, generator=source).split(3)


def brute_force(method: SFROn, model: nn.Module) -> nn.Module:
    """The algorithm with SGD, the clipping and the schedules by hand."""
    reference, source = deepcopy(model), seeded()
    theta = list(reference.parameters())
    F_f, F_r = (fisher(model, data, method.group) for data in (FORGET, RETAIN))
    m = [(f >= method.gamma * r).double() for f, r in zip(F_f, F_r, strict=True)]
    velocities = [torch.zeros_like(p) for p in theta]
    torch.randint(2**31, (), generator=source)  # what seeds dropout
    forgotten, kept = endless(5, source), endless(8, source)

    def descend(gradients: list[Tensor], eta: float) -> None:
        for p, v, g in zip(theta, velocities, gradients, strict=True):
            v.copy_(method.momentum * v + g + method.weight_decay * p.data)
            p.data -= eta * v

    for t in range(method.steps):
        falling = (1 + math.cos(math.pi * t / method.steps)) / 2
        eta = method.lr * falling
        if t % method.every == 0:
            each = [loss_of(reference, FORGET, i) for i in next(forgotten)]
            w = [float(value.detach()) ** -method.lam for value in each]
            total = sum((w_i * l_i for w_i, l_i in zip(w, each, strict=True)), torch.zeros(()))
            up = torch.autograd.grad(method.ascent * falling * total / sum(w), theta)
            up = [m_j * g for m_j, g in zip(m, up, strict=True)]  # type: ignore[assignment]
            norm = math.sqrt(sum(float((g**2).sum()) for g in up))
            up = [g * min(1, method.clip / norm) for g in up]  # type: ignore[assignment]
            if method.shared:
                descend([-g for g in up], eta)
            else:
                for p, g in zip(theta, up, strict=True):
                    p.data += eta * g
        batch = next(kept)
        mean = torch.stack([loss_of(reference, RETAIN, i) for i in batch]).mean()
        descend(list(torch.autograd.grad(mean, theta)), eta)
    return reference


@pytest.mark.parametrize(
    "fields",
    [
        {}, {"shared": True}, {"every": 1, "clip": 1e-2}, {"lam": 2.0, "ascent": 1.0},
        {"group": 2, "gamma": 0.5}, {"gamma": 0.0, "momentum": 0.0}, {"every": 9, "lam": 0.0},
    ],
)  # fmt: skip
def test_it_equals_brute_force(model: nn.Module, fields: dict[str, Any]) -> None:
    method = SFROn(**(FEW | fields))  # torch divides by the norm and a millionth
    assert_same(unlearned(method, model), brute_force(method, model), rtol=1e-5, atol=1e-7)


def test_a_loss_counts_the_less_the_larger_it_is() -> None:
    """The weights of 1, 4 and 9 at lambda 1/2 are as 1 to 1/2 to 1/3."""
    each = torch.tensor([1.0, 4.0, 9.0], dtype=torch.float64, requires_grad=True)
    value = weighted(each, 0.5)
    assert_close(value.item(), (1 + 4 / 2 + 9 / 3) / (1 + 1 / 2 + 1 / 3))
    (w,) = torch.autograd.grad(value, each)
    assert_close(w, torch.tensor([6.0, 3.0, 2.0], dtype=torch.float64) / 11)
    assert_close(weighted(each, 0.0), each.mean())
    assert weighted(torch.zeros(3), 0.5) == 0  # all of it known by heart


@pytest.mark.parametrize(("dtype", "w"), [(torch.float32, 2896.3), (torch.float64, 6.7109e7)])
def test_what_rounds_to_0_does_not_take_the_whole_weight(dtype: torch.dtype, w: float) -> None:
    """A loss of 0 has no slope: at most it counts as one of the spacing at 1, here to the -1/2."""
    each = torch.tensor([0.0, 1.0], dtype=dtype, requires_grad=True)
    (w_0, w_1) = torch.autograd.grad(weighted(each, 0.5), each)[0].tolist()
    assert w_0 / w_1 == pytest.approx(w, rel=1e-4)
    (none,) = torch.autograd.grad(weighted(each, 1e30), each)  # no power overflows
    assert none.tolist() == [1.0, 0.0]


def test_the_same_examples_mask_nothing(model: nn.Module) -> None:
    mask = SFROn().mask(model, FORGET, FORGET[torch.arange(5)])
    assert [bool(m.all()) for m in mask.values()] == [True] * 4
    assert not any(m.any() for m in SFROn(gamma=1.001).mask(model, FORGET, FORGET).values())
    dead = Labelled(FORGET.x * torch.tensor([0.0, 1, 1, 1]), FORGET.y)
    assert SFROn().mask(model, dead, dead)["0.weight"].all()  # 0 is as much as 0


def test_what_is_masked_does_not_move_with_momentum_and_decay(model: nn.Module) -> None:
    """In steps up. If all is masked they are as if they were not there; as released they are."""
    fields: dict[str, Any] = FEW | {"weight_decay": 0.1}
    without = unlearned(SFROn(ascent=0.0, **fields), model)
    assert_same(unlearned(SFROn(gamma=1e9, **fields), model), without, rtol=0, atol=0)
    leaking = unlearned(SFROn(gamma=1e9, shared=True, **fields), model)
    assert max((p - q).abs().max() for p, q in zip(
        leaking.parameters(), without.parameters(), strict=True)) > 1e-3  # fmt: skip


def test_part_of_the_parameters_are_masked_exactly(model: nn.Module) -> None:
    """One step up alone: the masked ones are the same bits after it."""
    before, after = deepcopy(model), list[list[Tensor]]()

    def note(sgd: Optimizer, *_: Any) -> None:
        after.append([p.detach().clone() for p in sgd.param_groups[0]["params"]])

    method = SFROn(**(FEW | {"steps": 1, "clip": 0.5}))
    hook = register_optimizer_step_post_hook(note)
    unlearned(method, model)
    hook.remove()
    m = method.mask(model, FORGET, RETAIN)
    moves = [q - p.detach() for p, q in zip(before.parameters(), after[0], strict=True)]
    assert 0 < sum(int(m_j.sum()) for m_j in m.values()) < sum(q.numel() for q in moves)
    for move, m_j in zip(moves, m.values(), strict=True):
        assert torch.equal(move != 0, m_j)
    assert_close(math.sqrt(sum(float((q**2).sum()) for q in moves)), 0.05 * 0.5)  # lr c


def test_no_rate_changes_nothing(model: nn.Module) -> None:
    for shared in (False, True):
        method = SFROn(**(FEW | {"lr": 0.0, "shared": shared}))
        assert_same(unlearned(method, model), model, rtol=0, atol=0)


def test_the_preset() -> None:
    ours, released = asdict(SFROn()), asdict(SFROn.as_released())
    changed = {name: value for name, value in released.items() if value != ours[name]}
    assert changed == {"group": 128, "shared": True}
    assert SFROn.as_released(group=3, lr=0.1) == SFROn(lr=0.1, group=3, shared=True)


@pytest.mark.parametrize(("shared", "most"), [(False, 0.4), (True, 0.1)])
def test_it_forgets_a_class_and_keeps_the_rest(shared: bool, most: float) -> None:
    """In the mean over models: of what is known by heart the loss has hardly a slope to climb."""
    method = SFROn(1000.0, lr=0.1, steps=40, every=2, batch_size=16, shared=shared)
    forgotten = 0.0
    for seed in range(5):
        model, forget, retain = trained(seed, epochs=3)
        result = method(model, forget=forget, retain=retain, generator=seeded(seed))
        forgotten += accuracy(result, forget) / 5
        assert accuracy(result, retain) > 0.95
    assert forgotten < most
