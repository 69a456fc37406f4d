"""Dials show what the records say, setting by setting, and a browser shows the chosen one."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from unlearnlib import read_records
from unlearnlib.errors import RecordError
from unlearnlib.locations import committed_records
from unlearnlib.report import show_dial
from unlearnlib.report.dial import Dial
from unlearnlib.report.dial_models import Models
from unlearnlib.report.rows import row_dicts
from unlearnlib.runs.distributions import NATS

from .made_tables import rows

STATIC = Path(__file__).resolve().parent.parent / "book" / "_static"
FORGET, TEST, SURE = ("accuracy", "forget"), ("accuracy", "test"), ("entropy", "test")
BY = {"sigma": "σ", "lr": "η"}


@pytest.fixture(scope="module")
def sweep() -> pd.DataFrame:
    """The recorded sweep of JiT's page."""
    runs = read_records("jit-sensitivity", "laptop")
    five = runs["noises"].isna() | (runs["noises"].astype(float) == 5)
    return runs[(runs["model"] == "strided_cnn_plain") & five]


@pytest.fixture(scope="module")
def histograms() -> pd.DataFrame:
    """The recorded histograms of that sweep."""
    path = committed_records() / "jit-sensitivity" / "laptop.entropies.csv"
    return pd.read_csv(path, header=1, dtype={"sigma": str, "lr": str}, keep_default_na=False)


@pytest.fixture(scope="module")
def recorded(sweep: pd.DataFrame, histograms: pd.DataFrame) -> Dial:
    return show_dial(sweep, BY, [FORGET, TEST, SURE], "JiT", histograms=histograms)


def made(values: dict[float, list[float]], **columns: Any) -> pd.DataFrame:
    """Records of JiT at several σ, with the references, as fractions of the images."""
    tables = [rows("Original", [0.9, 0.8], measured=TEST), rows("Retrain", [0.7], measured=TEST)]
    tables += [
        rows("JiT", numbers, measured=TEST, params=f'{{"sigma": {sigma}}}', **columns)
        for sigma, numbers in values.items()
    ]
    return pd.concat(tables, ignore_index=True)


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


@pytest.fixture(scope="module")
def browser(of_book: Callable[[str], ModuleType]) -> Iterator[Any]:
    module = of_book("browser")
    if module.executable() is None:
        pytest.skip("no chromium here")
    with module.browsing(module.executable()) as opened:
        yield opened


def opened(browser: Any, dial: Dial, to: Path) -> None:
    files = ("custom.css", "print.css", "dials.js")
    style, paper, script = ((STATIC / name).read_text(encoding="utf-8") for name in files)
    to.write_text(
        f"<!doctype html><meta charset=utf-8><style>{style}{paper}</style><main class=bd-article>"
        f'<div class="output text_html">{dial._repr_html_()}</div></main><script>{script}</script>',
        encoding="utf-8",
    )
    browser.open(to.as_uri())


SHOWN = """(() => {
  const line = (row) => [...row.cells].slice(2).map((cell) => cell.textContent);
  const parts = (row) => [...row.querySelectorAll("i")].map((i) => i.style.width || i.style.left);
  const rows = [...document.querySelectorAll(".dial-frame tbody tr")];
  const text = (name) => document.querySelector(name).textContent;
  return [text(".dial-now"), text(".dial-n"), rows.map(line), rows.map(parts)];
})()"""


BARS = """[...document.querySelectorAll(".dial-outputs td")].map((cell) => [
  cell.lastChild.textContent,
  ...[...cell.querySelectorAll("i")].map((i) => i.style.height || i.style.bottom),
])"""


def bars(dial: Dial, at: tuple[int, ...]) -> list[list[str]]:
    """What the histogram shows of a setting: the share of each bin, its bar, the marks."""
    assert dial.histogram is not None
    top = max(float(share) for shares in dial.histogram.shares.values() for share in shares)
    beside = [dial.histogram.of((name, (None, None))) for name in ("Original", "Retrain")]
    columns = zip(dial.histogram.of(("JiT", at)), *beside, strict=True)
    return [
        [texts[0], *(f"{round(1000 * float(text) / top) / 10:g}%" for text in texts)]
        for texts in columns
    ]


def expected(dial: Dial, at: tuple[int, ...]) -> list[Any]:
    """What is shown of a setting: its name, its n, the texts and the parts of the bars."""

    def parts(cells: tuple[str, ...], top: float) -> list[str]:
        return [f"{round(1000 * float(cell.split()[0]) / top) / 10:g}%" for cell in cells]

    (chosen,) = [models for models in dial.settings if models.at == at]
    beside: list[Models] = [models for models in dial.references if models.belongs_to(at)]
    cells = list(zip(*(models.cells for models in [chosen, *beside]), strict=True))
    name = ", ".join(knob.said(place) for knob, place in zip(dial.knobs, at, strict=True))
    widths = [parts(cell, top) for cell, top in zip(cells, dial.tops, strict=True)]
    return [name, chosen.n, [list(cell) for cell in cells], widths]


def test_the_sliders_show_the_setting_where_they_stand(
    browser: Any, recorded: Dial, tmp_path: Path
) -> None:
    opened(browser, recorded, tmp_path / "page.html")
    assert not browser.value("document.querySelector('.dial-knobs').hidden")
    table = "document.querySelector('.dial-all')"
    assert browser.value(f"[{table}.tabIndex, {table}.ariaLabel]") == [0, "All 16 settings"]
    first = tuple(place or 0 for place in recorded.first.at)
    assert browser.value(SHOWN) == expected(recorded, first)
    assert browser.value(BARS) == bars(recorded, first)
    for at in ((0, 0), (3, 1), (1, 3)):
        for i, place in enumerate(at):
            knob = f"document.querySelectorAll('.dial-knobs input')[{i}]"
            browser.value(f"{knob}.value = {place}; {knob}.dispatchEvent(new Event('input'))")
            told = f"{knob}.getAttribute('aria-valuetext')"
            value = f"{knob}.parentElement.nextElementSibling.textContent"
            now = browser.value(f"[{told}, {value}]")
            assert now == [recorded.knobs[i].values[place]] * 2
        assert browser.value(SHOWN) == expected(recorded, at)
        assert browser.value(BARS) == bars(recorded, at)


def test_an_arrow_of_the_keyboard_moves_a_slider(
    browser: Any, recorded: Dial, tmp_path: Path
) -> None:
    opened(browser, recorded, tmp_path / "page.html")
    browser.value("document.querySelector('.dial-knobs input').focus()")
    for kind in ("keyDown", "keyUp"):
        key = {"key": "ArrowRight", "code": "ArrowRight", "windowsVirtualKeyCode": 39}
        browser.ask("Input.dispatchKeyEvent", type=kind, **key)
    s, e = (place or 0 for place in recorded.first.at)
    assert browser.value(SHOWN) == expected(recorded, (s + 1, e))


def test_a_setting_that_was_not_run_says_so(browser: Any, tmp_path: Path) -> None:
    table = made({0.1: [0.5], 0.2: [0.6]})
    extra = rows("SSD", [0.4], measured=TEST, params='{"sigma": 0.1}')
    both = pd.concat([table, extra], ignore_index=True)
    dial = show_dial(both, {"sigma": "σ", "method": "edit"}, [TEST], "")
    opened(browser, dial, tmp_path / "page.html")
    chosen = "document.querySelector('.dial-knobs select')"
    browser.value(f"{chosen}.value = 1; {chosen}.dispatchEvent(new Event('input'))")
    shown = browser.value(SHOWN)
    assert shown[:2] == ["σ = 0.2, SSD", "0: this was not run"]
    assert shown[2] == [["—", "85.0 ± 7.1", "70.0"]]
    assert shown[3] == [["0%", "85%", "70%"]]


@pytest.mark.parametrize("width", [400, 1400])
def test_the_frame_fits_and_paper_has_all_settings(
    browser: Any, recorded: Dial, tmp_path: Path, width: int
) -> None:
    browser.widen(width)
    opened(browser, recorded, tmp_path / "page.html")
    root = "document.documentElement"
    assert browser.value(f"{root}.scrollWidth <= {root}.clientWidth")
    assert browser.value("document.querySelectorAll('.dial-track')[0].clientWidth") >= 50
    cells = "[...document.querySelectorAll('.dial-outputs :is(th, td)')]"
    assert browser.value(f"{cells}.every((cell) => cell.scrollWidth <= cell.clientWidth + 1)")
    height = "document.querySelector('{}').getBoundingClientRect().height"
    assert browser.value(height.format(".dial-knobs")) > 10
    assert browser.value(height.format("details")) < 40
    browser.ask("Emulation.setEmulatedMedia", media="print")
    assert browser.value(height.format(".dial-knobs")) == 0
    assert browser.value(height.format("details")) > 200
    browser.ask("Emulation.setEmulatedMedia", media="")


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
