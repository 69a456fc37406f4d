"""How trained models are drawn: a dot each, and from five on their mean with its interval."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ..summary import FEWEST, interval
from .hover import number, tell
from .style import count

_SPREAD = 0.2
_PLACES = 12


def draw_models(
    ax: Axes,
    y: float,
    values: Sequence[float],
    *,
    ink: str,
    marker: str = "o",
    open: bool = False,
    name: str = "",
    unit: str = "",
    seeds: Sequence[object] = (),
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
        name: What a mark says under the pointer before its value, such as the method.
        unit: What it says after it.
        seeds: Those of the models, likewise.

    Returns:
        The mean, NaN where there are too few models for an interval.
    """
    style: dict[str, Any] = {"color": ink, "marker": marker, "clip_on": False}
    style["mfc"] = "white" if open else ink
    places = y + np.linspace(-_SPREAD, _SPREAD, len(values)) if len(values) > 1 else [y]
    few = len(values) < FEWEST
    size: dict[str, Any] = {"ms": 5, "alpha": 0.8} if few else {"ms": 3.5, "alpha": 0.4}
    (dots,) = ax.plot(values, places, ls="", **size, **style)
    unit = f" {unit}" if unit else ""
    who = [_of(name, f"model seed {seed}") for seed in seeds] or [_of(name)] * len(values)
    told = zip(who, values, strict=True)
    tell(dots, *(f"{each}{number(value)}{unit}" for each, value in told))
    if few:
        return math.nan
    mean, low, high = interval(values)
    (bar,) = ax.plot([low, high], [y, y], color=ink, lw=2, clip_on=False)
    (mark,) = ax.plot([mean], [y], ms=8, mew=1.2, **{**style, "mec": ink if open else "white"})
    for artist in (bar, mark):
        tell(artist, _of(name) + _mean(values, unit))
    return mean


def draw_line(
    ax: Axes,
    each: pd.DataFrame,
    *,
    ink: Any,
    style: str = "-",
    label: str | None = None,
    name: str = "",
) -> None:
    """Draw models along an axis: from five on their mean and its 95 % interval as a band.

    Below five each has a thin line of its own. At a dozen places or fewer every model is a dot too.

    Args:
        ax: Where to draw.
        each: One value a (place, model), in the unit of the axis; NaN where a model has none.
        ink: Colour.
        style: Of the line.
        label: For a legend.
        name: What a mark says under the pointer before its value; the label if "".
    """
    many = bool((each.count(axis=1) >= FEWEST).all())
    name, marker = name or label or "", "o" if len(each) <= _PLACES else ""
    thin: dict[str, Any] = {"lw": 0 if many else 1.0, "alpha": 0.35 if many else 0.7}
    lines = ax.plot(each, style, color=ink, marker=marker, ms=3, clip_on=False, **thin)
    for line, (_, values) in zip(lines, each.items(), strict=True):
        tell(line, *(f"{_of(name)}{number(v)} at {number(x)}" for x, v in values.items()))
    if not many:
        lines[0].set_label(label)
    else:
        ends = [values.dropna().to_list() for _, values in each.iterrows()]
        mean, low, high = np.transpose([interval(values) for values in ends])
        thick: dict[str, Any] = {"color": ink, "clip_on": False, "label": label}
        (line,) = ax.plot(each.index, mean, style, marker=marker, ms=4, **thick)
        places = zip(each.index, ends, strict=True)
        tell(line, *(f"{_of(name)}{_mean(values)}, at {number(x)}" for x, values in places))
        ax.fill_between(each.index, low, high, color=ink, alpha=0.15, lw=0)


def _of(*names: str) -> str:
    """Return what a mark says before its value."""
    return f"{', '.join(told)}: " if (told := [name for name in names if name]) else ""


def _mean(values: Sequence[float], unit: str = "") -> str:
    """Return what the mark of a mean says.

    >>> _mean([1.0, 2.0, 3.0, 4.0, 5.0], " %")
    '3 ± 1.58 (SD) %, 95 % interval 1.8 to 4.2, n = 5'
    """
    mean, low, high = map(number, interval(values))
    spread = number(float(np.std(values, ddof=1)))
    return f"{mean} ± {spread} (SD){unit}, 95 % interval {low} to {high}, n = {len(values)}"


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
