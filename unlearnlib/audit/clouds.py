"""Two classes in the plane, and a network that has learnt them: where boundaries can be seen.

All of it is in float64, so that what it shows has the same printed digits on every processor.
"""

from copy import deepcopy

import torch
from torch import Tensor, nn

from ..data.tensors import Labelled
from ..models import MLP
from ..training import Recipe, train

RECIPE = Recipe(epochs=200, lr=0.1, batch_size=201, schedule="constant")


def clouds(generator: torch.Generator) -> Labelled:
    """Return 100 points of class 0 around (-2, -2) and 100 of class 1 around (2, 2), (200, 2)."""
    y = torch.arange(2).repeat_interleave(100)
    noise = torch.randn(200, 2, generator=generator, dtype=torch.float64)
    return Labelled(noise + (4.0 * y - 2)[:, None], y)


def fitted(data: Labelled, seed: int, generator: torch.Generator) -> nn.Module:
    """Return a perceptron of 32 hidden units, trained on points of the plane.

    Args:
        data: The points, (n, 2), of two classes.
        seed: Of the initial parameters.
        generator: Order of the batches.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = MLP((2,), 2, width=32, activation=nn.Tanh).double()
    return train(network, data, RECIPE, generator)


def greedy(
    model: nn.Module, x: Tensor, label: int, generator: torch.Generator, epochs: int = 5
) -> nn.Module:
    """Return a copy of `model` that was trained on the points `x`, (n, 2), with another label.

    It is what forgets without regard for anything else: plain descent, no weight decay.
    """
    wrong = Labelled(x, torch.full((len(x),), label))
    recipe = Recipe(epochs, lr=0.1, momentum=0.0, weight_decay=0.0, schedule="constant")
    return train(deepcopy(model), wrong, recipe, generator)
