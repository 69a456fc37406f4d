"""What the tests of many rooms share: random numbers that are said, and two networks compared."""

import torch
from torch import nn
from torch.testing import assert_close


def seeded(seed: int = 0) -> torch.Generator:
    """A source of random numbers of one's own."""
    return torch.Generator().manual_seed(seed)


def assert_same(one: nn.Module, other: nn.Module, **tolerances: float) -> None:
    """Each parameter of one network is that of the other, within `assert_close`'s tolerances."""
    for p, q in zip(one.parameters(), other.parameters(), strict=True):
        assert_close(p, q, **tolerances)
