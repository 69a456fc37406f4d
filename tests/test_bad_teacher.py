"""Bad Teacher against its equation, one example and one class at a time."""

from copy import deepcopy
from dataclasses import asdict, replace

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from unlearnlib import BadTeacher, Dataset, Inputs, training
from unlearnlib.models import Factory

from .made_forgetting import left
from .toys import assert_same, seeded


def inputs(n: int, seed: int) -> Inputs:
    return Inputs(torch.randn(n, 4, dtype=torch.float64, generator=seeded(seed)))


FORGET, RETAIN = inputs(5, 1), inputs(8, 2)


def fresh_model(generator: torch.Generator) -> nn.Module:
    with training.seeded(generator):
        return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()


def taught(
    method: BadTeacher, model: nn.Module, fresh: Factory = fresh_model, seed: int = 0
) -> nn.Module:
    return method(
        model, forget_inputs=FORGET, retain_inputs=RETAIN, fresh_model=fresh,
        generator=seeded(seed),
    )  # fmt: skip


def divergence(z: Tensor, z_t: Tensor, T: float) -> Tensor:
    """KL(p_t || p) of one example, class by class."""
    p, q = ((a / T).exp() / (a / T).exp().sum() for a in (z_t, z))
    return sum(p[c] * (p[c] / q[c]).log() for c in range(3))  # type: ignore[return-value]


@pytest.mark.parametrize(
    "method",
    [
        BadTeacher(epochs=3, lr=0.02, batch_size=3, fraction=0.45),
        BadTeacher(lr=0.02, batch_size=5, fraction=1.0, temperature=2.5),
        BadTeacher.as_released(lr=0.02, batch_size=4, fraction=0.75),
    ],
)
def test_it_equals_brute_force(model: nn.Module, method: BadTeacher) -> None:
    """A loop for every sum, and Adam by hand."""
    student, source = deepcopy(model), seeded()
    bad = fresh_model(source)
    some = torch.randperm(8, generator=source)[: int(8 * method.fraction)]
    rows = [*((x, bad) for x in FORGET.x), *((RETAIN.x[i], model) for i in some)]
    torch.randint(2**31, (), generator=source)  # what seeds dropout
    parameters, t = list(student.parameters()), 0
    m, v = ([torch.zeros_like(p) for p in parameters] for _ in range(2))
    for _ in range(method.epochs):
        for batch in torch.randperm(len(rows), generator=source).split(method.batch_size):
            total, t = torch.zeros(()), t + 1
            for x, teacher in (rows[i] for i in batch):
                z, z_t = student(x[None])[0], teacher(x[None])[0].detach()
                total = total + divergence(z, z_t, method.temperature)
            mean = total / len(batch) / (3 if method.class_mean else 1)
            gradients = torch.autograd.grad(mean, parameters)
            for p, m_i, v_i, g in zip(parameters, m, v, gradients, strict=True):
                m_i.copy_(0.9 * m_i + 0.1 * g)
                v_i.copy_(0.999 * v_i + 0.001 * g**2)
                p.data -= method.lr * (m_i / (1 - 0.9**t)) / ((v_i / (1 - 0.999**t)).sqrt() + 1e-8)
    assert_same(taught(method, model), student)


def test_a_mean_over_the_classes_is_smaller_by_their_number() -> None:
    z, z_o, z_b = (torch.randn(6, 3, dtype=torch.float64, generator=seeded(s)) for s in (1, 2, 3))
    l_u, gradients = torch.arange(6) % 2, list[Tensor]()
    for method in (BadTeacher(temperature=2.0), BadTeacher.as_released(temperature=2.0)):
        leaf = z.clone().requires_grad_()
        gradients += torch.autograd.grad(method.loss(leaf, z_o, z_b, l_u), leaf)
    assert_close(gradients[0], 3 * gradients[1])


def test_a_bad_teacher_that_is_the_original_has_no_slope(model: nn.Module) -> None:
    """Nor has the retain set alone, as long as the student is the original."""
    z_o = model(FORGET.x).detach()
    z, z_b = z_o.clone().requires_grad_(), z_o + torch.randn(3, generator=seeded())
    for bad, l_u in ((z_o, torch.arange(5) % 2), (z_b, torch.zeros(5, dtype=torch.long))):
        (gradient,) = torch.autograd.grad(BadTeacher().loss(z, z_o, bad, l_u), z)
        assert gradient.abs().max() < 1e-12


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_with_nothing_kept_it_becomes_the_bad_teacher(model: nn.Module, temperature: float) -> None:
    method = BadTeacher(600, 0.05, batch_size=5, fraction=0.0, temperature=temperature)
    answers = taught(method, model)(FORGET.x).softmax(1)
    assert_close(answers, fresh_model(seeded())(FORGET.x).softmax(1), atol=1e-3, rtol=0)


def test_without_a_step_nothing_changes(model: nn.Module) -> None:
    assert_same(taught(BadTeacher(lr=0), model), model, rtol=0, atol=0)


def test_the_part_of_the_retain_set_is_drawn_once(model: nn.Module) -> None:
    """Three of eight (0.45 of them, cut), the same in every pass; others for another generator."""
    seen: list[Tensor] = []

    class Watch(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(x.detach())
            answer: Tensor = super().forward(x)
            return answer

    method = BadTeacher(epochs=4, batch_size=13, fraction=0.45, lr=0.01)
    drawn = []
    for seed in (0, 1):
        seen.clear()
        taught(method, Watch(*model.children()), seed=seed)
        passes = [{i for i in range(8) if (RETAIN.x[i] == x).all(1).any()} for x in seen]
        assert len(passes) == 2 * 4  # student and original
        assert all(one == passes[0] for one in passes)
        assert len(passes[0]) == 3
        drawn.append(passes[0])
    assert drawn[0] != drawn[1]


def test_teachers_do_not_depend_on_the_batch() -> None:
    """They are in eval mode: their BatchNorm keeps its statistics, the student's moves."""

    def normed(generator: torch.Generator) -> nn.Module:
        with training.seeded(generator):
            return nn.Sequential(
                nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Dropout(0.5), nn.Linear(5, 3)
            ).double()

    bad = normed(seeded(3))
    net = normed(seeded(4)).eval()
    result = taught(BadTeacher(), net, fresh=lambda generator: bad)
    assert bad[1].num_batches_tracked == net[1].num_batches_tracked == 0  # type: ignore[index]
    assert result[1].num_batches_tracked == 1  # type: ignore[index]


def test_presets() -> None:
    ours, released = asdict(BadTeacher()), asdict(BadTeacher.as_released())
    assert released == ours | {"class_mean": True}
    assert BadTeacher.as_released(lr=0.1) == replace(BadTeacher(lr=0.1), class_mean=True)


@pytest.mark.parametrize("seed", range(5))
def test_it_forgets_a_class_and_keeps_the_others(toy: Dataset, seed: int) -> None:
    forgotten, kept = left(BadTeacher(epochs=20, lr=1e-3, batch_size=16), toy, seed)
    assert 0.2 < forgotten < 0.45
    assert kept > 0.9
