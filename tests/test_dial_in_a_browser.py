"""A dial shows the setting where its sliders stand, in a browser, if there is one."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from unlearnlib.report import show_dial
from unlearnlib.report.dial import Dial
from unlearnlib.report.dial_models import Models

from . import made_dials
from .made_dials import TEST, made
from .made_tables import rows

STATIC = Path(__file__).resolve().parent.parent / "book" / "_static"


@pytest.fixture(scope="module", name="recorded")
def of_recorded() -> Dial:
    return made_dials.recorded()


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
