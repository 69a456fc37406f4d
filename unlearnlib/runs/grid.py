"""Grids of runs: specified once, recorded one by one, resumed where they stopped."""

import gc
import json
import time
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from torch.hub import tqdm  # type: ignore[attr-defined]  # a plain one where tqdm is missing

from ..access import Method, access
from ..errors import DivergedError, RequestError, StoppedError
from ..fields import Part, Whole, differing
from ..request import resolve
from ..scenario import Scenario, rng
from ..training import Recipe
from . import behaviour, records
from .mapping import mapping
from .one_run import SPLITS, measured
from .specification import made, mistakes, refuse


@dataclass(frozen=True)
class Grid:
    """Which runs to make: every request with every seed and every method.

    The same keys are the `parameters` of a notebook and a file for `python -m unlearnlib run`.

    Attributes:
        part: Part of the book that the records belong to.
        scale: `laptop`, `workstation` or `paper`; `search` for the records of a declared search.
        dataset: Name of the data set.
        model: Name of the network.
        requests: What to forget, one scenario each.
        training: Fields of the `Recipe` of the original and of the retrained models.
        methods: Name -> fields of the method. `type` tells the method where the name does not, and
            `label` what tables call it: the settings of a sweep share one.
        seeds: Each is at once the seed of the training, of the request and of the method.
        validation: Share of the training set held out.
        splits: What to measure; a search names only what it may see.
    """

    part: str
    scale: Literal["laptop", "workstation", "paper", "search"]
    dataset: str
    model: str
    requests: list[str]
    training: dict[str, Any]
    methods: dict[str, dict[str, Any]]
    seeds: list[Whole]
    validation: Part = 0.0
    splits: list[str] = field(default_factory=lambda: list(SPLITS))

    def __post_init__(self) -> None:
        """Refuse what could only fail later, all of it at once."""
        refuse(mistakes(Grid, vars(self)))

    @classmethod
    def read(cls, path: str | Path, **changes: Any) -> "Grid":
        """Return the grid in a file of JSON or YAML; keys that start with `note` are remarks.

        Raises:
            SpecError: The file is not a mapping, or not that of a grid: a line for each mistake.
        """
        values = mapping(Path(path)) | changes
        values = {k: v for k, v in values.items() if not str(k).startswith("note")}
        refuse(mistakes(cls, values), f"{path}: ")
        return cls(**values)

    def __len__(self) -> int:
        """Return the number of runs."""
        return len(self.requests) * len(self.seeds) * len(self.methods)

    def runs(self) -> Iterator["Run"]:
        """Yield the runs, those of one scenario together."""
        for request in self.requests:
            for seed in self.seeds:
                for label, options in self.methods.items():
                    yield Run(self, request, label, options, seed)

    def missing(self) -> list["Run"]:
        """Return the runs that `run_grid` would make."""
        known = records.load_all(self.part, self.scale)
        return [run for run in self.runs() if run.due(known.get(run.run_id))]

    def check_requests(self, scenario: Scenario) -> None:
        """Refuse requests that the data set does not have, or has twice.

        Args:
            scenario: Any of the grid, whose data set is loaded for that.

        Raises:
            SpecError: A line for each of them, and for validation that holds out no example.
        """
        faults: list[str] = []
        if self.validation and not scenario.held_out.any():
            faults.append(f"validation of {self.validation} holds out none of the training set.")
        seen: dict[tuple[bool, bytes], str] = {}
        for request in self.requests:
            try:
                train = resolve(request, scenario.remaining, rng("request", self.seeds[0])).train
            except RequestError as error:
                faults.append(str(error))
                continue
            drawn = request.startswith("random:")  # which is another one with another seed
            if (first := seen.setdefault((drawn, train.numpy().tobytes()), request)) != request:
                faults.append(
                    f"requests has {first!r} and {request!r}, which select the same training "
                    "examples and would be counted twice. Keep one."
                )
        refuse(faults)


@dataclass(frozen=True)
class Run:
    """A method on a scenario with a seed."""

    grid: Grid
    request: str
    label: str
    options: dict[str, Any]
    seed: int

    @cached_property
    def method(self) -> Method:
        """The method."""
        return made(self.label, self.options)

    @property
    def scenario(self) -> Scenario:
        """The scenario, of which nothing is computed or loaded yet."""
        g = self.grid
        recipe = Recipe(**g.training)
        return Scenario(
            dataset=g.dataset,
            model=g.model,
            request=self.request,
            recipe=recipe,
            seed_model=self.seed,
            seed_request=self.seed,
            validation=g.validation,
        )

    @property
    def identity(self) -> dict[str, Any]:
        """The identity columns of the tidy table."""
        g = self.grid
        params = differing(self.method)
        seeds = dict.fromkeys(("seed_model", "seed_request", "seed_method"), self.seed)
        return {
            "part": g.part, "scale": g.scale, "dataset": g.dataset, "model": g.model,
            "request": self.request,
            "method": self.name,
            "params": json.dumps(params, sort_keys=True),
            "access": ", ".join(access(self.method)), **seeds,
        }  # fmt: skip

    @property
    def specification(self) -> dict[str, Any]:
        """What else decides the numbers."""
        return {
            "type": self.options.get("type", self.label),
            "training": differing(Recipe(**self.grid.training)),
            "validation": self.grid.validation,
            "splits": sorted(self.grid.splits),
        }

    @cached_property
    def run_id(self) -> str:
        """A hash of what decides the numbers; the code is not part of it."""
        return records.run_id(self.identity, self.specification)

    @property
    def name(self) -> str:
        """What tables call the method."""
        return str(self.options.get("label", self.label))

    def due(self, record: records.Record | None) -> bool:
        """Tell whether the run has to be made, given its record if there is one."""
        return record is None or (self.grid.scale == "laptop" and records.stale(record))

    def go(self, scenario: Scenario) -> records.Record:
        """Make the run on its scenario, with what that has computed already; return its record."""
        start = time.perf_counter()
        rows = measured(self.method, scenario, self.seed, self.grid.splits)
        seconds = round(time.perf_counter() - start, 3)
        now = behaviour.of_kind(self.specification["type"], self.grid.dataset)
        return {
            "run_id": self.run_id,
            "identity": self.identity,
            "specification": self.specification,
            "rows": rows,
            "provenance": records.environment()
            | {"date": records.now(), "seconds": seconds, "behaviour": now},
        }


def run_grid(grid: Grid, budget: float | None = None) -> pd.DataFrame:
    """Make the runs of `grid` that are missing and return the tidy table of all of them.

    Each run is recorded as soon as it ends, so a grid that was stopped goes on where it was. A
    laptop record is remade when its method does something else now; at other scales it is kept, and
    the table marks it as stale. A run that fails does not stop the others. The first seed is run
    with every request and method before the second, since a part of that is worth the most.

    A method whose steps diverge leaves no record, since no metric of such a model means anything.
    Settings that go too far are what some grids are for: if nothing else fails, a warning tells of
    them, and `attrs["diverged"]` of the table has a sentence for each.

    Args:
        grid: What to run.
        budget: Seconds; a run that would end later, by the longest of its method so far, is not
            started, and a warning says how many were not.

    Raises:
        SpecError: The data set does not have what the requests name; nothing was run.
        ExceptionGroup: Some runs failed otherwise; the others are recorded.
        StoppedError: A record or a model could not be written; the rest was not started.
    """
    end = time.monotonic() + (float("inf") if budget is None else budget)
    known = records.load_all(grid.part, grid.scale)
    turn = {seed: i for i, seed in enumerate(grid.seeds)}
    runs = sorted(grid.runs(), key=lambda run: turn[run.seed])
    due = [run for run in runs if run.due(known.get(run.run_id))]
    again = {run.run_id for run in due}
    done = {run.run_id: known[run.run_id] for run in runs if run.run_id not in again}
    if due:
        scenario = due[0].scenario
        grid.check_requests(scenario)
    longest, failures, late = _longest(known.values()), _Failures(), 0
    bar = tqdm(due, total=len(runs), initial=len(runs) - len(due), unit="run", disable=None)
    for run in bar:
        bar.set_description(f"{run.request} {run.label} seed {run.seed}")
        if time.monotonic() + longest[run.name] > end:
            late += 1
            continue
        scenario = _scenario(run, scenario)
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
    diverged = _told(failures, late, len(done), len(runs))
    table = _table(grid, done)
    table.attrs["diverged"] = diverged
    return table


@dataclass
class _Failures:
    """What went wrong in a grid.

    Attributes:
        errors: One for each run that failed, with a note of which run that was.
        hopeless: Of a seed without an original model, the error; its other runs are not tried.
    """

    errors: list[Exception] = field(default_factory=list)
    hopeless: dict[int, Exception] = field(default_factory=dict)


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
    where = f"in {run.label} on {run.request}, seed {run.seed}"
    if run.seed in failures.hopeless:
        failures.hopeless[run.seed].add_note(where)
        return None
    try:
        return run.go(scenario)
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


def _told(failures: _Failures, late: int, done: int, total: int) -> list[str]:
    """Warn of runs that were late or diverged; return a sentence for each that diverged.

    Raises:
        ExceptionGroup: Some failed otherwise.
    """
    if late:
        told = f"{late} of {total} runs were not started, which the same command makes."
        warnings.warn(f"The time was up: {told}", stacklevel=3)
    diverged = [error for error in failures.errors if isinstance(error, DivergedError)]
    if len(failures.errors) > len(diverged):
        told = f"{done} of {total} runs are recorded; these failed"
        raise ExceptionGroup(told, failures.errors)
    if diverged:
        where = "; ".join(error.__notes__[0] for error in diverged)
        told = f"{len(diverged)} of {total} runs diverged and have no record: {where}."
        warnings.warn(told, stacklevel=3)
    return [f"{error} ({', '.join(error.__notes__)})" for error in diverged]
