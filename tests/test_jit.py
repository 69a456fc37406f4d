"""JiT against its equation, written out one example and one noise at a time."""

from copy import deepcopy
from dataclasses import asdict
from itertools import product
from typing import get_type_hints

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from unlearnlib import Dataset, Inputs, JiT, Recipe
from unlearnlib.metrics import accuracy

from .toys import assert_same, learned, seeded


@pytest.fixture
def model() -> nn.Module:
    """A smooth network, 16 -> 5 -> 3."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(16, 5), nn.Tanh(), nn.Linear(5, 3)).double().eval()


@pytest.fixture
def x() -> Tensor:
    """Eleven examples; with batches of four the last one is smaller."""
    return torch.randn(11, 16, dtype=torch.float64, generator=seeded(1))


def noise(method: JiT, x: Tensor, generator: torch.Generator) -> list[Tensor]:
    """The noise that `method` draws: (noises, b, 16) a batch.

    It is drawn all copies at once, or in train mode copy by copy; on a CPU that gives the same
    numbers if a copy is a multiple of 16 numbers.
    """
    torch.randint(2**31, (), generator=generator)  # what seeds dropout
    return [
        method.sigma * torch.randn(method.noises, *batch.shape, dtype=x.dtype, generator=generator)
        for batch in x.split(method.batch_size)
    ]


def loss_of_one(method: JiT, model: nn.Module, a: Tensor, b: Tensor) -> Tensor:
    """The ratio of the distances of f(a) and f(b) and of a and b, of one example."""
    f_a, f_b = model(a[None])[0], model(b[None])[0]
    if method.stop_gradient:
        f_b = f_b.detach()
    ratio = ((f_a - f_b) ** 2).sum().sqrt() / ((a - b) ** 2).sum().sqrt()
    return ratio**2 if method.squared else ratio


def brute_force(method: JiT, model: nn.Module, x: Tensor, generator: torch.Generator) -> nn.Module:
    """The algorithm with a loop for every sum."""
    model = deepcopy(model)
    parameters = list(model.parameters())
    steps = [torch.zeros_like(p) for p in parameters]
    for batch, xi in zip(x.split(4), noise(method, x, generator), strict=True):
        total = torch.zeros((), dtype=x.dtype)
        for j in range(method.noises):
            for i in range(len(batch)):
                noisy = batch[i] + xi[j, i]
                if method.clamp:
                    noisy = noisy.maximum(batch.min()).minimum(batch.max())
                total = total + loss_of_one(method, model, batch[i], noisy)
        if method.reduction == "mean":
            total = total / len(batch)
        gradients = torch.autograd.grad(total / method.noises, parameters)
        for parameter, step, gradient in zip(parameters, steps, gradients, strict=True):
            step.copy_(step + gradient if method.accumulate else gradient)
            parameter.data -= method.lr * step
    return model


SWITCHES = ["accumulate", "reduction", "clamp", "train_mode", "stop_gradient", "squared"]
YES_NO = (False, True)
VALUES = (YES_NO, ("mean", "sum"), YES_NO, YES_NO, YES_NO, YES_NO)


@pytest.mark.parametrize("chunk", [1, 9, 2048])
@pytest.mark.parametrize("values", list(product(*VALUES)), ids=lambda v: "-".join(map(str, v)))
def test_jit_equals_brute_force(
    model: nn.Module, x: Tensor, values: tuple[bool | str, ...], chunk: int
) -> None:
    switches = dict(zip(SWITCHES, values, strict=True))
    method = JiT(0.5, 0.03, noises=5, batch_size=4, chunk=chunk, **switches)  # type: ignore[arg-type]
    result = method(model, forget_inputs=Inputs(x), generator=seeded())
    assert_same(result, brute_force(method, model, x, seeded()))


def test_the_chunk_bounds_memory_and_changes_nothing(model: nn.Module, x: Tensor) -> None:
    seen: list[int] = []
    results: dict[int | None, nn.Module] = {}
    for chunk in (1, 9, 11, 2048, None):
        sizes: list[int] = []
        spied = deepcopy(model)
        spied.register_forward_pre_hook(lambda _, args, s=sizes: s.append(len(args[0])))
        method = JiT(0.5, 0.03, noises=5, batch_size=4, chunk=chunk)
        results[chunk] = method(spied, forget_inputs=Inputs(x), generator=seeded())
        seen.append(max(sizes))
    assert seen == [4, 9, 9, 20, 4]
    assert_same(results[9], results[11], rtol=0, atol=0)  # both 2 copies of 4, or 3 copies of 3
    assert_same(results[1], results[2048])
    assert_same(results[None], results[2048])


@pytest.mark.parametrize("chunk", [None, 7])
def test_the_chunk_draws_no_other_noise(chunk: int | None) -> None:
    """Copies of 5 numbers, which drawn one by one are others on a CPU than drawn together."""
    x = torch.randn(1, 5, dtype=torch.float64, generator=seeded(1))
    linear, shown = nn.Linear(5, 3).double(), []
    linear.register_forward_pre_hook(lambda _, args: shown.append(args[0] - x))
    fields = {"noises": 6, "lr": 0.0}
    JiT(chunk=chunk, **fields)(linear, forget_inputs=Inputs(x), generator=seeded())  # type: ignore[arg-type]
    (xi,) = noise(JiT(**fields), x, seeded())  # type: ignore[arg-type]
    assert_close(torch.cat(shown[1:]), xi.flatten(0, 1))


def test_a_cpu_sends_one_copy_at_a_time() -> None:
    """Longer passes cost more there: what a layer puts out is mapped anew each time."""
    linear, sizes = nn.Linear(5, 3), []
    linear.register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    JiT(noises=25)(linear, forget_inputs=Inputs(torch.ones(100, 5)), generator=seeded())
    assert sizes == 26 * [100]


def test_equal_outputs_have_no_slope() -> None:
    """The noise changes nothing in the second layer's dead units: 0/0 counts as 0."""
    net = nn.Sequential(nn.Linear(16, 4), nn.ReLU(), nn.Linear(4, 3)).double()
    net[0].bias.data.fill_(-1e3)  # type: ignore[operator]
    for fields in ({}, {"squared": True}, {"stop_gradient": False}):
        result = JiT(noises=2, lr=1.0, **fields)(  # type: ignore[arg-type]
            net, forget_inputs=Inputs(torch.ones(3, 16).double()), generator=seeded()
        )
        assert_same(result, net, rtol=0, atol=0)


@pytest.mark.parametrize("train_mode", YES_NO)
def test_a_linear_model_has_a_closed_form(x: Tensor, train_mode: bool) -> None:
    r"""The loss is mean ||W xi|| / ||xi||: its gradient is the mean of u xi^T / ||xi||, where
    u = W xi / ||W xi||; with a constant target that of -u x^T / ||xi||.
    """
    linear = nn.Linear(16, 3, bias=False).double()
    W = torch.randn(3, 16, dtype=torch.float64, generator=seeded(2))
    linear.weight.data = W
    x = x[:4]
    for stop_gradient in YES_NO:
        method = JiT(
            0.7, 1.0, noises=6, batch_size=4, train_mode=train_mode, stop_gradient=stop_gradient
        )
        (xi,) = noise(method, x, seeded())
        u = xi @ W.T / (xi @ W.T).norm(dim=2, keepdim=True)
        length = xi.norm(dim=2)[..., None, None]
        ratios = (xi @ W.T).norm(dim=2) / xi.norm(dim=2)
        other = -x.expand_as(xi) if stop_gradient else xi
        gradient = (u[..., :, None] * other[..., None, :] / length).mean((0, 1))
        result = method(linear, forget_inputs=Inputs(x), generator=seeded())
        assert_close(result.weight, W - gradient)
        if not stop_gradient:  # the loss is homogeneous of degree one in W
            assert_close((W * gradient).sum(), ratios.mean())


def test_released_jit_shows_batchnorm_one_batch_a_copy(x: Tensor) -> None:
    """In train mode an output depends on its batch, so the reference works on whole batches."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(16, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 3))
    net = net.double().eval()
    method = JiT.as_released(0.5, 0.02, noises=5, batch_size=4)
    reference = deepcopy(net).train()
    parameters = list(reference.parameters())
    steps = [torch.zeros_like(p) for p in parameters]
    for batch, xi in zip(x.split(4), noise(method, x, seeded()), strict=True):
        output, total = reference(batch), torch.zeros((), dtype=x.dtype)
        for j in range(5):
            noisy = (batch + xi[j]).clamp(batch.min(), batch.max())
            distance = (output - reference(noisy).detach()).norm(dim=1)
            total = total + (distance / (batch - noisy).norm(dim=1)).sum() / 5
        gradients = torch.autograd.grad(total, parameters)
        for parameter, step, gradient in zip(parameters, steps, gradients, strict=True):
            step += gradient
            parameter.data -= 0.02 * step
    result = method(net, forget_inputs=Inputs(x), generator=seeded())
    assert_same(result, reference)
    for (name, ours), theirs in zip(result.named_buffers(), reference.buffers(), strict=True):
        assert_close(ours, theirs, msg=name)


def test_dropout_in_train_mode_follows_the_generator(model: nn.Module, x: Tensor) -> None:
    net = nn.Sequential(model[0], model[1], nn.Dropout(0.5), model[2]).eval()  # type: ignore[index]

    def weight(seed: int, **fields: bool) -> Tensor:
        method = JiT(0.5, 0.1, noises=3, batch_size=4, **fields)  # type: ignore[arg-type]
        result = method(net, forget_inputs=Inputs(x), generator=seeded(seed))
        return result[0].weight  # type: ignore[index]

    assert torch.equal(weight(0, train_mode=True), weight(0, train_mode=True))
    assert not torch.equal(weight(0, train_mode=True), weight(1, train_mode=True))
    assert not torch.equal(weight(0, train_mode=True), weight(0, train_mode=False))


def test_as_released_sets_every_departure() -> None:
    ours, released = asdict(JiT()), asdict(JiT.as_released())
    changed = {name: value for name, value in released.items() if value != ours[name]}
    assert changed == {
        "lr": 3e-4, "accumulate": True, "reduction": "sum", "clamp": True, "train_mode": True,
    }  # fmt: skip
    assert JiT.as_released(0.1, 0.2, noises=3, clamp=False) == JiT(
        0.1, 0.2, 3, accumulate=True, reduction="sum", train_mode=True
    )


def test_accumulated_steps_are_the_sums_of_the_gradients(x: Tensor) -> None:
    """A linear model's gradient with a constant target depends on W only by u; at one output that
    is not always 0 u is a sign there, so for a weight that keeps its signs the steps are g1,
    g1 + g2 and g1 + g2 + g3.
    """
    linear = nn.Linear(16, 2, bias=False).double()
    linear.weight.data[1] = 0
    fields = {"noises": 2, "batch_size": 4, "sigma": 0.5, "lr": 1e-9}

    def moved(accumulate: bool) -> Tensor:
        method = JiT(**fields, accumulate=accumulate)  # type: ignore[arg-type]
        result = method(linear, forget_inputs=Inputs(x), generator=seeded())
        return (linear.weight - result.weight).detach() / 1e-9  # type: ignore[operator]

    signs: list[Tensor] = []
    for batch, xi in zip(x.split(4), noise(JiT(**fields), x, seeded()), strict=True):  # type: ignore[arg-type]
        u = (xi @ linear.weight[:1].T).sign()
        signs.append(-(u * batch / xi.norm(dim=2, keepdim=True)).mean((0, 1)).detach())
    g1, g2, g3 = signs
    assert_close(moved(False)[0], g1 + g2 + g3, rtol=1e-5, atol=1e-5)
    assert_close(moved(True)[0], 3 * g1 + 2 * g2 + g3, rtol=1e-5, atol=1e-5)


def test_a_rate_of_zero_changes_nothing(model: nn.Module, x: Tensor) -> None:
    for make in (JiT, JiT.as_released):
        result = make(lr=0.0)(model, forget_inputs=Inputs(x), generator=seeded())
        assert_same(result, model, rtol=0, atol=0)


@pytest.mark.parametrize("clamp", [False, True])
def test_inputs_may_require_a_gradient_and_get_none(
    model: nn.Module, x: Tensor, clamp: bool
) -> None:
    wanted, method = x.clone().requires_grad_(), JiT(clamp=clamp)
    one = method(model, forget_inputs=Inputs(wanted), generator=seeded())
    other = method(model, forget_inputs=Inputs(x), generator=seeded())
    assert_same(one, other)
    assert wanted.grad is None


def test_jit_is_handed_no_labels() -> None:
    assert get_type_hints(JiT.__call__)["forget_inputs"] is Inputs


def test_full_gradients_lower_the_ratio_that_jit_is_about(model: nn.Module, x: Tensor) -> None:
    """Fresh noise, so that it is not only the noise of the training that is fitted."""

    def ratio(net: nn.Module) -> float:
        xi = 0.5 * torch.randn(200, *x.shape, dtype=x.dtype, generator=seeded(9))
        with torch.no_grad():
            distance = (net(x) - net((x + xi).flatten(0, 1)).unflatten(0, (200, 11))).norm(dim=2)
        return float((distance / xi.norm(dim=2)).mean())

    for seed in range(5):
        method = JiT(0.5, 0.3, batch_size=4, stop_gradient=False)
        result = method(model, forget_inputs=Inputs(x), generator=seeded(seed))
        assert ratio(result) < 0.9 * ratio(model)


def test_a_class_is_forgotten_and_most_of_the_rest_stays(toy: Dataset) -> None:
    """In the mean of five seeds, in one small network."""
    original = learned(toy.train, Recipe(15, 0.05, batch_size=16))
    boot = toy.train.y == 1
    before = accuracy(original(toy.train.x), toy.train.y)
    forget, retain = [], []
    for seed in range(5):
        method = JiT(1.0, 3.0, noises=10, batch_size=8)
        result = method(original, forget_inputs=toy.train[boot].inputs, generator=seeded(seed))
        with torch.no_grad():
            forget.append(accuracy(result(toy.train.x[boot]), toy.train.y[boot]))
            retain.append(accuracy(result(toy.train.x[~boot]), toy.train.y[~boot]))
    assert before > 0.99
    assert sum(forget) / 5 < 0.3
    assert sum(retain) / 5 > 0.8
