"""Names beside the marks of a figure, where they and their lines cover the least."""

import math
from collections.abc import Sequence
from itertools import product

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.text import Annotation, Text

Boxes = npt.NDArray[np.float64]
"""Left, bottom, right and top, in pixels, one a row; a point is a box without width."""

_MARK = 6.0
"""Half the width of a mark, in pixels."""
_DISTANCES = (9.0, 16.0, 24.0, 34.0, 46.0, 60.0, 76.0)
_TURNS = tuple(math.pi * sixteenth / 16 for sixteenth in range(32))
_PLACES = np.array(
    [(far * math.cos(turn), far * math.sin(turn)) for far, turn in product(_DISTANCES, _TURNS)]
)
"""Where a name may begin or end, from its mark, in points."""
_FAR = np.hypot(*_PLACES.T)
_WAY = np.array([[0.3], [0.5], [0.7], [0.9]])
"""Where on the way from a mark to its name it is looked at what the line covers."""
_ROUNDS = 3
_OUTSIDE, _HIDES, _CROSSES, _WALKS = 1000.0, 10.0, 3.0, 0.05
"""What it costs to leave the axes, to cover a name or a mark, to cover a line; a point of way."""


def name_marks(
    ax: Axes, marks: Sequence[tuple[float, float]], names: Sequence[str], inks: Sequence[str]
) -> None:
    """Write a name near each mark, joined to it by a line.

    Each name in turn takes the best place around its mark, given the others; a few rounds let the
    first ones make room for the last.

    Args:
        ax: Where the marks are; its scales and limits are those with which it is shown.
        marks: Their places, in data.
        names: What to write.
        inks: Colours of the lines.
    """
    figure = ax.get_figure(root=True)
    assert figure is not None
    bars = [line for line in ax.lines if np.size(line.get_xdata()) == 2]
    texts = [_write(ax, *each) for each in zip(marks, names, inks, strict=True)]
    figure.draw_without_rendering()  # which places the axes
    unit = figure.dpi / 72
    centres = ax.transData.transform(np.asarray(marks, dtype=float))
    sizes = [np.array(Text.get_window_extent(text).size) for text in texts]
    frame = np.array(ax.get_window_extent().extents)
    own = np.hstack([centres - _MARK, centres + _MARK])
    drawn = np.array([bar.get_window_extent().extents for bar in bars]).reshape(-1, 4)
    found: dict[int, tuple[Boxes, Boxes]] = {}
    for i in [*range(len(texts))] * _ROUNDS:
        others = [place for j, place in found.items() if j != i]
        solid = np.vstack([np.delete(own, i, axis=0), *(name for name, _ in others)])
        thin = np.vstack([drawn, *(line for _, line in others)])
        away = _PLACES.copy()
        beside = np.abs(away[:, 0]) > 0.1 * _FAR  # else the name stands above or below
        away[beside, 0] += np.sign(away[beside, 0]) * sizes[i][0] / unit / 2
        at = centres[i] + unit * away
        names_at = np.hstack([at - sizes[i] / 2, at + sizes[i] / 2])
        ways = centres[i] + _WAY * (at - centres[i])[:, None]
        lines_at = np.tile(ways, 2)
        past = np.hstack([names_at[:, :2] < frame[:2], names_at[:, 2:] > frame[2:]])
        hides = _overlaps(names_at, np.vstack([solid, own[[i]]]))
        covers = _overlaps(lines_at.reshape(-1, 4), solid).reshape(len(at), -1).sum(axis=1)
        crosses = _overlaps(names_at, thin) + covers
        cost = _OUTSIDE * past.any(axis=1) + _HIDES * hides + _CROSSES * crosses + _WALKS * _FAR
        best = int(cost.argmin())
        found[i] = names_at[best], lines_at[best]
        texts[i].set_position((away[best, 0], away[best, 1]))


def _write(ax: Axes, mark: tuple[float, float], name: str, ink: str) -> Annotation:
    """Write a name on its mark, from where it is moved."""
    arrow = {"arrowstyle": "-", "lw": 0.6, "color": ink, "shrinkA": 0, "shrinkB": 4}
    return ax.annotate(
        name, mark, (0, 0), textcoords="offset points", arrowprops=arrow,
        color="#333333", fontsize=8, ha="center", va="center", in_layout=False,
    )  # fmt: skip


def _overlaps(these: Boxes, those: Boxes) -> npt.NDArray[np.intp]:
    """Return for each of some boxes how many of others it overlaps."""
    above = these[:, None, 2:] > those[None, :, :2]
    below = these[:, None, :2] < those[None, :, 2:]
    return np.asarray((above & below).all(axis=-1).sum(axis=1), dtype=np.intp)
