"""What grids have left to do, how long that takes on this device, and which one to begin with.

The estimate is examples over speed. A training that the cache lacks has its epochs times the
training set, less what its checkpoint has seen; one original counts for all runs of its seed, one
retrained model for those of its seed and request. A method has the passes that are recorded of it
on such a request, at the scale itself or at the nearest below, and one where nothing is. The speed
is that of training steps, see `speed`. Left out is what comes on top: evaluation, augmentation,
loading, stored statistics, and that a method's passes may be dearer or cheaper than training's.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from ..cache import place_of
from ..checkpoint import Place
from ..data.sizes import size_of
from ..errors import UnlearnError, first_line
from ..methods import Original, Retrain
from ..request import form
from ..training import Recipe
from . import records
from .grid import Grid, Run


@dataclass(frozen=True)
class Plan:
    """What a grid has left to do.

    Attributes:
        name: Of its specification.
        grid: The grid.
        missing: Number of runs that are not recorded.
        trainings: Examples left of each training, by its file in the cache, in the runs' order.
        unlearning: Examples that the methods go through.
        guessed: Labels of methods of whose passes nothing is recorded; each counts as one pass.
        speed: Examples a second; 0 where that could not be measured.
        fault: Why it could not.
    """

    name: str
    grid: Grid
    missing: int = 0
    trainings: Mapping[Path, float] = field(default_factory=dict)
    unlearning: float = 0.0
    guessed: tuple[str, ...] = ()
    speed: float = 0.0
    fault: str = ""

    @property
    def seconds(self) -> float:
        """The estimate; infinite where the speed is not known."""
        return self._seconds(sum(self.trainings.values()) + self.unlearning)

    @property
    def first(self) -> float:
        """Seconds of the first training that is lacking; 0 if none is."""
        return self._seconds(next(iter(self.trainings.values()), 0.0))

    @property
    def rate(self) -> float:
        """Worth an hour."""
        return 3600 * self.grid.worth / max(self.seconds, 1.0)

    def _seconds(self, examples: float) -> float:
        if self.fault:
            return inf
        return examples / self.speed if examples else 0.0

    def without(self, made: Collection[Path]) -> "Plan":
        """Return the plan without trainings that others make."""
        own = {path: left for path, left in self.trainings.items() if path not in made}
        return replace(self, trainings=own)


def plan_of(name: str, grid: Grid, speed: Callable[[Grid], float]) -> Plan:
    """Return what a grid has left to do; `speed` is asked if that is anything."""
    missing = sorted(grid.missing(), key=lambda run: grid.seeds.index(run.seed))  # as they are run
    if not missing:
        return Plan(name, grid)
    n = size_of(grid.dataset).train
    n -= round(grid.validation * n)
    epochs, known = Recipe(**grid.training).epochs, _passes(grid)
    trainings: dict[Path, float] = {}
    for identity in (one for run in missing for one in _models(run)):
        path, _ = place_of("models", identity)
        if path not in trainings and not path.exists():
            checkpoint = Place(*place_of("checkpoints", identity))
            checkpoint.read()
            trainings[path] = epochs * n - checkpoint.examples
    others = [run for run in missing if not isinstance(run.method, Original | Retrain)]
    passes = [known.get(_kind(run.name, run.request)) for run in others]
    guessed = {run.name: 0 for run, some in zip(others, passes, strict=True) if some is None}
    unlearning = n * sum(1.0 if some is None else some for some in passes)
    found = Plan(name, grid, len(missing), trainings, unlearning, tuple(guessed))
    try:
        return replace(found, speed=speed(grid))
    except (UnlearnError, torch.OutOfMemoryError) as error:
        return replace(found, fault=first_line(error))


def _models(run: Run) -> Iterator[dict[str, Any]]:
    """Yield the identities of the trained models that a run needs."""
    scenario, method = run.scenario, run.method
    if not isinstance(method, Retrain):
        yield scenario.identity()
        return
    retrained = scenario.identity(run.seed, method.again)
    if not place_of("models", retrained)[0].exists():  # else it is read as it is
        yield scenario.identity()
        yield retrained


def _passes(grid: Grid) -> dict[tuple[str, str], float]:
    """Return the mean recorded passes of each method on each kind of request."""
    found: dict[tuple[str, str], float] = {}
    for scale in dict.fromkeys(["laptop", "workstation", grid.scale]):  # the last one counts
        here: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        for record in records.known(grid.part, scale).values():
            who = record["identity"]
            passes = [value for metric, _, value in record["rows"] if metric == "passes"]
            here[_kind(who["method"], who["request"])] += passes
        found |= {kind: fmean(passes) for kind, passes in here.items() if passes}
    return found


def _kind(method: str, request: str) -> tuple[str, str]:
    return method, form(request)[0]


def by_worth(plans: Sequence[Plan]) -> list[Plan]:
    """Return plans in the order of worth an hour; of equals the first that is given.

    What a plan shares with those before it, such as the originals of its seeds, costs it nothing.
    """
    left, order, made = list(plans), list[Plan](), set[Path]()
    while left:
        best = max(left, key=lambda one: one.without(made).rate)
        left.remove(best)
        order.append(best)
        made |= best.trainings.keys()
    return order
