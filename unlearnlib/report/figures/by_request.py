"""A panel a request: how methods do on several of them."""

from textwrap import fill

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from ..presentation import label, presented
from ..rows import pick
from .by_method import dots
from .by_model import how_drawn, keep_within
from .style import WIDTH, doubts


def dots_by_request(table: pd.DataFrame, metric: str, split: str = "") -> Figure:
    """Draw :func:`dots` of each request in a panel of its own, the methods named at the left.

    Args:
        table: Records of one data set and network, one setting a method.
        metric: Name of the metric.
        split: Name of the split, "" for none.
    """
    rows = pick(table, metric, split)
    requests = list(rows.groupby("request", sort=False))
    count = rows["method"].nunique()
    size = (WIDTH, 1.2 + 0.42 * count)
    figure, panels = plt.subplots(
        1, len(requests), figsize=size, sharex=True, sharey=True, squeeze=False
    )
    for ax, (request, runs) in zip(panels[0], requests, strict=True):
        dots(runs, metric, split, ax=ax)
        ax.set_title(str(request).partition(":")[2].replace("_", " "), fontsize=9)
        ax.set_xlabel("")
    how, shared = presented(metric), panels[0][0]
    shared.autoscale(axis="x")  # over all panels, since each has set the common axis for itself
    keep_within(shared, (how.bounds[0] * how.scale, how.bounds[1] * how.scale))
    figure.supxlabel(label(metric, split, unit=True), fontsize=9)
    sizes = {runs.groupby("method")["seed_model"].nunique().max() for _, runs in requests}
    told = f"{how_drawn(sizes)}{doubts(rows)}, band: range of the retrained models"
    figure.suptitle(fill(told, 96), fontsize=9, x=0.01, ha="left")
    return figure
