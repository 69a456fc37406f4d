"""The plan of runs: what is left by a count run by run, the order by trying all of them."""

import random
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import torch

from unlearnlib import Grid, Retrain, Scenario, deadline, run_grid
from unlearnlib.cache import place_of
from unlearnlib.data import NAMES, Dataset, load, sizes
from unlearnlib.data.sizes import SIZES, Size, size_of
from unlearnlib.errors import PausedError
from unlearnlib.runs import records, speed
from unlearnlib.runs.plan import Plan, by_worth, plan_of

from .test_grid import grid

EPOCHS, N = 2, 120
MINE: dict[str, dict[str, Any]] = {
    "Original": {}, "Retrain": {}, "Retrain again": {"type": "Retrain", "again": 1},
    "FineTune": {"epochs": 1},
}  # fmt: skip


@pytest.fixture(autouse=True)
def toy_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "SIZES", {"toy": Size(N, (1, 8, 8), 3)})


def ten(_: Grid) -> float:
    """A speed."""
    return 10.0


def counted(one: Grid, boot: float = 1.0) -> float:
    """Seconds of what is missing, in the plainest way: who is needed, and is it there?

    FineTune goes `boot` times through the data for a class, once else.
    """
    needed: dict[tuple[Any, ...], float] = {}
    for run in one.missing():
        scenario = run.scenario
        retrained = isinstance(run.method, Retrain)
        again = run.method.again if isinstance(run.method, Retrain) else 0
        kept = place_of("models", scenario.identity(run.seed, again))[0].exists()
        if retrained and not kept:
            needed["oracle", run.request, run.seed, again] = EPOCHS * N
        if not (retrained and kept) and not place_of("models", scenario.identity())[0].exists():
            needed["original", run.seed] = EPOCHS * N
        if run.label == "FineTune":
            passes = boot if run.request == "class:Boot" else 1.0
            needed["method", run.request, run.seed] = N * passes
    return sum(needed.values()) / 10


@pytest.mark.parametrize(
    "methods",
    [["Original"], ["Retrain"], ["FineTune"], ["Retrain", "Retrain again"], list(MINE)],
)
def test_what_is_left_is_what_a_count_run_by_run_gives(lab: Path, methods: list[str]) -> None:
    """Of nothing, of records and of a cache without records."""
    requests = ["class:Boot", "random:9"]
    chosen = {name: MINE[name] for name in methods}
    one = grid(requests=requests, methods=chosen)
    assert plan_of("a", one, ten).seconds == pytest.approx(counted(one)) != 0
    run_grid(grid(requests=["class:Boot"], methods=chosen, seeds=[1]))
    assert plan_of("a", one, ten).seconds == pytest.approx(counted(one, 80 / N)) != 0
    assert plan_of("a", one, ten).missing == 3 * len(methods)
    for path in (lab / "cache" / "records").rglob("*.json"):
        path.unlink()
    assert plan_of("a", one, ten).seconds == pytest.approx(counted(one)) != 0
    assert plan_of("a", one, ten).missing == 4 * len(methods)
    run_grid(one)
    nothing = plan_of("a", one, lambda _: pytest.fail("there is nothing to measure"))
    assert (nothing.missing, nothing.seconds, nothing.first) == (0, 0, 0)


def test_held_out_examples_are_not_trained_on(lab: Path) -> None:
    one = grid(methods={"Original": {}}, seeds=[0], validation=0.25)
    assert plan_of("a", one, ten).seconds == EPOCHS * 90 / 10


def test_a_checkpoint_counts(lab: Path) -> None:
    """Three of four batches of an epoch are behind it."""
    one = grid(methods={"Original": {}}, seeds=[0])
    scenario = next(one.runs()).scenario
    for _ in range(3):
        with pytest.raises(PausedError), deadline.until(0.0):
            one_step(scenario)
    assert plan_of("a", one, ten).first == (EPOCHS * N - 3 * 32) / 10


def one_step(scenario: Scenario) -> None:
    scenario.but().original  # noqa: B018


def test_passes_are_those_recorded_at_the_nearest_scale(lab: Path) -> None:
    """FineTune on classes goes three times through the data at laptop scale, and once by guess."""
    methods = {"FineTune": {"epochs": 3}}
    run_grid(grid(methods=methods, seeds=[0]))
    (passes,) = [
        value
        for record in records.known("try", "laptop").values()
        for metric, _, value in record["rows"]
        if metric == "passes"
    ]
    assert passes == pytest.approx(3 * 80 / N)
    one = grid(scale="paper", methods=methods, seeds=[1], requests=["class:Bag", "random:9"])
    found = plan_of("a", one, ten)
    assert found.unlearning == pytest.approx(N * (passes + 1))
    assert found.guessed == ("FineTune",)
    run_grid(grid(scale="workstation", methods={"FineTune": {"epochs": 1}}, seeds=[2]))
    assert plan_of("a", one, ten).unlearning == pytest.approx(N * (80 / N + 1))


def a(name: str, worth: float, own: float, shared: Sequence[str] = (), each: float = 0) -> Plan:
    """A plan of a training of its own and of some that others make too, at one example a second."""
    trainings = {Path(one): each for one in shared} | {Path(name): own}
    return Plan(name, grid(worth=worth), 1, trainings, speed=1.0)


def hours(order: Sequence[Plan]) -> list[float]:
    """The worth an hour of each, when those before it are made."""
    made: set[Path] = set()
    rates = []
    for one in order:
        left = sum(v for path, v in one.trainings.items() if path not in made)
        rates.append(3600 * one.grid.worth / max(left, 1.0))
        made |= set(one.trainings)
    return rates


def test_the_order_is_that_of_worth_an_hour_whatever_is_shared() -> None:
    """Of all orders it is the one that has the highest rate first, then the next one, and so on."""
    draw = random.Random(0)
    for _ in range(20):
        plans = [
            a(str(i), draw.randint(1, 9), draw.randint(1, 99), draw.sample("xyz", 2), 50)
            for i in range(4)
        ]
        best = max(permutations(plans), key=hours)
        assert hours(by_worth(plans)) == hours(best)


def test_without_a_worth_the_order_is_the_one_given() -> None:
    plans = [a("b", 0, 9), a("a", 0, 1), a("c", 0, 5)]
    assert by_worth(plans) == plans
    assert [one.name for one in by_worth([*plans, a("d", 1, 1e9)])] == ["d", "b", "a", "c"]


def test_the_speed_is_that_of_steps_and_is_measured_once(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step takes a second of a clock that only steps move."""
    clock = [0.0]
    shapes = []

    def step(model: Any, optimiser: Any, x: torch.Tensor, y: torch.Tensor) -> None:
        clock[0] += 1
        shapes.append((x.shape, y.dtype))

    monkeypatch.setattr(speed, "_KNOWN", {})
    monkeypatch.setattr(speed, "_now", lambda _: clock[0])
    monkeypatch.setattr(speed, "step", step)
    assert speed.speed(grid()) == 32
    assert shapes == [((32, 1, 8, 8), torch.int64)] * 3
    assert speed.speed(grid(seeds=[7])) == 32
    assert len(shapes) == 3
    assert speed.speed(grid(training={"epochs": 1, "batch_size": 8})) == 8


def test_every_data_set_has_a_size() -> None:
    assert set(SIZES) == set(NAMES)


@pytest.mark.parametrize("name", ["fashion_small", "fashion_small_super"])
def test_the_size_is_that_of_the_data(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "SIZES", SIZES)
    data: Dataset = load(name)
    size = size_of(name)
    assert (size.train, size.classes) == (len(data.train), len(data.classes))
    drawn = size.drawn(3)
    assert (drawn.x.shape[1:], drawn.x.dtype) == (data.train.x.shape[1:], data.train.x.dtype)
    assert drawn.y.dtype == data.train.y.dtype


def test_texts_are_tokens_with_several_labels() -> None:
    drawn = SIZES["goemotions"].drawn(5)
    assert (drawn.x.shape, drawn.x.dtype) == ((5, 40), torch.int64)
    assert (drawn.y.shape, drawn.y.dtype) == ((5, 28), torch.float32)
