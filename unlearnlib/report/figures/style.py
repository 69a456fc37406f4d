"""The look of the book: style of figures, colours of methods, provenance."""

import math
import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from zlib import crc32

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...runs.environment import environment
from ...runs.one_run import DIVERGED
from ...runs.records import committed
from ..presentation import AGAIN, MORE, OWN, REFERENCE, STORED_TOO, ZERO_SHOT
from ..rows import lacking, outdated

WIDTH = 7.0
COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "Original": "#8c8c8c",
        "Retrain": "#000000",
        AGAIN: "#595959",
        "FineTune": "#009e73",
        "JiT": "#0072b2",
        "SSD": "#d55e00",
        "LFSSD": "#e69f00",
        "ASSD": "#a6611a",
        "PGU": "#cc79a7",
        "NablaTau": "#7b3294",
        "SCRUB": "#b2182b",
        "SCRUB+R": "#ff6f91",
        "Amnesiac": "#66a61e",
        "GradientAscent": "#35978f",
        "NegGradPlus": "#b8a000",
        "BadTeacher": "#1b4d2e",
        "BoundaryShrink": "#601830",
        "BoundaryExpand": "#a8c078",
        "GKT": "#483000",
        "EMMN": "#3018a8",
        "UNSIR": "#8dd3c7",
        "UNSIRByLabel": "#10c8b8",
        "SalUn": "#186c18",
        "DELETE": "#6d1f5c",
        "FisherForgetting": "#663322",
        "WoodFisher": "#888844",
        "L1Sparse": "#dd9988",
        "SFROn": "#443366",
        "EUK": "#003c96",
        "CFK": "#3cc3f0",
        "MSG": "#5a5a00",
        "CT": "#dcb46e",
        "LoTUS": "#a5a5ff",
        "AMUN": "#87004b",
    }
)
"""One colour a method on every page: Okabe and Ito's palette first, darker neighbours after."""

_OTHERS = ("#5e4fa2", "#4f6d7a", "#8f5d5d", "#6b7f3a")
_LIGHTER, _DARKER = 0.45, 0.30
PRINTED = "#d55e00"
MARKERS = {REFERENCE: "s", ZERO_SHOT: "o", STORED_TOO: "D", MORE: "^", OWN: "v"}
SIGNS = {REFERENCE: "■", ZERO_SHOT: "●", STORED_TOO: "◆", MORE: "▲", OWN: "▼"}
SYMBOLS = {"lr": "η", "sigma": "σ", "noises": "N", "epochs": "epochs"}
PARAMETERS = {
    "lr": "Step size η",
    "sigma": "Noise σ (pixel SDs)",
    "noises": "Draws N of noise per image",
    "batch_size": "Batch (images)",
    "epochs": "Epochs",
}
STYLE: Mapping[str, Any] = {
    "figure.figsize": (WIDTH, 3.2),
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "lines.linewidth": 1.8,
}


def use() -> None:
    """Make the book's style the default of matplotlib; call it once a page.

    Warnings are shown as their sentence, without the line and the path that they come from.
    """
    plt.style.use(dict(STYLE))
    warnings.formatwarning = lambda message, category, *_, **__: f"{category.__name__}: {message}\n"


def colour(method: str) -> str:
    """Return the one colour of `method`, by its label.

    A method as released is a lighter shade of it, another setting of it a darker one. A method that
    is not known has one of a few other colours, the same on every page.

    >>> colour("PGU"), colour("PGU as released"), colour("PGU gamma=0.9")
    ('#cc79a7', '#e3b5cf', '#8f5575')
    """
    if method in COLOURS:
        return COLOURS[method]
    known = [name for name in COLOURS if method.startswith((f"{name} ", f"{name}.", f"{name},"))]
    if not known:
        return _OTHERS[crc32(method.encode()) % len(_OTHERS)]
    base = max(known, key=len)
    if method == f"{base} as released":
        return _towards(COLOURS[base], 255, _LIGHTER)
    return _towards(COLOURS[base], 0, _DARKER)


def _towards(ink: str, end: int, share: float) -> str:
    """Return a colour that is `share` of the way to white (255) or black (0)."""
    levels = (int(ink[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(level + share * (end - level)):02x}" for level in levels)


def live_line(scale: str, dataset: str, model: str, what: str) -> str:
    """Return one line on where a page's own numbers come from that are no records.

    Args:
        scale: laptop, workstation or paper.
        dataset: Name of the data set.
        model: Name of the network.
        what: What was computed, such as "seed 0".
    """
    origin = environment()
    where = f"{origin['device']}, commit {origin['commit']}"
    return f"{scale} scale: {dataset}, {model}, {what} · {where}"


def provenance_line(table: pd.DataFrame) -> str:
    """Return one line on where the runs of `table` came from, to be printed under a figure.

    It names scale, data set, network, seeds, runs, device, commit and seconds, and warns of runs
    that are of a method that does something else now. Of a table that has committed runs and
    others, made on this machine, it counts the committed ones and says how many others there are.
    """
    if table.empty:
        return "no records yet"
    stand = table["run_id"].isin(_committed(table))
    others = table.loc[~stand, "run_id"].nunique() if stand.any() else 0
    table = table[stand] if others else table
    runs = table.drop_duplicates("run_id")

    def every(column: str) -> str:
        return ", ".join(sorted({str(value) for value in runs[column].dropna()})) or "unknown"

    seeds = "; ".join(f"{seed} {every('seed_' + seed)}" for seed in ("model", "request", "method"))
    parts = [
        f"{every('scale')} scale: {every('dataset')}, {every('model')}",
        f"{len(runs)} runs (seeds: {seeds})",
        f"{every('device')}, commit {every('commit')}",
    ]
    if runs["seconds"].notna().any():
        parts.append(f"{runs['seconds'].sum():.0f} s in all")
    if runs["dirty"].eq(True).any():
        parts.append("⚠ from a tree with uncommitted changes")
    missing = table.loc[~np.isfinite(table["value"]), "run_id"].nunique()
    if missing:
        parts.append(f"⚠ {lacking(missing, len(runs))} for some measurement")
    if diverged := table.loc[table["metric"] == DIVERGED[0], "run_id"].nunique():
        parts.append(f"⚠ {diverged} of {len(runs)} runs diverged and left no number")
    if old := int(runs["stale"].sum()):
        parts.append(f"⚠ {old} runs are of a method that does something else now")
    if others:
        parts.append(f"⚠ beside them {others} runs of this machine that are not committed")
    return " · ".join(parts)


def _committed(table: pd.DataFrame) -> set[str]:
    """Return the ids of the committed runs of the parts and scales in a table."""
    places = table[["part", "scale"]].drop_duplicates()
    return {run for place in places.itertuples(index=False) for run in committed(*map(str, place))}


def axes(ax: Axes | None, size: tuple[float, float]) -> tuple[Figure, Axes]:
    """Return the axes and their figure, new ones of `size` (inches) if there are none."""
    if ax is None:
        return plt.subplots(figsize=size)
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure, ax


def without(values: "pd.Series[float] | npt.NDArray[np.float64]", of: str) -> str:
    """Return, for a title, how many of the values to be drawn are none; "" if all are numbers."""
    told = lacking(int((~np.isfinite(values)).sum()), len(values), of)
    return f"; {told}" if told else ""


def doubts(rows: pd.DataFrame) -> str:
    """Return, for a title, how many of the runs to be drawn have no number or are stale."""
    old = outdated(rows)
    return without(rows["value"], "run") + (f"; {old}" if old else "")


def count(sizes: set[int]) -> str:
    """Return "n = 3" or "n = 3 to 5"."""
    low, high = min(sizes), max(sizes)
    return f"n = {low} to {high}" if high > low else f"n = {low}"


def name_lines(ax: Axes, ends: list[tuple[float, str, Any]]) -> None:
    """Write each line's name right of the axes at its end, moved apart where they would touch."""
    gap, place = 0.075, -math.inf
    drawn = [end for end in ends if math.isfinite(end[0])]
    for height, name, ink in sorted(drawn, key=lambda end: end[0]):
        at = ax.transAxes.inverted().transform(ax.transData.transform((1.0, height)))[1]
        place = max(float(at), place + gap)
        ax.text(1.02, place, name, transform=ax.transAxes, va="center", color=ink, fontsize=9)
