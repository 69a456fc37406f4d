"""Paired intervals against brute force, and claims that turn when the data turn."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from unlearnlib.errors import RecordError, SpecError
from unlearnlib.report import (
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
from unlearnlib.report.claims import Claim, Inequality
from unlearnlib.report.ledger import NOT, PARTLY, REPRODUCED, UNTESTED, judge
from unlearnlib.report.summary import Quantity

from .made_tables import ACCURACY, at_least, rows


def test_interval_is_scipys() -> None:
    values = [0.1, 0.4, 0.35, 0.8, -0.2]
    mean, low, high = interval(values)
    sem = stats.sem(values)
    assert mean == pytest.approx(np.mean(values))
    assert (low, high) == pytest.approx(stats.t.interval(0.95, 4, np.mean(values), sem))


def test_interval_covers_the_mean_19_times_in_20() -> None:
    draws = np.random.default_rng(0).normal(3.0, 2.0, (4000, 4))
    hits = [low <= 3.0 <= high for _, low, high in map(interval, draws)]
    assert np.mean(hits) == pytest.approx(0.95, abs=0.01)


def test_one_value_has_no_interval_and_none_is_refused() -> None:
    assert interval([2.0]) == (2.0, -math.inf, math.inf)
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


def test_a_setting_that_all_rows_share_is_named_once() -> None:
    table = pd.concat([rows("JiT", [1.0, 3.0]), rows("Retrain", [2.0, 4.0])])
    one = paired(table, *ACCURACY, "JiT")
    text = repr(show_paired(pd.concat([one, one])))
    assert "Setting" not in text
    assert text.count(one["request"].iloc[0]) == 1
    text = repr(show_paired(pd.concat([one, one.assign(request="class:other")])))
    assert "Setting" in text
    assert "All on" not in text


def test_summary_by_hand() -> None:
    table = pd.concat([rows("JiT", [0.5, 0.7]), rows("Original", [0.9])])
    found = summary(table, [ACCURACY]).set_index("method")
    assert [found["mean"]["JiT"], found["n"]["JiT"]] == pytest.approx([0.6, 2])
    assert found.loc["JiT", "sd"] == pytest.approx(math.sqrt(0.02))
    assert math.isnan(found["sd"]["Original"])


def test_verdict_turns_with_the_data() -> None:
    original = rows("Original", [0.80, 0.80, 0.80])
    for values, word in [
        ([0.79, 0.80, 0.80], REPRODUCED),
        ([0.79, 0.78, 0.74], PARTLY),  # the mean holds, the interval does not
        ([0.70, 0.71, 0.72], NOT),
    ]:
        assert judge(at_least(-0.03), pd.concat([rows("JiT", values), original]))[0] == word


def test_a_border_is_included_and_equivalence_needs_both() -> None:
    table = pd.concat([rows("JiT", [0.5, 0.5]), rows("Original", [0.5, 0.5])])
    assert judge(at_least(0.0), table)[0] == REPRODUCED
    assert judge(at_least(-0.1, at_most=0.1), table)[0] == REPRODUCED
    assert judge(at_least(0.1, at_most=0.2), table)[0] == NOT
    table = pd.concat([rows("JiT", [0.77, 0.77]), rows("Original", [0.8, 0.8])])
    assert judge(at_least(-0.03), table)[0] == REPRODUCED  # 0.77 - 0.8 < -0.03 in binary


def test_one_run_is_never_more_than_partly() -> None:
    table = pd.concat([rows("JiT", [0.9]), rows("Original", [0.5])])
    word, detail, _ = judge(at_least(0.0), table)
    assert word == PARTLY
    assert "n = 1" in detail


def test_requests_that_disagree_and_tests_without_records_make_partly() -> None:
    good = pd.concat([rows("JiT", [0.8, 0.8]), rows("Original", [0.8, 0.8])])
    bad = pd.concat(
        [rows(m, v, "class:sea") for m, v in (("JiT", [0.1] * 2), ("Original", [1.0] * 2))]
    )
    assert judge(at_least(-0.03), pd.concat([good, bad]))[0] == PARTLY
    only = at_least(-0.03, where={"request": "class:rocket"})
    assert judge(only, pd.concat([good, bad]))[0] == REPRODUCED
    both = Claim(
        "c", "jit", "s", "t", tests=(*only.tests, *at_least(0, where={"request": "x"}).tests)
    )
    word, detail, _ = judge(both, good)
    assert word == PARTLY
    assert "1 of 2 tests without records" in detail


def test_no_records_and_a_run_without_a_number() -> None:
    assert judge(at_least(0.0), rows("JiT", [0.5]))[0] == UNTESTED
    table = pd.concat([rows("JiT", [math.nan, 0.9]), rows("Original", [0.5, 0.5])])
    assert judge(at_least(0.0), table)[0] == UNTESTED


def test_a_sweep_pairs_only_what_differs_in_the_named_parameter() -> None:
    def run(sigma: float, lr: float, values: list[float]) -> pd.DataFrame:
        return rows("JiT", values, params=f'{{"sigma": {sigma}, "lr": {lr}}}')

    table = pd.concat(
        [
            run(1.0, 1, [0.6, 0.6]),
            run(0.1, 1, [0.1, 0.1]),
            run(1.0, 2, [0.5, 0.5]),
            run(0.1, 2, [0.4, 0.4]),
        ]
    )
    left, right = (Quantity("JiT", *ACCURACY, {"sigma": s}) for s in (1.0, 0.1))
    settings = Inequality(left, right, at_least=0.0).settings(table)
    assert settings["mean"].tolist() == pytest.approx([0.5, 0.1])


def test_access_is_read_from_the_records() -> None:
    claim = Claim("c", "jit", "s", "t", access=("JiT", frozenset({"forget_inputs", "generator"})))
    assert judge(claim, rows("JiT", [0.5]))[0] == REPRODUCED
    beyond = judge(claim, rows("JiT", [0.5]).assign(access="forget_inputs, retain"))
    assert beyond[:2] == (NOT, "JiT also saw retain")
    assert judge(claim, rows("Retrain", [0.5]))[0] == UNTESTED


def test_distances_from_a_third_method_do_not_mind_on_which_side_it_is() -> None:
    """Though 0.40 is less than 0.58, it is farther from 0.50: by 0.02, on each of two models."""
    table = pd.concat([rows("JiT", [0.4, 0.3]), rows("Original", [0.58, 0.48]),
                       rows("Retrain", [0.5, 0.4, 0.7])])  # fmt: skip
    nearer = Inequality(
        Quantity("JiT", *ACCURACY), Quantity("Original", *ACCURACY), origin="Retrain", at_most=0.0
    )
    found = nearer.settings(table).iloc[0]
    assert (found["mean"], found["n"], found["leans"]) == (pytest.approx(0.02), 2, False)
    assert nearer.settings(table[table["method"] != "Retrain"]).empty


def test_a_page_may_judge_records_of_another_scale() -> None:
    cells = {"jit-geometry-far": True, "jit-geometry-far@workstation": False}
    frame = ledger({}, cells=cells).query("id == 'jit-geometry-far'").set_index("scale")
    assert frame["verdict"].to_dict() == {
        "laptop": REPRODUCED, "workstation": NOT, "paper": UNTESTED,
    }  # fmt: skip


def test_the_claims_file_reads_and_every_claim_has_a_verdict_at_every_scale() -> None:
    claims = read_claims()
    frame = ledger({"laptop": rows("JiT", [0.5])}, cells={"jit-geometry-far": True})
    assert len(frame) == 3 * len(claims)
    by = frame.set_index(["id", "scale"])["verdict"]
    assert by["jit-zero-shot", "laptop"] == REPRODUCED
    assert by["jit-zero-shot", "paper"] == UNTESTED
    assert by["jit-geometry-far", "laptop"] == REPRODUCED
    assert by["jit-geometry-near", "laptop"] == UNTESTED
    assert by["jit-state-of-the-art", "paper"] == UNTESTED
    assert glance(frame)[list(by.unique())].to_numpy().sum() == len(frame)


def test_ledger_table_links_pages_and_is_deterministic() -> None:
    frame = ledger({"laptop": rows("JiT", [0.5])}, part="jit")
    html = show_ledger(frame, "Ledger", root="../")._repr_html_()
    assert '<a href="../jit/full_class.html">jit/full_class</a>' in html
    assert html == show_ledger(frame, "Ledger", root="../")._repr_html_()
    assert "● reproduced" in repr(show_ledger(frame))
    assert "<" not in repr(show_ledger(frame))
    assert "● reproduced" in repr(show_glance(glance(frame)))


def test_ledger_refuses_unknown_names() -> None:
    with pytest.raises(SpecError, match="nowhere"):
        ledger({"nowhere": rows("JiT", [0.5])})
    with pytest.raises(SpecError, match="jit-zero-shot"):
        ledger({}, cells={"jit-zero-shot": True})


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
    hand_over("jit", {"jit-geometry-flat": True, "jit-geometry-far": True})
    hand_over("jit", {"jit-geometry-far": np.bool_(False)})  # type: ignore[dict-item]
    assert handed_over("jit") == {"jit-geometry-flat": True, "jit-geometry-far": False}
    assert handed_over("ssd") == {}
    found = ledger({}, cells=handed_over("jit")).query("scale == 'laptop'")
    verdicts = found.set_index("id")["verdict"]
    assert verdicts["jit-geometry-flat"] == REPRODUCED
    assert verdicts["jit-geometry-far"] == NOT
    with pytest.raises(SpecError, match="no-such"):
        hand_over("jit", {"no-such": True})
    (path,) = (tmp_path / "records" / "jit").iterdir()
    path.write_text('{"jit-geometry-far": true, "gone-since": true}')
    assert handed_over() == {"jit-geometry-far": True}
    path.write_text("[")
    with pytest.raises(RecordError, match="Delete it"):
        handed_over("jit")


def test_a_claim_about_an_effect_is_silent_where_there_is_none() -> None:
    """`given` leaves settings out; with none left the claim cannot be tested."""
    left, right = Quantity("JiT", "entropy", "retain"), Quantity("Original", "entropy", "retain")
    test = Inequality(left, right, at_most=0.02)
    one, other = (Quantity(name, "entropy", "forget") for name in ("JiT", "Original"))
    effect = Inequality(one, other, at_least=0.02)
    claim = Claim("c", "jit", "s", "t", tests=(test,), given=effect)

    def table(request: str, forget: float, retain: float) -> pd.DataFrame:
        return pd.concat(
            rows(name, [value + jitter for jitter in (0.0, 0.001, 0.002)], request, ("entropy", s))
            for s, name, value in [
                ("forget", "Original", 0.1), ("forget", "JiT", 0.1 + forget),
                ("retain", "Original", 0.1), ("retain", "JiT", 0.1 + retain),
            ]
        )  # fmt: skip

    nothing, local, everywhere = ("a", 0.001, 0.0), ("b", 0.1, 0.0), ("c", 0.1, 0.1)
    assert judge(claim, table(*nothing))[0] == UNTESTED
    assert "premise holds in none of 1" in judge(claim, table(*nothing))[1]
    assert judge(claim, table(*local))[0] == REPRODUCED
    assert judge(claim, table(*everywhere))[0] == NOT
    assert judge(claim, pd.concat([table(*nothing), table(*everywhere)]))[0] == NOT
    assert judge(claim, pd.concat([table(*nothing), table(*local)]))[0] == REPRODUCED
    assert judge(claim, rows("Original", [0.1]))[1] == "no records at this scale"
