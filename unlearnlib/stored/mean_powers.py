"""The mean of the absolute value, or of the square, of gradients: what an importance is made of."""

import torch
from torch import nn

from ..checks.intact import intact
from ..checks.outputs import finite, first_not_finite
from ..checks.trial import differentiable
from ..cost import off_the_clock
from ..errors import NonFiniteError, SpecError
from .layer_rules import Sums, wide
from .per_example import Batch, Loss, by_groups, sums_of_powers


def mean_powers(
    model: nn.Module, data: Batch, loss: Loss, *, p: int, group: int = 1, chunk: int = 64
) -> Sums:
    r"""Return the mean of the p-th power of the gradients of `loss`, by name of the parameter.

    .. math:: \frac1G \sum_g \left| \frac1{|g|} \sum_{n \in g}
        \frac{\partial \ell_n}{\partial \theta_i} \right|^p

    over the G groups g of `group` examples, the last smaller one included. In single precision, or
    in double if the parameters are.

    Args:
        model: A classifier in eval mode, (n, ...) -> logits (n, classes).
        data: Inputs and, if the loss takes any, targets: tensors of n rows.
        loss: The loss of each example.
        p: The power, 1 or 2.
        group: Examples whose gradients are averaged first.
        chunk: Examples a forward pass: bounds the memory, changes nothing else.

    Raises:
        UnsupportedModelError: An example has no gradient of its own, see `checks.trial`.
        SpecError: There are no examples, or `chunk` is not positive.
        NonFiniteError: A mean is NaN or infinite.
    """
    n = len(data[0])
    if isinstance(chunk, bool) or not isinstance(chunk, int) or chunk < 1:
        raise SpecError(f"chunk must be a whole number, at least 1, not {chunk!r}.")
    if n < 1:
        raise SpecError("An importance of 0 examples is none. Give one or more.")
    data = tuple(part.clone() if part.is_inference() else part for part in data)
    differentiable(model, data[0])
    if group == 1:
        groups, sums = n, sums_of_powers(model, data, loss, p=p, chunk=chunk)
    else:
        groups = -(-n // group)
        sums = by_groups(model, data, loss, p=p, group=group, chunk=chunk)
    types = {name: wide(q).dtype for name, q in model.named_parameters()}
    means = {name: total.div_(groups).to(types[name]) for name, total in sums.items()}
    _refuse_not_finite(means, model, data, loss)
    return means


@off_the_clock()
def _refuse_not_finite(means: Sums, model: nn.Module, data: Batch, loss: Loss) -> None:
    """Name the parameter whose importance is not finite, and the first example that is why."""
    bad = next((name for name, value in means.items() if not finite(value)), None)
    if bad is None:
        return
    with torch.no_grad(), intact(model):
        each = torch.cat(
            [
                loss(wide(model(x.clone())), *targets)
                for x, *targets in zip(*(part.split(64) for part in data), strict=True)
            ]
        )
    why = (
        "every loss is finite, so a gradient is undefined or overflows; use double precision"
        if finite(each)
        else f"the first loss that is not finite is that of example {first_not_finite(each)[0]}"
    )
    raise NonFiniteError(
        f"The importance of '{bad}' holds a number that is NaN or infinite: {why}."
    )
