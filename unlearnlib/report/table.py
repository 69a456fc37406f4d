"""A finished table, and what every table of the report has in common."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape, unescape
from typing import Any

import pandas as pd

from .claims import GLYPHS
from .compare import GLYPHS as AGREEMENT
from .measures import GROUPS, group, measure

_STYLE = (
    "border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums;margin:0.5em 0;"
    "max-width:700px"
)
_CELL = "padding:2px 8px;border:0;background:none"
_WORD = re.compile(rf"\W ({'|'.join([*GLYPHS, *AGREEMENT])})\b")
"""A verdict at the start of a cell; the book's style sheet colours it."""


@dataclass(frozen=True)
class Table:
    """A finished table: text in cells, shown as HTML in a notebook and as plain text elsewhere.

    Attributes:
        columns: The headings.
        rows: Pairs (group heading, cells); a heading is printed where it changes, "" never.
        caption: What the table shows, over how many runs, in which unit.
        numeric: The columns that are right-aligned.
        raw: The columns that hold ready HTML (links) and are not escaped.
        notes: Lines below the table.
        spans: Headings above the headings: "" stands over one column, others over two.
        fold: A table to be opened below this one, by a click on its caption.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    caption: str = ""
    numeric: frozenset[str] = frozenset()
    raw: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    spans: tuple[str, ...] = ()
    fold: "Table | None" = None

    def _repr_html_(self) -> str:
        def cell(tag: str, column: str, text: str, style: str = "") -> str:
            side = "right" if column in self.numeric else "left"
            body = text if tag == "td" and column in self.raw else escape(text)
            word = _WORD.match(text) if tag == "td" else None
            kind = f' class="verdict {word[1].replace(" ", "-")}"' if word else ""
            return f'<{tag}{kind} style="{_CELL};text-align:{side};{style}">{body}</{tag}>'

        out = [f'<table style="{_STYLE}">']
        if self.caption:
            out.append(
                f'<caption style="caption-side:top;text-align:left">{escape(self.caption)}'
                "</caption>"
            )
        heads = "".join(cell("th", c, c, "border-bottom:1px solid") for c in self.columns)
        over = "".join(
            f'<th colspan="{1 + bool(text)}" style="{_CELL};text-align:center">{escape(text)}</th>'
            for text in self.spans
        )
        out.append(f"<thead>{f'<tr>{over}</tr>' * bool(over)}<tr>{heads}</tr></thead><tbody>")
        last: tuple[str, str] = ("", "")
        for heading, cells in self.rows:
            if heading and heading != last[0]:
                out.append(
                    f'<tr><th colspan="{len(self.columns)}" style="{_CELL};text-align:left;'
                    f'font-style:italic;padding-top:8px">{escape(heading)}</th></tr>'
                )
            shown = ("" if (heading, cells[0]) == last else cells[0], *cells[1:])
            last = (heading, cells[0])
            body = "".join(cell("td", c, t) for c, t in zip(self.columns, shown, strict=True))
            out.append(f"<tr>{body}</tr>")
        out.append("</tbody></table>")
        if self.fold:
            inner = replace(self.fold, caption="")._repr_html_()
            head = f"<summary>{escape(self.fold.caption)}</summary>"
            out.append(f'<details style="font-size:13px">{head}{inner}</details>')
        if self.notes:
            lines = "<br>".join(map(escape, self.notes))
            out.append(f'<p style="font-size:12px;max-width:700px">{lines}</p>')
        return "\n".join(out)

    def _plain(self, column: str, text: str) -> str:
        return unescape(re.sub(r"<[^>]+>", " ", text)) if column in self.raw else text

    def __repr__(self) -> str:
        """Return the table as plain text with aligned columns."""
        rows = [(heading, tuple(map(self._plain, self.columns, row))) for heading, row in self.rows]
        cells = [self.columns, *(row for _, row in rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]

        def line(row: Sequence[str]) -> str:
            places = zip(row, widths, self.columns, strict=True)
            return "  ".join(
                t.rjust(w) if c in self.numeric else t.ljust(w) for t, w, c in places
            ).rstrip()

        out = [self.caption] * bool(self.caption)
        out += ["Pairs of columns: " + "; ".join(filter(None, self.spans))] * bool(self.spans)
        out += [line(self.columns)]
        last = ""
        for heading, row in rows:
            if heading != last:
                out.append(f"-- {heading}")
                last = heading
            out.append(line(row))
        return "\n".join([*out, *[repr(self.fold)] * bool(self.fold), *self.notes])


def spread(mean: float, sd: float, metric: str, *, ratio: bool = False) -> str:
    """Return "mean ± sd" in the metric's printed unit; no ± where the spread is not known.

    >>> spread(0.662, 0.003, "accuracy")
    '66.2 ± 0.3'
    """
    text = (lambda v: "—" if pd.isna(v) else f"{v:.2f}×") if ratio else measure(metric).text
    return text(mean) if pd.isna(mean) or pd.isna(sd) else f"{text(mean)} ± {text(sd)}"


def grouped(frame: pd.DataFrame) -> pd.DataFrame:
    """Add the access group of each row and sort by it; within a group the order stays."""
    frame = frame.assign(
        group=[group(m, a) for m, a in zip(frame["method"], frame["access"], strict=True)]
    )
    place = frame["group"].map({name: i for i, name in enumerate(GROUPS)})
    first = {m: i for i, m in enumerate(dict.fromkeys(frame["method"]))}
    order = pd.DataFrame({"g": place, "m": frame["method"].map(first)}).sort_values(
        ["g", "m"], kind="stable"
    )
    return frame.loc[order.index]


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame as dictionaries."""
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]
