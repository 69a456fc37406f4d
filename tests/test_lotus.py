"""LoTUS against its equations, and what its targets and temperature are at their limits."""

from copy import deepcopy
from math import exp
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from unlearnlib import Dataset, Labelled, LoTUS
from unlearnlib.errors import DataError
from unlearnlib.methods import lotus
from unlearnlib.methods.lotus import choices, targets

from .made_forgetting import forgotten_and_kept
from .made_offers import assert_same, network, offers, state, unlearned
from .toys import seeded


def examples(n: int, seed: int) -> Labelled:
    x = torch.randn(n, 4, dtype=torch.float64, generator=seeded(seed))
    return Labelled(x, torch.arange(n) % 3)


FORGET, RETAIN = examples(5, 1), examples(11, 2).inputs


def normed() -> nn.Module:
    """With BatchNorm, which differs between teacher and student, and has seen something."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 3)).double()
        net(RETAIN.x)
    return net.eval()


def right(net: nn.Module, data: Labelled) -> float:
    hits = [
        int(net(x[None])[0].argmax()) == y for x, y in zip(data.x, data.y.tolist(), strict=True)
    ]
    return sum(hits) / len(hits)


def known_so_well(share: float, net: nn.Module) -> Labelled:
    """Ten examples of which the network knows that share."""
    x = examples(10, 3).x
    y = net(x).argmax(1)
    y[round(10 * share) :] += 1
    return Labelled(x, y % 3)


def brute_force(method: LoTUS, model: nn.Module, goal: float) -> tuple[nn.Module, list[float]]:
    """With AdamW by hand, and a loop over the examples of a batch and the classes."""
    student, source = deepcopy(model), seeded()
    chosen = torch.randperm(11, generator=source)[: int(method.fraction * 11)]
    x_all = torch.cat([FORGET.x, RETAIN.x[chosen]])
    parameters, taus, step = list(student.parameters()), [], 0
    m, v = ([torch.zeros_like(p) for p in parameters] for _ in range(2))
    for _ in range(method.epochs):
        gap = right(student.eval(), FORGET) - goal
        if gap <= -0.01:
            break
        taus.append(exp(method.alpha * gap))
        order = torch.randperm(len(x_all), generator=source)
        torch.randint(2**31, (), generator=source)  # what seeds dropout
        for batch in order.split(method.batch_size):
            z, total = student.train()(x_all[batch]), torch.zeros(())
            z_o = model.eval()(x_all[batch]).detach()
            noisy = z_o - torch.empty_like(z_o).exponential_(generator=source).log()
            for i, place in enumerate(batch.tolist()):
                if place < 5:
                    weights = (noisy[i] / taus[-1]).exp()
                    t = (weights / weights.sum()).tolist()
                else:
                    t = [float(noisy[i, c] == noisy[i].max()) for c in range(3)]
                log_q = z[i] - z[i].exp().sum().log()
                total = total - sum(t[c] * log_q[c] for c in range(3))
            gradients = torch.autograd.grad(total / len(batch), parameters)
            step += 1
            for p, m_i, v_i, g in zip(parameters, m, v, gradients, strict=True):
                m_i.copy_(0.9 * m_i + 0.1 * g)
                v_i.copy_(0.999 * v_i + 0.001 * g**2)
                p.data *= 1 - method.lr * method.weight_decay
                p.data -= method.lr * (m_i / (1 - 0.9**step)) / (
                    (v_i / (1 - 0.999**step)).sqrt() + 1e-8
                )  # fmt: skip
    return student.eval(), taus


@pytest.mark.parametrize(
    ("fields", "known"),
    [
        ({}, 0.2), ({"alpha": 8.0}, 0.0), ({"fraction": 1.0, "epochs": 3}, 0.1),
        ({"fraction": 0.2, "alpha": 0.5}, 0.3), ({"to_zero": True}, 0.9),
    ],
)  # fmt: skip
def test_it_equals_brute_force(fields: dict[str, Any], known: float) -> None:
    method = LoTUS(lr=0.05, weight_decay=0.1, batch_size=4, **({"epochs": 6} | fields))
    model = normed()
    given: dict[str, Any] = {"forget": FORGET, "retain_inputs": RETAIN}
    given["validation"] = known_so_well(known, model)
    expected, taus = brute_force(method, model, 0.0 if method.to_zero else known)
    assert taus
    assert_close(state(method(model, **given, generator=seeded())), state(expected))


@pytest.mark.parametrize(("known", "stays"), [(0.8, True), (0.6, True), (0.4, False), (0.2, False)])
def test_it_ends_where_the_forget_set_is_known_worse_than_unseen_data(
    known: float, stays: bool
) -> None:
    """The network knows two of the five: 0.4, which is no worse than 0.4."""
    model = normed()
    forget = Labelled(FORGET.x, model(FORGET.x).argmax(1))
    forget.y[:3] = (forget.y[:3] + 1) % 3
    assert right(model, forget) == 0.4
    given: dict[str, Any] = {"forget": forget, "retain_inputs": RETAIN}
    given["validation"] = known_so_well(known, model)
    for to_zero in (False, True):
        method = LoTUS(epochs=1, lr=0.01, batch_size=4, to_zero=to_zero)
        result = state(method(model, **given, generator=seeded()))
        if stays and not to_zero:
            assert_same(result, state(model))
        else:
            assert not torch.equal(result["0.weight"], model.get_parameter("0.weight"))


def test_at_the_goal_the_temperature_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    model, taus = normed(), list[float]()

    def noted(z_o: Tensor, forgotten: Tensor, tau: float, generator: torch.Generator) -> Tensor:
        taus.append(tau)
        return targets(z_o, forgotten, tau, generator)

    monkeypatch.setattr(lotus, "targets", noted)
    for known in (1.0, 0.5, 0.0):
        LoTUS(alpha=2.0, epochs=1)(
            model, forget=Labelled(FORGET.x, model(FORGET.x).argmax(1)), retain_inputs=RETAIN,
            validation=known_so_well(known, model), generator=seeded(),
        )  # fmt: skip
    assert taus == pytest.approx([1.0, exp(1.0), exp(2.0)])


@pytest.mark.parametrize("alpha", [2000.0, 1e30])
def test_the_steepest_temperature_does_not_overflow(alpha: float) -> None:
    """It is that of targets which are even, or, between the goal and the end, hard."""
    model = normed()
    for known in (0.0, 1.0):
        result = LoTUS(alpha, epochs=1)(
            model, forget=known_so_well(1.0, model), retain_inputs=RETAIN,
            validation=known_so_well(known, model), generator=seeded(),
        )  # fmt: skip
        assert not torch.equal(*(net.get_parameter("0.weight") for net in (result, model)))
    z_o, every = torch.randn(50, 4, generator=seeded()), torch.ones(50, dtype=torch.bool)
    even, hard = (targets(z_o, every, exp(power), seeded(1)) for power in (50.0, -50.0))
    assert (even == 1 / 4).all()
    assert_close(hard, targets(z_o, ~every, 1.0, seeded(1)), rtol=0, atol=0)


def test_hard_targets_are_draws_from_the_teacher() -> None:
    z_o = torch.tensor([0.5, -1.0, 1.5, 0.0], dtype=torch.float64)
    n, none = 20_000, torch.zeros(20_000, dtype=torch.bool)
    t = targets(z_o.expand(n, 4), none, 3.0, seeded())
    assert set(t.unique().tolist()) == {0.0, 1.0}
    assert (t.sum(1) == 1).all()
    p = z_o.softmax(0)
    assert ((t.mean(0) - p).abs() < 4 * (p * (1 - p) / n).sqrt()).all()


def test_soft_targets_between_a_draw_and_nothing_known() -> None:
    z_o = torch.randn(50, 4, dtype=torch.float64, generator=seeded())
    every = torch.ones(50, dtype=torch.bool)
    hard = targets(z_o, ~every, 1.0, seeded(1))
    cold, hot = (targets(z_o, every, tau, seeded(1)) for tau in (1e-6, 1e9))
    assert_close(cold, hard, rtol=0, atol=1e-6)
    assert_close(hot, torch.full_like(hot, 1 / 4))
    half = torch.arange(50) < 25
    mixed = targets(z_o, half, 1e9, seeded(1))
    assert_close(mixed, torch.where(half[:, None], hot, hard))


def test_of_several_labels_each_is_drawn() -> None:
    z_o = torch.tensor([[2.0, -1.0]], dtype=torch.float64).expand(20_000, 2)
    none = torch.zeros(len(z_o), dtype=torch.bool)
    t = targets(choices(z_o, several=True), none, 1.0, seeded())[..., 0]
    p = z_o[0].sigmoid()
    assert ((t.mean(0) - p).abs() < 4 * (p * (1 - p) / len(t)).sqrt()).all()
    assert abs(t.T.corrcoef()[0, 1]) < 4 / len(t) ** 0.5
    assert (choices(z_o, several=True).softmax(-1)[0, :, 0] - p).abs().max() < 1e-12


def test_labels_enter_by_the_accuracy_alone() -> None:
    """Two of five are known by both sets of labels, and steps are too short to change that."""
    model = normed()
    wrong = (model(FORGET.x).argmax(1)[:, None] + torch.tensor([1, 2])) % 3
    results = []
    for column, known in ((0, [0, 1]), (1, [2, 4])):
        y = wrong[:, column].clone()
        y[known] = model(FORGET.x).argmax(1)[known]
        results.append(
            LoTUS(lr=1e-6, epochs=2)(
                model, forget=Labelled(FORGET.x, y), retain_inputs=RETAIN,
                validation=known_so_well(0.1, model), generator=seeded(),
            )
        )  # fmt: skip
    assert_same(*map(state, results))


def test_without_validation_data_it_can_aim_at_zero_alone() -> None:
    given = offers()
    given.validation = given.validation[torch.arange(0)]
    assert not unlearned(LoTUS(to_zero=True), network(), given).training
    assert not LoTUS(to_zero=True).needs_validation
    with pytest.raises(DataError, match="no examples to go through"):
        unlearned(LoTUS(), network(), given)


def test_a_class_is_no_longer_sure_and_the_rest_kept(toy: Dataset) -> None:
    """At first the losses are below 0.01; an even guess has log 3 = 1.1."""
    method = LoTUS(alpha=8.0, lr=0.003, batch_size=20, to_zero=True)
    for _, loss, kept in forgotten_and_kept(method, toy):
        assert 0.8 < loss < 1.3
        assert kept >= 0.95
