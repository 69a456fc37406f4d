"""Until when work may go on: inside `until`, trainings stop and waits end at that time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf

_END: ContextVar[float] = ContextVar("end", default=inf)


@contextmanager
def until(end: float) -> Iterator[None]:
    """Let trainings and waits inside stop when `time.monotonic()` reaches `end`."""
    token = _END.set(end)
    try:
        yield
    finally:
        _END.reset(token)


def left() -> float:
    """Return the seconds that are left: infinite outside of `until`, never below zero.

    >>> left()
    inf
    >>> with until(0.0):
    ...     left()
    0.0
    """
    return max(0.0, _END.get() - time.monotonic())
