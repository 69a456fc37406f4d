"""A notebook run at many points, on the cores of this machine or of a cluster.

joblib distributes the runs; what is here is what a sweep needs around it: every run has a file that
says what became of it, so a sweep that was stopped, in whatever way, goes on where it was.
"""

import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky.process_executor import BrokenProcessPool
from tqdm import tqdm

from ..cache import atomic, digest
from ..errors import SpecError, SweepError
from ..runs.environment import library_hash
from .notebook_run import (
    PLAN,
    NotebookRun,
    Status,
    collect,
    make,
    notebook_hash,
    writing,
)
from .parameters import parameters_of
from .space import parameters_at, points, read_axes

MISTAKES_SHOWN = 20
"""The most mistakes that are told at once."""
ONE_WORKER = 2
"""Fewest workers to ask joblib for: asked for one, it makes the run in this process, which a run
that is killed would take along. The second has nothing to do."""
BREAKS = 3
"""Times in a row that workers may be killed before any has begun a run; then a sweep is given up,
since no run is left out by trying again."""


def plan(
    notebook: str | Path,
    grid: str | Path,
    folder: str | Path,
    *,
    jobs: int = 1,
    sample: int | None = None,
    sobol: bool = False,
    seed: int = 0,
    timeout: int | None = None,
) -> list[NotebookRun]:
    """Return the runs of a sweep, checked as far as it can be done without running them.

    Args:
        notebook: A notebook with a `parameters` cell.
        grid: A file of JSON or YAML, see `read_axes`.
        folder: The sweep's folder.
        jobs: Runs at a time, which share the cores.
        sample: How many points to draw; None for every combination.
        sobol: Draw a Sobol sequence instead of independent points.
        seed: Seed of the draw.
        timeout: Seconds that a cell may take.

    Raises:
        SpecError: A name is unknown or a value is not allowed; a sentence for each.
    """
    _refuse_unless_whole(1, jobs=jobs, sample=sample, timeout=timeout)
    _refuse_unless_whole(0, seed=seed)
    notebook, folder = Path(notebook).resolve(), Path(folder).resolve()
    known = parameters_of(notebook)
    code = notebook_hash(notebook)
    threads = max(1, (os.cpu_count() or 1) // jobs)
    runs: list[NotebookRun] = []
    wrong: dict[str, None] = {}
    for point in points(read_axes(grid, known), sample, sobol, seed):
        try:
            given = parameters_at(point, known)
        except SpecError as error:
            wrong |= dict.fromkeys(str(error).splitlines())
            continue
        name = digest({"code": code, "parameters": given, "library": library_hash()})
        runs.append(NotebookRun(notebook, folder, point, given, name, timeout, threads))
    if wrong:
        more = [f"and {len(wrong) - MISTAKES_SHOWN} more."] if len(wrong) > MISTAKES_SHOWN else []
        raise SpecError("\n".join([*wrong][:MISTAKES_SHOWN] + more))
    return runs


def _refuse_unless_whole(least: int, **given: Any) -> None:
    """Refuse what is given and no whole number of at least `least`."""
    for name, value in given.items():
        if value is not None and (type(value) is not int or value < least):
            raise SpecError(f"{name} must be a whole number, at least {least}, not {value!r}.")


def sweep(
    runs: Sequence[NotebookRun],
    *,
    jobs: int = 1,
    retry_failed: bool = False,
    budget: float | None = None,
    backend: str = "loky",
    scheduler: str | None = None,
) -> list[Status]:
    """Make the runs that are missing; return what became of all that have ended.

    The table of their measurements is written to `results.csv` in the sweep's folder, also when
    the sweep is stopped. It has the runs of this plan, not those of an older one.

    Args:
        runs: What `plan` returns.
        jobs: Runs at a time.
        retry_failed: Repeat the runs that failed.
        budget: Seconds; no run starts that would not end within them, by the longest so far.
        backend: `loky`, processes of this machine, or `dask`, an existing cluster.
        scheduler: Address of the cluster's scheduler.

    Raises:
        SpecError: There are fewer jobs than one, or the budget is no time.
        SweepError: The folder is in use, full, or cannot be written to.
    """
    _refuse_unless_whole(1, jobs=jobs)
    if budget is not None and not budget >= 0:
        raise SpecError(f"budget must be at least 0 seconds, not {budget!r}.")
    if not runs:
        return []
    folder = runs[0].folder
    with writing(folder):
        (folder / "runs").mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        with writing(folder):
            for left in (folder / "runs").glob("*.started"):  # by a sweep that was killed
                left.unlink()
            with atomic(folder / PLAN) as temporary:
                temporary.write_text(json.dumps([run.name for run in runs]) + "\n")
        known = {run.name: run.status() for run in runs}
        keep = ("done",) if retry_failed else ("done", "failed")
        ended = {name: s for name, s in known.items() if s and s["state"] in keep}
        missing = [run for run in runs if run.name not in ended]
        try:
            with tqdm(total=len(runs), initial=len(ended), unit="run", disable=None) as bar:
                for status in _statuses(missing, jobs, budget, backend, scheduler):
                    ended[status["run"]] = status
                    bar.update()
        finally:
            with writing(folder), atomic(folder / "results.csv") as temporary:
                collect(folder).to_csv(temporary, index=False)
    return [ended[run.name] for run in runs if run.name in ended]


def _statuses(
    missing: Sequence[NotebookRun],
    jobs: int,
    budget: float | None,
    backend: str,
    scheduler: str | None,
) -> Iterator[Status]:
    """Yield what becomes of the runs; one whose worker is killed is tried again, by itself."""
    left = {run.name: run for run in missing}
    end = time.monotonic() + budget if budget is not None else float("inf")
    longest = 0.0  # seconds of the longest run so far
    broken = 0  # times in a row that all workers were gone before one had begun a run

    def start() -> Iterator[Any]:
        for run in list(left.values()):
            if time.monotonic() + longest > end:
                return
            yield delayed(make)(run)

    while left:
        try:
            with _backend(backend, scheduler):
                workers = min(jobs, max(ONE_WORKER, len(left)))
                pool = Parallel(workers, return_as="generator_unordered", pre_dispatch="n_jobs")
                for status in pool(start()):
                    broken = 0
                    longest = max(longest, status["seconds"])
                    left.pop(status["run"], None)
                    yield status
            return
        except BrokenProcessPool:  # all workers are gone: which run was it? Each by itself tells
            begun = [run for run in left.values() if run.started_file.exists()]
            broken = 0 if begun else broken + 1
            if broken == BREAKS:
                raise SweepError(
                    f"Workers were killed before they had begun a run, {BREAKS} times; out of "
                    "memory? Try fewer --jobs."
                ) from None
            for run in begun:
                del left[run.name]
                yield _by_itself(run)


def _by_itself(run: NotebookRun) -> Status:
    """Make a run in a worker that makes no other, and see whether that is killed again."""
    try:
        with _backend("loky", None):
            (status,) = Parallel(ONE_WORKER)([delayed(make)(run)])
    except BrokenProcessPool:
        return run.end("failed", "its worker was killed, twice; out of memory?")
    return dict(status)


@contextmanager
def _backend(backend: str, scheduler: str | None) -> Iterator[None]:
    """Let joblib use the backend."""
    if backend == "loky":
        with parallel_config(backend="loky", initializer=_end_worker_with, initargs=(os.getpid(),)):
            yield
        return
    if scheduler is None:
        raise SweepError("The dask backend needs --scheduler ADDRESS, such as tcp://host:8786.")
    try:
        from distributed import Client
    except ImportError:
        raise SweepError("The dask backend needs dask: pip install 'dask[distributed]'.") from None
    client = Client(scheduler)  # type: ignore[no-untyped-call]
    with client, parallel_config(backend="dask", wait_for_workers_timeout=60):
        yield


def _end_worker_with(parent: int) -> None:
    """End this worker soon after its parent has ended, in whatever way; its kernels follow."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Refuse to run two sweeps in one folder at a time."""
    lock = FileLock(folder / ".lock", timeout=0)
    with writing(folder):
        try:
            lock.acquire()
        except Timeout:
            raise SweepError(
                f"Another sweep is running in {folder}. Wait until it ends, or give this one a "
                "folder of its own with --out."
            ) from None
    try:
        yield
    finally:
        lock.release()
