"""A claim in each trained model: where it holds, and what does not count."""

import pandas as pd

from unlearnlib.report.claims import Inequality
from unlearnlib.report.summary import Quantity
from unlearnlib.report.verdicts import (
    DEPENDS,
    NOT,
    REPRODUCED,
    UNDECIDED,
    UNTESTED,
)

from .made_tables import FORGET, KEEP, forgets_and_keeps, forgotten, rows, settings, verdict

WHERE = {"part": "jit"}


def test_both_must_hold_in_the_same_model() -> None:
    """Half of the models forget and the others keep, so that none does both."""
    table = forgotten(5)
    keeps = (table["method"] == "JiT") & (table["split"] == "test_retain")
    table.loc[keeps & (table["seed_model"] < 5), "value"] = 0.1
    found = verdict(table)
    assert (found["verdict"], found["share"]) == (NOT, "0/10")
    assert "its inequalities, one by one, in 5, 5" in found["detail"]


def test_borders_are_included() -> None:
    table = forgotten(0)
    table.loc[(table["method"] == "JiT") & (table["split"] == "test_forget"), "value"] = 0.1
    table.loc[(table["method"] == "JiT") & (table["split"] == "test_retain"), "value"] = 0.77
    assert verdict(table)["verdict"] == REPRODUCED  # 0.77 - 0.8 < -0.03 in binary
    table.loc[(table["method"] == "JiT") & (table["split"] == "test_retain"), "value"] -= 1e-6
    assert verdict(table)["verdict"] == NOT


class TestModels:
    def test_seeds_of_the_method_are_one_model(self) -> None:
        again = forgotten(0).assign(seed_method=1)
        both = pd.concat([forgotten(10), again[again["method"] == "JiT"].assign(value=0.0)])
        forget = (both["method"] == "JiT") & (both["split"] == "test_forget")
        both.loc[forget & (both["seed_method"] == 1), "value"] = 0.14  # the mean is 0.095
        keep = (both["method"] == "JiT") & (both["split"] == "test_retain")
        both.loc[keep & (both["seed_method"] == 1), "value"] = 0.8
        both["run_id"] = both["run_id"] + both["seed_method"].astype(str)
        assert (verdict(both)["verdict"], verdict(both)["share"]) == (REPRODUCED, "10/10")
        both.loc[forget & (both["seed_method"] == 1), "value"] = 0.16
        assert verdict(both)["share"] == "0/10"
        both.loc[forget & (both["seed_method"] == 1), "value"] = float("nan")
        assert verdict(both)["share"] == ""  # the other seed does not stand for both

    def test_draws_of_the_request_are_models(self) -> None:
        tables = [forgotten(1, 1, seed_request=draw) for draw in range(6)]
        assert verdict(pd.concat(tables))["share"] == "6/6"

    def test_in_a_diverged_run_it_does_not_hold(self) -> None:
        table = forgotten(10)
        lost = (table["method"] == "JiT") & table["seed_model"].isin([3, 4])
        gone = table[lost].drop_duplicates("run_id").assign(metric="diverged", split="", value=1.0)
        found = verdict(pd.concat([table[~lost], gone]))
        assert (found["verdict"], found["share"]) == (UNDECIDED, "8/10")
        assert verdict(table[~lost])["share"] == "8/8"
        every = table[table["method"] == "JiT"].assign(metric="diverged", split="", value=1.0)
        none = pd.concat([table[table["method"] != "JiT"], every.drop_duplicates("run_id")])
        assert verdict(none)["verdict"] == NOT

    def test_what_has_no_number_does_not_count_and_is_told(self) -> None:
        table = forgotten(10)
        lost = (table["method"] == "JiT") & (table["split"] == "test_forget")
        table.loc[lost & table["seed_model"].isin([0, 1, 2]), "value"] = float("nan")
        found = verdict(table)
        assert (found["verdict"], found["share"]) == (REPRODUCED, "7/7")
        assert "accuracy test_forget of JiT has no number in 3 of 10" in found["detail"]
        table.loc[lost, "value"] = float("inf")
        assert verdict(table)["verdict"] == UNTESTED

    def test_what_was_not_run_does_not_count_and_is_told(self) -> None:
        table = forgotten(10)
        gone = (table["method"] == "Retrain") & (table["seed_model"] == 0)
        found = verdict(table[~gone])
        assert found["share"] == "9/9"
        assert "no run of Retrain with accuracy test_forget in 1 of 10" in found["detail"]
        wild = table[gone].drop_duplicates("run_id").assign(metric="diverged", split="", value=1.0)
        found = verdict(pd.concat([table[~gone], wild]))
        assert (found["share"], "Retrain diverged in 1 of 10" in found["detail"]) == ("9/9", True)
        found = verdict(table[table["method"] != "Retrain"])
        assert found["verdict"] == UNTESTED
        assert not found["exploratory"]  # there is nothing to confirm
        assert verdict(table[table["method"] != "JiT"])["detail"] == "no records at this scale"

    def test_a_premise_chooses_the_models(self) -> None:
        rival = Inequality(Quantity("SSD", *FORGET), at_most=0.5, where=WHERE)
        other = Inequality(Quantity("SCRUB", *FORGET), at_most=0.5, where=WHERE)
        claim = forgets_and_keeps(given=(rival, other))
        ssd = rows("SSD", [0.1] * 6 + [0.9] * 4, measured=FORGET)
        scrub = rows("SCRUB", [0.9] * 9 + [0.1], measured=FORGET)
        found = verdict(pd.concat([forgotten(10), ssd, scrub]), claim)
        assert (found["verdict"], found["share"]) == (REPRODUCED, "7/7")
        assert "the premise does not hold in 3 of 10" in found["detail"]
        (row,) = settings(pd.concat([forgotten(10), ssd, scrub]), claim).to_dict("records")
        assert (row["original_n"], row["oracle_n"]) == (7, 7)  # of the controls no more
        assert verdict(pd.concat([forgotten(10), ssd.assign(value=0.9), scrub]), claim)[
            "verdict"
        ] == UNDECIDED  # fmt: skip

    def test_models_that_a_premise_leaves_out_are_not_too_few(self) -> None:
        """A setting in which it speaks of two of ten models stands beside one in which of all."""
        rival = Inequality(Quantity("SSD", *FORGET), at_most=0.5, where=WHERE)
        claim = forgets_and_keeps(given=(rival,))
        sea = "class:sea"
        tables = [forgotten(10), forgotten(10, request=sea)]
        tables.append(rows("SSD", [0.1] * 10, measured=FORGET))
        tables.append(rows("SSD", [0.1] * 2 + [0.9] * 8, measured=FORGET, request=sea))
        found = verdict(pd.concat(tables), claim)
        assert (found["verdict"], found["share"]) == (DEPENDS, "12/12")

    def test_the_way_is_from_the_original_to_the_retrained_model(self) -> None:
        half = Inequality(Quantity("JiT", *FORGET), way=True, at_least=0.5, where=WHERE)
        claim = forgets_and_keeps(tests=(half,))
        for value, word in ((0.45, REPRODUCED), (0.46, NOT), (-0.5, REPRODUCED)):
            table = forgotten(10)
            table.loc[(table["method"] == "JiT") & (table["split"] == "test_forget"), "value"] = (
                value
            )
            assert verdict(table, claim)["verdict"] == word
        same = forgotten(10)
        same.loc[same["method"].isin(["Original", "Retrain"]), "value"] = 0.3
        assert "do not differ in 10 of 10" in verdict(same, claim)["detail"]

    def test_a_distance_does_not_mind_on_which_side_it_is(self) -> None:
        nearer = Inequality(Quantity("JiT", *FORGET), Quantity("SSD", *FORGET), origin="Retrain",
                            at_most=0.0, where=WHERE)  # fmt: skip
        claim = forgets_and_keeps(tests=(nearer,), controls="none")
        base = rows("Retrain", [0.5] * 5, measured=FORGET)
        for jit, ssd, word in ((0.4, 0.58, NOT), (0.6, 0.38, REPRODUCED), (0.4, 0.6, REPRODUCED)):
            table = pd.concat([base, rows("JiT", [jit] * 5, measured=FORGET),
                               rows("SSD", [ssd] * 5, measured=FORGET)])  # fmt: skip
            assert verdict(table, claim)["verdict"] == word

    def test_a_ratio_and_one_to_nothing(self) -> None:
        test = Inequality(Quantity("JiT", "passes"), Quantity("Retrain", "passes"), ratio=True,
                          at_most=0.5, where=WHERE)  # fmt: skip
        claim = forgets_and_keeps(tests=(test,), controls="cost")
        jit = rows("JiT", [1.0] * 6, measured=("passes", ""))
        for other, word in ((2.0, REPRODUCED), (1.9, NOT)):
            table = pd.concat([jit, rows("Retrain", [other] * 6, measured=("passes", ""))])
            assert verdict(table, claim)["verdict"] == word
        none = pd.concat([jit, rows("Retrain", [0.0] * 6, measured=("passes", ""))])
        assert verdict(none, claim)["detail"].startswith("divided by 0 in 6 of 6")

    def test_what_it_saw_counts_in_each_model(self) -> None:
        claim = forgets_and_keeps(access=frozenset({"forget_inputs", "generator"}))
        table = forgotten(10)
        assert verdict(table, claim)["verdict"] == REPRODUCED
        table.loc[(table["method"] == "JiT") & (table["seed_model"] < 3), "access"] += ", retain"
        assert verdict(table, claim)["share"] == "7/10"

    def test_two_settings_of_one_method_differ_in_what_is_named(self) -> None:
        def run(sigma: float, lr: float, value: float) -> pd.DataFrame:
            return rows("JiT", [value] * 5, params=f'{{"sigma": {sigma}, "lr": {lr}}}')

        values = {(1.0, 1): 0.6, (0.1, 1): 0.1, (1.0, 2): 0.4, (0.1, 2): 0.5}
        table = pd.concat([run(*point, value) for point, value in values.items()])
        left, right = (Quantity("JiT", *KEEP, {"sigma": s}) for s in (1.0, 0.1))
        test = Inequality(left, right, at_least=0.0, where=WHERE)
        claim = forgets_and_keeps(tests=(test,), controls="two settings")
        assert settings(table, claim)["verdict"].tolist() == [REPRODUCED, NOT]
        found = verdict(table, claim)
        assert found["verdict"] == DEPENDS
        assert "reproduced: (lr 1) 5/5; not reproduced: (lr 2) 0/5" in found["detail"]
