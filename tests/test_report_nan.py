"""Runs without a number: n counts what was averaged, and a note tells of the others."""

import math

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")


from unlearnlib.errors import RecordError, SpecError
from unlearnlib.report import (
    compare,
    interval,
    paired,
    pairs_of,
    show_comparison,
    show_paired,
    show_summary,
    summary,
)
from unlearnlib.report.rows import lacking
from unlearnlib.report.summary import Quantity, differences

from .made_tables import ACCURACY, line, records, rows

pytestmark = pytest.mark.usefixtures("figures_closed")


BATCH = ("accuracy_batch_mean", "test_retain")
NONE = [math.nan, math.inf, -math.inf]


class TestCompare:
    @pytest.mark.parametrize("none", NONE)
    def test_n_counts_the_runs_that_have_a_number(self, none: float) -> None:
        ours = line(compare("Table 2b", records({"JiT": [0.66, none, 0.67]})), "JiT")
        assert (ours["n"], ours["ours_mean"]) == (2, pytest.approx(0.665))
        assert ours["ours_sd"] == pytest.approx(math.sqrt(5e-5))
        assert (ours["verdict"], ours["doubt"]) == ("undecided", "n = 2, 1 of 3 runs has no number")
        assert len(ours["runs"].split()) == 3

    def test_one_number_of_two_runs_is_n_1(self) -> None:
        ours = line(compare("Table 2b", records({"JiT": [0.66, math.nan]})), "JiT")
        assert ours["doubt"] == "n = 1, 1 of 2 runs has no number"

    def test_a_method_that_always_diverged_was_run_and_is_not_judged(self) -> None:
        table = records({"JiT": [math.nan, math.nan], "Retrain": [0.6, 0.6]})
        frame = compare("Table 2b", table)
        ours = line(frame, "JiT")
        assert (ours["n"], ours["verdict"]) == (0, "not run")
        assert ours["doubt"] == "2 of 2 runs have no number"
        shown = show_comparison(frame)
        assert [cells[0] for _, cells in shown.rows] == ["Retrain", "JiT"]
        assert "2 of 2 runs have no number" in repr(shown)
        alone = show_comparison(compare("Table 2b", records({"JiT": [math.nan]})))
        assert [cells[0] for _, cells in alone.rows] == ["JiT"]

    def test_in_another_set_up_it_is_told_too(self) -> None:
        table = records({"JiT": [0.66, math.nan]}, model="vgg_mini")
        ours = line(compare("Table 2b", table), "JiT")
        assert ours["doubt"] == "ours is another set-up, 1 of 2 runs has no number"
        none = line(compare("Table 2b", table.assign(value=math.nan)), "JiT")
        assert none["doubt"] == "ours is another set-up, 2 of 2 runs have no number"

    def test_times_are_divided_by_what_the_reference_has(self) -> None:
        seconds = {"JiT": [20.0, math.nan], "FineTune": [100.0, math.nan]}
        table = records(seconds, "seconds_unlearn", "", model="vit")
        ours = line(compare("Figure 5", table, relative_to="FineTune"), "JiT", "")
        assert (ours["ours_mean"], ours["n"]) == (pytest.approx(0.2), 1)
        assert "1 of 2 runs has no number" in ours["doubt"]

    def test_a_stale_run_is_told_of_its_own_measurement_only(self) -> None:
        table = records({"JiT": [0.66, 0.67], "Retrain": [0.6, 0.6]})
        table["stale"] = table["run_id"] == "JiT-1"
        frame = compare("Table 2b", table)
        assert line(frame, "JiT")["stale"]
        assert not line(frame, "Retrain")["stale"]
        assert not line(frame, "SCRUB")["stale"]

    def test_printed_spreads_are_ratios_too(self) -> None:
        seconds = {"JiT": [20.0], "Retrain": [100.0]}
        table = records(seconds, "seconds_unlearn", "", dataset="none")
        item = "Table 8, ResNet18, rocket"
        frame = compare(item, table, paper="ssd", relative_to="Retrain")
        times = frame[frame["metric"] == "seconds_unlearn"].set_index("method")
        from unlearnlib.report import reported

        printed = reported("ssd").query("item == @item and metric == 'seconds_unlearn'")
        printed = printed.set_index("method")
        base = printed.loc["Retrain", "mean"]
        for name in printed.index:
            for number in ("mean", "sd"):
                found, wanted = times.loc[name, f"reported_{number}"], printed.loc[name, number]
                assert found == pytest.approx(wanted / base, nan_ok=True)
        assert printed["sd"].notna().any()


class TestSummary:
    @pytest.mark.parametrize("none", NONE)
    def test_n_counts_what_was_averaged(self, none: float) -> None:
        table = records({"JiT": [0.5, none, 0.7], "Retrain": [0.4, 0.4, 0.4]})
        found = summary(table, [BATCH]).set_index("method")
        assert found["n"].to_dict() == {"JiT": 2, "Retrain": 3}
        assert found["missing"].to_dict() == {"JiT": 1, "Retrain": 0}
        assert found.loc["JiT", "mean"] == pytest.approx(0.6)
        assert found.loc["JiT", "sd"] == pytest.approx(math.sqrt(0.02))
        shown = show_summary(found.reset_index())
        assert shown.notes == (
            "JiT, Accuracy (batch mean), test, retained: 1 of 3 runs has no number.",
        )

    def test_stale_is_any(self) -> None:
        table = records({"JiT": [0.5, 0.7]})
        table["stale"] = [True, False]
        assert summary(table, [BATCH])["stale"].tolist() == [True]

    def test_intervals_are_of_finite_numbers(self) -> None:
        for none in NONE:
            with pytest.raises(RecordError, match="at least one number"):
                interval([0.5, none])

    def test_pairs_share_the_draw_of_the_request(self) -> None:
        """Two draws of a random request on one model are two pairs, not one mean."""
        jit = pd.concat([rows("JiT", [v], seed_request=s) for s, v in enumerate((0.5, 0.9))])
        base = pd.concat([rows("Retrain", [v], seed_request=s) for s, v in enumerate((0.4, 0.9))])
        found = paired(pd.concat([jit, base]), *ACCURACY, "JiT").iloc[0]
        assert found["n"] == 2
        assert found[["mean", "low", "high"]].tolist() == pytest.approx([*interval([0.1, 0.0])])
        alone = paired(pd.concat([jit, base.iloc[:1]]), *ACCURACY, "JiT").iloc[0]
        assert (alone["n"], alone["mean"]) == (1, pytest.approx(0.1))

    @pytest.mark.parametrize("key", ["dataset", "model", "request", "seed_model"])
    def test_pairs_share_all_else(self, key: str) -> None:
        other = rows("Retrain", [0.4]).assign(**{key: 9 if key == "seed_model" else "other"})
        with pytest.raises(SpecError, match="has a partner"):
            paired(pd.concat([rows("JiT", [0.5]), other]), *ACCURACY, "JiT")

    def test_a_pair_without_a_number_leaves_no_mean(self) -> None:
        """Neither the other pairs alone nor the other seeds of the method stand for all."""
        base = rows("Retrain", [0.4, 0.4, 0.4])
        for jit in (
            rows("JiT", [0.5, math.nan, 0.6]),
            pd.concat([rows("JiT", [0.5, 0.5, 0.6]),
                       rows("JiT", [0.5, math.nan, 0.6], seed_method=1)]),
        ):  # fmt: skip
            found = paired(pd.concat([jit, base]), *ACCURACY, "JiT").iloc[0]
            assert found[["mean", "low", "high"]].isna().all()
            assert (found["n"], found["missing"]) == (2, 1)
        found = paired(pd.concat([rows("JiT", [0.5] * 3), base.assign(value=NONE)]),
                       *ACCURACY, "JiT").iloc[0]  # fmt: skip
        assert (found["n"], found["missing"]) == (0, 3)

    def test_a_ratio_to_nothing_is_no_number(self) -> None:
        table = pd.concat([rows("JiT", [1.0, 1.0]), rows("Retrain", [0.0, 2.0])])
        found = paired(table, *ACCURACY, "JiT", ratio=True).iloc[0]
        assert math.isnan(found["mean"])
        assert (found["n"], found["missing"]) == (1, 1)

    def test_the_table_says_so(self) -> None:
        table = pd.concat([rows("JiT", [0.5, math.nan]), rows("Retrain", [0.4, 0.4])])
        frame = paired(table, *ACCURACY, "JiT")
        shown = show_paired(frame)
        assert shown.rows[0][1][-3:] == ("—", "—", "1")
        assert "1 of 2 pairs has no number." in shown.notes[-1]
        assert "nan" not in repr(shown)
        two = show_paired(pd.concat([frame, frame.assign(request="class:other")]))
        assert len(two.notes) == 2
        assert "class:other" in two.notes[1]
        cells = pairs_of(table, [ACCURACY], [("JiT", "Retrain")])["JiT − Retrain"].tolist()
        assert cells == ["— (1 of 2 pairs has no number)"]


def test_words() -> None:
    assert lacking(0, 3) == ""
    assert lacking(1, 1, "pair") == "1 of 1 pairs has no number"
    assert np.isnan(differences(rows("JiT", [math.nan]), Quantity("JiT", *ACCURACY))["mean"]).all()
