"""The figures of the book: one style, one colour a method, markers by data access.

Every figure is drawn from a table of records, prints per cent for fractions, names its axes with
units and states n. Show one with :func:`show_figure`, which gives the page an alternative text;
marks that are data points say their value under the pointer.

- `style`: the look of the book, the line of provenance, words for titles
- `picture`: how a figure stands on a page, with its alternative text
- `hover`: `tell` a mark what it says under the pointer; figures as SVG
- `by_model`: a dot a trained model, means with intervals, axes that end where a quantity does
- `by_method`: `dots` and `boxes`, which set methods beside each other
- `by_request`: `dots_by_request`, a panel a request
- `by_pair`: `intervals` of differences between methods
- `by_hyper_parameter`: `heatmap` and `curves`, over the hyper-parameters of a method
- `deviations`: differences from a reference over two numbers, with the cells of a rule
- `names`: names beside marks, where they cover the least
- `trade_off`: what methods forget against what they keep
- `reruns`: what a build made anew, against its records
- `plane`: models of one or two inputs, and quantities against a distance
"""

from .by_hyper_parameter import curves, heatmap
from .by_method import boxes, dots
from .by_model import draw_line, draw_models, how_drawn, keep_within
from .by_pair import intervals
from .by_request import dots_by_request
from .deviations import deviations
from .hover import tell
from .picture import Picture, show_figure
from .reruns import reruns, show_reruns
from .style import colour, count, live_line, provenance_line, use
from .trade_off import positions, trade_off

__all__ = [
    "Picture",
    "boxes",
    "colour",
    "count",
    "curves",
    "deviations",
    "dots",
    "dots_by_request",
    "draw_line",
    "draw_models",
    "heatmap",
    "how_drawn",
    "intervals",
    "keep_within",
    "live_line",
    "positions",
    "provenance_line",
    "reruns",
    "show_figure",
    "show_reruns",
    "tell",
    "trade_off",
    "use",
]
