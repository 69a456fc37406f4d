"""What methods forget against what they keep: a mark a method, a star for the retrained model."""

import math
from textwrap import fill
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ...errors import RecordError
from ..presentation import AGAIN, GROUPS, bare, group, presented
from ..rows import marked, one_setting, pick, row_dicts
from ..summary import paired
from .hover import tell
from .names import name_marks
from .style import MARKERS, SIGNS, colour, count

_SIZE = (4.8, 4.9)
"""Inches; a phone shows all of it."""
_LETTERS = 60
_TICKS = ((1.0, 5.0, 10.0, 20.0, 40.0, 60.0, 80.0), (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0))
"""Across, where marks are far apart, and up."""
_AXES = ("forgotten", "kept")


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
            measurement, Original or Retrain.
        SpecError: A method shares no seeds with Original or Retrain.
    """
    rows = one_setting(pd.concat([pick(table, *what) for what in (forgotten, kept)]))
    if lost := [name for name in ("Original", "Retrain") if name not in set(rows["method"])]:
        raise RecordError(
            "Places are told from the original and the retrained model, and of "
            f"{' and '.join(lost)} there are no runs in the table. Add them to the grid."
        )
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
    method sees. The axes are those of square roots, on which methods near to the retrained model
    and far from it can be told apart.

    Args:
        points: What :func:`positions` returned of any methods, filtered or not.
    """
    drawn = points.dropna(subset=["x", "y"])
    figure, ax = plt.subplots(figsize=_SIZE)
    for point in row_dicts(drawn):
        _draw(ax, point)
    _scale(ax)
    lines = [f"Mean over models, 95 % interval, {count(set(drawn['n']))}"]
    if len(without := points.drop(drawn.index)):
        lines.append(f"not drawn, for want of numbers: {', '.join(without['method'])}")
    seen = [name for name in GROUPS[1:] if name in set(drawn["group"])]
    marks = ", ".join(["★ retrained", *(f"{SIGNS[name]} {name.lower()}" for name in seen)])
    ax.set_title(f"{fill('; '.join(lines), _LETTERS)}\n{fill(marks, _LETTERS)}", fontsize=9)
    ax.set_xlabel("Forgotten: accuracy less that of the retrained model (points)")
    ax.set_ylabel("Kept: accuracy less that of the original (points)")
    named = [marked(point["method"], point["stale"]) for point in row_dicts(drawn)]
    places = list(zip(drawn["x"], drawn["y"], strict=True))
    name_marks(ax, places, named, [colour(method) for method in drawn["method"]])
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
    (mark,) = ax.plot(
        [x], [y], MARKERS[point["group"]] if not star else "*", ms=13 if star else 8, mew=1.2,
        mec=ink if star else "white", mfc="white" if method == AGAIN else ink, zorder=3 - star,
    )  # fmt: skip
    told = ", ".join(f"{name} {_says(point, axis)}" for axis, name in zip("xy", _AXES, strict=True))
    tell(mark, f"{method}: {told} (points), n = {point['n']}")


def _says(point: dict[str, Any], axis: str) -> str:
    """Return what the mark of a method says of one axis."""
    mean, low, high = (f"{bare(point[axis + end]):+z.1f}" for end in ("", "_low", "_high"))
    return f"{mean} ({low} to {high})" if math.isfinite(point[f"{axis}_low"]) else mean


def _scale(ax: Axes) -> None:
    """Set axes of square roots, with zero marked."""
    root = (lambda x: np.sign(x) * np.sqrt(np.abs(x)), lambda x: np.sign(x) * x**2)
    ax.set_xscale("function", functions=root)
    ax.set_yscale("function", functions=root)
    for axis, ticks in zip((ax.xaxis, ax.yaxis), _TICKS, strict=True):
        axis.set_major_locator(FixedLocator([*(-tick for tick in ticks), 0.0, *ticks]))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g}" if value else "0"))
    ax.axhline(0, color="#8c8c8c", lw=0.8, zorder=0)
    ax.axvline(0, color="#8c8c8c", lw=0.8, zorder=0)
    ax.margins(x=0.05, y=0.1)
