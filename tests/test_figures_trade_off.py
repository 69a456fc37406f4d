"""What methods forget against what they keep, against means taken by hand."""

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Annotation

from unlearnlib.errors import RecordError
from unlearnlib.report import figures
from unlearnlib.report.figures.style import MARKERS, STYLE
from unlearnlib.report.presentation import MORE, REFERENCE, STORED_TOO, ZERO_SHOT
from unlearnlib.report.rows import row_dicts
from unlearnlib.runs.one_run import DIVERGED

from .made_tables import FORGET, KEEP, rows

SEEN = {
    "Original": "", "Retrain": "retain", "Retrain again": "retain", "JiT": "forget_inputs",
    "SSD": "forget, fisher", "FineTune": "retain", "PGU": "forget, gradient_space",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    with plt.style.context(dict(STYLE)):
        yield
    plt.close("all")


def of(method: str, forgotten: list[float], kept: list[float], **columns: Any) -> pd.DataFrame:
    sees: dict[str, Any] = {"access": SEEN.get(method, "forget"), **columns}
    numbers = ((forgotten, FORGET), (kept, KEEP))
    return pd.concat([rows(method, values, measured=what, **sees) for values, what in numbers])


def table() -> pd.DataFrame:
    return pd.concat([
        of("Original", [0.9, 0.8, 1.0], [0.80, 0.70, 0.75]),
        of("Retrain", [0.0, 0.1, 0.2], [0.82, 0.70, 0.76]),
        of("JiT", [0.1, 0.3, 0.2], [0.70, 0.65, 0.75]),
        of("SSD", [0.5, 0.5, 0.5], [0.80, 0.70, 0.75], stale=True),
    ])  # fmt: skip


def test_a_place_is_the_mean_difference_from_retraining_and_from_the_original() -> None:
    places = figures.positions(table()).set_index("method")
    assert list(places.index) == ["Original", "Retrain", "JiT", "SSD"]
    assert places["x"].tolist() == pytest.approx([80, 0, 10, 40])
    assert places["y"].tolist() == pytest.approx([0, 1, -5, 0])
    assert places["n"].tolist() == [3] * 4
    assert places["stale"].tolist() == [False, False, False, True]
    assert places["group"].tolist() == [REFERENCE, REFERENCE, ZERO_SHOT, STORED_TOO]
    runs = table()
    fewer = runs[(runs["method"] != "Retrain") | (runs["seed_model"] != 2)]
    paired = figures.positions(fewer).set_index("method").loc["JiT"]
    assert (paired["x"], paired["n"]) == (pytest.approx(15), 3)  # of the seeds that both have


def test_five_models_have_an_interval_around_the_mean() -> None:
    runs = [of(m, [0.1, 0.2, 0.4, 0.1, 0.3], [0.5] * 5) for m in ("Original", "JiT")]
    retrained = of("Retrain", [0.0] * 5, [0.5, 0.6, 0.5, 0.5, 0.5])
    jit = figures.positions(pd.concat([*runs, retrained])).set_index("method").loc["JiT"]
    assert jit["x_low"] < jit["x"] < jit["x_high"]
    assert jit["y_low"] == jit["y"] == jit["y_high"] == 0
    ax = figures.trade_off(pd.DataFrame([jit]).rename_axis("method").reset_index()).axes[0]
    bars = [np.array(line.get_xydata()) for line in ax.lines if line.get_linewidth() == 1.2]
    across, up = (bar for bar in bars if len(bar) == 2)
    assert across[:, 0].tolist() == pytest.approx([jit["x_low"], jit["x_high"]])
    assert up[:, 1].tolist() == [0, 0]


def test_a_mark_has_the_shape_of_what_its_method_sees_and_retraining_is_a_star() -> None:
    runs = [
        table(),
        of("Retrain again", [0.0] * 3, [0.8] * 3),
        of("FineTune", [0.1] * 3, [0.8] * 3),
    ]
    points = figures.positions(pd.concat(runs))
    ax = figures.trade_off(points).axes[0]
    marks = {tuple(np.ravel(line.get_xydata())): line for line in ax.lines}
    found = {point["method"]: marks[point["x"], point["y"]] for point in row_dicts(points)}
    assert {name: mark.get_marker() for name, mark in found.items()} == {
        "Original": MARKERS[REFERENCE], "Retrain": "*", "Retrain again": "*",
        "JiT": MARKERS[ZERO_SHOT], "SSD": MARKERS[STORED_TOO], "FineTune": MARKERS[MORE],
    }  # fmt: skip
    assert found["Retrain again"].get_markerfacecolor() == "white"
    assert found["Retrain"].get_markerfacecolor() == figures.colour("Retrain")
    assert found["JiT"].get_markerfacecolor() == figures.colour("JiT")
    title = ax.get_title(loc="left")
    assert "n = 3" in title
    assert "● sees the forget set at most" in title
    assert "not known" not in title  # no such method is there
    names = [text.get_text() for text in ax.texts]
    assert sorted(names) == sorted([*SEEN.keys() - {"SSD", "PGU"}, "SSD ⚠ stale"])


def test_a_mark_says_its_method_and_its_numbers() -> None:
    points = figures.positions(table())
    html = figures.show_figure(figures.trade_off(points), "All")._repr_html_()
    told = re.findall("<title>(.*?)</title>", html)
    assert "JiT: forgotten +10.0, kept -5.0 (points), n = 3" in told
    assert len(told) == 4
    points[["x_low", "x_high", "y_low", "y_high"]] = [7.0, 12.0, -6.0, -0.04]
    html = figures.show_figure(figures.trade_off(points), "All")._repr_html_()
    assert "forgotten +10.0 (+7.0 to +12.0), kept -5.0 (-6.0 to +0.0) (points)" in html


def test_a_method_without_numbers_is_named_and_not_drawn() -> None:
    gone = rows("PGU", [1.0] * 3, measured=DIVERGED[:2], access="forget, gradient_space")
    lost = of("FineTune", [0.1, np.nan, 0.1], [0.8] * 3)
    points = figures.positions(pd.concat([table(), gone, lost]))
    ax = figures.trade_off(points).axes[0]
    told = ax.get_title(loc="left").replace("\n", " ")
    assert "not drawn, for want of numbers: PGU, FineTune" in told
    assert not {"PGU", "FineTune"} & {text.get_text() for text in ax.texts}
    assert "want" not in figures.trade_off(figures.positions(table())).axes[0].get_title(loc="left")


def test_names_cover_neither_each_other_nor_marks() -> None:
    """A dozen methods that end up at almost one place."""
    many = [of(f"Method{i}", [0.01 + 0.002 * i] * 3, [0.80, 0.70, 0.75]) for i in range(12)]
    figure = figures.trade_off(figures.positions(pd.concat([table(), *many])))
    figure.draw_without_rendering()
    ax = figure.axes[0]
    names = [text for text in ax.texts if isinstance(text, Annotation)]
    boxes = [super(Annotation, text).get_window_extent() for text in names]
    assert len(boxes) == 16
    assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]
    marks = ax.transData.transform([text.xy for text in names])
    assert not [box for box in boxes for x, y in marks if box.contains(x, y)]
    frame = ax.get_window_extent()
    assert all(frame.contains(*corner) for box in boxes for corner in box.corners())


def test_several_settings_are_refused() -> None:
    with pytest.raises(RecordError, match="settings"):
        figures.positions(pd.concat([table(), of("JiT", [0.1], [0.7], params='{"lr": 1}')]))


@pytest.mark.parametrize("name", ["Original", "Retrain"])
def test_a_reference_that_lacks_is_named(name: str) -> None:
    whole = table()
    with pytest.raises(RecordError, match=f"of {name} there are no runs"):
        figures.positions(whole[whole["method"] != name])
