r"""Noise of several shapes, all of mean 0 and variance 1.

The coordinates of a draw :math:`u` are independent, and are

    ``gaussian``  normal,
    ``uniform``   uniform on :math:`[-\sqrt3, \sqrt3]`,
    ``laplace``   of density :math:`e^{-\sqrt2 |u|} / \sqrt2`,
    ``sparse``    normal, and a hundred times as large in one of twenty coordinates.

So the mean square of :math:`\lVert \sigma u \rVert_2` is :math:`\sigma^2 d` for each of them.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal

import torch
from torch import Tensor

Noise = Literal["gaussian", "uniform", "laplace", "sparse"]
SHARE = 0.05
"""How many coordinates of sparse noise are large."""
SMALL = 0.01
"""How large the others are beside them; not 0, so that the noise is never 0 as a whole."""
DRAWN = 2048
"""Inputs for which is drawn at once; another number would draw other noise."""


def gaussian(shape: tuple[int, ...], **options: Any) -> Tensor:
    """Return normal noise of that shape; `options` are `generator`, `device` and `dtype`."""
    return torch.randn(shape, **options)


def uniform(shape: tuple[int, ...], **options: Any) -> Tensor:
    """Return uniform noise, with the arguments of `gaussian`."""
    u = torch.rand(shape, **options)
    return (2 * u - 1) * 3**0.5


def laplace(shape: tuple[int, ...], **options: Any) -> Tensor:
    """Return Laplace noise, with the arguments of `gaussian`."""
    u = torch.rand(shape, **options) - 0.5
    above = torch.finfo(u.dtype).eps / 2 - 1  # the number after -1, whose log1p is infinite
    return -u.sign() * (-2 * u.abs()).clamp(min=above).log1p() / 2**0.5  # the inverse of its cdf


def sparse(shape: tuple[int, ...], **options: Any) -> Tensor:
    """Return sparse noise, with the arguments of `gaussian`."""
    u = torch.randn(shape, **options)
    u = torch.where(torch.rand(shape, **options) < SHARE, u, SMALL * u)
    return u.div((SHARE + (1 - SHARE) * SMALL**2) ** 0.5)  # its standard deviation until here


DRAWS: Mapping[Noise, Callable[..., Tensor]] = MappingProxyType(
    {"gaussian": gaussian, "uniform": uniform, "laplace": laplace, "sparse": sparse}
)
"""A draw of each shape, by its name."""


def draws(
    noise: Noise,
    N: int,
    x: Tensor,
    generator: torch.Generator,
    chunk: int | None = None,
    one_by_one: bool = False,
) -> Iterator[Tensor]:
    """Yield `N` draws for a batch `x`, (b, ...), in groups that bound the memory: (j, b, ...).

    Args:
        noise: A key of `DRAWS`.
        N: Draws for each example, in all.
        x: What the noise is for: its shape, type and device are those of `x`.
        generator: Draws; on the device of `x`.
        chunk: Inputs a group, but one draw at least; it moves no number that is drawn. None is what
            was drawn at once; on a CPU one draw, since there the memory of a layer's outputs is
            mapped anew in every pass if it is much.
        one_by_one: Draw once for the batch at a time, which gives other numbers.
    """
    drawn = 1 if one_by_one else max(1, DRAWN // len(x))
    if chunk is None:
        chunk = len(x) if x.device.type == "cpu" else DRAWN
    for done in range(0, N, drawn):
        shape = (min(drawn, N - done), *x.shape)
        u = DRAWS[noise](shape, generator=generator, device=x.device, dtype=x.dtype)
        yield from u.split(max(1, chunk // len(x)))
