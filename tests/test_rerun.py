"""Re-runs: what is made anew, what it is set beside, and when it says that the code is another."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from unlearnlib import Grid, check_rerun, experiment, rerun, run_grid
from unlearnlib.errors import DisagreementError, SpecError
from unlearnlib.runs import records
from unlearnlib.runs.rerun import COLUMNS, agreement, judged, within

from .test_grid import grid

MANY: dict[str, dict[str, Any]] = {"Original": {}, "Retrain": {}, "FineTune": {"epochs": 1}}
SEEDS = [3, 4, 5]


def plan() -> Grid:
    return grid(methods=MANY, seeds=SEEDS)


@pytest.fixture
def committed(lab: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lab where the grid is committed."""
    monkeypatch.delenv("RERUN", raising=False)
    with monkeypatch.context() as patch:
        patch.setenv("UNLEARNLIB_RECORDS", str(lab / "data" / "records"))
        run_grid(plan())
        records.merge("try", "laptop")
    return lab


def test_a_committed_grid_is_read_and_not_made(
    committed: Path, went: list[tuple[str, int]]
) -> None:
    table = run_grid(plan())
    assert went == []
    assert table["run_id"].nunique() == 9
    assert not (committed / "cache" / "records").exists()
    assert plan().missing() == []


@pytest.mark.usefixtures("went")
def test_live_and_committed_are_one_table(lab: Path) -> None:
    live = run_grid(plan())
    records.merge("try", "laptop")
    (lab / "data" / "records").mkdir(parents=True)
    (lab / "cache/records/try").rename(lab / "data/records/try")
    committed = run_grid(plan())
    pd.testing.assert_frame_equal(live, committed, check_exact=True)
    assert str(live) == str(committed)


def test_a_committed_record_stands_before_any_other(
    committed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the cache has a later one of the same run."""
    one = next(iter(records.committed("try", "laptop").values()))
    later = {"date": "2999-01-01T00:00:00+00:00"}
    other = one | {"rows": [["entropy", "test", 9.0]], "provenance": one["provenance"] | later}
    for folder in ("", str(committed / "own")):
        monkeypatch.setenv("UNLEARNLIB_RECORDS", folder)
        records.write(other)
        assert 9.0 not in run_grid(plan())["value"].tolist()
        assert 9.0 not in records.read("try", "laptop")["value"].tolist()


@pytest.mark.parametrize(
    ("said", "seeds"), [("none", []), ("", [3]), ("sample", [3]), ("all", SEEDS)]
)
def test_as_much_is_made_anew_as_is_said(
    committed: Path,
    went: list[tuple[str, int]],
    monkeypatch: pytest.MonkeyPatch,
    said: str,
    seeds: list[int],
) -> None:
    monkeypatch.setenv("RERUN", said)
    before = (committed / "data/records/try/laptop.rows.csv.gz").read_bytes()
    models = {path.name for path in (committed / "cache" / "models").iterdir()}
    again = rerun(plan())
    assert went == [(label, seed) for seed in seeds for label in MANY]
    assert tuple(again.columns) == COLUMNS
    assert len(again) == 0 or set(again["what"]) == set(MANY)
    assert (committed / "data/records/try/laptop.rows.csv.gz").read_bytes() == before
    assert not (committed / "cache" / "records").exists()
    assert {path.name for path in (committed / "cache" / "models").iterdir()} == models
    check_rerun(again)


def test_a_sample_is_of_the_first_request(
    lab: Path, went: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = ["class:Boot", "class:Bag"]
    plan = grid(methods=MANY, seeds=SEEDS[:2], requests=requests)
    with monkeypatch.context() as patch:
        patch.setenv("UNLEARNLIB_RECORDS", str(lab / "data" / "records"))
        run_grid(plan)
    went.clear()
    for said, seen in (("sample", requests[:1]), ("all", requests)):
        monkeypatch.setenv("RERUN", said)
        again = rerun(plan)
        assert {place.split(", ")[2] for place in again["where"]} == set(seen)
    assert len(went) == len(MANY) * (1 + 2 * 2)


def test_a_sample_is_of_the_first_grid(
    committed: Path, went: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = grid(methods={"Original": {}}, seeds=SEEDS)
    for said, count in (("sample", 3), ("all", 9 + 3)):
        monkeypatch.setenv("RERUN", said)
        went.clear()
        rerun(plan(), other)
        assert len(went) == count


@pytest.mark.parametrize(("said", "made"), [("none", 0), ("sample", 0), ("all", 3)])
def test_a_sample_is_of_what_a_laptop_made(
    lab: Path, went: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch, said: str, made: int
) -> None:
    """A record of another scale may be of a set that is not here, or of hours on a GPU."""
    plan = grid(methods=MANY, seeds=[3], scale="workstation")
    run_grid(plan)
    assert (lab / "data" / "records" / "try" / "workstation").exists()
    went.clear()
    monkeypatch.setenv("RERUN", said)
    rerun(plan)
    assert len(went) == made


def test_a_mode_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RERUN", "some")
    with pytest.raises(SpecError, match=r"^RERUN=some is none of none, sample, all\. Set it"):
        rerun(plan())


def test_what_is_not_committed_is_not_made_anew(lab: Path, went: list[tuple[str, int]]) -> None:
    run_grid(plan())
    went.clear()
    assert rerun(plan()).empty
    assert went == []


def test_on_the_same_machine_the_same_numbers(committed: Path) -> None:
    again = rerun(plan())
    untimed = again[~again["metric"].str.startswith("seconds")]
    assert len(untimed) > 50
    pd.testing.assert_series_equal(untimed["recorded"], untimed["again"], check_names=False)
    assert agreement(again) == 1.0
    assert not judged(again)[again["metric"] == "seconds_unlearn"].any()
    table = run_grid(plan())
    one = again.query("what == 'FineTune' and metric == 'entropy' and split == 'test'").iloc[0]
    same = table.query("method == 'FineTune' and metric == 'entropy' and split == 'test'")["value"]
    assert (one["low"], one["high"]) == (same.min(), same.max())
    assert one["spread"] == pytest.approx(same.std())


def test_records_of_another_method_are_noticed(committed: Path) -> None:
    """Those of two methods change places; each is sound by itself."""
    known = records.committed("try", "laptop")
    of = {(r["identity"]["method"], r["identity"]["seed_model"]): r for r in known.values()}
    folder = committed / "data/records/try/laptop"
    for path in folder.parent.glob("laptop.*.gz"):
        path.unlink()
    other = {"Original": "Retrain", "Retrain": "Original", "FineTune": "FineTune"}
    folder.mkdir(exist_ok=True)
    for (method, seed), record in of.items():
        swapped = record | {"rows": of[other[method], seed]["rows"]}
        (folder / f"{record['run_id']}.json").write_text(records._text(swapped))
    with pytest.raises(DisagreementError, match="The code does something else than when this was"):
        check_rerun(rerun(plan()))


def frame(**columns: Any) -> pd.DataFrame:
    """Measurements of two methods that all agree, but for the columns."""
    n = 40
    values: dict[str, Any] = {
        "part": "try", "where": "here", "what": ["JiT", "SSD"] * (n // 2), "metric": "accuracy",
        "split": "test", "recorded": 0.5, "again": 0.5, "low": 0.4, "high": 0.6, "spread": 0.1,
        "n": 10,
    }  # fmt: skip
    return pd.DataFrame(values | columns, index=range(n))


@pytest.mark.parametrize(
    ("again", "spread", "inside"),
    [(0.301, 0.1, True), (0.299, 0.1, False), (0.701, 0.1, False), (0.604, 0.0, True),
     (0.606, 0.0, False), (math.nan, 0.1, False), (math.inf, 0.1, False)],
)  # fmt: skip
def test_the_range_is_widened_by_one_spread(again: float, spread: float, inside: bool) -> None:
    assert within(frame(again=again, spread=spread)).eq(inside).all()


@pytest.mark.parametrize("n", [3, 5, 7, 10])
def test_the_range_of_few_is_widened_to_hold_as_many_further_values(n: int) -> None:
    draw = np.random.default_rng(n).normal(size=(20_000, n + 1))
    old = pd.DataFrame(draw[:, :n])
    made = {"low": old.min(axis=1), "high": old.max(axis=1), "spread": old.std(axis=1)}
    more = pd.DataFrame(made | {"again": draw[:, n], "recorded": 0.0, "n": n})
    assert within(more).mean() == pytest.approx(0.96, abs=0.012)


def test_what_has_no_number_agrees_with_that_alone() -> None:
    nan = {"recorded": math.nan, "low": math.nan, "high": math.nan}
    assert within(frame(**nan, again=math.nan)).all()
    assert not within(frame(**nan)).any()


def test_five_in_a_hundred_may_lie_outside() -> None:
    check_rerun(frame(again=[0.9] * 2 + [0.5] * 38))
    with pytest.raises(DisagreementError, match=r"^92% of the 40 measurements .* now 0\.9\."):
        check_rerun(frame(again=[0.9] * 3 + [0.5] * 37))
    check_rerun(frame(again=0.9, metric="seconds_unlearn"))
    check_rerun(frame(again=0.9, spread=math.nan))
    assert math.isnan(agreement(frame(spread=math.nan)))


def test_a_method_may_not_be_lost_among_many() -> None:
    names = [*["JiT"] * 39, "SSD"]
    with pytest.raises(DisagreementError, match="at least 0% of those of one method"):
        check_rerun(frame(what=names, again=[0.5] * 39 + [0.9]))


CURVE = pd.DataFrame(
    {"step": [0, 1, 0, 1], "seed": [0, 0, 1, 1], "loss": [1.0, 3.0, 2.0, 7.0], "seconds": 1.0}
)


class TestExperiment:
    def again(
        self, lab: Path, monkeypatch: pytest.MonkeyPatch, old: pd.DataFrame, new: pd.DataFrame
    ) -> pd.DataFrame:
        with monkeypatch.context() as patch:
            patch.setenv("UNLEARNLIB_RECORDS", str(lab / "data" / "records"))
            experiment("try", "curve", lambda: old)
        monkeypatch.setenv("RERUN", "all")
        return rerun(experiment("try", "curve", lambda: new))

    def test_with_seeds(self, lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        again = self.again(lab, monkeypatch, CURVE, CURVE.assign(loss=CURVE["loss"] + 0.5))
        loss = again[again["metric"] == "loss"].set_index("where").loc[["0, 0", "1, 1"]]
        assert loss[["recorded", "again", "low", "high"]].to_numpy().tolist() == [
            [1, 1.5, 1, 2], [7, 7.5, 3, 7]
        ]  # fmt: skip
        assert loss["spread"].tolist() == pytest.approx([0.5**0.5, 8**0.5])
        assert set(again["what"]) == {"curve"}
        assert not judged(again)[again["metric"] == "seconds"].any()
        check_rerun(again)

    def test_without_seeds(self, lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        old = CURVE.drop(columns=["seed", "seconds"]).assign(step=range(4))
        again = self.again(lab, monkeypatch, old, old.assign(loss=[1.0, 3.0, 2.0, 70.0]))
        assert again["low"].tolist() == again["high"].tolist() == [1, 3, 2, 7]
        assert again["spread"].tolist() == [old["loss"].std()] * 4
        assert agreement(again) == 0.75

    @pytest.mark.parametrize("kept", [[0, 1, 2], [0, 1, 2, 3, 3]])
    def test_other_rows(self, lab: Path, monkeypatch: pytest.MonkeyPatch, kept: list[int]) -> None:
        old = CURVE.drop(columns=["seed", "seconds"]).assign(step=range(4))
        again = self.again(lab, monkeypatch, old, old.iloc[kept])
        assert agreement(again) == pytest.approx(0.75 if len(kept) == 3 else 0.8)

    def test_rows_of_one_key_are_taken_in_turn(
        self, lab: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old = pd.DataFrame({"loss": [1.0, 2.0, 3.0]})
        again = self.again(lab, monkeypatch, old, old)
        assert again["again"].tolist() == [1, 2, 3]
        assert agreement(again) == 1.0
