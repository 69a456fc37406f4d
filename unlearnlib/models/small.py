"""Small networks: a multi-layer perceptron, and the CNN of JiT's entropy experiment."""

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
