"""The table of what searches found."""

from types import SimpleNamespace

import pandas as pd
import pytest

from unlearnlib.errors import RecordError
from unlearnlib.report import best_settings, searches, show_searches, tried_settings
from unlearnlib.runs.declared_search import declared, trials

BEST = pd.DataFrame(
    {
        "method": ["JiT", "SSD", "SCRUB"],
        "params": ["{}"] * 3,
        "setting": ["lr 0.3, sigma 0.3", "alpha 2.0", "lr 0.1"],
        "tried": [24, 12, 24],
        "forget": [0.1, 0.2, 1.0],
        "validation": 0.6,
        "validation_forget": 0.5,
        "validation_retain": [0.7, 0.8, 0.9],
        "J": [0.25, 0.125, 1.0],
        "nothing": 1.0,
        "found": [True, True, False],
        "edge": ["sigma 0.3", "", "lr 0.1"],
    }
)


def test_a_method_no_better_than_doing_nothing_has_no_setting() -> None:
    table = show_searches(BEST.assign(request="class:Boot"), "Searches")
    assert table.columns == (
        "request", "method", "trials", "best setting", "A_f", "A_v", "best J",
        "J of doing nothing", "at the edge",
    )  # fmt: skip
    cells = [row for _, row in table.rows]
    assert [row[3] for row in cells] == [
        "lr\N{NO-BREAK SPACE}0.3, sigma\N{NO-BREAK SPACE}0.3", "alpha\N{NO-BREAK SPACE}2.0",
        "no setting found",
    ]  # fmt: skip
    assert [row[-1] for row in cells] == ["sigma 0.3", "none", "—"]
    assert cells[0] == (
        "class:Boot", "JiT", "24", cells[0][3], "0.1", "0.7", "0.25", "1", "sigma 0.3",
    )  # fmt: skip


def test_accuracies_and_j_have_three_decimals_at_most() -> None:
    (_, row), *_ = show_searches(BEST.assign(forget=0.038979, J=0.10835, nothing=0.0009)).rows
    assert (row[3], *row[5:7]) == ("0.039", "0.108", "0.001")


def test_the_searches_of_a_part_are_read_from_their_records() -> None:
    """Each of the declared files, with both of its rounds; a page's own data set alone."""
    found = best_settings("dampening")
    where = found[["data set", "request"]].drop_duplicates()
    assert len(where) == len(declared("dampening"))
    own = best_settings("dampening", "fashion_small_super")
    assert set(own["request"]) == {"subclass:Sandal"}
    assert own["nothing"].round(6).unique() == [0.8]  # five super-classes: chance is one fifth
    of_class = best_settings("dampening", "fashion_small", "class")
    assert set(of_class["request"]) == {"class:Trouser"}
    assert best_settings("dampening", "fashion_small_super", "class").empty
    same = best_settings("dampening", "fashion_small", "class", "strided_cnn_plain")
    assert same.equals(of_class)
    assert best_settings("dampening", "fashion_small", "class", "mlp_16").empty


def test_of_a_search_on_two_kinds_of_request_one_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    table = trials(*declared("dampening")["full_class.laptop"])
    two = pd.concat([table, table.assign(request="random:0.1")])
    grid = SimpleNamespace(
        dataset="fashion_small", model="", requests=["class:Trouser", "random:0.1"], runs=list
    )
    monkeypatch.setattr(searches, "declared", lambda part: {"both.laptop": [grid]})
    monkeypatch.setattr(searches, "trials", lambda *grids: two)
    assert set(best_settings("dampening")["request"]) == {"class:Trouser", "random:0.1"}
    assert set(best_settings("dampening", kind="random")["request"]) == {"random:0.1"}


def test_every_trial_of_what_is_shown_is_folded_below_it() -> None:
    shown = best_settings("baselines", "fashion_small", "class", "strided_cnn_plain")
    tried = tried_settings("baselines", "fashion_small", "class", "strided_cnn_plain")
    assert len(tried) == shown["tried"].sum()
    fold = show_searches(shown, "", tried).fold
    assert fold
    assert fold.caption == f"All {len(tried)} trials"
    texts = {method: text.split(" · ") for _, (method, text) in fold.rows}
    assert {method: len(each) for method, each in texts.items()} == dict(
        zip(shown["method"], shown["tried"], strict=True)
    )
    for best in shown.to_dict("records"):
        assert texts[best["method"]][0] == f"{best['setting']} → {best['J']:.3g}"
    lost = [each[-1] for each in texts.values() if each[-1].endswith("→ diverged")]
    assert len(lost) == tried[tried["forget"].isna()]["method"].nunique() > 0
    first = show_searches(shown[:1], "", tried).fold
    assert first
    assert first.rows == fold.rows[:1]
    assert tried_settings("nabla_tau", "cifar100").empty


def test_where_nothing_was_searched_the_table_says_so() -> None:
    """Pages are executed on other data too, of which a part has no search."""
    none = best_settings("nabla_tau", "cifar100")
    assert none.empty
    assert set(none) == set(best_settings("nabla_tau"))
    both = pd.concat([best_settings("jit", "cifar100"), none])
    assert both["found"].dtype == bool
    assert len(show_searches(both[both["request"].str.startswith("class:")]).rows) == 3  # methods
    assert "No search of this is recorded." in repr(show_searches(none))
    assert "No search" not in repr(show_searches(both))


def test_a_search_that_is_recorded_in_part_has_no_best_setting_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not even where the first of its runs alone are there, which are the originals'."""
    rounds = declared("pgu")["removal.laptop"]
    whole = trials(*rounds)
    monkeypatch.setattr(searches, "declared", lambda part: {"removal.laptop": rounds})
    last = whole["run_id"].iloc[-1]
    for table, n in (
        (whole[whole["run_id"] != last], 1),
        (whole[whole["method"] == "Original"], whole["run_id"].nunique() - 3),
    ):
        monkeypatch.setattr(searches, "trials", lambda *_, table=table: table)
        with pytest.raises(RecordError, match=rf"'removal\.laptop' of .* lacks {n} of its runs"):
            best_settings("pgu")
