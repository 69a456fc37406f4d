"""Tables for pages: right-aligned numbers, grouped by data access, the same bytes every time."""

import json
from collections.abc import Callable
from dataclasses import replace
from html import escape
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from ..errors import SpecError
from .claims import GLYPHS
from .measures import label, lacking, measure
from .side_by_side import side_by_side
from .table import Table, grouped, records, spread

__all__ = ["Table", "plain", "show", "spread"]


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
        "reported_mean": side_by_side,
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


def _summary(frame: pd.DataFrame) -> Table:
    """One row a (setting, method, params), one column a measurement; n once."""
    measured = list(dict.fromkeys(zip(frame["metric"], frame["split"], strict=True)))
    extra = [c for c in ("dataset", "model", "request") if frame[c].nunique() > 1]
    swept = frame.groupby("method")["params"].nunique().max() > 1
    extra += ["setting"] * bool(swept)
    frame = frame.assign(setting=_what_varies(frame))
    rows, notes = [], list[str]()
    keys = ["group", "method", "dataset", "model", "request", "params", "setting", "access"]
    for _, runs in grouped(frame.reset_index(drop=True)).groupby(keys, sort=False):
        first = records(runs)[0]
        by = {(r["metric"], r["split"]): r for r in records(runs)}
        none = {"mean": float("nan"), "sd": float("nan")}
        numbers = [(by.get(key, none), key[0]) for key in measured]
        cells = [first["method"] + " ⚠ stale" * bool(runs["stale"].any())]
        cells += [str(first[c]) for c in extra]
        cells += [spread(r["mean"], r["sd"], metric) for r, metric in numbers]
        rows.append((first["group"], (*cells, str(runs["n"].max()))))
        who = ", ".join([first["method"], *(str(first[c]) for c in extra)])
        notes += _without(records(runs), who, "run")
    heads = [label(metric, split, unit=True) for metric, split in measured]
    columns = ("Method", *(c.capitalize() for c in extra), *heads, "n")
    return Table(columns, tuple(rows), numeric=frozenset({*heads, "n"}), notes=tuple(notes))


def _without(rows: list[dict[str, Any]], who: str, of: str) -> list[str]:
    """Return a sentence for each measurement of which some runs or pairs have no number."""
    return [
        f"{who}, {label(row['metric'], row['split'])}: "
        f"{lacking(row['missing'], row['n'] + row['missing'], of)}."
        for row in rows
        if row.get("missing")
    ]


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
    """One row a (pair, measurement); a setting that all rows share stands below the table."""
    rows, settings, notes = [], set[str](), list[str]()
    for row in records(frame):
        kind, ratio = measure(row["metric"]), row["ratio"]
        scale, digits = (1.0, 2) if ratio else (kind.scale, kind.decimals)
        ends = [row[end] * scale for end in ("mean", "low", "high")]
        mean, low, high = (
            "—" if pd.isna(end) else f"{end:.2f}×" if ratio else f"{end:+.{digits}f}"
            for end in ends
        )
        setting = ", ".join((row["dataset"], row["model"], row["request"]))
        settings.add(setting)
        cells = (
            f"{row['method']} {'/' if ratio else '−'} {row['reference']}",
            setting,
            label(row["metric"], row["split"], unit=not ratio),
            mean,
            "—" if pd.isna(row["mean"]) else f"{low} to {high}" if row["n"] > 1 else "— (n = 1)",
            str(row["n"]),
        )
        rows.append(("", cells))
        notes += _without([row], f"{cells[0]}, {setting}", "pair")
    heads = ("Pair", "Setting", "Measured", "Mean", "95 % interval", "n")
    numeric = frozenset(heads[3:])
    if len(settings) > 1:
        return Table(heads, tuple(rows), numeric=numeric, notes=tuple(notes))
    note = f"All on {settings.pop()}." if settings else "Not run: there are no records yet."
    short = tuple((group, (cells[0], *cells[2:])) for group, cells in rows)
    return Table((heads[0], *heads[2:]), short, numeric=numeric, notes=(note, *notes))


def _ledger(frame: pd.DataFrame, root: str) -> Table:
    scales = list(dict.fromkeys(frame["scale"]))
    rows = []
    for _, lines in frame.groupby("id", sort=False):
        by = {r["scale"]: r for r in records(lines)}
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
        for row in records(frame)
    )
    heads = tuple(f"{glyph} {word}" for word, glyph in GLYPHS.items())
    return Table(("Scale", *heads), rows, numeric=frozenset(heads))
