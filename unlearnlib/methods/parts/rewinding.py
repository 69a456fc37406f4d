"""SCRUB+R's choice of an epoch: by the error that a model makes on what it never saw."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...data.tensors import Labelled
from ...errors import SpecError
from .answers import answers


def rewound(students: Sequence[nn.Module], forget: Labelled, validation: Labelled) -> nn.Module:
    """Return the one of `students` whose error on `forget` is nearest to what is expected.

    That is the error of the last of them on held-out data.
    """
    expected = expected_error(students[-1], forget, validation)
    return min(students, key=lambda student: abs(error(student, forget) - expected))


def error(model: nn.Module, data: Labelled) -> Tensor:
    """Return the share of `data` that `model` gets wrong, a scalar."""
    return (1 - answers(model, data)).mean()


def expected_error(model: nn.Module, forget: Labelled, validation: Labelled) -> Tensor:
    """Return the error on held-out data, with the classes in the shares of the forget set.

    Where examples have several labels, it is the error on all held-out data.

    Raises:
        SpecError: No held-out example is of a class to forget.
    """
    if forget.y.is_floating_point() and len(validation):
        return error(model, validation)
    share = torch.bincount(forget.y, minlength=int(forget.y.max()) + 1).double()
    known = validation[torch.isin(validation.y, forget.y)]
    if not len(known):
        raise SpecError(
            "SCRUBRewind has no held-out example of the classes to forget to compare with. Hold "
            "some of the training set out, such as `validation: 0.1` in a specification."
        )
    weight = (share / torch.bincount(known.y, minlength=len(share)))[known.y]
    return (weight * (1 - answers(model, known))).sum() / weight.sum()
