"""Records: written whole, read or refused, packed without loss, with where they came from."""

import gzip
import json
import math
import re
import socket
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from unlearnlib import METHODS, Grid, run_grid
from unlearnlib.cache import atomic
from unlearnlib.errors import RecordError
from unlearnlib.runs import behaviour as fingerprint
from unlearnlib.runs import records
from unlearnlib.runs.packed import packed_form, rows_beside, unpacked

from .made_records import lines_of, repack

TODAY = fingerprint.of_kind("JiT", "toy")

pytestmark = pytest.mark.usefixtures("lab")


def record(name: str = "a", **changes: Any) -> records.Record:
    """A record of two measurements; `name` tells it from others."""
    identity: dict[str, Any] = dict.fromkeys(records.IDENTITY, "x")
    identity |= {"part": "try", "scale": "paper", "seed_model": 0, "seed_request": 0}
    identity |= {"seed_method": 0, "method": "JiT"}
    identity |= {"params": json.dumps({"name": name})} | changes
    return identified(
        {
            "identity": identity,
            "specification": {"type": "JiT"},
            "rows": [["accuracy", "forget", 0.1 + 0.2], ["seconds_unlearn", "", 3]],
            "provenance": {"behaviour": TODAY, "commit": "abc", "seconds": 1.5},
        }
    )


def identified(one: records.Record) -> records.Record:
    """The record under the run id of what it holds."""
    return one | {"run_id": records.run_id(one["identity"], one["specification"])}


def names(found: Any) -> set[str]:
    """What tells records from others."""
    return {json.loads(one["identity"]["params"])["name"] for one in found.values()}


def loose(lab: Path) -> list[Path]:
    return sorted((lab / "data" / "records" / "try" / "paper").glob("*"))


def test_no_records_are_an_empty_table() -> None:
    for scale in ("laptop", "paper"):
        table = records.read("try", scale)
        assert tuple(table.columns) == records.COLUMNS
        assert len(table) == 0
        assert table["value"].dtype == float
        assert table["stale"].dtype == bool
    assert records.merge("try", "paper") is None


def test_what_is_written_is_read(lab: Path) -> None:
    one = record()
    records.write(one)
    assert [path.name for path in loose(lab)] == [f"{one['run_id']}.json"]
    assert records.load_all("try", "paper") == {one["run_id"]: one}
    table = records.read("try", "paper")
    assert table["value"].tolist() == [0.1 + 0.2, 3.0]
    assert table["split"].tolist() == ["forget", ""]
    assert table["run_id"].tolist() == [one["run_id"]] * 2
    for name in set(records.IDENTITY) - {"params"}:
        assert set(table[name]) == {one["identity"][name]}
    (params,) = map(json.loads, set(table["params"]))
    assert params["name"] == "a"
    assert params["sigma"] == 0.5  # not in the record, since it is the default
    assert table["sigma"].tolist() == [0.5, 0.5]


def test_hyper_parameters_are_columns() -> None:
    frame = pd.DataFrame({"params": ['{"a": 1, "l": [1, 2]}', "{}", '{"a": null}']})
    table = records.unfolded(frame)
    assert table["a"].tolist()[0] == 1
    assert table["a"].tolist()[2] is None
    assert table["l"].tolist()[0] == (1, 2)
    assert table["l"].isna().tolist() == [False, True, True]


def test_no_hyper_parameter_has_the_name_of_a_column() -> None:
    for method in METHODS.values():
        assert not {one.name for one in fields(method)} & set(records.COLUMNS)


def test_the_largest_scale_that_has_any() -> None:
    records.write(record("a", scale="workstation", dataset="small", request="one"))
    records.write(record("b", scale="workstation", dataset="small", request="two"))
    records.write(record("c", scale="paper", dataset="large"))
    records.write(record("d", scale="laptop", dataset="tiny"))

    def found(**where: str) -> set[str]:
        return set(records.recorded("try", **where)["name"])

    assert found() == found(dataset="large") == {"c"}
    assert found(dataset="small") == {"a", "b"}
    assert found(dataset="small", request="two") == {"b"}
    assert found(dataset="tiny") == set()
    empty = records.recorded("try", dataset="tiny")
    assert tuple(empty.columns[: len(records.COLUMNS)]) == records.COLUMNS


def test_scales_and_parts_lie_apart(lab: Path) -> None:
    small, other = record(scale="laptop"), record(part="other")
    records.write(small)
    records.write(other)
    assert records.read("try", "paper").empty
    assert (lab / f"cache/records/try/laptop/{small['run_id']}.json").exists()
    assert (lab / f"data/records/other/paper/{other['run_id']}.json").exists()


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
    assert names(records.load_all("try", "paper")) == set("abcd")
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
    "spoil",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: "3",
        lambda text: text.replace('"rows"', '"row"'),
        lambda text: text.replace('"request"', '"demand"'),
        lambda text: text.replace('"behaviour"', '"sauce"'),
        lambda text: text.replace('"specification"', '"spec"'),
    ],
)
def test_a_corrupt_record_is_named(lab: Path, spoil: Any) -> None:
    one, two = record("a", seed_method=0), record("b", seed_method=1)
    records.write(one)
    records.write(two)
    (path,) = (path for path in loose(lab) if path.stem == two["run_id"])
    place = re.escape(str(path))
    path.write_text(spoil(path.read_text()))
    with pytest.raises(RecordError, match=f"^{place}: not a record .*Delete it"):
        records.read("try", "paper")


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
    assert names(records.load_all("try", "paper")) == {"a", "b"}
    (path,) = loose(lab)
    path.unlink()
    assert names(records.load_all("try", "paper")) == {"a"}


def test_a_record_of_other_code_is_stale() -> None:
    one, other, unknown = record("a"), record("b"), record("c")
    other["provenance"]["behaviour"] = "0" * 12
    unknown["specification"]["type"] = "Unknown"  # nothing to compare with
    assert [records.stale(r) for r in (one, other, unknown)] == [False, True, False]
    table = records.table([one, other, unknown])
    assert table.groupby("name")["stale"].all().to_dict() == {"a": False, "b": True, "c": False}


def test_a_record_tells_where_its_numbers_came_from() -> None:
    methods: dict[str, dict[str, object]] = {"Original": {}, "JiT": {}}
    grid = Grid("try", "laptop", "toy", "mlp", ["random:9"], {"epochs": 1}, methods, [0])
    table = run_grid(grid)
    known = list(records.load_all("try", "laptop").values())
    for one in known:
        origin = one["provenance"]
        assert set(origin) == {
            "commit", "dirty", "python", "torch", "numpy", "pandas", "scikit-learn", "device",
            "threads", "cores", "date", "seconds", "behaviour",
        }  # fmt: skip
        assert origin["seconds"] > 0
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", origin["date"])
        assert origin["behaviour"] == fingerprint.of_kind(one["identity"]["method"], "toy")
        rows = table[table["run_id"] == one["run_id"]]
        for column in records.PROVENANCE:
            assert set(rows[column]) == {origin[column]}
    text = json.dumps([one["provenance"] for one in known])
    assert socket.gethostname() not in text
    assert "/" not in text


def test_where_a_record_of_older_code_came_from_may_be_unknown() -> None:
    table = records.table([record()])
    assert table["date"].isna().all()
    assert set(table["commit"]) == {"abc"}


def test_without_git_there_is_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    found = records.environment.__wrapped__()
    assert found["commit"] is None
    assert found["dirty"] is None
