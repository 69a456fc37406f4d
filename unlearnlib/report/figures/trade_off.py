"""What methods forget against what they keep: a mark a method, a star for the retrained model."""

import math
from itertools import product
from textwrap import fill
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from matplotlib.transforms import Bbox

from ..presentation import AGAIN, GROUPS, group, presented
from ..rows import one_setting, outdated, pick, row_dicts
from ..summary import paired
from .style import MARKERS, SIGNS, WIDTH, colour, count

_LINEAR = 10.0
_TICKS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
_MARK = 6.0
"""Half the width of a mark, in pixels."""
_TURNS = tuple(math.pi * eighth / 8 for eighth in (1, -1, 2, -2, 7, -7, 6, -6, 0, 8, 4, -4))
_DISTANCES = (9.0, 16.0, 24.0, 34.0, 46.0, 60.0)
"""Where a name may stand, from its mark, in points."""


def trade_off(
    table: pd.DataFrame,
    forgotten: tuple[str, str] = ("accuracy", "test_forget"),
    kept: tuple[str, str] = ("accuracy", "test_retain"),
) -> Figure:
    """Draw how far each method is from retraining on what is forgotten, and what the rest lost.

    Across is the method's value less that of the model retrained on the same seed, upwards its
    change from the original of the same seed, each the mean over models with its 95 % interval.
    The axes are linear within ten points, where methods lie close together, and logarithmic beyond.
    A star is the retrained model, an open one a second of these; the other shapes tell what a
    method sees.

    Args:
        table: Records of one data set, model and request, one setting a method, of any methods,
            Original and Retrain among them.
        forgotten: Metric and split of what is forgotten, a share such as an accuracy.
        kept: Metric and split of what is kept, likewise.

    Raises:
        RecordError: The table holds several set-ups, or several settings of a method.
        SpecError: The table has no runs of Original or Retrain that share their seeds with it.
    """
    rows = one_setting(table)
    points = positions(rows, forgotten, kept)
    drawn = points.dropna(subset=["x", "y"])
    figure, ax = plt.subplots(figsize=(WIDTH, 4.6))
    for point in row_dicts(drawn):
        _draw(ax, point)
    _scale(ax)
    without = [method for method in rows["method"].unique() if method not in set(drawn["method"])]
    lines = [f"Mean over models, 95 % interval, {count(set(drawn['n']))}"]
    lines += [f"not drawn, for want of numbers: {', '.join(without)}"] if without else []
    lines += list(filter(None, [outdated(rows)]))
    seen = [name for name in GROUPS[1:] if name in set(drawn["group"])]
    marks = ", ".join(["★ retrained", *(f"{SIGNS[name]} {name.lower()}" for name in seen)])
    ax.set_title(f"{fill('; '.join(lines), 84)}\n{fill(marks, 84)}", fontsize=9)
    lost, left = (presented(metric).label.lower() for metric, _ in (forgotten, kept))
    ax.set_xlabel(f"Forgotten: {lost} less that of the retrained model (points)")
    ax.set_ylabel(f"Kept: {left} less that of the original (points)")
    _name(ax, drawn)
    return figure


def positions(
    table: pd.DataFrame,
    forgotten: tuple[str, str] = ("accuracy", "test_forget"),
    kept: tuple[str, str] = ("accuracy", "test_retain"),
) -> pd.DataFrame:
    """Return where the mark of each method is.

    Args:
        table: As of :func:`trade_off`.
        forgotten: As of :func:`trade_off`.
        kept: As of :func:`trade_off`.

    Returns:
        method, group, x, x_low, x_high (from Retrain, on what is forgotten), y, y_low, y_high (from
        Original, on what is kept), in the printed unit, and n. What has no number, or misses that
        of some models, has NaN.
    """
    table = pd.concat([pick(table, *what) for what in (forgotten, kept)])
    access = table.drop_duplicates("method")[["method", "access"]].to_numpy().tolist()
    found = []
    for method, sees in access:
        point = {"method": method, "group": group(method, sees)}
        for axis, what, reference in (("x", forgotten, "Retrain"), ("y", kept, "Original")):
            (row,) = row_dicts(paired(table, *what, method, reference))
            scale = presented(what[0]).scale
            ends = {"": row["mean"], "_low": row["low"], "_high": row["high"]}
            point |= {f"{axis}{end}": scale * value for end, value in ends.items()} | {
                "n": row["n"]
            }
        found.append(point)
    return pd.DataFrame(found)


def _draw(ax: Axes, point: dict[str, Any]) -> None:
    """Draw the mark of a method with its intervals, which few models do not have."""
    method, ink = point["method"], colour(point["method"])
    x, y = point["x"], point["y"]
    if abs(point["x_low"]) < float("inf"):
        bars: dict[str, Any] = {"color": ink, "lw": 1.2, "alpha": 0.6, "zorder": 1}
        ax.plot([point["x_low"], point["x_high"]], [y, y], **bars)
        ax.plot([x, x], [point["y_low"], point["y_high"]], **bars)
    star = method in ("Retrain", AGAIN)
    ax.plot(
        [x], [y], MARKERS[point["group"]] if not star else "*", ms=13 if star else 8, mew=1.2,
        mec=ink if star else "white", mfc="white" if method == AGAIN else ink, zorder=3 - star,
    )  # fmt: skip


def _scale(ax: Axes) -> None:
    """Set axes that are linear within ten points and logarithmic beyond, with zero marked."""
    ax.set_xscale("symlog", linthresh=_LINEAR, linscale=1.5)
    ax.set_yscale("symlog", linthresh=_LINEAR, linscale=1.5)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(FixedLocator([*(-tick for tick in _TICKS), 0.0, *_TICKS]))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g}" if value else "0"))
    ax.axhline(0, color="#8c8c8c", lw=0.8, zorder=0)
    ax.axvline(0, color="#8c8c8c", lw=0.8, zorder=0)
    ax.margins(x=0.05, y=0.1)


def _name(ax: Axes, points: pd.DataFrame) -> None:
    """Write each method's name near its mark, where it covers the fewest marks and other names."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # which places the axes
    pixels = figure.dpi / 72
    marks = ax.transData.transform(points[["x", "y"]].to_numpy(float))
    taken = [Bbox.from_extents(x - _MARK, y - _MARK, x + _MARK, y + _MARK) for x, y in marks]
    frame = ax.get_window_extent()

    def covered(box: Bbox) -> int:
        out = not (frame.contains(box.x0, box.y0) and frame.contains(box.x1, box.y1))
        return int(box.count_overlaps(taken)) + len(taken) * out

    for (x, y), point in zip(marks, row_dicts(points), strict=True):
        ink = colour(point["method"])
        text = ax.annotate(
            point["method"], (point["x"], point["y"]), (0, 0), textcoords="offset points",
            color="#333333", fontsize=8, ha="center", va="center", in_layout=False,
            arrowprops={"arrowstyle": "-", "lw": 0.6, "color": ink, "shrinkA": 0, "shrinkB": 4},
        )  # fmt: skip
        size = Text.get_window_extent(text)
        best: tuple[int, Bbox, tuple[float, float]] | None = None
        for far, turn in product(_DISTANCES, _TURNS):
            across, up = far * math.cos(turn), far * math.sin(turn)
            if abs(math.cos(turn)) > 0.1:  # a name begins or ends there
                across += math.copysign(size.width / pixels / 2, math.cos(turn))
            box = Bbox.from_bounds(
                x + across * pixels - size.width / 2,
                y + up * pixels - size.height / 2,
                size.width,
                size.height,
            )
            if best is None or covered(box) < best[0]:
                best = covered(box), box, (across, up)
        assert best is not None
        taken.append(best[1])
        text.set_position(best[2])
