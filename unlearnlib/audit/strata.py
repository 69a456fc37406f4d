"""Examples in thirds, by how typical they are or by how much a model has kept of them."""

import torch
from torch import Tensor

from ..data.tensors import Labelled


def from_class_mean(data: Labelled, train: Labelled) -> Tensor:
    """Return the distance of every input from the mean of its class in the training set, (n,).

    Args:
        data: Examples of classes that `train` has, one label each.
        train: The training set.
    """
    labels: Tensor = torch.unique(data.y)
    means = torch.stack([train.x[train.y == label].mean(0) for label in labels])
    apart = data.x - means[torch.searchsorted(labels, data.y)]
    distance: Tensor = apart.flatten(1).norm(dim=1)
    return distance


def thirds(values: Tensor) -> dict[str, Tensor]:
    """Return which of the n values are the least, the middle and the most, a third each."""
    names = ("least", "middle", "most")
    return dict(zip(names, values.argsort().tensor_split(3), strict=True))
