r"""Rules that make sums of powers of per-example gradients from what enters and leaves a layer.

From the input :math:`x_n` of a layer and the gradient :math:`\delta_n` of its output, for instance
of a linear layer that is used at the positions t

.. math:: \sum_n \Bigl| \sum_t \delta_{nt} x_{nt}^\top \Bigr|^p
    \quad \text{and of one that is used once} \quad
    \left( |\delta|^p \right)^\top |x|^p

A rule knows what torch's own class computes, so it is for an `untouched` layer only.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, group_norm, layer_norm, pad
from torch.nn.modules.utils import _pair

Sums = dict[str, Tensor]
CACHED = 2**17
"""Numbers that a core's cache holds beside all else: 512 KiB in single precision."""


def untouched(layer: nn.Module) -> bool:
    """Tell whether `layer` computes what its class does from nothing but its own parameters.

    No hook, no method replaced on the instance or the class, no parameter gone (`weight_norm`),
    renamed (`prune`) or added.
    """
    kind = type(layer)
    hooks = (
        layer._forward_pre_hooks,
        layer._forward_hooks,
        layer._backward_pre_hooks,
        layer._backward_hooks,
    )
    return (
        kind in RULES
        and as_its_class(layer, kind)
        and not any(hooks)
        and layer._parameters.keys() == _PARAMETERS.get(kind, {"weight", "bias"})
    )


def as_its_class(layer: nn.Module, kind: type[nn.Module]) -> bool:
    """Tell whether the forward pass of `layer` is that of torch's class `kind`."""
    shadowed = any(callable(getattr(type(layer), name, None)) for name in vars(layer))
    known = _METHODS[kind].items()
    return not shadowed and all(getattr(type(layer), name) is method for name, method in known)


def power(t: Tensor, p: int) -> Tensor:
    """Return the absolute value of `t`, or its square."""
    return t.square() if p == 2 else t.abs()


def wide(t: Tensor) -> Tensor:
    """Return `t` in single precision if it is in half, for sums of many examples."""
    return t.float() if t.dtype in (torch.float16, torch.bfloat16) else t


def padded(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """Return what the patches of a convolution are taken from."""
    if layer.padding_mode != "zeros":
        return pad(x, layer._reversed_padding_repeated_twice, layer.padding_mode)
    if isinstance(layer.padding, str):
        return pad(x, layer._reversed_padding_repeated_twice)
    vertical, horizontal = _pair(layer.padding)
    return pad(x, (horizontal, horizontal, vertical, vertical))


def _product(delta: Tensor, x: Tensor, p: int) -> Tensor:
    """Return the sum over n of |delta_n^T x_n|^p for (n, t, out) and (n, *t, *in): (out, in).

    On a CPU as few examples at a time as keep patches and products in the processor's cache; on a
    GPU all at once. `x` may be a view that repeats its entries: it is copied piecemeal, in the type
    of `delta`, which under autocast may be another.
    """
    n, t, out = delta.shape
    total = delta.new_zeros(out, x[0].numel() // t)
    size = n if delta.is_cuda else max(1, min(n, CACHED // (total.numel() + x[0].numel())))
    buffer = total.new_empty(size, *total.shape)
    for d, v in zip(delta.split(size), x.split(size), strict=True):
        g = buffer[: len(d)]
        # g_n = sum_t delta_nt x_nt^T, the gradient of the weight for example n
        torch.bmm(d.transpose(1, 2), v.reshape(len(d), t, -1).to(d.dtype), out=g)
        if len(d) > 1:
            total += power(g, p).sum(0)
        elif p == 2:  # of a single example, without another array of the weight's size
            total.addcmul_(g[0], g[0])
        else:
            total += g[0].abs_()
    return total


def _linear(layer: nn.Linear, x: Tensor, delta: Tensor, p: int) -> Sums:
    """One use of the weights an example factorises; several, at (n, ..., in), are summed first."""
    n, (out, width) = len(x), layer.weight.shape
    if x.dim() == 2:
        # g_n = delta_n x_n^T has rank one, so |g_n|^p = |delta_n|^p (|x_n|^p)^T: no g_n is made
        weight = power(delta, p).T @ power(x, p)
    else:
        weight = _product(delta.reshape(n, -1, out), x.reshape(n, -1, width), p)
    # The bias is added at every position: its g_n is sum_t delta_nt
    return {"weight": weight, "bias": power(delta.reshape(n, -1, out).sum(1), p).sum(0)}


def _conv2d(layer: nn.Conv2d, x: Tensor, delta: Tensor, p: int) -> Sums:
    """Use the weights of each group once for every patch of the padded input."""
    if x.dim() == 3:  # one image without a dimension for the examples
        x, delta = x[None], delta[None]
    n, out, height, width = delta.shape
    (kh, kw), (sh, sw), (dh, dw) = (
        layer.weight.shape[2:],
        *map(_pair, (layer.stride, layer.dilation)),
    )
    whole = padded(layer, x).permute(0, 2, 3, 1).contiguous()  # patches are then runs of memory
    a, b, c, d = whole.stride()
    # x_nt is the patch below output position t: a view, in which pixels repeat
    shape = (n, height, width, kh, kw, x.shape[1])
    patches = whole.as_strided(shape, (a, sh * b, sw * c, dh * b, dw * c, d))
    rows = delta.permute(0, 2, 3, 1).reshape(n, height * width, out)  # delta_nt
    weight = torch.cat(
        [  # outputs of a group see the inputs of that group alone
            _product(rows_g, patches_g, p)
            for rows_g, patches_g in zip(
                rows.chunk(layer.groups, -1), patches.chunk(layer.groups, -1), strict=True
            )
        ]
    )
    # From (kernel row, kernel column, channel), as patches are, to the order of the weight
    weight = weight.view(out, kh, kw, -1).permute(0, 3, 1, 2)
    return {"weight": weight, "bias": power(rows.sum(1), p).sum(0)}


def _affine(x_hat: Tensor, delta: Tensor, positions: int, p: int) -> Sums:
    """Scale and shift of a normalised input; both sum over the dimension of the positions."""
    # y_t = w x_hat_t + b, so g_n is sum_t delta_nt x_hat_nt for w, and sum_t delta_nt for b
    weight, bias = (delta * x_hat).sum(positions), delta.sum(positions)
    return {"weight": power(weight, p).sum(0), "bias": power(bias, p).sum(0)}


def _batchnorm(layer: nn.BatchNorm2d, x: Tensor, delta: Tensor, p: int) -> Sums:
    """In eval mode, with the stored statistics."""
    mean, variance = (
        t if t is None else t.to(x.dtype) for t in (layer.running_mean, layer.running_var)
    )
    x_hat = batch_norm(x, mean, variance, eps=layer.eps)
    shape = (*x.shape[:2], -1)
    return _affine(x_hat.reshape(shape), delta.reshape(shape), 2, p)


def _groupnorm(layer: nn.GroupNorm, x: Tensor, delta: Tensor, p: int) -> Sums:
    x_hat = group_norm(x, layer.num_groups, eps=layer.eps)
    shape = (*x.shape[:2], -1)
    return _affine(x_hat.reshape(shape), delta.reshape(shape), 2, p)


def _layernorm(layer: nn.LayerNorm, x: Tensor, delta: Tensor, p: int) -> Sums:
    x_hat = layer_norm(x, layer.normalized_shape, eps=layer.eps)
    shape = (len(x), -1, *layer.normalized_shape)
    return _affine(x_hat.reshape(shape), delta.reshape(shape), 1, p)


def _embedding(layer: nn.Embedding, x: Tensor, delta: Tensor, p: int) -> Sums:
    """Sum an example's gradients of equal tokens, then the powers of all examples."""
    n, (tokens, width) = len(x), layer.weight.shape
    token, delta = x.reshape(n, -1), delta.reshape(-1, width)
    if layer.padding_idx is not None:  # its row is never learned
        delta = delta.masked_fill((token == layer.padding_idx).reshape(-1, 1), 0)
    # A number for each pair of an example and a token v that it has: v + tokens * n
    pairs = token + tokens * torch.arange(n, device=x.device)[:, None]
    pairs, place = pairs.flatten().unique(return_inverse=True)
    # g_nv = sum of delta_nt over the positions t where example n has v; then sum_n |g_nv|^p
    g = delta.new_zeros(len(pairs), width).index_add_(0, place, delta)
    return {"weight": delta.new_zeros(tokens, width).index_add_(0, pairs % tokens, power(g, p))}


RULES: dict[type[nn.Module], Callable[[Any, Tensor, Tensor, int], Sums]] = {
    nn.Linear: _linear,
    nn.Conv2d: _conv2d,
    nn.BatchNorm1d: _batchnorm,
    nn.BatchNorm2d: _batchnorm,
    nn.GroupNorm: _groupnorm,
    nn.LayerNorm: _layernorm,
    nn.Embedding: _embedding,
}
"""(layer, input, gradient of the output, p) -> sums by the layer's own parameter names."""

_PARAMETERS: dict[type[nn.Module], set[str]] = {nn.Embedding: {"weight"}}
_METHODS = {
    kind: {
        name: getattr(kind, name) for name in ("forward", "_conv_forward") if hasattr(kind, name)
    }
    for kind in RULES
}
