r"""How much each parameter matters to a set of examples: the diagonal Fisher, and without labels.

.. math::
    F_i = \frac1n \sum_n \left( \frac{\partial}{\partial\theta_i}
        \log p_\theta(y_n \mid x_n) \right)^2, \qquad
    \Omega_i = \frac1n \sum_n \left| \frac{\partial}{\partial\theta_i}
        \lVert f_\theta(x_n) \rVert_2^2 \right|

These are the equations of SSD and LFSSD. Their releases take the gradient of the mean over a batch
before the square or the absolute value, and average over the batches, the last smaller one
included: `group=64`. The result then depends on the batches, hence on the order of the examples.
"""

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from ..access import handed
from ..checks.intact import intact
from ..checks.outputs import finite, first_not_finite
from ..checks.trial import differentiable
from ..cost import stopwatch, uncounted
from ..data.tensors import Inputs, Labelled
from ..errors import NonFiniteError, SpecError, StaleStatisticError
from ..fields import Checked, Count
from ..fingerprint import fingerprint
from ..losses import losses
from .file import read
from .layer_rules import wide
from .per_example import Batch, Loss, by_groups, sums_of_powers

Order = Literal["data", "release"]
"""Order of D: as the data come; or as the releases load it, see `Scenario.ordered`."""
Norm = Literal["squared", "l2", "l1", "max", "margin"]

NORMS: dict[Norm, Callable[[Tensor], Tensor]] = {
    "squared": lambda z: z.square().sum(1),
    "l2": lambda z: z.norm(dim=1),
    "l1": lambda z: z.abs().sum(1),
    "max": lambda z: z.abs().amax(1),
    "margin": lambda z: z.topk(2, dim=1).values @ z.new_tensor([1.0, -1.0]),
}
"""Sizes of the logits, (n, classes) -> (n,); `margin` is the largest less the second largest."""


@dataclass(frozen=True)
class Statistic(Checked):
    """Which importance: everything that decides its values but the model and the data.

    Attributes:
        kind: `fisher` (with labels), `sensitivity` or `gauss_newton` (without).
        group: Examples whose gradients are averaged first; 1 is the equation.
        order: Order of the examples, which matters if they are grouped.
        norm: Size of the output that a sensitivity is about.
    """

    kind: Literal["fisher", "sensitivity", "gauss_newton"]
    group: Count = 1
    order: Order = "data"
    norm: Norm = "squared"

    @property
    def plain(self) -> "Statistic":
        """The same statistic, with an order only where it matters."""
        return self if self.group > 1 else replace(self, order="data")


@dataclass(frozen=True)
class Importance:
    """The importance of every parameter, and what it belongs to.

    Attributes:
        values: Importance by name of the parameter, in its shape.
        statistic: Which importance it is.
        fingerprint: Of the parameters and buffers that it was computed at.
        n: Number of examples.
        seconds: What it cost.
    """

    values: dict[str, Tensor]
    statistic: Statistic
    fingerprint: str
    n: int
    seconds: float

    def __getitem__(self, name: str) -> Tensor:
        """Return the importance of one parameter."""
        return self.values[name]

    def check(self, model: nn.Module, statistic: Statistic | None = None) -> None:
        """Refuse to be used for another model, or as another statistic than `statistic`.

        Raises:
            StaleStatisticError: The model has changed since, or was frozen in part, or another
                statistic is wanted.
        """
        if fingerprint(model) != self.fingerprint:
            raise StaleStatisticError(
                f"This {self.statistic.kind} was computed at other parameters than the model has "
                "now (an unlearned model is another model), so it says nothing about them. "
                "Compute it anew for this model."
            )
        if statistic is not None and statistic.plain != self.statistic.plain:
            raise StaleStatisticError(
                f"The stored statistic is {self.statistic}, the method compares it with "
                f"{statistic}. Only equal kinds, groups and orders are on one scale: store the "
                "second, or set the method's fields to the first."
            )
        for name, q in model.named_parameters():
            if q.requires_grad and (name not in self.values or self[name].shape != q.shape):
                raise StaleStatisticError(
                    f"This {self.statistic.kind} has no importance of '{name}' in its shape: that "
                    "was frozen when it was computed. Freeze it again, or compute it anew."
                )

    def without(self, forgotten: "Importance") -> "Importance":
        r"""Return the importance for the rest of the examples, without a pass over them.

        .. math:: I_{D_r} = \frac{n I_D - n_f I_{D_f}}{n - n_f}

        Exact for importances per example at the same parameters, up to rounding.

        Raises:
            StaleStatisticError: The two belong to different models or statistics.
            SpecError: They are grouped, or nothing is left.
        """
        ours, theirs = self.statistic.plain, forgotten.statistic.plain
        if self.fingerprint != forgotten.fingerprint or ours != theirs:
            raise StaleStatisticError(
                "The two importances belong to different models or statistics "
                f"({self.statistic} and {forgotten.statistic}), so their difference means nothing. "
                "Compute both for the same model with the same fields."
            )
        rest = self.n - forgotten.n
        if self.statistic.group > 1 or rest <= 0:
            raise SpecError(
                f"{forgotten.n} of {self.n} examples in groups of {self.statistic.group} cannot be "
                "taken out: their groups are not groups of the whole, or nothing is left. Use "
                "group=1 and fewer examples than the whole has."
            )
        # A mean times its n is a sum, and sums of examples subtract
        values = {
            name: (self.n * I_D - forgotten.n * forgotten[name]) / rest
            for name, I_D in self.values.items()
        }
        negative = sum(float(v.clamp(max=0).double().abs().sum()) for v in values.values())
        clamped = negative / max(
            sum(float(v.double().abs().sum()) for v in values.values()), 1e-300
        )
        if clamped > 1e-3:
            warnings.warn(
                f"{clamped:.1%} of the importance that is left is negative and counts as none: "
                "what was taken out was not part of the whole, or in other views.",
                stacklevel=2,
            )
        values = {name: v.clamp(min=0) for name, v in values.items()}
        seconds = self.seconds + forgotten.seconds
        return replace(self, values=values, n=rest, seconds=seconds)

    def save(self, path: Path) -> None:
        """Write the importance to a file that `load` reads."""
        torch.save({**vars(self), "statistic": asdict(self.statistic)}, path)

    @classmethod
    def load(cls, path: Path, device: torch.device | str = "cpu") -> "Importance":
        """Return the importance in a file, or refuse the file, see `stored.file.read`."""
        found = read(path, "importance", cls.__dataclass_fields__, device)
        return cls(**{**found, "statistic": Statistic(**found["statistic"])})


def fisher_diagonal(
    model: nn.Module, data: Labelled, *, group: int = 1, chunk: int = 64, order: Order = "data"
) -> Importance:
    r"""Return the diagonal of the empirical Fisher information, :math:`F`.

    Args:
        model: A classifier in eval mode, (n, ...) -> logits (n, classes); it stays as it is.
        data: The examples, in the order that `order` names.
        group: 1 squares the gradient of every example; g > 1 squares the gradient of the mean over
            g examples at a time, and averages over these groups.
        chunk: Examples a forward pass: bounds the memory, changes nothing else.
        order: Noted in the result.

    Raises:
        UnsupportedModelError: An example has no gradient of its own, see `checks.trial`.
        SpecError: There are no examples, or `group` or `chunk` is not positive.
        NonFiniteError: An importance is NaN or infinite.
    """
    handed(data=data)
    return importance(model, (data.x, data.y), losses, Statistic("fisher", group, order), 2, chunk)


def output_sensitivity(
    model: nn.Module,
    data: Inputs,
    *,
    group: int = 1,
    chunk: int = 64,
    order: Order = "data",
    norm: Norm = "squared",
) -> Importance:
    r"""Return the mean absolute gradient of the size of the logits, :math:`\Omega`; no labels.

    Args:
        model: As in :func:`fisher_diagonal`.
        data: The examples, in the order that `order` names.
        group: 1 takes the absolute gradient of every example; g > 1 that of the mean over g.
        chunk: Examples a forward pass: bounds the memory, changes nothing else.
        order: Noted in the result.
        norm: Which size, a key of `NORMS`; the equation's is `squared`.

    Raises:
        UnsupportedModelError: An example has no gradient of its own, see `checks.trial`.
        SpecError: There are no examples, or `group` or `chunk` is not positive.
        NonFiniteError: An importance is NaN or infinite.
    """
    handed(inputs=data)
    statistic = Statistic("sensitivity", group, order, norm)
    return importance(model, (data.x,), NORMS[norm], statistic, 1, chunk)


@torch.inference_mode(False)
def importance(
    model: nn.Module, data: Batch, loss: Loss, statistic: Statistic, p: int, chunk: int
) -> Importance:
    """Return the mean of the p-th power of the gradients of `loss`: check, compute, divide, note.

    Every importance of this library is made here; see :func:`fisher_diagonal` for the arguments.
    Its values are in single precision, or in double if the parameters are.
    """
    n, group = len(data[0]), statistic.group
    if isinstance(chunk, bool) or not isinstance(chunk, int) or chunk < 1:
        raise SpecError(f"chunk must be a whole number, at least 1, not {chunk!r}.")
    if n < 1:
        raise SpecError("An importance of 0 examples is none. Give one or more.")
    data = tuple(part.clone() if part.is_inference() else part for part in data)
    differentiable(model, data[0])
    with intact(model), stopwatch(data[0].device) as cost:
        if group == 1:
            count, sums = n, sums_of_powers(model, data, loss, p=p, chunk=chunk)
        else:
            count = -(-n // group)
            sums = by_groups(model, data, loss, p=p, group=group, chunk=chunk)
        types = {name: wide(q).dtype for name, q in model.named_parameters()}
        values = {name: total.div_(count).to(types[name]) for name, total in sums.items()}
    found = Importance(values, statistic, fingerprint(model), n, cost.seconds)
    _refuse_not_finite(found, model, data, loss)
    return found


def _refuse_not_finite(found: Importance, model: nn.Module, data: Batch, loss: Loss) -> None:
    """Name the parameter whose importance is not finite, and the first example that is why."""
    bad = next((name for name, value in found.values.items() if not finite(value)), None)
    if bad is None:
        return
    with torch.no_grad(), intact(model), uncounted():
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
