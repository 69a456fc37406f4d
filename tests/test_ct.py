"""CT: what transposing does, and that fine-tuning follows."""

from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.testing import assert_close

from unlearnlib import CT, Dataset, FineTune, Labelled
from unlearnlib.errors import UnsupportedModelError
from unlearnlib.models import build

from .made_forgetting import forgotten_and_kept
from .made_offers import assert_same, network, offers, state, unlearned
from .toys import seeded

X = torch.randn(8, 2, 7, 7, dtype=torch.float64, generator=seeded(1))
RETAIN = Labelled(X, torch.arange(8) % 3)


def convolutions(seed: int = 0) -> nn.Module:
    """Square strides, pads and pools; the last features are pooled over the image."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.MaxPool2d(2), nn.Tanh(),
            nn.Conv2d(4, 4, 2, groups=2), nn.Conv2d(4, 5, 1), nn.AdaptiveAvgPool2d(1),
            nn.Flatten(), nn.Linear(5, 3),
        ).double().eval()  # fmt: skip


def without_steps(model: nn.Module) -> nn.Module:
    """The surgery alone; statistics of BatchNorm as they were."""
    result = CT(1, lr=0.0)(model, retain=RETAIN, generator=seeded())
    for name, b in result.named_buffers():
        b.copy_(model.get_buffer(name))
    return result


def test_weights_are_transposed_one_by_one() -> None:
    model = convolutions()
    result = without_steps(model)
    for name, new in result.named_parameters():
        old = model.get_parameter(name)
        for place in torch.ones_like(old).nonzero().tolist():
            o, i, a, b = place if old.dim() == 4 else (*place, 0, 0, 0)[:4]
            other = (o, i, b, a) if old.dim() == 4 else tuple(place)
            assert new[tuple(place)] == old[other], name
    assert not torch.equal(result[0].weight, model[0].weight)  # type: ignore[index]
    assert torch.equal(result[5].weight, model[5].weight)  # type: ignore[index]


def test_the_network_does_to_a_transposed_image_what_it_did_to_the_image() -> None:
    model = convolutions()
    result = without_steps(model)
    assert_close(result(X.mT), model(X), rtol=0, atol=1e-14)
    assert not torch.allclose(result(X), model(X), atol=1e-3)


def test_twice_is_nothing() -> None:
    model = convolutions()
    assert_same(state(without_steps(without_steps(model))), state(model))


def test_it_trains_on_by_a_cosine() -> None:
    """SGD by hand, on a network that was transposed by hand."""
    method = CT(3, 0.1, weight_decay=0.02, batch_size=3)
    reference, source = convolutions(), seeded()
    for i in (0, 4, 5):
        W = reference[i].weight  # type: ignore[index]
        W.data = W.data.transpose(2, 3).clone()
    parameters = list(reference.train().parameters())
    velocities = [torch.zeros_like(p) for p in parameters]
    torch.randint(2**31, (), generator=source)  # what seeds dropout
    for eta in (0.1, 0.075, 0.025):
        for batch in torch.randperm(8, generator=source).split(3):
            loss = cross_entropy(reference(X[batch]), RETAIN.y[batch])
            gradients = torch.autograd.grad(loss, parameters)
            for p, v, g in zip(parameters, velocities, gradients, strict=True):
                v.copy_(0.9 * v + g + 0.02 * p.data)
                p.data -= eta * v
    result = method(convolutions(), retain=RETAIN, generator=seeded())
    assert_close(state(result), state(reference))


@pytest.mark.parametrize("epochs", [1, 2, 7])
def test_the_rates_are_those_of_torch(epochs: int) -> None:
    sgd = SGD([torch.zeros(1)], 0.1)
    schedule, rates = CosineAnnealingLR(sgd, epochs), []
    for _ in range(epochs):
        rates.append(sgd.param_groups[0]["lr"])
        sgd.step()  # which torch wants to come first
        schedule.step()
    assert list(CT(epochs, 0.1).rates()) == pytest.approx(rates, rel=1e-12)


def test_a_network_without_convolutions_is_fine_tuned() -> None:
    methods = CT(1, 0.1, batch_size=7), FineTune(1, 0.1, batch_size=7)
    results = [unlearned(method, network(), offers()) for method in methods]
    assert_same(*map(state, results))


def test_kernels_that_are_not_square_are_refused_unless_they_are_frozen() -> None:
    model = convolutions()
    model[0] = nn.Conv2d(2, 4, (3, 1), padding=(1, 0)).double()  # type: ignore[operator]
    with pytest.raises(UnsupportedModelError, match=r"a kernel of 3 x 1, .* requires_grad_\(False"):
        without_steps(model)
    model[0].requires_grad_(False)  # type: ignore[index]
    assert_same(state(without_steps(model)[0]), state(model[0]))  # type: ignore[index]


def test_the_memory_of_a_weight_keeps_its_layout() -> None:
    model = build("strided_cnn", (2, 8, 8), 3)
    x = torch.randn(6, 2, 8, 8, generator=seeded())
    result = CT()(deepcopy(model), retain=Labelled(x, torch.arange(6) % 3), generator=seeded())
    assert [p.stride() for p in result.parameters()] == [p.stride() for p in model.parameters()]


def test_a_class_is_forgotten_and_the_rest_kept(toy: Dataset) -> None:
    for accuracy, loss, kept in forgotten_and_kept(CT(lr=0.05, batch_size=20), toy):
        assert accuracy <= 0.1
        assert loss > 1
        assert kept >= 0.95
