"""Random labels, NegGrad+ and ascent in batches against their equations."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from unlearnlib import FineTune, GradientAscent, Labelled, NegGradPlus, RandomLabel
from unlearnlib.errors import DataError
from unlearnlib.methods.random_label import wrong_labels

from .toys import assert_same, seeded


def examples(n: int, seed: int) -> Labelled:
    x = torch.randn(n, 4, dtype=torch.float64, generator=seeded(seed))
    return Labelled(x, torch.arange(n) % 3)


FORGET, RETAIN = examples(5, 1), examples(8, 2)


def mean_loss(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """One example at a time."""
    total = sum(cross_entropy(model(x[i : i + 1]), y[i : i + 1]) for i in range(len(x)))
    return total / len(x)  # type: ignore[return-value]


def test_drawn_labels_are_wrong_and_even() -> None:
    y = torch.arange(4).repeat(3000)
    drawn = wrong_labels(y, 8000, seeded())
    counts = torch.stack([(drawn[y[:8000] == c]).bincount(minlength=4) for c in range(4)])
    assert counts.sum() == 8000
    assert counts.diagonal().sum() == 0
    off = counts[~torch.eye(4, dtype=torch.bool)].double()
    assert (off - 2000 / 3).abs().max() < 5 * (2000 * 2 / 9) ** 0.5


def test_classes_that_only_the_rest_has_are_drawn_too() -> None:
    drawn = wrong_labels(torch.tensor([0] * 50 + [1, 4]), 50, seeded())
    assert set(drawn.tolist()) == {1, 2, 3, 4}


def test_of_several_labels_none_is_drawn() -> None:
    y = (torch.rand(200, 5, generator=seeded()) < 0.5).float()
    y[:, 3] = 0  # none would be left where all are 1
    drawn = wrong_labels(y, 100, seeded())
    assert drawn.dtype == y.dtype
    assert drawn.sum(1).tolist() == [1.0] * 100
    assert (drawn * y[:100]).sum() == 0
    assert len(set(drawn.argmax(1).tolist())) == 5


def test_random_label_equals_brute_force(model: nn.Module) -> None:
    """Adam by hand, on all examples, with labels that are drawn once."""
    method = RandomLabel(epochs=2, lr=0.02, batch_size=5)
    reference, source = deepcopy(model), seeded()
    y = torch.cat([FORGET.y, RETAIN.y])
    y[:5] = wrong_labels(y, 5, source)
    x = torch.cat([FORGET.x, RETAIN.x])
    torch.randint(2**31, (), generator=source)  # what seeds dropout
    parameters, t = list(reference.parameters()), 0
    m, v = ([torch.zeros_like(p) for p in parameters] for _ in range(2))
    for _ in range(2):
        for batch in torch.randperm(13, generator=source).split(5):
            loss, t = mean_loss(reference, x[batch], y[batch]), t + 1
            gradients = torch.autograd.grad(loss, parameters)
            for p, m_i, v_i, g in zip(parameters, m, v, gradients, strict=True):
                m_i.copy_(0.9 * m_i + 0.1 * g)
                v_i.copy_(0.999 * v_i + 0.001 * g**2)
                p.data -= 0.02 * (m_i / (1 - 0.9**t)) / ((v_i / (1 - 0.999**t)).sqrt() + 1e-8)
    result = method(model, forget=FORGET, retain=RETAIN, generator=seeded())
    assert_same(result, reference)


def test_random_label_unlearns_what_it_relabels(model: nn.Module) -> None:
    method = RandomLabel(epochs=200, lr=0.05, batch_size=4)
    result = method(model, forget=FORGET, retain=RETAIN, generator=seeded())
    assert (result(FORGET.x).argmax(1) != FORGET.y).all()
    assert (result(RETAIN.x).argmax(1) == RETAIN.y).all()


def test_neg_grad_plus_equals_brute_force(model: nn.Module) -> None:
    """Forget batches of three come round while the rest is gone through in batches of three."""
    method = NegGradPlus(beta=0.7, epochs=2, lr=0.1, batch_size=3, forget_batch_size=3)
    reference, source = deepcopy(model), seeded()
    torch.randint(2**31, (), generator=source)  # what seeds dropout
    parameters, queue = list(reference.parameters()), list[torch.Tensor]()
    for _ in range(2):
        for batch in torch.randperm(8, generator=source).split(3):
            queue = queue or list(torch.randperm(5, generator=source).split(3))
            again = queue.pop(0)
            l_r = mean_loss(reference, RETAIN.x[batch], RETAIN.y[batch])
            l_f = mean_loss(reference, FORGET.x[again], FORGET.y[again])
            gradients = torch.autograd.grad(0.7 * l_r - 0.3 * l_f, parameters)
            for p, g in zip(parameters, gradients, strict=True):
                p.data -= 0.1 * g
    result = method(model, forget=FORGET, retain=RETAIN, generator=seeded())
    assert_same(result, reference)


def test_neg_grad_plus_at_its_limits(model: nn.Module) -> None:
    """All on the rest is fine-tuning, all on the forget set is ascent; whole batches."""
    given = {"forget": FORGET, "retain": RETAIN}
    fields = {"lr": 0.1, "batch_size": 8, "forget_batch_size": 5}
    tuned = FineTune(epochs=3, lr=0.1, momentum=0.0, weight_decay=0.0, batch_size=8)
    kept = NegGradPlus(beta=1.0, epochs=3, **fields)(model, **given, generator=seeded())  # type: ignore[arg-type]
    assert_same(kept, tuned(model, retain=RETAIN, generator=seeded()))
    raised = NegGradPlus(beta=0.0, epochs=1, **fields)(model, **given, generator=seeded())  # type: ignore[arg-type]
    assert_same(raised, GradientAscent(lr=0.1)(model, forget=FORGET, generator=seeded()))


def test_ascent_takes_one_step_a_batch(model: nn.Module) -> None:
    reference = deepcopy(model)
    parameters = list(reference.parameters())
    for batch in torch.randperm(5, generator=seeded()).split(3):
        loss = mean_loss(reference, FORGET.x[batch], FORGET.y[batch])
        for p, g in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            p.data += 0.1 * g
    result = GradientAscent(lr=0.1, batch_size=3)(model, forget=FORGET, generator=seeded())
    assert_same(result, reference)


def test_without_a_wrong_label_it_says_so(model: nn.Module) -> None:
    y = (torch.arange(4) % 2 == torch.arange(2)[:, None]).double().T  # (4, 2)
    y[2] = 1
    with pytest.raises(DataError, match=r"no wrong label for example 2 .* all 2 that occur"):
        wrong_labels(y, 3, seeded())
    wrong_labels(y, 2, seeded())
    same = Labelled(FORGET.x, torch.zeros(5, dtype=torch.long))
    with pytest.raises(DataError, match=r"no wrong label for example 0 .* all 1 that occur"):
        RandomLabel()(model, forget=same, retain=same, generator=seeded())


def test_labels_are_drawn_up_to_the_largest_that_occurs() -> None:
    drawn = wrong_labels(torch.tensor([2] * 99), 99, seeded())
    assert set(drawn.tolist()) == {0, 1}
