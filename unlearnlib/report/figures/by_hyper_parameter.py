"""Charts of a measurement over the hyper-parameters of a method: a grid of two, or one dial."""

import math
from itertools import product
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...errors import RecordError
from ...runs.records import hyper_parameters
from ..presentation import bare, label, presented
from ..rows import once, one_setting, other_than, pick
from ..summary import PAIR
from .by_model import draw_line, how_drawn, keep_within
from .hover import number, tell
from .style import PARAMETERS, SYMBOLS, WIDTH, axes, colour, count, doubts, name_lines


def heatmap(
    table: pd.DataFrame,
    metric: str,
    split: str,
    *,
    method: str = "JiT",
    x: str = "lr",
    y: str = "sigma",
    ax: Axes | None = None,
) -> Figure:
    """Draw the mean of one measurement over a grid of two hyper-parameters, each value printed.

    Args:
        table: Records of one data set, model and request.
        metric: Name of the metric.
        split: Name of the split, "" for none.
        method: The method whose hyper-parameters are swept.
        x: Hyper-parameter of the columns.
        y: Hyper-parameter of the rows.
        ax: Where to draw; a new figure if None.
    """
    rows = once(pick(table[table["method"] == method], metric, split))
    values = _swept(rows, [x, y])
    how = presented(metric)
    cells = values.groupby([y, x])["value"]
    grid = cells.mean().unstack() * how.scale
    figure, ax = axes(ax, (WIDTH, 1.2 + 0.42 * len(grid)))
    means = grid.to_numpy(dtype=float)
    ends = [how.scale * end if math.isfinite(end) else None for end in how.bounds]
    whole = ends if None not in ends else [None, None]
    picture = ax.pcolormesh(means, cmap="cividis", vmin=whole[0], vmax=whole[1])
    figure.colorbar(picture, ax=ax, label=how.unit)
    places = zip(product(grid.index, grid.columns), means.flat, strict=True)
    ns = cells.count().unstack().to_numpy().flat
    tell(picture, *(
        f"{SYMBOLS.get(y, y)} = {row:g}, {SYMBOLS.get(x, x)} = {column:g}: "
        + ("no number" if np.isnan(mean) else f"{number(mean)} {how.unit}, n = {n:.0f}")
        for ((row, column), mean), n in zip(places, ns, strict=True)
    ))  # fmt: skip
    low, high = picture.get_clim()
    for i, j in np.ndindex(*means.shape):
        value = means[i, j]
        ink = "black" if value > (low + high) / 2 else "white"
        text = "" if np.isnan(value) else f"{bare(float(value)):.{how.decimals}f}"
        ax.text(j + 0.5, i + 0.5, text, ha="center", va="center", fontsize=9, color=ink)
    ax.set_xticks(np.arange(means.shape[1]) + 0.5, [f"{value:g}" for value in grid.columns])
    ax.set_yticks(np.arange(means.shape[0]) + 0.5, [f"{value:g}" for value in grid.index])
    ax.grid(visible=False)
    ax.set_xlabel(PARAMETERS.get(x, x))
    ax.set_ylabel(PARAMETERS.get(y, y))
    title = f"{method}: {label(metric, split, unit=True)}, mean, {count(set(cells.count()))}"
    ax.set_title(title + doubts(rows), fontsize=9)
    return figure


def curves(
    table: pd.DataFrame,
    metric: str,
    split: str,
    x: str,
    *,
    hue: str = "method",
    log: bool = False,
    ax: Axes | None = None,
) -> Figure:
    """Draw one measurement against a hyper-parameter, a line a method or a second parameter.

    Every model is a dot at each point. From five models on a line is their mean, with the 95 %
    interval as a band; below, each model has a thin line of its own.

    Args:
        table: Records of one data set, model and request.
        metric: Name of the metric.
        split: Name of the split, "" for none.
        x: Hyper-parameter of the axis; methods without it are drawn as level lines.
        hue: "method", or the hyper-parameter that tells the lines apart.
        log: Logarithmic axis.
        ax: Where to draw; a new figure if None.
    """
    rows = once(pick(table, metric, split))
    how = presented(metric)
    values = _swept(rows, [x] if hue == "method" else [x, hue])
    figure, ax = axes(ax, (WIDTH, 3.2))
    sizes: set[int] = set()
    ends: list[tuple[float, str, Any]] = []
    shades = plt.get_cmap("viridis")
    lines = list(values[values[x].notna()].groupby(hue, sort=True))
    for i, (key, runs) in enumerate(lines):
        ink: Any = colour(str(key)) if hue == "method" else shades(0.9 * i / len(lines))
        name = str(key) if hue == "method" else f"{SYMBOLS.get(hue, hue)} = {key:g}"
        each = runs.pivot_table("value", x, PAIR, dropna=False) * how.scale
        sizes |= set(each.count(axis=1))
        draw_line(ax, each, ink=ink, name=name)
        ends += [(float(end), name, ink) for end in each.mean(axis=1).dropna().iloc[-1:]]
    for method, level in values[values[x].isna()].groupby("method"):
        height = float(level["value"].mean() * how.scale)
        line = ax.axhline(height, color=colour(str(method)), ls="--", lw=1.2)
        tell(line, f"{method}: {number(height)} {how.unit}".rstrip())
        ends.append((height, str(method), colour(str(method))))
    ax.set_xscale("log" if log else "linear")
    keep_within(ax, (how.bounds[0] * how.scale, how.bounds[1] * how.scale), "y")
    name_lines(ax, ends)
    ax.set_xlabel(PARAMETERS.get(x, x))
    ax.set_ylabel(label(metric, split, unit=True))
    ax.set_title(how_drawn(sizes) + doubts(rows), fontsize=9)
    return figure


def _swept(rows: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return `rows` with the hyper-parameters `names` as numbers; NaN where a method has no such.

    Raises:
        RecordError: No run has one of these, or the runs differ in others.
    """
    for name in names:
        if name not in rows or rows[name].isna().all():
            known = sorted(other for other in hyper_parameters(rows) if rows[other].notna().any())
            raise RecordError(
                f"No run has a hyper-parameter '{name}' to draw against. The runs have: "
                f"{', '.join(known) or 'none'}. Name one of these."
            )
    one_setting(rows.assign(params=other_than(rows, names)))
    return rows.astype(dict.fromkeys(names, float))
