"""The network of airbench in small: it learns CIFAR-10 by heart in ten minutes on one core.

Keller Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", arXiv:2404.00498.
"""

from torch import Tensor, nn


class AirbenchMini(nn.Module):
    """A 2x2 convolution, three stages of two 3x3 convolutions, the maximum over what is left.

    From airbench are the 2x2 convolution without padding in front, the pooling right after the
    first convolution of a stage, GELU, and the maximum in place of a mean. Left out are the
    whitening of the 2x2 convolution, the frozen scale of BatchNorm, the identity as initial
    convolution and the factor on the logits. With three channels of 32 x 32, 10 classes and
    BatchNorm it has 146,754 parameters.

    Args:
        shape: (channels, height, width) of an input; the sides at least 9.
        classes: Number of outputs.
        widths: Channels of the three stages.
        batchnorm: Put BatchNorm after every convolution of the stages. Without it they have a bias,
            and all convolutions start with the variance that keeps that of rectified outputs.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        *,
        widths: tuple[int, int, int] = (32, 64, 64),
        batchnorm: bool = True,
    ) -> None:
        """Build an untrained network."""
        super().__init__()
        channels = 24
        layers: list[nn.Module] = [nn.Conv2d(shape[0], channels, 2), nn.GELU()]
        for width in widths:
            for inputs, pooling in ((channels, [nn.MaxPool2d(2)]), (width, [])):
                layers += [nn.Conv2d(inputs, width, 3, padding=1, bias=not batchnorm), *pooling]
                layers += [nn.BatchNorm2d(width)] * batchnorm + [nn.GELU()]
            channels = width
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(channels, classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d) and not batchnorm:
                nn.init.kaiming_normal_(layer.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, height, width) to logits (n, classes)."""
        logits: Tensor = self.head(self.features(x).amax((2, 3)))
        return logits
