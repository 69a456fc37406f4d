"""Charts that set methods beside each other: a measurement of each, or its values by example."""

import math
from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..presentation import AGAIN, GROUPS, bare, group, label, presented
from ..printed import UNITS, reported
from ..rows import once, one_setting, pick
from ..summary import PAIR
from .by_model import draw_models, how_drawn, keep_within
from .hover import number, tell
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
    """Draw one measurement of every method: a dot a model, from five on mean and 95 % interval.

    The dots are trained models, over the method's own seeds averaged. The oracle's range over its
    runs is a grey band, that of a second oracle included: a method inside it cannot be told from
    retraining by this measurement. The axis ends where the quantity does.

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
    figure, ax = axes(ax, (WIDTH, 0.9 + 0.45 * len(order)))
    sizes, banded = set[int](), list[float]()
    in_print = _printed(item, metric, split)
    for y, (method, access) in enumerate(order):
        values = _per_model(rows[rows["method"] == method]) * how.scale
        sizes.add(len(values))
        if values.empty:
            continue
        marker = MARKERS[group(method, access)]
        ink, again = colour(method), method == AGAIN
        mean = draw_models(
            ax, y, values.to_list(), ink=ink, marker=marker, open=again, name=str(method),
            unit=how.unit, seeds=list(values.index.get_level_values("seed_model")),
        )  # fmt: skip
        if method in in_print:
            printed = in_print[method] * how.scale
            (mark,) = ax.plot([printed], [y + 0.3], "D", mfc="white", mec=PRINTED, ms=5)
            tell(mark, f"{method}, printed in {item}: {number(printed)} {how.unit}".rstrip())
        if math.isfinite(mean):
            _write_above(ax, mean, y, f"{bare(mean):.{how.decimals}f}")
        if oracle and method in {oracle, AGAIN}:
            banded += values.to_list()
    if banded:
        band = ax.axvspan(min(banded), max(banded), color="#d9d9d9", zorder=0, lw=3)
        ends = f"{number(min(banded))} to {number(max(banded))}"
        tell(band, f"Range of {oracle}: {ends} {how.unit}".rstrip())
    ax.set_yticks(range(len(order)), [method for method, _ in order])
    ax.set_ylim(len(order) - 0.5, -0.6)
    ax.grid(axis="y", visible=False)
    ax.spines["left"].set_visible(False)  # where marks and numbers of what is forgotten stand
    ax.tick_params(axis="y", length=0, pad=9)
    keep_within(ax, (how.bounds[0] * how.scale, how.bounds[1] * how.scale))
    ax.set_xlabel(label(metric, split, unit=True))
    lines = [f"{how_drawn(sizes)}{doubts(rows)}"]
    if banded:
        lines.append(f"band: range of {oracle}")
    if in_print:
        lines.append(f"◇ printed in {item}")
    seen = dict.fromkeys(group(*pair) for pair in order)
    marks = fill(", ".join(f"{SIGNS[name]} {name.lower()}" for name in seen), 84)
    ax.set_title(f"{fill(', '.join(lines), 84)}\n{marks}", fontsize=9)
    return figure


def _write_above(ax: Axes, x: float, y: float, text: str) -> None:
    """Write a number above its place."""
    ax.annotate(text, (x, y), (0, 8), textcoords="offset points", ha="center", fontsize=9)


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
        (box,) = drawn["boxes"]
        box.set(facecolor=colour(method), alpha=0.5)
        low, middle, high = map(number, np.quantile(values, [0.25, 0.5, 0.75]))
        tell(box, f"{method}: median {middle}, quartiles {low} and {high}, n = {len(values)}")
    ax.set_yticks(range(len(samples)), list(samples))
    ax.set_ylim(len(samples) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)
    ax.set_xscale("log" if log else "linear")
    ax.set_xlabel(name)
    every = np.concatenate([np.asarray(values, dtype=float) for values in samples.values()])
    if not log and not (every < 0).any():  # of a quantity that is never negative, most likely
        keep_within(ax, (0.0, math.inf))
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
