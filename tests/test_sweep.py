"""Sweeps: checked before they start, resumed where they stopped, nothing finished is lost."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from filelock import FileLock

from unlearnlib import sweep as package
from unlearnlib.__main__ import main
from unlearnlib.errors import SweepError
from unlearnlib.sweep import collect, notebook_run, plan

from . import made_notebooks
from .toys import grid

pytestmark = pytest.mark.usefixtures("kernels_leave_nothing")

BODY = """
import os, pathlib, time
if (marks := pathlib.Path(name).parent) and "/" in name:
    (marks / f"a{a}.pid").write_text(str(os.getpid()))
    (marks / f"a{a}.count").open("a").write("x")
if a == 13: raise ValueError("thirteen")
if a == 14: time.sleep(60)
print(a * 2)
"""


def notebook(folder: Path, parameters: str = made_notebooks.PARAMETERS, body: str = BODY) -> Path:
    return made_notebooks.notebook(folder, parameters, body)


def go(folder: Path, *options: str, **axes: Any) -> int:
    """Sweep a toy notebook on the command line; it counts how often it ran at each `a`."""
    axes = {"name": [str(folder / "mark")], **axes}
    out = ["--out", str(folder / "out")]
    return main(
        ["sweep", str(notebook(folder)), "--grid", str(grid(folder, **axes)), *out, *options]
    )


def counts(folder: Path) -> dict[str, int]:
    return {path.stem: len(path.read_text()) for path in sorted(folder.glob("*.count"))}


# --- the runs ----------------------------------------------------------------------------------


def test_a_sweep_runs_resumes_and_tells_what_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert go(tmp_path, a=[1, 13, 2]) == 1
    said = capsys.readouterr().out
    assert "2 done, 1 failed, 0 not started" in said
    assert "ValueError: thirteen" in said
    assert counts(tmp_path) == {"a1": 1, "a13": 1, "a2": 1}
    assert go(tmp_path, a=[1, 13, 2, 3]) == 1  # one more point; what ended is not repeated
    assert counts(tmp_path) == {"a1": 1, "a13": 1, "a2": 1, "a3": 1}
    assert go(tmp_path, "--retry-failed", a=[1, 13, 2, 3]) == 1
    assert counts(tmp_path) == {"a1": 1, "a13": 2, "a2": 1, "a3": 1}
    table = collect(tmp_path / "out")
    assert sorted(table["a"]) == [1, 2, 3]
    assert (tmp_path / "out" / "results.csv").read_text().count("\n") == 4
    kept = [nbformat.read(p, as_version=4) for p in (tmp_path / "out" / "runs").glob("*.ipynb")]
    assert len(kept) == 4  # the failed notebook is there too


def test_other_code_is_another_run(tmp_path: Path) -> None:
    path = notebook(tmp_path)
    (one,) = plan(path, grid(tmp_path, a=[1]), tmp_path)
    (same,) = plan(path, grid(tmp_path, a=[1]), tmp_path / "elsewhere")
    (other,) = plan(path, grid(tmp_path, a=[2]), tmp_path)
    (changed,) = plan(notebook(tmp_path, body="1"), grid(tmp_path, a=[1]), tmp_path)
    assert one.name == same.name
    assert len({one.name, other.name, changed.name}) == 3


def test_a_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert go(tmp_path, "--dry-run", a=[1, 2]) == 0
    assert "2 runs, 2 of them missing" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_a_wrong_name_stops_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert go(tmp_path, c=[1]) == 1
    assert "no parameter 'c'" in capsys.readouterr().err
    assert counts(tmp_path) == {}


def test_a_notebook_that_hangs_is_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert go(tmp_path, "--timeout", "2", a=[14, 1]) == 1
    assert "took longer than 2 s" in capsys.readouterr().out
    assert len(collect(tmp_path / "out")) == 1


def test_records_of_grids_go_to_the_sweep_and_into_its_table(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run's grid writes where the sweep says, not where the book looks."""
    from unlearnlib import Grid, run_grid
    from unlearnlib.runs import records

    spec: dict[str, Any] = {
        "part": "try", "scale": "laptop", "dataset": "toy", "model": "mlp",
        "requests": ["class:Boot"], "training": {"epochs": 1}, "methods": {"Original": {}},
    }  # fmt: skip
    run_grid(Grid(**spec, seeds=[0]))  # known before the sweep, and still in its table

    def execute(source: Path, output: Path, given: Any, timeout: Any, environment: Any) -> None:
        monkeypatch.setenv("UNLEARNLIB_RECORDS", environment["UNLEARNLIB_RECORDS"])
        run_grid(Grid(**spec, seeds=given["tags"]))
        monkeypatch.delenv("UNLEARNLIB_RECORDS")

    monkeypatch.setattr(notebook_run, "execute", execute)
    assert go(lab, tags=[[0, 1], [2]]) == 0
    table = collect(lab / "out")
    assert sorted(zip(table["tags"], table["seed_model"], strict=True))[0] == ("[0, 1]", 0)
    assert set(zip(table["tags"], table["seed_model"], strict=True)) == {
        ("[0, 1]", 0), ("[0, 1]", 1), ("[2]", 2)
    }  # fmt: skip
    assert set(records.read("try", "laptop")["seed_model"]) == {0}


def test_columns_of_the_table_stand_once_whatever_runs_record(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs of several methods, and one without a grid; `lr` is swept, and a method's as well."""
    from unlearnlib import Grid, run_grid
    from unlearnlib.report import summary
    from unlearnlib.runs import records

    spec: dict[str, Any] = {
        "part": "try", "scale": "laptop", "dataset": "toy", "model": "mlp",
        "requests": ["class:Boot"], "training": {"epochs": 1}, "seeds": [0],
    }  # fmt: skip
    methods = {0.1: {"GradientAscent": {"lr": 0.1}}, 0.2: {"JiT": {"lr": 0.2}}}

    def execute(source: Path, output: Path, given: Any, timeout: Any, environment: Any) -> None:
        monkeypatch.setenv("UNLEARNLIB_RECORDS", environment["UNLEARNLIB_RECORDS"])
        if given["lr"] in methods:
            run_grid(Grid(**spec, methods=methods[given["lr"]]))
        monkeypatch.delenv("UNLEARNLIB_RECORDS")

    monkeypatch.setattr(notebook_run, "execute", execute)
    path = notebook(lab, "lr: float = 0.1", "1")
    runs = plan(path, grid(lab, lr=[0.1, 0.2, 0.3]), lab / "out")
    seconds = {run.name: notebook_run.make(run)["seconds"] for run in runs}
    table = collect(lab / "out")
    assert table.columns.is_unique
    assert set(table["lr"]) == {0.1, 0.2, 0.3}
    assert table["run"].map(seconds).equals(table["seconds"])  # of the notebook
    assert {"run", *records.COLUMNS} - {"dirty"} <= set(table)
    known = table[table["method"].notna()]
    assert "run" not in records.hyper_parameters(table)
    assert set(summary(known, [("accuracy", "test")])["n"]) == {1}


@pytest.mark.usefixtures("figures_closed")
def test_a_sweep_can_be_drawn(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a sweep adds to the table, such as the name of the run, is no setting of a method."""
    from unlearnlib import Grid, run_grid
    from unlearnlib.report import figures

    spec: dict[str, Any] = {
        "part": "try", "scale": "laptop", "dataset": "toy", "model": "mlp",
        "requests": ["class:Boot"], "training": {"epochs": 1}, "seeds": [0],
    }  # fmt: skip

    def execute(source: Path, output: Path, given: Any, timeout: Any, environment: Any) -> None:
        monkeypatch.setenv("UNLEARNLIB_RECORDS", environment["UNLEARNLIB_RECORDS"])
        run_grid(Grid(**spec, methods=given["methods"]))
        monkeypatch.delenv("UNLEARNLIB_RECORDS")

    monkeypatch.setattr(notebook_run, "execute", execute)
    path = notebook(lab, 'methods: dict = {"JiT": {"sigma": 0.5, "lr": 0.1}}', "1")
    axes = {"methods.JiT.sigma": [0.5, 1.0], "methods.JiT.lr": [0.1, 0.2]}
    for run in plan(path, grid(lab, **axes), lab / "out"):
        notebook_run.make(run)
    figure = figures.heatmap(collect(lab / "out"), "accuracy", "test", x="lr", y="sigma")
    assert len(figure.axes[0].texts) == 4


# --- faults ------------------------------------------------------------------------------------


def test_a_corrupt_status_is_a_run_to_make_again(tmp_path: Path) -> None:
    go(tmp_path, a=[1, 2])
    first = next((tmp_path / "out" / "runs").glob("*.json"))
    first.write_text(first.read_text()[:40])
    assert len(collect(tmp_path / "out")) == 1  # the other is still in the table
    assert go(tmp_path, a=[1, 2]) == 0
    assert sorted(counts(tmp_path).values()) == [1, 2]
    assert len(collect(tmp_path / "out")) == 2


def test_two_sweeps_in_one_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").mkdir()
    with FileLock(tmp_path / "out" / ".lock"):
        assert go(tmp_path, a=[1]) == 1
    assert "Another sweep is running" in capsys.readouterr().err
    assert counts(tmp_path) == {}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_full_or_read_only_folder(
    tmp_path: Path,
    number: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The second run cannot be written: the first is kept, and the message says what to do."""
    real, calls = notebook_run.NotebookRun.end, []

    def end(self: Any, *given: Any, **named: Any) -> Any:
        calls.append(self)
        if len(calls) == 2:
            raise OSError(number, os.strerror(number))
        return real(self, *given, **named)

    monkeypatch.setattr(notebook_run.NotebookRun, "end", end)
    assert go(tmp_path, a=[1, 2, 3]) == 1
    said = capsys.readouterr().err
    assert os.strerror(number) in said
    assert "What has ended is kept" in said
    assert ("The disk is full" in said) == (number == errno.ENOSPC)
    monkeypatch.setattr(notebook_run.NotebookRun, "end", real)
    assert len(collect(tmp_path / "out")) == 1
    assert go(tmp_path, a=[1, 2, 3]) == 0
    assert counts(tmp_path) == {"a1": 1, "a2": 2, "a3": 1}


def test_a_forked_kernel_starts_processes_as_a_fresh_one_does(tmp_path: Path) -> None:
    ask = "import multiprocessing; print(multiprocessing.get_start_method())"
    done = package.execute(notebook(tmp_path, body=ask), tmp_path / "done.ipynb")
    fresh = subprocess.check_output([sys.executable, "-c", ask], text=True)
    assert done.cells[-1].outputs[0]["text"] == fresh


def test_a_budget_starts_nothing_that_will_not_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert go(tmp_path, "--budget", "0s", a=[1, 2]) == 1
    assert "0 done, 0 failed, 2 not started" in capsys.readouterr().out
    assert go(tmp_path, "--budget", "10m", a=[1, 2]) == 0


def test_dask_needs_an_address(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert go(tmp_path, "--backend", "dask", a=[1]) == 1
    with pytest.raises(SweepError, match="--scheduler ADDRESS"):
        package.sweep(plan(notebook(tmp_path), grid(tmp_path, a=[1]), tmp_path), backend="dask")
