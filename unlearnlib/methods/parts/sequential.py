"""Requests that come one after the other, and the rules by which PGU stops."""

import warnings
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import nn

from ...checks.outputs import logits
from ...data.tensors import Labelled
from ...errors import SpecError
from ...metrics import accuracy
from ...stored.gradient_space import GradientSpace

Stop = Literal["gap", "drop"] | None


class Iterative(Protocol):
    """A method that goes through the forget set in epochs, within a gradient space."""

    @property
    def stop(self) -> Stop:
        """The stop rule, see `stopped`."""

    def iterates(
        self, model: nn.Module, forget: Labelled, space: GradientSpace, generator: torch.Generator
    ) -> Iterator[nn.Module]:
        """Yield `model` before the first epoch and after each; `space` is the retain set's."""


@dataclass(frozen=True)
class Step:
    """What one of several requests leaves to the next.

    Attributes:
        model: The unlearned model, in eval mode.
        gradient_space: That of what is still retained, carried over to `model`.
        exhausted: Whether all epochs left the forgotten examples more than half a point more
            accurate than unseen ones: the protected space leaves no room for this request.
    """

    model: nn.Module
    gradient_space: GradientSpace
    exhausted: bool


def in_turn(
    method: Iterative,
    model: nn.Module,
    forgets: Iterable[Labelled],
    gradient_space: GradientSpace,
    validation: Labelled,
    generator: torch.Generator,
) -> Iterator[Step]:
    """Yield a step for each request; the last one is the first that is exhausted.

    Model and gradient space are carried on, so nothing of the training set is seen again. The stop
    rule watches all that was forgotten so far. A warning tells of requests that were not tried.

    Args:
        method: What forgets each.
        model: The original model.
        forgets: What to forget, request by request.
        gradient_space: That of the whole training set.
        validation: What the stop rule watches beside.
        generator: Random numbers of the method.
    """
    gone: Labelled | None = None
    forgets = list(forgets)
    for s, forget in enumerate(forgets, 1):
        gone = forget if gone is None else _joined(gone, forget)
        left = gradient_space.without(model, forget.inputs)
        iterates = method.iterates(model, forget, left, generator)
        model, exhausted = stopped(iterates, method.stop, gone, validation)
        gradient_space = left.carried_to(model)
        yield Step(model, gradient_space, exhausted)
        if exhausted:
            if s < len(forgets):
                warnings.warn(EXHAUSTED.format(s=s, count=len(forgets)), stacklevel=2)
            return


EXHAUSTED = (
    "Request {s} of {count} is exhausted and those after it were not tried: after all epochs what "
    "was to be forgotten is still predicted more than half a point better than unseen examples, so "
    "the unprotected directions do not suffice. Lower gamma, or allow larger steps or more epochs."
)


def parts(data: Labelled, count: int, generator: torch.Generator) -> list[Labelled]:
    """Return `data` in parts, drawn at random; a single one keeps the order of the data.

    Raises:
        SpecError: Examples have several labels, which a reverse cross-entropy is not made for; or
            there are more parts than examples.
    """
    if data.y.is_floating_point():
        raise SpecError(
            "PGU lowers the probability of an example's one label; these have several, whose "
            "probabilities do not sum to one. Use a method on the loss, such as NablaTau."
        )
    if count > len(data):
        raise SpecError(
            f"{len(data)} examples cannot be forgotten in {count} steps. Take as many at most."
        )
    if count == 1:
        return [data]
    order = torch.randperm(len(data), generator=generator, device=generator.device)
    return [data[i] for i in order.to(data.x.device).tensor_split(count)]


def stopped(
    iterates: Iterator[nn.Module], stop: Stop, gone: Labelled, validation: Labelled
) -> tuple[nn.Module, bool]:
    """Return the model that a stop rule chooses, and whether the gap stayed open to the end.

    `gap` ends when `gone` is predicted no better than `validation`, and chooses the closer of the
    last two. `drop` ends when the accuracy on validation examples of classes that `gone` has not
    (of all, if it has all) has fallen by more than five points. None chooses the last.

    Raises:
        SpecError: The rule needs validation data, and there are none.
    """
    if stop and not len(validation):
        raise SpecError(
            f"The stop rule '{stop}' watches validation data, of which there are none. Hold out a "
            "share of the training set (`validation` of the scenario), or set stop=None."
        )
    if stop == "drop":
        spared = ~torch.isin(validation.y, gone.y)
        validation = validation[spared] if spared.any() else validation
    model, first, gap, before = nn.Module(), None, float("-inf"), None
    for model in iterates:
        seen = _accuracy(model, validation) if stop else 0.0
        first = seen if first is None else first
        if stop == "drop" and seen < first - 0.05:
            break
        if stop == "gap":
            last, gap = gap, seen - _accuracy(model, gone)
            if gap > 0:
                return (before if before is not None and gap >= -last else model), False
            before = deepcopy(model)
    return model, stop == "gap" and gap < -0.005


@torch.no_grad()
def _accuracy(model: nn.Module, data: Labelled) -> float:
    """Return the accuracy of `model`, a fraction."""
    return accuracy(torch.cat([logits(model, x) for x in data.x.split(1000)]), data.y)


def _joined(one: Labelled, other: Labelled) -> Labelled:
    """Return the examples of both."""
    return Labelled(torch.cat([one.x, other.x]), torch.cat([one.y, other.y]))
