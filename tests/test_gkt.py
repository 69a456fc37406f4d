"""Gated knowledge transfer against its equations, one made-up input and one weight at a time."""

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from unlearnlib import GKT, Recipe
from unlearnlib.errors import SpecError
from unlearnlib.methods import gkt
from unlearnlib.methods.parts.synthesis import LATENT, maker_of_inputs
from unlearnlib.metrics import accuracy
from unlearnlib.training import seeded as drawing_from
from unlearnlib.training import train

from .made_offers import factory, network
from .toys import Adam, assert_same, blobs, of_points, seeded

SHAPE = (1, 4, 4)


def fresh(generator: torch.Generator) -> nn.Module:
    """A smooth network of 4 x 4 images with two convolutions, in double precision."""
    with drawing_from(generator):
        return nn.Sequential(
            nn.Conv2d(1, 2, 3, padding=1), nn.Tanh(), nn.Conv2d(2, 3, 3), nn.Tanh(), nn.Flatten(),
            nn.Linear(12, 3),
        ).double()  # fmt: skip


TEACHER = fresh(seeded(3)).eval()
for weight in TEACHER.parameters():
    weight.data *= 2  # it has an opinion


def taught(method: GKT, teacher: nn.Module = TEACHER, new: Any = fresh) -> nn.Module:
    return method(
        teacher, forget_classes=(1,), fresh_model=new, input_shape=SHAPE, generator=seeded()
    )


def probabilities(z: Tensor) -> list[Tensor]:
    total = z.exp().sum()
    return [z[c].exp() / total for c in range(3)]


def looks(net: nn.Module, x: Tensor) -> list[Tensor]:
    """Of one input, the attention to each place of what left each convolution."""
    found = []
    for layer in net:  # type: ignore[attr-defined]
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            places = x[0].flatten(1).T  # a row of channels each
            A = torch.stack([(a**2).sum() / len(a) for a in places])
            found.append(A / (A**2).sum().sqrt())
    return found


class Momentum:
    """SGD by hand, by the cosines of OneCycle if there is a peak: up over three tenths, and down.

    There momentum goes from 0.95 to 0.85 and back.
    """

    def __init__(self, parameters: list[Any], lr: float, peak: float, steps: int) -> None:
        self.parameters, self.lr, self.peak, self.steps, self.t = parameters, lr, peak, steps, 0
        self.v = [torch.zeros_like(p) for p in parameters]

    def now(self) -> tuple[float, float]:
        """Rate and momentum."""
        if not self.peak:
            return self.lr, 0.9
        top, last, low = 0.3 * self.steps - 1, self.steps - 1, self.peak / 25
        if self.t <= top:
            up = (1 - math.cos(math.pi * self.t / top)) / 2
            return low + up * (self.peak - low), 0.95 - 0.1 * up
        down, end = (1 - math.cos(math.pi * (self.t - top) / (last - top))) / 2, low / 1e4
        return self.peak + down * (end - self.peak), 0.85 + 0.1 * down

    def step(self, gradients: Any) -> None:
        lr, momentum = self.now()
        for p, v, g in zip(self.parameters, self.v, gradients, strict=True):
            v.copy_(momentum * v + g)
            p.data -= lr * v
        self.t += 1


def descended(adam: Adam | Momentum, loss: Tensor) -> None:
    """One step along gradients that are cut to a length of five together."""
    gradients = torch.autograd.grad(loss, adam.parameters)
    length = sum((g**2).sum() for g in gradients) ** 0.5
    factor = min(1.0, 5 / (float(length) + 1e-6))
    adam.step([factor * g for g in gradients])


def brute_force(method: GKT) -> tuple[nn.Module, list[int]]:
    """The student, and how many inputs passed at each step."""
    source, passed = seeded(), []
    S: Any = deepcopy(TEACHER) if method.from_original else fresh(source)
    if method.from_original:
        with drawing_from(source):
            for layer in (S[0], S[2]):  # uniform, of variance 2 / (fan in + fan out)
                out, into = layer.weight.shape[:2]
                layer.weight.data.uniform_(-1, 1).mul_((6 / (9 * out + 9 * into)) ** 0.5)
    with drawing_from(source):
        G = maker_of_inputs(SHAPE).double()
    steps_S, steps_G = (
        Momentum(list(net.parameters()), method.lr, peak * 10 * method.lr,
                 method.batches * method.student_steps)
        if method.sgd else Adam(list(net.parameters()), method.lr)
        for net, peak in ((S, 1), (G, 0))
    )  # fmt: skip
    for _ in range(method.batches):
        z = torch.randn(method.batch_size, LATENT, generator=source, dtype=torch.float64)
        for step in range(method.maker_steps + method.student_steps):
            making = step < method.maker_steps
            made = G(z) if making else G(z).detach()
            X = [x[None] for x in made if probabilities(TEACHER(x[None])[0])[1] <= method.eps]
            passed.append(len(X))
            if len(X) < 2:
                continue
            KL = a = torch.zeros((), dtype=torch.float64)
            for x in X:
                p, q = (probabilities(net(x)[0]) for net in (TEACHER, S))
                KL = KL + sum(p[c] * (p[c] / q[c]).log() for c in range(3)) / len(X)
                for A_T, A_S in zip(looks(TEACHER, x), looks(S, x), strict=True):
                    a = a + ((A_T - A_S) ** 2).sum() / len(A_T) / len(X)
            KL = KL / 3 if method.class_mean else KL
            descended(steps_G if making else steps_S, -KL if making else KL + method.beta * a)
    return S, passed


@pytest.mark.parametrize(
    "fields",
    [
        {}, {"class_mean": True}, {"beta": 0.0}, {"beta": 1.0, "eps": 0.25}, {"eps": 1.0},
        {"from_original": True, "maker_steps": 2}, {"sgd": True, "batches": 5},
    ],
)  # fmt: skip
def test_it_equals_brute_force(fields: dict[str, Any]) -> None:
    small = {"batches": 3, "batch_size": 5, "student_steps": 2, "lr": 0.02, "eps": 0.3}
    method = GKT(**(small | fields))
    reference, passed = brute_force(method)
    assert_same(taught(method), reference)
    assert len(passed) == method.batches * (method.maker_steps + 2)
    assert (min(passed) == 5) == (method.eps == 1)
    assert max(passed) >= 2


def spied(monkeypatch: pytest.MonkeyPatch, method: GKT, **given: Any) -> list[tuple[str, float]]:
    """The losses that are descended on, of maker and student; no step is taken."""
    seen: list[tuple[str, float]] = []

    def noted(adam: Any, net: Any, loss: Tensor) -> None:
        seen.append(("G" if isinstance(net[-1], nn.BatchNorm2d) else "S", loss.item()))

    monkeypatch.setattr(gkt, "descend", noted)
    taught(method, **given)
    return seen


def test_there_is_nothing_to_learn_from_oneself(monkeypatch: pytest.MonkeyPatch) -> None:
    method = GKT(batches=2, batch_size=6, student_steps=3, eps=1.0)
    losses = spied(monkeypatch, method, new=lambda _: deepcopy(TEACHER))
    assert [kind for kind, _ in losses] == ["G", "S", "S", "S"] * 2
    assert max(abs(loss) for _, loss in losses) < 1e-12


def test_the_released_divergence_is_divided_by_the_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    fields: dict[str, Any] = {"batches": 2, "batch_size": 6, "eps": 1.0, "beta": 0.0}
    ours, theirs = (
        torch.tensor([loss for _, loss in spied(monkeypatch, GKT(**fields, class_mean=divided))])
        for divided in (False, True)
    )
    assert_close(ours, 3 * theirs)
    assert (ours[::11] < 0).all()
    assert (ours[1:11] > 0.01).all()


def shown(method: GKT) -> list[Tensor]:
    """What the student is shown, step by step."""
    seen: list[Tensor] = []

    def watched(generator: torch.Generator) -> nn.Module:
        net = fresh(generator)
        net.register_forward_pre_hook(lambda _, x: seen.append(x[0].detach().clone()))
        return net

    taught(method, new=watched)
    return seen


@pytest.mark.parametrize("eps", [0.2, 0.3, 1.0])
def test_the_student_never_sees_what_its_teacher_takes_for_the_class(eps: float) -> None:
    seen = shown(GKT(batches=4, batch_size=12, student_steps=2, lr=0.02, eps=eps))
    given = [TEACHER(x).softmax(1)[:, 1].max().item() for x in seen]
    assert max(given) <= eps
    assert (min(map(len, seen)) == 12) == (eps == 1)
    assert not torch.equal(seen[0][:2], seen[1][:2])  # the maker has moved between


def test_a_closed_gate_ends_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """And after a hundred steps that nothing passes another maker begins."""
    makers: list[nn.Module] = []

    def noted(shape: tuple[int, ...]) -> nn.Module:
        makers.append(maker_of_inputs(shape))
        return makers[-1]

    monkeypatch.setattr(gkt, "maker_of_inputs", noted)
    with pytest.raises(SpecError, match=r"^Nothing that was made in 20 batches passed.*eps = 0 to"):
        taught(GKT(batches=20, batch_size=2, student_steps=9, eps=0.0))
    assert len(makers) == 1 + 2


def test_a_rate_of_zero_leaves_the_student_untrained() -> None:
    method = GKT(batches=2, batch_size=6, lr=0.0, eps=1.0)
    assert_same(taught(method), fresh(seeded()), rtol=0, atol=0)


def test_presets_and_the_mode_of_the_student() -> None:
    """In the release its BatchNorm keeps the statistics of an untrained network."""
    ours, released = asdict(GKT()), asdict(GKT.as_released())
    changed = {name: value for name, value in released.items() if value != ours[name]}
    assert changed == {"train_mode": False, "class_mean": True}
    copied = {name: v for name, v in asdict(GKT.as_copied()).items() if v != ours[name]}
    assert copied == {
        "batches": 1000, "batch_size": 128, "maker_steps": 2, "student_steps": 15, "lr": 0.01,
        "beta": 5.0, "class_mean": True, "from_original": True, "sgd": True,
    }  # fmt: skip
    new: Callable[[torch.Generator], nn.Module] = factory(torch.float64)
    for make, moves in ((GKT, True), (GKT.as_released, False)):
        method = make(batches=2, batch_size=8, eps=1.0)
        student = method(
            network(), forget_classes=(1,), fresh_model=new, input_shape=(6,), generator=seeded()
        )
        (mean,) = (b for name, b in student.named_buffers() if name.endswith("mean"))
        assert bool(mean.any()) == moves


def test_the_copied_student_is_the_original_but_for_its_convolutions() -> None:
    student: Any = taught(GKT.as_copied(batches=2, batch_size=6, lr=0.0, eps=1.0))
    for (name, ours), theirs in zip(student.named_parameters(), TEACHER.parameters(), strict=True):
        drawn = name in ("0.weight", "2.weight")
        assert torch.equal(ours, theirs) != drawn
        assert ours.requires_grad


def test_a_first_layer_may_work_in_place() -> None:
    first = [nn.LeakyReLU(0.5, inplace=inplace) for inplace in (True, False)]
    results = [
        taught(
            GKT(batches=2, batch_size=6, lr=0.02, eps=1.0),
            nn.Sequential(one, deepcopy(TEACHER)).eval(),
            lambda g, one=one: nn.Sequential(one, fresh(g)),
        )
        for one in first
    ]
    assert_same(*results)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (2, 5, 7), (6,), (3, 4)])
def test_made_inputs_have_the_shape_and_the_spread_of_data(shape: tuple[int, ...]) -> None:
    x = maker_of_inputs(shape)(torch.randn(64, LATENT, generator=seeded()))
    assert x.shape == (64, *shape)
    assert x.mean().abs() < 0.01
    assert 0.95 < x.std() < 1.05


def test_a_class_is_forgotten_and_the_rest_is_learned() -> None:
    """Five pairs of networks; nothing but the class's number is known of the data."""
    data, test = blobs(150, 1), blobs(300, 2)
    gone = test.y == 1
    for seed in range(5):
        recipe = Recipe(8, 0.1, batch_size=30)
        original = train(of_points(seeded(seed)), data, recipe, seeded(seed))
        assert accuracy(original(test.x), test.y) > 0.95
        student = GKT(batches=20, batch_size=32, lr=0.005)(
            original, forget_classes=(1,), fresh_model=of_points, input_shape=(4,),
            generator=seeded(seed + 50),
        )  # fmt: skip
        assert accuracy(student(test.x[gone]), test.y[gone]) < 0.1
        assert accuracy(student(test.x[~gone]), test.y[~gone]) > 0.9


def test_what_is_made_counts_for_no_model() -> None:
    """Whatever the class of the model: the maker of inputs is of another one."""
    assert type(maker_of_inputs((5,))) is not nn.Sequential
    assert type(maker_of_inputs((1, 8, 8))) is not nn.Sequential
