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
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..access import handed
from ..checks.intact import intact
from ..cost import off_the_clock, stopwatch
from ..data.tensors import Inputs, Labelled
from ..errors import SpecError, StaleStatisticError
from ..fields import Checked, Count, differing
from ..fingerprint import fingerprint
from ..losses import losses
from .file import read
from .gauss_newton import by_classes
from .layer_rules import Sums
from .mean_powers import mean_powers

Order = Literal["data", "release"]
"""Order of D: as the data come; or as the releases load it, see `offers.ordered`."""
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
        order: Order of the examples; without groups it does not matter, and is `data`.
        norm: Size of the output that a sensitivity is about.
    """

    kind: Literal["fisher", "sensitivity", "gauss_newton"]
    group: Count = 1
    order: Order = "data"
    norm: Norm = "squared"

    def __post_init__(self) -> None:
        """Check the fields; forget an order that does not matter."""
        super().__post_init__()
        if self.group == 1:
            object.__setattr__(self, "order", "data")

    @property
    def named(self) -> str:
        """The name in `access.ACCESS` by which a method asks for it; labels make the difference."""
        return "fisher" if self.kind == "fisher" else "sensitivity"

    @property
    def identity(self) -> dict[str, Any]:
        """What its file in the cache is known by, beside the model and the data."""
        return {"statistic": differing(self)}

    @torch.inference_mode(False)
    def of(self, model: nn.Module, data: Labelled | Inputs, *, chunk: int = 64) -> "Importance":
        """Return this importance of `data` to `model`. All of this library are made here.

        Its values are in single precision, or in double if the parameters are.

        Args:
            model: A classifier in eval mode, (n, ...) -> logits (n, classes); it stays as it is.
            data: The examples, in the order that `order` names; only `fisher` needs labels.
            chunk: Examples a forward pass: bounds the memory, changes nothing else.

        Raises:
            UnsupportedModelError: An example has no gradient of its own, see `checks.trial`.
            SpecError: There are no examples, or `chunk` is not positive.
            NonFiniteError: An importance is NaN or infinite.
        """
        if self.kind == "fisher":
            handed(data=data)
        else:
            data = data.inputs if isinstance(data, Labelled) else data
            handed(inputs=data)
        with intact(model), stopwatch(data.x.device) as cost:
            values = _VALUES[self.kind](self, model, data, chunk)
        spent = cost.seconds, cost.cpu_seconds
        return Importance(values, self, fingerprint(model), len(data), *spent)

    def load(self, path: Path, device: torch.device | str = "cpu") -> "Importance":
        """Return the importance in a file, see `Importance.load`."""
        return Importance.load(path, device)


def _fisher(which: Statistic, model: nn.Module, data: Any, chunk: int) -> Sums:
    return mean_powers(model, (data.x, data.y), losses, p=2, group=which.group, chunk=chunk)


def _sensitivity(which: Statistic, model: nn.Module, data: Any, chunk: int) -> Sums:
    return mean_powers(model, (data.x,), NORMS[which.norm], p=1, group=which.group, chunk=chunk)


def _gauss_newton(which: Statistic, model: nn.Module, data: Any, chunk: int) -> Sums:
    return by_classes(model, data.x, chunk=chunk)


_VALUES: dict[str, Callable[[Statistic, nn.Module, Any, int], Sums]] = {
    "fisher": _fisher,
    "sensitivity": _sensitivity,
    "gauss_newton": _gauss_newton,
}


@dataclass(frozen=True)
class Importance:
    """The importance of every parameter, and what it belongs to.

    Attributes:
        values: Importance by name of the parameter, in its shape.
        statistic: Which importance it is.
        fingerprint: Of the parameters and buffers that it was computed at.
        n: Number of examples.
        seconds: What it cost, see `cost.Cost`.
        cpu_seconds: The same in seconds of the processor; None on a GPU.
    """

    values: dict[str, Tensor]
    statistic: Statistic
    fingerprint: str
    n: int
    seconds: float
    cpu_seconds: float | None = None

    def __getitem__(self, name: str) -> Tensor:
        """Return the importance of one parameter."""
        return self.values[name]

    @off_the_clock()
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
        if statistic is not None and statistic != self.statistic:
            raise StaleStatisticError(
                f"The stored importance was made as {self.statistic}, the method takes that of the "
                f"forget set as {statistic}. The two cannot be compared, as they are numbers of "
                "different sizes. Store the importance that the method asks for, or give the "
                "method the fields of the stored one."
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
        alike = self.statistic == forgotten.statistic
        if self.fingerprint != forgotten.fingerprint or not alike:
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
            name: (self.n * self[name] - forgotten.n * I_Df) / rest
            for name, I_Df in forgotten.values.items()  # frozen parameters have none
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
        seconds, pair = self.seconds + forgotten.seconds, (self.cpu_seconds, forgotten.cpu_seconds)
        cpu_seconds = None if None in pair else sum(filter(None, pair))
        return replace(self, values=values, n=rest, seconds=seconds, cpu_seconds=cpu_seconds)

    def save(self, path: Path) -> None:
        """Write the importance to a file that `load` reads."""
        torch.save({**vars(self), "statistic": asdict(self.statistic)}, path)

    @classmethod
    def load(cls, path: Path, device: torch.device | str = "cpu") -> "Importance":
        """Return the importance in a file, or refuse the file, see `stored.file.read`."""
        fields = read(path, "importance", cls.__dataclass_fields__, device)
        return cls(**{**fields, "statistic": Statistic(**fields["statistic"])})


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
    return Statistic("fisher", group, order).of(model, data, chunk=chunk)


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
    return Statistic("sensitivity", group, order, norm).of(model, data, chunk=chunk)


def gauss_newton_diagonal(model: nn.Module, data: Inputs, *, chunk: int = 64) -> Importance:
    r"""Return the diagonal of the Gauss-Newton matrix, :math:`G`, see `stored.gauss_newton`.

    Arguments and errors are those of :func:`output_sensitivity`.
    """
    handed(inputs=data)
    return Statistic("gauss_newton").of(model, data, chunk=chunk)
