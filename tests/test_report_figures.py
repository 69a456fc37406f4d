"""Figures draw the numbers of their table, in per cent, with names, units and n."""

import json
from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")

from matplotlib import pyplot as plt

from unlearnlib import read_records
from unlearnlib.errors import RecordError, SpecError
from unlearnlib.methods import METHODS
from unlearnlib.report import figures, paired
from unlearnlib.report.figures.style import COLOURS

from .made_tables import records


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    with mpl.rc_context():
        figures.use()
        yield
    plt.close("all")


def sweep() -> pd.DataFrame:
    tables = [
        records({"JiT": [s * lr, s * lr + 0.02]}, params=json.dumps({"sigma": s, "lr": lr}))
        for s in (0.1, 0.5)
        for lr in (0.2, 0.4, 0.8)
    ]
    return pd.concat(tables)


def test_dots_show_per_cent_means_in_order_of_access() -> None:
    values = {"FineTune": [0.5, 0.7], "JiT": [0.2, 0.4], "Retrain": [0.1, 0.3]}
    table = records({method: each * 3 for method, each in values.items()})
    axes = figures.dots(table, "accuracy_batch_mean", "test_retain", item="Table 2b").axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["Retrain", "JiT", "FineTune"]
    assert [t.get_text() for t in axes.texts] == ["20.0", "30.0", "60.0"]
    assert axes.get_xlabel() == "Accuracy (batch mean), test, retained (%)"
    assert "n = 6" in axes.get_title(loc="left")
    assert any(
        x == pytest.approx(66.2) for line in axes.lines for x in np.asarray(line.get_xdata())
    )


def ends_of(axes: Any, axis: str = "x") -> tuple[float, float]:
    """Return the least and the greatest number that is drawn along an axis of per cent."""
    drawn = [np.asarray(getattr(line, f"get_{axis}data")(), float) for line in axes.lines]
    bands = [band.get_datalim(axes.transData).extents for band in axes.collections]
    sides = [[box[0], box[2]] if axis == "x" else [box[1], box[3]] for box in bands]
    every = np.concatenate([*drawn, *sides, getattr(axes, f"get_{axis}lim")()])
    return float(every.min()), float(every.max())


SPREAD = {"JiT": [0.0, 0.0, 1.0, 0.0, 1.0, 0.02], "Retrain": [0.0] * 6, "Original": [1.0] * 6}


@pytest.mark.parametrize("models", [1, 3, 6])
def test_shares_stay_between_none_and_all(models: int) -> None:
    table = records(SPREAD)
    table = table[table["seed_model"] < models]
    axes = figures.dots(table, "accuracy_batch_mean", "test_retain").axes[0]
    assert ends_of(axes) == (0, 100)
    points = [
        records({"JiT": values}, params=json.dumps({"sigma": 1, "lr": lr}))
        for lr, values in enumerate(SPREAD.values(), 1)
    ]
    table = pd.concat(points)
    table = table[table["seed_model"] < models]
    figure = figures.curves(table, "accuracy_batch_mean", "test_retain", "lr")
    assert ends_of(figure.axes[0], "y") == (0, 100)


def test_differences_of_shares_stay_within_all() -> None:
    table = records({"JiT": [1.0] * 6, "Retrain": [0.0] * 6, "Original": [1.0] * 6})
    names = [("JiT", "Retrain"), ("Retrain", "Original")]
    pairs = [paired(table, "accuracy_batch_mean", "test_retain", *pair) for pair in names]
    axes = figures.intervals(pd.concat(pairs), margin=0.02).axes[0]
    assert ends_of(axes) == (-100, 100)


@pytest.mark.parametrize(("models", "means"), [(4, []), (5, ["30.0"])])
def test_from_five_models_on_there_is_a_mean_with_its_interval(
    models: int, means: list[str]
) -> None:
    values = [0.1, 0.2, 0.3, 0.4, 0.5][:models]
    axes: Any = figures.dots(records({"JiT": values}), "accuracy_batch_mean", "test_retain").axes[0]
    assert [t.get_text() for t in axes.texts] == means
    assert sorted(axes.lines[0].get_xdata()) == pytest.approx([100 * v for v in values])
    assert len(set(axes.lines[0].get_ydata())) == models  # none hides another
    assert len(axes.lines) == (3 if means else 1)
    assert ("too few" in axes.get_title(loc="left")) != bool(means)
    if means:
        low, high = axes.lines[1].get_xdata()
        assert 10 <= low < 30 < high <= 50


def test_a_second_oracle_is_open_and_in_the_band() -> None:
    table = records({"Retrain": [0.4, 0.5], "JiT": [0.1, 0.9]})
    again = records({"Retrain": [0.3, 0.45]}).assign(method="Retrain again")
    axes: Any = figures.dots(pd.concat([table, again]), "accuracy_batch_mean", "test_retain").axes[
        0
    ]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["Retrain", "Retrain again", "JiT"]
    (band,) = axes.patches
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((30, 50))
    assert [line.get_markerfacecolor() == "white" for line in axes.lines] == [False, True, False]


def test_dots_refuse_to_mix_settings() -> None:
    with pytest.raises(RecordError, match="settings of 'JiT'"):
        figures.dots(sweep(), "accuracy_batch_mean", "test_retain")
    with pytest.raises(RecordError, match="no 'mia_entropy'"):
        figures.dots(sweep(), "mia_entropy", "forget")


def test_heatmap_prints_every_mean() -> None:
    axes = figures.heatmap(sweep(), "accuracy_batch_mean", "test_retain").axes[0]
    assert [t.get_text() for t in axes.texts] == ["3.0", "5.0", "9.0", "11.0", "21.0", "41.0"]


def test_curves_name_their_lines_apart() -> None:
    table = pd.concat([sweep(), records({"Original": [0.4, 0.42]})])
    axes = figures.curves(
        table, "accuracy_batch_mean", "test_retain", "lr", hue="sigma", log=True
    ).axes[0]
    assert {t.get_text() for t in axes.texts} == {"σ = 0.1", "σ = 0.5", "Original"}
    heights = sorted(t.get_position()[1] for t in axes.texts)
    assert min(b - a for a, b in pairwise(heights)) > 0.05
    with pytest.raises(RecordError, match="'nothing'"):
        figures.curves(table, "accuracy_batch_mean", "test_retain", "nothing")


def test_boxes_state_n() -> None:
    axes = figures.boxes({"JiT": [0.1, 0.2], "Retrain": [0.2, 0.3]}, "Entropy (nats)").axes[0]
    assert "n = 2 examples" in axes.get_title(loc="left")


def test_a_picture_carries_its_alternative_text_and_the_same_bytes() -> None:
    def make() -> figures.Picture:
        data = {"JiT": [0.1, 0.2]}
        return figures.show_figure(figures.boxes(data, "Entropy (nats)"), 'A box of "JiT"')

    assert 'aria-label="A box of &quot;JiT&quot;"' in make()._repr_html_()
    assert make() == make()
    assert repr(make()) == 'Figure: A box of "JiT"'
    assert not plt.get_fignums()
    with pytest.raises(SpecError, match="alternative text"):
        figures.show_figure(plt.figure(), " ")


@pytest.mark.parametrize(
    ("draw", "drawing"),
    [
        (lambda ax: ax.plot([1, 2]), True),
        (lambda ax: ax.fill_between([1, 2], [1, 2]), True),
        (lambda ax: ax.scatter([1], [2], color="red"), True),
        (lambda ax: ax.scatter([1], [2], c=[3.0]), False),
        (lambda ax: ax.imshow(np.zeros((2, 2))), False),
        (lambda ax: ax.pcolormesh(np.zeros((2, 2))), False),
        (lambda ax: ax.contourf([[0, 1], [1, 2]]), False),
    ],
)
def test_only_what_has_no_colours_for_numbers_is_a_drawing(draw: Any, drawing: bool) -> None:
    figure, ax = plt.subplots()
    draw(ax)
    html = figures.show_figure(figure, "A").html
    assert html.startswith(
        '<img alt="A" class="drawing" style=' if drawing else '<img alt="A" style='
    )
    svg = figures.show_figure(figures.boxes({"JiT": [0.1, 0.2]}, "Entropy (nats)"), "A").html
    assert 'class="drawing" style=' in svg[: svg.index(">")]


LABELS = [name for name in METHODS if name not in ("RandomLabel", "SCRUBRewind")]
LABELS += ["Retrain again", "Amnesiac", "SCRUB+R"]


def test_every_method_has_a_colour_of_its_own_and_its_variants_are_shades() -> None:
    variants = [f"{name}{end}" for name in LABELS[2:] for end in ("", " as released", " lr=0.1")]
    inks = [figures.colour(name) for name in variants]
    assert set(LABELS) == set(COLOURS)
    assert len(set(inks)) == len(inks)
    near = [
        pair
        for pair in combinations(COLOURS, 2)
        if np.linalg.norm(np.subtract(*(lightness(COLOURS[name]) for name in pair))) < 18
    ]
    assert not near
    assert figures.colour("SCRUB+R as released") != figures.colour("SCRUB as released")
    assert figures.colour("Retrain") == "#000000"
    assert figures.colour("Unheard of") == figures.colour("Unheard of") != figures.colour("Unseen")
    assert figures.colour("Unheard of") not in inks


def lightness(ink: str) -> Any:
    """Return a colour in CIE L*a*b*, in which distances are about as large as they look."""
    levels = np.array([int(ink[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    x, y, z = to_xyz @ linear / [0.9505, 1.0, 1.089]
    f = np.cbrt  # the dark end is straight in the norm; there are no two colours in it here
    return np.array([116 * f(y) - 16, 500 * (f(x) - f(y)), 200 * (f(y) - f(z))])


def test_provenance_line_names_runs_and_warns_of_stale_ones() -> None:
    origin: Any = {
        "commit": ["abc"] * 2,
        "device": ["CPU"] * 2,
        "seconds": [1.5, 2.5],
        "dirty": False,
    }
    line = figures.provenance_line(records({"JiT": [0.1, 0.2]}, stale=True).assign(**origin))
    assert line == (
        "paper scale: cifar100, vgg11 · 2 runs (seeds: model 0, 1; request 0; method 0) · "
        "CPU, commit abc · 4 s in all · ⚠ 2 runs are of a method that does something else now"
    )


def test_provenance_line_counts_committed_runs_and_tells_of_others() -> None:
    """A ledger that is executed beside a full cache must not say that all of it is recorded."""
    recorded_ones = read_records("jit", "workstation")
    line = figures.provenance_line(recorded_ones)
    assert "not committed" not in line
    own = recorded_ones.head(3).assign(run_id=["a", "a", "b"], seed_model=77, commit="mine")
    assert figures.provenance_line(pd.concat([own, recorded_ones])) == (
        f"{line} · ⚠ beside them 2 runs of this machine that are not committed"
    )
    assert "· 2 runs (seeds: model 77;" in figures.provenance_line(own)


def test_each_request_has_a_panel_with_the_methods_named_once() -> None:
    values = {"Original": [0.9, 0.8], "JiT": [0.1, 0.2], "Retrain": [0.0, 0.0]}
    made = []
    for name, shift in {"class:Dress": 0.0, "class:Ankle boot": 0.05}.items():
        of_request = {method: [v + shift for v in each] for method, each in values.items()}
        runs = records(of_request, request=name)
        made.append(runs.assign(run_id=runs["run_id"] + name))
    table = pd.concat(made)
    figure = figures.dots_by_request(table, "accuracy_batch_mean", "test_retain")
    panels = figure.axes
    assert [ax.get_title() or ax.get_title("left") for ax in panels] == ["Dress", "Ankle boot"]
    drawn = [[np.asarray(line.get_xdata(), float) for line in ax.lines] for ax in panels]
    assert np.concatenate(drawn[1]) == pytest.approx(np.concatenate(drawn[0]) + 5)
    low, high = panels[0].get_xlim()
    assert low <= np.concatenate(drawn[0]).min()
    assert np.concatenate(drawn[1]).max() <= high
    assert "n = 2" in figure.get_suptitle()


def test_a_line_is_of_means_from_five_models_on_and_of_models_below() -> None:
    places = pd.DataFrame(np.arange(20.0).reshape(2, 10), index=[0, 5])
    ax = plt.figure().subplots()
    figures.draw_line(ax, places, ink="black", label="many")
    assert np.asarray(ax.lines[-1].get_ydata()).tolist() == [4.5, 14.5]
    assert len(ax.collections) == 1
    few = plt.figure().subplots()
    figures.draw_line(few, places.iloc[:, :4], ink="black", label="few")
    assert [len(few.lines), len(few.collections)] == [4, 0]
    for drawn in (ax, few):
        assert len(drawn.get_legend_handles_labels()[1]) == 1
