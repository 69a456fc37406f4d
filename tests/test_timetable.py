"""Grids in turn: which is next, what is skipped, and the command that shows it or does it."""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from unlearnlib import Grid, __main__, checkpoint, locations
from unlearnlib.__main__ import main
from unlearnlib.errors import PackageError
from unlearnlib.runs import records, timetable
from unlearnlib.runs.timetable import table, told, turns

from .test_grid import grid
from .test_main_run import SPEC, spec
from .test_plan import EPOCHS, N, toy_size

__all__ = ["toy_size"]


class TestTurns:
    """Three files: one of a day, one of an hour, one that cannot be measured."""

    RATES: Mapping[float, float] = {
        3: EPOCHS * N / 86_400,
        2: EPOCHS * N / 3600,
        0: EPOCHS * N / 3600,
    }

    @pytest.fixture(autouse=True)
    def _speeds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def measured(one: Grid) -> float:
            if one.worth not in self.RATES:
                raise PackageError("It needs a package, which is not installed.")
            return self.RATES[one.worth]

        monkeypatch.setattr(timetable, "speed", measured)

    def files(self) -> list[tuple[str, Grid]]:
        only: dict[str, dict[str, Any]] = {"Original": {}}
        return [
            (name, grid(methods=only, worth=worth, training={"epochs": EPOCHS, "lr": lr}))
            for name, worth, lr in (("odd", 1, 0.1), ("day", 3, 0.2), ("hour", 2, 0.3))
        ]

    def at(self, budget: float) -> list[tuple[str, str]]:
        return [(name, why) for name, _, _, why in turns(self.files(), lambda: budget)]

    def test_all_have_their_turn_where_there_is_time(self, lab: Path) -> None:
        assert self.at(inf) == [("hour", ""), ("day", ""), ("odd", "")]

    def test_a_file_whose_first_training_does_not_fit_is_skipped(self, lab: Path) -> None:
        assert self.at(7200) == [
            ("hour", ""),
            ("day", "its first training takes 1 d 0 h, and 2 h 0 min are left"),
            ("odd", "It needs a package, which is not installed"),
            ("day", ""),
        ]

    def test_where_nothing_fits_the_first_goes_on(self, lab: Path) -> None:
        (_, first), (_, second), (_, third), last = self.at(60)
        assert first == "its first training takes 1 h 0 min, and 1 min are left"
        assert second
        assert third
        assert last == ("hour", "")
        assert len(self.at(0)) == 3

    def test_the_table(self, lab: Path) -> None:
        head, *lines, total, shared = table(self.files(), 3 * 3600)
        assert head.split() == [
            "specification",
            "runs",
            "missing",
            "estimate",
            "worth",
            "an",
            "hour",
        ]
        assert [" ".join(line.split()) for line in lines] == [
            "hour 2 2 2 h 0 min 2 1",
            "day 2 2 2 d 0 h 3 0.0625 as far as a checkpoint, in the 1 h 0 min that are left",
            "odd 2 2 not known 1 0 skipped: It needs a package, which is not installed",
        ]
        assert total == "6 runs are missing: 2 d 2 h of passes"
        assert shared.startswith("A training that several need is counted for the first of them")
        assert "odd 2 2 not known 1 0 no estimate: It needs" in " ".join(
            " ".join(table(self.files())).split()
        )

    def test_one_that_cannot_be_measured_leaves_the_others_their_time(self, lab: Path) -> None:
        """It takes forever, of a time that has no end."""
        files = self.files()
        hour = ("no worth", replace(files[2][1], worth=0))
        _, odd, last, *_ = table([files[0], hour])
        assert odd.startswith("odd")
        assert last.split()[-1] == "0"

    def test_what_is_skipped_makes_no_training_for_the_next(self, lab: Path) -> None:
        """Two files of one original; the second has the one day that the first would have had."""
        files = [self.files()[1], ("again", self.files()[1][1])]
        lines = [line for line in table(files, 3600) if "skipped" in line or "as far" in line]
        assert len(lines) == 2
        assert [line.split()[3:5] for line in table(files)][1:3] == [["2", "d"], ["0", "s"]]

    def test_without_a_worth_nothing_is_measured_or_skipped(
        self, lab: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(timetable, "speed", None)
        files = [("b", grid()), ("a", grid(seeds=[5]))]
        assert [one[::3] for one in turns(files, lambda: 0.0)] == [("b", ""), ("a", "")]


def test_times_in_words() -> None:
    assert [told(s) for s in (0, 59, 60, 3599, 3600, 86_400)] == [
        "0 s", "59 s", "1 min", "60 min", "1 h 0 min", "1 d 0 h",
    ]  # fmt: skip


def test_a_dry_run_makes_nothing(
    lab: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither runs nor folders; wrong files are told all the same."""
    monkeypatch.setattr(timetable, "speed", lambda _: 1.0)
    monkeypatch.setattr("unlearnlib.runs.run_grid.run_grid", None)
    path, other = spec(lab), lab / "other.yaml"
    other.write_text(json.dumps(SPEC | {"worth": 2, "methods": {"Original": {}}}))
    before = {*lab.rglob("*")}
    assert main(["run", "--dry-run", str(path), str(other), "--budget", "1m"]) == 0
    captured = capsys.readouterr()
    assert [line.split()[0] for line in captured.out.splitlines()] == [
        "specification", str(other), str(path), "8", "A", "One",
    ]  # fmt: skip
    assert "as far as a checkpoint, in the 1 min that are left" in captured.out
    assert {*lab.rglob("*")} == before
    assert main(["run", "--dry-run", str(path), str(lab / "none.yaml")]) == 1
    assert "none.yaml" in capsys.readouterr().err


def test_files_are_run_by_worth_an_hour_and_skipped_ones_are_told(
    lab: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At an example a second the first training does not fit; at 10^9 it does, if given last."""
    monkeypatch.setattr(timetable, "speed", lambda one: 1.0 if one.worth < 9 else 1e9)
    slow, fast = spec(lab, worth=1), lab / "fast.yaml"
    fast.write_text(json.dumps(SPEC | {"worth": 9, "seeds": [1], "methods": {"Original": {}}}))
    made: list[str] = []
    monkeypatch.setattr(__main__, "_make", lambda name, *_: made.append(name))
    assert main(["run", str(slow), str(fast), "--budget", "1m"]) == 0
    assert made == [str(fast), str(slow)]
    said = capsys.readouterr().out
    assert said == f"{slow}: skipped: its first training takes 2 min, and 1 min are left\n"


def test_what_is_made_in_stretches_is_what_one_stretch_makes(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a device that is lent for minutes at a time: by worth, resumed, to the same numbers."""
    less, more = spec(lab, worth=1, training={"epochs": 40}), lab / "more.yaml"
    more.write_text(json.dumps(SPEC | {"worth": 9, "seeds": [1], "training": {"epochs": 40}}))
    files = [str(less), str(more)]

    def made() -> pd.DataFrame:
        table = records.read("try", "workstation")
        told = table[~table["metric"].str.startswith("seconds")].sort_values(["run_id", "metric"])
        return told[["run_id", "metric", "split", "value"]].reset_index(drop=True)

    monkeypatch.setattr(timetable, "speed", lambda _: 1e9)
    assert main(["run", *files]) == 0
    undisturbed = made()
    monkeypatch.setenv("UNLEARNLIB_CACHE", str(lab / "another"))
    monkeypatch.setattr(locations, "data_folder", lambda: lab / "again")
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    step, seeds = torch.optim.SGD.step, []

    def slow(*given: Any, **named: Any) -> Any:
        time.sleep(0.02)
        return step(*given, **named)

    monkeypatch.setattr(torch.optim.SGD, "step", slow)
    while any(Grid.read(name).missing() for name in files):
        main(["run", *files, "--budget", "0.6s"])
        seeds.append({*records.read("try", "workstation")["seed_model"]})
        assert len(seeds) < 60
    assert len(seeds) > 3
    assert next(filter(None, seeds)) == {1}, "the worthier file comes first"
    # The passes of a training are summed over its stretches, so that their last bit may differ.
    pd.testing.assert_frame_equal(made(), undisturbed, rtol=1e-12, atol=0)
