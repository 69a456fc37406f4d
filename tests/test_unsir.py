"""UNSIR against its equation, one example and one parameter at a time."""

from copy import deepcopy
from dataclasses import asdict
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from unlearnlib import UNSIR, Dataset, Labelled, UNSIRByLabel
from unlearnlib.errors import DataError, NonFiniteError, SpecError

from .made_forgetting import left
from .toys import Adam, assert_same, seeded

X = torch.randn(10, 4, dtype=torch.float64, generator=seeded(1))
RETAIN = Labelled(X, torch.arange(10) % 2)  # classes 0 and 1; class 2, and 0, are to be forgotten
CLASSES = (0, 2)


def unlearned(method: UNSIR, model: nn.Module, retain: Labelled = RETAIN) -> nn.Module:
    return method(model, forget_classes=CLASSES, retain=retain, generator=seeded())


def brute_force(method: UNSIR, original: nn.Module) -> nn.Module:
    """A loop for every sum: noise against each label, impair, repair."""
    model, source = deepcopy(original), seeded()
    torch.randint(2**31, (), generator=source)  # what seeds dropout
    parameters = list(model.parameters())
    rows, remains = list[tuple[Tensor, int]](), [torch.zeros_like(p) for p in parameters]
    for c in (0, 2):
        N = torch.randn(method.noises, 4, generator=source, dtype=torch.float64)
        N.requires_grad_()
        adam = Adam([N], method.noise_lr)
        for _ in range(method.steps):
            total = torch.zeros(())
            for n in N:
                fits = -(model(n[None]).log_softmax(1)[0, c])
                total = total - fits + method.lam * sum(coordinate**2 for coordinate in n)
            of_noise, *of_model = torch.autograd.grad(total / len(N), [N, *parameters])
            remains = [a + b for a, b in zip(remains, of_model, strict=True)]
            adam.step([of_noise])
        rows += [(n.detach(), c) for n in N]
    order = torch.randperm(10, generator=source).tolist()
    some = [[i for i in order if RETAIN.y[i] == c][: method.per_class] for c in (0, 1)]
    R = [(RETAIN.x[i], int(RETAIN.y[i])) for i in some[0] + some[1]]
    for data, lr in ((R + rows * method.copies, method.lr), (R, method.repair_lr)):
        adam = Adam([p.data for p in parameters], lr)
        for batch in torch.randperm(len(data), generator=source).split(method.batch_size):
            loss = sum(cross_entropy(model(x[None]), torch.tensor([y]))
                       for x, y in (data[i] for i in batch)) / len(batch)  # fmt: skip
            gradients = list(torch.autograd.grad(loss, parameters))  # type: ignore[arg-type]
            if method.leftover:  # in the first of all steps
                gradients = [g + r for g, r in zip(gradients, remains, strict=True)]
                remains = [torch.zeros_like(r) for r in remains]
            adam.step(gradients)
    return model


@pytest.mark.parametrize(
    "method",
    [
        UNSIR(noises=3, steps=4, copies=2, per_class=3, batch_size=4),
        UNSIR(noises=2, steps=2, noise_lr=0.5, lam=0.7, copies=1, per_class=5, batch_size=4),
        UNSIR.as_copied(noises=3, copies=1, per_class=2, batch_size=5, lr=0.01, repair_lr=0.02),
    ],
)
def test_it_equals_brute_force(model: nn.Module, method: UNSIR) -> None:
    assert_same(unlearned(method, model), brute_force(method, model))


def test_the_noise_fits_worse_and_worse(model: nn.Module) -> None:
    """By more than the first draw of it does, for either label."""
    for c in (0, 2):
        fits = [
            cross_entropy(model(N.x), N.y).item()
            for steps in (1, 10, 40)
            for N in [UNSIR(steps=steps, lam=0.01).noise(model, c, RETAIN, seeded())]
        ]
        assert fits[0] < fits[1] < fits[2]
        assert fits[2] > fits[0] + 0.5


def test_the_penalty_alone_shrinks_the_noise(model: nn.Module) -> None:
    """Of a model that is constant, and of one that is not if it weighs much."""
    constant = deepcopy(model)
    constant[0].weight.data.zero_()  # type: ignore[index]
    for net, lam in ((constant, 0.1), (model, 1e3)):
        method = UNSIR(noises=4, steps=400, lam=lam, noise_lr=0.02)
        assert method.noise(net, 1, RETAIN, seeded()).x.abs().max() < 2e-3


def test_each_noise_has_the_label_of_its_class(model: nn.Module) -> None:
    method = UNSIR(noises=3, steps=1)
    noise = method.noise(model, 2, RETAIN, seeded())
    assert noise.y.tolist() == [2, 2, 2]
    several = Labelled(X, torch.ones(10, 3))
    assert method.noise(model, 2, several, seeded()).y.tolist() == [[0.0, 0.0, 1.0]] * 3


def test_a_few_of_each_class_are_drawn() -> None:
    retain = Labelled(torch.arange(40.0)[:, None], torch.arange(40) % 3 + 1)
    draws = [UNSIR(per_class=5).few(retain, seeded(seed)) for seed in (0, 0, 1)]
    assert draws[0].y.bincount().tolist() == [0, 5, 5, 5]
    assert len(draws[0].x.unique()) == 15
    assert (draws[0].x[:, 0] % 3 + 1 == draws[0].y).all()
    assert torch.equal(draws[0].x, draws[1].x)
    assert not torch.equal(draws[0].x.sort(0).values, draws[2].x.sort(0).values)
    assert len(UNSIR(per_class=100).few(retain, seeded())) == 40


@pytest.mark.parametrize("train_mode", [False, True])
def test_noise_enters_batchnorm_in_train_mode_alone(train_mode: bool) -> None:
    """The steps that impair and repair do: of 8 + 10 and of 10 examples, nine at a time."""
    net = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 3)).double()
    method = UNSIR(noises=4, steps=7, copies=1, batch_size=9, noise_in_train_mode=train_mode)
    tracked = unlearned(method, net)[1].num_batches_tracked  # type: ignore[index]
    assert tracked == 2 + 1 + 2 * 7 * train_mode


def test_without_a_step_nothing_changes(model: nn.Module) -> None:
    result = unlearned(UNSIR(lr=0, repair_lr=0, noises=4, copies=2), model)
    assert_same(result, model, rtol=0, atol=0)


def test_gradients_left_over_slow_the_steps_that_impair(model: nn.Module) -> None:
    """They weigh in Adam's second moment long after the step that they are added to."""
    moved = [
        sum((p - q).square().sum() for p, q in zip(result.parameters(), model.parameters(),
                                                   strict=True)).sqrt().item()  # type: ignore[union-attr]
        for leftover in (False, True)
        for result in [unlearned(
            UNSIR(noises=64, copies=4, lr=1e-3, repair_lr=0, batch_size=8, steps=200,
                  leftover=leftover), model)]
    ]  # fmt: skip
    assert moved[1] < 0.7 * moved[0]


def test_presets() -> None:
    ours = asdict(UNSIR())
    assert asdict(UNSIR.as_released()) == ours | {"noise_in_train_mode": True}
    copied = {name: value for name, value in asdict(UNSIR.as_copied()).items()
              if value != ours[name]}  # fmt: skip
    assert copied == {
        "noises": 32, "steps": 25, "copies": 80, "per_class": 500, "lr": 1e-4, "repair_lr": 1e-4,
        "batch_size": 32, "noise_in_train_mode": True, "leftover": True,
    }  # fmt: skip
    assert UNSIR.as_copied(leftover=False).leftover is False
    by_label = {"steps": 250, "per_class": 2500}
    assert asdict(UNSIRByLabel()) == ours
    assert asdict(UNSIRByLabel.as_copied()) == asdict(UNSIR.as_copied()) | by_label
    assert UNSIRByLabel.as_copied(steps=3) == UNSIRByLabel.as_copied(steps=3, per_class=2500)


@pytest.mark.parametrize("several", [False, True])
def test_by_label_it_is_unsir_on_the_classes_of_what_is_to_be_forgotten(
    model: nn.Module, several: bool
) -> None:
    """Whatever the inputs are, in whatever order, and though the rest has examples of class 0."""
    y = torch.tensor([2, 0, 2])
    forget = Labelled(torch.full((3, 4), 1e9), torch.eye(3)[y] if several else y)
    retain = Labelled(X, torch.eye(3)[RETAIN.y]) if several else RETAIN
    fields: dict[str, Any] = {"noises": 3, "steps": 4, "copies": 2, "batch_size": 4}
    result = UNSIRByLabel(**fields)(model, forget=forget, retain=retain, generator=seeded())
    assert_same(result, unlearned(UNSIR(**fields), model, retain), rtol=0, atol=0)


@pytest.mark.parametrize("y", [[0, 1], [1, 0, 2], [[1.0, 1.0, 0.0]]])
def test_by_label_some_class_must_be_kept(model: nn.Module, y: list[Any]) -> None:
    """Of those that the data have: the model has one more."""
    labels = torch.tensor(y)
    rest = torch.eye(3)[RETAIN.y] if labels.is_floating_point() else RETAIN.y
    with pytest.raises(
        DataError, match=r"^No example of another class is retained, .*fewer classes\.$"
    ):
        UNSIRByLabel()(
            model, forget=Labelled(X[: len(y)], labels), retain=Labelled(X, rest),
            generator=seeded(),
        )  # fmt: skip


def test_tokens_have_no_noise() -> None:
    net = nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(6, 3))
    tokens = Labelled(torch.ones(4, 2, dtype=torch.long), torch.arange(4) % 2)
    with pytest.raises(SpecError, match="UNSIR learns real-valued inputs; these are tokens"):
        unlearned(UNSIR(), net, tokens)


@pytest.mark.parametrize("several", [False, True])
def test_a_class_must_be_one_of_the_model(model: nn.Module, several: bool) -> None:
    """It is told before anything is learned, also on a GPU, where single labels are not checked."""
    y = torch.ones(10, 3) if several else RETAIN.y
    for c, why in ((3, "There is a label 3, but the model has 3 outputs"), (-1, "a label -1")):
        with pytest.raises(DataError, match=why):
            UNSIR(noise_lr=1e30)(
                model, forget_classes=(0, c), retain=Labelled(X, y), generator=seeded()
            )


def test_noise_that_diverges_is_told() -> None:
    with pytest.raises(NonFiniteError, match=r"noise that UNSIR learns for the label 0 .* lam"):
        unlearned(UNSIR(noise_lr=1e30), nn.Linear(4, 3), Labelled(X.float(), RETAIN.y))


@pytest.mark.parametrize("seed", range(5))
def test_it_forgets_a_class_and_keeps_the_others(toy: Dataset, seed: int) -> None:
    method = UNSIR(noises=20, copies=2, lam=0.01, batch_size=8)
    forgotten, kept = left(method, toy, seed)
    assert forgotten < 0.1
    assert kept > 0.9
