"""Grids of runs: specified once, recorded one by one, resumed where they stopped."""

import gc
import inspect
import json
import os
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
from torch.hub import tqdm  # type: ignore[attr-defined]

from . import records
from .access import Method, access
from .cache import digest
from .errors import SpecError
from .experiment import SPLITS, measured
from .mapping import mapping
from .methods import METHODS
from .scenario import Scenario
from .training import Recipe


@dataclass(frozen=True)
class Grid:
    """Which runs to make: every request with every seed and every method.

    The same keys are the `parameters` of a notebook and a file for `python -m unlearnlib run`.

    Attributes:
        part: Part of the book that the records belong to.
        scale: `laptop`, `workstation` or `paper`.
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
    scale: str
    dataset: str
    model: str
    requests: list[str]
    training: dict[str, Any]
    methods: dict[str, dict[str, Any]]
    seeds: list[int]
    validation: float = 0.0
    splits: list[str] = field(default_factory=lambda: list(SPLITS))

    def __post_init__(self) -> None:
        """Refuse what could only fail later."""
        if unknown := set(self.splits) - set(SPLITS):
            raise SpecError(f"Unknown splits {sorted(unknown)}. Known are: {', '.join(SPLITS)}.")
        _fields_of(Recipe, "training", self.training)
        for label, options in self.methods.items():
            method_of(label, options)

    @classmethod
    def read(cls, path: str | Path, **changes: Any) -> "Grid":
        """Return the grid in a file of JSON or YAML; keys that start with `note` are remarks.

        Raises:
            SpecError: The file is not a mapping, or a key is missing or unknown.
        """
        values = mapping(Path(path)) | changes
        values = {k: v for k, v in values.items() if not k.startswith("note")}
        known = {f.name for f in fields(cls)}
        needed = known - {"validation", "splits"}
        if values.keys() - known or needed - values.keys():
            raise SpecError(
                f"{path}: unknown keys {sorted(values.keys() - known)}, missing keys "
                f"{sorted(needed - values.keys())}. A grid has: {', '.join(sorted(known))}."
            )
        return cls(**values)

    def runs(self) -> Iterator["Run"]:
        """Yield the runs, those of one scenario together."""
        for request in self.requests:
            for seed in self.seeds:
                for label, options in self.methods.items():
                    yield Run(self, request, label, options, seed)


@dataclass(frozen=True)
class Run:
    """One cell of a grid: a method on a scenario with a seed."""

    grid: Grid
    request: str
    label: str
    options: dict[str, Any]
    seed: int

    @property
    def method(self) -> Method:
        """The method."""
        return method_of(self.label, self.options)

    @property
    def scenario(self) -> Scenario:
        """The scenario."""
        g = self.grid
        recipe = Recipe(**g.training)
        return _shared(
            Scenario(g.dataset, g.model, self.request, recipe, self.seed, self.seed, g.validation)
        )

    @property
    def identity(self) -> dict[str, Any]:
        """The identity columns of the tidy table."""
        g = self.grid
        params = asdict(self.method)
        seeds = dict.fromkeys(("seed_model", "seed_request", "seed_method"), self.seed)
        return {
            "part": g.part, "scale": g.scale, "dataset": g.dataset, "model": g.model,
            "request": self.request,
            "method": self.options.get("label", self.label),
            "params": json.dumps(params, sort_keys=True),
            "access": ", ".join(access(self.method)), **seeds,
        }  # fmt: skip

    @property
    def specification(self) -> dict[str, Any]:
        """What else decides the numbers."""
        return {
            "type": self.options.get("type", self.label),
            "training": asdict(Recipe(**self.grid.training)),
            "validation": self.grid.validation,
            "splits": sorted(self.grid.splits),
        }

    @property
    def run_id(self) -> str:
        """A hash of identity and specification; the code is not part of it."""
        return digest(self.identity | self.specification)

    def go(self) -> records.Record:
        """Make the run and return its record."""
        start = time.perf_counter()
        scenario = self.scenario
        rows = measured(self.method, scenario, self.seed, self.grid.splits)
        seconds = round(time.perf_counter() - start, 3)
        source = records.source_hash(self.specification["type"])
        return {
            "run_id": self.run_id,
            "identity": self.identity,
            "specification": self.specification,
            "rows": rows,
            "provenance": records.environment()
            | {"date": records.now(), "seconds": seconds, "source": source},
        }


@lru_cache(maxsize=1)
def _shared(scenario: Scenario) -> Scenario:
    """Return the scenario of the run before if it is equal, with all that it has computed."""
    return scenario


def run_grid(grid: Grid, budget: float | None = None) -> pd.DataFrame:
    """Make the runs of `grid` that are missing and return the tidy table of all of them.

    Each run is recorded as soon as it ends, so a grid that was stopped goes on where it was. A
    laptop record is remade when its method's source has changed; at other scales it is kept, and
    the table marks it as stale. A run that fails does not stop the others. The first seed is run
    with every request and method before the second, since a part of that is worth the most.

    Args:
        grid: What to run.
        budget: Seconds; a run that would end later, by the longest of its method so far, is not
            started, and a warning says how many were not.

    Raises:
        ExceptionGroup: Some runs failed; the others are recorded.
    """
    known = records.load_all(grid.part, grid.scale)
    end = time.monotonic() + (float("inf") if budget is None else budget)
    longest: dict[str, float] = defaultdict(float)
    for old in known.values():
        name, seconds = old["identity"]["method"], old["provenance"]["seconds"]
        longest[name] = max(longest[name], seconds)
    cells, failed, late = list(grid.runs()), list[Exception](), 0
    found: dict[str, records.Record] = {}
    with tqdm(sorted(cells, key=lambda c: grid.seeds.index(c.seed)), unit="run", disable=None) as b:
        for cell in b:
            b.set_description(f"{cell.request} {cell.label} seed {cell.seed}")
            record, name = known.get(cell.run_id), cell.options.get("label", cell.label)
            if record is None or (grid.scale == "laptop" and records.stale(record)):
                if time.monotonic() + longest[name] > end:
                    late += 1
                    continue
                try:
                    record = cell.go()
                    records.write(record)
                except Exception as error:  # the other runs go on; all failures are raised below
                    error.add_note(f"in {cell.label} on {cell.request}, seed {cell.seed}")
                    failed.append(error)
                    continue
                finally:
                    gc.collect()
                longest[name] = max(longest[name], record["provenance"]["seconds"])
            elif records.SWEEP in os.environ:
                records.write(record)  # a sweep's run has copies of all that it shows
            found[cell.run_id] = record
    if late:
        warnings.warn(f"The time was up: {late} of {len(cells)} runs were not started, "
                      "which the same command makes.", stacklevel=2)  # fmt: skip
    if failed:
        done = f"{len(found)} of {len(cells)} runs are recorded"
        raise ExceptionGroup(f"{done}; these failed", failed)
    return records.table(found[cell.run_id] for cell in cells if cell.run_id in found)


def method_of(label: str, options: dict[str, Any]) -> Method:
    """Return the method that a label and its options in a specification stand for.

    >>> method_of("JiT as released", {"type": "JiT.as_released", "noises": 5}).accumulate
    True
    """
    kind = options.get("type", label)
    name, _, constructor = kind.partition(".")
    known = METHODS.get(name)
    if known is None or (constructor and not inspect.ismethod(getattr(known, constructor, None))):
        raise SpecError(f"There is no method '{kind}'. Known are: {', '.join(METHODS)}.")
    given = {key: value for key, value in options.items() if key not in ("type", "label")}
    _fields_of(METHODS[name], label, given)
    make = getattr(METHODS[name], constructor) if constructor else METHODS[name]
    method: Method = make(**given)
    return method


def _fields_of(cls: type, label: str, given: dict[str, Any]) -> None:
    """Refuse hyper-parameters that a dataclass does not have."""
    known = [f.name for f in fields(cls)]
    if unknown := sorted(given.keys() - set(known)):
        raise SpecError(f"'{label}' has no {', '.join(unknown)}. It has: {', '.join(known)}.")
