"""Figures draw the numbers of their table, in per cent, with names, units and n."""

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")

from matplotlib import pyplot as plt

from unlearnlib.errors import RecordError, SpecError
from unlearnlib.report import figures
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
    table = records({"FineTune": [0.5, 0.7], "JiT": [0.2, 0.4], "Retrain": [0.1, 0.3]})
    axes = figures.dots(table, "accuracy_batch_mean", "test_retain", item="Table 2b").axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["Retrain", "JiT", "FineTune"]
    assert [t.get_text() for t in axes.texts] == ["20.0", "30.0", "60.0"]
    assert axes.get_xlabel() == "Accuracy (batch mean), test, retained (%)"
    assert "n = 2" in axes.get_title(loc="left")
    assert any(
        x == pytest.approx(66.2) for line in axes.lines for x in np.asarray(line.get_xdata())
    )


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

    assert 'alt="A box of &quot;JiT&quot;"' in make()._repr_html_()
    assert make() == make()
    assert repr(make()) == 'Figure: A box of "JiT"'
    assert not plt.get_fignums()
    with pytest.raises(SpecError, match="alternative text"):
        figures.show_figure(plt.figure(), " ")


def test_colours_are_one_a_method() -> None:
    assert len(set(COLOURS.values())) == len(COLOURS)
    assert figures.colour("Retrain") == "#000000"
    assert figures.colour("Unheard of") not in COLOURS.values()


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
