"""Fisher forgetting against its equation: the Fisher a label at a time, the noise by its spread."""

from dataclasses import asdict
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from unlearnlib import FisherForgetting, Labelled

from .made_classes import accuracy, trained
from .toys import assert_same, seeded


def examples(n: int = 7) -> Labelled:
    x = torch.randn(n, 4, dtype=torch.float64, generator=seeded(1))
    return Labelled(x, torch.arange(n) % 3)


RETAIN = examples()


def noisy(method: FisherForgetting, model: nn.Module, seed: int = 0) -> nn.Module:
    return method(model, retain=RETAIN, generator=seeded(seed))


def fisher(model: nn.Module, data: Labelled) -> list[Tensor]:
    """One example and one label at a time; each label as often as the model gives it."""
    parameters = list(model.parameters())
    total = [torch.zeros_like(p) for p in parameters]
    for x in data.x:
        p = model(x[None])[0].softmax(0)
        for y in range(len(p)):
            gradients = torch.autograd.grad(p[y].log(), parameters, retain_graph=True)
            for F, g in zip(total, gradients, strict=True):
                F += p[y].detach() * g**2 / len(data)
    return total


def draws(model: nn.Module, seed: int = 0) -> list[Tensor]:
    source = seeded(seed)
    return [torch.randn(p.shape, dtype=p.dtype, generator=source) for p in model.parameters()]


@pytest.mark.parametrize(("power", "alpha", "floor"), [(0.25, 1e-6, 1e-2), (0.5, 1e-5, 1e-9)])
def test_it_is_the_equation(model: nn.Module, power: float, alpha: float, floor: float) -> None:
    result = noisy(FisherForgetting(alpha, power, floor), model)
    new = iter(result.parameters())
    for theta, F, eps in zip(model.parameters(), fisher(model, RETAIN), draws(model), strict=True):
        for_each = zip(theta.flatten(), F.flatten(), eps.flatten(), strict=True)
        expected = [t + (alpha / max(float(f), floor)) ** power * e for t, f, e in for_each]
        assert_close(next(new).flatten(), torch.stack(expected))


def test_the_fisher_of_a_linear_softmax_is_known() -> None:
    """Of the weight (k, j) it is the mean of p_k (1 - p_k) x_j^2."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Linear(4, 3).double()
    p = model(RETAIN.x).softmax(1)
    F = torch.einsum("nk,nj->kj", p * (1 - p), RETAIN.x**2) / len(RETAIN)
    result = noisy(FisherForgetting(1e-6, 0.5, 1e-12), model)
    assert_close(result.weight, model.weight + 1e-3 / F.sqrt() * draws(model)[0])


def test_released_variances_by_hand() -> None:
    """A hidden layer with as many rows as there are classes is no last layer."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 3)).double()
    method = FisherForgetting.as_released(1e-4, floor=5e-3, erase=False)
    result = noisy(method, model)
    W_1, b_1, W_2, b_2 = ((1e-4 / F.clamp(min=5e-3)) for F in fisher(model, RETAIN))
    F_W, F_b = fisher(model, RETAIN)[2:]
    W_2, b_2 = 1e-4 / F_W.clamp(min=5e-2), 1e-4 / F_b.clamp(min=5e-2)
    variances = [W_1.mean(1)[:, None].expand(3, 4), 10 * b_1, 10 * W_2.mean(1)[:, None], 10 * b_2]
    new = iter(result.parameters())
    for theta, variance, eps in zip(model.parameters(), variances, draws(model), strict=True):
        assert_close(next(new), theta + variance.sqrt() * eps)


@pytest.mark.parametrize("name", ["pooled", "tenfold", "erase"])
def test_each_departure_is_one(model: nn.Module, name: str) -> None:
    data = RETAIN[RETAIN.y < 2]
    fields: dict[str, Any] = {name: True}
    one, other = (
        FisherForgetting(**given)(model, retain=data, generator=seeded()) for given in ({}, fields)
    )
    assert not all(map(torch.equal, one.parameters(), other.parameters()))


def test_a_class_that_is_not_retained_loses_its_row(model: nn.Module) -> None:
    data = RETAIN[RETAIN.y != 1]
    method = FisherForgetting(erase=True)
    erased = method(model, retain=data, generator=seeded())[-1]  # type: ignore[index]
    kept = FisherForgetting()(model, retain=data, generator=seeded())[-1]  # type: ignore[index]
    *_, eps_W, eps_b = draws(model)
    assert_close(erased.weight[1], 1e-2 * eps_W[1])
    assert_close(erased.bias[1], 1e-2 * eps_b[1])
    for row in (0, 2):
        assert torch.equal(erased.weight[row], kept.weight[row])
    assert_same(noisy(method, model), noisy(FisherForgetting(), model), rtol=0, atol=0)


def test_as_released_it_is_the_erased_row_that_forgets() -> None:
    """The noise alone leaves the loss on the class where it was."""
    model, forget, retain = trained(0)

    def loss(erase: bool) -> float:
        method = FisherForgetting.as_released(erase=erase)
        result = method(model, retain=retain, generator=seeded())
        return float(cross_entropy(result(forget.x), forget.y).detach())

    before = float(cross_entropy(model(forget.x), forget.y).detach())
    assert abs(loss(erase=False) - before) < 0.1 * (loss(erase=True) - before)


def test_without_noise_nothing_changes(model: nn.Module) -> None:
    for method in (FisherForgetting(0), FisherForgetting.as_released(0, erase=False)):
        assert_same(noisy(method, model), model, rtol=0, atol=0)


def test_a_dead_weight_gets_the_noise_of_the_floor(model: nn.Module) -> None:
    """Of an input that is always 0; and as much in the paper's form as in the releases'."""
    data = Labelled(RETAIN.x * torch.tensor([0.0, 1, 1, 1]), RETAIN.y)
    eps = draws(model)[0]
    for method in (FisherForgetting(), FisherForgetting(1e-6, 0.5)):
        moved = method(model, retain=data, generator=seeded())
        change = next(moved.parameters()) - next(model.parameters())
        assert_close(change[:, 0], 1e-3**0.5 * eps[:, 0])


def test_buffers_stay_and_labels_do_not_matter() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3)).double()
        net(RETAIN.x)
    one = noisy(FisherForgetting(), net.train())
    for name, buffer in net.named_buffers():
        assert torch.equal(one.get_buffer(name), buffer)
    other = Labelled(RETAIN.x, RETAIN.y.flip(0))
    assert_same(one, FisherForgetting()(net, retain=other, generator=seeded()), rtol=0, atol=0)


def test_the_preset() -> None:
    ours, released = asdict(FisherForgetting()), asdict(FisherForgetting.as_released())
    changed = {name: value for name, value in released.items() if value != ours[name]}
    assert changed == {"alpha": 1e-6, "power": 0.5, "pooled": True, "tenfold": True, "erase": True}
    assert FisherForgetting.as_released(erase=False).erase is False


def test_it_forgets_a_class_and_keeps_most_of_the_rest() -> None:
    """In the mean: single draws of noise vary much. Class 2 has inputs of its own here."""
    means = []
    for seed in range(5):
        model, forget, retain = trained(seed, apart=True, epochs=3)
        method = FisherForgetting(1e-8, floor=1e-9)
        draws = [method(model, retain=retain, generator=seeded(i)) for i in range(3)]
        means += [(accuracy(result, forget), accuracy(result, retain)) for result in draws]
    forgotten, kept = torch.tensor(means).mean(0).tolist()
    assert forgotten < 0.5
    assert kept > 0.75
