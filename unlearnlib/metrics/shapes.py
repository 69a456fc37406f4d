"""What a metric may be given, checked once: outputs and labels, or scores.

Outputs that are not finite are no mistake of the caller's: a metric of them is NaN.
"""

import torch
from jaxtyping import Float, Float64, Int, Int64, Real
from torch import Tensor

from ..checks.outputs import finite
from ..errors import DataError
from ..losses import Labels

NAN = float("nan")


def told(logits: Float[Tensor, "n classes"]) -> Float64[Tensor, "n classes"]:
    """Return outputs in double precision; of an example with one that is not finite, all are NaN.

    So that whatever is computed of such an example is NaN too, also where infinity has an argmax.

    Args:
        logits: Outputs, (n, classes).

    Raises:
        DataError: They are not one row of two or more floats for each of one or more examples.
    """
    _tensor("logits", logits)
    rows = logits.dim() == 2 and len(logits) > 0 and logits.shape[1] > 1
    if not (rows and logits.is_floating_point()):
        raise DataError(
            "A metric wants logits as floats (n, classes), of one or more examples and two or "
            f"more classes, and was given {_shown(logits)}. A yes-or-no model needs an output for "
            "each of the two answers."
        )
    z = logits.double()
    return z if finite(z) else known(z, z)


def known(values: Float[Tensor, "n ..."], z: Float[Tensor, "n classes"]) -> Float[Tensor, "n ..."]:
    """Return `values`, (n, ...), with NaN for the examples whose outputs `z` are not finite."""
    gone = ~z.isfinite().flatten(1).all(1)
    return values.masked_fill(gone.view(-1, *[1] * (values.dim() - 1)), NAN)


def one_label(logits: Float[Tensor, "n classes"], y: Int[Tensor, " n"]) -> Int64[Tensor, " n"]:
    """Return the labels of `logits`, one an example, (n,), int64.

    Raises:
        DataError: They are not n integers from 0 to classes - 1.
    """
    _tensor("labels", y)
    n, classes = logits.shape
    if y.dtype not in (torch.int64, torch.int32) or y.shape != (n,):
        raise DataError(
            f"A metric wants a label for each of {n} examples, int64 of shape ({n},), and was "
            f"given {_shown(y)}."
        )
    low, high = (int(end) for end in y.aminmax())
    if low < 0 or high >= classes:
        raise DataError(
            f"A metric was given labels from {low} to {high}, and the {classes} outputs are those "
            f"of the labels 0 to {classes - 1}."
        )
    return y.long()


def labels(logits: Float[Tensor, "n classes"], y: Labels) -> Labels:
    """Return the labels of `logits`: one an example, as of `one_label`; or several.

    Raises:
        DataError: They are neither n integers nor (n, classes) floats that are 0 or 1.
    """
    _tensor("labels", y)
    if not y.is_floating_point():
        return one_label(logits, y)
    if y.shape != logits.shape or not ((y == 0) | (y == 1)).all():
        raise DataError(
            "A metric wants either one label an example, int64 (n,), or several, floats "
            f"(n, classes) that are 0 or 1, for logits of shape {tuple(logits.shape)}, and was "
            f"given {_shown(y)}{' with other numbers' * (y.shape == logits.shape)}."
        )
    return y


def scores(*sets: Real[Tensor, " _"]) -> list[Float64[Tensor, " _"]]:
    """Return sets of scores, (n,) each, in double precision.

    Raises:
        DataError: One is not a row of numbers.
    """
    for one in sets:
        _tensor("scores", one)
        if one.dim() != 1 or one.dtype == torch.bool or one.is_complex():
            raise DataError(
                f"An attack wants a score for each example, (n,), and was given {_shown(one)}."
            )
    return [one.detach().double() for one in sets]


def _tensor(what: str, value: object) -> None:
    if not isinstance(value, Tensor):
        raise DataError(f"A metric wants {what} as a tensor, and was given {value!r:.60}.")


def _shown(t: Tensor) -> str:
    return f"{str(t.dtype).removeprefix('torch.')} of shape {tuple(t.shape)}"
