"""Charts of records: one measurement of every method, over a grid, against a dial."""

import math
from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..measures import GROUPS, group, label, measure, once, pick
from ..summary import interval
from .drawn import one_setting, per_model, printed, swept, without
from .style import (
    MARKERS,
    PARAMETERS,
    PRINTED,
    SIGNS,
    SYMBOLS,
    WIDTH,
    axes,
    colour,
    count,
    name_lines,
)


def dots(
    table: pd.DataFrame,
    metric: str,
    split: str = "",
    *,
    oracle: str = "Retrain",
    item: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Draw one measurement of every method: seeds as faint dots, mean and 95 % interval.

    The dots are trained models, over the method's own seeds averaged. The oracle's range over its
    runs is a grey band: a method inside it cannot be told from retraining by this measurement.

    Args:
        table: Records of one data set, model and request, one setting a method.
        metric: Name of the metric.
        split: Name of the split, "" for none.
        oracle: Method of the band; "" for none.
        item: A printed item, such as "Table 2b", whose numbers are drawn as open diamonds.
        ax: Where to draw; a new figure if None.
    """
    rows = one_setting(once(pick(table, metric, split)))
    kind = measure(metric)
    access = rows.drop_duplicates("method")[["method", "access"]].to_numpy().tolist()
    order = sorted(access, key=lambda pair: GROUPS.index(group(*pair)))
    figure, ax = axes(ax, (WIDTH, 0.9 + 0.42 * len(order)))
    sizes: set[int] = set()
    prints = printed(item, metric, split)
    for y, (method, access) in enumerate(order):
        values = per_model(rows[rows["method"] == method]) * kind.scale
        sizes.add(len(values))
        if values.empty:
            continue
        mean, low, high = interval(values.to_list())
        style: dict[str, Any] = {"color": colour(method), "marker": MARKERS[group(method, access)]}
        ax.plot(values, [y] * len(values), ls="", alpha=0.35, ms=5, **style)
        if math.isfinite(low):
            ax.plot([low, high], [y, y], color=colour(method), lw=2)
        ax.plot([mean], [y], ms=8, **style)
        if method in prints:
            ax.plot([prints[method] * kind.scale], [y + 0.3], "D", mfc="white", mec=PRINTED, ms=5)
        ax.annotate(
            f"{mean:.{kind.decimals}f}",
            (mean, y),
            (0, 7),
            textcoords="offset points",
            ha="center",
            fontsize=9,
        )
        if method == oracle:
            ax.axvspan(values.min(), values.max(), color="#d9d9d9", zorder=0, lw=3)
    ax.set_yticks(range(len(order)), [method for method, _ in order])
    ax.set_ylim(len(order) - 0.5, -0.6)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(label(metric, split, unit=True))
    drawn = rows.dropna(subset="value")["method"].to_numpy()
    band = f", band: range of {oracle}" * (oracle in drawn)
    shown = f", ◇ printed in {item}" * bool(prints)
    seen = dict.fromkeys(group(*pair) for pair in order)
    marks = fill(", ".join(f"{SIGNS[name]} {name.lower()}" for name in seen), 84)
    title = f"Mean and 95 % interval, {count(sizes)}{without(rows['value'])}{band}{shown}\n{marks}"
    ax.set_title(title, fontsize=9)
    return figure


def boxes(
    samples: Mapping[str, Sequence[float]], name: str, *, log: bool = False, ax: Axes | None = None
) -> Figure:
    """Draw the distribution of a per-example quantity for each model as a horizontal box.

    Args:
        samples: Values by method label; whiskers end at the 5th and 95th percentile.
        name: Name of the axis with its unit, such as "Entropy (nats)".
        log: Logarithmic axis.
        ax: Where to draw; a new figure if None.
    """
    figure, ax = axes(ax, (WIDTH, 0.9 + 0.5 * len(samples)))
    sizes: set[int] = set()
    for y, (method, sample) in enumerate(samples.items()):
        values = np.asarray(sample, dtype=float)
        values = values[np.isfinite(values)]
        sizes.add(len(values))
        drawn = ax.boxplot(
            [values],
            positions=[y],
            orientation="horizontal",
            widths=0.55,
            whis=(5, 95),
            showfliers=False,
            patch_artist=True,
            medianprops={"color": "black"},
        )
        for box in drawn["boxes"]:
            box.set(facecolor=colour(method), alpha=0.5)
    ax.set_yticks(range(len(samples)), list(samples))
    ax.set_ylim(len(samples) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)
    ax.set_xscale("log" if log else "linear")
    ax.set_xlabel(name)
    every = np.concatenate([np.asarray(values, dtype=float) for values in samples.values()])
    title = f"Quartiles, whiskers 5 to 95 %, {count(sizes)} examples{without(every, 'value')}"
    ax.set_title(title, fontsize=9)
    return figure


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
    values = swept(rows, [x, y])
    kind = measure(metric)
    found = values.groupby([y, x])["value"]
    grid = found.mean().unstack() * kind.scale
    figure, ax = axes(ax, (WIDTH, 1.2 + 0.42 * len(grid)))
    ends = (0, 100) if kind.unit == "%" else (None, None)
    cells = grid.to_numpy(dtype=float)
    picture = ax.pcolormesh(cells, cmap="cividis", vmin=ends[0], vmax=ends[1])
    low, high = picture.get_clim()
    for i, j in np.ndindex(*cells.shape):
        value = cells[i, j]
        ink = "black" if value > (low + high) / 2 else "white"
        text = "" if np.isnan(value) else f"{value:.{kind.decimals}f}"
        ax.text(j + 0.5, i + 0.5, text, ha="center", va="center", fontsize=9, color=ink)
    ax.set_xticks(np.arange(cells.shape[1]) + 0.5, [f"{value:g}" for value in grid.columns])
    ax.set_yticks(np.arange(cells.shape[0]) + 0.5, [f"{value:g}" for value in grid.index])
    ax.grid(visible=False)
    ax.set_xlabel(PARAMETERS.get(x, x))
    ax.set_ylabel(PARAMETERS.get(y, y))
    title = f"{method}: {label(metric, split, unit=True)}, mean, {count(set(found.count()))}"
    ax.set_title(title + without(rows["value"]), fontsize=9)
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
    kind = measure(metric)
    values = swept(rows, [x] + [hue] * (hue != "method"))
    figure, ax = axes(ax, (WIDTH, 3.2))
    sizes: set[int] = set()
    ends: list[tuple[float, str, Any]] = []
    lines = list(values[values[x].notna()].groupby(hue, sort=True))
    for i, (key, line) in enumerate(lines):
        ink = colour(str(key)) if hue == "method" else plt.get_cmap("viridis")(0.9 * i / len(lines))
        points = line.groupby(x)["value"]
        sizes |= set(points.count())
        middle = points.mean() * kind.scale
        ax.plot(middle.index, middle, marker="o", ms=5, color=ink)
        ax.fill_between(
            middle.index,
            points.min() * kind.scale,
            points.max() * kind.scale,
            color=ink,
            alpha=0.15,
            lw=0,
        )
        name = str(key) if hue == "method" else f"{SYMBOLS.get(hue, hue)} = {key:g}"
        ends += [(float(end), name, ink) for end in middle.dropna().iloc[-1:]]
    for method, level in values[values[x].isna()].groupby("method"):
        height = float(level["value"].mean() * kind.scale)
        ax.axhline(height, color=colour(str(method)), ls="--", lw=1.2)
        ends.append((height, str(method), colour(str(method))))
    ax.set_xscale("log" if log else "linear")
    name_lines(ax, ends)
    ax.set_xlabel(PARAMETERS.get(x, x))
    ax.set_ylabel(label(metric, split, unit=True))
    ax.set_title(
        f"Mean, band from least to most, {count(sizes)}{without(rows['value'])}", fontsize=9
    )
    return figure
