"""The runs of a grid are made one by one, recorded, and resumed where they stopped."""

import gc
import time
import warnings
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import pandas as pd
from tqdm import tqdm

from ..deadline import until
from ..errors import PausedError, StoppedError
from ..locations import home_of_records, records_folder
from ..methods import Original, Retrain
from ..scenario import Scenario
from . import records
from .grid import Grid, Run
from .one_run import DIVERGED


def run_grid(grid: Grid, budget: float | None = None) -> pd.DataFrame:
    """Return the tidy table of the runs of `grid`: what is recorded, and the rest made now.

    A run that is recorded is never made again, at no scale: a committed record stands on every
    machine, and where its method does something else by now, the table marks it as stale. What is
    made is recorded as soon as it ends, so a grid that was stopped goes on where it was. Where runs
    write to a folder of their own (`UNLEARNLIB_RECORDS`), what is recorded elsewhere is copied to
    it. A run that fails does not stop the others. The first seed is run with every request and
    method before the second, since a part of that is worth the most.

    A method whose steps diverge is recorded as that, and nothing else is recorded of it, since no
    metric of such a model means anything. Settings that go too far are what some grids are for: if
    nothing else fails, a warning tells of those made now; `attrs["diverged"]` of the table has a
    sentence for each.

    Args:
        grid: What to run.
        budget: Seconds; a run that would end later, by the longest of its method so far, is not
            started, and a warning says how many were not. A training stops when they are over, at a
            checkpoint from which it goes on the next time.

    Raises:
        SpecError: The data set does not have what the requests name; nothing was run.
        ExceptionGroup: Some runs failed otherwise; the others are recorded.
        StoppedError: A record or a model could not be written; the rest was not started.
    """
    end = time.monotonic() + (float("inf") if budget is None else budget)
    known = records.known(grid.part, grid.scale)
    turn = {seed: i for i, seed in enumerate(grid.seeds)}
    runs = sorted(grid.runs(), key=lambda run: turn[run.seed])
    due = [run for run in runs if run.run_id not in known]
    done = {run.run_id: known[run.run_id] for run in runs if run.run_id in known}
    if records_folder(grid.scale) != home_of_records(grid.scale):
        for taken_over in done.keys() - records.load_all(grid.part, grid.scale).keys():
            records.write(done[taken_over])
    if due:
        scenario = due[0].scenario
        grid.check_requests(scenario)
    longest, failures, late = _longest(known.values()), _Failures(), 0
    bar = tqdm(due, total=len(runs), initial=len(runs) - len(due), unit="run", disable=None)
    for run in bar:
        bar.set_description(f"{run.request} {run.label} seed {run.seed}")
        resumes = isinstance(run.method, Original | Retrain)  # a training, which a budget may stop
        if time.monotonic() + (0 if resumes else longest[run.name]) > end:
            late += 1
            continue
        scenario = _scenario(run, scenario)
        with until(end):
            record = _tried(run, scenario, failures)
        if record is None:
            continue
        try:
            records.write(record)
        except OSError as error:  # nor could the next one be written
            told = f"{len(done)} of {len(runs)} runs are recorded"
            stopped = StoppedError(f"{error}\n{told}; the same command makes the others.")
            stopped.table = _table(grid, done | {run.run_id: record})
            raise stopped from error
        done[run.run_id] = record
        longest[run.name] = max(longest[run.name], record["provenance"]["seconds"])
    wild = [run for run in runs if run.run_id in done and diverged(done[run.run_id])]
    _tell(failures, late, [_where(run) for run in wild if run in due], len(done), len(runs))
    table = _table(grid, done)
    faults = [done[run.run_id]["provenance"].get("fault", "it diverged") for run in wild]
    table.attrs["diverged"] = [f"{f} ({_where(r)})" for f, r in zip(faults, wild, strict=True)]
    return table


def diverged(record: records.Record) -> bool:
    """Tell whether the steps of a method diverged, so that its record has no measurement."""
    return [*map(tuple, record["rows"])] == [DIVERGED]


def _where(run: Run) -> str:
    return f"in {run.label} on {run.request}, seed {run.seed}"


@dataclass
class _Failures:
    """What went wrong in a grid.

    Attributes:
        errors: One for each run that failed, with a note of which run that was.
        hopeless: Of a seed without an original model, the error; its other runs are not tried.
        paused: Trainings that stopped at a checkpoint, and waits that ended, when time was up.
    """

    errors: list[Exception] = field(default_factory=list)
    hopeless: dict[int, Exception] = field(default_factory=dict)
    paused: list[PausedError] = field(default_factory=list)


def _longest(known: Iterable[records.Record]) -> defaultdict[str, float]:
    """Return the seconds of the longest run of each method, 0 where none is known."""
    longest: defaultdict[str, float] = defaultdict(float)
    for record in known:
        name, seconds = record["identity"]["method"], record["provenance"].get("seconds")
        longest[name] = max(longest[name], seconds if type(seconds) in (int, float) else 0)
    return longest


def _scenario(run: Run, before: Scenario) -> Scenario:
    """Return the scenario of a run: that of the run before, or one that shares its data set."""
    if run.scenario == before:
        return before
    return before.but(request=run.request, seed_model=run.seed, seed_request=run.seed)


def _tried(run: Run, scenario: Scenario, failures: _Failures) -> records.Record | None:
    """Return the record of a run; None if it fails, and then its failure is noted."""
    where = _where(run)
    if run.seed in failures.hopeless:
        failures.hopeless[run.seed].add_note(where)
        return None
    try:
        return run.go(scenario)
    except PausedError as paused:
        failures.paused.append(paused)
        return None
    except Exception as error:  # the other runs go on; all failures are raised by `run_grid`
        error.add_note(where)
        failures.errors.append(error)
        if not scenario.trained:
            failures.hopeless[run.seed] = error
        return None
    finally:
        gc.collect()


def _table(grid: Grid, made: dict[str, records.Record]) -> pd.DataFrame:
    """Return the tidy table of the records there are, in the order of the grid."""
    return records.table(made[run.run_id] for run in grid.runs() if run.run_id in made)


def _tell(failures: _Failures, late: int, wild: list[str], done: int, total: int) -> None:
    """Warn of runs that were late or diverged.

    Raises:
        ExceptionGroup: Some failed.
    """
    for paused in failures.paused:
        warnings.warn(str(paused), stacklevel=3)
    if late:
        told = f"{late} of {total} runs were not started, which the same command makes."
        warnings.warn(f"The time was up: {told}", stacklevel=3)
    if failures.errors:
        raise ExceptionGroup(f"{done} of {total} runs are recorded; these failed", failures.errors)
    if wild:
        told = f"{len(wild)} of {total} runs diverged and have no number: {'; '.join(wild)}."
        warnings.warn(told, stacklevel=3)
