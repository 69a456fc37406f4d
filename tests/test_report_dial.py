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
from unlearnlib.report import show_dial
from unlearnlib.report.dial import Dial, Models
from unlearnlib.report.rows import row_dicts

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
def recorded(sweep: pd.DataFrame) -> Dial:
    return show_dial(sweep, BY, [FORGET, TEST, SURE], "JiT")


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
    for at in ((0, 0), (3, 1), (1, 3)):
        for i, place in enumerate(at):
            knob = f"document.querySelectorAll('.dial-knobs input')[{i}]"
            browser.value(f"{knob}.value = {place}; {knob}.dispatchEvent(new Event('input'))")
            told = f"{knob}.getAttribute('aria-valuetext')"
            value = f"{knob}.parentElement.nextElementSibling.textContent"
            now = browser.value(f"[{told}, {value}]")
            assert now == [recorded.knobs[i].values[place]] * 2
        assert browser.value(SHOWN) == expected(recorded, at)


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
    height = "document.querySelector('{}').getBoundingClientRect().height"
    assert browser.value(height.format(".dial-knobs")) > 10
    assert browser.value(height.format("details")) < 40
    browser.ask("Emulation.setEmulatedMedia", media="print")
    assert browser.value(height.format(".dial-knobs")) == 0
    assert browser.value(height.format("details")) > 200
    browser.ask("Emulation.setEmulatedMedia", media="")
