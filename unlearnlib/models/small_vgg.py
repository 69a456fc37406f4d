"""SmallVGG, the network of PGU's data removal and de-poisoning, and its miniature."""

from torch import Tensor, nn


class SmallVGG(nn.Module):
    """Three 3x3 convolutions, each with ReLU, pooling and BatchNorm, and two linear layers.

    As in the release of PGU: BatchNorm after the pooling, in the last stage before it. With three
    channels of 32 x 32 and 10 classes it has 5,681,674 parameters.

    Args:
        shape: (channels, height, width) of an input; the sides at least 8.
        classes: Number of outputs.
        widths: Channels of the three convolutions.
        hidden: Units of the hidden linear layer.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        *,
        widths: tuple[int, int, int] = (128, 256, 512),
        hidden: int = 512,
    ) -> None:
        """Build an untrained network."""
        super().__init__()
        channels, height, width = shape
        a, b, c = widths
        self.features = nn.Sequential(
            nn.Conv2d(channels, a, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.BatchNorm2d(a),
            nn.Conv2d(a, b, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.BatchNorm2d(b),
            nn.Conv2d(b, c, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(c), nn.MaxPool2d(2),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Linear(c * (height // 8) * (width // 8), hidden), nn.ReLU(),
            nn.BatchNorm1d(hidden), nn.Linear(hidden, classes),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, height, width) to logits (n, classes)."""
        logits: Tensor = self.classifier(self.features(x).flatten(1))
        return logits
