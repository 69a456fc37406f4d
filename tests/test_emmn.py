"""EMMN against its equations, one class and one weight at a time."""

from copy import deepcopy
from dataclasses import asdict
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unlearnlib import EMMN, Labelled, Recipe
from unlearnlib.errors import DataError
from unlearnlib.methods import emmn
from unlearnlib.metrics import accuracy
from unlearnlib.training import train

from .made_offers import network, offers
from .toys import Adam, assert_same, blobs, of_points, seeded


def unlearned(method: EMMN, model: nn.Module, *classes: int) -> nn.Module:
    return method(model, forget_classes=classes, input_shape=(4,), generator=seeded())


def loss_of_one(z: Tensor, y: int) -> Tensor:
    return z.exp().sum().log() - z[y]


def noise_of(
    method: EMMN, model: nn.Module, k: int, forgotten: bool, start: Tensor
) -> list[Tensor]:
    """The inputs that are learned for one class, from those at the start."""
    lam, sign = (method.lam, -1) if forgotten else (method.lam_retain, 1)
    N = [n.clone().requires_grad_() for n in start]
    adam = Adam(N, method.noise_lr)
    for _ in range(method.steps if forgotten else method.retain_steps):
        each = [sign * loss_of_one(model(n[None])[0], k) + lam * (n**2).sum() for n in N]
        adam.step(torch.autograd.grad(torch.stack(each).mean(), N))
    return [n.detach() for n in N]


@pytest.mark.parametrize("forgotten", [(1,), (2, 0)])
@pytest.mark.parametrize(
    "fields", [{}, {"lam_retain": 0.0}, {"lam": 2.0, "steps": 3}, {"noise_lr": 0.0, "epochs": 1}]
)
def test_it_equals_brute_force(
    model: nn.Module, fields: dict[str, Any], forgotten: tuple[int, ...]
) -> None:
    """Three classes of two inputs, three copies: batches of five and the rest."""
    small = {"noises": 2, "steps": 6, "retain_steps": 4, "copies": 3, "batch_size": 5, "lr": 0.02}
    method, source = EMMN(**(small | fields)), seeded()
    x: list[Tensor] = []
    classes = sorted(forgotten) + [k for k in range(3) if k not in forgotten]
    for gone in (True, False):
        group = [k for k in classes if (k in forgotten) == gone]
        whole = torch.randn(2 * len(group), 4, generator=source, dtype=torch.float64)
        for i, k in enumerate(group):
            x += noise_of(method, model, k, gone, whole[2 * i : 2 * i + 2])
    y = [k for k in classes for _ in range(2)]
    reference = deepcopy(model)
    adam = Adam(list(reference.parameters()), method.lr)
    torch.randint(2**31, (), generator=source)  # what seeds dropout
    for _ in range(method.epochs):
        order = torch.randperm(18, generator=source) % 6
        for batch in order.split(5):
            each = [loss_of_one(reference(x[i][None])[0], y[i]) for i in batch]
            adam.step(torch.autograd.grad(torch.stack(each).mean(), adam.parameters))
    assert_same(unlearned(method, model, *forgotten), reference)


def learned_noise(
    monkeypatch: pytest.MonkeyPatch, model: nn.Module, **fields: Any
) -> list[Labelled]:
    """The noise of class 1, which is to be forgotten, and that of the others."""
    seen: list[Labelled] = []

    def noted(x: Tensor, y: Tensor) -> Labelled:
        seen.append(Labelled(x, y))
        return seen[-1]

    monkeypatch.setattr(emmn, "Labelled", noted)
    unlearned(EMMN(**fields), model, 1)
    return seen


def test_noise_is_taken_for_its_class_or_least_for_it(
    model: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = learned_noise(monkeypatch, model, noises=6, noise_lr=0.0)
    N_f, N_r = learned_noise(
        monkeypatch, model, noises=6, steps=60, retain_steps=60, lam=0.0, lam_retain=0.0
    )
    assert N_f.y.tolist() == [1] * 6
    assert N_r.y.tolist() == [0] * 6 + [2] * 6
    assert (model(N_r.x).argmax(1) == N_r.y).all()
    assert (model(N_f.x).argmax(1) != 1).all()
    assert (model(N_f.x).softmax(1)[:, 1] < model(start[0].x).softmax(1)[:, 1]).all()


def test_a_heavy_penalty_leaves_no_noise(model: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"steps": 300, "retain_steps": 300, "noise_lr": 0.05, "epochs": 1}
    for lam, lam_retain in ((1e3, 0.0), (0.0, 1e3)):
        N_f, N_r = learned_noise(monkeypatch, model, lam=lam, lam_retain=lam_retain, **fields)
        for N, weight in ((N_f, lam), (N_r, lam_retain)):
            assert (N.x.norm(dim=1) < 0.05).all() == (weight > 0)


def test_a_rate_of_zero_changes_nothing(model: nn.Module) -> None:
    assert_same(unlearned(EMMN(lr=0.0), model, 1), model, rtol=0, atol=0)


def test_presets_and_statistics_of_batchnorm() -> None:
    """Those of the noise take the place of the data's in the copy only."""
    ours, copied = asdict(EMMN()), asdict(EMMN.as_copied())
    changed = {name: value for name, value in copied.items() if value != ours[name]}
    assert changed == {"lam_retain": 0.0, "train_mode": True}
    model, given = network(), offers()
    for method, moves in ((EMMN(lr=0.0), False), (EMMN.as_copied(lr=0.0), True)):
        result = method(model, forget_classes=(1,), input_shape=(6,), generator=given.generator)
        assert_same(result, model, rtol=0, atol=0)
        same = all(map(torch.equal, result.buffers(), model.buffers()))
        assert same != moves


def test_some_class_must_be_kept(model: nn.Module) -> None:
    with pytest.raises(
        DataError, match=r"all are to be forgotten\. Leave one out of forget_classes"
    ):
        unlearned(EMMN(), model, 2, 0, 1)
    assert_same(unlearned(EMMN(), model, 1, 1), unlearned(EMMN(), model, 1), rtol=0, atol=0)


def test_a_first_layer_may_work_in_place(model: nn.Module) -> None:
    one, other = (
        nn.Sequential(nn.LeakyReLU(0.5, inplace=inplace), deepcopy(model)).eval()
        for inplace in (True, False)
    )
    assert_same(*(unlearned(EMMN(lr=0.01, copies=3), net, 1) for net in (one, other)))


def test_a_class_is_forgotten_and_most_of_the_rest_stays() -> None:
    """In the mean of five networks: it forgets less than GKT does."""
    data, test = blobs(150, 1), blobs(300, 2)
    gone = test.y == 1
    forget, retain = [], []
    recipe, method = Recipe(15, 0.1, batch_size=20), EMMN(lr=0.03, copies=60)
    for seed in range(5):
        original = train(of_points(seeded(seed)), data, recipe, seeded(seed))
        assert accuracy(original(test.x), test.y) > 0.95
        source = seeded(seed + 50)
        result = method(original, forget_classes=(1,), input_shape=(4,), generator=source)
        forget.append(accuracy(result(test.x[gone]), test.y[gone]))
        retain.append(accuracy(result(test.x[~gone]), test.y[~gone]))
    assert sum(forget) / 5 < 0.5
    assert sum(retain) / 5 > 0.85
