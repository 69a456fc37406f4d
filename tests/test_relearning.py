"""Audits of how close two models are, against loops and at the limits."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from unlearnlib import Labelled
from unlearnlib.audit import gradient_norm, relearning
from unlearnlib.metrics import divergence

from .toys import seeded


def problem() -> tuple[nn.Linear, Labelled]:
    generator = seeded(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Linear(4, 3).double()
    x = torch.randn(7, 4, generator=generator, dtype=torch.float64)
    return model, Labelled(x, torch.arange(7) % 3)


def test_the_divergence_is_that_of_a_loop() -> None:
    p, q = torch.tensor([[0.2, 0.8], [0.5, 0.5]]), torch.tensor([[0.6, 0.4], [0.5, 0.5]])
    total = 0.0
    for a, b in zip(p.tolist(), q.tolist(), strict=True):
        for u, v in zip(a, b, strict=True):
            m = (u + v) / 2
            total += (u * math.log(u / m) + v * math.log(v / m)) / 2
    assert divergence(p.log(), q.log()) == pytest.approx(total / 2, rel=1e-5)
    assert divergence(p.log(), p.log()) == pytest.approx(0, abs=1e-12)


def test_the_gradient_is_that_of_the_mean_loss() -> None:
    model, data = problem()
    loss = cross_entropy(model(data.x), data.y)
    g = torch.autograd.grad(loss, [*model.parameters()])
    assert gradient_norm(model, data) == pytest.approx(torch.cat([v.flatten() for v in g]).norm())


def test_relearning_is_descent_and_leaves_the_model_alone() -> None:
    model, data = problem()
    before = model.weight.clone()
    curve = relearning(model, data, seeded(0), steps=3, lr=0.1)
    with torch.no_grad():
        assert curve[0] == pytest.approx(cross_entropy(model(data.x), data.y).item())
    assert len(curve) == 4
    assert all(b < a for a, b in pairwise(curve))
    assert_close(model.weight, before, rtol=0, atol=0)
