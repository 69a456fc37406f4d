"""A bar for what takes long: in a terminal alone, so neither on a page nor in a log."""

from collections.abc import Iterable
from typing import Any, TypeVar

from tqdm import tqdm

DELAY = 2.0
"""Seconds that what is shown takes at least."""

T = TypeVar("T")


def shown(steps: Iterable[T], what: str, unit: str, **more: Any) -> Iterable[T]:
    """Return `steps` with a bar that shows how many are done; it goes when they are.

    Args:
        steps: What is gone through.
        what: What is done, such as "training".
        unit: What a step is.
        more: `total`, how many there are, if they do not tell; `initial`, how many are done.
    """
    bar: Iterable[T] = tqdm(
        steps, what, unit=unit, delay=DELAY, leave=False, disable=None, **more
    )  # fmt: skip
    return bar
