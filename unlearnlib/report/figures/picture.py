"""How a figure stands on a page: SVG whose marks say their value, or PNG, and what it shows."""

import base64
import io
from dataclasses import dataclass
from html import escape

import matplotlib.pyplot as plt
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from ...errors import SpecError
from .hover import is_told, svg

MOST = 250_000
"""Characters of an SVG; a figure of more marks than that is shown as PNG."""


@dataclass(frozen=True)
class Picture:
    """A figure as HTML with its alternative text, shown so in a notebook.

    Attributes:
        html: The figure: an SVG, or an image of PNG.
        alt: What it shows, for readers who do not see it.
    """

    html: str
    alt: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        """Return the alternative text."""
        return f"Figure: {self.alt}"


def show_figure(figure: Figure, alt: str, *, dpi: int = 144) -> Picture:
    """Close `figure` and return it with its alternative text: the last line of a notebook's cell.

    Where its marks say what they stand for (:func:`tell`) it is SVG, and they do under the pointer.
    If it shows neither an image nor a map of colours it is of the class `drawing`, which a dark
    page turns over.

    Args:
        figure: The figure; it is closed, so that the notebook does not show it twice.
        alt: What the figure shows: the quantities, and the one thing to see.
        dpi: Dots an inch of a PNG.

    Raises:
        SpecError: `alt` is empty.
    """
    if not alt.strip():
        raise SpecError(
            "A figure needs an alternative text for readers who do not see it. Say what is drawn "
            "and the one thing to see."
        )
    html = svg(figure, alt) if is_told(figure) else ""
    if not 0 < len(html) <= MOST:
        html = _image(figure, alt, dpi)
    if not _is_coloured_by_numbers(figure):
        html = html.replace(' style="', ' class="drawing" style="', 1)
    plt.close(figure)
    return Picture(html, alt)


def _is_coloured_by_numbers(figure: Figure) -> bool:
    """Return whether a figure shows an image or a map, whose colours stand for numbers."""
    kinds = (one for one in figure.findobj() if isinstance(one, ScalarMappable))
    return any(one.get_array() is not None for one in kinds)


def _image(figure: Figure, alt: str, dpi: int) -> str:
    """Return a figure as an image of PNG that stands in the page."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<img alt="{escape(alt, quote=True)}" '
        f'style="max-width:100%" src="data:image/png;base64,{data}">'
    )
