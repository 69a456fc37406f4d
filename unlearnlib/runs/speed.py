"""How fast a network trains on this device, measured on random examples."""

import time
from dataclasses import replace

import torch

from ..data.sizes import Size, size_of
from ..models import build
from ..scenario import default_device
from ..training import Recipe, optimiser_of, step
from .grid import Grid

_KNOWN: dict[tuple[object, ...], float] = {}
"""What was measured by this process: network, form of the examples, steps -> examples a second."""


def speed(grid: Grid, seconds: float = 2.0) -> float:
    """Return the examples a second of the training steps of a grid on this device.

    Steps of its network, batch size and optimiser, on one random batch in the form of its data
    set, which need not be there. What was measured once is not measured again.

    Args:
        grid: What would be run.
        seconds: For how long steps are taken, at least one after the first, which is not counted.
    """
    size, recipe = size_of(grid.dataset), Recipe(**grid.training)
    known_by = (grid.model, replace(size, train=0), recipe.batch_size, recipe.optimiser)
    if known_by not in _KNOWN:
        _KNOWN[known_by] = _measured(grid.model, size, recipe, seconds)
    return _KNOWN[known_by]


def _measured(network: str, size: Size, recipe: Recipe, seconds: float) -> float:
    """Return the examples a second of the steps of a recipe."""
    device = default_device()
    model = build(network, size.shape, size.classes).to(device).train()
    batch = size.drawn(recipe.batch_size).to(device)
    optimiser = optimiser_of(replace(recipe, lr=0.0), model)  # which goes nowhere, and as fast
    step(model, optimiser, batch.x, batch.y)
    start, steps, spent = _now(device), 0, 0.0
    while spent < seconds or not steps:
        step(model, optimiser, batch.x, batch.y)
        steps, spent = steps + 1, _now(device) - start
    return steps * len(batch) / spent


def _now(device: torch.device) -> float:
    """Return the time when all that the device was given is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
