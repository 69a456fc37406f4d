"""The layout of a comparison: a row a method, and for each measurement what is printed and ours."""

from dataclasses import replace
from html import escape
from typing import Any

import pandas as pd

from .agreement import Verdict
from .presentation import bare, label, presented
from .rows import marked, row_dicts
from .table import Table, grouped, spread

Row = dict[str, Any]
Measured = tuple[str, str]


def show_comparison(frame: pd.DataFrame, caption: str = "") -> Table:
    """Return a frame of :func:`compare` as a table.

    The methods that were not run are folded below it.

    Args:
        frame: What `compare` returned, filtered or not.
        caption: Put above the table; the unit and the number of runs are in the table.
    """
    frame = grouped(frame.reset_index(drop=True))
    measured = list(dict.fromkeys(zip(frame["metric"], frame["split"], strict=True)))
    sweep = bool(frame.duplicated(["method", "metric", "split"]).any())
    keys = ["group", "method", "params"] if sweep else ["group", "method"]
    marks = list(dict.fromkeys(filter(None, frame["note"])))
    ran, other = list[tuple[str, list[Row]]](), list[tuple[str, list[Row]]]()
    for key, rows in frame.groupby(keys, sort=False):
        numbers = row_dicts(rows)
        was_run = any(number["runs"] for number in numbers)
        (ran if was_run else other).append((str(key[0]), numbers))
    notes = [f"[{i}] {mark}" for i, mark in enumerate(marks, 1)]
    notes += ["Paper: " + "; ".join(dict.fromkeys(filter(None, frame["source"]))) + "."]
    printed, known = _printed(other, measured, marks, sweep), frame["reported_mean"].notna().any()
    if not ran:
        what = ": the numbers are the printed ones" if known else ", and no printed number is known"
        return replace(printed, caption=caption, notes=(*notes, f"Not run by us{what}."))
    judged = [row for _, rows in ran for row in rows if row["runs"]]
    first, open_ones = judged[0], {row["verdict"] for row in judged} <= {"not run", "not known"}
    common = [doubt for doubt in _doubts(first) if all(doubt in _doubts(row) for row in judged)]
    shared = common if open_ones and (common or not any(map(_doubts, judged))) else None
    where = ", ".join(first[name] for name in ("dataset", "model", "request"))
    count = len({name for text in frame["runs"] for name in text.split()})
    notes += [f"Ours: {first['scale']} scale, {where}; {count} runs. Under each, its difference."]
    if others := dict.fromkeys(f"{r['method']}: {r['setting']}" for r in judged if r["setting"]):
        notes += [f"Ours at other settings than those in print. {'; '.join(others)}."]
    if shared is not None:
        why = " and ".join([*([] if known else ["no printed number is known"]), *shared])
        notes += [f"No number of ours is judged: {why}."]
    columns = ("Method", *("Paper", "Ours") * len(measured), "n")
    cells = [(name, _both(rows, measured, marks, sweep, shared)) for name, rows in ran]
    return Table(
        columns, tuple(cells), caption, numeric=frozenset(columns[1:]), raw=frozenset({"Ours"}),
        notes=tuple(notes), spans=("", *(_name(what) for what in measured), ""),
        fold=printed if other else None,
    )  # fmt: skip


def _printed(
    methods: list[tuple[str, list[Row]]], measured: list[Measured], marks: list[str], sweep: bool
) -> Table:
    """Return the table of what is printed about `methods`."""
    heads = tuple(_name(what) for what in measured)
    rows = []
    for name, numbers in methods:
        by = {(row["metric"], row["split"]): row for row in numbers}
        cells = (_paper(by[what], marks) if what in by else "—" for what in measured)
        rows.append((name, (_who(numbers[0], sweep), *cells)))
    names = dict.fromkeys(numbers[0]["method"] for _, numbers in methods)
    caption = f"{len(methods)} more, printed and not run here: {', '.join(names)}"
    return Table(("Method", *heads), tuple(rows), caption, frozenset(heads))


def _both(
    numbers: list[Row],
    measured: list[Measured],
    marks: list[str],
    sweep: bool,
    shared: list[str] | None,
) -> tuple[str, ...]:
    """Return the cells of a method that was run."""
    by = {(row["metric"], row["split"]): row for row in numbers}
    cells = [_who(numbers[0], sweep)]
    for what in measured:
        row = by.get(what)
        cells += ["—", "—"] if row is None else [_paper(row, marks), _ours(row, shared)]
    return (*cells, str(max(row["n"] for row in numbers)))


def _doubts(row: Row) -> list[str]:
    """Return why a number of ours is not judged as it is, reason by reason."""
    return [doubt for doubt in row["doubt"].split(", ") if doubt]


def _who(row: Row, sweep: bool) -> str:
    return f"{row['method']} {row['params']}" if sweep else str(row["method"])


def _name(what: Measured) -> str:
    return label(*what, unit=not presented(what[0]).relative)


def _paper(row: Row, marks: list[str]) -> str:
    """Return the printed number with the mark of its note."""
    relative = presented(row["metric"]).relative
    text = spread(row["reported_mean"], row["reported_sd"], row["metric"], ratio=relative)
    return text + (f" [{marks.index(row['note']) + 1}]" if row["note"] else "")


def _ours(row: Row, shared: list[str] | None) -> str:
    """Return our number, and under it its difference and the verdict.

    Where all rows have no verdict for the reasons in `shared`, what a row has besides.
    """
    if not row["runs"]:
        return "—"
    how = presented(row["metric"])
    scale, digits = (1.0, 2) if how.relative else (how.scale, how.decimals)
    mean = spread(row["ours_mean"], row["ours_sd"], row["metric"], ratio=how.relative)
    ours = marked(mean, row["stale"])
    under = list[str]()
    if not pd.isna(row["difference"]):
        under.append(f"{bare(row['difference'] * scale):+z.{digits}f}")
    if shared is not None:
        under += [escape(doubt) for doubt in _doubts(row) if doubt not in shared]
    else:
        word = row["verdict"].replace(" ", "-")
        judged = escape(str(Verdict(row["verdict"], note=row["doubt"])))
        under.append(f'<span class="verdict {word}">{judged}</span>')
    return f"{ours}<br><small>{' '.join(under)}</small>" if under else ours
