"""Local Lipschitz ratio: how fast the outputs change around an input."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import DataError, SpecError
from ..metrics.shapes import known, told


@torch.no_grad()
def local_ratio(
    f: Callable[[Tensor], Tensor],
    x: Float[Tensor, "n ..."],
    radius: float,
    generator: torch.Generator,
    draws: int = 8,
) -> Float[Tensor, " n"]:
    r"""Return the mean ratio of output to input distance on a sphere around every input.

    .. math:: \frac1m \sum_{j=1}^m \frac{\lVert f(x) - f(x + \delta_j) \rVert_2}{r},
        \qquad \delta_j \text{ uniform on } \lVert \delta \rVert_2 = r

    This is the quantity that JiT lowers, with the length of the noise held fixed.

    Args:
        f: Maps inputs (n, ...) to outputs (n, classes).
        x: Inputs, (n, ...).
        radius: Distance :math:`r`, in units of the normalised input.
        generator: Directions; on the device of `x`.
        draws: Directions :math:`m` an input.

    Returns:
        One mean ratio an input, (n,); NaN where an output is not finite.

    Raises:
        SpecError: The radius is too small for the type of the inputs.
    """
    check_sphere(radius, draws)
    z = f(x)
    told(z)
    if len(z) != len(x):
        raise DataError(f"f returns {len(z)} outputs for {len(x)} inputs; it must give one each.")
    total = torch.zeros(len(x), dtype=z.dtype, device=z.device)
    for _ in range(draws):
        near = neighbour(x, radius, generator)
        total += (z - f(near)).flatten(1).norm(dim=1) / radius
    return known(total / draws, total[:, None])


def check_sphere(radius: float, draws: int) -> None:
    """Refuse a sphere without extent, or no directions on it.

    Raises:
        SpecError: `radius` is not above 0 and finite, or `draws` is less than 1.
    """
    if not (0 < radius < float("inf") and draws >= 1):
        raise SpecError(
            f"Neighbours at radius {radius} in {draws} directions are none: the radius must be "
            "above 0 and finite, and the directions one or more."
        )


def neighbour(
    x: Float[Tensor, "n ..."], radius: float, generator: torch.Generator
) -> Float[Tensor, "n ..."]:
    """Return a neighbour of every input, (n, ...), at `radius` in a direction drawn at random.

    Raises:
        SpecError: Rounding moves one of them by another distance.
    """
    delta = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
    # A normal draw has no direction that it prefers: scaled, it is uniform on the sphere
    delta *= radius / delta.flatten(1).norm(dim=1).view(-1, *[1] * (x.dim() - 1))
    near = x + delta
    # x + delta is rounded: what was added is not delta
    moved = (near - x).flatten(1).double().norm(dim=1)
    if ((moved - radius).abs() > 0.01 * radius).any():
        raise SpecError(
            f"The radius {radius:g} is too small for inputs in {x.dtype}: beside them it is "
            "rounded to another distance. Take a larger radius, or inputs and a model in float64."
        )
    return near
