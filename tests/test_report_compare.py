"""Printed numbers beside ours, and tables that are the same every time."""

import json
import math
import re
from typing import Any

import pandas as pd
import pytest

from unlearnlib.errors import RecordError, SpecError
from unlearnlib.report import (
    Table,
    compare,
    paired,
    reported,
    show_comparison,
    show_paired,
    show_summary,
    summary,
)
from unlearnlib.report.printed import UNITS

from .made_tables import line, records

ROWS = {
    "Table 1": 12 * 3,
    "Table 2a": 12 * 3,
    "Table 2b": 12 * 3,
    "Table 3a": 10 * 3,
    "Table 3b": 10 * 3,
    "Table 4a": 9 * 3,
    "Table 4b": 9 * 3,
    "Figure 3": 2 * 8,
    "Figure 5": 7 + 1 + 3,
    "Figure 7": 12,
    "Figure 8": 12,
    "Entropy": 17,
    "Issue 1": 3,
    "Issue 3, rocket": 4,
    "Issue 3, mushroom": 4,
    "Fork, Pins": 4,
    "Entropy under noise": 2 * 10 + 2,
}
METRICS = {
    "accuracy", "accuracy_batch_mean", "mia_entropy", "entropy", "entropy_median", "entropy_q3",
    "seconds_unlearn", "probability", "wilcoxon_p",
}  # fmt: skip


def test_the_file_holds_every_printed_number_once() -> None:
    frame = reported("jit")
    assert frame["item"].value_counts().to_dict() == ROWS
    key = ["paper", "item", "dataset", "model", "request", "method", "params", "metric", "split"]
    assert not frame.duplicated(key).any()
    assert set(frame["metric"]) == METRICS
    assert set(frame["unit"]) == set(UNITS)
    assert frame["source"].str.len().gt(0).all()
    assert (frame.loc[frame["unit"] == "%", "mean"].dropna().between(0, 100)).all()
    assert (frame.loc[frame["mean"].isna(), "note"].str.len() > 0).all()


def test_blank_rows_stay_and_numbers_stand_as_printed() -> None:
    frame: Any = reported("jit").set_index(["item", "method", "split"])
    scrub = frame.loc[("Table 2a", "SCRUB", "test_retain")]
    assert math.isnan(scrub["mean"])
    ours = frame.loc[("Table 2b", "JiT", "test_retain")]
    assert (ours["mean"], ours["sd"], ours["zero_shot"]) == (66.2, 0.3, "yes")
    assert frame.loc[("Table 3a", "BDSH", "test_forget")]["mean"] == 17.535


def test_an_unknown_paper_is_refused() -> None:
    with pytest.raises(SpecError, match=r"Known papers: .*jit"):
        reported("nobody")


def test_runs_that_diverged_count_as_runs_without_a_number() -> None:
    """They have one row, `diverged`, as `run_grid` records them."""
    table = records({"JiT": [0.66, 0.66, 0.67], "FineTune": [0.5, 0.5]})
    lost = (table["method"] == "FineTune") | (table["seed_model"] == 2)
    wild = table[lost].assign(metric="diverged", split="", value=1.0)
    frame = compare("Table 2b", pd.concat([table[~lost], wild]))
    jit, tuned = line(frame, "JiT"), line(frame, "FineTune")
    assert (jit["n"], len(jit["runs"].split())) == (2, 3)
    assert "1 of 3 runs has no number" in jit["doubt"]
    assert (tuned["n"], len(tuned["runs"].split())) == (0, 2)
    assert "2 of 2 runs have no number" in tuned["doubt"]


def test_compare_has_all_printed_methods_and_ours() -> None:
    table = records({"JiT": [0.66, 0.66, 0.67, 0.66, 0.66], "JiT as released": [0.38, 0.39]})
    frame = compare("Table 2b", table)
    ours = line(frame, "JiT")
    assert (ours["verdict"], ours["n"], ours["access"]) == (
        "agrees",
        5,
        "forget_inputs, generator",
    )
    assert ours["reported_mean"] == pytest.approx(0.662)
    assert ours["ours_mean"] == pytest.approx(3.31 / 5)
    assert ours["difference"] == pytest.approx(3.31 / 5 - 0.662, abs=1e-12)
    assert ours["low"] < ours["difference"] < ours["high"] < 0.02
    assert line(frame, "JiT", "test_forget")["verdict"] == "not run"
    assert line(frame, "JiT as released")["verdict"] == "not known"
    assert line(frame, "SCRUB")["verdict"] == "not run"
    assert set(frame["method"]) == set(reported().query("item == 'Table 2b'")["method"]) | {
        "JiT as released"
    }


@pytest.mark.parametrize("other", [{"model": "vgg_mini"}, {"scale": "workstation"}])
def test_another_set_up_is_shown_but_never_a_match(other: dict[str, str]) -> None:
    """Another network, or another training of the same: that of the paper is at paper scale."""
    frame = compare("Table 2b", records({"JiT": [0.662, 0.662]}, **other))
    ours = line(frame, "JiT")
    assert (ours["verdict"], ours["doubt"]) == ("not run", "ours is another set-up")
    assert ours["difference"] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("item", ["Table 2a", "Figure 7"])
def test_compare_of_an_empty_table_is_all_not_run(item: str) -> None:
    frame = compare(item, records({"JiT": [0.5]}).iloc[:0])
    known = frame["reported_mean"].notna()
    assert set(frame.loc[known, "verdict"]) == {"not run"}
    assert set(frame.loc[~known, "verdict"]) <= {"not known"}
    assert len(frame) == ROWS[item]


def test_compare_refuses_to_mix() -> None:
    two = pd.concat([records({"JiT": [0.5]}, model=m) for m in ("a", "b")])
    with pytest.raises(RecordError, match="2 set-ups"):
        compare("Table 2b", two)
    settings = pd.concat([records({"JiT": [0.5]}, params=p) for p in ("{}", '{"sigma": 1}')])
    with pytest.raises(RecordError, match="2 settings"):
        compare("Table 2b", settings)
    with pytest.raises(SpecError, match="Table 2a"):
        compare("Table 9", two)


def test_times_are_ratios_to_a_method_of_the_same_runs() -> None:
    seconds = {"JiT": [20.0, 22.0], "FineTune": [100.0, 110.0]}
    table = records(seconds, "seconds_unlearn", "", model="vit")
    ours = line(compare("Figure 5", table, relative_to="FineTune"), "JiT", "")
    assert ours["reported_mean"] == pytest.approx(172 / 949)
    assert ours["ours_mean"] == pytest.approx(21 / 105)
    assert ours["verdict"] == "undecided"
    with pytest.raises(SpecError, match="relative_to"):
        compare("Figure 5", table)


def test_a_sweep_is_compared_setting_by_setting() -> None:
    table = records({"JiT": [0.63, 0.64]}, params='{"lr": 0.0001, "noises": 25, "sigma": 0.5}')
    frame = compare("Figure 7", table)
    assert frame["n"].sum() == 2
    assert frame.loc[frame["n"] > 0, "reported_mean"].tolist() == pytest.approx([0.634])


def test_tables_have_the_same_bytes_and_no_addresses() -> None:
    table = records({"JiT": [0.66, 0.67], "Retrain": [0.6, 0.61]})
    made = [
        lambda: show_comparison(compare("Table 2b", table), "Table 2(b)"),
        lambda: show_summary(summary(table, [("accuracy_batch_mean", "test_retain")])),
        lambda: show_paired(paired(table, "accuracy_batch_mean", "test_retain", "JiT")),
    ]
    for make in made:
        assert isinstance(make(), Table)
        assert make()._repr_html_() == make()._repr_html_()
        assert not re.search("0x[0-9a-f]{6}", repr(make()) + make()._repr_html_())


def test_the_comparison_is_grouped_aligned_and_noted() -> None:
    runs = records({"JiT": [0.66, 0.67], "Retrain": [0.6, 0.6], "FineTune": [0.6, 0.6]})
    text = repr(show_comparison(compare("Table 2b", runs), "Caption"))
    assert text.startswith("Caption\n")
    places = [text.index(g) for g in ("-- Reference", "-- Sees the forget", "-- Sees retained")]
    assert places == sorted(places)
    assert "66.2 ± 0.3 [" in text
    assert re.search(r"66.5 ± 0.7\s+\+0.3\s+\? undecided", text)
    assert "Ours: paper scale, cifar100, vgg11, class:rocket; 6 runs." in text
    html = show_comparison(compare("Table 2b", records({"JiT": [0.66]})))._repr_html_()
    assert "text-align:right" in html
    assert "? undecided (n = 1)" in html


def test_a_method_has_one_row_and_each_measurement_two_columns() -> None:
    runs = records({"JiT": [0.66, 0.67], "Retrain": [0.6, 0.6]})
    table: Any = show_comparison(compare("Table 2b", runs))
    assert table.columns == ("Method", *("Paper", "Ours") * 3, "n")
    assert [cells[0] for _, cells in table.rows] == ["Retrain", "JiT"]
    (jit,) = [cells for _, cells in table.rows if cells[0] == "JiT"]
    assert [jit[i] for i in (4, 6, 7)] == ["—", "—", "2"]
    assert table.spans == ("", *table.fold.columns[1:], "")
    assert '<th colspan="2"' in table._repr_html_()


def test_what_was_not_run_is_folded_with_its_printed_numbers() -> None:
    table: Any = show_comparison(compare("Table 2b", records({"JiT": [0.66]})))
    assert len(table.fold.rows) == 12 - 1
    assert table.fold.caption.startswith("11 more, printed and not run here: Original, Retrain,")
    html = table._repr_html_()
    assert html.count("<table") == html.count("</table>") == 2
    assert html.index("<details") < html.index("SCRUB") < html.index("</details>")
    assert "66.2 ± 0.1" in repr(table)


def test_nothing_that_was_run_is_a_table_of_printed_numbers() -> None:
    table = show_comparison(compare("Table 2b", records({"JiT": [0.5]}).iloc[:0]))
    assert len(table.rows) == 12
    assert table.fold is None
    assert table.notes[-1].startswith("Not run by us")
    assert "Ours" not in table.columns


def test_a_verdict_on_every_number_is_said_once() -> None:
    runs = records({"JiT": [0.66], "Retrain": [0.6], "JiT as released": [0.5]}, model="vgg_mini")
    table = show_comparison(compare("Table 2b", runs))
    assert not [cell for _, cells in table.rows for cell in cells if "not run" in cell]
    assert table.notes[-1].endswith("No number of ours is judged: ours is another set-up.")
    mixed = show_comparison(compare("Table 2b", records({"JiT": [0.66], "Retrain": [0.9]})))
    assert not [note for note in mixed.notes if note.startswith("No number of ours")]


def test_what_one_row_lacks_stands_in_that_row_alone() -> None:
    runs = records({"JiT": [0.66, math.nan], "Retrain": [0.6, 0.7]}, model="vgg_mini")
    table = show_comparison(compare("Table 2b", runs))
    cells = [cell for _, cells in table.rows for cell in cells if "no number" in cell]
    assert [cell.count("1 of 2 runs has no number") for cell in cells] == [1]
    assert "not run" not in cells[0]
    assert table.notes[-1].endswith("No number of ours is judged: ours is another set-up.")


def test_a_sweep_has_a_row_for_each_setting() -> None:
    runs = records({"JiT": [0.63]}, params='{"lr": 0.0001, "noises": 25, "sigma": 0.5}')
    table: Any = show_comparison(compare("Figure 7", runs))
    assert len(table.rows) == 1
    assert '"sigma": 0.5' in table.rows[0][1][0]
    assert len(table.fold.rows) == 11


def test_summary_prints_only_what_varies() -> None:
    table = pd.concat(
        records({"JiT": [0.5, 0.6]}, params=f'{{"lr": {lr}, "sigma": 0.5}}') for lr in (0.1, 0.2)
    )
    text = repr(show_summary(summary(table, [("accuracy_batch_mean", "test_retain")])))
    assert "lr = 0.2" in text
    assert "sigma" not in text


def test_settings_are_printed_as_they_were_set() -> None:
    """Whole numbers stay whole beside a method that has no such, and None is no gap."""
    points = [(25, 1.0, None), (50, 1.0, 0.5)]
    tables = [
        records({"JiT": [0.5]}, params=json.dumps({"noises": n, "sigma": s, "alpha": a}))
        for n, s, a in points
    ]
    table = pd.concat([*tables, records({"Retrain": [0.4]}, params='{"epochs": 2}')])
    shown = show_summary(summary(table, [("accuracy_batch_mean", "test_retain")]))
    assert [cells[1] for _, cells in shown.rows] == [
        "", "alpha = None, noises = 25", "alpha = 0.5, noises = 50",
    ]  # fmt: skip


def test_printed_hyper_parameters_are_columns_too() -> None:
    printed = reported("jit").query("item == 'Figure 7' and lr == 0.0001")
    assert printed["sigma"].tolist() == [1.5, 1.0, 0.5, 0.1, 0.05, 0.01]
    other = compare("Figure 7", records({"JiT": [0.6]}, params='{"lr": 1.0, "sigma": 0.5}'))
    assert not other["n"].any()


def test_a_stale_number_is_marked() -> None:
    table = records({"JiT": [0.66, 0.67]}, stale=True)
    assert "66.5 ± 0.7 ⚠ stale" in repr(show_comparison(compare("Table 2b", table)))
    means = summary(table, [("accuracy_batch_mean", "test_retain")])
    assert "JiT ⚠ stale" in repr(show_summary(means))


def test_cells_are_escaped() -> None:
    assert "&lt;b&gt;" in Table(("a",), (("", ("<b>",)),))._repr_html_()


def test_times_without_that_of_the_reference_are_refused() -> None:
    table = records({"JiT": [3.0] * 6}, "seconds_unlearn", "", model="vit")
    with pytest.raises(RecordError, match="ratios to that of 'FineTune', which has none"):
        compare("Figure 5", table, relative_to="FineTune")
