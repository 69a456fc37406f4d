"""A claim in one setting: its models are counted, controls give it power, fresh runs confirm it."""

from typing import Any

import pandas as pd
import pytest

from unlearnlib.report import by_setting, ledger
from unlearnlib.report.claims import Claim, Frozen, Inequality
from unlearnlib.report.summary import Quantity
from unlearnlib.report.verdicts import (
    NO_POWER,
    NOT,
    REPRODUCED,
    UNDECIDED,
    UNTESTED,
)

from .made_tables import forgets_and_keeps, forgotten, rows, settings, verdict

WHERE = {"part": "jit"}


@pytest.mark.parametrize(
    ("k", "n", "word"),
    [(10, 10, REPRODUCED), (9, 10, REPRODUCED), (8, 10, UNDECIDED), (2, 10, UNDECIDED),
     (1, 10, NOT), (5, 5, REPRODUCED), (0, 5, NOT), (4, 4, UNDECIDED), (0, 4, UNDECIDED)],
)  # fmt: skip
def test_a_verdict_counts_models(k: int, n: int, word: str) -> None:
    found = verdict(forgotten(k, n))
    assert (found["verdict"], found["share"]) == (word, f"{k}/{n}")
    assert ("fewer than 5 models decide nothing" in found["detail"]) == (n < 5)
    (row,) = settings(forgotten(k, n)).to_dict("records")
    assert [row[c] for c in ("k", "n", "original_k", "original_n", "oracle_k", "oracle_n")] == [
        k, n, 0, n, n, n,
    ]  # fmt: skip


class TestControls:
    @pytest.mark.parametrize(
        ("original", "oracle", "word"),
        [(0, 10, REPRODUCED), (1, 9, REPRODUCED), (2, 10, NO_POWER), (7, 10, NO_POWER),
         (0, 8, NO_POWER), (0, 0, NO_POWER), (10, 10, NO_POWER)],
    )  # fmt: skip
    def test_the_original_must_fail_and_a_retrained_model_pass(
        self, original: int, oracle: int, word: str
    ) -> None:
        for jit in (10, 0):
            found = verdict(forgotten(jit, original=original, oracle=oracle))
            fails = not jit and oracle >= 9  # what a retrained model passes
            assert found["verdict"] == (NOT if fails else word)
            assert f"the original passes in {original} of 10" in found["detail"]
            assert f"a second retrained model passes in {oracle} of 10" in found["detail"]

    def test_the_original_in_the_place_of_the_method_reproduces_nothing(self) -> None:
        table = forgotten(10)
        original = table[table["method"] == "Original"]
        others = table[table["method"] != "JiT"]
        posing = pd.concat([others, original.assign(method="JiT", run_id=original["run_id"] + "x")])
        assert verdict(posing)["verdict"] == NOT

    def test_shuffled_labels_reproduce_nothing(self) -> None:
        table = forgotten(10)
        turned = {"JiT": "Original", "Original": "Retrain again", "Retrain again": "JiT"}
        known = table["split"] == "forget"
        shuffled = table.assign(
            method=table["method"].where(known, table["method"].replace(turned))
        )
        assert verdict(shuffled)["verdict"] == NO_POWER

    def test_nothing_is_decided_where_nobody_wrote_down_what_the_originals_knew(self) -> None:
        for jit in (0, 10):
            table = forgotten(jit)
            found = verdict(table[table["split"] != "forget"])
            assert found["verdict"] == UNDECIDED
            assert "no record of what the originals know of their training set" in found["detail"]

    def test_without_its_records_nothing_is_decided(self) -> None:
        table = forgotten(10)
        for control, name in (("Original", "original"), ("Retrain again", "retrained")):
            few = table[(table["method"] != control) | (table["seed_model"] < 4)]
            none = table[table["method"] != control]
            for some, told in ((few, "4 of"), (none, "no records")):
                found = verdict(some)
                if control == "Original":  # the claim itself is relative to it
                    assert found["verdict"] in (UNDECIDED, UNTESTED)
                    continue
                assert found["verdict"] == UNDECIDED
                assert name in found["detail"]
                assert told in found["detail"]

    def test_a_claim_may_have_none_and_says_why(self) -> None:
        table = forgotten(10)
        table = table[table["method"] != "Retrain again"]
        found = verdict(table, forgets_and_keeps(controls="it is about cost"))
        assert found["verdict"] == REPRODUCED
        assert "no controls: it is about cost" in found["detail"]

    def test_controls_have_the_settings_of_their_own(self) -> None:
        """What the test asks of the method's hyper-parameters it does not ask of a control."""
        table = forgotten(10)
        jit = table["method"] == "JiT"
        table.loc[jit, "params"], table["steps"] = '{"steps": 4}', float("nan")
        table.loc[jit, "steps"] = 4
        claim = forgets_and_keeps()
        tests = tuple(
            Inequality(Quantity("JiT", t.left.metric, t.left.split, {"steps": 4}), t.right,
                       at_least=t.at_least, at_most=t.at_most, where=WHERE)
            for t in claim.tests
        )  # fmt: skip
        assert verdict(table, forgets_and_keeps(tests=tests))["verdict"] == REPRODUCED
        table.loc[jit, "steps"] = 3
        assert verdict(table, forgets_and_keeps(tests=tests))["verdict"] == UNTESTED


class TestFailure:
    """That a method fails is told by what a second retrained model passes, and by that alone."""

    def table(self, kept: float, *, oracle_forgets: int, known: float = 1.0) -> pd.DataFrame:
        """Ten models in which JiT forgets, and keeps so much of the others."""
        table = forgotten(10, oracle=oracle_forgets)
        table.loc[(table["method"] == "JiT") & (table["split"] == "test_retain"), "value"] = kept
        original = rows("Original", [known] * 10, measured=("accuracy", "retain"))
        return pd.concat([table, original])

    @pytest.mark.parametrize(
        ("kept", "oracle_forgets", "word"),
        [(0.3, 10, NOT), (0.3, 4, NOT), (0.3, 0, NOT), (0.8, 4, NO_POWER), (0.8, 10, REPRODUCED)],
    )
    def test_a_plain_failure_is_one_where_another_test_has_no_power(
        self, kept: float, oracle_forgets: int, word: str
    ) -> None:
        found = verdict(self.table(kept, oracle_forgets=oracle_forgets))
        assert found["verdict"] == word
        told = "inequality 2, which a second retrained model passes, and the method in 0 of 10"
        assert (told in found["detail"]) == (word == NOT and oracle_forgets < 9)

    def test_what_the_retrained_model_fails_too_is_not_held_against_a_method(self) -> None:
        table = forgotten(0, oracle=0)
        assert verdict(table)["verdict"] == NO_POWER

    @pytest.mark.parametrize(("known", "power"), [(0.99, True), (0.989, False)])
    @pytest.mark.parametrize("kept", [0.8, 0.3])
    def test_who_never_knew_cannot_forget(self, known: float, power: bool, kept: float) -> None:
        table = self.table(kept, oracle_forgets=10, known=known)
        found = verdict(table)
        assert (found["verdict"] == NO_POWER) == (not power)
        assert ("an original knows 98.9% of a part of its training set" in found["detail"]) == (
            not power
        )
        costs = forgets_and_keeps(controls="it is about cost")
        assert verdict(table, costs)["verdict"] != NO_POWER


@pytest.mark.parametrize(
    ("k", "n", "word"), [(1, 1, REPRODUCED), (0, 1, NOT), (3, 3, REPRODUCED), (2, 3, UNDECIDED)]
)
def test_what_is_exact_needs_no_five_models(k: int, n: int, word: str) -> None:
    claim = forgets_and_keeps(controls="it is counted", exact=True)
    found = verdict(forgotten(k, n), claim)
    assert (found["verdict"], found["share"]) == (word, "")
    assert ("it is exact, and holds in 2 of 3" in found["detail"]) == (word == UNDECIDED)


class TestExploratory:
    FROZEN = Frozen("2026-11-28T12:00:00+00:00", "x", {})

    def table(self, date: str = "2026-11-29T05:00:00+00:00", first: int = 10) -> pd.DataFrame:
        table = forgotten(10).assign(date=date)
        return table.assign(seed_model=table["seed_model"] + first)

    def test_a_frozen_claim_with_fresh_runs_is_confirming(self) -> None:
        found = verdict(self.table(), forgets_and_keeps(frozen=self.FROZEN))
        assert (found["exploratory"], found["frozen"]) == (False, "2026-11-28 12:00")
        assert "exploratory" not in found["detail"]
        for moment, earlier in (("11:59:59", True), ("12:00:00", False)):
            same_day = self.table(f"2026-11-28T{moment}+00:00")
            found = verdict(same_day, forgets_and_keeps(frozen=self.FROZEN))
            assert found["exploratory"] == earlier

    def test_a_place_that_was_frozen_later_has_its_own_time(self) -> None:
        """A scale and a data set: the runs on another, and at other scales, still confirm."""
        places = {"workstation/a": "x", "workstation/b": "y"}
        anew = {"workstation/b": "2026-11-29T06:00:00+00:00"}
        later = self.FROZEN._replace(settings=places, anew=anew)
        claims = [forgets_and_keeps(frozen=later)]
        a, b = (self.table().assign(dataset=name) for name in ("a", "b"))
        tables = {scale: pd.concat([a, b]) for scale in ("laptop", "workstation")}
        found = ledger(tables, claims=claims).set_index("scale")
        assert found.loc[["laptop", "workstation"], "exploratory"].to_list() == [False, True]
        assert found.loc["workstation", "settings"] == "2/2"
        told = ["2026-11-28 12:00", "2026-11-28 12:00, 2026-11-29 06:00 b", "2026-11-28 12:00"]
        assert found["frozen"].to_list() == told
        detail = str(found.loc["workstation", "detail"])
        assert "frozen at 2026-11-29T06:00 for workstation/b" in detail
        alone = later._replace(settings={"workstation/b": "x", "paper/a": "y"})
        found = ledger({}, claims=[forgets_and_keeps(frozen=alone, changed=True)])
        assert found["frozen"].to_list()[1:] == [
            "2026-11-29 06:00 b, changed since", "2026-11-28 12:00, changed since",
        ]  # fmt: skip
        each = by_setting(tables, claims=claims).query("scale == 'workstation'")
        assert dict(zip(each["dataset"], each["exploratory"], strict=True)) == {"a": 0, "b": 1}
        in_time = b.assign(date="2026-11-29T06:00:00+00:00")
        tables["workstation"] = pd.concat([a, in_time])
        assert not ledger(tables, claims=claims)["exploratory"].any()
        cell = Claim("a", "p", "s", "t", cell=True, frozen=later._replace(
            anew={"workstation": "2026-11-29T06:00:00+00:00"}))  # fmt: skip
        assert ledger({}, claims=[cell])["frozen"].to_list()[:2] == [
            "2026-11-28 12:00", "2026-11-29 06:00",
        ]  # fmt: skip

    def test_a_data_set_that_no_settings_name_has_the_last_time_of_its_scale(self) -> None:
        """Such as one that a page makes of its own by another share of poison."""
        a, b, later = "paper/a", "paper/b", "2026-11-29T06:00:00+00:00"
        frozen = self.FROZEN._replace(settings={a: "x", b: "y"}, anew={b: later, "laptop/c": "x"})
        claim = forgets_and_keeps(frozen=frozen)
        times = [claim.at("paper", name).since for name in ("a", "b", "none")]
        assert times == [self.FROZEN.time, later, later]
        assert claim.at("workstation", "none").since == self.FROZEN.time

    @pytest.mark.parametrize(
        ("claim", "table", "why"),
        [({"frozen": None}, {}, "is not frozen"), ({"changed": True}, {}, "was changed after"),
         ({}, {"date": "2026-11-27T23:59:59+00:00"}, "older than the claim"),
         ({}, {"first": 9}, "seeds below 10"), ({}, {"date": ""}, "older than the claim")],
    )  # fmt: skip
    def test_else_it_is_exploratory_and_says_why(
        self, claim: dict[str, Any], table: dict[str, Any], why: str
    ) -> None:
        found = verdict(
            self.table(**{"first": 10, **table}),
            forgets_and_keeps(**{"frozen": self.FROZEN, **claim}),
        )
        if table.get("first") == 9:  # where there are fresh seeds the others are left out
            assert (found["share"], found["exploratory"]) == ("9/9", False)
            found = verdict(self.table(first=0), forgets_and_keeps(frozen=self.FROZEN))
        assert found["exploratory"]
        assert found["verdict"] == REPRODUCED
        assert why in found["detail"]
        assert found["frozen"].endswith(", changed since") == ("changed" in why)

    @pytest.mark.parametrize("method", ["Retrain", "Original", "Retrain again"])
    def test_every_run_it_rests_on_must_be_fresh(self, method: str) -> None:
        table = self.table()
        table.loc[(table["method"] == method) & (table["seed_model"] == 14), "date"] = "2026-11-01"
        assert verdict(table, forgets_and_keeps(frozen=self.FROZEN))["exploratory"]

    def test_runs_that_were_seen_before_the_freeze_are_left_out_where_there_are_later_ones(
        self,
    ) -> None:
        """Whatever their hyper-parameters: those may have been others then."""
        seen = self.table("2026-11-28T11:59:59+00:00", first=30)
        seen["params"] = seen["params"].where(seen["method"] != "JiT", '{"lr": 9}')
        both, claim = pd.concat([seen, self.table()]), forgets_and_keeps(frozen=self.FROZEN)
        found = ledger({"laptop": both}, claims=[claim]).query("scale == 'laptop'").iloc[0]
        assert (found["share"], found["exploratory"]) == ("10/10", False)
        for changed in ({"frozen": None}, {"changed": True}):  # there is no freeze then
            claim = forgets_and_keeps(**{"frozen": self.FROZEN, **changed})
            found = ledger({"laptop": both}, claims=[claim]).query("scale == 'laptop'").iloc[0]
            assert (found["share"], found["exploratory"]) == ("20/20", True)
        elsewhere = seen.assign(request="class:9")
        claim = forgets_and_keeps(frozen=self.FROZEN)
        found = verdict(pd.concat([elsewhere, self.table()]), claim)
        assert found["share"] == "20/20"

    def test_seeds_of_the_search_are_left_out_where_there_are_fresh_ones(self) -> None:
        old = forgotten(0, 3).assign(date="2026-11-01")
        found = verdict(pd.concat([old, self.table()]), forgets_and_keeps(frozen=self.FROZEN))
        assert (found["share"], found["exploratory"]) == ("10/10", False)


@pytest.mark.parametrize("method", ["JiT", "Retrain", "Original", "Retrain again", ""])
def test_it_is_stale_with_any_run_it_rests_on(method: str) -> None:
    table = forgotten(10)
    table["stale"] = (table["method"] == method) & (table["seed_model"] == 4)
    found = verdict(table)
    assert found["stale"] == bool(method)
    assert ("stale runs in 1 of 1 settings" in found["detail"]) == bool(method)
    assert not verdict(pd.concat([table.assign(stale=False), rows("SSD", [0.1], stale=True)]))[
        "stale"
    ]
