"""The figures of the book: one style, one colour a method, markers by data access.

Every figure is drawn from a table of records, prints per cent for fractions, names its axes with
units and states n. Show one with :func:`show_figure`, which gives the page an alternative text.

    ``by_method``           methods beside each other: dots of a measurement, boxes of examples.
    ``by_hyper_parameter``  a measurement against one dial (curves) or two (a heat map).
    ``plane``               models with one or two inputs; quantities against a distance.
    ``style``               the look, colours of methods, alternative texts, provenance.
"""

from .charts import boxes, curves, dots, heatmap
from .style import Picture, colour, provenance_line, show_figure, use

__all__ = [
    "Picture",
    "boxes",
    "colour",
    "curves",
    "dots",
    "heatmap",
    "provenance_line",
    "show_figure",
    "use",
]
