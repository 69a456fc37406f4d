"""The rule of agreement with printed numbers, at its borders."""

import math

import pytest
from scipy import stats

from unlearnlib.errors import SpecError
from unlearnlib.report import (
    rule,
    verdict,
)

NAN = math.nan


@pytest.mark.parametrize(
    ("numbers", "metric", "word"),
    [
        ((0.85, 0.0, 0.87, 0.0), "accuracy", "agrees"),  # exactly two points
        ((0.85, 0.0, 0.8701, 0.0), "accuracy", "differs"),
        ((0.85, 0.0, 0.83, 0.0), "accuracy", "agrees"),
        ((0.85, 0.0, 0.8299, 0.0), "accuracy", "differs"),
        ((0.50, 0.03, 0.60, 0.04), "accuracy", "differs"),  # 0.10 ± 0.077
        ((0.50, 0.03, 0.57, 0.04), "accuracy", "undecided"),
        ((0.86, 0.0, 0.77, 0.12), "accuracy", "undecided"),  # a wide spread is no agreement
        ((0.86, 0.12, 0.86, 0.0), "accuracy", "undecided"),  # nor is a wide one in print
        ((0.999, 0.0, 0.999, 0.02), "accuracy", "undecided"),
        ((0.0, 0.0, 0.0, 0.0), "accuracy", "agrees"),
        ((0.10, 0.0, 0.15, 0.0), "mia_entropy", "agrees"),
        ((0.10, 0.0, 0.1501, 0.0), "mia_entropy", "differs"),
        ((2.0, 0.0, 2.4, 0.0), "seconds_unlearn", "agrees"),  # 20 % of the printed ratio
        ((2.0, 0.0, 2.41, 0.0), "seconds_unlearn", "differs"),
        ((0.20, 0.0, 0.2001, 0.0), "entropy", "differs"),  # no tolerance of its own
        ((0.20, 0.01, 0.20, 0.0), "entropy", "undecided"),
        ((0.20, 0.0, 0.20, 0.0), "entropy", "undecided"),
    ],
)
def test_the_rule_at_its_borders(
    numbers: tuple[float, float, float, float], metric: str, word: str
) -> None:
    assert verdict(*numbers, n=5, metric=metric).word == word


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_the_interval_is_of_both_spreads(n: int) -> None:
    result = verdict(0.5, 0.03, 0.6, 0.04, n, "accuracy")
    ours = stats.t.ppf(0.975, n - 1) * 0.04 / math.sqrt(n)
    half = math.sqrt(ours**2 + (stats.norm.ppf(0.975) * 0.03) ** 2)
    assert result.difference == pytest.approx(0.1)
    assert (result.low, result.high) == pytest.approx((0.1 - half, min(0.1 + half, 0.5)))
    assert result.tolerance == 0.02


def test_the_interval_ends_where_the_metric_does() -> None:
    """An accuracy of 99 % cannot be exceeded by more than a point, nor 1 % undercut."""
    assert verdict(0.99, 0.0, 0.99, 0.05, 5, "accuracy").high == pytest.approx(0.01)
    assert verdict(0.01, 0.0, 0.01, 0.05, 5, "accuracy").low == pytest.approx(-0.01)
    assert verdict(2.0, 3.0, 2.0, 0.0, 5, "seconds_unlearn").low == pytest.approx(-2)
    assert verdict(2.0, 3.0, 2.0, 0.0, 5, "entropy").low == pytest.approx(-2)
    assert verdict(2.0, 3.0, 2.0, 0.0, 5, "drift").low < -5  # of which nothing is known
    sure = verdict(0.01, 0.0, 0.0, 0.004, 5, "accuracy")  # the whole of it is within two points
    assert sure.word == "agrees"
    assert sure.low == pytest.approx(-0.01)


def test_what_is_missing_is_said() -> None:
    assert verdict(0.5, 0.1, NAN, NAN, 0, "accuracy").word == "not run"
    assert verdict(NAN, NAN, 0.5, 0.1, 3, "accuracy").word == "not known"
    assert verdict(NAN, NAN, NAN, NAN, 0, "accuracy").word == "not known"
    assert str(verdict(0.5, 0.0, 0.5, NAN, 1, "accuracy")) == "? undecided (n = 1)"
    assert str(verdict(0.5, 0.0, 0.9, NAN, 1, "accuracy")) == "? undecided (n = 1)"
    assert verdict(0.5, NAN, 0.5, 0.1, 2, "accuracy").note == "n = 2, printed without spread"
    assert verdict(0.5, NAN, 0.5, 0.1, 5, "accuracy").note == "printed without spread"
    for n, word in ((4, "undecided"), (5, "differs")):  # below five models nothing is decided
        assert verdict(0.5, 0.0, 0.9, 0.001, n, "accuracy").word == word
    assert verdict(0.5, 0.1, 0.5, NAN, 2, "accuracy").word == "undecided"
    with pytest.raises(SpecError, match="negative"):
        verdict(0.5, -0.1, 0.5, 0.1, 3, "accuracy")


def test_the_rule_in_words_has_the_constants() -> None:
    assert "2 points" in rule()
    assert "5 points" in rule()
    assert "20 %" in rule()
