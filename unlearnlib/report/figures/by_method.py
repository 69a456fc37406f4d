"""Charts that set methods beside each other: a measurement of each, or its values by example."""

import math
from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..presentation import GROUPS, group, label, presented
from ..printed import UNITS, reported
from ..rows import once, one_setting, pick
from ..summary import PAIR, interval
from .style import MARKERS, PRINTED, SIGNS, WIDTH, axes, colour, count, doubts, without


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
    how = presented(metric)
    access = rows.drop_duplicates("method")[["method", "access"]].to_numpy().tolist()
    order = sorted(access, key=lambda pair: GROUPS.index(group(*pair)))
    figure, ax = axes(ax, (WIDTH, 0.9 + 0.42 * len(order)))
    sizes: set[int] = set()
    in_print = _printed(item, metric, split)
    for y, (method, access) in enumerate(order):
        values = _per_model(rows[rows["method"] == method]) * how.scale
        sizes.add(len(values))
        if values.empty:
            continue
        mean, low, high = interval(values.to_list())
        marker = MARKERS[group(method, access)]
        style: dict[str, Any] = {"color": colour(method), "marker": marker}
        ax.plot(values, [y] * len(values), ls="", alpha=0.35, ms=5, **style)
        if math.isfinite(low):
            ax.plot([low, high], [y, y], color=colour(method), lw=2)
        ax.plot([mean], [y], ms=8, **style)
        if method in in_print:
            ax.plot([in_print[method] * how.scale], [y + 0.3], "D", mfc="white", mec=PRINTED, ms=5)
        ax.annotate(
            f"{mean:.{how.decimals}f}",
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
    title = f"Mean and 95 % interval, {count(sizes)}{doubts(rows)}"
    if oracle in set(rows.dropna(subset="value")["method"]):
        title += f", band: range of {oracle}"
    if in_print:
        title += f", ◇ printed in {item}"
    seen = dict.fromkeys(group(*pair) for pair in order)
    marks = fill(", ".join(f"{SIGNS[name]} {name.lower()}" for name in seen), 84)
    ax.set_title(f"{title}\n{marks}", fontsize=9)
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


def _per_model(rows: pd.DataFrame) -> "pd.Series[float]":
    """Return one value a trained model and request, the method's own seeds averaged.

    What has no number is left out.
    """
    return rows.groupby(PAIR, sort=False)["value"].mean().dropna()


def _printed(item: str, metric: str, split: str) -> dict[str, float]:
    """Return the printed mean by method, in a record's unit; {} without an item."""
    if not item:
        return {}
    rows = reported()
    rows = rows[(rows["item"] == item) & rows["mean"].notna()]
    rows = pick(rows, metric, split)
    return dict(zip(rows["method"], rows["mean"] * rows["unit"].map(UNITS), strict=True))
