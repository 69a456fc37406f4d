"""ASSD against its equation: the percentile by sorting, then SSD's rule."""

import math
from dataclasses import asdict

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from unlearnlib import ASSD, SSD, Importance, Labelled, Statistic, fisher_diagonal
from unlearnlib.audit.dampening import dampened
from unlearnlib.errors import NonFiniteError, SpecError, StaleStatisticError
from unlearnlib.methods import assd
from unlearnlib.methods.assd import adaptive_alpha

from .toys import seeded


def problem(n_f: int = 8) -> tuple[nn.Module, Labelled, Labelled]:
    """A network, 40 examples, the first `n_f` of them to be forgotten."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(6, 20), nn.Tanh(), nn.Linear(20, 3)).double().eval()
    x = torch.randn(40, 6, generator=seeded(1), dtype=torch.float64)
    data = Labelled(x, torch.arange(40) % 3)
    return model, data, data[torch.arange(40) < n_f]


def percentile(values: list[float], p: float) -> float:
    """Between the two neighbours in the sorted list, in proportion."""
    values = sorted(values)
    place = p / 100 * (len(values) - 1)
    low = math.floor(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (place - low) * (values[high] - values[low])


@pytest.mark.parametrize("retained", [False, True])
@pytest.mark.parametrize("n_f", [2, 8])
def test_alpha_is_the_percentile_of_all_quotients(n_f: int, retained: bool) -> None:
    model, data, forget = problem(n_f)
    base = fisher_diagonal(model, data[torch.arange(40) >= n_f] if retained else data)
    I_f = fisher_diagonal(model, forget)
    r = [
        f / d
        for name in base.values
        for f, d in zip(I_f[name].flatten().tolist(), base[name].flatten().tolist(), strict=True)
    ]
    alpha = percentile(r, 100 - math.log(1 + 100 * n_f / 40))
    fisher = fisher_diagonal(model, data)
    result = ASSD(retained=retained)(model, forget=forget, fisher=fisher)
    for name, theta in model.named_parameters():
        beta = (base[name] / I_f[name]).clamp(max=1)
        expected = torch.where(I_f[name] > alpha * base[name], beta * theta, theta)
        assert_close(result.get_parameter(name), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("n_f", [1, 4, 20])
def test_the_share_that_is_dampened_follows_from_the_share_that_is_forgotten(n_f: int) -> None:
    model, data, forget = problem(n_f)
    result = ASSD()(model, forget=forget, fisher=fisher_diagonal(model, data))
    found = dampened(model, result).set_index("name").loc["total"]
    expected = math.log(1 + 100 * n_f / 40) / 100 * found["parameters"]
    assert abs(found["dampened"] - expected) <= 1


def test_it_is_ssd_with_that_alpha() -> None:
    model, data, forget = problem()
    fisher = fisher_diagonal(model, data)
    alpha = adaptive_alpha(fisher, fisher_diagonal(model, forget), 8 / 40)
    one = ASSD()(model, forget=forget, fisher=fisher)
    two = SSD(alpha)(model, forget=forget, fisher=fisher)
    assert all(map(torch.equal, one.parameters(), two.parameters()))
    assert dampened(model, one)["dampened"].sum() > 0


def test_quotients_that_are_not_finite_do_not_count() -> None:
    def importance(*values: float) -> Importance:
        return Importance({"w": torch.tensor(values)}, Statistic("fisher"), "", 10, 0.0)

    I_D, I_f = importance(0, 0, 1, 1, 1), importance(0, 3, 1, 2, 3)
    assert adaptive_alpha(I_D, I_f, (math.e**50 - 1) / 100) == pytest.approx(2)  # the median
    assert adaptive_alpha(I_D, I_f, 0) == pytest.approx(3)


def test_as_released_and_its_limit() -> None:
    ours, released = asdict(ASSD()), asdict(ASSD.as_released())
    changed = {name: value for name, value in released.items() if value != ours[name]}
    assert changed == {"retained": True}
    model, data, forget = problem()
    with pytest.raises(SpecError, match="cannot be taken out"):
        ASSD.as_released(group=4)(
            model, forget=forget, fisher=fisher_diagonal(model, data, group=4)
        )
    with pytest.raises(StaleStatisticError):
        ASSD(group=4)(model, forget=forget, fisher=fisher_diagonal(model, data))


@pytest.mark.parametrize("retained", [False, True])
def test_the_share_is_that_of_the_whole(monkeypatch: pytest.MonkeyPatch, retained: bool) -> None:
    """Of D, also where the importance is that of the rest."""
    model, data, forget = problem(8)
    shares: list[float] = []

    def noted(I_D: Importance, I_Df: Importance, share: float) -> float:
        shares.append(share)
        return adaptive_alpha(I_D, I_Df, share)

    monkeypatch.setattr(assd, "adaptive_alpha", noted)
    ASSD(retained=retained)(model, forget=forget, fisher=fisher_diagonal(model, data))
    assert shares == [8 / 40]


def test_without_a_finite_quotient_it_says_so() -> None:
    nothing = Importance({"w": torch.zeros(3)}, Statistic("fisher"), "", 10, 0.0)
    something = Importance({"w": torch.ones(3)}, Statistic("fisher"), "", 10, 0.0)
    for I_f in (nothing, something):
        with pytest.raises(NonFiniteError, match="No relative importance is finite"):
            adaptive_alpha(nothing, I_f, 0.1)
    one = Importance({"w": torch.tensor([0.0, 2, 0])}, Statistic("fisher"), "", 10, 0.0)
    assert adaptive_alpha(one, something, 0.1) == 0.5
