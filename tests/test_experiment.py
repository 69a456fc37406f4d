"""Experiments: recorded once, read as they were made, computed where the record is another's."""

import linecache
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from unlearnlib.errors import RecordError, SpecError
from unlearnlib.runs import experiment as module
from unlearnlib.runs.experiment import experiment
from unlearnlib.runs.rerun import AGAIN

TABLE = pd.DataFrame(
    {"method": ["JiT, a\nb", 'S"SD', ""], "seed": [0, 1, 2], "kept": [True, False, True],
     "accuracy": [1 / 3, math.nan, -math.inf]}
)  # fmt: skip


def never() -> pd.DataFrame:
    raise AssertionError("it was made")


def commit(lab: Path, monkeypatch: pytest.MonkeyPatch, **decides: Any) -> Path:
    """Record the table where the committed ones are."""
    with monkeypatch.context() as patch:
        patch.setenv("UNLEARNLIB_RECORDS", str(lab / "data" / "records"))
        experiment("try", "curve", lambda: TABLE, **decides)
    return lab / "data" / "records" / "try" / "laptop.curve.csv"


def test_what_is_made_is_read_as_it_was(lab: Path) -> None:
    made = experiment("try", "curve", lambda: TABLE, epochs=3)
    pd.testing.assert_frame_equal(made, TABLE, check_exact=True)
    path = lab / "cache" / "records" / "try" / "laptop.curve.csv"
    by_pandas = pd.read_csv(path, header=1, keep_default_na=False)
    assert by_pandas["method"].tolist() == TABLE["method"].tolist()
    assert by_pandas["accuracy"].astype(float)[0] == 1 / 3
    assert by_pandas["kept"].tolist() == [True, False, True]


def test_live_and_recorded_are_the_same(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = experiment("try", "curve", lambda: TABLE, epochs=3)
    commit(lab, monkeypatch, epochs=3)
    monkeypatch.setenv("RERUN", "none")
    recorded = experiment("try", "curve", never, epochs=3)
    pd.testing.assert_frame_equal(live, recorded, check_exact=True)
    assert str(live) == str(recorded)
    assert recorded.attrs["provenance"].keys() >= {"date", "commit", "device", "seconds"}
    assert (recorded.attrs["part"], recorded.attrs["name"]) == ("try", "curve")


@pytest.mark.parametrize("changed", [{"epochs": 4}, {"epochs": 3, "lr": 1}, {}, {"scale": "paper"}])
def test_other_parameters_are_computed(
    lab: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]
) -> None:
    path = commit(lab, monkeypatch, epochs=3)
    before = path.read_bytes()
    other = TABLE.assign(seed=7)
    changed = {"epochs": 3} | changed if "scale" in changed else changed
    assert set(experiment("try", "curve", lambda: other, **changed)["seed"]) == {7}
    assert path.read_bytes() == before


def test_a_number_is_known_by_its_value(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RERUN", "none")
    commit(lab, monkeypatch, lr=1, layers=(1, 2))
    experiment("try", "curve", never, layers=[1, 2], lr=1.0)


def test_what_is_kept_in_the_cache_is_of_this_code(
    monkeypatch: pytest.MonkeyPatch, lab: Path
) -> None:
    made: list[int] = []

    def make() -> pd.DataFrame:
        made.append(1)
        return TABLE

    for _ in range(2):
        experiment("try", "curve", make)
    assert len(made) == 1
    monkeypatch.setattr(module, "library_hash", lambda: "another")
    for _ in range(2):
        experiment("try", "curve", make)
    assert len(made) == 2
    with pytest.raises(AssertionError, match="it was made"):
        experiment("try", "curve", never)
    (lab / "cache/records/try/laptop.curve.csv").write_text("")
    experiment("try", "curve", make)
    assert len(made) == 3


def test_what_its_page_calls_is_part_of_it(lab: Path) -> None:
    """A page hands over a lambda, and what is changed on it is another function."""

    def page(factor: int) -> float:
        """Execute a page as IPython does, so that its sources are known; return what it got."""
        name = f"<page {factor}>"
        text = (
            "from functools import cache\n@cache\ndef inner(seed):\n"
            f"    return {factor} * 1.0\ndef kept(seed):\n    return inner(seed)\n"
            "def table():\n    return [form(seed) for form in FORMS.values() for seed in (1, 2)]\n"
            "FORMS = {'kept': kept}\n"
            "made = lambda: pd.DataFrame({'seed': [1, 2], 'value': [v for v in table()]})\n"
        )
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        scope: dict[str, Any] = {"pd": pd, "__name__": "__main__"}
        exec(compile(text, name, "exec"), scope)
        return float(experiment("try", "helped", scope["made"])["value"].iloc[0])

    assert [page(1), page(7), page(7)] == [1.0, 7.0, 7.0]


@pytest.mark.parametrize(("mode", "due"), [("none", False), ("sample", False), ("all", True)])
def test_it_is_made_anew_as_the_build_wants(
    lab: Path, monkeypatch: pytest.MonkeyPatch, mode: str, due: bool
) -> None:
    path = commit(lab, monkeypatch)
    before = path.read_text()
    monkeypatch.setenv("RERUN", mode)
    table = experiment("try", "curve", lambda: TABLE.assign(seed=9))
    assert set(table["seed"]) == {0, 1, 2}
    assert (AGAIN in table.attrs) == due
    if due:
        assert set(table.attrs[AGAIN]["seed"]) == {9}
    both = pd.concat([table, table]).astype({"seed": float, "accuracy": float})
    assert len(both) == 2 * len(table)  # pandas compares what tables carry when it joins them
    assert path.read_text() == before


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: text[:50],
        lambda text: text.replace("method", "Method", 1),
        lambda text: text.split("\n")[0],
        lambda text: text.replace("0.333", "x0.333"),
        lambda text: text.replace("seconds", "minutes"),
        lambda text: text.replace("True", "Yes"),
    ],
)
def test_a_damaged_table_is_named(
    lab: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[str], str]
) -> None:
    path = commit(lab, monkeypatch)
    path.write_text(spoil(path.read_text()))
    with pytest.raises(RecordError, match=f"^{path}: not the table of an experiment "):
        experiment("try", "curve", never)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"a": [1]}, "returns dict, not a table"),
        (pd.DataFrame({"a": []}), "returns DataFrame, not a table with rows"),
        (pd.DataFrame({1: [1]}), "The column 1 of the experiment 'curve' is none of bool, int"),
        (pd.DataFrame({"a": [1j]}), "The column 'a' .* is none of"),
        (pd.DataFrame({"a": [["x"]]}), "'a' .* holds what is no text"),
        (pd.DataFrame({"a": ["x", None]}), "'a' .* holds what is no text"),
        (pd.DataFrame({"a": ["x\ry"]}), "'a' .* holds a carriage return"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "or one that stands twice"),
        (pd.DataFrame({"a": [1, None]}, dtype="Int64"), "'a' .* lacks a value, which no int can"),
        (pd.DataFrame({"a": [True, None]}, dtype="boolean"), "lacks a value, which no bool can"),
    ],
)
def test_what_is_no_tidy_table_is_refused(lab: Path, made: Any, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        experiment("try", "curve", lambda: made)
    assert not (lab / "cache").exists()


def test_what_decides_must_be_writable(lab: Path) -> None:
    with pytest.raises(SpecError, match=r"^What decides the experiment .* cannot be written"):
        experiment("try", "curve", never, model=object())
    with pytest.raises(RecordError, match=r"^The name '\.\./x' cannot name records"):
        experiment("try", "../x", never)
