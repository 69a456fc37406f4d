"""Gradient ascent against its equation."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from unlearnlib import GradientAscent, Labelled

from .toys import seeded


def problem() -> tuple[nn.Linear, Labelled, torch.Generator]:
    generator = seeded(0)
    torch.manual_seed(0)
    model = nn.Linear(4, 3).double()
    x = torch.randn(6, 4, generator=generator, dtype=torch.float64)
    return model, Labelled(x, torch.arange(6) % 3), generator


def test_one_batch_is_one_step_up_the_gradient() -> None:
    model, forget, generator = problem()
    pairs = zip(forget.x, forget.y, strict=True)
    loss = torch.stack([cross_entropy(model(x[None]), y[None]) for x, y in pairs]).mean()
    (gradient,) = torch.autograd.grad(loss, model.weight)
    unlearned = GradientAscent(lr=0.5)(model, forget=forget, generator=generator)
    assert_close(unlearned.weight, model.weight + 0.5 * gradient)


def test_no_step_changes_nothing() -> None:
    model, forget, generator = problem()
    unlearned = GradientAscent(lr=0)(model, forget=forget, generator=generator)
    assert_close(unlearned.state_dict(), model.state_dict(), rtol=0, atol=0)
