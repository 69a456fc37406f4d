"""Random crop, flip and rotation of image batches, as tensor code on their own device."""

import math

import torch
from torch import Tensor

from ..errors import DataError


def augment(
    x: Tensor,
    generator: torch.Generator,
    *,
    crop: int = 4,
    flip: bool = True,
    rotate: float = 15.0,
) -> Tensor:
    """Return a randomly shifted, mirrored and rotated copy of each image.

    Every image has its own draws, uniform in their ranges. The defaults are the augmentation that
    the released code of JiT trains with: torchvision's `RandomCrop(32, padding=4)`,
    `RandomHorizontalFlip()` and `RandomRotation(15)`.

    Args:
        x: Images, (n, channels, height, width).
        generator: Source of all randomness; its device may differ from that of `x`.
        crop: Largest shift, in pixels: a crop of the same size after this much padding.
        flip: Whether to mirror left and right with probability 1/2.
        rotate: Largest angle, in degrees, to either side.

    Raises:
        DataError: These are no images.
    """
    if x.dim() != 4:
        raise DataError(
            "Crops, flips and rotations are of images, (n, channels, height, width); these are "
            f"{tuple(x.shape)}. Train them with augment=False."
        )
    n, device = len(x), generator.device
    shift = torch.randint(-crop, crop + 1, (n, 2), generator=generator, device=device)
    mirror = torch.rand(n, generator=generator, device=device) < 0.5 * flip
    degrees = rotate * (2 * torch.rand(n, generator=generator, device=device) - 1)
    return transform(x, *(draw.to(x.device) for draw in (shift, mirror, degrees)))


def transform(x: Tensor, shift: Tensor, mirror: Tensor, degrees: Tensor) -> Tensor:
    r"""Crop, then mirror, then rotate each image, in one gather.

    An output pixel at offset (r, c) from the centre shows the pixel nearest to

    .. math:: (r \cos a + c \sin a, \; c \cos a - r \sin a)

    of the mirrored crop. What lies outside the crop or outside the image takes each channel's
    darkest value in the batch, which is black also after normalisation. Pixel values are never
    mixed.

    Args:
        x: Images, (n, channels, height, width).
        shift: Rows and columns by which the crop's corner lies inside the image, (n, 2) integers;
            negative where it lies in the padding.
        mirror: Whether to mirror left and right, (n,) bool.
        degrees: Angle a of the counter-clockwise rotation, (n,).
    """
    n, channels, height, width = x.shape
    angle = (degrees * (math.pi / 180)).view(n, 1, 1)
    r = torch.arange(height, device=x.device).view(-1, 1) - (height - 1) / 2
    c = torch.arange(width, device=x.device) - (width - 1) / 2
    row = (r * angle.cos() + c * angle.sin() + (height - 1) / 2).round().long()  # (n, h, w)
    column = (c * angle.cos() - r * angle.sin() + (width - 1) / 2).round().long()
    inside = _within(row, height) & _within(column, width)

    column = torch.where(mirror.view(n, 1, 1), width - 1 - column, column)
    row, column = row + shift[:, 0].view(n, 1, 1), column + shift[:, 1].view(n, 1, 1)
    inside &= _within(row, height) & _within(column, width)

    pixel = torch.where(inside, row * width + column, 0).view(n, 1, -1)
    moved = x.flatten(2).gather(2, pixel.expand(-1, channels, -1)).view_as(x)
    return torch.where(inside[:, None], moved, x.amin((0, 2, 3), keepdim=True))


def _within(index: Tensor, size: int) -> Tensor:
    """Return whether an index addresses one of `size` pixels."""
    return (index >= 0) & (index < size)
