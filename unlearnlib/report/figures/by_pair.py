"""Differences between methods, each with its interval, and a band where they count as none."""

from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..presentation import AGAIN, Presentation, presented
from ..rows import marked, row_dicts
from ..summary import FEWEST
from .by_model import keep_within
from .hover import number, tell
from .style import WIDTH, axes, colour, count


def intervals(pairs: pd.DataFrame, margin: float, *, ax: Axes | None = None) -> Figure:
    """Draw the mean of every paired difference, one row each, with its interval if it has one.

    The name of one that rests on a stale run is marked. What lies between two oracles is drawn
    open: it is the floor of the other differences.

    Args:
        pairs: What `paired` returned of one metric; several may be put together.
        margin: Half the width of the band of equivalence, in a record's unit.
        ax: Where to draw; a new figure if None.
    """
    how = presented(pairs["metric"].iloc[0])
    figure, ax = axes(ax, (WIDTH, 0.7 + 0.3 * len(pairs)))
    ax.axvspan(-margin * how.scale, margin * how.scale, color="#e6e6e6", zorder=0)
    ax.axvline(0, color="black", lw=0.8)
    names = []
    for y, row in enumerate(row_dicts(pairs)):
        ink = colour(row["method"])
        if np.isfinite(row["low"]):
            ax.plot([row["low"] * how.scale, row["high"] * how.scale], [y, y], color=ink, lw=2)
        inside = "white" if row["method"] == AGAIN else ink
        (mark,) = ax.plot(row["mean"] * how.scale, y, "o", color=ink, mfc=inside, clip_on=False)
        name = f"{row['method']} − {row['reference']}, {row['split']}"
        tell(mark, f"{name}: {_says(row, how)}")
        names.append(marked(name, row["stale"]))
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    most = (how.bounds[1] - how.bounds[0]) * how.scale
    keep_within(ax, (-most, most))
    unit = f" ({how.unit})" if how.unit else ""
    ax.set_xlabel(f"Difference of mean {how.label.lower()}{unit}")
    sizes = set(pairs["n"])
    title = "Mean"
    if max(sizes) >= FEWEST:
        title += " and 95 % interval (bootstrap)"
        title += f" from n = {FEWEST} on" if min(sizes) < FEWEST else ""
    title += f", {count(sizes)} pairs"
    band = f"±{margin * how.scale:g} {how.unit}".strip()
    floor = f"; open: {AGAIN}, the floor" if AGAIN in set(pairs["method"]) else ""
    ax.set_title(fill(f"{title}; band: {band}{floor}", 72), fontsize=9)
    return figure


def _says(row: dict[str, Any], how: Presentation) -> str:
    """Return what the mark of a difference says."""
    mean, low, high = (number(how.scale * row[end]) for end in ("mean", "low", "high"))
    told = f"{mean} {how.unit}".rstrip()
    if np.isfinite(row["low"]):
        told += f", 95 % interval {low} to {high}"
    return f"{told}, n = {row['n']} pairs"
