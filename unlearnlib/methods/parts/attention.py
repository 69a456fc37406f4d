"""Where the convolutions of a network look: GKT's student is to look where its teacher does."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from ...training import forward


def with_activations(model: nn.Module, x: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Return the logits of `model`, (n, classes), and what left each convolution on the way."""
    left: list[Tensor] = []
    hooks = [
        layer.register_forward_hook(lambda _, x, a: left.append(a))
        for layer in model.modules()
        if isinstance(layer, nn.Conv2d)
    ]
    try:
        return forward(model, x), left
    finally:
        for hook in hooks:
            hook.remove()


def attention_gap(ours: Sequence[Tensor], theirs: Sequence[Tensor], like: Tensor) -> Tensor:
    r"""Return how far two networks attend to different places, a scalar.

    .. math:: \sum_l \mathop{\mathrm{mean}} \left( \frac{A^l}{\lVert A^l \rVert_2}
        - \frac{B^l}{\lVert B^l \rVert_2} \right)^2, \qquad
        A^l_p = \mathop{\mathrm{mean}}_c (a^l_{cp})^2

    where the mean is over the examples and the places p of layer l, and c are its channels.

    Args:
        ours: What left each layer of the one, (n, channels, height, width) each.
        theirs: What left those of the other.
        like: Its type and device are those of the 0 of networks without such layers.
    """
    pairs = [(_map(a.to(like)), _map(b.to(like))) for a, b in zip(ours, theirs, strict=True)]
    gaps = [(A - B).square().mean() for A, B in pairs]
    return torch.stack(gaps).sum() if gaps else like.new_zeros(())


def _map(a: Tensor) -> Tensor:
    """Return the attention of each example to each place, (n, height * width), of length 1."""
    return normalize(a.square().mean(1).flatten(1))
