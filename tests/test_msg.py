"""MSG against its equation, one weight at a time."""

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from unlearnlib import MSG, Dataset, FineTune, Labelled
from unlearnlib.methods.parts.kernels import kernels

from .made_forgetting import forgotten_and_kept
from .made_offers import assert_same, state
from .toys import seeded


def images(n: int, seed: int) -> Labelled:
    x = torch.randn(n, 1, 6, 6, dtype=torch.float64, generator=seeded(seed))
    return Labelled(x, torch.arange(n) % 3)


FORGET, RETAIN = images(5, 1), images(9, 2)


def convolutions(*more: nn.Module) -> nn.Module:
    """Two convolutions, of 27 and 24 weights, with BatchNorm that has seen something."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Tanh(), nn.Conv2d(3, 2, 2), nn.Flatten(),
            *more, nn.Linear(18, 3),
        ).double()  # fmt: skip
        model(RETAIN.x)
    return model.eval()


def unlearned(method: MSG, model: nn.Module, seed: int = 0) -> nn.Module:
    return method(model, forget=FORGET, retain=RETAIN, generator=seeded(seed))


def mean_loss(model: nn.Module, data: Labelled, batch: Tensor) -> Tensor:
    """One batch goes through BatchNorm as a whole; its losses are summed one by one."""
    z = model(data.x[batch])
    total = sum(cross_entropy(z[i : i + 1], data.y[j : j + 1]) for i, j in enumerate(batch))
    return total / len(batch)  # type: ignore[return-value]


def brute_force(method: MSG, model: nn.Module, rates: list[float]) -> nn.Module:
    reference, source = deepcopy(model).eval(), seeded()
    parameters = list(reference.parameters())
    sample, d = torch.randperm(9, generator=source)[:5], [torch.zeros(()) for _ in parameters]
    for sign, data, index in ((1, RETAIN, sample), (-1, FORGET, torch.arange(5))):
        for batch in index.split(method.batch_size):
            gradients = torch.autograd.grad(mean_loss(reference, data, batch), parameters)
            d = [d_i + sign * g for d_i, g in zip(d, gradients, strict=True)]
    scales = [torch.ones_like(p) for p in parameters]
    for p, d_i, s in zip(parameters, d, scales, strict=True):
        if p.dim() == 4:
            fan_out = p.shape[0] * p.shape[2] * p.shape[3]
            drawn = torch.randn(p.shape, dtype=p.dtype, generator=source) * (2 / fan_out) ** 0.5
            ranked = d_i.abs().flatten().tolist()
            count = round(method.r * len(ranked))
            for place in range(len(ranked)):
                smaller = sum(other < ranked[place] for other in ranked)
                if smaller < count:
                    p.data.view(-1)[place] = drawn.view(-1)[place]
                else:
                    s.view(-1)[place] = 0.1
    velocities = [torch.zeros_like(p) for p in parameters]
    reference.train()
    torch.randint(2**31, (), generator=source)  # what seeds dropout
    for eta in rates:
        for batch in torch.randperm(9, generator=source).split(method.batch_size):
            gradients = torch.autograd.grad(mean_loss(reference, RETAIN, batch), parameters)
            for p, v, g, s in zip(parameters, velocities, gradients, scales, strict=True):
                v.copy_(0.9 * v + s * g + 0.02 * p.data)
                p.data -= eta * v
    return reference.eval()


@pytest.mark.parametrize("r", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize(
    ("epochs", "rates"),
    [
        (1, [0.2]), (2, [0.2, 0.1]), (4, [0.1, 0.2, 0.4 / 3, 0.2 / 3]),
        (5, [0.2 / 3, 0.4 / 3, 0.2, 0.4 / 3, 0.2 / 3]),
    ],
)  # fmt: skip
def test_it_equals_brute_force(r: float, epochs: int, rates: list[float]) -> None:
    method, model = MSG(r, epochs, 0.2, weight_decay=0.02, batch_size=3), convolutions()
    assert_close(state(unlearned(method, model)), state(brute_force(method, model, rates)))


@pytest.mark.parametrize("r", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_without_steps_exactly_the_share_of_each_convolution_is_new(r: float) -> None:
    """The equation counts weights, the rest of the network and frozen layers stay."""
    model = convolutions()
    result = unlearned(MSG(r, lr=0.0), model)
    for name, p in result.named_parameters():
        new = int((p != model.get_parameter(name)).sum())
        assert new == (round(r * p.numel()) if p.dim() == 4 else 0), name
    model[0].requires_grad_(False)  # type: ignore[index]
    assert_same(state(unlearned(MSG(r), model)[0]), state(model[0]))  # type: ignore[index]


def test_new_weights_have_the_variance_of_the_fan_out() -> None:
    model = nn.Sequential(nn.Conv2d(1, 50, 6), nn.Flatten(), nn.Linear(50, 3)).double()
    drawn = [unlearned(MSG(1.0, lr=0.0), model, seed)[0].weight for seed in range(5)]  # type: ignore[index]
    n = 5 * 50 * 36
    assert torch.stack(drawn).var().item() == pytest.approx(2 / (50 * 36), rel=5 * (2 / n) ** 0.5)


def test_a_network_without_convolutions_is_fine_tuned() -> None:
    """The order of the examples is another one, which whole batches do not see."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 3)).double()
    tuned = FineTune(1, 0.1, batch_size=9)(model, retain=RETAIN, generator=seeded())
    assert_close(state(unlearned(MSG(epochs=1, lr=0.1), model)), state(tuned))


def test_nothing_stays_behind_that_slows() -> None:
    result = unlearned(MSG(0.5), model := convolutions(nn.Dropout(0.5)))
    for W in kernels(result):
        assert not W._backward_hooks
    assert type(result) is type(model)
    assert [*map(type, result)] == [*map(type, model)]  # type: ignore[call-overload]


def test_kernels_are_found_once_and_only_where_they_are_parameters() -> None:
    one, other, frozen = (nn.Conv2d(2, 2, 3) for _ in range(3))
    other.weight = one.weight
    frozen.weight.requires_grad_(False)
    made = nn.utils.parametrizations.weight_norm(nn.Conv2d(2, 2, 3))
    assert kernels(nn.Sequential(one, other, frozen, made, nn.Linear(2, 2))) == [one.weight]


def test_dropout_and_batchnorm_rest_while_weights_are_chosen() -> None:
    """With one batch of the retain set its statistics are those of one step."""
    model = convolutions(nn.Dropout(0.5))
    seen: list[Any] = []
    model.register_forward_pre_hook(lambda net, _: seen.append(net.training))
    result = unlearned(MSG(epochs=1, batch_size=9), model)
    assert seen == [False, False, True]
    assert result[1].num_batches_tracked == model[1].num_batches_tracked + 1  # type: ignore[index]


def test_a_class_is_forgotten_and_the_rest_kept(toy: Dataset) -> None:
    for accuracy, loss, kept in forgotten_and_kept(MSG(0.6, lr=0.05, batch_size=20), toy):
        assert accuracy <= 0.1
        assert loss > 1
        assert kept >= 0.95
