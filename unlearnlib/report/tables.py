"""Tables for pages: right-aligned numbers, grouped by data access, the same bytes every time."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape, unescape
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from ..errors import SpecError
from .claims import GLYPHS
from .compare import GLYPHS as AGREEMENT
from .compare import Verdict
from .measures import GROUPS, group, label, measure

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
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    caption: str = ""
    numeric: frozenset[str] = frozenset()
    raw: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

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
        out.append(f"<thead><tr>{heads}</tr></thead><tbody>")
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

        out = [self.caption] * bool(self.caption) + [line(self.columns)]
        last = ""
        for heading, row in rows:
            if heading != last:
                out.append(f"-- {heading}")
                last = heading
            out.append(line(row))
        return "\n".join([*out, *self.notes])


def show(frame: pd.DataFrame, caption: str = "", *, root: str = "") -> Table:
    """Return a frame of `compare`, `summary`, `paired`, `ledger` or `glance` as a table.

    Args:
        frame: What one of these functions returned, filtered or not.
        caption: Put above the table; the unit and the number of runs are in the table.
        root: For `ledger`: what stands before the page in a link, such as "../".

    Raises:
        SpecError: The frame is none of theirs.
    """
    layouts: dict[str, Callable[[pd.DataFrame], Table]] = {
        "reported_mean": _comparison,
        "reference": _paired,
        "sentence": lambda rows: _ledger(rows, root),
        "sd": _summary,
        "reproduced": _glance,
    }
    for column, layout in layouts.items():
        if column in frame:
            return replace(layout(frame), caption=caption)
    raise SpecError(
        "show() knows the frames of compare(), summary(), paired(), ledger() and glance(), and "
        f"this one has the columns {list(frame.columns)}. Pass one of theirs; pandas "
        "shows any other frame."
    )


def plain(frame: pd.DataFrame, caption: str = "", *, digits: int = 3) -> Table:
    """Return any frame as a table of the book: its columns as headings, numbers rounded.

    Args:
        frame: Numbers are printed with `digits` significant digits, a dash where there is none.
        caption: Put above the table.
        digits: Significant digits.

    >>> plain(pd.DataFrame({"pair": ["a − b"], "p": [0.25]}))
    pair      p
    a − b  0.25
    """

    def text(value: Any) -> str:
        if pd.isna(value):
            return "—"
        return f"{value:.{digits}g}" if isinstance(value, float) else str(value)

    rows = [("", tuple(map(text, row))) for row in frame.itertuples(index=False)]
    numeric = frozenset(frame.columns[[is_numeric_dtype(t) for t in frame.dtypes]])
    return Table(tuple(frame.columns), tuple(rows), caption, numeric)


def spread(mean: float, sd: float, metric: str, *, ratio: bool = False) -> str:
    """Return "mean ± sd" in the metric's printed unit; no ± where the spread is not known.

    >>> spread(0.662, 0.003, "accuracy")
    '66.2 ± 0.3'
    """
    text = (lambda v: "—" if pd.isna(v) else f"{v:.2f}×") if ratio else measure(metric).text
    return text(mean) if pd.isna(mean) or pd.isna(sd) else f"{text(mean)} ± {text(sd)}"


def _groups(frame: pd.DataFrame) -> pd.DataFrame:
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


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def _comparison(frame: pd.DataFrame) -> Table:
    frame = _groups(frame.reset_index(drop=True))
    rows = []
    doubts = list(dict.fromkeys(filter(None, frame["note"])))
    for row in _records(frame):
        kind = measure(row["metric"])
        scale, digits = (1.0, 2) if kind.relative else (kind.scale, kind.decimals)
        d = row["difference"]
        printed = spread(
            row["reported_mean"], row["reported_sd"], row["metric"], ratio=kind.relative
        )
        ours = spread(row["ours_mean"], row["ours_sd"], row["metric"], ratio=kind.relative)
        cells = (
            row["method"],
            label(row["metric"], row["split"], unit=not kind.relative),
            printed + (f" [{doubts.index(row['note']) + 1}]" if row["note"] else ""),
            ours + " ⚠ stale" * bool(row["stale"]),
            str(row["n"]) if row["n"] else "—",
            "—" if pd.isna(d) else f"{d * scale:+.{digits}f}",
            str(Verdict(row["verdict"], note=row["doubt"])),
        )
        rows.append((row["group"], cells))
    heads = ("Method", "Measured", "Paper", "Ours", "n", "Difference", "Verdict")
    notes = [f"[{i}] {doubt}" for i, doubt in enumerate(doubts, 1)]
    notes += ["Paper: " + "; ".join(dict.fromkeys(filter(None, frame["source"]))) + "."]
    runs = {name for text in frame["runs"] for name in text.split()}
    if runs:
        first = _records(frame[frame["n"] > 0])[0]
        where = ", ".join(first[name] for name in ("dataset", "model", "request"))
        notes += [f"Ours: {first['scale']} scale, {where}; {len(runs)} runs."]
    return Table(heads, tuple(rows), numeric=frozenset(heads[2:6]), notes=tuple(notes))


def _summary(frame: pd.DataFrame) -> Table:
    """One row a (setting, method, params), one column a measurement; n once."""
    measured = list(dict.fromkeys(zip(frame["metric"], frame["split"], strict=True)))
    extra = [c for c in ("dataset", "model", "request") if frame[c].nunique() > 1]
    swept = frame.groupby("method")["params"].nunique().max() > 1
    extra += ["setting"] * bool(swept)
    frame = frame.assign(setting=_what_varies(frame))
    rows = []
    keys = ["group", "method", "dataset", "model", "request", "params", "setting", "access"]
    for _, runs in _groups(frame.reset_index(drop=True)).groupby(keys, sort=False):
        first = _records(runs)[0]
        by = {(r["metric"], r["split"]): r for r in _records(runs)}
        none = {"mean": float("nan"), "sd": float("nan")}
        numbers = [(by.get(key, none), key[0]) for key in measured]
        cells = [first["method"] + " ⚠ stale" * bool(runs["stale"].any())]
        cells += [str(first[c]) for c in extra]
        cells += [spread(r["mean"], r["sd"], metric) for r, metric in numbers]
        rows.append((first["group"], (*cells, str(runs["n"].max()))))
    heads = [label(metric, split, unit=True) for metric, split in measured]
    columns = ("Method", *(c.capitalize() for c in extra), *heads, "n")
    return Table(columns, tuple(rows), numeric=frozenset({*heads, "n"}))


def _what_varies(frame: pd.DataFrame) -> list[str]:
    """Return of each row's hyper-parameters those that differ within its method: "lr = 0.1"."""
    settings = [json.loads(text or "{}") for text in frame["params"]]
    values: dict[tuple[str, str], set[str]] = {}
    for method, setting in zip(frame["method"], settings, strict=True):
        for name, value in setting.items():
            values.setdefault((method, name), set()).add(str(value))
    return [
        ", ".join(f"{k} = {v}" for k, v in setting.items() if len(values[method, k]) > 1)
        for method, setting in zip(frame["method"], settings, strict=True)
    ]


def _paired(frame: pd.DataFrame) -> Table:
    rows = []
    for row in _records(frame):
        kind, ratio = measure(row["metric"]), row["ratio"]
        scale, digits = (1.0, 2) if ratio else (kind.scale, kind.decimals)
        ends = [row[end] * scale for end in ("mean", "low", "high")]
        mean, low, high = (f"{end:.2f}×" if ratio else f"{end:+.{digits}f}" for end in ends)
        cells = (
            f"{row['method']} {'/' if ratio else '−'} {row['reference']}",
            ", ".join((row["dataset"], row["model"], row["request"])),
            label(row["metric"], row["split"], unit=not ratio),
            mean,
            f"{low} to {high}" if row["n"] > 1 else "— (n = 1)",
            str(row["n"]),
        )
        rows.append(("", cells))
    heads = ("Pair", "Setting", "Measured", "Mean", "95 % interval", "n")
    notes = () if rows else ("Not run: there are no records yet.",)
    return Table(heads, tuple(rows), numeric=frozenset(heads[3:]), notes=notes)


def _ledger(frame: pd.DataFrame, root: str) -> Table:
    scales = list(dict.fromkeys(frame["scale"]))
    rows = []
    for _, lines in frame.groupby("id", sort=False):
        by = {r["scale"]: r for r in _records(lines)}
        first = next(iter(by.values()))
        page, source = escape(first["page"]), escape(first["source"])
        link = f'<a href="{escape(root, quote=True)}{page}.html">{page}</a>' if page else ""
        claim = f"{escape(first['sentence'])}<br><small>{source}{' · ' * bool(link)}{link}</small>"
        marks = tuple(
            f"{by[s]['glyph']} {by[s]['verdict']}<br><small>{escape(by[s]['detail'])}</small>"
            if s in by
            else "—"
            for s in scales
        )
        rows.append((first["part"], (claim, *marks)))
    return Table(("Claim", *scales), tuple(rows), raw=frozenset({"Claim", *scales}))


def _glance(frame: pd.DataFrame) -> Table:
    rows = tuple(
        (row["part"], (row["scale"], *(str(row[word]) for word in GLYPHS)))
        for row in _records(frame)
    )
    heads = tuple(f"{glyph} {word}" for word, glyph in GLYPHS.items())
    return Table(("Scale", *heads), rows, numeric=frozenset(heads))
