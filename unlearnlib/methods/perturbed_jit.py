r"""JiT with noise of another shape.

Foster et al., TMLR 2025, arXiv:2402.01401, draw Gaussian noise and say no more about it. Here
:math:`\xi_j = \sigma u_j`, where the coordinates of :math:`u_j` are independent, have mean 0 and
variance 1, and are

    ``gaussian``  normal, which is JiT itself,
    ``uniform``   uniform on :math:`[-\sqrt3, \sqrt3]`,
    ``laplace``   of density :math:`e^{-\sqrt2 |u|} / \sqrt2`,
    ``sparse``    normal, and a hundred times as large in one of twenty coordinates.

So the mean square of :math:`\lVert \xi \rVert_2` is :math:`\sigma^2 d` for each of them.

Sees: :math:`D_f` without labels. Never sees: :math:`D_r`.

Departs from the paper: in the noise alone. The steps are those of `JiT`, whose source names its
other departures: while it runs, what it asks of `torch.randn` is drawn here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .jit import JiT

SHARE = 0.05
"""How many coordinates of sparse noise are large."""
SMALL = 0.01
"""How large the others are beside them; not 0, so that the noise is never 0 as a whole."""


def _uniform(shape: Any, **options: Any) -> Tensor:
    u: Tensor = torch.rand(shape, **options)
    return (2 * u - 1) * 3**0.5


def _laplace(shape: Any, **options: Any) -> Tensor:
    u: Tensor = torch.rand(shape, **options) - 0.5
    above = torch.finfo(u.dtype).eps / 2 - 1  # the number after -1, whose log1p is infinite
    return -u.sign() * (-2 * u.abs()).clamp(min=above).log1p() / 2**0.5


def _sparse(shape: Any, **options: Any) -> Tensor:
    u: Tensor = torch.randn(shape, **options)
    u = torch.where(torch.rand(shape, **options) < SHARE, u, SMALL * u)
    return u.div((SHARE + (1 - SHARE) * SMALL**2) ** 0.5)


DRAWS: Mapping[str, Callable[..., Tensor]] = {
    "gaussian": torch.randn, "uniform": _uniform, "laplace": _laplace, "sparse": _sparse,
}  # fmt: skip
"""Draws of mean 0 and variance 1, with the arguments of `torch.randn`."""


class _Drawn(TorchFunctionMode):
    """Within it, `torch.randn` draws from another distribution."""

    def __init__(self, draw: Callable[..., Tensor]) -> None:
        super().__init__()
        self.draw = draw

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return (self.draw if func is torch.randn else func)(*args, **(kwargs or {}))


@dataclass(frozen=True)
class PerturbedJiT(JiT):
    """JiT whose noise need not be Gaussian.

    Attributes:
        noise: Shape of the noise; its standard deviation is `sigma` in each case.
    """

    noise: Literal["gaussian", "uniform", "laplace", "sparse"] = "gaussian"

    def backward(self, model: nn.Module, x: Tensor, generator: torch.Generator) -> Tensor:
        """Add the gradient of the loss of one batch, as `JiT.backward` does, with this noise."""
        with _Drawn(DRAWS[self.noise]):
            return super().backward(model, x, generator)
