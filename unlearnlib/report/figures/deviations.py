"""Heat maps of differences around zero, side by side, with the cells that a rule chooses."""

from collections.abc import Mapping
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..presentation import bare
from ..rows import outdated
from .hover import tell
from .style import WIDTH, count

_LIMIT = 10.0
_WIDE = 6


def deviations(
    grids: Mapping[str, pd.DataFrame], slope: float, *, x: str, y: str, title: str
) -> Figure:
    """Draw differences in points, from -10 to 10 by colour, one panel a grid.

    Grids of up to six columns show their numbers too.

    Args:
        grids: Shares (fractions, shown in per cent) by weights, by the title of their panel.
        slope: Of the rule that takes `slope` times the share as weight; drawn as a band, and as a
            frame where that is one of the weights.
        x: Name of the columns, the weights.
        y: Name of the rows, with their unit, per cent.
        title: Above all.
    """
    figure, panels = plt.subplots(1, len(grids), figsize=(WIDTH, 2.9), squeeze=False)
    for ax, (name, grid) in zip(panels[0], grids.items(), strict=True):
        _map(ax, grid, slope)
        ax.set(xlabel=x, title=name)
        _cell_by_cell(ax, grid, slope)
    panels[0][0].set_ylabel(y)
    figure.suptitle(title, fontsize=9)
    return figure


def seeds_of(runs: pd.DataFrame, method: str) -> str:
    """Return how many trained models each setting of `method` has, "n = 2" or "n = 1 to 3".

    If some of all `runs` are stale, it says how many.
    """
    ours = runs[runs["method"] == method]
    models = count(set(ours.groupby(["request", "params"])["seed_model"].nunique()))
    return "; ".join(filter(None, [models, outdated(runs)]))


def _map(ax: Axes, grid: pd.DataFrame, slope: float) -> None:
    """Draw the colours, the band of the rule, and the names of rows and columns."""
    n, m = grid.shape
    cells = ax.pcolormesh(range(m), range(n), grid, cmap="PuOr", vmin=-_LIMIT, vmax=_LIMIT)
    ax.invert_yaxis()
    places = zip(product(grid.index, grid.columns), grid.to_numpy().flat, strict=True)
    tell(cells, *(
        f"{100 * share:g} %, {weight:.2g}: "
        + ("no number" if np.isnan(value) else f"{bare(value):+z.1f} points")
        for (share, weight), value in places
    ))  # fmt: skip
    band = np.interp(np.round(slope * grid.index, 4), grid.columns, range(m), right=np.nan)
    ax.plot(band, range(n), color="black", lw=7, alpha=0.25)
    size = 9 if m <= _WIDE else 6
    ax.set_xticks(range(m), [f"{column:.2g}" for column in grid.columns], fontsize=size)
    ax.set_yticks(range(n), [f"{100 * share:g}" for share in grid.index], fontsize=size)


def _cell_by_cell(ax: Axes, grid: pd.DataFrame, slope: float) -> None:
    """Write numbers where there is room for them, and frame the cells of the rule."""
    apart = np.abs(np.subtract.outer(slope * grid.index.to_numpy(), grid.columns.to_numpy()))
    for (i, j), value in np.ndenumerate(grid):
        if grid.shape[1] <= _WIDE and not np.isnan(value):
            ink = "white" if abs(value) > 0.7 * _LIMIT else "black"
            ax.text(j, i, f"{bare(value):+z.1f}", ha="center", va="center", fontsize=8, color=ink)
        if apart[i, j] < 0.001:
            ax.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, lw=2))
    ax.grid(visible=False)
