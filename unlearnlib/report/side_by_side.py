"""The layout of a comparison: a row a method, and for each measurement what is printed and ours."""

from html import escape
from typing import Any

import pandas as pd

from .compare import Verdict
from .measures import label, measure
from .table import Table, grouped, records, spread

Row = dict[str, Any]
Measured = tuple[str, str]


def side_by_side(frame: pd.DataFrame) -> Table:
    """Return a frame of `compare` as a table; the methods that were not run are folded below it."""
    frame = grouped(frame.reset_index(drop=True))
    measured = list(dict.fromkeys(zip(frame["metric"], frame["split"], strict=True)))
    sweep = bool(frame.duplicated(["method", "metric", "split"]).any())
    keys = ["group", "method"] + ["params"] * sweep
    marks = list(dict.fromkeys(filter(None, frame["note"])))
    ran, other = list[tuple[str, list[Row]]](), list[tuple[str, list[Row]]]()
    for key, rows in frame.groupby(keys, sort=False):
        found = records(rows)
        (ran if any(row["runs"] for row in found) else other).append((str(key[0]), found))
    notes = [f"[{i}] {mark}" for i, mark in enumerate(marks, 1)]
    notes += ["Paper: " + "; ".join(dict.fromkeys(filter(None, frame["source"]))) + "."]
    printed, known = _printed(other, measured, marks, sweep), frame["reported_mean"].notna().any()
    if not ran:
        what = ": the numbers are the printed ones" if known else ", and no printed number is known"
        return Table(
            printed.columns, printed.rows, numeric=printed.numeric,
            notes=(*notes, f"Not run by us{what}."),
        )  # fmt: skip
    judged = [row for _, rows in ran for row in rows if row["runs"]]
    doubts = {row["doubt"] for row in judged}
    shared = len(doubts) == 1 and {row["verdict"] for row in judged} <= {"not run", "not known"}
    first = judged[0]
    where = ", ".join(first[name] for name in ("dataset", "model", "request"))
    count = len({name for text in frame["runs"] for name in text.split()})
    notes += [f"Ours: {first['scale']} scale, {where}; {count} runs. Under each, its difference."]
    if others := dict.fromkeys(f"{r['method']}: {r['setting']}" for r in judged if r["setting"]):
        notes += [f"Ours at other settings than those in print. {'; '.join(others)}."]
    if shared:
        word = "not run" if known else "not known"
        notes += [f"No number of ours is judged: {Verdict(word, note=first['doubt'])}."]
    columns = ("Method", *("Paper", "Ours") * len(measured), "n")
    cells = [(name, _both(rows, measured, marks, sweep, shared)) for name, rows in ran]
    return Table(
        columns, tuple(cells), numeric=frozenset(columns[1:]), raw=frozenset({"Ours"}),
        notes=tuple(notes), spans=("", *(_name(what) for what in measured), ""),
        fold=printed if other else None,
    )  # fmt: skip


def _printed(
    methods: list[tuple[str, list[Row]]], measured: list[Measured], marks: list[str], sweep: bool
) -> Table:
    """Return the table of what is printed about `methods`."""
    heads = tuple(_name(what) for what in measured)
    rows = []
    for name, found in methods:
        by = {(row["metric"], row["split"]): row for row in found}
        cells = (_paper(by[what], marks) if what in by else "—" for what in measured)
        rows.append((name, (_who(found[0], sweep), *cells)))
    names = dict.fromkeys(found[0]["method"] for _, found in methods)
    caption = f"{len(methods)} more, printed and not run by us: {', '.join(names)}"
    return Table(("Method", *heads), tuple(rows), caption, frozenset(heads))


def _both(
    found: list[Row], measured: list[Measured], marks: list[str], sweep: bool, shared: bool
) -> tuple[str, ...]:
    """Return the cells of a method that was run."""
    by = {(row["metric"], row["split"]): row for row in found}
    cells = [_who(found[0], sweep)]
    for what in measured:
        row = by.get(what)
        cells += ["—", "—"] if row is None else [_paper(row, marks), _ours(row, shared)]
    return (*cells, str(max(row["n"] for row in found)))


def _who(row: Row, sweep: bool) -> str:
    return f"{row['method']} {row['params']}" if sweep else str(row["method"])


def _name(what: Measured) -> str:
    return label(*what, unit=not measure(what[0]).relative)


def _paper(row: Row, marks: list[str]) -> str:
    """Return the printed number with the mark of its note."""
    relative = measure(row["metric"]).relative
    text = spread(row["reported_mean"], row["reported_sd"], row["metric"], ratio=relative)
    return text + (f" [{marks.index(row['note']) + 1}]" if row["note"] else "")


def _ours(row: Row, shared: bool) -> str:
    """Return our number, and under it its difference and the verdict unless that is `shared`."""
    if not row["runs"]:
        return "—"
    kind = measure(row["metric"])
    scale, digits = (1.0, 2) if kind.relative else (kind.scale, kind.decimals)
    ours = spread(row["ours_mean"], row["ours_sd"], row["metric"], ratio=kind.relative)
    d: str = "" if pd.isna(row["difference"]) else f"{row['difference'] * scale:+.{digits}f}"
    judged = "" if shared else str(Verdict(row["verdict"], note=row["doubt"]))
    under = f'<span class="verdict {row["verdict"].replace(" ", "-")}">{escape(judged)}</span>'
    second = " ".join(filter(None, [d, under * bool(judged)]))
    return f"{ours}{' ⚠ stale' * bool(row['stale'])}" + f"<br><small>{second}</small>" * bool(
        second
    )
