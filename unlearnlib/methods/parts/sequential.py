"""Requests that come one after the other."""

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn

from ...data.tensors import Labelled
from ...errors import SpecError
from ...stored.gradient_space import GradientSpace
from .stopping import Stop, stopped


class Iterative(Protocol):
    """A method that goes through the forget set in epochs, within a gradient space."""

    @property
    def stop(self) -> Stop:
        """The stop rule, see `stopping.stopped`."""

    def iterates(
        self, model: nn.Module, forget: Labelled, space: GradientSpace, generator: torch.Generator
    ) -> Iterator[nn.Module]:
        """Yield `model` before the first epoch and after each; `space` is the retain set's."""


@dataclass(frozen=True)
class AfterRequest:
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


def unlearn_in_turn(
    method: Iterative,
    model: nn.Module,
    requests: Iterable[Labelled],
    gradient_space: GradientSpace,
    validation: Labelled,
    generator: torch.Generator,
) -> Iterator[AfterRequest]:
    """Yield what is left after each request; the last one is the first that is exhausted.

    Model and gradient space are carried on, so nothing of the training set is seen again. The stop
    rule watches all that was forgotten so far. A warning tells of requests that were not tried.

    Args:
        method: What forgets each.
        model: The original model.
        requests: What to forget, request by request.
        gradient_space: That of the whole training set.
        validation: What the stop rule watches beside.
        generator: Random numbers of the method.
    """
    gone: Labelled | None = None
    requests = list(requests)
    for s, forget in enumerate(requests, 1):
        gone = forget if gone is None else _joined(gone, forget)
        left = gradient_space.without(model, forget.inputs)  # M_D - M_Df, of what is retained
        iterates = method.iterates(model, forget, left, generator)
        model, exhausted = stopped(iterates, method.stop, gone, validation)
        gradient_space = left.carried_to(model)  # as if made at the unlearned weights
        yield AfterRequest(model, gradient_space, exhausted)
        if exhausted:
            if s < len(requests):
                warnings.warn(EXHAUSTED.format(s=s, count=len(requests)), stacklevel=2)
            return


EXHAUSTED = (
    "Request {s} of {count} is exhausted and those after it were not tried: after all epochs what "
    "was to be forgotten is still predicted more than half a point better than unseen examples, so "
    "the unprotected directions do not suffice. Lower gamma, or allow larger steps or more epochs."
)


def random_parts(data: Labelled, count: int, generator: torch.Generator) -> list[Labelled]:
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


def _joined(one: Labelled, other: Labelled) -> Labelled:
    """Return the examples of both."""
    return Labelled(torch.cat([one.x, other.x]), torch.cat([one.y, other.y]))
