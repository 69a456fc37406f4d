"""SalUn against its equation, one example and one parameter at a time."""

from copy import deepcopy
from dataclasses import asdict

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from unlearnlib import Dataset, Labelled, SalUn
from unlearnlib.methods import salun
from unlearnlib.methods.random_label import wrong_labels

from .made_forgetting import left
from .toys import assert_same, seeded


def examples(n: int, seed: int) -> Labelled:
    x = torch.randn(n, 4, dtype=torch.float64, generator=seeded(seed))
    return Labelled(x, torch.arange(n) % 3)


FORGET, RETAIN = examples(5, 1), examples(8, 2)


def unlearned(method: SalUn, model: nn.Module) -> nn.Module:
    return method(model, forget=FORGET, retain=RETAIN, generator=seeded())


def mean_loss(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """One example at a time."""
    total = sum(cross_entropy(model(x[i : i + 1]), y[i : i + 1]) for i in range(len(x)))
    return total / len(x)  # type: ignore[return-value]


def brute_force(method: SalUn, original: nn.Module) -> nn.Module:
    """Batches of three, with the mask of the original and SGD by hand."""
    model, source = deepcopy(original), seeded()
    parameters = list(model.parameters())
    gradients = torch.autograd.grad(mean_loss(model, FORGET.x, FORGET.y), parameters)
    sizes = torch.cat([g.abs().flatten() for g in gradients]).sort(descending=True).values
    gamma = sizes[int(method.salient * len(sizes)) - 1]
    masks = [(g.abs() >= gamma).double() for g in gradients]
    velocities = [torch.zeros_like(p) for p in parameters]

    def step(loss: Tensor) -> None:
        rows = zip(
            parameters, torch.autograd.grad(loss, parameters), velocities, masks, strict=True
        )
        for p, g, v, m in rows:
            v.copy_(method.momentum * v + g + method.weight_decay * p.data)
            p.data -= method.lr * m * v

    def order(n: int) -> list[Tensor]:
        return list(torch.randperm(n, generator=source).split(3))

    torch.randint(2**31, (), generator=source)  # what seeds dropout
    for _ in range(method.epochs):
        y = torch.cat([FORGET.y, RETAIN.y])
        y = wrong_labels(y, 5, source, method.any_label)
        if method.in_turn:
            for batch in order(5):
                step(mean_loss(model, FORGET.x[batch], y[batch]))
            for batch in order(8):
                step(mean_loss(model, RETAIN.x[batch], RETAIN.y[batch]))
        else:
            queue = list[Tensor]()
            for batch in order(8):
                queue = queue or order(5)
                again = queue.pop(0)
                l_f = mean_loss(model, FORGET.x[again], y[again])
                l_r = mean_loss(model, RETAIN.x[batch], RETAIN.y[batch])
                step(l_f + method.alpha * l_r)
    return model


@pytest.mark.parametrize(
    "method",
    [
        SalUn(epochs=3, lr=0.1, batch_size=3),
        SalUn(epochs=2, lr=0.1, batch_size=3, salient=0.2, alpha=3.0, weight_decay=0.1),
        SalUn(epochs=2, lr=0.1, batch_size=3, salient=1.0, any_label=True, momentum=0.5),
        SalUn.as_released(epochs=3, lr=0.1, batch_size=3, salient=0.7),
    ],
)
def test_it_equals_brute_force(model: nn.Module, method: SalUn) -> None:
    assert_same(unlearned(method, model), brute_force(method, model))


@pytest.mark.parametrize("method", [SalUn(batch_size=4), SalUn.as_released(batch_size=4)])
def test_half_of_the_weights_stay_bit_by_bit(model: nn.Module, method: SalUn) -> None:
    """Though momentum and weight decay pull at them."""
    result = unlearned(method, model)
    pairs = zip(result.parameters(), model.parameters(), strict=True)
    assert sum(int((p != q).sum()) for p, q in pairs) == 43 // 2


def test_with_all_weights_free_it_is_random_labels(
    model: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = SalUn(salient=1.0, batch_size=4)
    result = unlearned(method, model)
    monkeypatch.setattr(salun, "confine", lambda optimiser, mask: None)
    assert_same(result, unlearned(method, model), rtol=0, atol=0)


def test_with_none_free_only_batchnorm_goes_on_counting(model: nn.Module) -> None:
    assert_same(unlearned(SalUn(salient=0.0), model), model, rtol=0, atol=0)
    net = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 3)).double()
    result = unlearned(SalUn(salient=0.0, epochs=2, batch_size=4), net)
    assert_same(result, net, rtol=0, atol=0)
    assert result[1].num_batches_tracked == 2 * 2 * 2  # type: ignore[index]


def test_without_a_step_nothing_changes(model: nn.Module) -> None:
    assert_same(unlearned(SalUn(lr=0), model), model, rtol=0, atol=0)


def test_any_label_is_drawn_evenly() -> None:
    drawn = wrong_labels(torch.tensor([1] * 9000 + [3]), 9000, seeded(), right_too=True)
    counts = drawn.bincount(minlength=4)
    assert (counts - 2250).abs().max() < 5 * (9000 * 3 / 16) ** 0.5
    several = torch.ones(50, 3)
    drawn = wrong_labels(several, 50, seeded(), right_too=True)
    assert drawn.sum(1).tolist() == [1.0] * 50


def test_presets() -> None:
    ours, released = asdict(SalUn()), asdict(SalUn.as_released())
    assert released == ours | {"in_turn": True, "any_label": True}
    assert SalUn.as_released(any_label=False) == SalUn(in_turn=True)


@pytest.mark.parametrize("seed", range(5))
def test_it_forgets_a_class_and_keeps_the_others(toy: Dataset, seed: int) -> None:
    """Labels that are all wrong leave none of the class, those of any class a third of it."""
    forgotten, kept = left(SalUn(batch_size=16), toy, seed)
    assert forgotten < 0.05
    assert kept > 0.95
    forgotten, kept = left(SalUn.as_released(batch_size=16), toy, seed)
    assert 0.15 < forgotten < 0.55
    assert kept > 0.95
