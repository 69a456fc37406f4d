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
from ..rows import marked, one_setting, pick, row_dicts
from ..summary import paired
from .style import MARKERS, SIGNS, WIDTH, colour, count

_LINEAR = 10.0
_TICKS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
_MARK = 6.0
"""Half the width of a mark, in pixels."""
_TURNS = tuple(math.pi * eighth / 8 for eighth in (1, -1, 2, -2, 7, -7, 6, -6, 0, 8, 4, -4))
_DISTANCES = (9.0, 16.0, 24.0, 34.0, 46.0, 60.0)
"""Where a name may stand, from its mark, in points."""


def positions(
    table: pd.DataFrame,
    forgotten: tuple[str, str] = ("accuracy", "test_forget"),
    kept: tuple[str, str] = ("accuracy", "test_retain"),
) -> pd.DataFrame:
    """Return how far each method is from retraining on what is forgotten, and what the rest lost.

    Args:
        table: Records of one data set, model and request, one setting a method, of any methods,
            Original and Retrain among them.
        forgotten: Metric and split of what is forgotten, a share such as an accuracy.
        kept: Metric and split of what is kept, likewise.

    Returns:
        One row a method: method, group (by what it sees), x (the mean over models of its value of
        what is forgotten less that of Retrain on the same seed), y (the same of what is kept, less
        that of Original), the ends x_low, x_high, y_low and y_high of their 95 % intervals, all in
        the printed unit, n, and stale. What has no number in some model has NaN.

    Raises:
        RecordError: The table holds several set-ups or several settings of a method, or lacks a
            measurement.
        SpecError: A method shares no seeds with Original or Retrain.
    """
    rows = one_setting(pd.concat([pick(table, *what) for what in (forgotten, kept)]))
    found = []
    for method, access in rows.drop_duplicates("method")[["method", "access"]].to_numpy().tolist():
        point: dict[str, Any] = {"method": method, "group": group(method, access), "stale": False}
        for axis, what, reference in (("x", forgotten, "Retrain"), ("y", kept, "Original")):
            (row,) = row_dicts(paired(rows, *what, method, reference))
            scale = presented(what[0]).scale
            for end, name in (("", "mean"), ("_low", "low"), ("_high", "high")):
                point[axis + end] = scale * row[name]
            point |= {"n": row["n"], "stale": point["stale"] or row["stale"]}
        found.append(point)
    return pd.DataFrame(found)


def trade_off(points: pd.DataFrame) -> Figure:
    """Draw what methods forget against what they keep: a mark a method with its intervals.

    A star is the retrained model, an open one a second of these; the other shapes tell what a
    method sees. The axes are linear within ten points, where methods lie close together, and
    logarithmic beyond.

    Args:
        points: What :func:`positions` returned of any methods, filtered or not.
    """
    drawn = points.dropna(subset=["x", "y"])
    figure, ax = plt.subplots(figsize=(WIDTH, 4.6))
    for point in row_dicts(drawn):
        _draw(ax, point)
    _scale(ax)
    lines = [f"Mean over models, 95 % interval, {count(set(drawn['n']))}"]
    if len(without := points.drop(drawn.index)):
        lines.append(f"not drawn, for want of numbers: {', '.join(without['method'])}")
    seen = [name for name in GROUPS[1:] if name in set(drawn["group"])]
    marks = ", ".join(["★ retrained", *(f"{SIGNS[name]} {name.lower()}" for name in seen)])
    ax.set_title(f"{fill('; '.join(lines), 84)}\n{fill(marks, 84)}", fontsize=9)
    ax.set_xlabel("Forgotten: accuracy less that of the retrained model (points)")
    ax.set_ylabel("Kept: accuracy less that of the original (points)")
    _name(ax, drawn)
    return figure


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
            marked(point["method"], point["stale"]), (point["x"], point["y"]), (0, 0),
            textcoords="offset points",
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
