r"""Sums of powers of per-example gradients, at the price of one forward and one backward pass.

For a loss :math:`\ell_n` of every example, each parameter :math:`\theta_i` gets

.. math:: \sum_n \left| \partial \ell_n / \partial \theta_i \right|^p, \qquad p \in \{1, 2\}

No gradient of a single example is kept. A forward pass notes the input :math:`x_n` of every layer,
a backward pass gives the gradient :math:`\delta_n` of its output, and a rule for the kind of layer
makes the sum from the two, for instance of a linear layer that is used at the positions t

.. math:: \sum_n \Bigl| \sum_t \delta_{nt} x_{nt}^\top \Bigr|^p
    \quad \text{and of one that is used once} \quad
    \left( |\delta|^p \right)^\top |x|^p

Parameters that no rule covers (a layer of another kind, a layer used twice, a shared parameter) are
left to `torch.func`, which is plainly right and slow: :func:`by_func` is public, as a reference.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.func import functional_call, grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import batch_norm, group_norm, layer_norm, pad

Loss = Callable[..., Tensor]
"""Maps the outputs of a batch, and its targets if it has any, to a loss for each example, (n,)."""
Sums = dict[str, Tensor]
Batch = tuple[Tensor, ...]
CACHED = 2**17
"""Numbers that a core's cache holds beside all else: 512 KiB in single precision."""


def sums_of_powers(
    model: nn.Module, data: Batch, loss: Loss, *, p: int, chunk: int
) -> dict[str, Tensor]:
    """Return the sum over all examples for every parameter that requires a gradient, by its name.

    Memory, however large n is: activations of `chunk` examples and their gradients; of one
    convolution at a time their padded inputs, and the unfolded patches and the gradients of as
    many as a processor's cache holds, at least one (on a GPU of all); and `chunk` gradients of
    what no rule covers.

    Args:
        model: A network whose outputs for one example do not depend on the others.
        data: Inputs and, if the loss takes any, targets: tensors of n rows.
        loss: The loss of each example.
        p: The power, 1 or 2.
        chunk: Examples a forward pass.
    """
    names = [name for name, q in model.named_parameters() if q.requires_grad]
    total = {name: torch.zeros_like(model.get_parameter(name)) for name in names}
    left: set[str] = set()  # grows: what one chunk cannot cover is left in all that follow
    for batch in _batches(data, chunk):
        sums = by_rules(model, batch, loss, p=p, skip=left)
        left = set(names) - sums.keys()
        sums |= by_func(model, batch, loss, p=p, names=left) if left else {}
        for name, value in sums.items():
            total[name] += value
    return total


def _batches(data: Batch, chunk: int) -> Iterator[Batch]:
    """Yield one example, then `chunk` at a time.

    In a batch of one no other dimension can be mistaken for that of the examples.
    """
    n = len(data[0])
    yield from zip(*(part[:1].split(1) for part in data), strict=True)
    if n > 1:
        yield from zip(*(part[1:].split(chunk) for part in data), strict=True)


@torch.no_grad()
def by_func(
    model: nn.Module, batch: Batch, loss: Loss, *, p: int, names: Iterable[str] | None = None
) -> Sums:
    """Return the sums of one batch from `torch.func`, for any model: the slow reference."""
    chosen = {k: q.detach() for k, q in model.named_parameters() if q.requires_grad}
    chosen = {k: chosen[k] for k in (chosen if names is None else names)}

    def one(chosen: Sums, *example: Tensor) -> Tensor:
        x, *targets = (part[None] for part in example)
        return loss(functional_call(model, chosen, (x,)), *targets).sum()

    inner = (None, *(0 for _ in batch))
    with sdpa_kernel(SDPBackend.MATH):  # the one that vmap knows
        gradients = vmap(grad(one), in_dims=inner)(chosen, *batch)
    return {name: power(g, p).sum(0) for name, g in gradients.items()}


def by_rules(
    model: nn.Module, batch: Batch, loss: Loss, *, p: int, skip: Iterable[str] = ()
) -> Sums:
    """Return the sums of one batch for the parameters that the rules cover; others are missing."""
    x, *targets = batch
    calls: dict[str, tuple[Tensor, GradientEdge]] = {}
    with torch.enable_grad(), _noting(model, calls), _autocast_afresh(x.device.type):
        total = loss(model(x), *targets).sum()
    uses, skip = _uses(total), set(skip)
    covered: dict[str, dict[str, str]] = {}
    for path, (given, _) in calls.items():
        layer = model.get_submodule(path)
        own = {k: q for k, q in layer.named_parameters(path, recurse=False) if q.requires_grad}
        once = all(uses[id(q)] == 1 for q in own.values())
        if once and len(given) == len(x) and skip.isdisjoint(own):
            covered[path] = {name.rpartition(".")[2]: name for name in own}
    edges = [calls[path][1] for path in covered]
    deltas = torch.autograd.grad(total, edges, allow_unused=True) if edges else ()
    found: Sums = {}
    with torch.no_grad():
        for (path, own_names), delta in zip(covered.items(), deltas, strict=True):
            if delta is not None:  # else another call was the one that counts
                layer = model.get_submodule(path)
                sums = RULES[type(layer)](layer, calls[path][0], delta, p)
                found |= {name: sums[short] for short, name in own_names.items()}
    return found


@contextmanager
def _noting(model: nn.Module, calls: dict[str, tuple[Tensor, GradientEdge]]) -> Iterator[None]:
    """Note, at the first call of a layer that has a rule, its input and its output's gradient edge.

    The gradient edge stays right when a rectifier then overwrites the output in place.
    """

    def note(path: str, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        output = output.clone() if output._is_view() else output  # a view's edge would not last
        if inputs and output.requires_grad:  # handed over by position, and to learn from
            calls.setdefault(path, (inputs[0], get_gradient_edge(output)))
        return output

    handles = [
        layer.register_forward_hook(partial(note, path))
        for path, layer in model.named_modules()
        if type(layer) in RULES
        and any(q.requires_grad for q in layer.parameters(recurse=False))
        and not getattr(layer, "scale_grad_by_freq", False)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _autocast_afresh(device: str) -> torch.autocast:
    """Return autocast as it is, without its cache: a cached copy hides a parameter's second use."""
    on, dtype = torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)
    return torch.autocast(device, dtype, on, cache_enabled=False)


def _uses(loss: Tensor) -> Counter[int]:
    """Count how often each parameter, by its id, enters the graph of `loss`."""
    uses: Counter[int] = Counter()
    stack: list[Any] = [loss.grad_fn] if loss.grad_fn else []
    seen = set(stack)
    while stack:
        for node, _ in stack.pop().next_functions:
            if hasattr(node, "variable"):
                uses[id(node.variable)] += 1
            elif node is not None and node not in seen:
                seen.add(node)
                stack.append(node)
    return uses


def power(t: Tensor, p: int) -> Tensor:
    """Return the absolute value of `t`, or its square."""
    return t.square() if p == 2 else t.abs()


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
        torch.bmm(d.transpose(1, 2), v.reshape(len(d), t, -1).to(d.dtype), out=g)
        if len(d) > 1:
            total += power(g, p).sum(0)
        elif p == 2:
            total.addcmul_(g[0], g[0])
        else:
            total += g[0].abs_()
    return total


def _linear(layer: nn.Linear, x: Tensor, delta: Tensor, p: int) -> Sums:
    """One use of the weights an example factorises; several, at (n, ..., in), are summed first."""
    n, out = len(x), layer.out_features
    if x.dim() == 2:
        weight = power(delta, p).T @ power(x, p)
    else:
        weight = _product(delta.reshape(n, -1, out), x.reshape(n, -1, layer.in_features), p)
    return {"weight": weight, "bias": power(delta.reshape(n, -1, out).sum(1), p).sum(0)}


def _conv2d(layer: nn.Conv2d, x: Tensor, delta: Tensor, p: int) -> Sums:
    """Use the weights of each group once for every patch of the padded input."""
    n, out, height, width = delta.shape
    (kh, kw), (sh, sw), (dh, dw) = layer.kernel_size, layer.stride, layer.dilation
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    padded = pad(x, layer._reversed_padding_repeated_twice, mode)
    padded = padded.permute(0, 2, 3, 1).contiguous()  # channels last: patches are runs of memory
    a, b, c, d = padded.stride()
    shape = (n, height, width, kh, kw, layer.in_channels)
    patches = padded.as_strided(shape, (a, sh * b, sw * c, dh * b, dw * c, d))
    rows = delta.permute(0, 2, 3, 1).reshape(n, height * width, out)
    weight = torch.cat(
        [
            _product(rows_g, patches_g, p)
            for rows_g, patches_g in zip(
                rows.chunk(layer.groups, -1), patches.chunk(layer.groups, -1), strict=True
            )
        ]
    )
    weight = weight.view(out, kh, kw, -1).permute(0, 3, 1, 2)
    return {"weight": weight, "bias": power(rows.sum(1), p).sum(0)}


def _affine(x_hat: Tensor, delta: Tensor, positions: int, p: int) -> Sums:
    """Scale and shift of a normalised input; both sum over the dimension of the positions."""
    weight, bias = (delta * x_hat).sum(positions), delta.sum(positions)
    return {"weight": power(weight, p).sum(0), "bias": power(bias, p).sum(0)}


def _batchnorm(layer: nn.BatchNorm2d, x: Tensor, delta: Tensor, p: int) -> Sums:
    """In eval mode, with the stored statistics."""
    x_hat = batch_norm(x, layer.running_mean, layer.running_var, eps=layer.eps)
    shape = (len(x), layer.num_features, -1)
    return _affine(x_hat.reshape(shape), delta.reshape(shape), 2, p)


def _groupnorm(layer: nn.GroupNorm, x: Tensor, delta: Tensor, p: int) -> Sums:
    x_hat = group_norm(x, layer.num_groups, eps=layer.eps)
    shape = (len(x), layer.num_channels, -1)
    return _affine(x_hat.reshape(shape), delta.reshape(shape), 2, p)


def _layernorm(layer: nn.LayerNorm, x: Tensor, delta: Tensor, p: int) -> Sums:
    x_hat = layer_norm(x, layer.normalized_shape, eps=layer.eps)
    shape = (len(x), -1, *layer.normalized_shape)
    return _affine(x_hat.reshape(shape), delta.reshape(shape), 1, p)


def _embedding(layer: nn.Embedding, x: Tensor, delta: Tensor, p: int) -> Sums:
    """Sum an example's gradients of equal tokens, then the powers of all examples."""
    n, (tokens, width) = len(x), layer.weight.shape
    token, delta = x.reshape(n, -1), delta.reshape(-1, width)
    if layer.padding_idx is not None:
        delta = delta.masked_fill((token == layer.padding_idx).reshape(-1, 1), 0)
    pairs = token + tokens * torch.arange(n, device=x.device)[:, None]
    pairs, place = pairs.flatten().unique(return_inverse=True)
    g = delta.new_zeros(len(pairs), width).index_add_(0, place, delta)
    return {"weight": torch.zeros_like(layer.weight).index_add_(0, pairs % tokens, power(g, p))}


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
