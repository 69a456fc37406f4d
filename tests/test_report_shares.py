"""What changes with the share that is forgotten; recorded runs as tables; spans; two figures."""

import json
from typing import Any

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from unlearnlib.errors import RecordError, SpecError
from unlearnlib.report import figures, paired
from unlearnlib.report.figures.deviations import seeds_of
from unlearnlib.report.recorded_tables import random_shares, show_printed, show_random_shares
from unlearnlib.report.shares import by_share, over_requests, rule_beside_best, share_of, way
from unlearnlib.report.summary import span

from .made_tables import ACCESS, records, rows

mpl.use("Agg")


def shares(values: Any, metric: str = "attack_loss", split: str = "forget") -> pd.DataFrame:
    """Return records from a value by (share, method), NablaTau's with its weight."""
    tables = []
    for (share, method, alpha), numbers in values.items():
        params = json.dumps({"alpha": alpha}) if alpha else "{}"
        table = records({method: numbers}, metric, split, request=f"random:{share}", params=params)
        table["run_id"] += f"-{share}-{alpha}"
        tables.append(table)
    return pd.concat(tables)


GRID: dict[Any, list[float]] = {
    (0.15, "Retrain", None): [0.50, 0.52],
    (0.15, "NablaTau", 0.25): [0.55, 0.53],
    (0.15, "NablaTau", 0.5): [0.49, 0.51],
    (0.3, "Retrain", None): [0.51],
    (0.3, "NablaTau", 0.25): [0.60],
    (0.3, "NablaTau", 0.5): [0.50],
}


@pytest.fixture(autouse=True)
def _access(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ACCESS, "NablaTau", "forget, retain, generator")


def test_shares_by_weights_less_the_reference() -> None:
    table = shares(GRID)
    grid = by_share(table, "attack_loss", "forget", "Retrain", method="NablaTau", x="alpha")
    index: list[Any] = grid.index.tolist()
    assert index == [0.15, 0.3]
    columns: list[Any] = grid.columns.tolist()
    assert columns == [0.25, 0.5]
    assert grid.to_numpy().tolist() == [[3.0, -1.0], [9.0, -1.0]]
    assert share_of(table).unique().tolist() == [0.15, 0.3]
    assert seeds_of(table, "NablaTau") == "n = 1 to 2"


def test_the_way_from_the_original_to_retraining() -> None:
    attack: dict[Any, list[float]] = {(0.1, "Original", None): [0.7], (0.1, "Retrain", None): [0.5]}
    test = {key: [0.9] for key in attack}
    attack[0.1, "NablaTau", 0.2] = [0.55]
    test[0.1, "NablaTau", 0.2] = [0.88]
    runs = pd.concat([shares(attack), shares(test, "accuracy", "test")])
    (row,) = way(runs, ["NablaTau"]).to_dict("records")
    assert row["request"] == "random:0.1"
    assert row["attack − retrained"] == pytest.approx(5)
    assert row["way covered (%)"] == pytest.approx(75)
    assert row["test − original"] == pytest.approx(-2)
    assert over_requests(runs, "accuracy", "test").columns.tolist()[0] == "Original"


def test_the_best_weight_may_not_cost_more_than_the_rule() -> None:
    attack = pd.DataFrame({0.25: [4.0, 9.0], 0.5: [0.5, 3.0]}, index=[0.15, 0.6])
    cheap = pd.DataFrame({0.25: [0.0, 0.0], 0.5: [-1.0, 0.0]}, index=attack.index)
    rows = rule_beside_best(attack, cheap, 5 / 3)
    assert rows["share"].tolist() == ["15%"]  # the grid does not reach the rule of 60 %
    assert rows.iloc[0].tolist()[1:] == [0.25, 4.0, 0.5, 0.5]
    dear = cheap.assign(**{"0.5": -5.0}).rename(columns={0.5: "x", "0.5": 0.5}).drop(columns="x")
    assert rule_beside_best(attack, dear, 5 / 3)["best α₀"].tolist() == [0.25]


def test_deviations_draw_numbers_and_frame_the_rule() -> None:
    grid = pd.DataFrame({0.25: [3.0, 9.0], 0.5: [-1.0, float("nan")]}, index=[0.15, 0.3])
    figure = figures.deviations({"One": grid, "Two": grid}, 5 / 3, x="α", y="Share", title="all")
    first: Any = figure.axes[0]
    assert [text.get_text() for text in first.texts] == ["+3.0", "-1.0", "+9.0"]
    assert [patch.get_xy() for patch in first.patches] == [(-0.5, -0.5), (0.5, 0.5)]
    assert [text.get_text() for text in first.get_yticklabels()] == ["15", "30"]
    assert [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes] == ["One", "Two"]
    plt.close("all")


def test_intervals_are_drawn_in_the_printed_unit() -> None:
    table = records({"JiT": [0.2, 0.4], "Retrain": [0.1, 0.2]})
    pairs = paired(table, "accuracy_batch_mean", "test_retain", "JiT")
    axes: Any = figures.intervals(pairs, margin=0.02).axes[0]
    assert axes.lines[-1].get_xdata()[0] == pytest.approx(15)
    assert axes.get_xlabel() == "Difference of mean accuracy (batch mean) (%)"
    assert "n = 2 pairs; band: ±2 %" in axes.get_title() + axes.get_title(loc="left")
    plt.close("all")


def test_a_span_is_the_mean_with_its_interval() -> None:
    assert span(pd.Series([1.0, 2.0, 3.0, 4.0, 5.0])) == "+3.0 (+1.8 to +4.2)"
    assert span(pd.Series([1.0]), ".2f") == "1.00 (n = 1, no interval)"


def test_recorded_shares_and_printed_items() -> None:
    runs = random_shares("nabla_tau", "cifar10")
    assert runs["request"].str.startswith("random").all()
    for scale in ("workstation", "paper"):
        of_scale = random_shares("nabla_tau", "cifar10", scale=scale)
        assert set(of_scale["scale"]) == {scale}
    measured = [("accuracy", "test")]
    shown: Any = show_random_shares("nabla_tau", "cifar10", measured)
    assert shown.caption.startswith("cifar10, ")
    assert show_random_shares("nabla_tau", "mnist", measured) == "No records of mnist yet."
    table = show_printed("pgu", "Class removal, 5 classes")
    assert table.caption == "Class removal, 5 classes"


def test_a_way_needs_both_ends_and_an_item_must_be_printed() -> None:
    table = rows("JiT", [0.5], "random:0.1", measured=("attack_loss", "forget"))
    with pytest.raises(RecordError, match="of Original and Retrain there are no runs"):
        way(table, ["JiT"])
    with pytest.raises(SpecError, match="'Table 99' is not an item"):
        show_printed("jit", "Table 99")
