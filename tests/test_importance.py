"""Importances: what they are, what they refuse, what is stored and what follows from it."""

import warnings
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from unlearnlib import (
    Importance,
    Inputs,
    Labelled,
    Recipe,
    Scenario,
    fisher_diagonal,
    gauss_newton_diagonal,
    output_sensitivity,
)
from unlearnlib.checks.outputs import settled
from unlearnlib.errors import SpecError, StaleStatisticError, UnsupportedModelError
from unlearnlib.fingerprint import fingerprint
from unlearnlib.stored.importance import NORMS, Norm, Statistic

from .toys import convolution

N = 9


def problem() -> tuple[nn.Module, Labelled]:
    """A network in double precision whose BatchNorm has seen something, and nine examples."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.Flatten(),
            nn.Linear(12, 3),
        ).double()  # fmt: skip
        model(torch.randn(20, 1, 4, 4, dtype=torch.float64))
        x = torch.randn(N, 1, 4, 4, dtype=torch.float64)
    return model.eval(), Labelled(x, torch.arange(N) % 3)


def assert_equal(ours: Importance, theirs: dict[str, Tensor]) -> None:
    assert ours.values.keys() == theirs.keys()
    for name, value in theirs.items():
        assert_close(ours[name], value, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("group", [1, 4])
def test_frozen_parameters_have_no_importance(group: int) -> None:
    model, data = problem()
    full = fisher_diagonal(model, data, group=group).values
    model[0].requires_grad_(False)  # type: ignore[index]
    model[4].bias.requires_grad_(False)  # type: ignore[index]
    found = fisher_diagonal(model, data, group=group)
    assert_equal(
        found, {k: v for k, v in full.items() if k not in ("0.weight", "0.bias", "4.bias")}
    )


@pytest.mark.parametrize("norm", NORMS)
def test_other_norms(norm: Norm) -> None:
    def size(z: Tensor, y: Tensor) -> Tensor:
        z, (largest, second, *_) = z[0], z[0].sort(descending=True).values
        return {
            "squared": (z**2).sum(), "l2": (z**2).sum().sqrt(), "l1": z.abs().sum(),
            "max": z.abs().max(), "margin": largest - second,
        }[norm]  # fmt: skip

    model, data = problem()
    found = output_sensitivity(model, data.inputs, norm=norm)
    assert found.statistic == Statistic("sensitivity", norm=norm)
    for name, q in model.named_parameters():
        each = [
            torch.autograd.grad(size(model(x[None]), y), q)[0].abs()
            for x, y in zip(data.x, data.y, strict=True)
        ]
        assert_close(found[name], torch.stack(each).mean(0), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("layer", [nn.BatchNorm1d(6), nn.Dropout(0.1)])
def test_train_mode_is_refused(layer: nn.Module) -> None:
    model = nn.Sequential(nn.Linear(6, 6), layer, nn.Linear(6, 3)).eval()
    data = Inputs(torch.ones(4, 6))
    layer.train()
    for group in (1, 2):
        with pytest.raises(UnsupportedModelError, match=r"Layer '1'.*model.eval\(\)"):
            output_sensitivity(model, data, group=group)
    model[0].train()
    output_sensitivity(model.eval(), data)


def test_batchnorm_without_statistics_is_refused() -> None:
    model = nn.Sequential(nn.BatchNorm1d(6, track_running_stats=False), nn.Linear(6, 3)).eval()
    with pytest.raises(UnsupportedModelError):
        output_sensitivity(model, Inputs(torch.ones(4, 6)))


@pytest.mark.parametrize("bad", [{"group": 0}, {"chunk": 0}])
def test_sizes_are_positive(bad: dict[str, Any]) -> None:
    model, data = problem()
    with pytest.raises(SpecError, match="at least 1"):
        fisher_diagonal(model, data, **bad)
    with pytest.raises(SpecError, match="0 examples"):
        fisher_diagonal(model, data[torch.arange(0)])


class TestStored:
    def test_what_is_saved_is_what_is_loaded(self, tmp_path: Path) -> None:
        model, data = problem()
        made = output_sensitivity(model, data.inputs, group=2, order="release", norm="l1")
        made.save(tmp_path / "statistic.pt")
        found = Importance.load(tmp_path / "statistic.pt")
        assert replace(found, values={}) == replace(made, values={})
        assert_equal(found, made.values)
        assert made.seconds > 0
        assert made.n == N

    def test_another_model_is_refused(self) -> None:
        model, data = problem()
        made = fisher_diagonal(model, data)
        made.check(model)
        made.check(model.train().requires_grad_(False))
        buffer = model[1].running_mean  # type: ignore[index]
        for value in (next(model.parameters()), buffer):
            value.data.view(-1)[0] += 1e-9
            with pytest.raises(StaleStatisticError, match="other parameters"):
                made.check(model)
            value.data.view(-1)[0] -= 1e-9

    def test_another_statistic_is_refused(self) -> None:
        model, data = problem()
        made = fisher_diagonal(model, data)
        made.check(model, Statistic("fisher", order="release"))  # no groups, no order
        for other in (Statistic("sensitivity"), Statistic("fisher", 2)):
            with pytest.raises(StaleStatisticError, match="The two cannot be compared"):
                made.check(model, other)
        grouped = fisher_diagonal(model, data, group=2)
        with pytest.raises(StaleStatisticError):
            grouped.check(model, Statistic("fisher", 2, "release"))

    def test_a_removal_needs_no_pass(self) -> None:
        model, data = problem()
        gone = torch.arange(N) < 4
        for make in (
            lambda part: fisher_diagonal(model, part),
            lambda part: output_sensitivity(model, part.inputs),
        ):
            whole, part = make(data), make(data[gone])
            rest = whole.without(part)
            assert rest.n == N - 4
            assert rest.cpu_seconds == whole.cpu_seconds + part.cpu_seconds  # type: ignore[operator]
            assert replace(whole, cpu_seconds=None).without(part).cpu_seconds is None
            assert_equal(rest, make(data[~gone]).values)
            assert all((value >= 0).all() for value in rest.values.values())

    def test_removals_that_mean_nothing_are_refused(self) -> None:
        model, data = problem()
        made, grouped = fisher_diagonal(model, data), fisher_diagonal(model, data, group=2)
        with pytest.raises(SpecError, match="cannot be taken out"):
            grouped.without(grouped)
        with pytest.raises(SpecError, match="nothing is left"):
            made.without(made)
        with pytest.raises(StaleStatisticError, match="different models or statistics"):
            made.without(grouped)
        next(model.parameters()).data += 1
        with pytest.raises(StaleStatisticError, match="different models or statistics"):
            made.without(fisher_diagonal(model, data))


def test_order_matters_in_groups_only() -> None:
    model, data = problem()
    turned = data[torch.arange(N).flip(0)]
    assert_equal(fisher_diagonal(model, data), fisher_diagonal(model, turned).values)
    one, two = (fisher_diagonal(model, part, group=3).values for part in (data, turned))
    assert_equal(fisher_diagonal(model, turned, group=3), one)  # nine are three whole groups
    one, two = (fisher_diagonal(model, part, group=4).values for part in (data, turned))
    assert max(float((one[k] - two[k]).abs().max()) for k in one) > 1e-4


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


def test_taking_out_what_was_no_part_is_told() -> None:
    model, data = convolution()
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
