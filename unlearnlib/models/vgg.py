"""VGG: the network of the JiT paper, and its miniature for two cores."""

import torch
from torch import Tensor, nn


def stage(channels: int, width: int, convolutions: int, batchnorm: bool) -> list[nn.Module]:
    """Return 3x3 convolutions with ReLU and a pooling that halves the sides.

    The pooling stands before the last ReLU: the maximum commutes with it, and a quarter is left.
    """
    layers: list[nn.Module] = []
    for i in range(convolutions):
        layers.append(nn.Conv2d(channels if i == 0 else width, width, 3, padding=1))
        layers += [nn.BatchNorm2d(width)] * batchnorm
        layers.append(nn.ReLU())
    return [*layers[:-1], nn.MaxPool2d(2), layers[-1]]


class VGGMini(nn.Module):
    """Three stages of one convolution (16, 32, 64) and two hidden layers of 256 with dropout.

    The light default: the papers' VGG in small, with no BatchNorm unless asked for.

    Args:
        shape: (channels, height, width) of an input; the sides at least 8.
        classes: Number of outputs.
        batchnorm: Put BatchNorm after every convolution.
        dropout: Share of the hidden units that a training step leaves out. With none it learns
            CIFAR-20 and CIFAR-100 by heart in 20 and 24 epochs, some three minutes of one core.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        *,
        batchnorm: bool = False,
        dropout: float = 0.5,
    ) -> None:
        """Build an untrained network."""
        super().__init__()
        channels, height, width = shape
        self.features = nn.Sequential(
            *stage(channels, 16, 1, batchnorm),
            *stage(16, 32, 1, batchnorm),
            *stage(32, 64, 1, batchnorm),
        )
        hidden = 64 * (height // 8) * (width // 8)
        self.classifier = nn.Sequential(
            nn.Linear(hidden, 256), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(256, 256), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(256, classes),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, height, width) to logits (n, classes)."""
        logits: Tensor = self.classifier(self.features(x).flatten(1))
        return logits


class VGG11(nn.Module):
    """What the JiT release calls VGG16: torchvision's `vgg11()` and a linear layer on its output.

    The thousand outputs of `vgg11` feed `Linear(1000, classes)` with no non-linearity between; with
    100 classes it has 132,963,436 parameters. 32 x 32 images reach 512 x 1 x 1 features, which the
    adaptive pooling tiles to 7 x 7. Initialised as torchvision does.

    Args:
        shape: (channels, height, width) of an input; the sides at least 32.
        classes: Number of outputs.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        """Build an untrained network."""
        super().__init__()
        layers: list[nn.Module] = []
        channels = shape[0]
        for width, convolutions in ((64, 1), (128, 1), (256, 2), (512, 2), (512, 2)):
            layers += stage(channels, width, convolutions, batchnorm=False)
            channels = width
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096), nn.ReLU(), nn.Dropout(),
            nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(),
            nn.Linear(4096, 1000),
        )  # fmt: skip
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, 0, 0.01)
            if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
                nn.init.zeros_(layer.bias)
        self.head = nn.Linear(1000, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, height, width) to logits (n, classes)."""
        features = torch.flatten(self.avgpool(self.features(x)), 1)
        logits: Tensor = self.head(self.classifier(features))
        return logits
