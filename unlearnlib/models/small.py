"""Small networks: a perceptron, the CNN of JiT's entropy experiment, and one that strides."""

from torch import Tensor, nn


class MLP(nn.Module):
    """A perceptron with hidden layers of equal width and a smooth or rectified activation.

    Args:
        shape: Shape of an input, flattened.
        classes: Number of outputs.
        width: Units of each hidden layer.
        depth: Number of hidden layers.
        activation: Class of the activation.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        classes: int,
        *,
        width: int = 64,
        depth: int = 2,
        activation: type[nn.Module] = nn.ReLU,
    ) -> None:
        """Build an untrained network."""
        super().__init__()
        inputs, layers = 1, list[nn.Module]()
        for side in shape:
            inputs *= side
        for _ in range(depth):
            layers += [nn.Linear(inputs, width), activation()]
            inputs = width
        self.layers = nn.Sequential(*layers, nn.Linear(inputs, classes))

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, *shape) to logits (n, classes)."""
        logits: Tensor = self.layers(x.flatten(1))
        return logits


class SimpleCNN(nn.Module):
    """The network of JiT's entropy experiment: two convolutions, no BatchNorm, no dropout.

    conv3-32, pool, conv3-64, pool, fc128, fc; the padding (1) is ours, the notes do not give it.

    Args:
        shape: (channels, height, width) of an input.
        classes: Number of outputs.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        """Build an untrained network."""
        super().__init__()
        channels, height, width = shape
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(64 * (height // 4) * (width // 4), 128), nn.ReLU(),
            nn.Linear(128, classes),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, height, width) to logits (n, classes)."""
        logits: Tensor = self.layers(x)
        return logits


class StridedCNN(nn.Module):
    """Two strided convolutions with BatchNorm and one hidden layer: whole data sets on a CPU.

    conv8-24 of stride 4, conv3-48 of stride 2, fc128, fc. What it saves is resolution; it still
    learns its training set by heart.

    Args:
        shape: (channels, height, width) of an input; the sides multiples of 4.
        classes: Number of outputs.
        batchnorm: Put BatchNorm after both convolutions.
    """

    def __init__(
        self, shape: tuple[int, int, int], classes: int, *, batchnorm: bool = True
    ) -> None:
        """Build an untrained network."""
        super().__init__()
        channels, height, width = shape
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 24, 8, 4, padding=2), *[nn.BatchNorm2d(24)] * batchnorm, nn.ReLU(),
            nn.Conv2d(24, 48, 3, 2, padding=1), *[nn.BatchNorm2d(48)] * batchnorm, nn.ReLU(),
            nn.Flatten(),
            nn.Linear(48 * -(-height // 8) * -(-width // 8), 128), nn.ReLU(),
            nn.Linear(128, classes),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, height, width) to logits (n, classes)."""
        logits: Tensor = self.layers(x)
        return logits
