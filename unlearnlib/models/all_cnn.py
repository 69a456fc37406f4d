"""All-CNN, the network of PGU's sub-class removal, and its miniature.

Springenberg, Dosovitskiy, Brox and Riedmiller, "Striving for Simplicity: The All Convolutional
Net", ICLR 2015 workshop, arXiv:1412.6806; with BatchNorm and a linear layer at the end, as in the
release of PGU.
"""

from torch import Tensor, nn


class AllCNN(nn.Module):
    """Seven 3x3 convolutions, two of them with stride 2, one of 1x1, the mean, a linear layer.

    With three channels and 10 classes it has 1,620,010 parameters.

    Args:
        shape: (channels, height, width) of an input; the sides at least 4.
        classes: Number of outputs.
        width: Channels of the first two convolutions; the others have twice as many.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, *, width: int = 96) -> None:
        """Build an untrained network."""
        super().__init__()
        wide, layers, channels = 2 * width, list[nn.Module](), shape[0]
        plan = ((width, 1), (width, 1), (wide, 2), (wide, 1), (wide, 1), (wide, 2), (wide, 1))
        for outputs, stride in plan:
            layers += [
                nn.Conv2d(channels, outputs, 3, stride, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            ]
            channels = outputs
        layers += [nn.Conv2d(wide, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(wide, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, height, width) to logits (n, classes)."""
        logits: Tensor = self.head(self.features(x).mean((2, 3)))
        return logits
