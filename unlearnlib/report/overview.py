"""The ledger as a picture: a row a claim, a cell a (setting, scale), taken in at a glance.

It is HTML: the book's style sheet draws it in one or two columns, on the light and the dark theme
and in print. A reader who does not see it has tables with a sentence for each cell.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

from .presentation import part_name
from .rows import row_dicts
from .verdicts import CLAIM_GLYPHS

_WORDS = {
    "ssd": "SSD", "lfssd": "LFSSD", "assd": "ASSD", "jit": "JiT", "equation": "eq.",
    "released": "rel.", "gkt": "GKT", "emmn": "EMMN",
}  # fmt: skip
OURS = "Our own questions"
_LEAST, _MOST = 1, 6
"""The fewest and the most cells of a scale that a line has room for."""


@dataclass(frozen=True)
class Cell:
    """One verdict of the picture.

    Attributes:
        verdict: A word of `CLAIM_GLYPHS`.
        glyph: Its glyph.
        share: In how many models it holds, "9/10"; "" where models are not counted.
        told: All about it in a sentence, shown on hovering and read out.
        exploratory: The claim is not frozen, or some of its runs are older.
        stale: It rests on a run whose method does something else now.
    """

    verdict: str
    glyph: str
    share: str
    told: str
    exploratory: bool = False
    stale: bool = False

    def __str__(self) -> str:
        """Return glyph, share and marks: "●9/10", with a star if it is exploratory."""
        marks = ("*" if self.exploratory else "") + ("⚠" if self.stale else "")
        return f"{self.glyph}{self.share}{marks}"

    def _repr_html_(self) -> str:
        kinds = ["cell-of", self.verdict.replace(" ", "-")]
        kinds += ["exploratory"] if self.exploratory else []
        told = escape(self.told, quote=True)
        return (
            f'<span class="{" ".join(kinds)}" role="img" title="{told}">'
            f"{self.glyph}{'⚠' if self.stale else ''}{self.share}</span>"
        )


@dataclass(frozen=True)
class Overview:
    """The picture, as HTML in a notebook and as plain text elsewhere.

    Attributes:
        scales: The columns.
        rows: For each claim its id, part, heading and sentence, and its cells by scale.
    """

    scales: tuple[str, ...]
    rows: tuple[tuple[str, str, str, str, tuple[tuple[Cell, ...], ...]], ...]

    def _repr_html_(self) -> str:
        headings = dict.fromkeys(heading for _, _, heading, _, _ in self.rows)
        tables = "".join(self._table(heading) for heading in headings)
        return f'<div class="overview">{tables}</div>\n{self._key()}'

    def _table(self, heading: str) -> str:
        """Return the claims of one heading as a table whose columns are as wide as the others'."""
        room = [max(len(cells[i]) for *_, cells in self.rows) for i in range(len(self.scales))]
        room = [min(max(cells, _LEAST), _MOST) for cells in room]
        columns = "".join(f'<col style="width:{100 * r / sum(room):.0f}%">' for r in room)
        heads = "".join(f'<th scope="col">{escape(scale)}</th>' for scale in self.scales)
        lines = []
        for name, part, above, sentence, scales in self.rows:
            if above != heading:
                continue
            link, title = f"ledger.html#claim-{name}", escape(sentence, quote=True)
            head = f'<a href="{link}" title="{title}">{escape(short_name(name, part))}</a>'
            # Names are what the keyboard stops at; all cells of a claim lead where its name does.
            to = f'<a href="{link}" tabindex="-1">'
            data = (
                f"<td>{''.join(f'{to}{cell._repr_html_()}</a>' for cell in cells)}</td>"
                for cells in scales
            )
            lines.append(f'<tr><th scope="row">{head}</th>{"".join(data)}</tr>')
        return (
            f'<table><colgroup><col class="claim">{columns}</colgroup><thead><tr><th scope="col">'
            f"{escape(heading)}</th>{heads}</tr></thead><tbody>\n"
            + "\n".join(lines)
            + "\n</tbody></table>"
        )

    def _key(self) -> str:
        """Return what the cells mean."""
        words = (
            f'<span><span class="cell-of {word.replace(" ", "-")}">{glyph}</span> {word}</span>'
            for word, glyph in CLAIM_GLYPHS.items()
        )
        return (
            f'<p class="overview-key">{" ".join(words)} <span><span class="cell-of exploratory">'
            "&nbsp;</span> exploratory: some runs are older than what judges them</span> "
            "<span>⚠ stale</span> <span>9/10: holds in nine of ten models</span> "
            "<span>eq.: by the equation</span> <span>rel.: as released</span></p>"
        )

    def __repr__(self) -> str:
        """Return a line a claim, its cells by scale."""
        names = [short_name(name, part) for name, part, *_ in self.rows]
        width = max(map(len, names), default=0)
        lines, last = [f"claim: {' | '.join(self.scales)}"], ""
        for name, (_, _, heading, _, scales) in zip(names, self.rows, strict=True):
            if heading != last:
                lines.append(f"-- {heading}")
                last = heading
            texts = (" ".join(map(str, cells)) for cells in scales)
            lines.append(f"{name:<{width}}  {' | '.join(texts)}")
        return "\n".join(lines)


def show_overview(claims: pd.DataFrame, settings: pd.DataFrame) -> Overview:
    """Return all verdicts as a picture: a row a claim, a cell a (setting, scale).

    A claim that is not judged by setting, or about kinds of settings together, has one cell a
    scale. What no paper claims stands by itself. The names of claims, and their cells, lead to the
    rows of :func:`show_ledger` on the page `ledger`, beside that of the picture.

    Args:
        claims: What :func:`ledger` returned, filtered or not.
        settings: What :func:`by_setting` returned of the same tables.
    """
    scales = tuple(dict.fromkeys(claims["scale"]))
    by: dict[tuple[str, str], list[Cell]] = {}
    for row in row_dicts(settings):
        where = ", ".join(filter(None, (row["dataset"], row["model"], row["request"])))
        by.setdefault((row["id"], row["scale"]), []).append(cell_of(row, where, share_of(row)))
    rows = []
    for _, lines in claims.groupby(["part", "id"], sort=False):
        whole = {row["scale"]: row for row in row_dicts(lines)}
        first = lines.iloc[0]
        name, part = first["id"], first["part"]
        heading = OURS if first["ours"] else part_name(part)
        cells = []
        for scale in scales:
            told = whole.get(scale)  # of filtered verdicts a scale may be left out
            one = [cell_of(told, "", told["share"])] if told else []
            cells.append(tuple(one if first["together"] else by.get((name, scale), one)))
        rows.append((name, part, heading, first["sentence"], tuple(cells)))
    return Overview(scales, tuple(sorted(rows, key=lambda row: row[2] == OURS)))


def share_of(row: dict[str, Any], who: str = "") -> str:
    """Return in how many models it holds, "9/10"; "" where there are none.

    Args:
        row: A row of :func:`by_setting`.
        who: "original_" or "oracle_" for a control.
    """
    k, n = row[f"{who}k"], row[f"{who}n"]
    return "" if pd.isna(n) or not n or row["exact"] else f"{int(k)}/{int(n)}"


def cell_of(row: dict[str, Any], where: str, share: str) -> Cell:
    """Return the cell of a verdict, with the sentence that tells all about it."""
    doubts = ("exploratory" if row["exploratory"] else "", "stale" if row["stale"] else "")
    place = f"{row['scale']}{', ' if where else ''}{where}"
    told = "; ".join(filter(None, (f"{place}: {row['verdict']}", *doubts, row["detail"])))
    marks = bool(row["exploratory"]), bool(row["stale"])
    return Cell(row["verdict"], row["glyph"], share, told, *marks)


def short_name(claim: str, part: str) -> str:
    """Return the id of a claim as words, without the name of its part.

    >>> short_name("jit-class-forgets", "jit"), short_name("ssd-fast-equation", "dampening")
    ('class forgets', 'SSD fast eq.')
    """
    words: Sequence[str] = claim.removeprefix(part.replace("_", "-") + "-").split("-")
    return " ".join(_WORDS.get(word, word) for word in words)
