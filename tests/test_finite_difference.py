"""Finite differences by hand, and where a central difference has no error."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from unlearnlib import Inputs, finite_sensitivity, output_sensitivity
from unlearnlib.errors import SpecError, UnsupportedModelError
from unlearnlib.stored.finite_difference import sample_places

from .toys import convolution, seeded

N = 7


def test_finite_differences_are_exact_where_the_size_is_quadratic() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model, x = nn.Linear(5, 3).double(), torch.randn(N, 5, dtype=torch.float64)
    data, exact = Inputs(x), output_sensitivity(model, Inputs(x))
    before = {name: q.detach().clone() for name, q in model.named_parameters()}
    places = [("weight", 7), ("bias", 2)]
    for step in (1e-3, 1.0):  # a central difference of a square has no error
        found = finite_sensitivity(model, data, places, step, chunk=2)
        assert_close(found, torch.stack([exact["weight"].flatten()[7], exact["bias"][2]]))
    assert_close(dict(model.named_parameters()), before, rtol=0, atol=0)


def test_finite_differences_by_hand() -> None:
    model, data = convolution()
    theta, h = model[4].weight, 0.3  # type: ignore[index]
    place = (1, 2)
    with torch.no_grad():
        value = theta[place].item()
        sizes = []
        for sign in (1, -1):
            theta[place] = value + sign * h * abs(value)
            sizes.append(model(data.x).abs().sum(1))
        theta[place] = value
    expected = ((sizes[0] - sizes[1]) / (2 * h * abs(value))).abs().mean()
    found = finite_sensitivity(model, data, [("4.weight", 12 + 2)], h, norm="l1")
    assert_close(found, expected[None])


def test_places_are_weights_that_are_not_zero() -> None:
    model, _ = convolution()
    with torch.no_grad():
        model[4].weight[1:] = 0  # type: ignore[index]
    places = sample_places(model, 30, seeded(0))
    assert len(set(places)) == len(places) == 27 + 12
    assert {name for name, _ in places} == {"0.weight", "4.weight"}
    assert all(place < 12 for name, place in places if name == "4.weight")


def test_finite_differences_leave_the_model_and_want_logits() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model, x = nn.Linear(5, 3).double(), torch.randn(N, 5, dtype=torch.float64)
    former, data, place = model.forward, Inputs(x), [("weight", 7)]
    exact = 2 * finite_sensitivity(model, data, place, 0.1, norm="l1")
    model.forward = lambda input: 2 * former(input)  # type: ignore[method-assign]
    before, modes = [q.clone() for q in model.parameters()], model.train().training
    assert_close(finite_sensitivity(model, data, place, 0.1, norm="l1"), exact)
    assert model.training == modes
    assert all(torch.equal(q, b) for q, b in zip(model.parameters(), before, strict=True))
    with pytest.raises(UnsupportedModelError, match="not logits"):
        finite_sensitivity(nn.Linear(5, 1).double(), data, [("weight", 2)], 0.1)
    with pytest.raises(SpecError, match="'bias' has 3 numbers; there is no place 9"):
        finite_sensitivity(model, data, [*place, ("bias", 9)], 0.1)
    assert all(torch.equal(q, b) for q, b in zip(model.parameters(), before, strict=True))


@pytest.mark.parametrize(
    ("places", "step", "norm", "words"),
    [
        ([("weigth", 0)], 0.1, "l1", "no parameter 'weigth', only weight, bias"),
        ([("weight", 1.5)], 0.1, "l1", "whole number, not 1.5"),
        ([], 0.1, "l1", "no places"),
        ([("weight", 1)], 0.1, "l3", "norm must be one of squared, .*, not 'l3'"),
        ([("weight", 1)], 1e-8, "l1", "step of 1e-08 is lost to rounding"),
    ],
)
def test_finite_differences_refuse(places: Any, step: float, norm: Any, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        finite_sensitivity(nn.Linear(5, 3), Inputs(torch.ones(2, 5)), places, step, norm=norm)
