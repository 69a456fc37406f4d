"""Records: written whole, read or refused, with where they came from."""

import json
import re
import socket
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from unlearnlib import METHODS, Grid, run_grid
from unlearnlib.errors import RecordError
from unlearnlib.runs import behaviour as fingerprint
from unlearnlib.runs import records

from .made_records import loose
from .made_records import record_of_two as record

pytestmark = pytest.mark.usefixtures("lab")


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
    assert found(scale="workstation") == {"a", "b"}  # one run at paper scale hides no table
    empty = records.recorded("try", dataset="tiny")
    assert tuple(empty.columns[: len(records.COLUMNS)]) == records.COLUMNS


def test_scales_and_parts_lie_apart(lab: Path) -> None:
    small, other = record(scale="laptop"), record(part="other")
    records.write(small)
    records.write(other)
    assert records.read("try", "paper").empty
    assert (lab / f"cache/records/try/laptop/{small['run_id']}.json").exists()
    assert (lab / f"data/records/other/paper/{other['run_id']}.json").exists()


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
