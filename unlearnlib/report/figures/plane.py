"""Pictures of models with one or two inputs, and of quantities against a distance."""

from copy import deepcopy

import matplotlib.pyplot as plt
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

from ...data import Labelled
from ...metrics.shapes import known
from ...runs.one_run import outputs
from ..presentation import in_words
from ..rows import lacking
from .hover import number, tell
from .style import COLOURS, WIDTH, colour, count, name_lines

CLASSES = ("#d55e00", "#0072b2")
SHADES = ("#f7dcc4", "#cfe3f2")
TARGET = "#f0e442"
LIMIT = 5.5
POINTS = 151


def square(limit: float = LIMIT, points: int = POINTS) -> Tensor:
    """Return a grid of points on the square from -limit to limit, (points ** 2, 2), in float64."""
    side = torch.linspace(-limit, limit, points, dtype=torch.float64)
    return torch.cartesian_prod(side, side)


def changed(before: nn.Module, after: nn.Module) -> float:
    """Return the share of the square on which two classifiers of the plane disagree.

    It is NaN if one of them answers with what is not finite.
    """
    z = [outputs(deepcopy(model), square(), POINTS**2) for model in (before, after)]
    apart = known((z[0].argmax(1) != z[1].argmax(1)).double(), torch.cat(z, 1))
    return apart.mean().item()


def plane(ax: Axes, before: nn.Module, after: nn.Module, data: Labelled, target: Tensor) -> None:
    """Draw the regions of `after`, its boundary, and that of `before` as a dashed line.

    Args:
        ax: Where to draw.
        before: A classifier of the plane, two classes, in float64.
        after: The same for what it became.
        data: The points it was trained on.
        target: The point that is forgotten, (1, 2); drawn as a star.
    """
    side = torch.linspace(-LIMIT, LIMIT, POINTS)
    margins = []
    for model in (before, after):
        z = outputs(deepcopy(model), square(), POINTS**2)
        margins.append((z[:, 1] - z[:, 0]).view(POINTS, POINTS).T)
    ax.contourf(side, side, margins[1] > 0, levels=[-0.5, 0.5, 1.5], colors=SHADES)
    ax.contour(side, side, margins[0], levels=[0.0], colors="black", linestyles="--", linewidths=1)
    ax.contour(side, side, margins[1], levels=[0.0], colors="black", linewidths=1.8)
    for label, (ink, marker) in enumerate(zip(CLASSES, "s^", strict=True)):
        x = data.x[data.y == label]
        ax.plot(x[:, 0], x[:, 1], marker, ls="", ms=3, color=ink, alpha=0.6)
    ax.plot(*target[0], "*", ms=13, color=TARGET, mec="black")
    ax.set(aspect="equal", xlim=(-LIMIT, LIMIT), ylim=(-LIMIT, LIMIT))
    ax.grid(visible=False)
    ax.set_title(f"{100 * changed(before, after):.1f} % changes class", fontsize=9)


def lines(
    frame: pd.DataFrame, x: str, y: str, line: str, panel: str, unit: str, *, log: bool = True
) -> Figure:
    """Draw `y` against `x`: every `unit` faintly, their mean boldly; a panel for each `panel`.

    Args:
        frame: One value a row.
        x: Column of the horizontal axis, whose name it gives, with its unit.
        y: Column of the values, likewise.
        line: Column of the lines, such as a method's label.
        panel: Column of the panels.
        unit: Column of what was repeated, such as the seed.
        log: Logarithmic horizontal axis.
    """
    names, sizes = list(dict.fromkeys(frame[panel])), set[int]()
    figure, every = plt.subplots(1, len(names), figsize=(WIDTH, 3.2), sharey=True, squeeze=False)
    for ax, name in zip(every[0], names, strict=True):
        ends: list[tuple[float, str, str]] = []
        for i, (label, rows) in enumerate(frame[frame[panel] == name].groupby(line, sort=False)):
            ink = colour(str(label)) if label in COLOURS else CLASSES[i % len(CLASSES)]
            each = rows.pivot(index=x, columns=unit, values=y)
            sizes |= set(each.count(axis=1))
            ax.plot(each, color=ink, lw=0.9, alpha=0.45)
            means = each.mean(axis=1)
            (bold,) = ax.plot(means, color=ink, marker="o", ms=4, lw=2.2)
            places = zip(means.index, means, each.count(axis=1), strict=True)
            tell(bold, *(
                f"{label}: mean {number(mean)} at {number(place)}, n = {n}"
                for place, mean, n in places
            ))  # fmt: skip
            ends.append((float(means.iloc[-1]), str(label), ink))
        ax.set(xlabel=x, xscale="log" if log else "linear", ylim=(0, 1.05 * frame[y].max()))
        ax.set_title(in_words(str(name)), fontsize=9)
    name_lines(ax, ends)
    every[0][0].set_ylabel(y)
    text = f"Each {unit} (thin) and the mean (bold), {count(sizes)}"
    if without := lacking(int(frame[y].isna().sum()), len(frame), "value"):
        text += f"; {without}"
    figure.suptitle(text, fontsize=9, x=0.01, ha="left")
    return figure
