"""The training loop: rates of the schedules, steps by hand, randomness from one generator."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.testing import assert_close

from unlearnlib import (
    AMUN,
    CFK,
    CT,
    EUK,
    MSG,
    FineTune,
    Inputs,
    L1Sparse,
    Labelled,
    LoTUS,
    Method,
    Recipe,
    SalUn,
    SFROn,
    Statistic,
    metrics,
    output_sensitivity,
    training,
)
from unlearnlib.data.augment import augment as augmented
from unlearnlib.errors import DataError, NonFiniteError, UnsupportedModelError
from unlearnlib.models import build
from unlearnlib.training import Schedule, scheduler, train

from .made_offers import network, offers, unlearned
from .toys import seeded


@pytest.fixture
def data() -> Labelled:
    """Ten examples of three classes."""
    x = torch.randn(10, 4, dtype=torch.float64, generator=seeded(1))
    return Labelled(x, torch.arange(10) % 3)


@pytest.fixture
def model() -> nn.Module:
    """A linear classifier."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Linear(4, 3).double()


def rates(schedule: Schedule, steps: int = 100, lr: float = 0.4) -> Tensor:
    """The learning rate of every step."""
    optimiser = SGD([nn.Parameter(torch.zeros(1))], lr, 0.9)
    plan = scheduler(Recipe(1, lr, schedule=schedule), optimiser, steps)
    found = []
    for _ in range(steps):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        plan.step()
    return torch.tensor(found, dtype=torch.float64)


def test_constant() -> None:
    assert_close(rates("constant"), torch.full((100,), 0.4, dtype=torch.float64))


def test_onecycle_warms_up_and_anneals() -> None:
    found = rates("onecycle")
    assert found.argmax() == 29  # three tenths of the way
    assert_close(found[[0, 29, -1]], 0.4 * torch.tensor([1 / 25, 1, 1 / 25e4]).double())
    assert (found[:30].diff() > 0).all()
    assert (found[29:].diff() < 0).all()


def test_multistep_divides_by_five_three_times() -> None:
    found = rates("multistep")
    for first, last, rate in ((0, 29, 0.4), (30, 59, 0.08), (60, 79, 0.016), (80, 99, 0.0032)):
        assert_close(found[first : last + 1], torch.full((last - first + 1,), rate).double())


def test_linear_falls_to_zero() -> None:
    assert_close(rates("linear"), 0.4 * (1 - torch.arange(100).double() / 100))


def test_exponential_falls_to_a_hundredth() -> None:
    assert_close(rates("exponential"), 0.4 * 0.01 ** (torch.arange(100).double() / 100))


@pytest.mark.parametrize("schedule", ["constant", "onecycle", "multistep", "linear", "exponential"])
def test_every_schedule_trains(model: nn.Module, data: Labelled, schedule: Schedule) -> None:
    before = nn.functional.cross_entropy(model(data.x), data.y)
    recipe = Recipe(20, 0.1, batch_size=4, schedule=schedule)
    trained = train(model, data, recipe, seeded())
    assert nn.functional.cross_entropy(trained(data.x), data.y) < 0.9 * before


def test_one_step_by_hand(model: nn.Module, data: Labelled) -> None:
    r"""The gradient of softmax cross-entropy is (p - y) x^T / n; decay adds lambda theta."""
    W, b = model.weight.detach().clone(), model.bias.detach().clone()  # type: ignore[operator]
    p = (data.x @ W.T + b).exp()
    error = p / p.sum(1, keepdim=True) - torch.eye(3).double()[data.y]
    recipe = Recipe(1, 0.3, momentum=0.9, weight_decay=0.1, batch_size=10, schedule="constant")
    trained = train(model, data, recipe, seeded())
    assert trained is model
    assert not trained.training
    assert_close(trained.weight.detach(), W - 0.3 * (error.T @ data.x / 10 + 0.1 * W))  # type: ignore[operator]
    assert_close(trained.bias.detach(), b - 0.3 * (error.mean(0) + 0.1 * b))  # type: ignore[operator]


def test_momentum_remembers_across_steps(model: nn.Module, data: Labelled) -> None:
    theta, v = model.weight.detach().clone(), torch.zeros(3, 4).double()  # type: ignore[operator]
    bias, v_b = model.bias.detach().clone(), torch.zeros(3).double()  # type: ignore[operator]
    for _ in range(3):
        p = (data.x @ theta.T + bias).softmax(1) - torch.eye(3).double()[data.y]
        v, v_b = 0.5 * v + p.T @ data.x / 10, 0.5 * v_b + p.mean(0)
        theta, bias = theta - 0.2 * v, bias - 0.2 * v_b
    recipe = Recipe(3, 0.2, 0.5, 0.0, batch_size=10, schedule="constant")
    assert_close(train(model, data, recipe, seeded()).weight.detach(), theta)  # type: ignore[operator]


def test_the_schedule_moves_with_every_step(model: nn.Module, data: Labelled) -> None:
    """Two epochs of two batches, falling linearly: rates of 4/4, 3/4, 2/4 and 1/4."""
    reference, source = deepcopy(model), seeded()
    torch.randint(2**31, (), generator=source)  # what seeds dropout
    orders = [torch.randperm(10, generator=source).split(5) for _ in range(2)]
    for quarters, batch in zip((4, 3, 2, 1), (*orders[0], *orders[1]), strict=True):
        total = nn.functional.cross_entropy(reference(data.x[batch]), data.y[batch])
        gradients = torch.autograd.grad(total, list(reference.parameters()))
        for p, g in zip(reference.parameters(), gradients, strict=True):
            p.data -= 0.4 * quarters / 4 * g
    recipe = Recipe(2, 0.4, 0.0, 0.0, batch_size=5, schedule="linear")
    assert_close(train(model, data, recipe, seeded()).weight, reference.weight)


def test_an_epoch_sees_every_example_once(data: Labelled, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []
    net = nn.Linear(4, 3).double()
    net.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    train(net, data, Recipe(2, batch_size=4), seeded())
    assert [len(x) for x in seen] == [4, 4, 2, 4, 4, 2]
    first, second = torch.cat(seen[:3]), torch.cat(seen[3:])
    assert not torch.equal(first, second)
    for epoch in (first, second):
        assert torch.equal(epoch.sort(0).values, data.x.sort(0).values)


def test_dropout_follows_the_generator(data: Labelled) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 3)).double()

    def weight(seed: int, global_seed: int) -> Tensor:
        torch.manual_seed(global_seed)
        recipe = Recipe(1, batch_size=10)  # one batch: the order does not matter
        return train(deepcopy(net), data, recipe, seeded(seed))[0].weight  # type: ignore[index]

    assert_close(weight(0, 1), weight(0, 2), rtol=0, atol=0)
    assert not torch.equal(weight(0, 1), weight(1, 1))


def test_a_rate_of_zero_changes_nothing(model: nn.Module, data: Labelled) -> None:
    before = deepcopy(model)
    after = train(model.train(), data, Recipe(2, lr=0.0), seeded())
    assert torch.equal(before.weight, after.weight)  # type: ignore[arg-type]
    assert not after.training
    assert after.weight.grad is None


@pytest.mark.parametrize("augment", [False, True])
def test_augmentation_only_when_asked(monkeypatch: pytest.MonkeyPatch, augment: bool) -> None:
    images = torch.rand(6, 1, 8, 8, generator=seeded(2))
    kept, seen = images.clone(), []
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    net.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    calls: list[int] = []

    def noted(x: Tensor, source: torch.Generator) -> Tensor:
        calls.append(len(x))
        return augmented(x, source)

    monkeypatch.setattr(training, "augment", noted)
    train(net, Labelled(images, torch.arange(6) % 2), Recipe(2, augment=augment), seeded())
    assert calls == [6, 6] * augment
    for x in seen:
        rows = {tuple(row) for row in x.flatten(1).tolist()}
        assert (rows == {tuple(row) for row in images.flatten(1).tolist()}) is not augment
    assert torch.equal(images, kept)


def test_seeded_draws_from_its_generator_and_leaves_no_trace() -> None:
    torch.manual_seed(11)
    before = torch.get_rng_state()
    source = seeded()
    with training.seeded(source):
        one = torch.rand(3)
    with training.seeded(source):
        two = torch.rand(3)
    with training.seeded(seeded()):
        again = torch.rand(3)
    assert torch.equal(one, again)
    assert not torch.equal(one, two)
    assert torch.equal(torch.get_rng_state(), before)
    with pytest.raises(ZeroDivisionError), training.seeded(source):
        torch.rand(int(1 / 0))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("schedule", get_args(Schedule))
def test_the_schedule_has_as_many_steps_as_there_are_batches(
    model: nn.Module, data: Labelled, schedule: Schedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten examples are three batches of three, three and four; OneCycle has no step beyond."""
    counted: list[int] = []

    def noted(recipe: Recipe, optimiser: Optimizer, steps: int) -> LRScheduler:
        plan = scheduler(recipe, optimiser, steps)
        counted.extend((steps, id(plan)))
        plans.append(plan)
        return plan

    plans: list[LRScheduler] = []
    monkeypatch.setattr(training, "scheduler", noted)
    train(model, data, Recipe(2, batch_size=3, schedule=schedule), seeded())
    assert counted[0] == 6
    assert plans[0].last_epoch == 6


def test_a_training_that_diverges_is_told(model: nn.Module, data: Labelled) -> None:
    recipe = Recipe(5, 1e30, 0.0, 1e30, batch_size=4, schedule="constant")
    with pytest.raises(NonFiniteError, match=r"'weight' of the resulting model .* smaller lr"):
        train(model, data, recipe, seeded())


def test_training_looks_at_data_labels_and_outputs(model: nn.Module, data: Labelled) -> None:
    recipe = Recipe(1, batch_size=4)
    with pytest.raises(DataError, match="`data` must be Labelled, not a Inputs"):
        train(model, data.inputs, recipe, seeded())  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no examples to go through"):
        train(model, data[torch.arange(0)], recipe, seeded())
    with pytest.raises(DataError, match="a label 3, but the model has 3 outputs"):
        train(model, Labelled(data.x, torch.arange(10) % 4), recipe, seeded())
    with pytest.raises(UnsupportedModelError, match="not logits"):
        train(nn.Linear(4, 1).double(), data, recipe, seeded())
    with pytest.raises(DataError, match="augment=False"):
        train(model, data, replace(recipe, augment=True), seeded())


def test_training_with_adamw_learns_several_labels() -> None:
    torch.manual_seed(0)
    model = build("mlp", (6,), 3)
    x = torch.randn(64, 6)
    data = Labelled(x, (x[:, :3] > 0).float())
    before = metrics.loss(model(x).detach(), data.y)
    recipe = Recipe(20, 0.01, weight_decay=0.0, batch_size=16, schedule="tenth", optimiser="adamw")
    train(model, data, recipe, seeded(0))
    with torch.no_grad():
        assert metrics.loss(model(x), data.y) < before / 3
    assert output_sensitivity(model, Inputs(x)).statistic == Statistic("sensitivity")


STEPS = [
    FineTune(), EUK(), CFK(), MSG(), CT(), AMUN(), L1Sparse(), SalUn(), SFROn(steps=4),
    LoTUS(to_zero=True),
]  # fmt: skip


@pytest.mark.parametrize("method", STEPS, ids=lambda method: type(method).__name__)
def test_steps_of_methods_are_in_the_autocast_of_training(
    method: Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is seen in train mode is seen inside it; on a CPU it is off."""
    inside, seen, real = list[bool](), list[tuple[bool, bool]](), torch.autocast
    model, given = network(), offers()

    @contextmanager
    def noted(*which: Any, **options: Any) -> Iterator[None]:
        inside.append(which == ("cuda", torch.bfloat16))
        with real(*which, **options):
            yield
        inside.pop()

    monkeypatch.setattr(torch, "autocast", noted)
    model[-1].register_forward_pre_hook(lambda net, _: seen.append((net.training, any(inside))))  # type: ignore[index]
    unlearned(method, model, given)
    assert {within for in_train_mode, within in seen if in_train_mode} == {True}
