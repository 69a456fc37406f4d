r"""The space that a layer's inputs span, as their second moments.

The gradient of a linear map's weight is a sum of :math:`\delta x^\top` over its inputs, so a step
that is orthogonal to all inputs of the retain set changes none of their outputs. Per layer that
space is known from the uncentred second moment of the inputs, which is additive over examples:

.. math::
    M_D = \sum_{x \in D} x x^\top, \qquad M_{D_r} = M_D - M_{D_f}

A convolution is a linear map of patches, flattened as its weight is; each of its groups has inputs
of its own. Saha, Garg and Roy, "Gradient Projection Memory for Continual Learning", ICLR 2021.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.utils import _pair

from ..access import handed
from ..checks.intact import intact
from ..checks.outputs import finite
from ..checks.trial import initialised, repeatable
from ..cost import off_the_clock, stopwatch
from ..data.tensors import Inputs, Labelled
from ..errors import NonFiniteError, SpecError, StaleStatisticError, UnsupportedModelError
from ..fields import Checked, differing
from ..fingerprint import fingerprint
from ..progress import shown
from .file import read
from .layer_rules import as_its_class, padded, wide


@dataclass(frozen=True)
class Moments(Checked):
    """Which moments: everything that decides a gradient space but the model and the data.

    Attributes:
        stride_one: Whether convolutions are unfolded with stride 1, see `GradientSpace`.
        named: The name in `access.ACCESS` by which a method asks for it.
        order: Of the examples, which does not matter.
    """

    stride_one: bool = False
    named: ClassVar[str] = "gradient_space"
    order: ClassVar[Literal["data"]] = "data"

    @property
    def identity(self) -> dict[str, Any]:
        """What its file in the cache is known by, beside the model and the data."""
        return {"moments": differing(self)}

    def of(self, model: nn.Module, data: Labelled | Inputs) -> "GradientSpace":
        """Return the gradient space of `data`, see `GradientSpace.of`."""
        inputs = data.inputs if isinstance(data, Labelled) else data
        return GradientSpace.of(model, inputs, stride_one=self.stride_one)

    def load(self, path: Path, device: torch.device | str = "cpu") -> "GradientSpace":
        """Return the gradient space in a file, see `GradientSpace.load`."""
        return GradientSpace.load(path, device)


@dataclass(frozen=True)
class GradientSpace:
    r"""Second moments of the inputs of every `Linear` and `Conv2d`.

    Attributes:
        moments: Name of a layer -> :math:`M`, (groups, d, d), float64; d is the number of inputs of
            one output. The order is that of the forward pass.
        stride_one: Whether convolutions were unfolded with stride 1 whatever their stride, as the
            release of PGU does.
        fingerprint: Of the parameters and buffers that the inputs were computed with.
        seconds: What the whole cost, see `cost.Cost`.
        cpu_seconds: The same in seconds of the processor; None on a GPU.
    """

    moments: Mapping[str, Tensor]
    stride_one: bool
    fingerprint: str
    seconds: float
    cpu_seconds: float | None = None

    @classmethod
    def of(
        cls, model: nn.Module, inputs: Inputs, *, stride_one: bool = False, chunk: int = 128
    ) -> "GradientSpace":
        """Return the moments of `inputs`, in eval mode; `model` stays as it is.

        Products are taken in the model's precision, `chunk` examples at a time, and their sums in
        double precision. Layers that are never called have no moments.

        A foreign hook that changes what a layer is given is seen through; one that changes what it
        returns is harmless, since a step that is orthogonal to all inputs changes no output.

        Raises:
            UnsupportedModelError: The model calls neither a `Linear` nor a `Conv2d`, or one with a
                forward pass of its own; or its outputs are not repeatable, or it has lazy
                parameters, see `checks.trial`.
            NonFiniteError: An input of a layer is NaN or infinite.
            SpecError: `chunk` is not positive.
        """
        handed(inputs=inputs)
        with stopwatch(inputs.x.device) as cost:
            moments = _moments(model, inputs, stride_one, chunk)
        return cls(moments, stride_one, fingerprint(model), cost.seconds, cost.cpu_seconds)

    def without(self, model: nn.Module, forget: Inputs) -> "GradientSpace":
        """Return the moments of what is left without `forget`, which were part of the whole.

        The views must be those of the whole: the same images, augmented alike or not at all.

        Raises:
            StaleStatisticError: The moments belong to other parameters than those of `model`.
        """
        self.check(model)
        gone = _moments(model, forget, self.stride_one)
        left = {name: M - gone[name] for name, M in self.moments.items()}
        return replace(self, moments=left)

    def carried_to(self, model: nn.Module) -> "GradientSpace":
        """Return the same moments for `model`, whose inputs they still describe nearly.

        After a projected step retained activations are nearly what they were, so the next request
        starts from these moments; nothing of the training set is seen again.
        """
        return replace(self, fingerprint=fingerprint(model))

    @off_the_clock()
    def check(self, model: nn.Module, wanted: Moments | None = None) -> None:
        """Refuse to be used for a model of other parameters, or as other moments than `wanted`.

        Raises:
            StaleStatisticError: The moments belong to another model, or are of the other kind.
        """
        if fingerprint(model) != self.fingerprint:
            raise StaleStatisticError(
                "The stored gradient space belongs to other parameters than those of this model, "
                "whose layers saw other inputs. Store it again with GradientSpace.of, or carry it "
                "over from the request before with carried_to."
            )
        if wanted is not None and wanted.stride_one != self.stride_one:
            raise StaleStatisticError(
                f"The gradient space was stored with stride_one={self.stride_one}, the method "
                f"wants stride_one={wanted.stride_one}: their strided convolutions have other "
                "patches. Store it again, or change the method."
            )
        layers: dict[str, Any] = dict(model.named_modules())
        for name, M in self.moments.items():
            W = getattr(layers.get(name), "weight", None)
            d = W[0].numel() if isinstance(W, Tensor) and W.dim() > 1 else 0
            if M.shape != (getattr(layers.get(name), "groups", 1), d, d):
                raise StaleStatisticError(
                    f"The moments at '{name}', {tuple(M.shape)}, are not those of a layer of this "
                    "model. Store the gradient space again with GradientSpace.of."
                )

    def save(self, path: Path) -> None:
        """Write the gradient space to a file that `load` reads."""
        torch.save(vars(self), path)

    @classmethod
    def load(cls, path: Path, device: torch.device | str = "cpu") -> "GradientSpace":
        """Return the one in a file, or refuse the file, see `stored.file.read`."""
        return cls(**read(path, "gradient space", cls.__dataclass_fields__, device))


def _moments(
    model: nn.Module, inputs: Inputs, stride_one: bool, chunk: int = 128
) -> dict[str, Tensor]:
    """Return the moments by the names of the layers, off the clock."""
    if isinstance(chunk, bool) or not isinstance(chunk, int) or chunk < 1:
        raise SpecError(f"chunk must be a whole number, at least 1, not {chunk!r}.")
    total: dict[str, Tensor] = {}
    initialised(model)
    layers = dict(model.named_modules())
    with torch.no_grad(), intact(model):
        model.eval()
        repeatable(model, inputs.x)
        for name, layer in layers.items():
            if isinstance(layer, nn.Linear | nn.Conv2d):
                add = partial(_add, total, name, stride_one)
                layer.register_forward_pre_hook(add, with_kwargs=True)  # after those of others
        for x in shown(inputs.batches(chunk), "moments", "batch", total=len(inputs) // chunk):
            model(x.clone())
    if not total:
        raise UnsupportedModelError(
            f"{type(model).__name__} calls no Linear and no Conv2d, whose inputs the gradient "
            "space is made of. Use a model that has some."
        )
    for name, blocks in total.items():
        if not finite(blocks):
            raise NonFiniteError(
                f"An input of layer '{name}' is NaN or infinite, so its moments are. Look for the "
                "first number of the data or of the model that is not finite."
            )
    return {name: _ordered(layers[name], blocks) for name, blocks in total.items()}


def _add(
    total: dict[str, Tensor],
    name: str,
    stride_one: bool,
    layer: nn.Module,
    args: tuple[Any, ...],
    named: dict[str, Any],
) -> None:
    """Add the products of one batch of inputs of `layer` to `total[name]`, as blocks."""
    if not as_its_class(layer, nn.Conv2d if isinstance(layer, nn.Conv2d) else nn.Linear):
        raise UnsupportedModelError(
            f"Layer '{name}' ({type(layer).__name__}) has a forward pass of its own, so what its "
            "weight is multiplied with may be something else than its input. Put what it adds into "
            "a module around a plain Linear or Conv2d."
        )
    x: Tensor = wide(next(iter((*args, *named.values()))))
    if isinstance(layer, nn.Conv2d):
        blocks = dict(_column_blocks(layer, x if x.dim() == 4 else x[None], stride_one))
        width = layer.weight.shape[3]
    else:
        x = x.reshape(1, -1, x.shape[-1])  # one group; examples and positions are alike
        blocks, width = {(0, 0): x.mT @ x}, 1
    if name not in total:
        groups, e, _ = blocks[0, 0].shape
        total[name] = x.new_zeros((width, width, groups, e, e), dtype=torch.float64)
    for (i, j), block in blocks.items():
        total[name][i, j] += block


def _column_blocks(
    layer: nn.Conv2d, x: Tensor, stride_one: bool
) -> Iterator[tuple[tuple[int, int], Tensor]]:
    """Yield ((i, j), block) of the moment for kernel columns i <= j.

    Only rows are unfolded: U[c] holds column c of the padded image, with the kernel's rows side by
    side. Block (i, j) sums U[c + i]' U[c + j] over the columns c that the kernel visits. With
    stride 1 the blocks of equal j - i differ only by the columns at the borders, so all but the
    first come by sliding its window; but for those of a window of far less energy somewhere than
    what slid out of it, whose rounding errors would stay.
    """
    x = padded(layer, x)
    (height, width), (dr, dc) = layer.weight.shape[2:], _pair(layer.dilation)
    stride, step = (1, 1) if stride_one else _pair(layer.stride)
    span = (x.shape[3] - dc * (width - 1) - 1) // step * step + 1  # of the columns visited
    U = x.unflatten(1, (layer.groups, -1)).permute(1, 4, 0, 3, 2)  # group, column, n, row, channel
    # The kernel's rows, dilated, at each of the output's rows
    U = U.unfold(3, dr * (height - 1) + 1, stride)[..., ::dr].transpose(4, 5)
    U = U.reshape(*U.shape[:2], -1, U.shape[4] * U.shape[5])  # group, column, n * rows, e

    def product(start: int, stop: int, shift: int) -> Tensor:
        one, other = (U[:, start + s : stop + s : step].flatten(1, 2) for s in (0, shift))
        block: Tensor = one.mT @ other
        return block

    def energies(block: Tensor) -> Tensor:
        return block.diagonal(dim1=1, dim2=2)

    block = most = U.new_zeros(())
    afresh = {0}  # windows that begin anew; those of shift 0, which come first, tell
    for i, j in ((i, i + s) for s in range(width) for i in range(width - s)):
        start, shift = i * dc, (j - i) * dc
        slid = step == 1 and afresh.isdisjoint((i, j) if i else (0,))
        if slid:
            entering = product(start - dc + span, start + span, shift)
            leaving = product(start - dc, start, shift)
            block = block + entering - leaving  # that of i - 1, moved by dc columns
            if shift == 0:
                most = torch.maximum(most, energies(block + leaving))
                if (most > 100 * energies(block)).any():
                    afresh.add(i)
                    slid = False
        if not slid:
            block = product(start, start + span, shift)
            most = energies(block)
        yield (i, j), block


def _ordered(layer: nn.Module, blocks: Tensor) -> Tensor:
    """Return the moment, (groups, d, d), in the order of the flattened weight.

    `blocks` is (kernel columns, kernel columns, groups, e, e) with e = (kernel rows, channels), of
    which those above the diagonal are given.
    """
    if isinstance(layer, nn.Linear):
        return blocks[0, 0]
    for i in range(len(blocks)):
        for j in range(i):
            blocks[i, j] = blocks[j, i].mT  # M is symmetric
    weight: Any = layer.weight
    height, width = weight.shape[2:]
    blocks = blocks.unflatten(4, (height, -1)).unflatten(3, (height, -1))
    # From (column, column', group, row, channel, row', channel') to (group, d, d), where d is
    # (channel, row, column), as weight.flatten(1) has it
    d = height * width * blocks.shape[-1]
    return blocks.permute(2, 4, 3, 0, 6, 5, 1).reshape(-1, d, d)
