"""A network that makes inputs of normal noise, for a method that sees no data: GKT."""

import math

from torch import nn

LATENT = 128
"""Numbers of noise that an input is made of."""


class Maker(nn.Sequential):
    """Layers in a row, of a class of their own: what goes through counts as none of the model."""


def maker_of_inputs(shape: tuple[int, ...]) -> nn.Module:
    """Return an untrained network, (n, LATENT) -> (n, *shape).

    Images grow from a quarter of their sides in two blocks of upsampling, convolution, BatchNorm
    and a leaky ReLU; anything else comes from one hidden layer of 256. BatchNorm ends both, so that
    what is made has about the mean and the spread of normalised data.

    Args:
        shape: Shape of one input.
    """
    if len(shape) != 3:
        d = math.prod(shape)
        return Maker(
            nn.Linear(LATENT, 256), nn.BatchNorm1d(256), nn.LeakyReLU(0.2),
            nn.Linear(256, d), nn.BatchNorm1d(d), nn.Unflatten(1, shape),
        )  # fmt: skip
    channels, *sides = shape
    half, quarter = ([math.ceil(side / part) for side in sides] for part in (2, 4))
    return Maker(
        nn.Linear(LATENT, 128 * math.prod(quarter)), nn.Unflatten(1, (128, *quarter)),
        nn.BatchNorm2d(128),
        nn.Upsample((half[0], half[1])), nn.Conv2d(128, 128, 3, padding=1), nn.BatchNorm2d(128),
        nn.LeakyReLU(0.2),
        nn.Upsample((sides[0], sides[1])), nn.Conv2d(128, 64, 3, padding=1), nn.BatchNorm2d(64),
        nn.LeakyReLU(0.2),
        nn.Conv2d(64, channels, 3, padding=1), nn.BatchNorm2d(channels),
    )  # fmt: skip
