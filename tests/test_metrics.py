"""Metrics against hand computation, scipy and scikit-learn."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from unlearnlib import metrics
from unlearnlib.errors import DataError

from .toys import seeded


def logits(n: int, seed: int = 0, scale: float = 2.0) -> Tensor:
    return scale * torch.randn(n, 5, generator=seeded(seed), dtype=torch.float64)


def sharp(n: int, confidence: float) -> Tensor:
    """Outputs of n examples that are all as confident."""
    return confidence * torch.eye(5, dtype=torch.float64)[torch.arange(n) % 5]


def test_accuracy_counts_hits() -> None:
    z = torch.tensor([[3.0, 1, 2], [0, 5, 1], [1, 2, 3], [9, 8, 7]])
    assert metrics.accuracy(z, torch.tensor([0, 1, 0, 1])) == 0.5
    assert metrics.accuracy(z, torch.tensor([0, 1, 2, 0])) == 1.0
    assert metrics.accuracy(z[:3], torch.tensor([0, 0, 0])) == 1 / 3


def test_accuracy_batch_mean_by_hand() -> None:
    """Batches of 64, 64 and 2 with 64, 32 and 0 hits: 1/2 instead of 96/130."""
    z = torch.eye(2)[[0] * 130]
    y = torch.tensor([0] * 64 + [0, 1] * 32 + [1, 1])
    assert metrics.accuracy(z, y) == 96 / 130
    assert metrics.accuracy_batch_mean(z, y) == 0.5
    assert metrics.accuracy_batch_mean(z, y, batch_size=130) == 96 / 130
    assert metrics.accuracy_batch_mean(z, y, batch_size=1000) == 96 / 130
    assert metrics.accuracy_batch_mean(z[:128], y[:128]) == 0.75


def test_loss_is_the_mean_cross_entropy() -> None:
    z, y = logits(7), torch.arange(7) % 5
    expected = 0.0
    for row, label in zip(z.tolist(), y.tolist(), strict=True):
        expected -= math.log(math.exp(row[label]) / sum(map(math.exp, row))) / 7
    assert metrics.loss(z, y) == pytest.approx(expected, rel=1e-12)
    assert metrics.loss(z.float(), y) == pytest.approx(expected, rel=1e-6)


def test_entropy_equals_that_of_scipy() -> None:
    z = logits(9)
    found = metrics.entropy(z)
    assert found.shape == (9,)
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found, stats.entropy(z.softmax(1).numpy(), axis=1), rtol=1e-12)
    assert metrics.entropy(z.float()).dtype == torch.float64


def test_entropy_at_its_limits() -> None:
    assert metrics.entropy(torch.zeros(1, 8)).item() == pytest.approx(math.log(8))
    assert metrics.entropy(torch.tensor([[1e4, 0.0, 0.0]])).item() == 0.0


class TestMembership:
    def test_it_equals_a_direct_computation(self) -> None:
        forget, retain, test = logits(50, 1), logits(300, 2, 4.0), logits(90, 3, 1.0)
        features = [stats.entropy(z.softmax(1).numpy(), axis=1) for z in (forget, retain, test)]
        h_f, h_r, h_t = (h.reshape(-1, 1) for h in features)
        # balanced: each class has half the weight
        weight = np.r_[np.full(300, 390 / 600), np.full(90, 390 / 180)]
        attack = LogisticRegression().fit(
            np.vstack([h_r, h_t]), [1] * 300 + [0] * 90, sample_weight=weight
        )
        share = np.mean([attack.predict(h[None])[0] == 1 for h in h_f])
        assert 0 < share < 1
        assert metrics.mia_entropy(forget, retain, test) == share

    def test_members_that_can_be_told_apart(self) -> None:
        members, others = sharp(40, 9.0), sharp(60, 0.5)
        assert metrics.mia_entropy(members[:10], members, others) == 1.0
        assert metrics.mia_entropy(others[:10], members, others) == 0.0
        half = torch.cat([members[:6], others[:2]])
        assert metrics.mia_entropy(half, members, others) == 0.75

    def test_equal_distributions_give_one_half(self) -> None:
        """Balanced, so whatever the sizes; the mean over draws, each is nearly all or nothing."""
        shares = [
            metrics.mia_entropy(logits(200, 3 * i), logits(900, 3 * i + 1), logits(200, 3 * i + 2))
            for i in range(60)
        ]
        assert sum(shares) / len(shares) == pytest.approx(0.5, abs=0.12)

    @pytest.mark.parametrize("place", [0, 1, 2])
    @pytest.mark.parametrize("value", [math.nan, math.inf])
    def test_an_output_that_is_not_finite_gives_nan(self, place: int, value: float) -> None:
        parts = [logits(20), logits(20, 1), logits(20, 2)]
        parts[place][3, 1] = value
        assert math.isnan(metrics.mia_entropy(*parts))


def test_alignment_by_hand_and_at_its_limits() -> None:
    z, step = logits(6), torch.tensor([3.0, 0, 4, 0, 0], dtype=torch.float64)
    alike = torch.stack([z + step, z + 2 * step])
    torch.testing.assert_close(metrics.alignment(z, alike), torch.ones(6, dtype=torch.float64))
    opposite = torch.stack([z + step, z - step])
    assert metrics.alignment(z, opposite).max() < 1e-12
    assert metrics.alignment(z, z[None]).max() == 0  # nothing moved: no direction, and no nan
    noise = torch.randn(400, 6, 5, generator=seeded(1), dtype=torch.float64)
    assert metrics.alignment(z, z + noise).max() < 3 / math.sqrt(400)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_alignment_of_noise_that_moves_hardly_anything(dtype: torch.dtype) -> None:
    z = torch.zeros(2, 3, dtype=dtype)
    assert metrics.alignment(z, z[None]).tolist() == [0, 0]
    least = torch.finfo(dtype).tiny
    for size in (least, 100 * least, 0.1 * torch.finfo(dtype).max):
        a = metrics.alignment(z, (z + size)[None].expand(4, -1, -1))
        torch.testing.assert_close(a, torch.ones_like(a))


def test_alignment_of_other_numbers_is_the_formula_to_the_bit() -> None:
    for scale in (1e-10, 1e-3, 1.0, 1e6):
        z, noise = logits(3, 1, scale).float(), torch.randn(4, 3, 5, generator=seeded()) * scale
        d = z - noise
        expected = (d / d.norm(dim=2, keepdim=True).clamp_min(1e-30)).mean(0).norm(dim=1)
        assert torch.equal(metrics.alignment(z, noise), expected)


@pytest.mark.wrong_shapes
def test_alignment_wants_floats() -> None:
    with pytest.raises(DataError, match=r"tensor of floats.*not torch\.int64"):
        metrics.alignment(torch.zeros(2, 3), torch.ones(4, 2, 3, dtype=torch.int64))
