"""NablaTau against its equation, written out one example and one parameter at a time."""

from copy import deepcopy
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from unlearnlib import Dataset, Labelled, NablaTau, Recipe, losses
from unlearnlib.errors import SpecError

from .toys import assert_same, learned, seeded


def examples(n: int, seed: int, several: bool = False) -> Labelled:
    x = torch.randn(n, 4, dtype=torch.float64, generator=seeded(seed))
    y = torch.randint(3, (n,), generator=seeded(seed + 1))
    return Labelled(x, (torch.rand(n, 3, generator=seeded(seed)) < 0.4).float() if several else y)


def given(several: bool = False) -> dict[str, Labelled]:
    """5 examples to forget, 14 to retain, 7 held out: 2 and 5 batches of three."""
    return {
        "forget": examples(5, 10, several),
        "retain": examples(14, 20, several),
        "validation": examples(7, 30, several),
    }


def loss_of_one(z: Tensor, y: Tensor) -> Tensor:
    if y.dim() == 0:
        return z.exp().sum().log() - z[int(y)]
    p = 1 / (1 + (-z).exp())
    return -sum((p[c] if y[c] else 1 - p[c]).log() for c in range(3)) / 3  # type: ignore[return-value]


def all_losses(model: nn.Module, x: Tensor, y: Tensor) -> list[Tensor]:
    return [loss_of_one(model(x[i : i + 1])[0], y[i]) for i in range(len(x))]


def distance(method: NablaTau, l_f: list[Tensor], unseen: list[float]) -> Any:
    """The forget term, from lists of numbers."""

    def squared(gap: Any) -> Any:
        return gap**2 if method.two_sided or gap > 0 else gap * 0

    b, m = len(l_f), len(unseen)
    mean_f, mean_v = sum(l_f) / b, sum(unseen) / m
    if method.match == "mean":
        return squared(mean_v - mean_f)
    if method.match == "moments":
        var_f = sum((a - mean_f) ** 2 for a in l_f) / b
        var_v = sum((a - mean_v) ** 2 for a in unseen) / m
        return squared(mean_v - mean_f) + squared(var_v - var_f)
    ordered = sorted(l_f, key=Tensor.item)
    at = [float(np.quantile(unseen, (i + 0.5) / b)) for i in range(b)]
    return sum(squared(q - a) for q, a in zip(at, ordered, strict=True)) / b


def brute_force(method: NablaTau, model: nn.Module, data: dict[str, Labelled]) -> nn.Module:
    """The algorithm with a loop for every sum, and AdamW by hand."""
    model, source = deepcopy(model), seeded()
    forget, retain, validation = data.values()
    parameters = list(model.parameters())
    m, v = ([torch.zeros_like(p) for p in parameters] for _ in range(2))
    E, t = int(method.budget * 5 / 4), 0
    alpha_0 = 5 / 3 * 5 / 19 if method.alpha is None else method.alpha
    for e in range(E):
        alpha = alpha_0 * (E - e) / E if method.anneal else alpha_0
        lr = method.lr * (1 - (1 - method.lr_end) * e / E)
        if e % method.refresh == 0:
            unseen = [a.item() for a in all_losses(model, validation.x, validation.y)]
        if e % 2 == 0:  # two passes take four of the five batches of the rest
            queue: list[Tensor] = []
            fresh = True
        torch.randint(2**31, (), generator=source)  # what seeds dropout
        for batch in torch.randperm(5, generator=source).split(3):
            if fresh:
                queue = list(torch.randperm(14, generator=source).split(3))
                fresh = False
            rest = queue.pop(0)
            l_f = all_losses(model, forget.x[batch], forget.y[batch])
            l_r = sum(all_losses(model, retain.x[rest], retain.y[rest])) / len(rest)
            loss = alpha * distance(method, l_f, unseen) + (1 - alpha) * l_r
            gradients, t = torch.autograd.grad(loss, parameters), t + 1
            for p, m_i, v_i, g in zip(parameters, m, v, gradients, strict=True):
                m_i.copy_(0.9 * m_i + 0.1 * g)
                v_i.copy_(0.999 * v_i + 0.001 * g**2)
                p.data -= lr * 0.01 * p.data
                p.data -= lr * (m_i / (1 - 0.9**t)) / ((v_i / (1 - 0.999**t)).sqrt() + 1e-8)
    return model


FIELDS = {"lr": 0.02, "batch_size": 3, "refresh": 2, "budget": 5.0}


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("two_sided", [False, True])
@pytest.mark.parametrize("match", ["mean", "moments", "quantiles"])
@pytest.mark.parametrize(
    "more", [{}, {"alpha": 0.9, "anneal": False, "lr_end": 1.0}, {"alpha": 0.0, "refresh": 5}]
)
def test_it_equals_brute_force(
    model: nn.Module, more: dict[str, float], match: str, two_sided: bool, several: bool
) -> None:
    method = NablaTau(**(FIELDS | more), match=match, two_sided=two_sided)  # type: ignore[arg-type]
    data = given(several)
    result = method(model, **data, generator=seeded())
    assert_same(result, brute_force(method, model, data))


def test_the_forget_term_by_hand() -> None:
    unseen = torch.tensor([1.0, 3.0], dtype=torch.float64)  # mean 2, variance 1
    l_f = torch.tensor([0.0, 1.0], dtype=torch.float64)  # mean 1/2, variance 1/4
    assert NablaTau().shortfall(l_f, unseen) == 1.5**2
    assert NablaTau(match="moments").shortfall(l_f, unseen) == 1.5**2 + 0.75**2
    # quantiles at 1/4 and 3/4: 1.5 and 2.5
    assert NablaTau(match="quantiles").shortfall(l_f, unseen) == 1.5**2
    for match in ("mean", "moments", "quantiles"):
        above = NablaTau(match=match).shortfall(unseen + 5, l_f)
        pulled = NablaTau(match=match, two_sided=True).shortfall(unseen + 5, l_f)
        assert above == 0
        assert pulled > 1


CIFAR = {0.03: (190, 6, 95, 570), 0.15: (167, 30, 16, 480), 0.30: (137, 59, 6, 354)}


@pytest.mark.parametrize("share", CIFAR)
def test_steps_on_cifar_are_those_of_the_release(share: float) -> None:
    N_r, N_f, E, steps = CIFAR[share]
    n_f = round(share * 50_000)
    method = NablaTau.as_released()
    alphas = method.alphas(n_f, 50_000 - n_f)
    assert (method.batches(50_000 - n_f), method.batches(n_f), len(alphas)) == (N_r, N_f, E)
    assert len(alphas) * N_f == steps
    assert alphas[0] == pytest.approx({0.03: 0.05, 0.15: 0.25, 0.30: 0.5}[share])
    assert alphas[-1] == pytest.approx(alphas[0] / E)
    falls = torch.tensor(alphas, dtype=torch.float64).diff()
    assert_close(falls, torch.full_like(falls, -alphas[0] / E))


@pytest.mark.parametrize(("share", "E", "steps"), [(0.03, 14, 154), (0.15, 2, 102), (0.3, 1, 102)])
def test_steps_on_goemotions_are_those_of_the_release(share: float, E: int, steps: int) -> None:
    n_f = int(share * 43_410)
    method = NablaTau.as_released_text()
    alphas = method.alphas(n_f, 43_410 - n_f)
    assert (len(alphas), len(alphas) * method.batches(n_f)) == (E, steps)
    assert alphas[0] == 0.5


def test_passes_of_the_grid() -> None:
    percent = [1, 2, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50]
    passes = [len(NablaTau(max_epochs=80).alphas(500 * s, 50_000 - 500 * s)) for s in percent]
    assert passes == [80, 80, 55, 26, 16, 11, 9, 6, 5, 4, 3, 3]


def test_a_single_example_left_over_is_no_batch() -> None:
    method = NablaTau(batch_size=4, budget=2.0)
    assert [method.batches(n) for n in (1, 4, 5, 6, 9, 13)] == [1, 1, 1, 2, 2, 3]
    assert len(method.alphas(5, 13)) == 3  # each pass is one step, and one over the rest has three


def test_at_least_one_pass_and_a_weight_of_at_most_one() -> None:
    assert NablaTau.as_released_text().alphas(30_000, 13_410) == [0.5]
    assert NablaTau().alphas(9_000, 1_000)[0] == 1.0


def test_presets() -> None:
    ours, text = asdict(NablaTau()), asdict(NablaTau.as_released_text())
    assert NablaTau.as_released() == NablaTau()
    assert {name: value for name, value in text.items() if value != ours[name]} == {
        "alpha": 0.5, "budget": 1.0, "lr": 3e-4, "lr_end": 1.0, "batch_size": 128,
        "two_sided": True, "train_mode": True,
    }  # fmt: skip
    assert NablaTau.as_released_text(lr=0.1).lr == NablaTau.as_released(lr=0.1).lr == 0.1


def test_without_weight_it_is_fine_tuning(model: nn.Module) -> None:
    """What is to be forgotten does not matter then, nor what is held out."""
    method, data = NablaTau(**FIELDS, alpha=0.0), given()  # type: ignore[arg-type]
    other = data | {"forget": examples(5, 99), "validation": examples(2, 98)}
    one, two = (method(model, **d, generator=seeded()) for d in (data, other))
    assert_same(one, two, rtol=0, atol=0)
    before, after = (losses(net(data["retain"].x), data["retain"].y).mean() for net in (model, one))
    assert after < before


def test_no_ascent_above_tau(model: nn.Module) -> None:
    """Held-out data that are fitted well, forget data that are not: the term is zero throughout."""
    data = given()
    data["validation"] = Labelled(data["validation"].x, model(data["validation"].x).argmax(1))
    worst = model(data["forget"].x).argmin(1)
    data["forget"] = Labelled(data["forget"].x, worst)
    method = NablaTau(**(FIELDS | {"lr": 1e-3}), alpha=0.5, anneal=False)  # type: ignore[arg-type]
    moved = Labelled(data["forget"].x + 0.01, worst)
    one = method(model, **data, generator=seeded())
    two = method(model, **(data | {"forget": moved}), generator=seeded())
    assert_same(one, two, rtol=0, atol=0)
    pulled = NablaTau(**asdict(method) | {"two_sided": True})(model, **data, generator=seeded())
    end = [losses(net(data["forget"].x), worst).mean() for net in (pulled, one)]
    assert end[0] < end[1]


def test_iterates_are_one_object_and_end_at_the_result(model: nn.Module) -> None:
    method, data = NablaTau(**FIELDS, train_mode=True), given()  # type: ignore[arg-type]
    iterates, copies = [], []
    for iterate in method.iterates(model, **data, generator=seeded()):
        assert not iterate.training
        iterates.append(iterate)
        copies.append(deepcopy(iterate))
    assert len(iterates) == 6
    assert len({id(iterate) for iterate in iterates}) == 1
    assert_same(copies[-1], method(model, **data, generator=seeded()), rtol=0, atol=0)
    assert not torch.equal(copies[0][0].weight, copies[1][0].weight)  # type: ignore[index]


def test_batchnorm_is_frozen_unless_in_train_mode(model: nn.Module) -> None:
    net = nn.Sequential(model[0], nn.BatchNorm1d(5).double(), model[2])  # type: ignore[index]
    for train_mode in (False, True):
        method = NablaTau(**(FIELDS | {"batch_size": 4}), train_mode=train_mode)  # type: ignore[arg-type]
        data = given() | {"forget": examples(6, 10)}
        result = method(net, **data, generator=seeded())
        mean = result[1].running_mean  # type: ignore[index]
        assert bool(mean.any()) == train_mode


def test_in_train_mode_dropout_of_the_head_is_off_and_that_of_an_encoder_on(
    model: nn.Module,
) -> None:
    """The first equals a net without dropout, brute force; the second does not."""
    assert isinstance(model, nn.Sequential)
    first, act, last = model
    method, data = NablaTau(**FIELDS, train_mode=True), given()  # type: ignore[arg-type]
    expected = brute_force(method, model, data)
    head = nn.Sequential(first, act, nn.Dropout(0.5), last)
    assert_same(method(head, **data, generator=seeded()), expected)
    encoder = nn.Sequential(nn.Sequential(first, nn.Dropout(0.5)), act, last)
    result = method(encoder, **data, generator=seeded())
    assert not torch.allclose(result[2].weight, expected[2].weight)  # type: ignore[index]
    assert not any(module.training for module in result.modules())


def test_without_held_out_data_it_says_what_to_do(model: nn.Module) -> None:
    data = given() | {"validation": examples(0, 1)}
    with pytest.raises(SpecError, match=r"no held-out data to measure tau.*validation: 0\.1"):
        NablaTau()(model, **data, generator=seeded())


def test_the_loss_of_the_forget_set_comes_near_that_of_unseen_data(toy: Dataset) -> None:
    """One small network that has learned by heart, five seeds; the rest stays learned."""
    parts = torch.arange(120) % 4
    noisy = Labelled(toy.train.x, (toy.train.y + (torch.arange(120) % 7 == 0)) % 3)
    forget, validation, retain = noisy[parts == 0], noisy[parts == 1], noisy[parts > 1]
    original = learned(noisy[parts != 1], Recipe(40, 0.05, batch_size=16))

    def loss(net: nn.Module, data: Labelled) -> float:
        with torch.no_grad():
            return losses(net(data.x), data.y).mean().item()

    before = loss(original, validation) - loss(original, forget)
    assert before > 0.3
    for seed in range(5):
        method = NablaTau(batch_size=16, budget=30)
        result = method(
            original, forget=forget, retain=retain, validation=validation, generator=seeded(seed)
        )
        assert abs(loss(result, validation) - loss(result, forget)) < before / 2
        assert loss(result, retain) < 0.1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_quantiles_of_half_precision(dtype: torch.dtype) -> None:
    l_f, unseen = torch.tensor([0.0, 3.0]), torch.tensor([1.0, 2.0, 3.0])
    method = NablaTau(match="quantiles")
    shortfall = method.shortfall(l_f.to(dtype), unseen.to(dtype))
    assert shortfall == method.shortfall(l_f, unseen) > 0
