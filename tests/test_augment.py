"""Augmentation against the same steps done to one image at a time."""

import math
from types import ModuleType

import pytest
import torch
from torch import Tensor

from unlearnlib.data.augment import augment, transform
from unlearnlib.errors import DataError

from .toys import seeded


@pytest.fixture
def x() -> Tensor:
    """Six images of 3 x 8 x 8 whose channels have different darkest values."""
    noise = torch.rand(6, 3, 8, 8, generator=seeded(0))
    return noise + torch.tensor([-1.0, 0.0, 5.0]).view(3, 1, 1)


def still(n: int) -> tuple[Tensor, Tensor, Tensor]:
    """The draws that change nothing."""
    return torch.zeros(n, 2, dtype=torch.long), torch.zeros(n, dtype=torch.bool), torch.zeros(n)


def one_at_a_time(x: Tensor, shift: Tensor, mirror: Tensor, degrees: Tensor) -> Tensor:
    """Pad and crop, then mirror, then rotate, pixel by pixel."""
    _, channels, height, width = x.shape
    dark = [min(x[:, k].flatten().tolist()) for k in range(channels)]
    out = torch.empty_like(x)
    for i, image in enumerate(x):
        pad = 10
        padded = torch.empty(channels, height + 2 * pad, width + 2 * pad, dtype=x.dtype)
        for k in range(channels):
            padded[k] = dark[k]
        padded[:, pad : pad + height, pad : pad + width] = image
        top, left = (pad + shift[i]).tolist()
        crop = padded[:, top : top + height, left : left + width]
        if mirror[i]:
            crop = crop.flip(-1)
        a = math.radians(degrees[i])
        for v in range(height):
            for u in range(width):
                r, c = v - (height - 1) / 2, u - (width - 1) / 2
                row = round(r * math.cos(a) + c * math.sin(a) + (height - 1) / 2)
                column = round(c * math.cos(a) - r * math.sin(a) + (width - 1) / 2)
                seen = 0 <= row < height and 0 <= column < width
                for k in range(channels):
                    out[i, k, v, u] = crop[k, row, column] if seen else dark[k]
    return out


def test_transform_equals_one_image_at_a_time(x: Tensor) -> None:
    shift = torch.tensor([[0, 0], [2, -3], [-4, 4], [1, 0], [0, 0], [-2, -1]])
    mirror = torch.tensor([False, True, True, False, True, True])
    degrees = torch.tensor([12.0, 0.0, -15.0, 7.5, 100.0, -3.0])
    expected = one_at_a_time(x, shift, mirror, degrees)
    torch.testing.assert_close(transform(x, shift, mirror, degrees), expected, rtol=0, atol=0)


def test_nothing_to_do_is_the_identity(x: Tensor) -> None:
    assert torch.equal(augment(x, seeded(1), crop=0, flip=False, rotate=0), x)


@pytest.mark.parametrize("quarter", [-1, 1, 2])
def test_quarter_turns_equal_rot90(x: Tensor, quarter: int) -> None:
    shift, mirror, degrees = still(len(x))
    turned = transform(x, shift, mirror, degrees + 90 * quarter)
    assert torch.equal(turned, torch.rot90(x, quarter, (2, 3)))


def test_mirror_is_an_involution(x: Tensor) -> None:
    shift, mirror, degrees = still(len(x))
    mirrored = transform(x, shift, ~mirror, degrees)
    assert torch.equal(mirrored, x.flip(-1))
    assert torch.equal(transform(mirrored, shift, ~mirror, degrees), x)


def test_padding_is_the_darkest_value_of_each_channel(x: Tensor) -> None:
    shift, mirror, degrees = still(len(x))
    gone = transform(x, shift + 8, mirror, degrees)
    assert torch.equal(gone, x.amin((0, 2, 3), keepdim=True).expand_as(x))


def test_rotation_equals_torchvision(torchvision: ModuleType) -> None:
    """Nearest neighbour, as `RandomRotation` does by default; its rounding may differ at ties."""
    from torchvision.transforms.functional import rotate

    x = torch.rand(5, 3, 32, 32, generator=seeded(1))
    x[0, :, 0, 0] = 0  # the darkest value is then torchvision's default fill
    shift, mirror, _ = still(5)
    degrees = torch.tensor([-15.0, -4.25, 3.0, 8.5, 14.0])
    expected = torch.stack([rotate(i, d) for i, d in zip(x, degrees.tolist(), strict=True)])
    same = (transform(x, shift, mirror, degrees) == expected).double().mean().item()
    assert same > 0.995


def test_draws_cover_their_ranges_and_differ_between_images() -> None:
    """Every image is one bright pixel: where it lands tells its draws."""
    x = torch.zeros(2000, 1, 9, 9)
    x[:, 0, 4, 4] = 1
    at = augment(x, seeded(1), crop=2, flip=False, rotate=0).flatten(1).argmax(1)
    counts = at.bincount(minlength=81).view(9, 9)
    assert counts[2:7, 2:7].sum() == 2000
    assert counts[2:7, 2:7].min() > 40  # 80 expected at each of the 25 places

    edge = torch.zeros(2000, 1, 9, 9)
    edge[:, 0, 4, 8] = 1
    at = augment(edge, seeded(1), crop=0, flip=True, rotate=0).flatten(1).argmax(1)
    assert set(at.tolist()) == {4 * 9, 4 * 9 + 8}
    assert (at == 4 * 9).double().mean().item() == pytest.approx(0.5, abs=0.05)

    # at distance 16 from the centre, 15 degrees are 4.1 pixels
    wide = torch.zeros(2000, 1, 33, 33)
    wide[:, 0, 16, 32] = 1
    turned = augment(wide, seeded(1), crop=0, flip=False, rotate=15)
    rows = turned.amax((0, 1, 3)).nonzero().flatten()
    assert (rows.min().item(), rows.max().item()) == (12, 20)


def test_generator_decides(x: Tensor) -> None:
    first = augment(x, seeded(1))
    assert torch.equal(first, augment(x, seeded(1)))
    assert not torch.equal(first, augment(x, seeded(2)))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.uint8])
def test_shape_and_dtype_are_kept(x: Tensor, dtype: torch.dtype) -> None:
    given = (50 * x[:, :, :, :6]).to(dtype)
    before = given.clone()
    out = augment(given, seeded(1))
    assert (out.shape, out.dtype) == (given.shape, given.dtype)
    assert torch.equal(given, before)
    assert set(out.unique().tolist()) <= set(given.unique().tolist())


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_the_device(x: Tensor) -> None:
    out = augment(x.cuda(), seeded(1))
    assert out.is_cuda
    torch.testing.assert_close(out.cpu(), augment(x, seeded(1)), rtol=0, atol=0)


@pytest.mark.parametrize("shape", [(6, 8), (6, 3, 8), (6, 3, 4, 4, 4)])
def test_what_are_no_images_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"these are \(6, .*Train them with augment=False"):
        augment(torch.zeros(shape), seeded(1))
