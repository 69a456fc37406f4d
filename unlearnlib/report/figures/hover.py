"""Figures as SVG whose marks say their value under the pointer, without a script."""

import io
import re
from typing import Any
from weakref import WeakKeyDictionary
from xml.etree import ElementTree
from zlib import crc32

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..presentation import bare

LEAST, MOST = 68, 125
"""Pixels an inch: below the first, words cannot be read; no figure is shown with more."""

_SVG = "{http://www.w3.org/2000/svg}"
_WRITTEN: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "unlearnlib",
    "font.sans-serif": ["DejaVu Sans", "Verdana"],  # which has the same widths
}
_FAMILY = "'DejaVu Sans', 'Verdana', sans-serif"
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
_LONG = re.compile(r"-?\d+\.\d{3,}")
_REFERRED = re.compile(r"(?:(?<=^#)|(?<=url\(#))[\w.-]+")

_TOLD: WeakKeyDictionary[Artist, tuple[str, ...]] = WeakKeyDictionary()

ElementTree.register_namespace("", "http://www.w3.org/2000/svg")
ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")


def tell(artist: Artist, *texts: str) -> None:
    """Let the marks of an artist say what they stand for while the pointer is on them.

    Args:
        artist: A line with markers, a mesh of cells, or what is one mark.
        texts: One a point or a cell, in their order; or one for all of it.
    """
    _TOLD[artist] = texts


def is_told(figure: Figure) -> bool:
    """Return whether some mark of a figure says what it stands for."""
    return any(artist in _TOLD for artist in figure.findobj())


def number(value: Any) -> str:
    """Return a number as marks say it, with three digits or all that stand before the point.

    >>> number(12.3456), number(1234.5)
    ('12.3', '1234')
    """
    return f"{bare(value):.0f}" if abs(value) >= 1000 else f"{bare(value):.3g}"


def svg(figure: Figure, alt: str) -> str:
    """Return a figure as SVG to stand in a page: a title a mark, the same bytes every time.

    Its ids are no other figure's, and what it says of lines and letters holds for it alone.

    Args:
        figure: The figure; marks that :func:`tell` was told of have titles.
        alt: What the figure shows, for readers who do not see it.
    """
    told = [artist for artist in figure.findobj() if artist in _TOLD]
    for i, artist in enumerate(told):
        artist.set_gid(f"told-{i}")
    buffer = io.StringIO()
    with plt.rc_context(_WRITTEN):
        figure.savefig(buffer, format="svg", metadata=_NO_METADATA)
    root = ElementTree.fromstring(buffer.getvalue())
    groups = {group.get("id"): group for group in root.iter(f"{_SVG}g")}
    for i, artist in enumerate(told):
        if (group := groups.get(f"told-{i}")) is not None:  # else it is not visible
            _give_titles(group, artist, figure)
    _shorten(root)
    _make_ids_its_own(root, alt)
    width = figure.get_figwidth()
    root.attrib = {
        "role": "img",
        "aria-label": alt,
        "viewBox": root.attrib["viewBox"],
        "style": f"width:100%;min-width:{LEAST * width:.0f}px;max-width:{MOST * width:.0f}px;"
        f"font-family:{_FAMILY};stroke-linejoin:round;stroke-linecap:butt",
    }
    return ElementTree.tostring(root, encoding="unicode")


def _give_titles(group: ElementTree.Element, artist: Artist, figure: Figure) -> None:
    """Give titles to the marks of one artist, which are drawn in `group`."""
    texts = _TOLD[artist]
    if len(texts) == 1:
        _give_title(group, texts[0])
    elif isinstance(artist, Line2D):
        # By place, not by order: points without a number are not drawn.
        points = artist.get_transform().transform(np.asarray(artist.get_xydata(), dtype=float))
        points *= 72 / figure.dpi
        height = 72 * figure.get_figheight()
        for mark in group.iter(f"{_SVG}use"):
            place = float(mark.attrib["x"]), height - float(mark.attrib["y"])
            here = np.abs(points - place).max(axis=1) < 0.01
            _give_title(mark, "\n".join(np.array(texts)[here]))
    else:
        for cell, text in zip(group.findall(f"{_SVG}path"), texts, strict=True):
            _give_title(cell, text)


def _give_title(mark: ElementTree.Element, text: str) -> None:
    """Let `text` be what a browser shows while the pointer is on `mark`."""
    title = ElementTree.Element(f"{_SVG}title")
    title.text = text
    mark.insert(0, title)


def _shorten(root: ElementTree.Element) -> None:
    """Leave out what is not seen: digits, spaces, what is said of every letter and every mark.

    The style that matplotlib gives to all elements goes, too: it would hold for the whole page.
    """
    for sheet in root.findall(f"{_SVG}defs/{_SVG}style/.."):
        root.remove(sheet)
    for element in root.iter():
        for key in {"d", "x", "y", "transform"} & element.attrib.keys():
            element.set(key, _LONG.sub(lambda long: f"{float(long[0]):.2f}", element.attrib[key]))
        if element.get("transform", "").startswith("rotate(-0 "):
            del element.attrib["transform"]
        if "style" in element.attrib:
            element.set("style", element.attrib["style"].replace(f" font-family: {_FAMILY};", ""))
        marks = element.findall(f"{_SVG}use")
        if len(marks) > 1 and len({mark.get("style") for mark in marks}) == 1:
            element.set("style", marks[0].attrib["style"])
            for mark in marks:
                del mark.attrib["style"]
        if not (element.text or "").strip():
            element.text = None
        if not (element.tail or "").strip():
            element.tail = None


def _make_ids_its_own(root: ElementTree.Element, alt: str) -> None:
    """Rename the ids that something refers to, as no other figure does; leave out the others."""
    own = f"f{crc32(ElementTree.tostring(root) + alt.encode()):08x}"
    values = [value for element in root.iter() for value in element.attrib.values()]
    names = dict.fromkeys(name for value in values for name in _REFERRED.findall(value))
    new = {name: f"{own}-{i}" for i, name in enumerate(names)}
    for element in root.iter():
        for key, value in element.items():
            element.set(key, _REFERRED.sub(lambda name: new[name[0]], value))
        if (name := element.attrib.pop("id", None)) in new:
            element.set("id", new[name])
