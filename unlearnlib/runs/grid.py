"""Grids of runs, as a specification names them, and what each run is known by."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from ..access import Method, access
from ..errors import DivergedError, RequestError, SpecError
from ..fields import NonNegative, Part, Whole, differing
from ..request import resolve
from ..scenario import Scenario, rng
from ..training import Recipe
from . import behaviour, records
from .mapping import mapping
from .one_run import DIVERGED, SPLITS, measured
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
        worth: How many claims of `data/claims.yaml` its runs test, other forms counted; by what
            that is an hour `python -m unlearnlib run` orders files. It decides no number.
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
    worth: NonNegative = 0.0

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

    def needs(self, *methods: str) -> None:
        """Refuse a grid without the methods that a page names in its text or compares with.

        Raises:
            SpecError: Some are not among its methods; nothing has been trained by then.
        """
        if lacking := [name for name in methods if name not in self.methods]:
            raise SpecError(
                f"methods has no {', '.join(lacking)}, of which this page tells. Add what is "
                "missing; a second retrained model is {'type': 'Retrain', 'again': 1}."
            )

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
        known = records.known(self.part, self.scale)
        return [run for run in self.runs() if run.run_id not in known]

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

    def go(self, scenario: Scenario) -> records.Record:
        """Make the run on its scenario, with what that has computed already; return its record.

        That of a method whose steps diverge has one row, `DIVERGED`: no metric of such a model
        means anything.
        """
        start, fault = time.perf_counter(), {}
        try:
            rows = measured(self.method, scenario, self.seed, self.grid.splits)
        except DivergedError as error:
            rows, fault = [DIVERGED], {"fault": str(error)}
        seconds = round(time.perf_counter() - start, 3)
        now = behaviour.of_kind(self.specification["type"], self.grid.dataset)
        return {
            "run_id": self.run_id,
            "identity": self.identity,
            "specification": self.specification,
            "rows": rows,
            "provenance": records.environment()
            | {"date": records.now(), "seconds": seconds, "behaviour": now}
            | fault,
        }
