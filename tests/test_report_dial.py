"""Dials show what the records say, setting by setting."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from unlearnlib.errors import RecordError
from unlearnlib.report import show_dial
from unlearnlib.report.dial import Dial
from unlearnlib.report.dial_models import Models
from unlearnlib.report.rows import row_dicts
from unlearnlib.runs.distributions import NATS

from . import made_dials
from .made_dials import BY, FORGET, SURE, TEST, made
from .made_tables import rows


@pytest.fixture(scope="module", name="sweep")
def of_sweep() -> pd.DataFrame:
    return made_dials.sweep()


@pytest.fixture(scope="module", name="histograms")
def of_histograms() -> pd.DataFrame:
    return made_dials.histograms()


@pytest.fixture(scope="module", name="recorded")
def of_recorded() -> Dial:
    return made_dials.recorded()


def test_every_setting_has_the_means_of_its_records(sweep: pd.DataFrame, recorded: Dial) -> None:
    assert len(recorded.settings) == 16
    for models in recorded.settings:
        set_to = [knob.values[at or 0] for knob, at in zip(recorded.knobs, models.at, strict=True)]
        for (metric, split), cell in zip([FORGET, TEST, SURE], models.cells, strict=True):
            numbers = [
                row["value"]
                for row in row_dicts(sweep)
                if (row["method"], row["metric"], row["split"]) == ("JiT", metric, split)
                and [f"{float(row[name]):g}" for name in BY] == set_to
            ]
            unit, digits = (100, 1) if metric == "accuracy" else (1, 3)
            mean, sd = round(unit * np.mean(numbers), 9), unit * np.std(numbers, ddof=1)
            assert cell == f"{mean:.{digits}f} ± {sd:.{digits}f}"
            assert models.n == str(len(numbers))


def test_the_references_are_the_originals_and_the_retrained(
    sweep: pd.DataFrame, recorded: Dial
) -> None:
    assert [models.name for models in recorded.references] == ["Original", "Retrain"]
    for models in recorded.references:
        chosen = sweep[(sweep["method"] == models.name) & (sweep["metric"] == "accuracy")]
        values = 100 * chosen[chosen["split"] == "test"]["value"]
        assert models.cells[1] == f"{values.mean():.1f} ± {values.std():.1f}"
        assert models.at == (None, None)


def test_a_reference_with_a_value_stands_beside_the_settings_of_that_value() -> None:
    tables = []
    for share, before in ((3, 0.9), (15, 0.6)):
        sweep = [rows("Original", [before], measured=TEST, request=f"random:{share}")]
        sweep += [
            rows("JiT", [s], f"random:{share}", TEST, params=f'{{"sigma": {s}}}')
            for s in (0.25, 0.5)
        ]
        tables.append(pd.concat(sweep).assign(share=share))
    dial = show_dial(pd.concat(tables), {"share": "share", "sigma": "σ"}, [TEST], "")
    assert [(one.at, one.cells) for one in dial.references] == [
        ((0, None), ("90.0",)), ((1, None), ("60.0",)),
    ]  # fmt: skip
    assert [one.at for one in dial.settings] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert dial.references[0].belongs_to((0, 1))
    assert not dial.references[0].belongs_to((1, 1))


def test_runs_without_a_number_are_counted_and_stale_ones_marked() -> None:
    table = made({0.1: [0.5, float("nan"), 0.7], 0.2: [0.1]})
    table.loc[table["params"] == '{"sigma": 0.2}', "stale"] = True
    dial = show_dial(table, {"sigma": "σ"}, [TEST], "")
    assert [(one.cells, one.n) for one in dial.settings] == [
        (("60.0 ± 14.1",), "3; 1 of 3 runs has no number"), (("10.0",), "1 ⚠ stale"),
    ]  # fmt: skip


def test_numbers_are_sliders_in_order_and_start_in_the_middle() -> None:
    table = made({1.0: [0.1], 0.1: [0.2], 0.5: [0.3]})
    dial = show_dial(table, {"sigma": "σ", "method": "edit"}, [TEST], "")
    assert [(knob.values, knob.slides) for knob in dial.knobs] == [
        (("0.1", "0.5", "1"), True), (("JiT",), False),
    ]  # fmt: skip
    assert dial.first.cells == ("30.0",)
    html = dial._repr_html_()
    assert re.findall('<p class="dial-knobs" hidden>', html)  # nothing to turn without the script
    assert 'aria-valuetext="0.5"' in html
    assert '<th scope="col" class="dial-now">σ = 0.5, JiT</th>' in html
    assert html.count("style=") == 3  # a bar and two marks
    for style in ("width:30.0%", "left:85.0%", "left:70.0%"):
        assert f'style="{style}"' in html


def test_a_bar_of_nats_is_full_at_the_greatest_value() -> None:
    table = pd.concat(
        rows("JiT", values, measured=SURE, params=f'{{"sigma": {s}}}')
        for s, values in ((1, [0.5, 0.25]), (2, [0.1, 0.2]))
    )
    assert show_dial(table, {"sigma": "σ"}, [SURE], "").tops == (0.5,)


def test_what_cannot_be_a_dial_is_refused() -> None:
    with pytest.raises(RecordError, match="there is no setting to choose"):
        show_dial(made({0.1: [0.5]}).query("method != 'JiT'"), {"sigma": "σ"}, [TEST], "")
    mixed = pd.concat([made({0.1: [0.5]}), made({0.1: [0.5]}, request="class:Bag")])
    with pytest.raises(RecordError, match="are of several request"):
        show_dial(mixed, {"sigma": "σ"}, [TEST], "")
    with pytest.raises(RecordError, match="has no 'loss'"):
        show_dial(made({0.1: [0.5]}), {"sigma": "σ"}, [("loss", "test")], "")


def shares_of(histograms: pd.DataFrame, dial: Dial, models: Models) -> list[float]:
    """Per cent of each bin of each split, over the models of a setting or a reference."""
    set_to = [
        "" if at is None else knob.values[at]
        for knob, at in zip(dial.knobs, models.at, strict=True)
    ]
    found = []
    for split in ("forget", "test_forget", "retain"):
        for i in range(len(NATS) - 1):
            numbers = [
                row[f"b{i}"]
                for row in histograms.to_dict("records")
                if (row["method"], row["split"]) == (models.name, split)
                and [f"{float(row[name]):g}" if row[name] else "" for name in BY] == set_to
            ]
            assert len(numbers) == 10
            found.append(float(100 * np.mean(numbers)))
    return found


def test_every_setting_has_the_mean_histogram_of_its_models(
    histograms: pd.DataFrame, recorded: Dial
) -> None:
    told = recorded.histogram
    assert told is not None
    assert told.splits == ("Forget set", "Test, forgotten", "Retain set")
    assert told.starts[:3] == ("0", "0.0001", "0.001")
    assert (len(told.starts), told.n, len(told.shares)) == (10, 10, 18)
    for models in (*recorded.settings[::5], *recorded.references):
        shares = told.of((models.name, models.at))
        means = shares_of(histograms, recorded, models)
        assert [*map(float, shares)] == pytest.approx(means, abs=0.051)
        assert f'data-shares="{" ".join(shares)}"' in recorded._repr_html_()


def binned(**shares: list[list[float]]) -> pd.DataFrame:
    """Histograms of two bins on the test set, a model a list, by method."""
    at = {"Original": "", "Retrain": "", "JiT": "0.1"}
    return pd.DataFrame(
        [
            (method, at[method], "test", seed, *bins)
            for method, models in shares.items()
            for seed, bins in enumerate(models)
        ],
        columns=["method", "sigma", "split", "seed_model", "b0", "b1"],
    )


def test_the_histogram_of_the_first_setting_is_there_without_the_script() -> None:
    table = binned(Original=[[1, 0], [0.6, 0.4]], Retrain=[[0, 1]] * 2, JiT=[[0.2, 0.8]] * 2)
    options: dict[str, Any] = {"histograms": table, "edges": (0, 0.5, 2)}
    html = show_dial(made({0.1: [0.5]}), {"sigma": "σ"}, [TEST], "", **options)._repr_html_()
    (cells,) = re.findall('<td><span class="dial-column".*</td>', html.partition("<details>")[0])
    styles = re.findall('style="([^"]+)"', cells)
    assert styles == [
        "height:20.0%", "bottom:80.0%", "bottom:0.0%",
        "height:80.0%", "bottom:20.0%", "bottom:100.0%",
    ]  # fmt: skip
    assert re.findall("</span>([^<]+)</td>", cells) == ["20.0", "80.0"]
    assert '<tr><th scope="col">0</th><th scope="col">0.5</th></tr>' in html
    assert "n = 2" in html


def test_histograms_of_other_models_or_bins_are_refused() -> None:
    def shown(table: pd.DataFrame, *edges: float) -> Dial:
        by, measures = {"sigma": "σ"}, [TEST]
        return show_dial(made({0.1: [0.5]}), by, measures, "", histograms=table, edges=edges)

    with pytest.raises(RecordError, match="not of the same models"):
        shown(binned(Original=[[1, 0]], JiT=[[0.2, 0.8]] * 2), 0, 1, 2)
    with pytest.raises(RecordError, match="have 2 bins and the edges are those of 3"):
        shown(binned(JiT=[[0.2, 0.8]]), 0, 1, 2, 3)
    other = binned(Original=[[1, 0]]).assign(split="retain")
    with pytest.raises(RecordError, match="not of the same models at each setting and split"):
        shown(pd.concat([binned(JiT=[[0.2, 0.8]]), other]), 0, 1, 2)


def test_a_model_without_a_number_makes_no_histogram() -> None:
    table = binned(Original=[[1, 0]], JiT=[[float("nan")] * 2])
    by, edges = {"sigma": "σ"}, (0, 1, 2)
    dial = show_dial(made({0.1: [0.5]}), by, [TEST], "", histograms=table, edges=edges)
    assert dial.histogram is not None
    assert dial.histogram.of(("JiT", (0,))) == dial.histogram.of(("Retrain", (None,))) == ("—",) * 2


def test_what_would_stand_in_the_wrong_place_is_refused() -> None:
    table, by = made({0.1: [0.5], 0.2: [0.4]}), {"sigma": "σ"}
    with pytest.raises(RecordError, match=r"has no column nope\. Name others"):
        show_dial(table, {"nope": "n"}, [TEST], "JiT")
    half = pd.concat([table, made({0.1: [0.5]}).assign(metric="entropy")])
    with pytest.raises(RecordError, match="runs of JiT at one place of the dial have no Entropy"):
        show_dial(half, by, [TEST, SURE], "JiT")
    other = made({0.2: [0.6]}).query("method == 'JiT'").assign(method="SSD")
    with pytest.raises(RecordError, match="JiT and SSD stand at one place of the dial"):
        show_dial(pd.concat([table, other]), by, [TEST], "JiT")


def test_settings_with_other_references_are_refused() -> None:
    one = made({0.1: [0.5]}).assign(request="class:Bag")
    two = made({0.1: [0.4]}).assign(request="class:Coat")
    by = {"sigma": "σ", "request": "class"}
    assert len(show_dial(pd.concat([one, two]), by, [TEST], "JiT").settings) == 2
    for lost in ("Original", "Retrain"):
        with pytest.raises(RecordError, match="do not have the same references beside them"):
            show_dial(pd.concat([one, two[two["method"] != lost]]), by, [TEST], "JiT")
