"""Two pairs of importances compared, and how few examples an importance rests on."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from unlearnlib import Statistic
from unlearnlib.audit.dampening import concentration, quotient_correlation
from unlearnlib.data import Labelled
from unlearnlib.report import figures
from unlearnlib.stored.importance import Importance

from .toys import seeded


def importance(**values: list[float]) -> Importance:
    """Return an importance with these values."""
    tensors = {name: torch.tensor(numbers) for name, numbers in values.items()}
    return Importance(tensors, Statistic("fisher"), "", 1, 0.0)


def test_quotients_are_correlated_by_rank_where_both_have_one() -> None:
    one = importance(a=[1.0, 2, 4], b=[0.0, 5]), importance(a=[3.0, 1, 1], b=[7.0, 1])
    other = importance(b=[1.0, 1], a=[1.0, 0, 1]), importance(b=[1.0, 2], a=[9.0, 0, 4])
    # left out: b[0], whose first quotient is infinite, and a[1], whose second is 0 / 0
    expected = spearmanr([3, 1 / 4, 1 / 5], [9, 4, 2]).statistic
    assert quotient_correlation(one, other) == pytest.approx(expected)
    turned = other[0], importance(b=[1.0, 9], a=[1.0, 0, 4])
    assert quotient_correlation(one, turned) == pytest.approx(
        spearmanr([3, 1 / 4, 1 / 5], [1, 4, 9]).statistic
    )


def test_concentration_is_the_share_of_the_largest_sums() -> None:
    model = nn.Linear(2, 3).double().eval()
    x = torch.randn(40, 2, generator=seeded(0), dtype=torch.float64)
    data = Labelled(x, torch.arange(40) % 3)
    statistic = Statistic("fisher")
    alone = [statistic.of(model, data[torch.tensor([i])]).values for i in range(40)]
    each = [sum(value.sum().item() for value in values.values()) for values in alone]
    largest = sorted(each, reverse=True)
    expected = [100 * sum(largest[:k]) / sum(each) for k in (1, 4, 40)]
    assert concentration(statistic, model, data, (1, 10, 100)) == pytest.approx(expected)
    assert expected[0] > 100 / 40
    assert np.isclose(expected[-1], 100)


def test_a_live_line_names_where_numbers_come_from() -> None:
    line = figures.live_line("laptop", "fashion_small", "mlp", "seeds [0, 1]")
    assert line.startswith("laptop scale: fashion_small, mlp, seeds [0, 1] · ")
    assert ", commit " in line
