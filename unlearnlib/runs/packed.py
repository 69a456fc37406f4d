"""Packed records: two compressed tables, one of runs and one of their rows, which pandas reads.

`SCALE.runs.csv.gz` has a line a run: its id, its identity, and as JSON its specification and its
provenance. `SCALE.rows.csv.gz` has a line a measurement, under the id of its run:
`pandas.read_csv(rows).merge(pandas.read_csv(runs), on="run_id")`. Numbers are written so that they
are read as they were, and equal records make equal bytes.
"""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from sys import intern
from typing import Any

from .record_form import IDENTITY, Record, fault_of, refused

RUNS = ["run_id", *IDENTITY, "specification", "provenance"]
ROWS = ["run_id", "metric", "split", "value"]


def rows_beside(runs: Path) -> Path:
    """Return the table of the rows of a table of runs."""
    return runs.with_name(f"{runs.name.removesuffix('.runs.csv.gz')}.rows.csv.gz")


def packed_form(records: Iterable[Record]) -> tuple[bytes, bytes]:
    """Return the compressed tables of runs and of rows of records, in their order."""
    runs: list[list[Any]] = [RUNS]
    rows: list[list[Any]] = [ROWS]
    for record in records:
        identity = [record["identity"][column] for column in IDENTITY]
        texts = [json.dumps(record[k], sort_keys=True) for k in ("specification", "provenance")]
        runs.append([record["run_id"], *identity, *texts])
        rows += [[record["run_id"], m, split, repr(float(v))] for m, split, v in record["rows"]]
    return _compressed(runs), _compressed(rows)


def _compressed(lines: list[list[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return gzip.compress(text.getvalue().encode(), mtime=0)  # no date: the same bytes every time


@lru_cache(maxsize=8)
def unpacked(place: str, runs: bytes, rows: bytes) -> tuple[list[tuple[str, Record]], list[str]]:
    """Return the records in two tables, each with its place, and what is wrong with others.

    Rows of a run that is in no line are left out: whoever packed them was stopped before the runs
    were written, and has the records loose still.

    Args:
        place: The file of runs, for messages.
        runs: What is in it.
        rows: What is in the file beside it.
    """
    found: list[tuple[str, Record]] = []
    faults: list[str] = []
    try:
        by_run: dict[str, list[Any]] = {}
        for _, (run_id, metric, split, value) in _lines(rows, ROWS):
            row = [intern(metric), intern(split), _number(value)]
            by_run.setdefault(run_id, []).append(row)
    except ValueError as error:
        return [], [unreadable(str(rows_beside(Path(place))), str(error))]
    try:
        for number, (run_id, *cells) in _lines(runs, RUNS):
            line = f"{place}, line {number}"
            try:
                record = _record(run_id, cells, by_run.get(run_id, []))
                if fault := fault_of(record):
                    raise ValueError(fault)
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                faults.append(str(refused(line, str(error))))
                continue
            found.append((line, record))
    except ValueError as error:
        faults.append(unreadable(place, str(error)))
    return found, faults


def _lines(table: bytes, columns: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each line of a compressed table.

    Raises:
        ValueError: It is none, or has other columns.
    """
    try:
        text = gzip.decompress(table).decode()
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(str(error) or "it is cut short") from None
    try:
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        if (head := next(lines, [])) != columns:
            raise ValueError(f"its columns are {head}, not {columns}")
        for cells in lines:
            if len(cells) != len(columns):
                raise ValueError(f"line {lines.line_num} has {len(cells)} cells")
            yield lines.line_num, cells
    except csv.Error as error:
        raise ValueError(str(error)) from None


def _number(text: str) -> float | str:
    """Return the number in a cell; what is none stays text, which no record may hold."""
    try:
        return float(text)
    except ValueError:
        return text


def _record(run_id: str, cells: list[str], rows: list[Any]) -> Record:
    """Return the record of a line."""
    *named, specification, provenance = cells
    identity: dict[str, Any] = dict(zip(IDENTITY, named, strict=True))
    identity |= {name: int(identity[name]) for name in IDENTITY if name.startswith("seed_")}
    record = {
        "run_id": run_id,
        "identity": identity,
        "specification": json.loads(specification),
        "rows": rows,
        "provenance": json.loads(provenance),
    }
    record["provenance"]["behaviour"]
    return record


def unreadable(place: str, fault: str) -> str:
    """Return what is said of a table that cannot be read."""
    return (
        f"{place}: not packed records ({fault}). Restore it, or delete it with the table beside "
        "it, and the runs that they held are repeated."
    )
