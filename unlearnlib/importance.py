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

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from .data.tensors import Inputs, Labelled
from .errors import SpecError, StaleStatisticError, UnsupportedModelError
from .losses import losses
from .per_example import Batch, Loss, power, sums_of_powers
from .stopwatch import stopwatch

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
class Statistic:
    """Which importance: everything that decides its values but the model and the data.

    Attributes:
        kind: `fisher` (with labels), `sensitivity` or `gauss_newton` (without).
        group: Examples whose gradients are averaged first; 1 is the equation.
        order: Order of the examples, which matters if they are grouped.
        norm: Size of the output that a sensitivity is about.
    """

    kind: Literal["fisher", "sensitivity", "gauss_newton"]
    group: int = 1
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
            StaleStatisticError: The model has changed since, or another statistic is wanted.
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
        values = {
            name: ((self.n * I_D - forgotten.n * forgotten[name]) / rest).clamp(min=0)
            for name, I_D in self.values.items()
        }
        seconds = self.seconds + forgotten.seconds
        return replace(self, values=values, n=rest, seconds=seconds)

    def save(self, path: Path) -> None:
        """Write the importance to a file that `load` reads."""
        torch.save({**vars(self), "statistic": asdict(self.statistic)}, path)

    @classmethod
    def load(cls, path: Path, device: torch.device | str = "cpu") -> "Importance":
        """Return the importance in a file; only tensors, numbers and text are read from it."""
        stored = torch.load(path, map_location=device, weights_only=True)
        return cls(**{**stored, "statistic": Statistic(**stored["statistic"])})


def fingerprint(model: nn.Module) -> str:
    """Return a hash of the parameters and buffers of `model`; device and mode are not in it."""
    found = hashlib.sha256()
    for name, value in model.state_dict().items():
        flat = value.detach().cpu().contiguous().flatten()
        found.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        found.update(memoryview(flat.view(torch.uint8).numpy()))
    return found.hexdigest()[:16]


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
        UnsupportedModelError: A BatchNorm or dropout layer is in train mode.
        SpecError: There are no examples, or `group` or `chunk` is not positive.
    """
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
        UnsupportedModelError: A BatchNorm or dropout layer is in train mode.
        SpecError: There are no examples, or `group` or `chunk` is not positive.
    """
    statistic = Statistic("sensitivity", group, order, norm)
    return importance(model, (data.x,), NORMS[norm], statistic, 1, chunk)


def importance(
    model: nn.Module, data: Batch, loss: Loss, statistic: Statistic, p: int, chunk: int
) -> Importance:
    """Return the mean of the p-th power of the gradients of `loss`: check, compute, divide, note.

    Every importance of this library is made here; see :func:`fisher_diagonal` for the arguments.
    """
    n, group = len(data[0]), statistic.group
    if min(n, group, chunk) < 1:
        raise SpecError(
            f"An importance of {n} examples in groups of {group} and chunks of {chunk}: each must "
            "be at least 1."
        )
    _deterministic(model)
    with stopwatch(data[0].device) as cost:
        if group == 1:
            count, sums = n, sums_of_powers(model, data, loss, p=p, chunk=chunk)
        else:
            count, sums = -(-n // group), _grouped(model, data, loss, group, p, chunk)
        values = {name: total.div_(count) for name, total in sums.items()}
    return Importance(values, statistic, fingerprint(model), n, cost.seconds)


@torch.enable_grad()
def _grouped(
    model: nn.Module, data: Batch, loss: Loss, group: int, p: int, chunk: int
) -> dict[str, Tensor]:
    """Return the sum over groups of the power of the gradient of a group's mean loss."""
    parameters = {name: q for name, q in model.named_parameters() if q.requires_grad}
    total = {name: torch.zeros_like(q) for name, q in parameters.items()}
    for batch in zip(*(part.split(group) for part in data), strict=True):
        size, gradients = len(batch[0]), dict[str, Tensor]()
        for x, *targets in zip(*(part.split(chunk) for part in batch), strict=True):
            mean = loss(model(x), *targets).sum() / size
            found = torch.autograd.grad(mean, [*parameters.values()], materialize_grads=True)
            for name, g in zip(parameters, found, strict=True):
                gradients[name] = gradients[name] + g if name in gradients else g
        for name, g in gradients.items():
            total[name] += power(g, p)
    return total


def _deterministic(model: nn.Module) -> None:
    """Refuse a model whose output for one example is not a function of that example."""
    for name, layer in model.named_modules():
        batch = isinstance(layer, _BatchNorm) and (layer.training or layer.running_mean is None)
        if batch or (isinstance(layer, _DropoutNd) and layer.training and layer.p > 0):
            raise UnsupportedModelError(
                f"Layer '{name}' ({type(layer).__name__}) uses the statistics of its batch or "
                "random numbers, so that one example has no gradient of its own. Call "
                "model.eval() first (BatchNorm must track its statistics)."
            )
