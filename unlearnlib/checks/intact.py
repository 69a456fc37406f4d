"""A model is sent forward and backward, and stays as it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

import torch
from torch import Tensor, nn

from ..cost import off_the_clock
from .kinds import check_network


@contextmanager
def intact(model: nn.Module) -> Iterator[None]:
    """Put back, at the end and after an error, whatever passes through `model` change.

    Its modes, hooks and attributes, lists and mappings among them, the numbers in its tensors, and
    the state of the global random numbers. A copy would be safer still, but a function that was set
    as a layer's `forward`, or as a hook, may reach for the layers of the original.
    """
    check_network(model)
    with off_the_clock():  # what is copied and compared is no part of what `model` is used for
        held = [
            value
            for module in model.modules()
            for value in (vars(module), *vars(module).values())
            if isinstance(value, dict | list | set)
        ]
        contents = [(container, copy(container)) for container in held]
        plain = [t for module in model.modules() for t in vars(module).values()]
        tensors = [*model.parameters(), *model.buffers()]
        tensors += [t for t in plain if isinstance(t, Tensor)]
        numbers = [(t, t.detach().clone()) for t in tensors if not nn.parameter.is_lazy(t)]
    with torch.random.fork_rng(devices={t.device for t in tensors if t.is_cuda}):
        try:
            yield
        finally:
            with off_the_clock():
                for container, content in contents:
                    _refill(container, content)
                for t, before in numbers:
                    if not torch.equal(t, before):
                        t.detach().copy_(before)


def _refill(container: Any, content: Any) -> None:
    """Give a list, a mapping or a set its former content; it stays the same object."""
    container.clear()
    if isinstance(container, list):
        container.extend(content)
    else:
        container.update(content)
