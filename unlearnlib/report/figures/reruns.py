"""What a build made anew, measurement by measurement, against its records."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...runs.rerun import judged, within
from ..this_build import distance
from .picture import Picture, show_figure
from .style import WIDTH, axes


def reruns(
    frame: pd.DataFrame, by: str = "page", farthest: float = 6.0, ax: Axes | None = None
) -> Figure:
    """Draw how far each measurement that was made anew lies from its record.

    Args:
        frame: What `rerun` or `reruns_handed_over` returned.
        by: Column that rows of the figure stand for.
        farthest: Recorded spreads at which the axis ends; what lies farther is drawn there.
        ax: Where to draw; a figure of its own if None.
    """
    frame = frame[judged(frame)]
    inside = within(frame)
    far = distance(frame).fillna(np.inf).clip(-farthest, farthest)
    names = sorted(frame[by].unique())
    figure, ax = axes(ax, (WIDTH, 1.0 + 0.24 * len(names)))
    if frame.empty:
        ax.set_axis_off()
        ax.text(0.5, 0.5, "Nothing was made anew", ha="center", transform=ax.transAxes)
        return figure
    draw = np.random.default_rng(0)
    place = frame[by].map({name: i for i, name in enumerate(names)}).to_numpy()
    place = place + draw.uniform(-0.3, 0.3, len(frame))
    for which, colour, mark, label in (
        (inside, "#0072b2", ".", "in the recorded range, widened by a spread"),
        (~inside, "#d55e00", "x", "outside"),
    ):
        kept = which.to_numpy(dtype=bool)
        ax.plot(
            far[kept], place[kept], mark, color=colour, ms=4, alpha=0.6,
            label=f"{label} ({int(kept.sum())})",
        )  # fmt: skip
    ax.axvline(0, color="black", lw=0.8)
    ax.set_xlim(-farthest - 0.3, farthest + 0.3)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xlabel("Made anew minus recorded (recorded spreads; farther ones at the border)")
    ax.set_title(f"{len(frame)} measurements made anew")
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def show_reruns(frame: pd.DataFrame, by: str = "what", farthest: float = 6.0) -> Picture | None:
    """Return the figure of :func:`reruns` with its alternative text, for the end of a page.

    Where nothing was made anew there is none: :func:`.rerun_line` says so.
    """
    told = judged(frame)
    if not told.any():
        return None
    alt = (
        f"Distance of {int(told.sum())} measurements made anew from their records, in recorded "
        f"spreads; {int(within(frame)[told].sum())} lie in the recorded range, widened by one."
    )
    return show_figure(reruns(frame, by, farthest), alt)
