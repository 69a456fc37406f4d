"""The command line's `run` and `record`: what is made, packed, told and left out."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pandas as pd
import pytest

import unlearnlib.sweep
from unlearnlib import Grid, __main__
from unlearnlib.__main__ import main
from unlearnlib.errors import StorageError
from unlearnlib.locations import PACKAGE
from unlearnlib.runs import grid, records
from unlearnlib.runs.one_run import measured

SPEC: dict[str, Any] = {
    "note": "tiny", "part": "try", "scale": "workstation", "dataset": "toy", "model": "mlp",
    "requests": ["class:Boot", "random:9"], "training": {"epochs": 1}, "seeds": [0],
    "methods": {"Original": {}, "Retrain": {}, "JiT": {"noises": 2}},
}  # fmt: skip


def spec(lab: Path, **changes: Any) -> Path:
    path = lab / "page.workstation.yaml"
    path.write_text(json.dumps(SPEC | changes))
    return path


def test_run_makes_the_grid_and_packs_it(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = spec(lab)
    assert main(["run", str(path)]) == 0
    packed = lab / "data" / "records" / "try" / "workstation.runs.csv.gz"
    said = f"{path}: 6 runs, 6 of them missing\n6 of 6 runs in {packed}\n"
    assert capsys.readouterr().out == said
    assert len(pd.read_csv(packed)) == 6
    table = records.read("try", "workstation")
    assert table["run_id"].nunique() == 6
    assert set(table["method"]) == {"Original", "Retrain", "JiT"}
    before = packed.read_bytes()
    assert main(["run", str(path), str(path)]) == 0
    assert packed.read_bytes() == before
    assert capsys.readouterr().out == 2 * f"{path}: all 6 runs are recorded, nothing to do\n"


def test_every_spec_is_checked_before_anything_runs(
    lab: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are right are run all the same."""
    path, none = spec(lab), lab / "none.yaml"
    wrong = lab / "wrong.yaml"
    wrong.write_text(json.dumps(SPEC | {"methods": {"Jit": {}}, "seeds": [0, 0]}))
    real, said = unlearnlib.run_grid, list[str]()

    def run_grid(*arguments: Any) -> pd.DataFrame:
        said.extend(capsys.readouterr().err.splitlines())
        return real(*arguments)

    monkeypatch.setattr("unlearnlib.runs.run_grid.run_grid", run_grid)
    assert main(["run", str(wrong), str(none), str(path)]) == 1
    assert len(said) == 3
    assert said[0].startswith(f"error: {wrong}: seeds has 0 more than once")
    assert said[1].startswith(f"error: {wrong}: methods.Jit: there is no method 'Jit'. Did you mea")
    assert said[2].startswith("error: ")
    assert str(none) in said[2]
    assert capsys.readouterr().err.splitlines() == [
        f"error: {wrong}: left out for the mistakes above",
        f"error: {none}: left out for the mistakes above",
    ]
    assert records.read("try", "workstation")["run_id"].nunique() == 6


def test_where_no_spec_is_right_nothing_is_left_out(
    lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(lab / "none.yaml")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "none.yaml" in line
    assert not (lab / "data").exists()


def test_a_grid_that_fails_does_not_stop_the_next(
    lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, bad = spec(lab), lab / "bad.yaml"
    wild = {"wild": {"type": "JiT", "sigma": 1e-30}, "Original": {}}
    bad.write_text(json.dumps(SPEC | {"methods": wild, "requests": ["class:Boot", "random:9"]}))
    odd = lab / "odd.yaml"
    odd.write_text(json.dumps(SPEC | {"requests": ["class:sandal", "class:shoe", "class:Boot"]}))
    assert main(["run", str(odd), str(bad), str(path)]) == 1
    captured = capsys.readouterr()
    packed = lab / "data" / "records" / "try" / "workstation.runs.csv.gz"
    told = [line for line in captured.out.splitlines() if line.startswith("diverged: ")]
    assert captured.out.splitlines() == [
        f"{odd}: 9 runs, 9 of them missing",
        f"{bad}: 4 runs, 4 of them missing", f"4 of 4 runs in {packed}",
        *told,
        f"{path}: 6 runs, 4 of them missing", f"6 of 6 runs in {packed}",
    ]  # fmt: skip
    said = captured.err.splitlines()
    assert len(said) == len(told) == 2
    assert said[0].startswith(f"error: {odd}: 'class:sandal': there is no class 'sandal'.")
    assert said[1].startswith(f"error: {odd}: 'class:shoe': there is no class 'shoe'.")
    assert told[0].startswith("diverged: JiT on class:Boot: ")
    assert told[0].endswith(" (in wild on class:Boot, seed 0)")
    assert told[1].endswith(" (in wild on random:9, seed 0)")


def test_failures_that_are_alike_are_told_once(
    lab: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("division\n by   zero")

    path = spec(lab, seeds=[0, 1])
    monkeypatch.setattr(grid, "measured", fail)
    assert main(["run", str(path)]) == 1
    assert capsys.readouterr().err == (
        f"error: {path}: ZeroDivisionError: division by zero (--verbose shows the traceback) "
        "(12 runs, the first of them in Original on class:Boot, seed 0)\n"
    )
    assert main(["run", str(path), "--verbose"]) == 1
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert "in fail" in shown


def test_a_full_disk_stops_everything(
    lab: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(record: records.Record) -> None:
        raise StorageError("/full/1.json cannot be written.")

    path, other = spec(lab), lab / "other.yaml"
    other.write_text(json.dumps(SPEC | {"part": "other"}))
    monkeypatch.setattr(records, "write", write)
    monkeypatch.setattr(records, "merge", None)
    assert main(["run", str(path), str(other)]) == 1
    captured = capsys.readouterr()
    assert captured.out == f"{path}: 6 runs, 6 of them missing\n"
    assert captured.err.splitlines() == [
        f"error: {path}: /full/1.json cannot be written.",
        f"error: {path}: 0 of 6 runs are recorded; the same command makes the others.",
        f"error: {other}: not started",
    ]


def test_what_was_made_before_an_interruption_is_packed(
    lab: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, made = measured, list[int]()

    def interrupted(*arguments: Any) -> Any:
        made.append(0)
        if len(made) == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(grid, "measured", interrupted)
    assert main(["run", str(spec(lab))]) == 130
    captured = capsys.readouterr()
    assert captured.out.splitlines()[1].startswith("2 of 6 runs in ")
    assert captured.err == "stopped; the same command goes on where this one was\n"
    assert len(pd.read_csv(records.packed("try", "workstation"))) == 2


def test_a_failure_is_told_even_if_nothing_can_be_packed(
    lab: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise StorageError("no room")

    monkeypatch.setattr(grid, "measured", fail)
    monkeypatch.setattr(records, "merge", fail)
    assert main(["run", str(spec(lab))]) == 1
    assert "no room (6 runs, the first of them in Original" in capsys.readouterr().err


def test_the_budget_is_for_all_grids_together(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left, clock = list[float | None](), iter([100.0, 130.0, 250.0])

    def ran(_: Grid, budget: float | None) -> SimpleNamespace:
        left.append(budget)
        return SimpleNamespace(attrs={"diverged": []})

    monkeypatch.setattr(__main__, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr("unlearnlib.runs.run_grid.run_grid", ran)
    path = str(spec(lab))
    assert main(["run", path, path, "--budget", "2m"]) == 0
    assert left == [90.0, 0.0]
    assert main(["run", path]) == 0
    assert left[2] is None


def test_a_reader_that_goes_away_is_no_error(lab: Path) -> None:
    path = spec(lab, dataset="cifar10", methods={"Original": {}}, requests=["random:9"])
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "unlearnlib", "run", str(path)], stdout=closed,
            stderr=subprocess.PIPE, cwd=PACKAGE.parent, timeout=100, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, b"")


def test_record_executes_pages_into_the_committed_records(
    lab: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pages themselves are executed elsewhere, so that here each makes a grid."""
    made: list[tuple[str, str]] = []
    plan = Grid(**({k: v for k, v in SPEC.items() if k != "note"} | {"scale": "laptop"}))

    def execute(
        notebook: Path, output: Path, parameters: dict[str, Any], environment: dict[str, str]
    ) -> None:
        made.append((notebook.name, environment["RERUN"]))
        assert not parameters
        assert output.parent != notebook.parent
        if notebook.name == "bad.ipynb":
            raise ZeroDivisionError("no")
        with monkeypatch.context() as patch:
            patch.setenv("UNLEARNLIB_RECORDS", environment["UNLEARNLIB_RECORDS"])
            unlearnlib.run_grid(plan)

    monkeypatch.setattr(unlearnlib.sweep, "execute", execute)
    for variable in ("UNLEARNLIB_RECORDS", "RERUN"):
        monkeypatch.setenv(variable, "")  # which the command sets, and this test sets back
    assert main(["record", "a/bad.ipynb", "a/good.ipynb"]) == 1
    assert made == [("bad.ipynb", "none"), ("good.ipynb", "none")]
    captured = capsys.readouterr()
    assert captured.err.startswith("error: a/bad.ipynb: ZeroDivisionError: no ")
    assert captured.out.splitlines()[-1].startswith("a/good.ipynb: ")
    assert not (lab / "cache" / "records").exists()
    assert len(pd.read_csv(lab / "data/records/try/laptop.runs.csv.gz")) == 6
    assert not [*(lab / "data/records/try/laptop").iterdir()]
    assert records.read("try", "laptop")["run_id"].nunique() == 6


def test_record_goes_on_where_the_records_of_a_part_are_damaged(
    lab: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    monkeypatch.setattr(unlearnlib.sweep, "execute", lambda page, *_, **__: made.append(page.name))
    for variable in ("UNLEARNLIB_RECORDS", "RERUN"):
        monkeypatch.setenv(variable, "")
    for folder in ("part/laptop", "part/.ipynb_checkpoints", ".git/laptop"):
        home = lab / "data" / "records" / folder
        home.mkdir(parents=True)
    (lab / "data/records/part/laptop/x.json").write_text("{")
    assert main(["record", "a/one.ipynb", "a/two.ipynb"]) == 1
    assert made == ["one.ipynb", "two.ipynb"]
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("x.json")[0].split("/")[0] for line in lines] == ["error: a"] * 2
    assert all("not a record" in line and "Delete it" in line for line in lines)


def test_record_executes_a_page_at_every_point_of_a_sweep(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[str, Any]] = []

    def execute(notebook: Path, output: Path, parameters: Any, environment: dict[str, str]) -> None:
        made.append((environment["UNLEARNLIB_RECORDS"], dict(parameters)))

    monkeypatch.setattr(unlearnlib.sweep, "execute", execute)
    for variable in ("UNLEARNLIB_RECORDS", "RERUN"):
        monkeypatch.setenv(variable, "")
    page = lab / "page.ipynb"
    cell = nbformat.v4.new_code_cell("a: int = 1", metadata={"tags": ["parameters"]})
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), page)
    axes = lab / "axes.yaml"
    axes.write_text("a: [2, 3]")
    assert main(["record", str(page), "--grid", str(axes)]) == 0
    home = str(lab / "data" / "records")
    assert made == [(home, {"a": 2}), (home, {"a": 3})]
    axes.write_text("b: [2, 3]")
    assert main(["record", str(page), "--grid", str(axes)]) == 1
    assert len(made) == 2
