"""Intervals and pairs against brute force; the file of claims; what pages hand to the ledger."""

import math
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from unlearnlib.errors import RecordError, SpecError
from unlearnlib.report import (
    by_setting,
    glance,
    hand_over,
    handed_over,
    interval,
    ledger,
    paired,
    read_claims,
    show_glance,
    show_ledger,
    show_paired,
    summary,
)
from unlearnlib.report.claims import Frozen
from unlearnlib.report.handover import Cell
from unlearnlib.report.verdicts import NO_POWER, NOT, REPRODUCED, UNDECIDED, UNTESTED

from .made_tables import ACCURACY, forgets_and_keeps, forgotten, rows


def test_interval_is_that_of_all_samples() -> None:
    """Of five values there are 3,125 samples with replacement, each as likely as the others."""
    values = [0.1, 0.4, 0.35, 0.8, -0.2]
    means = np.mean(list(product(values, repeat=5)), axis=1)
    mean, low, high = interval(values)
    assert mean == pytest.approx(np.mean(values))
    assert (low, high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=0.01)


def test_interval_stays_within_the_values_and_does_not_mind_their_order() -> None:
    values = [0.0, 0.0, 0.0, 0.0, 1.0, 0.97, 0.5]
    assert min(values) <= interval(values)[1] < interval(values)[2] <= max(values)
    assert interval(values) == interval(values[::-1]) == interval(values)
    assert interval([0.3] * 6) == pytest.approx((0.3, 0.3, 0.3))


def test_fewer_than_five_values_have_no_interval_and_none_is_refused() -> None:
    assert interval([2.0]) == (2.0, -math.inf, math.inf)
    assert interval([1.0, 2.0, 3.0, 4.0]) == (2.5, -math.inf, math.inf)
    assert math.isfinite(interval([1.0, 2.0, 3.0, 4.0, 5.0])[1])
    for bad in ([], [1.0, math.nan]):
        with pytest.raises(RecordError, match="at least one number"):
            interval(bad)


def test_pairs_share_their_seeds_and_average_the_methods_own() -> None:
    jit = pd.concat([rows("JiT", [0.5, 0.6, 0.9], seed_method=s) for s in (0, 1)])
    jit.loc[jit["seed_method"] == 1, "value"] += 0.1
    found = paired(pd.concat([jit, rows("Retrain", [0.4, 0.4])]), *ACCURACY, "JiT").iloc[0]
    differences = [0.55 - 0.4, 0.65 - 0.4]  # the third model has no partner
    assert found["n"] == 2
    assert found[["mean", "low", "high"]].tolist() == pytest.approx(list(interval(differences)))


def test_ratios_and_missing_partners() -> None:
    table = pd.concat([rows("JiT", [1.0, 3.0]), rows("Retrain", [2.0, 4.0])])
    assert paired(table, *ACCURACY, "JiT", ratio=True)["mean"].iloc[0] == pytest.approx(0.625)
    assert "0.62×" in repr(show_paired(paired(table, *ACCURACY, "JiT", ratio=True)))
    missing = paired(table, *ACCURACY, "JiT", "FineTune")
    assert missing.empty
    assert "Not run" in repr(show_paired(missing))
    apart = table.assign(seed_model=table["seed_model"] + 10 * (table["method"] == "Retrain"))
    with pytest.raises(SpecError, match="has a partner"):
        paired(apart, *ACCURACY, "JiT")
    with pytest.raises(RecordError, match="accuracy/test_retain"):
        paired(table, "accuracy", "nowhere", "JiT")


def test_summary_by_hand() -> None:
    table = pd.concat([rows("JiT", [0.5, 0.7]), rows("Original", [0.9])])
    found = summary(table, [ACCURACY]).set_index("method")
    assert [found["mean"]["JiT"], found["n"]["JiT"]] == pytest.approx([0.6, 2])
    assert found.loc["JiT", "sd"] == pytest.approx(math.sqrt(0.02))
    assert math.isnan(found["sd"]["Original"])


def test_a_cell_confirms_if_all_that_it_rests_on_is_later_than_the_freeze(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNLEARNLIB_CACHE", str(tmp_path))
    runs = rows("JiT", [0.5, 0.6]).assign(date=["2026-11-30T01:00:00", "2026-11-29T01:00:00"])
    runs["seed_model"] += 10
    table = pd.DataFrame({"x": [1.0]})
    table.attrs["provenance"] = {"date": "2026-12-01T01:00:00"}
    hand_over("jit", {"jit-geometry-far": (9, 10)}, table, runs)
    assert handed_over("jit") == {"jit-geometry-far": Cell((9, 10), "2026-11-29T01:00:00")}
    claim = next(claim for claim in read_claims() if claim.id == "jit-geometry-far")
    for time, exploratory in (("2026-11-29T01:00:00", False), ("2026-11-29T01:00:01", True)):
        frozen = replace(claim, frozen=Frozen(time, "x", {}), changed=False)
        told = ledger({}, cells=handed_over("jit"), claims=[frozen])
        assert told["exploratory"].iloc[0] == exploratory
    undated = Cell((9, 10))
    assert ledger({}, cells={claim.id: undated}, claims=[frozen])["exploratory"].iloc[0]
    with pytest.raises(SpecError, match="no date"):
        hand_over("jit", {"jit-geometry-far": (9, 10)}, pd.DataFrame({"x": [1.0]}))


def test_a_page_may_judge_records_of_another_scale() -> None:
    cells = {"jit-geometry-far": Cell((9, 10)), "jit-geometry-far@workstation": Cell((1, 10))}
    frame = ledger({}, cells=cells).query("id == 'jit-geometry-far'").set_index("scale")
    assert frame["verdict"].to_dict() == {
        "laptop": REPRODUCED, "workstation": NOT, "paper": UNTESTED,
    }  # fmt: skip


def test_the_claims_file_reads_and_every_claim_has_a_verdict_at_every_scale() -> None:
    claims = read_claims()
    frame = ledger({"laptop": rows("JiT", [0.5])}, cells={"jit-geometry-far": Cell((10, 10))})
    assert len(frame) == 3 * len(claims)
    by = frame.set_index(["id", "scale"])["verdict"]
    assert by["jit-geometry-far", "laptop"] == REPRODUCED
    assert by["jit-geometry-near", "laptop"] == UNTESTED
    assert by["jit-fast-vit", "paper"] == UNTESTED
    assert glance(frame)[list(by.unique())].to_numpy().sum() == len(frame)
    assert dict(zip(frame["id"], frame["exact"], strict=True)) == {c.id: c.exact for c in claims}
    assert list(frame) == [
        "id", "part", "sentence", "source", "page", "scale", "verdict", "glyph", "detail", "share",
        "settings", "exploratory", "frozen", "stale", "ours", "together", "exact",
    ]  # fmt: skip


def test_no_claim_is_won_by_doing_nothing_and_none_can_only_be_lost() -> None:
    """Judged by the records at hand, a claim without controls has an inequality of its own."""
    for claim in read_claims():
        if claim.tests and not claim.controls:
            own = [
                t
                for t in claim.tests
                if claim.subject in (t.left.method, t.right and t.right.method)
            ]
            assert own == list(claim.tests), claim.id


def test_the_form_of_a_claim_is_judged_as_the_claim_is() -> None:
    """A form differs from its claim in id, sentence and the names of methods alone."""
    claims = {claim.id: claim for claim in read_claims()}
    pairs = [(i, i.removesuffix(end)) for i in claims for end in ("-released", "-equation")
             if i.endswith(end)]  # fmt: skip
    assert len(pairs) > 20
    for form, own in pairs:
        other, claim = claims[form], claims[own]
        assert other.sentence.endswith(claim.sentence)
        assert other.subject != claim.subject
        back = {other.subject: claim.subject} | ({"SSD": "SSD as released"} if "ssd" in own else {})
        assert other.about(back).tests == claim.tests


def test_by_setting_has_a_row_a_setting_and_what_a_page_computed() -> None:
    table = pd.concat([forgotten(10), forgotten(9, request="class:sea")])
    claims = [forgets_and_keeps(), *(c for c in read_claims() if c.id == "jit-geometry-far")]
    frame = by_setting({"laptop": table}, claims=claims, cells={"jit-geometry-far": Cell((3, 6))})
    assert list(frame) == [
        "id", "part", "sentence", "page", "scale", "dataset", "model", "request", "params",
        "verdict", "glyph", "k", "n", "original_k", "original_n", "oracle_k", "oracle_n",
        "exact", "exploratory", "stale", "detail",
    ]  # fmt: skip
    assert frame[["id", "request", "k", "n", "verdict"]].to_numpy().tolist() == [
        ["c", "class:rocket", 10, 10, REPRODUCED],
        ["c", "class:sea", 9, 10, REPRODUCED],
        ["jit-geometry-far", "", 3, 6, UNDECIDED],
    ]
    assert list(by_setting({}, claims=claims)) == list(frame)


def test_ledger_table_is_deterministic() -> None:
    frame = ledger({"laptop": forgotten(10)}, claims=[forgets_and_keeps()])
    html = show_ledger(frame, "Ledger", root="../")._repr_html_()
    assert html == show_ledger(frame, "Ledger", root="../")._repr_html_()
    assert "● reproduced" in repr(show_ledger(frame))
    assert "● reproduced" in repr(show_glance(glance(frame)))


def test_ledger_refuses_unknown_names() -> None:
    with pytest.raises(SpecError, match="nowhere"):
        ledger({"nowhere": rows("JiT", [0.5])})
    with pytest.raises(SpecError, match="jit-zero-shot"):
        ledger({}, cells={"jit-zero-shot": Cell((1, 1))})


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("- {id: a, part: p, sentence: s, source: t}", "'a' has no test"),
        ("- {id: a, part: p, sentence: s, source: t, cell: true, untestable: x}", "cell and unt"),
        ("- {id: a, part: p, sentence: s, source: t, cell: true, sauce: x}", "sauce"),
        ("- {id: a, part: p, sentence: s, source: t, tests: [{left: {method: m}}]}", "at_least"),
        ("- &a {id: a, part: p, sentence: s, source: t, cell: true}\n- *a", "twice"),
    ],
)
def test_bad_claims_are_named(tmp_path: Path, text: str, match: str) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text(text)
    with pytest.raises(SpecError, match=match):
        read_claims(path)


def test_what_pages_hand_over_reaches_the_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNLEARNLIB_CACHE", str(tmp_path))
    assert handed_over("jit") == {}
    hand_over("jit", {"jit-geometry-flat": (5, 5), "jit-geometry-far": (0, 5)})
    hand_over("jit", {"jit-geometry-far": (np.int64(1), np.int64(10))})  # type: ignore[dict-item]
    assert handed_over("jit") == {
        "jit-geometry-flat": Cell((5, 5)), "jit-geometry-far": Cell((1, 10)),
    }  # fmt: skip
    assert handed_over("ssd") == {}
    found = ledger({}, cells=handed_over("jit")).query("scale == 'laptop'")
    verdicts = found.set_index("id")["verdict"]
    assert verdicts["jit-geometry-flat"] == REPRODUCED
    assert verdicts["jit-geometry-far"] == NOT
    with pytest.raises(SpecError, match="no-such"):
        hand_over("jit", {"no-such": (1, 1)})
    (path,) = (tmp_path / "records" / "jit").glob("*.jsonl")
    one = '[[1, 2], "2026", false, false]'
    path.write_text(f'{{"jit-geometry-far": {one}, "gone-since": {one}}}')
    assert handed_over() == {"jit-geometry-far": Cell((1, 2), "2026")}
    path.write_text("[")
    with pytest.raises(RecordError, match="Delete it"):
        handed_over("jit")


@pytest.mark.parametrize(
    ("cell", "word", "exploratory"),
    [((5, 5), REPRODUCED, True), ((4, 4), UNDECIDED, True), ((1, 1), UNDECIDED, True),
     ((0, 10), NOT, True), (True, UNDECIDED, True), (False, UNDECIDED, True)],
)  # fmt: skip
def test_what_a_page_counts_is_judged_by_the_same_interval(
    cell: Any, word: str, exploratory: bool
) -> None:
    frame = ledger({}, cells={"jit-geometry-far": Cell(cell)})
    found = frame.query("id == 'jit-geometry-far' and scale == 'laptop'").iloc[0]
    assert (found["verdict"], found["exploratory"]) == (word, exploratory)


@pytest.mark.parametrize(
    ("cell", "word"),
    [((10, 10, 0, 10, 10, 10), REPRODUCED), ((0, 10, 0, 10, 10, 10), NOT),
     ((7, 10, 0, 10, 7, 10), NO_POWER), ((10, 10, 7, 10, 10, 10), NO_POWER),
     ((0, 10, 7, 10, 10, 10), NOT), ((6, 10, 0, 10, 10, 10), UNDECIDED),
     ((0, 10, 0, 10, 7, 10, 1, 10), NOT),  # by what a second retrained model passes
     ((0, 10, 0, 10, 7, 10, 9, 10), NO_POWER), ((10, 10, 0, 10, 10, 10, 10, 10), REPRODUCED)],
)  # fmt: skip
def test_a_page_may_count_its_controls(cell: tuple[int, ...], word: str) -> None:
    frame = ledger({}, cells={"pgu-attack": Cell(cell)})
    found = frame.query("id == 'pgu-attack' and scale == 'laptop'").iloc[0]
    assert found["verdict"] == word
    told = f"a second retrained model passes in {cell[4]} of 10"
    assert told in found["detail"]
    (row,) = by_setting({}, cells={"pgu-attack": Cell(cell)}).to_dict("records")
    assert (row["k"], row["original_k"], row["oracle_k"]) == cell[:6:2]
    assert ("and the method in 1 of 10" in found["detail"]) == (cell[6:] == (1, 10))


def test_what_says_that_something_is_forgotten_says_what_is_kept() -> None:
    """No claim on a method is won by destroying the model."""
    for claim in read_claims():
        if claim.tests and not claim.controls:
            kinds = claim.kinds or ({},)
            for kind in kinds:
                tests = [
                    t for t in claim.tests if all(t.where.get(k) == v for k, v in kind.items())
                ]
                kept = [t for t in tests or claim.tests if t.left.method == claim.subject
                        and t.left.split in KEPT and t.at_least > -math.inf]  # fmt: skip
                assert kept or claim.id in UNKEPT, claim.id


KEPT = {"test", "test_retain", "retain"}
UNKEPT = {"nabla-tau-gain"}
"""It is about the nearest of several methods, each of which has its own test of what is kept."""


def test_an_exact_claim_holds_or_does_not() -> None:
    for value, word in ((True, REPRODUCED), (False, NOT)):
        frame = ledger({}, cells={"ssd-bound": Cell(value)})
        found = frame.query("id == 'ssd-bound' and scale == 'laptop'").iloc[0]
        assert (found["verdict"], found["exploratory"]) == (word, False)
