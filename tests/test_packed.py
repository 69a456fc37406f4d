"""Packed records: two tables without loss, and each spoilt line of them named."""

import gzip
import json
import math
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from unlearnlib.cache import atomic
from unlearnlib.errors import RecordError
from unlearnlib.runs import records
from unlearnlib.runs.packed import packed_form, rows_beside, unpacked

from .made_records import lines_of, loose, repack, values
from .made_records import record_of_two as record

pytestmark = pytest.mark.usefixtures("lab")


def test_merging_loses_nothing_and_can_be_repeated(lab: Path) -> None:
    for name, method, seed in (("b", "GA", 1), ("a", "GA", 10), ("c", "A", 2)):
        records.write(record(name, method=method, seed_method=seed))
    before = records.load_all("try", "paper")
    packed = records.merge("try", "paper")
    assert packed == lab / "data" / "records" / "try" / "paper.runs.csv.gz"
    assert loose(lab) == []
    assert records.load_all("try", "paper") == before
    runs = pd.read_csv(packed)
    assert [json.loads(params)["name"] for params in runs["params"]] == list("cab")
    both = pd.read_csv(rows_beside(packed), keep_default_na=False).merge(runs, on="run_id")
    assert both["value"].tolist() == [0.1 + 0.2, 3] * 3
    assert both["split"].tolist() == ["forget", ""] * 3
    assert set(both["dataset"]) == {"x"}
    text = packed.read_bytes()
    records.merge("try", "paper")
    assert packed.read_bytes() == text
    records.write(record("d"))
    records.merge("try", "paper")
    assert set(values()) == set("abcd")
    assert len(pd.read_csv(packed)) == 4


def test_equal_records_make_equal_bytes() -> None:
    both = [packed_form([record("a"), record("b")]) for _ in range(2)]
    assert both[0] == both[1]
    assert both[0][0][4:8] == bytes(4)  # no date


@pytest.mark.parametrize("value", [1 / 3, 5e-324, 1.7e308, -0.0, math.inf, math.nan, 10**300])
def test_numbers_are_packed_as_they_are(value: float) -> None:
    one = record() | {"rows": [["entropy", "", value]]}
    ((_, back),), faults = unpacked("here", *packed_form([one]))
    assert not faults
    assert repr(back["rows"]) == repr([["entropy", "", float(value)]])


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda line: line.replace('{""type', '{""kind'), "line 3: not a record ('type')"),
        (lambda line: line.replace('""behaviour', '""sauce'), "line 3: not a record ('behaviour')"),
        (lambda line: line.replace(",0,", ",zero,", 1), "line 3: not a record (invalid literal"),
        (lambda line: "x" + line, "line 3: not a record (its run id is not that of"),
        (lambda line: line.replace("forget", "x"), "line 3: not a record (its run id is not"),
        (lambda line: line[: len(line) // 2], "not packed records ("),
        (lambda line: line + ",1", "not packed records (line 3 has 15 cells)"),
    ],
)
def test_a_corrupt_line_is_named(lab: Path, spoil: Any, fault: str) -> None:
    for i, name in enumerate("ab"):
        records.write(record(name, seed_method=i, dataset="forget"))
    path = records.merge("try", "paper")
    assert path is not None
    head, first, second = lines_of(path)
    assert spoil(second) != second
    repack(path, [head, first, spoil(second)])
    with pytest.raises(RecordError, match=f"^{re.escape(str(path))}(, |: ){re.escape(fault)}"):
        records.read("try", "paper")


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda text: text[:-9], "it is cut short|ended before"),
        (lambda text: b"x" + text, "Not a gzipped file"),
        (lambda text: text[:40] + b"x" + text[41:], "."),
        (lambda text: gzip.compress(b"a,b\n1,2\n"), "its columns are .'a', 'b'., not .'run_id', "),
        (lambda text: gzip.compress(b""), "its columns are .., not .'run_id', "),
        (lambda text: gzip.compress(b"\xff"), "codec"),
    ],
)
@pytest.mark.parametrize("table", [lambda path: path, rows_beside])
def test_a_corrupt_table_is_named(lab: Path, table: Any, spoil: Any, fault: str) -> None:
    records.write(record())
    path = table(records.merge("try", "paper"))
    path.write_bytes(spoil(path.read_bytes()))
    said = rf"^{re.escape(str(path))}: not packed records \(.*({fault}).*\)\. Restore it, or delete"
    with pytest.raises(RecordError, match=said):
        records.read("try", "paper")


def test_a_corrupt_measurement_is_named(lab: Path) -> None:
    records.write(record())
    path = records.merge("try", "paper")
    assert path is not None
    rows = rows_beside(path)
    for cell, fault in (("1.5", "is an accuracy outside"), ("x", "is no metric with its split")):
        lines = lines_of(rows)
        repack(rows, [lines[0], lines[1].replace("0.30000000000000004", cell), lines[2]])
        with pytest.raises(RecordError, match=f"^{re.escape(str(path))}, line 2: .*{fault}"):
            records.read("try", "paper")
        repack(rows, lines)
    repack(rows, lines[:1])
    with pytest.raises(RecordError, match="it has no rows"):
        records.read("try", "paper")
    rows.unlink()
    with pytest.raises(RecordError, match=f"^{re.escape(str(rows))}: .*it is missing"):
        records.read("try", "paper")


def test_rows_that_were_packed_without_their_runs_are_left_out(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine stopped between the two tables."""
    records.write(record("a"))
    records.merge("try", "paper")
    records.write(record("b"))
    wrote = list[Path]()

    def stops(path: Path) -> Any:
        wrote.append(path)
        if len(wrote) == 2:
            raise KeyboardInterrupt
        return atomic(path)

    with monkeypatch.context() as patch:
        patch.setattr(records, "atomic", stops)
        with pytest.raises(KeyboardInterrupt):
            records.merge("try", "paper")
    assert set(values()) == {"a", "b"}
    (path,) = loose(lab)
    path.unlink()
    assert set(values()) == {"a"}
