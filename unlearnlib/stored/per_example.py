r"""Sums of powers of per-example gradients, at the price of one forward and one backward pass.

For a loss :math:`\ell_n` of every example, each parameter :math:`\theta_i` gets

.. math:: \sum_n \left| \partial \ell_n / \partial \theta_i \right|^p, \qquad p \in \{1, 2\}

No gradient of a single example is kept. A forward pass notes the input :math:`x_n` of every layer,
a backward pass gives the gradient :math:`\delta_n` of its output, and a rule for the kind of layer
makes the sum from the two, see `layer_rules`.

Parameters that no rule covers (a layer of another kind or with hooks, a layer used twice, a shared
parameter) are left to `torch.func`, which is plainly right and slow: :func:`by_func` is public, as
a reference. A model that it cannot send through (a recurrent network, a forward pass that branches
on values, so that a batch need not be its examples) is left to a loop over them, :func:`by_groups`.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.func import functional_call, grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..checks.intact import intact
from ..checks.trial import graph
from ..cost import hooked_by_others, off_the_clock
from ..errors import UnsupportedModelError, first_line
from ..progress import shown
from .layer_rules import RULES, Sums, power, untouched, wide

Loss = Callable[..., Tensor]
"""Maps the outputs of a batch, and its targets if it has any, to a loss for each example, (n,)."""
Batch = tuple[Tensor, ...]


def sums_of_powers(
    model: nn.Module, data: Batch, loss: Loss, *, p: int, chunk: int
) -> dict[str, Tensor]:
    """Return the sum over all examples for every parameter that requires a gradient, by its name.

    Sums over chunks are in double precision where the device has it, see `zeros`.

    Memory, however large n is: activations of `chunk` examples and their gradients; of one
    convolution at a time their padded inputs, and the unfolded patches and the gradients of as
    many as a processor's cache holds, at least one (on a GPU of all); and `chunk` gradients of
    what no rule covers.

    Args:
        model: A network whose outputs for one example do not depend on the others. What a forward
            pass changes in it stays changed, see `intact`.
        data: Inputs and, if the loss takes any, targets: tensors of n rows.
        loss: The loss of each example.
        p: The power, 1 or 2.
        chunk: Examples a forward pass.
    """
    try:
        _try_map(model, data[0][:2])
        return _at_once(model, data, loss, p, chunk)
    except UnsupportedModelError:
        return by_groups(model, data, loss, p=p, group=1, chunk=1)


def _at_once(model: nn.Module, data: Batch, loss: Loss, p: int, chunk: int) -> Sums:
    """Return the sums by the rules as far as they go, the rest by `torch.func`."""
    total = zeros(model)
    left: set[str] = set()  # grows: what one chunk cannot cover is left in all that follow
    count = -(-len(data[0]) // chunk)
    for batch in shown(_batches(data, chunk), "importance", "batch", total=count):
        sums = by_rules(model, batch, loss, p=p, skip=left)
        left = total.keys() - sums.keys()
        sums |= by_func(model, batch, loss, p=p, names=left) if left else {}
        for name, value in sums.items():
            total[name] += value
    return total


def zeros(model: nn.Module) -> Sums:
    """Return a zero for each parameter that requires a gradient, to add many small numbers to.

    In double precision, so that a sum keeps what it is given; an Apple GPU has single at most.
    """
    return {
        name: torch.zeros_like(q, dtype=torch.float32 if q.is_mps else torch.float64)
        for name, q in model.named_parameters()
        if q.requires_grad
    }


def _batches(data: Batch, chunk: int) -> Iterator[Batch]:
    """Yield one example, then `chunk` at a time.

    In a batch of one no other dimension can be mistaken for that of the examples.
    """
    n = len(data[0])
    yield from zip(*(part[:1].split(1) for part in data), strict=True)
    if n > 1:
        yield from zip(*(part[1:].split(chunk) for part in data), strict=True)


@torch.enable_grad()
def by_groups(model: nn.Module, data: Batch, loss: Loss, *, p: int, group: int, chunk: int) -> Sums:
    """Return the sum over groups of the power of the gradient of a group's mean loss.

    Groups of one are the examples, one after the other, by autograd alone.

    Raises:
        UnsupportedModelError: Autograd fails.
    """
    parameters = {name: q for name, q in model.named_parameters() if q.requires_grad}
    total = zeros(model)
    groups = [*zip(*(part.split(group) for part in data), strict=True)]
    for batch in shown(groups, "importance", "group"):
        size, gradients = len(batch[0]), Sums()
        for x, *targets in zip(*(part.split(chunk) for part in batch), strict=True):
            # A chunk's part of the group's mean loss: gradients are linear, the parts add up
            mean = loss(wide(model(x.clone())), *targets).sum() / size
            for name, g in zip(parameters, _gradients(model, mean, parameters), strict=True):
                gradients[name] = gradients[name] + g if name in gradients else g
        for name, g in gradients.items():
            total[name] += power(g, p)
    return total


def _gradients(model: nn.Module, loss: Tensor, parameters: Mapping[str, Tensor]) -> list[Tensor]:
    """Return the gradients of `loss`, zero where it does not depend on a parameter."""
    try:
        gradients = torch.autograd.grad(loss, [*parameters.values()], materialize_grads=True)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        hidden = [name for name, q in parameters.items() if q not in graph(loss)[1]]
        lost = f", not reached: {', '.join(hidden)}" if hidden else ""
        raise UnsupportedModelError(
            f"Autograd cannot differentiate {type(model).__name__} ({first_line(error)}){lost}. "
            "Replace what it names by operations that have a derivative and change nothing in "
            "place that is needed later."
        ) from error
    return [wide(g.to_dense()) for g in gradients]


@torch.no_grad()
def by_func(
    model: nn.Module, batch: Batch, loss: Loss, *, p: int, names: Iterable[str] | None = None
) -> Sums:
    """Return the sums of one batch from `torch.func`, the slow reference; `model` stays as it is.

    Raises:
        UnsupportedModelError: `torch.func` cannot send the model's examples through it.
    """
    learned = {k: q for k, q in model.named_parameters() if q.requires_grad}
    chosen = {k: learned[k].detach() for k in (learned if names is None else names)}

    def outputs(chosen: Sums, x: Tensor) -> Tensor:
        placed = _placed(model, chosen)
        return wide(functional_call(model, placed, (x.clone(),), tie_weights=False))

    def one(chosen: Sums, *example: Tensor) -> Tensor:
        x, *targets = (part[None] for part in example)  # vmap took the batch away
        return loss(outputs(chosen, x), *targets).sum()

    inner = (None, *(0 for _ in batch))
    with intact(model), _mapping(model):
        with torch.enable_grad(), off_the_clock():
            others = {k: q.detach().requires_grad_() for k, q in chosen.items()}
            reached = graph(outputs(others, batch[0][:1]))[1]
        if any(learned[k] in reached for k in chosen):
            raise LookupError("it reaches for parameters past the modules that hold them")
        gradients = vmap(grad(one), in_dims=inner)(chosen, *batch)  # d l_n / d theta, (n, ...)
    return {name: power(wide(g), p).sum(0) for name, g in gradients.items()}


def _placed(model: nn.Module, chosen: Sums) -> Sums:
    """Return values for parameters by each place where a module holds one, a module once.

    `functional_call` would replace those of a module under two names twice, and put them back once.
    """
    names = {q: name for name, q in model.named_parameters()}
    return {
        f"{path}.{short}" if path else short: chosen[names[q]]
        for path, module in model.named_modules()
        for short, q in module.named_parameters(recurse=False)
        if names[q] in chosen
    }


@off_the_clock()
@torch.no_grad()
def _try_map(model: nn.Module, x: Tensor) -> None:
    """Send a few examples through by `torch.func.vmap`, which refuses to branch on their values."""
    with intact(model), _mapping(model):
        vmap(lambda one: model(one[None].clone()))(x)


@contextmanager
def _mapping(model: nn.Module) -> Iterator[None]:
    """Let `vmap` work at its best, and tell what it cannot do."""
    try:
        with sdpa_kernel(SDPBackend.MATH), warnings.catch_warnings():  # the one that vmap knows
            warnings.filterwarnings("ignore", "There is a performance drop")
            yield
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # of whatever kind
        raise UnsupportedModelError(
            f"torch.func.vmap cannot send {type(model).__name__} through: {first_line(error)}"
        ) from error


class _Call(NamedTuple):
    """One call of a layer: its input, which state of it, and where the output's gradient is."""

    given: Tensor
    version: int
    edge: GradientEdge


def by_rules(
    model: nn.Module, batch: Batch, loss: Loss, *, p: int, skip: Iterable[str] = ()
) -> Sums:
    """Return the sums of one batch for the parameters that the rules cover; others are missing."""
    x, *targets = batch
    calls: dict[nn.Module, _Call] = {}
    with torch.enable_grad(), _noting(model, calls), autocast_afresh(x.device.type):
        # Examples do not mix: row n of the gradient of sum_n l_n by an output is delta_n
        total = loss(wide(model(x.clone())), *targets).sum()
    uses, skip = graph(total)[1], set(skip)
    names = {q: name for name, q in model.named_parameters() if q.requires_grad}
    covered: dict[nn.Module, dict[str, str]] = {}
    for layer, (given, version, _) in calls.items():
        own = {short: q for short, q in layer.named_parameters(recurse=False) if q in names}
        # The parameters are used here alone, and the input is still what the layer was given
        once = all(uses[q] == 1 for q in own.values()) and given._version == version
        rows = len(given) if given.dim() else 0
        if once and rows == len(x) and skip.isdisjoint(names[q] for q in own.values()):
            covered[layer] = {short: names[q] for short, q in own.items()}
    # delta of every covered layer, by one backward pass; parameters get no gradient
    edges = [calls[layer].edge for layer in covered]
    deltas = torch.autograd.grad(total, edges, allow_unused=True) if edges else ()
    sums: Sums = {}
    with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
        for (layer, own_names), delta in zip(covered.items(), deltas, strict=True):
            if delta is not None:  # else another call was the one that counts
                of_layer = RULES[type(layer)](layer, wide(calls[layer].given), wide(delta), p)
                sums |= {name: of_layer[short] for short, name in own_names.items()}
    return sums


@contextmanager
def _noting(model: nn.Module, calls: dict[nn.Module, _Call]) -> Iterator[None]:
    """Note, at the first call of a layer that has a rule, its input and its output's gradient edge.

    The gradient edge stays right when a rectifier then overwrites the output in place; an input
    that is overwritten is told by its version.
    """

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        output = output.clone() if output._is_view() else output  # a view's edge would not last
        if inputs and output.requires_grad:  # handed over by position, and to learn from
            call = _Call(inputs[0], inputs[0]._version, get_gradient_edge(output))
            calls.setdefault(layer, call)
        return output

    handles = [
        layer.register_forward_hook(note)
        for layer in (() if hooked_by_others() else model.modules())
        if untouched(layer)
        and any(q.requires_grad for q in layer.parameters(recurse=False))
        and not getattr(layer, "scale_grad_by_freq", False)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def autocast_afresh(device: str) -> torch.autocast:
    """Return autocast as it is, without its cache: a cached copy hides a parameter's second use."""
    on, dtype = torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)
    return torch.autocast(device, dtype, on, cache_enabled=False)
