"""Scores and attacks against formulas, pairs, thresholds and the calls of the release."""

import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit, cross_val_score
from torch import Tensor
from torch.testing import assert_close

from unlearnlib import metrics

from .toys import seeded


def logits(n: int, seed: int = 0) -> Tensor:
    return 3 * torch.randn(n, 4, generator=seeded(seed), dtype=torch.float64)


def scores(n: int, seed: int = 0, shift: float = 0.0) -> Tensor:
    """Numbers with ties."""
    return (2 * torch.randn(n, generator=seeded(seed), dtype=torch.float64)).round() + shift


def test_scores_one_example_at_a_time() -> None:
    z, y = logits(9), torch.arange(9) % 4
    found = [
        score(z, y)
        for score in (
            metrics.example_loss, metrics.confidence, metrics.margin, metrics.modified_entropy,
        )
    ]  # fmt: skip
    for i in range(9):
        p = [math.exp(a) / sum(map(math.exp, z[i].tolist())) for a in z[i].tolist()]
        c = int(y[i])
        others = sum(p[j] * math.log(1 - p[j]) for j in range(4) if j != c)
        expected = [
            -math.log(p[c]),
            p[c],
            math.log(p[c]) - math.log(1 - p[c]),
            -(1 - p[c]) * math.log(p[c]) - others,
        ]
        assert [float(score[i]) for score in found] == pytest.approx(expected, rel=1e-9)


def test_scores_are_finite_where_the_model_is_sure() -> None:
    z, right, false = torch.tensor([[300.0, 0, 0]]), torch.tensor([0]), torch.tensor([1])
    assert metrics.margin(z, right).item() == pytest.approx(300 - math.log(2))
    assert metrics.margin(z, false).item() == pytest.approx(-300)
    assert metrics.modified_entropy(z, right).item() == pytest.approx(0, abs=1e-12)
    # -(1 - 0)(-300) - 1 log(1 - p_0), where 1 - p_0 is 2 exp(-300)
    assert metrics.modified_entropy(z, false).item() == pytest.approx(600 - math.log(2))
    assert metrics.entropy(z).item() < 1e-100  # which says nothing about being wrong


def test_the_loss_of_several_labels_is_a_sum() -> None:
    z, y = torch.tensor([[0.0, 2.0, -1.0]]), torch.tensor([[1.0, 0.0, 0.0]])
    expected = math.log(2) + math.log(1 + math.exp(2)) + math.log(1 + math.exp(-1))
    assert metrics.example_loss(z, y).item() == pytest.approx(expected)


@pytest.mark.parametrize("sizes", [(7, 12), (12, 7), (1, 1)])
def test_auc_counts_pairs(sizes: tuple[int, int]) -> None:
    members, others = scores(sizes[0], 1, 0.5), scores(sizes[1], 2).abs() - 0.5
    pairs = [(float(a > b) + float(a >= b)) / 2 for a in members for b in others]
    assert metrics.attack_auc(members, others) == pytest.approx(sum(pairs) / len(pairs))


def test_auc_at_its_limits() -> None:
    one = scores(40)
    assert metrics.attack_auc(one, one) == 0.5
    assert metrics.attack_auc(one + 100, one) == 1.0
    assert metrics.attack_auc(one - 100, one) == 0.0
    two = scores(30, 1)
    assert metrics.attack_auc(one, two) + metrics.attack_auc(two, one) == pytest.approx(1)


@pytest.mark.parametrize("fpr", [0.0, 0.05, 0.1, 0.5, 0.9])
def test_tpr_is_the_best_of_all_thresholds(fpr: float) -> None:
    members, others = scores(30, 1, 1.0), scores(40, 2)
    best = 0.0
    for threshold in [-math.inf, *members.tolist(), *others.tolist()]:
        if (others > threshold).double().mean() <= fpr:
            best = max(best, (members > threshold).double().mean().item())
    assert metrics.attack_tpr(members, others, fpr) == best


def as_released(forget: Tensor, test: Tensor) -> float:
    """Balance, split and fit by the calls of the release."""
    test_losses, forget_losses = test.numpy().copy(), forget.numpy().copy()
    gen = np.random.default_rng(1)
    if len(test_losses) > len(forget_losses):
        gen.shuffle(test_losses)
        test_losses = test_losses[: len(forget_losses)]
    else:
        gen.shuffle(forget_losses)
        forget_losses = forget_losses[: len(test_losses)]
    x = np.concatenate((test_losses, forget_losses)).reshape((-1, 1))
    y = [0] * len(test_losses) + [1] * len(forget_losses)
    folds = StratifiedShuffleSplit(n_splits=10, random_state=0)
    return float(cross_val_score(LogisticRegression(), x, y, cv=folds, scoring="accuracy").mean())


@pytest.mark.parametrize("sizes", [(60, 40), (40, 60), (50, 50), (6, 9)])
def test_the_attack_is_that_of_the_release(sizes: tuple[int, int]) -> None:
    members, others = scores(sizes[0], 1, 1.0), scores(sizes[1], 2)
    before = members.clone(), others.clone()
    assert metrics.attack_accuracy(members, others) == as_released(members, others)
    assert_close((members, others), before, rtol=0, atol=0)


def test_the_attack_on_a_model_that_diverged() -> None:
    """Scores that Newton's method cannot handle: the release's solver takes over, silently."""
    members, others = 1e8 * scores(50, 1, 1.0), 1e8 * scores(40, 2)
    assert metrics.attack_accuracy(members, others) == as_released(members, others)


def test_the_attack_at_its_limits() -> None:
    one, two = (torch.randn(400, generator=seeded(s), dtype=torch.float64) for s in (1, 2))
    assert metrics.attack_accuracy(one, two) == pytest.approx(0.5, abs=0.06)
    for shift in (-30, 30):  # too low gives away as much as too high
        assert metrics.attack_accuracy(one + shift, two) == 1.0
    few, broken = one[:5], torch.where(one > 2, math.inf, one)
    assert math.isnan(metrics.attack_accuracy(few, two))
    assert math.isnan(metrics.attack_accuracy(one, broken))


@pytest.mark.parametrize(
    ("fpr", "n", "allowed"), [(0.29, 100, 29), (0.01, 2900, 29), (0.999, 1, 0)]
)
def test_the_others_that_are_allowed_are_counted_without_rounding(
    fpr: float, n: int, allowed: int
) -> None:
    members, others = torch.arange(n) + 0.5, torch.arange(float(n))
    assert metrics.attack_tpr(members, others, fpr) == (allowed + 1) / n
