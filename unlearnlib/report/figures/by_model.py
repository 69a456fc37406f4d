"""How trained models are drawn: a dot each, and from five on their mean with its interval."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes

from ..summary import FEWEST, interval
from .style import count

_SPREAD = 0.2


def draw_models(
    ax: Axes, y: float, values: Sequence[float], *, ink: str, marker: str = "o", open: bool = False
) -> float:
    """Draw one value a model along a row, and from five models on mean and 95 % interval.

    The dots stand one below the other in the order of `values`, so that models with the same
    number can be told apart and every row of a figure has a model at the same height.

    Args:
        ax: Where to draw; its rows are one apart.
        y: Place of the row.
        values: One a model, in the unit of the axis, all of them finite.
        ink: Colour.
        marker: Shape of the dots.
        open: Whether they are open; that is how a second oracle is drawn.

    Returns:
        The mean, NaN where there are too few models for an interval.
    """
    style: dict[str, Any] = {"color": ink, "marker": marker, "clip_on": False}
    style["mfc"] = "white" if open else ink
    places = y + np.linspace(-_SPREAD, _SPREAD, len(values)) if len(values) > 1 else [y]
    few = len(values) < FEWEST
    ax.plot(values, places, ls="", ms=5 if few else 3.5, alpha=0.8 if few else 0.4, **style)
    if few:
        return math.nan
    mean, low, high = interval(values)
    ax.plot([low, high], [y, y], color=ink, lw=2, clip_on=False)
    ax.plot([mean], [y], ms=8, mew=1.2, **{**style, "mec": ink if open else "white"})
    return mean


def how_drawn(sizes: set[int]) -> str:
    """Return, for a title, what dots and intervals are, with n.

    >>> how_drawn({3})
    'A dot a model, too few for an interval, n = 3'
    >>> how_drawn({5, 10})
    'A dot a model, mean and 95 % interval (bootstrap), n = 5 to 10'
    """
    if max(sizes) < FEWEST:
        means = "too few for an interval"
    else:
        means = "mean and 95 % interval (bootstrap)"
        means += f" from n = {FEWEST} on" if min(sizes) < FEWEST else ""
    return f"A dot a model, {means}, {count(sizes)}"


def keep_within(ax: Axes, bounds: tuple[float, float], axis: Literal["x", "y"] = "x") -> None:
    """Cut an axis at `bounds`, in its unit: a share below 0 or above 100 % is none."""
    low, high = ax.get_xlim() if axis == "x" else ax.get_ylim()
    ends = max(low, bounds[0]), min(high, bounds[1])
    ax.set_xlim(ends) if axis == "x" else ax.set_ylim(ends)
