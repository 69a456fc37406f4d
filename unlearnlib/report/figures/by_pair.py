"""Differences between methods, each with its interval, and a band where they count as none."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..presentation import presented
from ..rows import marked, row_dicts
from .style import WIDTH, axes, colour, count


def intervals(pairs: pd.DataFrame, margin: float, *, ax: Axes | None = None) -> Figure:
    """Draw the mean and the 95 % interval of every paired difference, one row each.

    The name of one that rests on a stale run is marked.

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
        ax.plot(row["mean"] * how.scale, y, "o", color=ink)
        name = f"{row['method']} − {row['reference']}, {row['split']}"
        names.append(marked(name, row["stale"]))
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    unit = f" ({how.unit})" if how.unit else ""
    ax.set_xlabel(f"Difference of mean {how.label.lower()}{unit}")
    title = f"Mean and 95 % interval, {count(set(pairs['n']))} seeds"
    band = f"±{margin * how.scale:g} {how.unit}".strip()
    ax.set_title(f"{title}; band: {band}", fontsize=9)
    return figure
