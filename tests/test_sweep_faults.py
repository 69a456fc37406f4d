"""Sweeps: refused before anything runs, and what is damaged is told. No kernel is started here."""

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from joblib.externals.loky.process_executor import BrokenProcessPool

from unlearnlib.errors import SpecError, SweepError
from unlearnlib.locations import PACKAGE
from unlearnlib.sweep import collect, notebook_run, plan, schedule, sweep
from unlearnlib.sweep.notebook_run import NotebookRun

from .made_notebooks import notebook

PAGE = PACKAGE.parent / "notebooks" / "jit" / "full_class.ipynb"
Record = dict[str, Any]


def record(name: str, value: float) -> Record:
    from unlearnlib.runs import records

    return {
        "run_id": name, "identity": dict.fromkeys(records.IDENTITY, "") | {"params": "{}"},
        "specification": {"type": "JiT"}, "provenance": {"behaviour": "x"},
        "rows": [["accuracy", "test", value]],
    }  # fmt: skip


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[NotebookRun]]:
    """Return a function that plans a sweep, whose notebook records the value of `a`."""
    notebook(tmp_path, "a: int = 1")

    def execute(source: Path, output: Path, given: Any, timeout: Any, environment: Any) -> None:
        folder = Path(environment["UNLEARNLIB_RECORDS"])
        for name in ("one", "two"):
            (folder / f"{name}.json").write_text(json.dumps(record(name, given["a"])))
        with (tmp_path / "made").open("a") as file:
            file.write(f"{given['a']} ")

    def make(axes: dict[str, Any], **options: Any) -> list[NotebookRun]:
        (tmp_path / "grid.yaml").write_text(json.dumps(axes))
        return plan(tmp_path / "page.ipynb", tmp_path / "grid.yaml", tmp_path / "out", **options)

    monkeypatch.setattr(notebook_run, "execute", execute)
    return make


Plan = Callable[..., list[NotebookRun]]


@pytest.mark.parametrize(
    "options",
    [
        {"jobs": 0}, {"jobs": -1}, {"jobs": True}, {"jobs": 1.5}, {"sample": 0}, {"sample": -1},
        {"timeout": 0}, {"seed": -1}, {"seed": 0.5}, {"sample": 10_001},
    ],
)  # fmt: skip
def test_numbers_of_the_command_are_checked(planned: Plan, options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(SpecError, match=f"{name} must be"):
        planned({"a": [1]}, **options)


def test_numbers_of_a_sweep_are_checked(planned: Plan) -> None:
    for options in ({"jobs": 0}, {"budget": -1.0}, {"budget": float("nan")}):
        with pytest.raises(SpecError, match=f"{next(iter(options))} must be"):
            sweep(planned({"a": [1]}), **options)
    assert sweep([]) == []


def test_too_many_points_are_told_at_once(planned: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "parameters_at", None)  # not one is built
    page = {"a": list(range(10_001))}
    with pytest.raises(SpecError, match=r"These are 10,001 points, .* at most 10,000.* --sample N"):
        planned(page)
    monkeypatch.setattr(schedule, "parameters_at", lambda point, known: dict(point))
    assert len(planned({"a": list(range(10_000))})) == 10_000


def test_all_mistakes_of_all_points_are_told_once(tmp_path: Path) -> None:
    grid = tmp_path / "grid.json"
    grid.write_text(json.dumps({"dataset": ["no", "nor"], "methods": [{"JTi": {}}, {"JiT": {}}]}))
    with pytest.raises(SpecError) as caught:
        plan(PAGE, grid, tmp_path)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(set(lines))
    assert sum("JTi" in line for line in lines) == 1


def test_many_mistakes_are_not_all_shown(planned: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(point: Any, known: Any) -> None:
        raise SpecError(f"no {point['a']}\nno two")

    monkeypatch.setattr(schedule, "parameters_at", refuse)
    with pytest.raises(SpecError) as caught:
        planned({"a": list(range(25))})
    lines = str(caught.value).splitlines()
    assert lines[:3] == ["no 0", "no two", "no 1"]
    assert lines[-1] == "and 6 more."
    assert len(lines) == 21
    with pytest.raises(SpecError) as caught:
        planned({"a": list(range(19))})
    assert str(caught.value).splitlines()[-1] == "no 18"  # twenty are shown


def test_the_table_has_the_runs_of_the_present_plan(tmp_path: Path, planned: Plan) -> None:
    sweep(planned({"a": [1, 2]}))
    assert sorted(set(collect(tmp_path / "out")["a"])) == [1, 2]
    sweep(planned({"a": [2, 3]}))
    table = (tmp_path / "out" / "results.csv").read_text()
    assert sorted({line.split(",")[1] for line in table.splitlines()[1:]}) == ["2", "3"]
    assert sorted(set(collect(tmp_path / "out")["a"])) == [2, 3]
    assert (tmp_path / "made").read_text() == "1 2 3 "
    (tmp_path / "out" / "plan.json").unlink()  # a folder of an older library
    assert sorted(set(collect(tmp_path / "out")["a"])) == [1, 2, 3]


@pytest.mark.parametrize("text", ["{", "[]", "null", '{"run_id": "one"}', None])
def test_a_damaged_record_is_told_and_made_again(
    tmp_path: Path, planned: Plan, text: str | None
) -> None:
    first, second = made = planned({"a": [1, 2]})
    sweep(made)
    file = first.records / "one.json"
    file.unlink() if text is None else file.write_text(text)
    with pytest.warns(UserWarning, match=r"one\.json is missing or damaged .* repeats it"):
        table = collect(tmp_path / "out")
    assert list(table["a"]) == [2, 2]
    assert first.status() is None
    assert second.status() is not None
    sweep(made)
    assert (tmp_path / "made").read_text() == "1 2 1 "
    assert sorted(collect(tmp_path / "out")["a"]) == [1, 1, 2, 2]


def test_a_stray_record_is_gone_when_its_run_is_made_again(tmp_path: Path, planned: Plan) -> None:
    (run,) = made = planned({"a": [1]})
    run.records.mkdir(parents=True)
    (run.records / "stray.json").write_text("{")
    sweep(made)
    assert sorted(path.name for path in run.records.iterdir()) == ["one.json", "two.json"]


def test_marks_of_a_sweep_that_was_killed_go(tmp_path: Path, planned: Plan) -> None:
    (run,) = made = planned({"a": [1]})
    orphan = tmp_path / "out" / "runs" / "left.started"
    orphan.parent.mkdir(parents=True)
    orphan.touch()
    sweep(made)
    assert not orphan.exists()
    assert not run.started_file.exists()


@pytest.mark.parametrize(
    ("jobs", "count", "workers"), [(24, 4, 4), (2, 4, 2), (24, 1, 2), (1, 4, 1)]
)
def test_no_more_workers_than_runs(
    planned: Plan, monkeypatch: pytest.MonkeyPatch, jobs: int, count: int, workers: int
) -> None:
    asked = []

    def parallel(n: int, **options: Any) -> Callable[..., Any]:
        asked.append(n)
        return lambda tasks: (notebook_run.make(*args) for _, args, _ in tasks)

    monkeypatch.setattr(schedule, "Parallel", parallel)
    assert len(sweep(planned({"a": list(range(count))}), jobs=jobs)) == count
    assert asked == [workers]


def test_a_pool_that_always_breaks_is_given_up(
    planned: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its workers are killed before they have begun a run; one run that ends begins the count."""
    tries = []

    def parallel(n: int, **options: Any) -> Callable[..., Any]:
        def pool(tasks: Any) -> Any:
            tries.append(n)
            if len(tries) == 3:
                _, args, _ = next(iter(tasks))
                yield notebook_run.make(*args)
            raise BrokenProcessPool

        return pool

    monkeypatch.setattr(schedule, "Parallel", parallel)
    with pytest.raises(SweepError, match="before they had begun a run, 3 times"):
        sweep(planned({"a": [1, 2]}), jobs=2)
    assert len(tries) == 5


def test_runs_that_always_kill_their_worker_fail_one_by_one(
    planned: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pool that breaks after a run has begun is no reason to try for ever, nor to give up."""
    tries = []

    def parallel(n: int, **options: Any) -> Callable[..., Any]:
        def pool(tasks: Any) -> Any:
            _, (run,), _ = next(iter(tasks))
            tries.append(run.point["a"])
            run.started_file.touch()
            raise BrokenProcessPool

        return pool

    monkeypatch.setattr(schedule, "Parallel", parallel)
    ended = sweep(planned({"a": [1, 2, 3, 4]}), jobs=2)
    assert ["twice" in status["error"] for status in ended] == [True] * 4
    assert tries == [1, 1, 2, 2, 3, 3, 4, 4]


@pytest.mark.parametrize(
    "error",
    [
        OSError("AF_UNIX path too long"),
        OSError(errno.EMFILE, "Too many open files"),
        OSError(errno.ENOSPC, "No space left", "/tmp/elsewhere"),
        RuntimeError("Kernel died"),
    ],
)
def test_what_the_kernel_did_is_not_the_fault_of_the_folder(
    planned: Plan, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*given: Any) -> None:
        raise error

    monkeypatch.setattr(notebook_run, "execute", fail)
    (status,) = sweep(planned({"a": [1]}))
    assert status["state"] == "failed"
    assert str(error) in status["error"]
    assert "--out" not in status["error"]


def test_what_the_folder_did_is(
    tmp_path: Path, planned: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    denied = PermissionError(errno.EACCES, "denied", str(tmp_path / "out" / "runs" / "x.ipynb"))
    for error, what in ((full, "The disk is full"), (denied, "Writing failed")):

        def fail(*given: Any, error: OSError = error) -> None:
            raise error

        monkeypatch.setattr(notebook_run, "execute", fail)
        with pytest.raises(SweepError, match=f"{what}.*--out"):
            sweep(planned({"a": [1]}))
