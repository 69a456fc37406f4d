"""Trainings that survive: interrupted anywhere, killed at any moment, they end as undisturbed."""

import os
import random
import signal
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from unlearnlib import Grid, Labelled, Recipe, Scenario, checkpoint, deadline, run_grid
from unlearnlib.errors import NonFiniteError, PausedError, StorageError
from unlearnlib.runs import records
from unlearnlib.training import Schedule, train

from .test_grid import grid
from .toys import seeded

LINE = b"\nwhich training it is\n"
OPTIMISERS = ("sgd", "adamw")


@pytest.fixture
def data() -> Labelled:
    """So many that the last of ten batches of an epoch has one example more."""
    x = torch.randn(101, 3, 8, 8, generator=seeded(1))
    return Labelled(x, torch.arange(101) % 3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints" / "one.pt"


def network() -> nn.Module:
    """One with buffers and with dropout, so with randomness of its own."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.Flatten(), nn.Linear(144, 3)
        )


def trained(data: Labelled, recipe: Recipe) -> dict[str, Tensor]:
    return train(network(), data, recipe, seeded(3)).state_dict()


def stretches(path: Path, data: Labelled, recipe: Recipe) -> Iterator[dict[str, Tensor] | None]:
    """Train step by step, each in a stretch of its own; yield None after each, then the model."""
    while True:
        try:
            with checkpoint.resumable(path, LINE), deadline.until(0.0):
                yield trained(data, recipe)
            return
        except PausedError:
            yield None


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def cached_weights() -> dict[str, dict[str, Tensor]]:
    """Return the state of each trained model in the cache, by its file."""
    models = Path(os.environ["UNLEARNLIB_CACHE"]) / "models"
    return {path.name: torch.load(path, weights_only=True)["state"] for path in models.glob("*.pt")}


@pytest.mark.parametrize(("schedule", "optimiser"), [*product(get_args(Schedule), OPTIMISERS)])
def test_step_by_step_it_ends_as_in_one_go(
    data: Labelled, path: Path, schedule: Schedule, optimiser: Any
) -> None:
    recipe = Recipe(
        epochs=3, lr=0.01, batch_size=10, schedule=schedule, optimiser=optimiser, augment=True
    )
    *paused, last = stretches(path, data, recipe)
    assert len(paused) == 29  # of 30 steps: after the last there is nothing to keep
    assert last is not None
    assert same(last, trained(data, recipe))


def test_without_a_place_it_does_not_stop(data: Labelled) -> None:
    recipe = Recipe(epochs=1, lr=0.01)
    with deadline.until(0.0):
        assert same(trained(data, recipe), trained(data, recipe))


def test_the_second_training_inside_is_another(data: Labelled, path: Path) -> None:
    recipe = Recipe(epochs=2, lr=0.01)
    with checkpoint.resumable(path, LINE), deadline.until(0.0):
        with pytest.raises(PausedError, match=r"^The time was up: a training stands in epoch 1 of"):
            trained(data, recipe)
        assert same(trained(data, recipe), trained(data, recipe))


@pytest.mark.parametrize("spoil", [b"", b"no checkpoint" + LINE + b"0" * 64, b"0" * 200])
def test_a_damaged_one_is_begun_anew(data: Labelled, path: Path, spoil: bytes) -> None:
    recipe = Recipe(epochs=1, lr=0.01, batch_size=10)
    next(stretches(path, data, recipe))
    path.write_bytes(spoil)
    with (
        pytest.warns(UserWarning, match=r"one\.pt cannot be used \(.+\); it begins anew\.$"),
        checkpoint.resumable(path, LINE) as place,
    ):
        assert same(trained(data, recipe), trained(data, recipe))
    assert place.examples == 0


def test_that_of_another_training_is_not_taken(data: Labelled, path: Path) -> None:
    recipe = Recipe(epochs=1, lr=0.01, batch_size=10)
    next(stretches(path, data, recipe))
    with (
        pytest.warns(UserWarning, match="it holds something else"),
        checkpoint.resumable(path, b"\nanother\n"),
    ):
        assert same(trained(data, recipe), trained(data, recipe))


def test_it_goes_on_where_none_can_be_written(
    data: Labelled, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path) -> None:
        raise StorageError("The disk is full.")

    recipe = Recipe(epochs=1, lr=0.01, batch_size=10)
    alone = trained(data, recipe)
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(checkpoint, "atomic", full)
    with (
        pytest.warns(UserWarning, match="^The disk is full. The training goes on without"),
        checkpoint.resumable(path, LINE),
    ):
        assert same(trained(data, recipe), alone)


def test_what_is_not_kept_when_the_time_is_up_is_not_said_to_be(
    data: Labelled, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path) -> None:
        raise StorageError("The disk is full.")

    monkeypatch.setattr(checkpoint, "atomic", full)
    with (
        pytest.raises(PausedError, match=r"is not kept\. The disk is full\. .* or begins anew\.$"),
        checkpoint.resumable(path, LINE),
        deadline.until(0.0),
    ):
        trained(data, Recipe(epochs=2, lr=0.01, batch_size=10))


def test_the_time_is_up_for_one_and_the_next_goes_on(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The budget ends in the original's training; the same grid, later, makes what it would."""
    plan = grid(methods={"Original": {}, "Retrain": {}}, seeds=[0])
    now = iter([0.0, 0.0, 1.0, *[float("inf")] * 99])
    with monkeypatch.context() as patch:
        patch.setattr(run_grid.__globals__["time"], "monotonic", lambda: next(now))
        with pytest.warns(UserWarning, match="^The time was up: ") as told:
            assert run_grid(plan, budget=5.0).empty
    assert [str(one.message).partition(":")[2][:30] for one in told] == [
        " a training stands in epoch 1 ", " 1 of 2 runs were not started,",
    ]  # fmt: skip
    kept = [*(lab / "cache" / "checkpoints").iterdir()]
    assert len(kept) == 1
    assert run_grid(plan)["run_id"].nunique() == 2
    assert not [*(lab / "cache" / "checkpoints").iterdir()]


def test_a_diverged_training_leaves_no_checkpoint(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    scenario = Scenario("toy", "mlp", "class:Boot", Recipe(epochs=2, lr=1e30))
    with pytest.raises(NonFiniteError):
        scenario.original  # noqa: B018
    assert (lab / "cache" / "checkpoints").exists()
    assert not [*(lab / "cache" / "checkpoints").iterdir()]


def measured(table: pd.DataFrame) -> pd.DataFrame:
    kept = table[~table["metric"].str.startswith("seconds")]
    return kept[["run_id", "metric", "split", "value"]].reset_index(drop=True)


def killed(plan: Grid, delay: float) -> bool:
    """Run the grid in a process of its own and kill it; tell whether it was still at it."""
    child = os.fork()
    if child == 0:
        run_grid(plan)
        os._exit(0)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_killed_at_twenty_moments_it_makes_the_same_record(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = {"epochs": 400, "lr": 0.05}
    plan = grid(methods={"Original": {}, "Retrain": {}}, seeds=[0], training=training)
    undisturbed, weights = measured(run_grid(plan)), cached_weights()
    monkeypatch.setenv("UNLEARNLIB_CACHE", str(lab / "another"))
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    step = torch.optim.SGD.step

    def slow(*given: Any, **named: Any) -> Any:
        time.sleep(0.02)
        return step(*given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(torch.optim.SGD, "step", slow)
        draw, hits = random.Random(0), 0
        for _ in range(20):
            hits += killed(plan, draw.uniform(0.1, 0.4))
        assert hits == 20
    pd.testing.assert_frame_equal(measured(run_grid(plan)), undisturbed, check_exact=True)
    again = cached_weights()
    assert len(again) == len(weights) == 2  # the original and the retrained model
    assert all(same(again[name], weights[name]) for name in weights)


def test_what_was_made_before_a_training_is_no_time_of_it(
    data: Labelled, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retraining asks for the original, which may have to be trained first."""
    clock = [0.0]
    monkeypatch.setattr(checkpoint, "_now", lambda: (clock[0], clock[0]))
    recipe = Recipe(epochs=2, lr=0.01)
    with checkpoint.resumable(path, LINE) as place, deadline.until(0.0):
        clock[0] = 1000.0
        with pytest.raises(PausedError):
            trained(data, recipe)
    assert place.read() is not None
    assert (place.seconds, place.cpu_seconds) == (0.0, 0.0)


def test_a_second_retraining_goes_on_within_a_budget(lab: Path) -> None:
    """However long the longest of them took: a training stops at a checkpoint, and goes on."""
    again = {"Original": {}, "Again": {"type": "Retrain", "again": 1}}
    run_grid(grid(methods=again, seeds=[0]))
    for record in records.load_all("try", "laptop").values():
        record["provenance"]["seconds"] = 1e9
        records.write(record)
    table = run_grid(grid(methods=again), budget=600.0)
    assert set(table.loc[table["method"] == "Again", "seed_model"]) == {0, 1}
