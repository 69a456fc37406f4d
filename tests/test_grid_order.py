"""Grids: in which order, how far within a budget, and what stops them."""

import errno
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from torch import nn

from unlearnlib import Dataset, Grid, Scenario, run_grid, scenario, training, unlearn
from unlearnlib.errors import SpecError, StoppedError
from unlearnlib.runs import records
from unlearnlib.runs.grid import Run

METHODS: dict[str, dict[str, Any]] = {
    "Original": {},
    "Retrain": {},
    "FineTune": {"epochs": 1},
    "JiT as released": {"type": "JiT.as_released", "noises": 2},
}
ALL = [(label, seed) for seed in (0, 1) for label in METHODS]


def grid(**changes: Any) -> Grid:
    """Two seeds of four methods on one request."""
    values: dict[str, Any] = {
        "part": "try", "scale": "laptop", "dataset": "toy", "model": "mlp",
        "requests": ["class:Boot"], "training": {"epochs": 2, "lr": 0.05, "batch_size": 32},
        "methods": METHODS, "seeds": [0, 1],
    }  # fmt: skip
    return Grid(**(values | changes))


def test_the_seed_of_a_run_is_that_of_its_method(went: list[tuple[str, int]]) -> None:
    table = run_grid(grid(methods={"JiT": {"noises": 2}}, seeds=[3]))
    (run,) = grid(methods={"JiT": {"noises": 2}}, seeds=[3]).runs()
    moved = {s: unlearn(run.method, run.scenario, s).cost["change_norm"] for s in (0, 3)}
    (found,) = table.loc[table["metric"] == "change_norm", "value"]
    assert found == moved[3] != moved[0]


def test_seeds_are_run_in_the_order_in_which_they_are_given(went: list[tuple[str, int]]) -> None:
    some = {"Original": {}, "JiT": {"noises": 2}}
    table = run_grid(grid(methods=some, seeds=[2, 0, 1], requests=["random:5", "class:Boot"]))
    assert [seed for _, seed in went] == [2, 2, 2, 2, 0, 0, 0, 0, 1, 1, 1, 1]
    assert list(dict.fromkeys(table["request"])) == ["random:5", "class:Boot"]
    assert list(dict.fromkeys(table["seed_model"])) == [2, 0, 1]


def test_what_would_not_end_in_time_is_not_started(
    lab: Path, went: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run is as long as the longest of its method, and of none that is known it is short."""
    named = {"slow": {"type": "JiT", "label": "slow JiT"}, "Original": {}}
    run_grid(grid(methods=named, seeds=[0], scale="workstation"))
    for path in (lab / "data" / "records" / "try" / "workstation").iterdir():
        record = json.loads(path.read_text())
        if record["identity"]["method"] == "slow JiT":
            record["provenance"]["seconds"] = 2e6
        path.write_text(json.dumps(record))
    went.clear()
    plan = grid(methods=named, seeds=[0, 1, 2], scale="workstation")
    with pytest.warns(UserWarning, match="The time was up: 2 of 6 runs were not started"):
        table = run_grid(plan, 1e6)
    assert went == [("Original", 1), ("Original", 2)]
    assert table["run_id"].nunique() == 4
    with pytest.warns(UserWarning, match="2 of 6"):
        run_grid(plan, 0)
    run_grid(plan, 3e6)
    assert went[2:] == [("slow", 1), ("slow", 2)]


@pytest.mark.usefixtures("lab")
def test_a_run_that_took_long_holds_the_next_back(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Run.go

    def long(run: Run, on: Scenario) -> records.Record:
        record = real(run, on)
        record["provenance"]["seconds"] = 2e6 if run.seed == 0 else 1.0
        return record

    monkeypatch.setattr(Run, "go", long)
    with pytest.warns(UserWarning, match="1 of 2 runs"):
        run_grid(grid(methods={"JiT": {}}), 1e6)


@pytest.mark.parametrize("scale", ["laptop", "workstation"])
def test_a_grid_goes_on_from_the_records_where_it_writes(
    lab: Path, went: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch, scale: str
) -> None:
    first = run_grid(grid(seeds=[0], scale=scale))
    monkeypatch.setenv("UNLEARNLIB_RECORDS", str(lab / "own"))
    again = run_grid(grid(seeds=[0], scale=scale))
    assert list(again["run_id"]) == list(first["run_id"])
    assert {path.stem for path in (lab / "own/try" / scale).iterdir()} == set(first["run_id"])
    assert went == ALL[:4]  # those at home are taken over
    more = grid(seeds=[0, 1], scale=scale)
    assert [run.seed for run in more.missing()] == [1] * 4
    run_grid(more)
    run_grid(more)
    assert went == ALL
    monkeypatch.delenv("UNLEARNLIB_RECORDS")
    assert set(records.load_all("try", scale)) == set(first["run_id"])  # home is as it was


def test_one_scenario_serves_its_runs_and_the_next_has_its_data(
    lab: Path, toy: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads, scenarios = list[str](), list[Scenario]()
    real = Run.go

    def load(name: str) -> Dataset:
        loads.append(name)
        return toy

    def go(run: Run, on: Scenario) -> records.Record:
        scenarios.append(on)
        assert on == run.scenario
        return real(run, on)

    monkeypatch.setattr(scenario, "load", load)
    monkeypatch.setattr(Run, "go", go)
    two = {"Original": {}, "FineTune": {"epochs": 1}}
    run_grid(grid(methods=two, requests=["class:Boot", "random:9"]))
    assert loads == ["toy"]
    first, again, other, _, third, *_ = scenarios
    assert first is again
    assert other.original is first.original
    assert third.original is not first.original


def test_a_full_disk_stops_the_grid_and_loses_no_measurement(
    went: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = records.write

    def write(record: records.Record) -> None:
        if len(went) == 3:
            raise OSError(errno.ENOSPC, "No space left on device", "/full/7.json")
        real(record)

    with monkeypatch.context() as patch:
        patch.setattr(records, "write", write)
        with pytest.raises(StoppedError) as caught:
            run_grid(grid())
    assert went == ALL[:3]
    assert str(caught.value).splitlines() == [
        "[Errno 28] No space left on device: '/full/7.json'",
        "2 of 8 runs are recorded; the same command makes the others.",
    ]
    assert list(caught.value.table["method"].unique()) == ["Original", "Retrain", "FineTune"]
    assert tuple(caught.value.table.columns[: len(records.COLUMNS)]) == records.COLUMNS
    run_grid(grid())
    assert went == ALL[:3] + ALL[2:]


def test_a_grid_that_stops_tells_all_that_is_recorded(
    lab: Path, went: list[tuple[str, int]]
) -> None:
    """Also what lies behind the run that could not be written."""
    some = {label: METHODS[label] for label in ("Retrain", "FineTune", "JiT as released")}
    run_grid(grid(methods=some, scale="workstation"))
    folder = lab / "data" / "records" / "try" / "workstation"
    records.merge("try", "workstation")
    folder.rmdir()
    folder.touch()
    with pytest.raises(StoppedError) as caught:
        run_grid(grid(scale="workstation"))
    assert str(caught.value).splitlines()[1].startswith("6 of 8 runs are recorded")


@pytest.mark.parametrize("seconds", ["none", "x", None, True, [1]])
def test_a_record_that_does_not_say_how_long_it_took(
    lab: Path, went: list[tuple[str, int]], seconds: Any
) -> None:
    run_grid(grid(methods={"Original": {}}, seeds=[0]))
    (path,) = (lab / "cache" / "records" / "try" / "laptop").iterdir()
    record = json.loads(path.read_text())
    record["provenance"]["seconds"] = seconds
    if seconds == "none":
        del record["provenance"]["seconds"]
    path.write_text(json.dumps(record))
    run_grid(grid(methods={"Original": {}}), 1e6)
    assert went == [("Original", 0), ("Original", 1)]


def test_requests_that_select_the_same_are_refused(went: list[tuple[str, int]]) -> None:
    """The toy has 40 examples of each of three classes, 60 of them are a half."""
    same = ["class:Boot", "class:1", "classes:Boot", "classes:1", "random:0.5", "random:60"]
    plan = grid(requests=[*same, "classes:Boot,Coat", "part:Boot:3", "random:9"])
    with pytest.raises(SpecError) as caught:
        run_grid(plan)
    twice = [*(("class:Boot", other) for other in same[1:4]), ("random:0.5", "random:60")]
    assert str(caught.value).splitlines() == [
        f"requests has {one!r} and {other!r}, which select the same training examples and would "
        "be counted twice. Keep one." for one, other in twice
    ]  # fmt: skip
    assert went == []
    plan = grid(requests=["part:Boot:1", "random:1", "class:Bag", "class:Coat"])
    plan.check_requests(next(plan.runs()).scenario)


def test_without_an_original_no_run_of_its_seed_is_tried(
    went: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seeds = training.train, list[int]()

    def train(*arguments: Any) -> nn.Module:
        seeds.append(went[-1][1])
        if seeds[-1] == 0:
            raise RuntimeError("no memory")
        return real(*arguments)

    monkeypatch.setattr(scenario, "train", train)
    plan = grid(requests=["class:Boot", "random:9"])
    with pytest.raises(ExceptionGroup, match="8 of 16 runs are recorded") as caught:
        run_grid(plan)
    (error,) = caught.value.exceptions
    assert len(error.__notes__) == 8
    assert error.__notes__[0] == "in Original on class:Boot, seed 0"
    assert error.__notes__[7] == "in JiT as released on random:9, seed 0"
    assert seeds == [0, 1]
    assert went[:2] == [("Original", 0), ("Original", 1)]
    assert len(went) == 1 + 8


def test_a_method_that_fails_leaves_the_others_of_its_seed(went: list[tuple[str, int]]) -> None:
    wild = {"wild": {"type": "JiT", "sigma": 1e-30}, **METHODS}
    with pytest.warns(UserWarning, match="^1 of 5 runs diverged"):
        table = run_grid(grid(methods=wild, seeds=[0]))
    (told,) = table.attrs["diverged"]
    assert told.startswith("JiT on class:Boot: ")
    rows = records.read("try", "laptop").query("method == 'wild'")
    assert rows[["metric", "split", "value"]].to_numpy().tolist() == [["diverged", "", 1.0]]
    went.clear()
    again = run_grid(grid(methods=wild, seeds=[0]))
    assert went == []  # it is recorded, and told again
    assert again.attrs["diverged"] == [told]
    pd.testing.assert_frame_equal(table, again)


@pytest.mark.usefixtures("lab")
def test_missing_runs_are_those_that_will_be_made() -> None:
    plan = grid(seeds=[0])
    assert [run.label for run in plan.missing()] == list(METHODS)
    run_grid(plan)
    assert plan.missing() == []
    assert [run.seed for run in grid().missing()] == [1] * 4
    run_grid(grid(scale="workstation", seeds=[0]))
    assert grid(scale="workstation", seeds=[0]).missing() == []
