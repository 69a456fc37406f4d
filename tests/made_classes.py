"""A small network that knows three classes by heart, of which the last is to be forgotten."""

import torch
from torch import nn

from unlearnlib import FineTune, Labelled

from .toys import seeded


def trained(
    seed: int, each: int = 16, apart: bool = False, epochs: int = 30
) -> tuple[nn.Module, Labelled, Labelled]:
    """The network in double precision, the examples of class 2, and those of classes 0 and 1.

    If they lie `apart`, class 2 is in three inputs that are 0 for the others, and not in theirs.
    """
    draw = seeded(seed)
    centres = 2 * torch.randn(3, 6, dtype=torch.float64, generator=draw)
    y = torch.arange(3).repeat(each)
    x = centres[y] + 0.7 * torch.randn(3 * each, 6, dtype=torch.float64, generator=draw)
    if apart:
        x[:, :3] *= (y < 2)[:, None]
        x[:, 3:] *= (y == 2)[:, None]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3)).double()
    data = Labelled(x, y)
    model = FineTune(epochs=epochs, lr=0.1, batch_size=12)(net, retain=data, generator=draw)
    return model, data[y == 2], data[y < 2]


def accuracy(model: nn.Module, data: Labelled) -> float:
    """The share of examples that are right."""
    with torch.no_grad():
        return float((model(data.x).argmax(1) == data.y).double().mean())
