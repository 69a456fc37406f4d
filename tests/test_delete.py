"""DELETE against its equation, one example and one class at a time."""

import math
from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from unlearnlib import DELETE, Dataset, Labelled
from unlearnlib.methods.delete import others
from unlearnlib.methods.parts.distillation import divergence_from_teacher

from .made_forgetting import left
from .toys import assert_same, seeded

X = torch.randn(7, 4, dtype=torch.float64, generator=seeded(1))
FORGET = Labelled(X, torch.arange(7) % 3)


def unlearned(method: DELETE, model: nn.Module, forget: Labelled = FORGET) -> nn.Module:
    return method(model, forget=forget, generator=seeded())


def divergence(z: Tensor, z_o: Tensor, y: int) -> Tensor:
    """KL(p' || q) of one example, class by class."""
    rest = [k for k in range(len(z)) if k != y]
    total = sum(math.exp(z_o[j]) for j in rest)
    p = {k: math.exp(z_o[k]) / total for k in rest}
    q = z.exp() / z.exp().sum()
    return sum(p[k] * (math.log(p[k]) - q[k].log()) for k in rest)  # type: ignore[return-value]


def test_it_equals_brute_force(model: nn.Module) -> None:
    """A loop for every sum, and SGD by hand."""
    method = DELETE(epochs=3, lr=0.2, batch_size=3)
    reference, source = deepcopy(model), seeded()
    torch.randint(2**31, (), generator=source)  # what seeds dropout
    parameters = list(reference.parameters())
    velocities = [torch.zeros_like(p) for p in parameters]
    for _ in range(3):
        order = torch.randperm(7, generator=source)
        for batch in (order[:3], order[3:]):  # a single one joins the batch before
            losses = [
                divergence(reference(X[i][None])[0], model(X[i][None])[0].detach(), int(i) % 3)
                for i in batch
            ]
            gradients = torch.autograd.grad(torch.stack(losses).mean(), parameters)
            for p, v, g in zip(parameters, velocities, gradients, strict=True):
                v.copy_(0.9 * v + g)
                p.data -= 0.2 * v
    assert_same(unlearned(method, model), reference)


def test_at_first_the_loss_is_that_of_the_true_class_alone(model: nn.Module) -> None:
    """Mean -log(1 - q_y), with the slope q_y at y and -q_k q_y / (1 - q_y) elsewhere."""
    z = model(X).detach().requires_grad_()
    loss = divergence_from_teacher(z, others(model, FORGET))
    (gradient,) = torch.autograd.grad(loss, z)
    q, y = z.detach().softmax(1), FORGET.y[:, None]
    q_y = q.gather(1, y)
    assert_close(loss.detach(), -(1 - q_y).log().mean())
    by_hand = (-q * q_y / (1 - q_y)).scatter(1, y, q_y)
    assert_close(gradient, by_hand / len(X))


def test_it_forgets_and_it_keeps(model: nn.Module) -> None:
    """KL(p' || q) = -log(1 - q_y) + KL(p' || q without y, rescaled), of any student."""
    z = torch.randn(7, 3, dtype=torch.float64, generator=seeded(2))
    z_o, total = model(X).detach(), 0.0
    for i in range(7):
        y = i % 3
        q, rest = z[i].softmax(0), [k for k in range(3) if k != y]
        p, kept = z_o[i][rest].softmax(0), q[rest] / (1 - q[y])
        total += float(-(1 - q[y]).log() + (p * (p / kept).log()).sum())
    assert_close(divergence_from_teacher(z, others(model, FORGET)).item(), total / 7)


def test_of_two_classes_it_is_the_other_label() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Linear(4, 2).double()
    data = Labelled(X, torch.arange(7) % 2)
    z = torch.randn(7, 2, dtype=torch.float64, generator=seeded(2))
    assert_close(divergence_from_teacher(z, others(net, data)), cross_entropy(z, 1 - data.y))


def test_it_ends_where_the_class_is_gone_and_the_ratios_are_kept(model: nn.Module) -> None:
    forget = FORGET[torch.arange(2)]
    before, after = (
        net(forget.x).softmax(1).detach()
        for net in (model, unlearned(DELETE(1500, lr=0.1), model, forget))
    )
    for i, (p, q) in enumerate(zip(before, after, strict=True)):
        assert q[i] < 5e-3
        rest = [k for k in range(3) if k != i]
        assert_close(q[rest] / q[rest].sum(), p[rest] / p[rest].sum(), rtol=0.02, atol=0)


def test_what_was_never_learned_has_no_slope() -> None:
    z_o = torch.tensor([[-60.0, 0.3, 1.0]], dtype=torch.float64)
    net = nn.Embedding.from_pretrained(z_o)
    z = z_o.clone().requires_grad_()
    data = Labelled(torch.tensor([0]), torch.tensor([0]))
    (gradient,) = torch.autograd.grad(divergence_from_teacher(z, others(net, data)), z)
    assert gradient.abs().max() < 1e-15


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_answers_that_are_certain_leave_the_tail(dtype: torch.dtype) -> None:
    """1 - p_y is lost in single precision, the ratio of the other classes is not."""
    net = nn.Embedding.from_pretrained(torch.tensor([[300.0, 1.0, 0.0]], dtype=dtype))
    data = Labelled(torch.tensor([0]), torch.tensor([0]))
    e = math.e / (1 + math.e)
    target = others(net, data).softmax(1)
    assert_close(target, torch.tensor([[0.0, e, 1 - e]], dtype=dtype))
    loss = divergence_from_teacher(net.weight, others(net, data))
    assert_close(loss.item(), 300 - math.log(1 + math.e), rtol=1e-5, atol=0)


def test_of_several_labels_all_become_no(model: nn.Module) -> None:
    """And the other answers stay: class by class, a yes with the probability that it had."""
    y = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]] * 3 + [[1.0, 1.0, 1.0]])
    z = torch.randn(7, 3, dtype=torch.float64, generator=seeded(2))
    p = model(X).detach().sigmoid() * (1 - y)
    q, total = z.sigmoid(), 0.0
    for i in range(7):
        for k in range(3):
            yes, no = float(p[i, k]), float(1 - p[i, k])
            total += no * math.log(no / (1 - float(q[i, k])))
            total += yes * math.log(yes / float(q[i, k])) if yes else 0.0
    loss = divergence_from_teacher(z, others(model, Labelled(X, y)), several=True)
    assert_close(loss.item(), total / 7)


@pytest.mark.parametrize("learns", [False, True])
def test_batchnorm_learns_what_is_to_be_forgotten_in_train_mode_alone(learns: bool) -> None:
    net = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Dropout(0.5), nn.Linear(5, 3))
    net = net.double().eval()
    result = unlearned(DELETE(epochs=2, batchnorm_in_train_mode=learns), net)
    for name, buffer in net.named_buffers():
        assert torch.equal(buffer, result.get_buffer(name)) != learns, name
    other = DELETE(epochs=2, batchnorm_in_train_mode=learns)(
        net, forget=FORGET, generator=seeded(1)
    )
    assert not torch.equal(result[0].weight, other[0].weight)  # type: ignore[index]


def test_without_a_step_nothing_changes(model: nn.Module) -> None:
    assert_same(unlearned(DELETE(lr=0), model), model, rtol=0, atol=0)


@pytest.mark.parametrize("seed", range(5))
def test_it_forgets_a_class_and_keeps_the_others(toy: Dataset, seed: int) -> None:
    forgotten, kept = left(DELETE(lr=0.01, batch_size=16), toy, seed)
    assert forgotten < 0.05
    assert kept > 0.9
