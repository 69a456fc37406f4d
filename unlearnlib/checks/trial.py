"""A model is tried on a few examples: is its output for one of them a function of that one?"""

from collections import Counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from ..cost import off_the_clock
from ..errors import UnsupportedModelError, first_line
from .intact import intact
from .kinds import check_network
from .outputs import logits

FEW = 8


def few(x: Tensor) -> Tensor:
    """Return a few examples from all over `x`, not all equal unless all of `x` are.

    >>> few(torch.arange(50)).tolist()
    [0, 7, 14, 21, 28, 35, 42, 49]
    """
    places = [i * (len(x) - 1) // max(min(FEW, len(x)) - 1, 1) for i in range(min(FEW, len(x)))]
    chosen = x[places]
    if len(x) > FEW and bool((chosen == chosen[0]).all()):
        chosen[-1] = x[int((x != x[0]).flatten(1).any(1).int().argmax())]
    return chosen


@off_the_clock()
@torch.enable_grad()
def differentiable(model: nn.Module, x: Tensor) -> int:
    """Return the number of classes of a model whose examples have gradients of their own.

    Args:
        model: A classifier in the mode that it is used in; it stays as it is.
        x: The examples, of which a few are sent forward (and not counted).

    Raises:
        UnsupportedModelError: It has no parameter to learn, or gradients do not reach it; its
            outputs are not logits, are drawn at random, or depend on the rest of a batch.
    """
    initialised(model)
    for name, q in model.named_parameters():
        if q.is_inference():
            raise UnsupportedModelError(
                f"'{name}' was made in inference mode, which forbids gradients. Make the model "
                "outside torch.inference_mode()."
            )
    learned = {q: name for name, q in model.named_parameters() if q.requires_grad}
    kind = type(model).__name__
    if not learned:
        raise UnsupportedModelError(
            f"No parameter of {kind} requires a gradient, so none has an importance. Unfreeze some "
            "with requires_grad_()."
        )
    _refuse_train_mode(model)
    with intact(model):
        # With gradients, inputs show what a checkpoint hides; a copy may be overwritten in place.
        z = logits(model, few(x).detach().requires_grad_(x.is_floating_point()).clone())
    nodes, leaves = graph(z)
    idle = [name for q, name in learned.items() if q not in leaves]
    if any(node.name() == "CheckpointFunctionBackward" for node in nodes):
        raise UnsupportedModelError(
            f"{kind} checkpoints layers in a way that hides them from the gradient of one example: "
            f"{', '.join(idle)}. Call torch.utils.checkpoint with use_reentrant=False."
        )
    if len(idle) == len(learned) or (
        idle and any(isinstance(q, nn.Parameter) for q in leaves.keys() - {*model.parameters()})
    ):
        raise UnsupportedModelError(
            f"The outputs of {kind} do not depend on {', '.join(idle[:3])}, as gradients tell: its "
            "forward pass runs without them, or a function that was set as a layer's forward or "
            "hook reaches for another model (that of a copy for the original). Write it as a class."
        )
    repeatable(model, x)
    return z.shape[1]


def initialised(model: nn.Module) -> None:
    """Refuse a model with a lazy parameter or buffer, whose shape only a first batch tells."""
    check_network(model)
    for name, t in (*model.named_parameters(), *model.named_buffers()):
        if nn.parameter.is_lazy(t):
            raise UnsupportedModelError(
                f"'{name}' has no shape yet. Send a batch through the model first."
            )


@off_the_clock()
def repeatable(model: nn.Module, x: Tensor) -> None:
    """Refuse a model whose output is not the same again, or not the same alone as in a batch.

    Raises:
        UnsupportedModelError: It is one of those; a few examples tell.
    """
    kind, some = type(model).__name__, few(x)
    with intact(model):
        first, again = (model(some.clone()) for _ in range(2))
        if not isinstance(first, Tensor):
            logits(model, some)  # tells what is wrong
        if _apart(first, again, 1 / 2):
            raise UnsupportedModelError(
                f"{kind} gives the same examples other outputs at each call, so there is no "
                "gradient to speak of: something draws random numbers or remembers in eval mode "
                "(such as F.dropout without training=self.training). Turn it off."
            )
        try:
            alone = [model(one.clone()) for one in some.split(1)]
        except Exception as error:
            raise UnsupportedModelError(
                f"{kind} cannot take one example alone ({first_line(error)}), so that none has a "
                "gradient of its own. Let it use stored statistics instead of those of its batch."
            ) from error
        if any(_apart(one, z, 1 / 3) for one, z in zip(alone, first.split(1), strict=True)):
            raise UnsupportedModelError(
                f"{kind} gives an example other outputs alone than in a batch, so that none has a "
                "gradient of its own: something takes statistics of the batch, or goes by an "
                "example's place in it. Let it use stored statistics."
            )


def _apart(one: Tensor, other: Tensor, root: float) -> bool:
    """Tell whether outputs differ by more than a root of their precision; NaN is told elsewhere."""
    if one.shape != other.shape:
        return True
    limit = torch.finfo(one.dtype).eps ** root if one.is_floating_point() else 0.0
    size = other.detach().abs().max() if other.numel() else 0.0
    return bool(((one - other).abs() > limit * size).any())


def _refuse_train_mode(model: nn.Module) -> None:
    """Name the layer that is why, where it is known beforehand."""
    for name, layer in model.named_modules():
        batch = isinstance(layer, _BatchNorm) and (layer.training or layer.running_mean is None)
        if batch or (isinstance(layer, _DropoutNd) and layer.training and layer.p > 0):
            raise UnsupportedModelError(
                f"Layer '{name}' ({type(layer).__name__}) uses the statistics of its batch or "
                "random numbers, so that one example has no gradient of its own. Call "
                "model.eval() first (BatchNorm must track its statistics)."
            )


def graph(t: Tensor) -> tuple[set[Any], Counter[Tensor]]:
    """Return the nodes of the graph of `t`, and how often each leaf enters it."""
    uses: Counter[Tensor] = Counter()
    stack: list[Any] = [t.grad_fn] if t.grad_fn else []
    seen = set(stack)
    while stack:
        for node, _ in stack.pop().next_functions:
            if hasattr(node, "variable"):
                uses[node.variable] += 1
            elif node is not None and node not in seen:
                seen.add(node)
                stack.append(node)
    return seen, uses
