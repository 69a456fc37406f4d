"""Runs without a number: n counts what was averaged, and a note tells of the others."""

import math
from collections.abc import Sequence

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
from unlearnlib.report.claims import Claim, Inequality
from unlearnlib.report.ledger import NOT, PARTLY, REPRODUCED, UNTESTED, judge
from unlearnlib.report.rows import lacking
from unlearnlib.report.summary import Quantity, away, differences

from .made_tables import ACCURACY, at_least, line, records, rows

pytestmark = pytest.mark.usefixtures("figures_closed")


BATCH = ("accuracy_batch_mean", "test_retain")
NONE = [math.nan, math.inf, -math.inf]


class TestCompare:
    @pytest.mark.parametrize("none", NONE)
    def test_n_counts_the_runs_that_have_a_number(self, none: float) -> None:
        ours = line(compare("Table 2b", records({"JiT": [0.66, none, 0.67]})), "JiT")
        assert (ours["n"], ours["ours_mean"]) == (2, pytest.approx(0.665))
        assert ours["ours_sd"] == pytest.approx(math.sqrt(5e-5))
        assert (ours["verdict"], ours["doubt"]) == ("matches", "1 of 3 runs has no number")
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

    def test_a_distance_from_a_run_without_a_number_is_none(self) -> None:
        table = pd.concat([rows("JiT", [0.5, 0.6, 0.7]), rows("Retrain", [0.4, math.nan])])
        found = away(table, "Retrain").query("method == 'JiT'")["value"].tolist()
        assert found == [pytest.approx(0.1), pytest.approx(math.nan, nan_ok=True)]
        both = pd.concat([rows("Retrain", [v], seed_method=s)
                          for s, v in enumerate((0.4, math.nan))])  # fmt: skip
        assert away(pd.concat([rows("JiT", [0.5]), both]), "Retrain")["value"].isna().all()


class TestClaims:
    def claim(
        self, values: list[float], base: Sequence[float] = (0.5,) * 3, request: str = "class:a"
    ) -> pd.DataFrame:
        return pd.concat([rows("JiT", values, request), rows("Original", base, request)])

    def test_what_has_no_number_cannot_be_judged(self) -> None:
        for values, border in (([0.9, math.nan, 0.9], 0.0), ([0.1, math.nan, 0.1], 0.0)):
            word, detail, _ = judge(at_least(border), self.claim(values))
            assert word == UNTESTED
            assert detail == "no number in 1 of 1 settings"

    def test_it_takes_part_of_what_was_shown_and_nothing_of_what_was_not(self) -> None:
        none = self.claim([0.9, math.nan, 0.9], request="class:none")
        good, bad = self.claim([0.8] * 3), self.claim([0.1] * 3, request="class:b")
        word, detail, _ = judge(at_least(0.0), pd.concat([good, none]))
        assert word == PARTLY
        assert detail == "interval holds in 1, mean in 1 of 1; n = 3; no number in 1 of 2 settings"
        word, detail, _ = judge(at_least(0.0), pd.concat([bad, none]))
        assert word == NOT
        assert detail == "interval holds in 0, mean in 0 of 1; n = 3; no number in 1 of 2 settings"

    def test_a_premise_without_a_number_is_not_met_nor_missed(self) -> None:
        one, other = (Quantity(name, "entropy", "forget") for name in ("JiT", "Original"))
        effect = Inequality(one, other, at_least=0.1)
        claim = Claim("c", "jit", "s", "t", tests=at_least(0.0).tests, given=effect)

        def table(request: str, entropies: list[float]) -> pd.DataFrame:
            premise = [rows(m, v, request, ("entropy", "forget"))
                       for m, v in (("JiT", entropies), ("Original", [0.0, 0.0, 0.0]))]  # fmt: skip
            return pd.concat([self.claim([0.8] * 3, request=request), *premise])

        unknown, met = table("class:u", [1.0, math.nan, 1.0]), table("class:m", [1.0] * 3)
        missed = table("class:n", [0.0] * 3)
        assert judge(claim, unknown)[:2] == (UNTESTED, "no number in 1 of 1 settings")
        assert judge(claim, met)[0] == REPRODUCED
        assert judge(claim, pd.concat([met, missed]))[0] == REPRODUCED
        assert judge(claim, pd.concat([met, unknown]))[0] == PARTLY
        assert "no number in 1 of 2 settings" in judge(claim, pd.concat([met, unknown]))[1]
        assert "none of 1" in judge(claim, missed)[1]

    def test_a_premise_holds_by_its_mean(self) -> None:
        """At n = 1, and where the interval reaches below the border, its mean decides."""
        one, other = (Quantity(name, "entropy", "forget") for name in ("JiT", "Original"))
        effect = Inequality(one, other, at_least=0.1)
        claim = Claim("c", "jit", "s", "t", tests=at_least(0.0).tests, given=effect)
        for values in ([0.0, 0.5, 1.0], [1.0]):
            n = len(values)
            premise = [rows(m, v, "class:a", ("entropy", "forget"))
                       for m, v in (("JiT", values), ("Original", [0.0] * n))]  # fmt: skip
            table = pd.concat([self.claim([0.8] * 3), *premise])
            assert not effect.settings(table)["inside"].any()
            assert judge(claim, table)[0] == REPRODUCED

    def test_a_premise_of_several_settings_counts_a_test_once(self) -> None:
        left, right = Quantity("JiT", "entropy", "x"), Quantity("Original", "entropy", "x")
        effect = Inequality(left, right, at_least=0.0)
        claim = Claim("c", "jit", "s", "t", tests=at_least(0.0).tests, given=effect)
        premise = [rows("JiT", [1.0] * 3, "class:a", ("entropy", "x"))]
        premise += [rows("Original", [0.0] * 3, "class:a", ("entropy", "x"), params=p)
                    for p in ("{}", '{"lr": 1}')]  # fmt: skip
        table = pd.concat([self.claim([0.8] * 3), *premise])
        assert len(effect.settings(table)) == 2
        assert "mean in 1 of 1" in judge(claim, table)[1]

    @pytest.mark.parametrize(
        ("values", "inside", "leans"),
        [
            ([0.1, 0.1, 0.1], True, True),
            ([0.05, 0.05, 0.05], True, True),  # the lower border
            ([0.2, 0.2, 0.2], True, True),  # the upper border
            ([0.2001, 0.2001, 0.2001], False, False),
            ([0.0499, 0.0499, 0.0499], False, False),
            ([0.2, 0.15, 0.15], False, True),  # the interval reaches beyond the upper border
            ([0.05, 0.1, 0.1], False, True),  # and beyond the lower
            ([0.2 + 1e-6] * 3, False, False),  # the slack is for the last digits only
            ([0.05 - 1e-6] * 3, False, False),
            ([0.2 + 1e-12] * 3, True, True),
            ([0.05 - 1e-12] * 3, True, True),
        ],
    )
    def test_both_borders_bind_the_whole_interval(
        self, values: list[float], inside: bool, leans: bool
    ) -> None:
        test = Inequality(Quantity("JiT", *ACCURACY), at_least=0.05, at_most=0.2)
        found = test.settings(rows("JiT", values)).iloc[0]
        assert (found["inside"], found["leans"]) == (inside, leans)


def test_words() -> None:
    assert lacking(0, 3) == ""
    assert lacking(1, 1, "pair") == "1 of 1 pairs has no number"
    assert np.isnan(differences(rows("JiT", [math.nan]), Quantity("JiT", *ACCURACY))["mean"]).all()
