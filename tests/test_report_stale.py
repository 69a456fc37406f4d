"""A number that rests on a stale run says so wherever it is shown; one that does not, does not."""

import json
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import pytest

mpl.use("Agg")


from unlearnlib.report import (
    compare,
    figures,
    glance,
    hand_over,
    handed_over,
    ledger,
    paired,
    pairs_of,
    show_comparison,
    show_glance,
    show_ledger,
    show_paired,
    show_summary,
    summary,
    what_ran,
)
from unlearnlib.report.figures.deviations import seeds_of
from unlearnlib.report.shares import way

from .made_tables import forgets_and_keeps, forgotten, line, records

pytestmark = pytest.mark.usefixtures("figures_closed")


BATCH = ("accuracy_batch_mean", "test_retain")
MARK = "⚠ stale"


def some_stale(stale: str) -> pd.DataFrame:
    """Return records of two methods, of which the second run of the `stale` one is stale."""
    table = records({"JiT": [0.66, 0.67], "Retrain": [0.6, 0.61]})
    return table.assign(stale=table["run_id"] == f"{stale}-1")


def test_a_summary_marks_the_method() -> None:
    text = repr(show_summary(summary(some_stale("JiT"), [BATCH])))
    assert f"JiT {MARK}" in text
    assert f"Retrain {MARK}" not in text


def test_a_comparison_marks_ours() -> None:
    text = repr(show_comparison(compare("Table 2b", some_stale("JiT"))))
    assert f"66.5 ± 0.7 {MARK}" in text
    assert text.count(MARK) == 1


def test_a_ratio_is_stale_with_its_reference() -> None:
    seconds = records({"JiT": [20.0], "FineTune": [100.0]}, "seconds_unlearn", "", model="vit")
    seconds["stale"] = seconds["method"] == "FineTune"
    frame = compare("Figure 5", seconds, relative_to="FineTune")
    assert line(frame, "JiT", "")["stale"]


@pytest.mark.parametrize("side", ["JiT", "Retrain"])
def test_a_pair_is_stale_with_either_side(side: str) -> None:
    table = some_stale(side)
    assert paired(table, *BATCH, "JiT")["stale"].tolist() == [True]
    assert f"JiT − Retrain {MARK}" in repr(show_paired(paired(table, *BATCH, "JiT")))
    (cell,) = pairs_of(table, [BATCH], [("JiT", "Retrain")])["JiT − Retrain"]
    assert cell.endswith(f") {MARK}")
    fresh = table.assign(stale=False)
    assert MARK not in repr(show_paired(paired(fresh, *BATCH, "JiT")))
    assert MARK not in pairs_of(fresh, [BATCH], [("JiT", "Retrain")])["JiT − Retrain"].item()


def test_a_run_that_has_no_partner_makes_no_pair_stale() -> None:
    table = records({"JiT": [0.66, 0.67], "Retrain": [0.6]})
    table["stale"] = table["run_id"] == "JiT-1"
    assert paired(table, *BATCH, "JiT")["stale"].tolist() == [False]


@pytest.mark.parametrize("stale", ["JiT", "Original", "Retrain", ""])
def test_so_is_the_way_to_retraining(stale: str) -> None:
    attack = {"Original": [0.7], "Retrain": [0.5], "JiT": [0.6]}
    what = [("attack_loss", "forget"), ("accuracy", "test")]
    table = pd.concat([records(attack, *measured, request="random:0.1") for measured in what])
    (request,) = way(table.assign(stale=table["method"] == stale), ["JiT"])["request"]
    assert request == f"random:0.1 {MARK}" * bool(stale) + "random:0.1" * (not stale)


def test_what_ran_says_how_many() -> None:
    assert what_ran(some_stale("JiT")).endswith("seeds [0, 1]; 1 of 4 runs stale")
    assert "stale" not in what_ran(some_stale(""))


def test_the_ledger_marks_the_cell_and_the_glance_counts_them() -> None:
    table, claims = forgotten(10), [forgets_and_keeps()]
    table["stale"] = (table["method"] == "Original") & (table["seed_model"] == 1)
    frame = ledger({"laptop": table}, claims=claims)
    assert frame.set_index("scale")["stale"].to_dict() == {
        "laptop": True, "workstation": False, "paper": False,
    }  # fmt: skip
    shown = repr(show_ledger(frame))
    assert f"● reproduced {MARK}" in shown
    assert shown.count(MARK) == 1
    assert "1 of these verdicts rest on stale runs" in repr(show_glance(glance(frame)))
    fresh = ledger({"laptop": table.assign(stale=False)}, claims=claims)
    assert MARK not in repr(show_ledger(fresh))
    assert not show_glance(glance(fresh)).notes


class TestFigures:
    def sweep(self) -> pd.DataFrame:
        points = [(s, lr) for s in (0.1, 0.5) for lr in (0.2, 0.4)]
        tables = [records({"JiT": [s, lr]}, params=json.dumps({"sigma": s, "lr": lr}))
                  for s, lr in points]  # fmt: skip
        table = pd.concat(tables, ignore_index=True)
        table["run_id"] = [str(i) for i in range(len(table))]
        return table.assign(stale=table.index < 3)

    def test_the_title_says_so(self) -> None:
        table = some_stale("JiT")
        title = figures.dots(table, *BATCH).axes[0].get_title()
        assert "n = 2; 1 of 4 runs stale, band" in title
        assert "stale" not in figures.dots(table.assign(stale=False), *BATCH).axes[0].get_title()

    def test_so_does_that_of_a_sweep(self) -> None:
        table = self.sweep()
        for draw in (
            lambda rows: figures.heatmap(rows, *BATCH),
            lambda rows: figures.curves(rows, *BATCH, "lr", hue="sigma"),
        ):
            assert draw(table).axes[0].get_title().endswith("n = 2; 3 of 8 runs stale")
            assert draw(table.assign(stale=False)).axes[0].get_title().endswith("n = 2")

    def test_so_does_the_name_of_a_pair(self) -> None:
        for stale in ("Retrain", ""):
            figure = figures.intervals(paired(some_stale(stale), *BATCH, "JiT"), margin=0.02)
            (name,) = (text.get_text() for text in figure.axes[0].get_yticklabels())
            assert (MARK in name) == bool(stale)
            figure.canvas.draw()  # the fonts have the mark

    def test_so_does_the_number_of_models(self) -> None:
        assert seeds_of(some_stale("Retrain"), "JiT") == "n = 2; 1 of 4 runs stale"
        assert seeds_of(some_stale(""), "JiT") == "n = 2"

    def test_so_does_the_line_below(self) -> None:
        line = figures.provenance_line(some_stale("JiT"))
        assert line.endswith("⚠ 1 runs are of a method that does something else now")
        assert "⚠" not in figures.provenance_line(some_stale(""))


@pytest.mark.parametrize("stale", [True, False])
def test_a_page_s_own_verdict_is_stale_with_one_of_its_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stale: bool
) -> None:
    monkeypatch.setenv("UNLEARNLIB_CACHE", str(tmp_path))
    fresh = records({"JiT": [0.5]})
    runs = records({"JiT": [0.5, 0.6]}).assign(stale=[False, stale])
    hand_over("jit", {"jit-geometry-far": (9, 10)}, fresh, runs)
    frame = ledger({}, cells=handed_over()).query("id == 'jit-geometry-far'")
    assert frame.set_index("scale")["stale"]["laptop"] == stale
