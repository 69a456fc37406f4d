"""What the tests of many rooms share."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.testing import assert_close

from unlearnlib import Inputs, Labelled, Recipe
from unlearnlib.models import build
from unlearnlib.training import seeded as drawing_from
from unlearnlib.training import train


def seeded(seed: int = 0) -> torch.Generator:
    """A source of random numbers of one's own."""
    return torch.Generator().manual_seed(seed)


def assert_same(one: nn.Module, other: nn.Module, **tolerances: Any) -> None:
    """Each parameter of one network is that of the other, within `assert_close`'s tolerances."""
    for p, q in zip(one.parameters(), other.parameters(), strict=True):
        assert_close(p, q, **tolerances)


def learned(data: Labelled, recipe: Recipe, seed: int = 0) -> nn.Module:
    """A small network that was trained on images of the toy."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = build("mlp", (1, 8, 8), 3)
    return train(model, data, recipe, seeded(seed))


def grid(folder: Path, **axes: Any) -> Path:
    """The grid of a sweep, as a file."""
    path = folder / "grid.yaml"
    path.write_text(json.dumps(axes))
    return path


def convolution() -> tuple[nn.Module, Inputs]:
    """A network in double precision with parameters of several kinds, and seven examples."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Tanh(), nn.Flatten(), nn.Linear(12, 4)
        ).double()
        x = torch.randn(7, 1, 4, 4, dtype=torch.float64)
        model(x)
    return model.eval(), Inputs(x)


class Adam:
    """Adam by hand, with torch's defaults; for tests that check a method which uses torch's."""

    def __init__(self, parameters: list[Any], lr: float) -> None:
        self.parameters, self.lr, self.t = parameters, lr, 0
        self.m, self.v = ([torch.zeros_like(p) for p in parameters] for _ in range(2))

    def step(self, gradients: Any) -> None:
        self.t += 1
        for p, m, v, g in zip(self.parameters, self.m, self.v, gradients, strict=True):
            m.copy_(0.9 * m + 0.1 * g)
            v.copy_(0.999 * v + 0.001 * g**2)
            m_hat, v_hat = m / (1 - 0.9**self.t), v / (1 - 0.999**self.t)
            p.data -= self.lr * m_hat / (v_hat.sqrt() + 1e-8)


def blobs(n: int, seed: int) -> Labelled:
    """Points around one end of three axes of four, a class each."""
    y = torch.arange(n) % 3
    return Labelled(2 * torch.eye(4)[y] + 0.5 * torch.randn(n, 4, generator=seeded(seed)), y)


def of_points(generator: torch.Generator) -> nn.Module:
    """An untrained network for them."""
    with drawing_from(generator):
        return nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 3))
