"""Training on new labels of the forget set, for Boundary Shrink and Boundary Expand."""

from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import nn
from torch.optim import SGD

from ...data.tensors import Labelled
from ...fields import Checked, Count, NonNegative
from ...losses import mean_loss
from ...training import forward, seeded


@dataclass(frozen=True)
class Boundary(Checked):
    """What Shrink and Expand share: training on new labels of the forget set.

    The defaults are the release's. Its `lr` does nothing to a small model or a few hundred
    examples: try 1e-5 to 1e-2, batches of 8 there.

    Attributes:
        epochs: Passes over the forget set.
        lr: Learning rate of SGD (momentum 0.9).
        batch_size: Forget examples a step.
        train_mode: Train in train mode, which moves the statistics of BatchNorm.
    """

    epochs: Count = 10
    lr: NonNegative = 1e-5
    batch_size: Count = 64
    train_mode: bool = False

    @classmethod
    def as_released(cls, **fields: Any) -> Self:
        """Return the method with every departure of the release."""
        return cls(**({"train_mode": True} | fields))

    def learn(
        self, model: nn.Module, parameters: list[nn.Parameter], data: Labelled,
        generator: torch.Generator,
    ) -> None:  # fmt: skip
        """Take the steps of `parameters` that lower the mean loss of `model` on `data`."""
        sgd = SGD(parameters, self.lr, momentum=0.9)
        model.train(self.train_mode)
        with seeded(generator):
            for _ in range(self.epochs):
                for x, y in data.batches(self.batch_size, generator):
                    sgd.zero_grad()
                    mean_loss(forward(model, x), y).backward()
                    sgd.step()
