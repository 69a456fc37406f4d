"""SCRUB and SCRUB+R against their equations, one example and one parameter at a time."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unlearnlib import SCRUB, FineTune, Labelled, SCRUBRewind
from unlearnlib.errors import DataError, NonFiniteError, SpecError
from unlearnlib.methods import scrub
from unlearnlib.methods.parts import distillation
from unlearnlib.methods.parts.rewinding import expected_error

from .toys import assert_same, seeded


def examples(n: int, seed: int) -> Labelled:
    x = torch.randn(n, 4, dtype=torch.float64, generator=seeded(seed))
    return Labelled(x, torch.arange(n) % 3)


FORGET, RETAIN = examples(5, 1), examples(8, 2)


def scrubbed(method: SCRUB, model: nn.Module) -> nn.Module:
    return method(model, forget_inputs=FORGET.inputs, retain=RETAIN, generator=seeded())


def divergence(z: Tensor, z_o: Tensor, T: float) -> Tensor:
    """KL(p_o || p) of one example, class by class."""
    p, q = ((a / T).exp() / (a / T).exp().sum() for a in (z_o, z))
    return T**2 * sum(p[c] * (p[c] / q[c]).log() for c in range(3))  # type: ignore[return-value]


def brute_force(method: SCRUB, model: nn.Module) -> nn.Module:
    """The algorithm with a loop for every sum, and SGD by hand."""
    student, source = deepcopy(model), seeded()
    parameters = list(student.parameters())
    velocities = [torch.zeros_like(p) for p in parameters]
    for epoch in range(1, method.epochs + 1):
        torch.randint(2**31, (), generator=source)  # what seeds dropout
        lr = method.lr * 0.1 ** sum(epoch > m for m in (3, 5, 9))
        steps = []
        if epoch <= method.ascents:
            steps += [("max", i) for i in torch.randperm(5, generator=source).split(3)]
        steps += [("min", i) for i in torch.randperm(8, generator=source).split(3)]
        for kind, batch in steps:
            data, total = (FORGET if kind == "max" else RETAIN), torch.zeros(())
            for i in batch:
                z, z_o = (net(data.x[i][None])[0] for net in (student, model))
                d = divergence(z, z_o.detach(), method.temperature)
                of_label = z.exp().sum().log() - z[data.y[i]]
                total = total + (
                    -d if kind == "max" else method.alpha * d + method.gamma * of_label
                )
            gradients = torch.autograd.grad(total / len(batch), parameters)
            for p, v, g in zip(parameters, velocities, gradients, strict=True):
                v.copy_(0.9 * v + g + 5e-4 * p.data)
                p.data -= lr * v
    return student


@pytest.mark.parametrize(
    "fields",
    [
        {}, {"temperature": 4.0}, {"ascents": 1, "alpha": 2.0, "gamma": 0.1},
        {"epochs": 11, "ascents": 0}, {"alpha": 0.0}, {"gamma": 0.0, "epochs": 4, "ascents": 9},
    ],
)  # fmt: skip
def test_it_equals_brute_force(model: nn.Module, fields: dict[str, Any]) -> None:
    method = SCRUB(lr=0.05, batch_size=3, **fields)
    assert_same(scrubbed(method, model), brute_force(method, model))


def test_labels_alone_are_fine_tuning(model: nn.Module) -> None:
    """The order of the examples is another one, which whole batches do not see."""
    method = SCRUB(epochs=3, ascents=0, alpha=0.0, lr=0.05, batch_size=8)
    tuned = FineTune(epochs=3, lr=0.05, batch_size=8)(model, retain=RETAIN, generator=seeded())
    assert_same(scrubbed(method, model), tuned)


def test_ascents_leave_the_teacher_on_the_forget_set(model: nn.Module) -> None:
    """But not by themselves: the divergence starts at its minimum, where it has no slope."""

    def distance(method: SCRUB) -> float:
        pairs = zip(scrubbed(method, model)(FORGET.x), model(FORGET.x), strict=True)
        return sum(divergence(z, z_o, 1.0).item() for z, z_o in pairs)

    far, near = (SCRUB(lr=0.3, ascents=n, batch_size=3) for n in (6, 0))
    assert distance(far) > 4 * distance(near) > 1
    assert distance(SCRUB(lr=0.1, ascents=6, gamma=0.0, batch_size=3)) < 1e-3


def test_presets() -> None:
    for kind, departures in ((SCRUB, {}), (SCRUBRewind, {"rewind": False})):
        ours, released = asdict(kind()), asdict(kind.as_released())
        changed = {name: value for name, value in released.items() if value != ours[name]}
        assert changed == {"temperature": 4.0} | departures
    assert SCRUBRewind.as_released(rewind=True, lr=0.1) == SCRUBRewind(temperature=4.0, lr=0.1)


def test_the_released_rewind_is_scrub(model: nn.Module) -> None:
    fields = {"lr": 0.1, "batch_size": 3}
    rewound = SCRUBRewind.as_released(**fields)(
        model, forget=FORGET, retain=RETAIN, validation=examples(0, 3), generator=seeded()
    )
    assert_same(rewound, scrubbed(SCRUB.as_released(**fields), model), rtol=0, atol=0)


def constant(*answers: int) -> nn.Module:
    """A model whose answer to the number i is answers[i]."""
    net = nn.Embedding(len(answers), 3)
    net.weight.data = 2 * torch.eye(3)[list(answers)]
    return net


def numbers(*labels: int) -> Labelled:
    return Labelled(torch.arange(len(labels)), torch.tensor(labels))


def test_the_expected_error_by_hand() -> None:
    """Forget: class 0 three times, class 1 once. Held out: class 0 half wrong, class 1 all wrong;
    class 2 does not count. 3/4 1/2 + 1/4 1 = 5/8.
    """
    forget, validation = numbers(0, 0, 1, 0), numbers(0, 0, 1, 2, 1, 1)
    error = expected_error(constant(0, 2, 2, 0, 0, 0), forget, validation)
    assert error == pytest.approx(5 / 8)
    assert expected_error(constant(0, 0, 2, 0, 0, 0), numbers(2, 2), validation) == 1
    # a class that is not held out is left out
    assert expected_error(constant(0, 2, 2, 0, 0), numbers(0, 2, 2), numbers(0, 0)) == 0.5


@pytest.mark.parametrize(
    ("held_out", "chosen"), [((0, 0, 0, 0), 0), ((1, 0, 0, 0), 1), ((1, 1, 0, 0), 2)]
)
def test_the_epoch_is_chosen_by_the_error_of_the_last(
    monkeypatch: pytest.MonkeyPatch, held_out: tuple[int, ...], chosen: int
) -> None:
    """Four forget and four held-out examples of class 0; the first epochs err on 0, 1, 2, 4 of
    the former and on all of the latter, the last one on 4 and on as many as `held_out` says.
    """
    errs = [(0, 0, 0, 0), (1, 0, 0, 0), (1, 1, 0, 0), (1, 1, 1, 1)]
    epochs = [constant(*e, *(held_out if e == errs[-1] else (1, 1, 1, 1))) for e in errs]
    forget = numbers(0, 0, 0, 0)
    validation = Labelled(torch.arange(4, 8), forget.y)

    def iterates(*_: Any, **__: Any) -> Iterator[nn.Module]:
        yield from epochs

    monkeypatch.setattr(scrub.Distillation, "iterates", iterates)
    result = SCRUBRewind()(
        nn.Identity(), forget=forget, retain=forget, validation=validation, generator=seeded()
    )
    assert_same(result, epochs[chosen], rtol=0, atol=0)


def test_rewinding_returns_an_epoch_and_not_always_the_last(model: nn.Module) -> None:
    fields: dict[str, Any] = {"lr": 0.3, "batch_size": 3, "epochs": 5, "ascents": 5}
    rewound = SCRUBRewind(**fields)(
        model, forget=FORGET, retain=RETAIN, validation=RETAIN, generator=seeded()
    )
    students = [
        deepcopy(student)
        for student in SCRUB(**fields).iterates(
            model, forget_inputs=FORGET.inputs, retain=RETAIN, generator=seeded()
        )
    ]
    same = [
        all(map(torch.equal, rewound.parameters(), student.parameters())) for student in students
    ]
    assert sum(same) == 1
    assert not same[-1]


def test_without_examples_to_compare_with_it_says_what_to_do(model: nn.Module) -> None:
    with pytest.raises(SpecError, match=r"no held-out example.*validation: 0\.1"):
        SCRUBRewind()(
            model, forget=FORGET, retain=RETAIN, validation=examples(0, 3), generator=seeded()
        )


@pytest.mark.parametrize("training", [False, True])
def test_the_teacher_is_in_eval_mode_and_stays_as_it_is(
    monkeypatch: pytest.MonkeyPatch, training: bool
) -> None:
    """Its outputs do not depend on the batch, on dropout or on what the student learns."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Dropout(0.5), nn.Linear(5, 3)
        ).double()  # fmt: skip
        net(RETAIN.x)
    taught: list[Tensor] = []

    def watched(z: Tensor, z_o: Tensor, *more: Any) -> Tensor:
        taught.append(z_o)
        return divergence_of_batches(z, z_o, *more)

    divergence_of_batches = distillation.divergence_from_teacher
    monkeypatch.setattr(scrub, "divergence_from_teacher", watched)
    scrubbed(SCRUB(lr=0.1, batch_size=4), net.train(training))
    assert len(taught) == 6 * 2 + 3
    original = deepcopy(net).eval()
    with torch.no_grad():
        known = original(torch.cat([FORGET.x, RETAIN.x]))
    for z_o in taught:
        assert not z_o.requires_grad
        assert (torch.cdist(z_o, known).min(1).values < 1e-12).all()


def test_labels_that_are_judged_are_those_of_the_outputs() -> None:
    with pytest.raises(DataError, match="label 7, but the model has 3 outputs"):
        expected_error(constant(0, 1), numbers(7), numbers(0, 7))


def test_an_epoch_that_diverged_is_told(model: nn.Module) -> None:
    with pytest.raises(NonFiniteError, match="NaN or infinite"):
        SCRUBRewind(lr=1e30, epochs=20)(
            model, forget=FORGET, retain=RETAIN, validation=RETAIN, generator=seeded()
        )


def test_a_first_layer_may_work_in_place() -> None:
    """Teacher and student see the same inputs, and the data stay as they are."""
    net = nn.Sequential(nn.LeakyReLU(0.5, inplace=True), nn.Linear(4, 3)).double()
    plain = nn.Sequential(nn.LeakyReLU(0.5), deepcopy(net[1]))
    x = RETAIN.x.clone()
    one, other = (scrubbed(SCRUB(lr=0.1, batch_size=4), model) for model in (net, plain))
    assert_same(one, other)
    assert torch.equal(RETAIN.x, x)
