"""A finished table, and what every table of the report has in common."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape, unescape

import pandas as pd

from .agreement import AGREEMENT_GLYPHS
from .presentation import GROUPS, group, presented
from .verdicts import CLAIM_GLYPHS

_STYLE = (
    "border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums;margin:0.5em 0;"
    "max-width:700px"
)
_CELL = "padding:2px 8px;border:0;background:none"
_WORD = re.compile(rf"\W ({'|'.join([*CLAIM_GLYPHS, *AGREEMENT_GLYPHS])})\b")
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
        sortable: In the book it can be sorted and filtered; its first cells are never left out.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    caption: str = ""
    numeric: frozenset[str] = frozenset()
    raw: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    spans: tuple[str, ...] = ()
    fold: "Table | None" = None
    sortable: bool = False

    def _repr_html_(self) -> str:
        look = "" if self.sortable else f"{_CELL};"  # these are long, and look as the book does

        def side(column: str) -> str:
            return "right" if column in self.numeric else "left"

        def head(column: str) -> str:
            style = f"{_CELL};text-align:{side(column)};border-bottom:1px solid"
            return f'<th style="{style}">{escape(column)}</th>'

        def cell(column: str, text: str) -> str:
            word = _WORD.match(text)
            kind = f' class="verdict {word[1].replace(" ", "-")}"' if word else ""
            body = text if column in self.raw else escape(text)
            style = f"{look}text-align:{side(column)};"
            return f'<td{kind} style="{style}">{body}</td>'

        kind = ' class="sortable"' if self.sortable else ""
        out = [f'<table{kind} style="{_STYLE}">']
        if self.caption:
            out.append(
                f'<caption style="caption-side:top;text-align:left">{escape(self.caption)}'
                "</caption>"
            )
        out.append(
            f"<thead>{self._over()}<tr>{''.join(map(head, self.columns))}</tr></thead><tbody>"
        )
        last: tuple[str, str] = ("", "")
        for heading, cells in self.rows:
            if heading and heading != last[0]:
                out.append(
                    f'<tr><th colspan="{len(self.columns)}" style="{_CELL};text-align:left;'
                    f'font-style:italic;padding-top:8px">{escape(heading)}</th></tr>'
                )
            again = (heading, cells[0]) == last and not self.sortable
            shown = ("" if again else cells[0], *cells[1:])
            last = (heading, cells[0])
            out.append(f"<tr>{''.join(map(cell, self.columns, shown))}</tr>")
        out.append("</tbody></table>")
        if self.fold:
            inner = replace(self.fold, caption="")._repr_html_()
            title = f"<summary>{escape(self.fold.caption)}</summary>"
            out.append(f'<details style="font-size:13px">{title}{inner}</details>')
        if self.notes:
            lines = "<br>".join(map(escape, self.notes))
            out.append(f'<p style="font-size:12px;max-width:700px">{lines}</p>')
        return "\n".join(out)

    def _over(self) -> str:
        """Return the row of headings above the headings; "" if there are none."""
        if not self.spans:
            return ""
        over = "".join(
            f'<th colspan="{2 if text else 1}" style="{_CELL};text-align:center">'
            f"{escape(text)}</th>"
            for text in self.spans
        )
        return f"<tr>{over}</tr>"

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

        out = [self.caption] if self.caption else []
        if self.spans:
            out.append("Pairs of columns: " + "; ".join(filter(None, self.spans)))
        out.append(line(self.columns))
        last = ""
        for heading, row in rows:
            if heading != last:
                out.append(f"-- {heading}")
                last = heading
            out.append(line(row))
        if self.fold:
            out.append(repr(self.fold))
        return "\n".join([*out, *self.notes])


def spread(mean: float, sd: float, metric: str, *, ratio: bool = False) -> str:
    """Return "mean ± sd" in the metric's printed unit; no ± where the spread is not known.

    >>> spread(0.662, 0.003, "accuracy")
    '66.2 ± 0.3'
    """
    text = times if ratio else presented(metric).text
    return text(mean) if pd.isna(mean) or pd.isna(sd) else f"{text(mean)} ± {text(sd)}"


def times(ratio: float) -> str:
    """Return a ratio as printed, "0.62×"; a dash where there is none."""
    return "—" if pd.isna(ratio) else f"{ratio:.2f}×"


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
