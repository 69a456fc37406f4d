"""A claim in each trained model: exact intervals, controls, and what does not count."""

import re
from itertools import product
from math import comb
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from unlearnlib.report import by_setting, ledger, share_interval
from unlearnlib.report.claims import Claim, Frozen, Inequality
from unlearnlib.report.models import (
    CLAIM_GLYPHS,
    DEPENDS,
    NO_POWER,
    NOT,
    REPRODUCED,
    UNDECIDED,
    UNTESTED,
    Share,
)
from unlearnlib.report.summary import Quantity

from .made_tables import FORGET, KEEP, forgets_and_keeps, forgotten, rows

WHERE = {"part": "jit"}


def verdict(table: pd.DataFrame, claim: Claim | None = None) -> Any:
    """Return the line of a claim in the ledger."""
    frame = ledger({"laptop": table}, claims=[claim or forgets_and_keeps()])
    return frame.iloc[0]


def settings(table: pd.DataFrame, claim: Claim | None = None) -> pd.DataFrame:
    return by_setting({"laptop": table}, claims=[claim or forgets_and_keeps()])


def at_least(n: int, k: int, p: float) -> float:
    """The probability of k or more of n."""
    return sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))


@pytest.mark.parametrize("n", [1, 2, 5, 10, 23])
def test_the_interval_of_a_share_is_exact(n: int) -> None:
    for k in range(n + 1):
        low, high = share_interval(k, n)
        assert low == 0 if k == 0 else at_least(n, k, low) == pytest.approx(0.05)
        assert high == 1 if k == n else 1 - at_least(n, k + 1, high) == pytest.approx(0.05)
        assert low < k / n + 1e-12
        assert high > k / n - 1e-12


def test_the_word_is_that_of_a_coin_that_would_be_fair() -> None:
    """Reproduced: a fair coin gives so many or more in less than 1 of 20; so it is for few."""
    for n, k in product(range(1, 31), range(31)):
        if k <= n:
            many, few = at_least(n, k, 0.5) < 0.05, 1 - at_least(n, k + 1, 0.5) < 0.05
            assert Share(k, n).word == (REPRODUCED if many else NOT if few else UNDECIDED)
    words = {"5 of 5": REPRODUCED, "4 of 4": UNDECIDED, "9 of 10": REPRODUCED, "8 of 10": UNDECIDED,
             "1 of 10": NOT, "2 of 10": UNDECIDED, "0 of 5": NOT, "0 of 4": UNDECIDED}  # fmt: skip
    for text, word in words.items():
        k, n = map(int, text.split(" of "))
        assert Share(k, n).word == word


def test_the_book_gives_the_words_as_they_are() -> None:
    """Each verdict is in how_to.md with its glyph, and the shares it names there are its own."""
    text = (Path(__file__).parents[1] / "book" / "how_to.md").read_text("utf-8")
    for word, glyph in CLAIM_GLYPHS.items():
        (line,) = re.findall(rf"^{re.escape(glyph)} {word}\n: (.*)$", text, re.MULTILINE)
        for k, n in re.findall(r"(\d+) of (\d+)", line):
            assert Share(int(k), int(n)).word == word


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
            assert found["verdict"] == (NOT if word == REPRODUCED and not jit else word)
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
        shuffled = table.assign(method=table["method"].replace(turned))
        assert verdict(shuffled)["verdict"] == NO_POWER

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
        found = verdict(table[table["method"] != "Retrain"])
        assert found["verdict"] == UNTESTED
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
        assert verdict(pd.concat([forgotten(10), ssd.assign(value=0.9), scrub]), claim)[
            "verdict"
        ] == UNDECIDED  # fmt: skip

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


class TestSettings:
    @pytest.mark.parametrize(
        ("first", "second", "word"),
        [(10, 10, REPRODUCED), (0, 0, NOT), (6, 5, UNDECIDED), (10, 0, DEPENDS), (10, 6, DEPENDS)],
    )
    def test_a_word_if_they_agree(self, first: int, second: int, word: str) -> None:
        table = pd.concat([forgotten(first), forgotten(second, request="class:sea")])
        found = verdict(table)
        assert (found["verdict"], found["share"]) == (word, f"{first + second}/20")
        assert f"class:rocket {first}/10" in found["detail"]
        assert f"class:sea {second}/10" in found["detail"]

    def test_those_without_power_do_not_count_and_are_told(self) -> None:
        weak = forgotten(10, original=9, request="class:sea")
        found = verdict(pd.concat([forgotten(0), weak]))
        assert (found["verdict"], found["share"]) == (NOT, "0/10")
        assert "no power here: class:sea 10/10 (the original passes in 9 of 10" in found["detail"]
        assert verdict(weak)["verdict"] == NO_POWER

    def test_each_kind_of_request_has_tests_of_its_own(self) -> None:
        tests = tuple(
            Inequality(t.left, t.right, at_least=t.at_least, at_most=t.at_most,
                       where=WHERE | {"request": kind})
            for kind in ("class:*", "random:*") for t in forgets_and_keeps().tests
        )  # fmt: skip
        claim = forgets_and_keeps(tests=tests)
        both = pd.concat([forgotten(10), forgotten(10, request="random:9")])
        assert verdict(both, claim)["verdict"] == REPRODUCED
        found = verdict(forgotten(10), claim)
        assert found["verdict"] == UNDECIDED
        assert found["detail"].split("; ")[2].startswith("no records of random:*")
        found = verdict(forgotten(0), claim)
        assert found["verdict"] == NOT
        assert "no records of random:*" in found["detail"]
        assert verdict(forgotten(10, request="subclass:a"), claim)["verdict"] == UNTESTED

    def test_another_part_is_another_matter(self) -> None:
        assert verdict(forgotten(10, part="ssd"))["detail"] == "no records at this scale"


class TestExploratory:
    FROZEN = Frozen("2026-11-28", "x", "y")

    def table(self, date: str = "2026-11-29T05:00:00+00:00", first: int = 10) -> pd.DataFrame:
        table = forgotten(10).assign(date=date)
        return table.assign(seed_model=table["seed_model"] + first)

    def test_a_frozen_claim_with_fresh_runs_is_confirming(self) -> None:
        found = verdict(self.table(), forgets_and_keeps(frozen=self.FROZEN))
        assert (found["exploratory"], found["frozen"]) == (False, "2026-11-28")
        assert "exploratory" not in found["detail"]
        same_day = self.table("2026-11-28T00:00:00+00:00")
        assert not verdict(same_day, forgets_and_keeps(frozen=self.FROZEN))["exploratory"]

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

    @pytest.mark.parametrize("method", ["JiT", "Retrain", "Original", "Retrain again"])
    def test_every_run_it_rests_on_must_be_fresh(self, method: str) -> None:
        table = self.table()
        table.loc[(table["method"] == method) & (table["seed_model"] == 14), "date"] = "2026-11-01"
        assert verdict(table, forgets_and_keeps(frozen=self.FROZEN))["exploratory"]

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
