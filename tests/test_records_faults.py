"""Records that are spoilt or lie elsewhere: each is named, none is wrong without a word."""

import json
import math
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from unlearnlib import locations
from unlearnlib.errors import RecordError
from unlearnlib.locations import PACKAGE
from unlearnlib.runs import records

from .made_records import lines_of, loose, put, record, repack, values

pytestmark = pytest.mark.usefixtures("lab")


class TestContents:
    @pytest.mark.parametrize(
        ("rows", "fault"),
        [
            ([], "it has no rows"), ({}, "it has no rows"), ("", "it has no rows"),
            (None, "TypeError"), (3, "TypeError"), ("abc", 'row 1, "a", is no metric'),
            ([["accuracy", "forget", None]], r'row 1, ["accuracy", "forget", null], is no metric'),
            ([["a", "b", 1.0], ["a", "c", True]], 'row 2, ["a", "c", true], is no metric with its'),
            ([["a", "b", "0.5"]], 'row 1, ["a", "b", "0.5"], is no metric with its split and a nu'),
            ([["a", "b", [1.0]]], "row 1"), ([["a", "b"]], "row 1"), ([["a", "b", 1, 2]], "row 1"),
            ([["a", None, 1.0]], "row 1"), ([[1, "b", 1.0]], "row 1"), ([[]], "row 1"),
            ([5], "TypeError"), ([{"a": 1}], "row 1"), ([["a", "b", 10**400]], "OverflowError"),
            ([["a", "b", 1.0], ["a", "b", 1.0]], "row 2 measures the a of b again"),
            ([["a", "", 1.0], ["c", "", 1.0], ["a", "", 2]], "row 3 measures the a of the run aga"),
        ],
    )  # fmt: skip
    def test_what_is_no_measurement_is_refused(self, lab: Path, rows: Any, fault: str) -> None:
        path = put(lab, record() | {"rows": rows})
        with pytest.raises(RecordError) as caught:
            values()
        assert str(caught.value).startswith(f"{path}: not a record ({fault}")
        assert str(caught.value).endswith("Delete it, and the run that it held is repeated.")

    def test_numbers_may_be_any_and_none(self, lab: Path) -> None:
        """An attack that cannot be computed is NaN."""
        rows = [["a", "b", math.nan], ["a", "c", math.inf], ["a", "d", -0.5], ["a", "e", 10**300]]
        put(lab, record() | {"rows": rows})
        values = records.read("try", "paper")["value"].tolist()
        assert math.isnan(values[0])
        assert values[1:] == [math.inf, -0.5, 1e300]

    @pytest.mark.parametrize(
        "change",
        [
            {"run_id": "0" * 16}, {"run_id": 3}, {"identity": record("b")["identity"]},
            {"specification": {"type": "SSD"}},
        ],
    )  # fmt: skip
    def test_a_run_id_is_of_its_contents(self, lab: Path, change: dict[str, Any]) -> None:
        path = put(lab, record() | change, "x")
        said = f"^{path}: not a record .its run id is not that of its identity and specification"
        with pytest.raises(RecordError, match=said):
            values()

    @pytest.mark.parametrize(
        ("column", "value"),
        [("method", ["JiT"]), ("seed_model", 0.0), ("seed_method", True), ("model", None),
         ("dataset", {}), ("type", ["JiT"])],
    )  # fmt: skip
    def test_what_names_a_run_is_text_or_a_whole_number(
        self, lab: Path, column: str, value: Any
    ) -> None:
        one = record(**({} if column == "type" else {column: value}))
        one["specification"] |= {column: value} if column == "type" else {}
        path = put(lab, one)
        said = f"{path}: not a record (its {column}, {json.dumps(value)}, is n"
        with pytest.raises(RecordError, match=f"^{re.escape(said)}"):
            values()

    def test_an_accuracy_is_a_share(self, lab: Path) -> None:
        for metric in ("accuracy", "accuracy_batch_mean"):
            for value in (1.01, -0.01, math.inf):
                path = put(lab, record() | {"rows": [[metric, "forget", value]]})
                with pytest.raises(RecordError, match=f"^{path}: .* is an accuracy outside of 0 t"):
                    values()
        put(lab, record() | {"rows": [["accuracy", split, i] for i, split in enumerate("ab")]})
        assert values() == {"a": 0}

    @pytest.mark.parametrize("key", ["rows", "seconds"])
    def test_a_key_that_stands_twice(self, lab: Path, key: str) -> None:
        text = json.dumps(record())
        path = put(lab, text.replace(f'"{key}"', f'"{key}": [["a", "b", 1.0]], "{key}"'), "x")
        with pytest.raises(RecordError, match=f"^{path}: .*ValueError: the key '{key}' stands twi"):
            values()

    @pytest.mark.parametrize("change", [{"part": "other"}, {"scale": "laptop"}])
    def test_a_record_lies_where_it_belongs(self, lab: Path, change: dict[str, Any]) -> None:
        path = put(lab, record(**change))
        own = ("other", "paper") if "part" in change else ("try", "laptop")
        said = f"{path}: of part and scale {own}, not ('try', 'paper'). Move it, or delete it."
        with pytest.raises(RecordError, match=f"^{re.escape(said)}$"):
            values()

    @pytest.mark.parametrize("text", ["[" * 100_000, "\0" * 40, "\xe9", '{"a": \ud800}'])
    def test_bytes_of_any_kind(self, lab: Path, text: str) -> None:
        path = put(lab, "", "x")
        path.write_bytes(text.encode("latin-1", "replace"))
        with pytest.raises(RecordError, match=f"^{path}: not a record "):
            values()

    def test_all_that_is_broken_is_told_at_once(self, lab: Path) -> None:
        for name in "abc":
            records.write(record(name))
        packed = records.merge("try", "paper")
        assert packed is not None
        head, first, second, third = lines_of(packed)
        repack(packed, [head, first, f"x{second}", f"x{third}"])
        paths = [put(lab, "", "d"), put(lab, record("f") | {"rows": []}, "f")]
        records.write(record("e"))
        with pytest.raises(RecordError) as caught:
            values()
        places = [line.partition(": not a record")[0] for line in str(caught.value).splitlines()]
        assert places == [f"{packed}, line 3", f"{packed}, line 4", *map(str, paths)]
        with pytest.raises(RecordError, match="line 3"):
            records.merge("try", "paper")
        assert len(loose(lab)) == 3

    @pytest.mark.parametrize("count", [20, 21, 600])
    def test_but_no_more_than_twenty(self, lab: Path, count: int) -> None:
        for i in range(count):
            put(lab, "", f"x{i}")
        with pytest.raises(RecordError) as caught:
            values()
        lines = str(caught.value).splitlines()
        assert [line for line in lines if "not a record" in line] == lines[:20]
        assert lines[20:] == ([f"There are {count - 20} more."] if count > 20 else [])

    def test_the_committed_records_are_sound(self, monkeypatch: pytest.MonkeyPatch) -> None:
        home = PACKAGE.parent / "data"
        monkeypatch.setattr(locations, "data_folder", lambda: home)
        places = [
            (path.parent.name, path.name.partition(".")[0])
            for path in (home / "records").glob("*/*.runs.csv.gz")
        ]
        assert places
        for place in places:
            assert records.committed(*place)


class TestPlaces:
    @pytest.fixture(autouse=True)
    def at_once(self) -> Iterator[None]:
        """End a test that waits for ever."""
        before = signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it waits"))
        signal.alarm(60)
        yield
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)

    @pytest.mark.parametrize("name", ["paper/x.json", "paper.runs.csv.gz"])
    @pytest.mark.parametrize(
        ("lay", "fault"),
        [
            (os.mkfifo, "OSError: it is no file"),
            (Path.mkdir, "OSError: it is no file"),
            (lambda path: path.symlink_to("/dev/null"), "OSError: it is no file"),
            (lambda path: path.symlink_to(path), r"OSError: .* Too many levels of symbolic links"),
        ],
    )
    def test_what_is_no_file_is_named(self, lab: Path, name: str, lay: Any, fault: str) -> None:
        path = lab / "data" / "records" / "try" / name
        path.parent.mkdir(parents=True)
        lay(path)
        with pytest.raises(RecordError, match=f"^{path}: not (a record|packed records) .{fault}"):
            values()

    def test_a_dangling_link_is_no_record(self, lab: Path) -> None:
        path = put(lab, "", "x")
        path.unlink()
        path.symlink_to("nowhere")
        assert values() == {}

    @pytest.mark.parametrize(
        "word",
        ["", ".", "..", "../x", "../../x", "/x", "x/y", "x/../..", "\\x", "x\\y", ".x", "-x", "x\0",
         "x\n", " x", "x y", "*", "x*", "~", "C:x", 3, None, float("nan")],
    )  # fmt: skip
    def test_names_that_lead_elsewhere_are_refused(self, lab: Path, word: Any) -> None:
        for what, name in (("part", (word, "paper")), ("scale", ("try", word))):
            for use in (
                records.folder,
                records.packed,
                records.load_all,
                records.read,
                records.merge,
            ):
                said = re.escape(
                    f"The {what} {word!r} cannot name records: give it a word of letters"
                )
                with pytest.raises(RecordError, match=f"^{said}"):
                    use(*name)
            with pytest.raises(RecordError, match=f"The {what} "):
                records.write(record(**dict(zip(("part", "scale"), name, strict=True))))
        with pytest.raises(RecordError, match="The run id "):
            records.write(record() | {"run_id": word})
        assert [path.name for path in lab.rglob("*") if path.is_file()] == []

    @pytest.mark.parametrize(
        "word", ["nabla_tau-grid", "jit", "2", "_x", "Größe", "v1.0", "a-b_c.d"]
    )
    def test_words_are_taken(self, lab: Path, word: str) -> None:
        one = record(part=word, scale=word)
        records.write(one)
        assert records.merge(word, word) == lab / "data" / "records" / word / f"{word}.runs.csv.gz"
        assert records.load_all(word, word) == {one["run_id"]: one}
        assert records.read_all(word)["run_id"].tolist() == [one["run_id"]]

    def test_scales_with_points_lie_apart(self) -> None:
        for i in range(2):
            records.write(record(scale=f"v1.{i}"))
            records.merge("try", f"v1.{i}")
        assert [len(records.load_all("try", f"v1.{i}")) for i in range(2)] == [1, 1]

    @pytest.mark.parametrize("scale", ["laptop", "paper"])
    def test_the_records_of_all_parts(self, lab: Path, scale: str) -> None:
        assert records.read_all(scale).empty
        root = lab / ("cache" if scale == "laptop" else "data") / "records"
        for name in (".ipynb_checkpoints", "my part", "empty"):
            (root / name / scale).mkdir(parents=True)
        (root / "a file").touch()
        assert records.read_all(scale).empty
        for part in ("b", "a"):
            records.write(record(part=part, scale=scale))
        records.merge("b", scale)
        assert records.read_all(scale)["part"].tolist() == ["a", "b"]

    def test_columns_are_compared_as_they_read(self) -> None:
        records.write(record(dataset="3", seed_model=4, scale="workstation"))
        for value in (3, "3"):
            assert len(records.recorded("try", dataset=value, seed_model=4)) == 1
            assert len(records.recorded("try", dataset=value, seed_model="4")) == 1
        assert records.recorded("try", dataset=4).empty

    def test_a_column_that_is_not_there(self) -> None:
        said = r"^Records have no column datset. Did you mean dataset\? Known are: run_id, "
        with pytest.raises(RecordError, match=said):
            records.recorded("try", datset="x")
