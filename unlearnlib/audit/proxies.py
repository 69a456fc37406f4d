"""Proxies of smoothness and of what a model knows of an example, side by side."""

from collections.abc import Sequence

import pandas as pd
import torch
from torch import nn

from ..checks.outputs import logits
from ..data.tensors import Labelled
from ..metrics import entropy, example_loss
from .information import curvature, input_gradient, parameter_gradient
from .smoothness import local_ratio

SMOOTHNESS = ("Local ratio", "Input gradient", "Curvature")
"""Of these a label-free method sees the first."""
KNOWLEDGE = ("Loss", "Entropy", "Parameter gradient")
"""Of the information that a model has on an example."""


def proxies(
    model: nn.Module, data: Labelled, radius: float, generator: torch.Generator
) -> pd.DataFrame:
    """Return `SMOOTHNESS` and `KNOWLEDGE` of every example, one row each.

    Args:
        model: In eval mode; maps inputs (n, ...) to logits (n, classes).
        data: Few examples, which go through at once.
        radius: Distance at which ratio and curvature are measured, see `smoothness`.
        generator: Directions; on the device of the data.
    """
    x, y = data.x, data.y

    @torch.no_grad()
    def answers(inputs: torch.Tensor) -> torch.Tensor:
        return logits(model, inputs)

    z = answers(x)
    values = {
        "Local ratio": local_ratio(answers, x, radius, generator),
        "Input gradient": input_gradient(model, x, y).flatten(1).norm(dim=1),
        "Curvature": curvature(model, x, y, radius, generator),
        "Loss": example_loss(z, y),
        "Entropy": entropy(z),
        "Parameter gradient": parameter_gradient(model, x, y),
    }
    return pd.DataFrame({name: value.cpu().numpy() for name, value in values.items()})


def mean_rank_correlation(
    frames: Sequence[pd.DataFrame], rows: Sequence[str], columns: Sequence[str]
) -> pd.DataFrame:
    """Return Spearman's correlation of the columns of each frame, the mean over the frames."""
    each = [frame.corr(method="spearman").loc[list(rows), list(columns)] for frame in frames]
    return sum(each[1:], each[0]) / len(each)
