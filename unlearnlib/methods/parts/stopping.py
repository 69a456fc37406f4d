"""The rules by which PGU stops."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Literal

import torch
from torch import nn

from ...data.tensors import Labelled
from ...errors import SpecError
from .answers import answers

Stop = Literal["gap", "drop"] | None


def stopped(
    iterates: Iterator[nn.Module], stop: Stop, gone: Labelled, validation: Labelled
) -> tuple[nn.Module, bool]:
    """Return the model that a stop rule chooses, and whether the gap stayed open to the end.

    `gap` ends when `gone` is predicted no better than `validation`, and chooses the closer of the
    last two. `drop` ends when the accuracy on validation examples of classes that `gone` has not
    (of all, if it has all) has fallen by more than five points. None chooses the last.

    Raises:
        SpecError: The rule needs validation data, and there are none.
    """
    if stop and not len(validation):
        raise SpecError(
            f"The stop rule '{stop}' watches validation data, of which there are none. Hold out a "
            "share of the training set (`validation` of the scenario), or set stop=None."
        )
    if stop == "drop":
        spared = ~torch.isin(validation.y, gone.y)
        validation = validation[spared] if spared.any() else validation
    model, before, first, gap = nn.Module(), None, None, float("-inf")
    for model in iterates:
        seen = accuracy(model, validation) if stop else 0.0
        first = seen if first is None else first
        if stop == "drop" and seen < first - 0.05:
            break
        if stop == "gap":
            last, gap = gap, seen - accuracy(model, gone)  # below 0 as long as it is remembered
            if gap > 0:  # it went through 0: of the last two, the model whose |gap| is smaller
                return (before if before is not None and gap >= -last else model), False
            before = deepcopy(model)  # the iterates are one object
    return model, stop == "gap" and gap < -0.005


def accuracy(model: nn.Module, data: Labelled) -> float:
    """Return the accuracy of `model`, a fraction; NaN if an output is not finite."""
    return answers(model, data).mean().item()
