"""ResNet-18, with a stem for 32 x 32 images, or with its own.

He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016,
arXiv:1512.03385. With 100 classes and the stem for small images it has 11,220,132 parameters; with
its own stem and 10 classes, as torchvision builds it, 11,181,642.
"""

from torch import Tensor, nn


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut, which is a 1x1 convolution where the shape changes."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        """Build an untrained block."""
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(channels, width, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )
        self.shortcut = nn.Sequential()
        if stride != 1 or channels != width:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, h, w) to (n, width, h / stride, w / stride)."""
        total: Tensor = self.residual(x) + self.shortcut(x)
        return total.relu()


class ResNet18(nn.Module):
    """Four stages of two blocks (64, 128, 256, 512).

    Args:
        shape: (channels, height, width) of an input.
        classes: Number of outputs.
        width: Channels of the first stage; each of the others has twice those of the one before.
        stock: The stem for photographs: a 7x7 convolution of stride 2 and a pooling, which leave a
            sixteenth of the pixels. Else a 3x3 convolution, no pooling.
    """

    def __init__(
        self, shape: tuple[int, int, int], classes: int, *, width: int = 64, stock: bool = False
    ) -> None:
        """Build an untrained network, initialised as torchvision does if it has its stem."""
        super().__init__()
        size, stride = (7, 2) if stock else (3, 1)
        self.stem = nn.Sequential(
            nn.Conv2d(shape[0], width, size, stride, padding=size // 2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            *[nn.MaxPool2d(3, 2, padding=1)] * stock,
        )
        blocks, channels = [], width
        for wide, stride in ((width, 1), (2 * width, 2), (4 * width, 2), (8 * width, 2)):
            blocks += [Block(channels, wide, stride), Block(wide, wide, 1)]
            channels = wide
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(channels, classes)
        for layer in self.modules():
            if stock and isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, height, width) to logits (n, classes)."""
        logits: Tensor = self.head(self.blocks(self.stem(x)).mean((2, 3)))
        return logits
