"""Histories of records: runs from before a freeze, of other trainings, without a date."""

import json
import threading
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from unlearnlib.errors import RecordError, SpecError
from unlearnlib.report import hand_over, handed_over, ledger, read_claims
from unlearnlib.report.claims import Frozen, Inequality
from unlearnlib.report.handover import Cell
from unlearnlib.report.summary import Quantity
from unlearnlib.report.verdicts import NO_POWER, NOT, REPRODUCED

from .made_tables import FORGET, forgets_and_keeps, forgotten, rows, verdict

BEFORE, FREEZE, AFTER = (f"2026-11-{day}T12:00:00+00:00" for day in (27, 28, 29))
FROZEN = Frozen(FREEZE, "x", {})


def made(table: pd.DataFrame, date: Any) -> pd.DataFrame:
    """Return runs of ten fresh seeds that were made at a time."""
    return table.assign(date=date, seed_model=table["seed_model"] + 10)


@pytest.mark.parametrize("date", [None, float("nan"), "", "yesterday"])
def test_what_has_no_date_confirms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, date: Any
) -> None:
    table = made(forgotten(10), AFTER)
    assert not verdict(table, forgets_and_keeps(frozen=FROZEN))["exploratory"]
    table.loc[table["method"] == "Retrain", "date"] = date
    assert verdict(table, forgets_and_keeps(frozen=FROZEN))["exploratory"]
    monkeypatch.setenv("UNLEARNLIB_CACHE", str(tmp_path))
    assert hand_over("jit", {"jit-geometry-far": (9, 10)}, table)["jit-geometry-far"].date == ""


@pytest.mark.parametrize(
    ("zone", "exploratory"), [("+02:00", True), ("Z", False), ("-02:00", False)]
)
def test_dates_are_compared_in_utc(zone: str, exploratory: bool) -> None:
    table = made(forgotten(10), f"2026-11-28T12:30:00{zone}")
    assert verdict(table, forgets_and_keeps(frozen=FROZEN))["exploratory"] == exploratory


class TestOtherSide:
    """What a method is compared with has settings from before the freeze too."""

    CLAIM = forgets_and_keeps(
        tests=(Inequality(Quantity("JiT", *FORGET), Quantity("SSD", *FORGET), at_most=0.0,
                          where={"part": "jit"}),),
        controls="they are two methods",
        frozen=FROZEN,
    )  # fmt: skip

    def ssd(self, value: float, alpha: int, date: str) -> pd.DataFrame:
        params = json.dumps({"alpha": alpha})
        return made(rows("SSD", [value] * 10, measured=FORGET, params=params), date)

    def test_those_it_gave_up_are_left_out(self) -> None:
        table = pd.concat([made(forgotten(10), AFTER), self.ssd(0.5, 2, AFTER)])
        with_controls = replace(self.CLAIM, controls="")
        olders = (self.ssd(0.0, 1, BEFORE), self.ssd(0.6, 1, BEFORE))
        for older, claim in product(olders, (self.CLAIM, with_controls)):
            found = verdict(pd.concat([older, table]), claim)
            assert (found["verdict"], found["exploratory"]) == (REPRODUCED, False)

    def test_where_there_are_no_others_they_count_and_confirm_nothing(self) -> None:
        found = verdict(pd.concat([made(forgotten(10), AFTER), self.ssd(0.0, 1, BEFORE)]),
                        self.CLAIM)  # fmt: skip
        assert (found["verdict"], found["exploratory"]) == (NOT, True)


class TestOtherTraining:
    """Records do not say how a model was trained: the same run with other epochs looks the same."""

    def test_the_last_stands_and_no_mean_of_both(self) -> None:
        before = made(forgotten(0, stale=True), BEFORE)
        before["run_id"] += "-before"
        before["value"] -= 0.01
        both = pd.concat([made(forgotten(10), AFTER), before])
        for table in (both, both.iloc[::-1]):
            found = verdict(table, forgets_and_keeps(frozen=FROZEN))
            assert (found["verdict"], found["share"]) == (REPRODUCED, "10/10")
            assert (found["exploratory"], found["stale"]) == (False, False)

    def test_the_same_number_again_is_none_that_nobody_had_seen(self) -> None:
        """As it is where a run is made anew with other splits."""
        before = made(forgotten(10), BEFORE)
        before["run_id"] += "-before"
        found = verdict(
            pd.concat([made(forgotten(10), AFTER), before]), forgets_and_keeps(frozen=FROZEN)
        )
        assert (found["share"], found["exploratory"]) == ("10/10", True)


class TestWhatTheOriginalsKnow:
    def known(self, values: list[float], **columns: Any) -> pd.DataFrame:
        return rows("Original", values, measured=("accuracy", "retain"), **columns)

    def test_one_without_a_number_hides_no_other(self) -> None:
        for values in ([float("nan"), 0.5], [0.5, float("nan")]):
            table = pd.concat([forgotten(10), self.known(values + [1.0] * 8)])
            assert verdict(table)["verdict"] == NO_POWER

    def test_they_are_looked_up_in_the_part_of_the_tests_about_the_setting(self) -> None:
        elsewhere = Inequality(Quantity("JiT", *FORGET), at_most=0.1,
                               where={"part": "other", "request": "random:*"})  # fmt: skip
        claim = forgets_and_keeps(tests=(elsewhere, *forgets_and_keeps().tests))
        for known, power in ((0.5, False), (1.0, True)):
            others = self.known([0.9] * 10, part="other")
            table = pd.concat([forgotten(10), self.known([known] * 10), others])
            found = verdict(table, claim)
            assert ("an original knows 50.0%" in found["detail"]) == (not power)
            assert (found["verdict"] == NO_POWER) == (not power)


class TestCells:
    def test_seeds_of_the_search_confirm_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("UNLEARNLIB_CACHE", str(tmp_path))
        (claim,) = (c for c in read_claims() if c.id == "jit-geometry-far")
        claim = forgets_and_keeps(id=claim.id, cell=True, tests=(), frozen=FROZEN)
        for first, exploratory in ((9, True), (10, False)):
            for column in ("seed", "seed_model"):
                table = pd.DataFrame({column: [first, 20]})
                table.attrs["provenance"] = {"date": AFTER}
                hand_over("jit", {claim.id: (10, 10)}, table)
                found = ledger({}, cells=handed_over("jit"), claims=[claim]).iloc[0]
                assert found["exploratory"] == exploratory
                assert ("seeds below 10 served the search" in found["detail"]) == exploratory

    def test_what_is_read_is_a_cell_in_all_its_parts(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("UNLEARNLIB_CACHE", str(tmp_path))
        place = tmp_path / "records" / "jit" / "page_verdicts.jsonl"
        place.parent.mkdir(parents=True)
        place.write_text(json.dumps({"jit-geometry-far": [[9, 10], "2026", True, False]}))
        assert handed_over() == {"jit-geometry-far": Cell((9, 10), "2026", True)}
        for rest in ([], ["2026", True], [2026, False, True], ["2026", "no", True]):
            place.write_text(json.dumps({"jit-geometry-far": [[9, 10], *rest]}))
            with pytest.raises(RecordError, match="no verdict"):
                handed_over()

    @pytest.mark.parametrize("scale", ["laptop", "worcstation", ""])
    def test_what_would_be_read_at_no_scale_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scale: str
    ) -> None:
        monkeypatch.setenv("UNLEARNLIB_CACHE", str(tmp_path))
        with pytest.raises(SpecError, match=r"name no scale.* workstation, paper\."):
            hand_over("jit", {f"jit-geometry-far@{scale}": (9, 10)})
        hand_over("jit", {"jit-geometry-far@paper": (9, 10)})

    def test_pages_of_a_part_that_run_at_once_lose_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("UNLEARNLIB_CACHE", str(tmp_path))
        ids = [c.id for c in read_claims() if c.cell and c.part in ("jit", "pgu")]
        pages = [threading.Thread(target=hand_over, args=("jit", {name: (9, 10)})) for name in ids]
        for page in pages:
            page.start()
        for page in pages:
            page.join()
        assert set(handed_over("jit")) == set(ids)
