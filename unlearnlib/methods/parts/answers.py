"""What a model answers: by this some methods choose one of the models that they went through."""

import torch
from torch import Tensor, nn

from ...checks.outputs import logits
from ...data.tensors import Labelled
from ...losses import check_labels, right


@torch.no_grad()
def answers(model: nn.Module, data: Labelled) -> Tensor:
    """Return 1 for every example that `model` gets right, else 0, (n,), see `losses.right`."""

    def of_batch(x: Tensor, y: Tensor) -> Tensor:
        z = logits(model, x)
        check_labels(z, y)
        return right(z, y)

    return torch.cat([of_batch(x, y) for x, y in data.batches(256)])
