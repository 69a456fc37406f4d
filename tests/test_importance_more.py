"""The Gauss-Newton diagonal, finite differences and peak memory, against brute force."""

import warnings
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev
from torch.testing import assert_close

from unlearnlib import (
    Inputs,
    Recipe,
    Scenario,
    Statistic,
    finite_sensitivity,
    fisher_diagonal,
    gauss_newton_diagonal,
    output_sensitivity,
)
from unlearnlib.checks.outputs import settled
from unlearnlib.cost import peak_memory_mib
from unlearnlib.errors import SpecError, UnsupportedModelError
from unlearnlib.fingerprint import fingerprint
from unlearnlib.models import build
from unlearnlib.report import quotients, rank_correlation
from unlearnlib.stored.finite_difference import sample_places
from unlearnlib.stored.importance import NORMS
from unlearnlib.stored.per_example import by_func, by_rules

from .toys import seeded

N = 7


def problem() -> tuple[nn.Module, Inputs]:
    """A network in double precision with every kind of parameter, and seven examples."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Tanh(), nn.Flatten(), nn.Linear(12, 4)
        ).double()
        x = torch.randn(N, 1, 4, 4, dtype=torch.float64)
        model(x)
    return model.eval(), Inputs(x)


def logit_jacobians(model: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """Return the derivative of the logits of one example, (classes, *shape) by name."""
    parameters = {name: q.detach() for name, q in model.named_parameters()}
    return jacrev(lambda q: functional_call(model, q, (x[None],))[0])(parameters)


@pytest.mark.parametrize("chunk", [2, 64])
def test_gauss_newton_is_the_product_of_its_three_matrices(chunk: int) -> None:
    model, data = problem()
    total = {name: torch.zeros_like(q) for name, q in model.named_parameters()}
    for x in data.x:
        p = model(x[None])[0].softmax(0).detach()
        H = torch.diag(p) - torch.outer(p, p)
        for name, J in logit_jacobians(model, x).items():
            total[name] += torch.einsum("c...,cd,d...->...", J, H, J)
    found = gauss_newton_diagonal(model, data, chunk=chunk)
    assert found.statistic == Statistic("gauss_newton")
    assert found.n == N
    for name, value in total.items():
        assert_close(found[name], value / N, rtol=1e-10, atol=1e-12)


def test_gauss_newton_refuses_what_the_others_refuse() -> None:
    model, data = problem()
    with pytest.raises(SpecError, match="0 examples"):
        gauss_newton_diagonal(model, data[torch.arange(0)])
    with pytest.raises(UnsupportedModelError):
        gauss_newton_diagonal(model.train(), data)


@pytest.mark.parametrize("kind", ["fisher", "sensitivity", "gauss_newton"])
def test_a_scenario_stores_every_kind(kind: str) -> None:
    scenario = Scenario("fashion_small", "mlp", "class:Bag", Recipe(epochs=1), validation=0.99)
    statistic = Statistic(kind)  # type: ignore[arg-type]
    found = scenario.stored(statistic)
    model, D = scenario.original[0], scenario.train
    direct = {
        "fisher": lambda: fisher_diagonal(model, D),
        "sensitivity": lambda: output_sensitivity(model, D.inputs),
        "gauss_newton": lambda: gauss_newton_diagonal(model, D.inputs),
    }[kind]()
    assert found.statistic == statistic
    for name, value in direct.values.items():
        assert_close(found[name], value)


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
    model, data = problem()
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
    model, _ = problem()
    with torch.no_grad():
        model[4].weight[1:] = 0  # type: ignore[index]
    places = sample_places(model, 30, seeded(0))
    assert len(set(places)) == len(places) == 27 + 12
    assert {name for name, _ in places} == {"0.weight", "4.weight"}
    assert all(place < 12 for name, place in places if name == "4.weight")


def test_peak_memory_counts_what_is_held_at_one_time() -> None:
    def run() -> Tensor:
        x = torch.zeros(2**18)  # 1 MiB
        for _ in range(3):
            y = torch.zeros(2**19)  # 2 MiB, released each time round
            del y
        return x

    assert peak_memory_mib(run) == pytest.approx(3.0, abs=0.01)


def test_rank_correlation_sees_the_order_only() -> None:
    model, data = problem()
    one = output_sensitivity(model, data)
    other = output_sensitivity(model, data)
    for name, value in other.values.items():
        value.copy_(one[name] ** 3 if name != "4.bias" else -one[name])
    found = rank_correlation(one, other).set_index("name")
    assert found["parameters"].to_dict() == {k: v.numel() for k, v in one.values.items()} | {
        "all": sum(v.numel() for v in one.values.values())
    }
    assert found.loc["0.weight", "correlation"] == pytest.approx(1)
    assert found.loc["4.bias", "correlation"] == pytest.approx(-1)
    assert found["correlation"].abs()["all"] < 1


def test_the_rules_cover_the_whole_transformer() -> None:
    model = build("patch_transformer", (1, 8, 8), 3).double().eval()
    x = torch.randn(4, 1, 8, 8, dtype=torch.float64)
    batch, loss = (x,), NORMS["squared"]
    found, reference = by_rules(model, batch, loss, p=1), by_func(model, batch, loss, p=1)
    assert found.keys() == reference.keys() == dict(model.named_parameters()).keys()
    for name, value in reference.items():
        assert_close(found[name], value, rtol=1e-10, atol=1e-12)


def test_quotients_leave_out_what_has_none() -> None:
    model, data = problem()
    D, Df = output_sensitivity(model, data), output_sensitivity(model, data[torch.arange(2)])
    D["4.bias"][0] = Df["4.bias"][0] = 0.0
    D["4.bias"][1] = 0.0
    found = quotients(D, Df)
    every = [Df[k].flatten() / D[k].flatten() for k in D.values]
    expected = torch.cat(every)
    assert found.tolist() == expected[expected.isfinite()].tolist()
    assert len(found) == len(expected) - 2


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


def test_taking_out_what_was_no_part_is_told() -> None:
    model, data = problem()
    whole, part = output_sensitivity(model, data), output_sensitivity(model, data[torch.arange(3)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole.without(part)
    other = output_sensitivity(model, Inputs(50 * data.x[:3]))
    with pytest.warns(UserWarning, match=r"% of the importance .* was not part of the whole"):
        left = whole.without(other)
    assert all((value >= 0).all() for value in left.values.values())


def test_an_extra_state_may_be_anything() -> None:
    class Scaled(nn.Linear):
        extra: Any = None

        def get_extra_state(self) -> Any:
            return {"scale": self.extra}

        def set_extra_state(self, state: Any) -> None:
            self.extra = state["scale"]

    model = Scaled(5, 3)
    found = fingerprint(model)
    assert found == fingerprint(settled(deepcopy(model)))
    model.extra = object()
    other = fingerprint(model)
    model.extra = object()
    assert found != other == fingerprint(model)


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
