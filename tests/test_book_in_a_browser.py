"""The browser that prints and tries the book, and the scripts of its pages, if there is one."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from unlearnlib.report import Table

STATIC = Path(__file__).resolve().parent.parent / "book" / "_static"
WORDS = "".join(f"<td style='background:none'>word{i}word</td>" for i in range(30))
PAGE = f"""<!doctype html><meta charset=utf-8><title>A page</title>
<style>{(STATIC / "custom.css").read_text(encoding="utf-8")}</style>
<style>{(STATIC / "print.css").read_text(encoding="utf-8")}</style>
<body><div class=article-header-buttons></div><main class=bd-article><h1>A page</h1>
<details class=above-input><summary>Show code</summary><pre>x = 1</pre></details>
<details class=above-input><summary>Show code</summary><pre>y = 2</pre></details>
<div class="output text_html"><table id=wide><caption>Wide</caption><tr>{WORDS}</tr></table></div>
<div class="output text_html"><table id=small><tr><td>1</td></tr></table></div>
<div class="output text_html"><figure><img alt="Figure 1" src="data:image/gif;base64,
R0lGODlhAQABAAAAACwAAAAAAQABAAA="><figcaption>Dots</figcaption></figure></div></main>
<script>{(STATIC / "wide.js").read_text(encoding="utf-8")}</script>
<script>{(STATIC / "code.js").read_text(encoding="utf-8")}</script>"""
OPEN = "[...document.querySelectorAll('details')].map((cell) => cell.open)"
SWITCH = "document.querySelector('.code-switch')"


@pytest.fixture
def page(tmp_path: Path) -> str:
    path = tmp_path / "page.html"
    path.write_text(PAGE, encoding="utf-8")
    return path.as_uri()


def test_the_switch_opens_all_code_and_is_remembered(browser: Any, page: str) -> None:
    browser.open(page)
    assert browser.value(OPEN) == [False, False]
    browser.value(f"{SWITCH}.click()")
    assert browser.value(OPEN) == [True, True]
    assert browser.value(f"{SWITCH}.getAttribute('aria-pressed')") == "true"
    assert comes_to(browser, OPEN, [True, True], page)
    browser.value(f"{SWITCH}.click()")
    assert comes_to(browser, OPEN, [False, False], page)


def test_opened_code_that_is_too_wide_can_be_scrolled_by_the_keyboard(
    browser: Any, page: str
) -> None:
    browser.open(page)
    browser.value("document.querySelector('pre').style.cssText = 'width: 2em; overflow-x: auto'")
    browser.value("document.querySelectorAll('pre').forEach((code) => (code.tabIndex = -1))")
    browser.value(f"{SWITCH}.click()")
    stops = "[...document.querySelectorAll('pre')].map((code) => code.tabIndex)"
    assert comes_to(browser, stops, [0, -1])
    browser.value(f"{SWITCH}.click()")


def comes_to(browser: Any, expression: str, expected: Any, page: str = "") -> bool:
    """Whether a value is reached within a minute, on a page, if named, that is opened anew.

    A script may wait for the layout, and what is told to be remembered is written down later.
    """
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if page:
            browser.open(page)
        if browser.value(expression) == expected:
            return True
    return False


def test_a_wide_table_says_that_it_scrolls_and_keeps_its_first_column(
    browser: Any, page: str
) -> None:
    browser.widen(600)
    browser.open(page)
    box = "document.querySelector('#wide').parentElement"
    assert comes_to(browser, f"[...{box}.classList]", ["output", "text_html", "close", "scrolls"])
    assert browser.value(f"[{box}.tabIndex, {box}.getAttribute('aria-label')]") == [0, "Wide"]
    assert "scroll" in browser.value(f"getComputedStyle({box}, '::before').content")
    left = "document.querySelector('#wide td').getBoundingClientRect().left"
    before = browser.value(left)
    browser.value(f"{box}.scrollLeft = 300")
    assert browser.value(left) == before
    ground = "getComputedStyle(document.querySelector('#wide td')).backgroundColor"
    browser.value("document.documentElement.style.setProperty('--pst-color-background', '#123456')")
    assert browser.value(ground) == "rgb(18, 52, 86)"  # what scrolls by does not shine through
    small = "[...document.querySelector('#small').parentElement.classList]"
    assert browser.value(small) == ["output", "text_html"]
    browser.widen(9000)
    assert comes_to(browser, f"[...{box}.classList]", ["output", "text_html"])


def test_a_figure_scrolls_on_a_phone_alone_and_its_caption_stays(browser: Any, page: str) -> None:
    box = "document.querySelector('figure').parentElement"
    for width, classes in ((400, ["output", "text_html", "close", "scrolls"]), (1400, None)):
        browser.widen(width)
        browser.open(page)
        assert comes_to(browser, f"[...{box}.classList]", classes or ["output", "text_html"])
        assert browser.value(f"{box}.getAttribute('aria-label')") == (classes and "Dots")
        left = "document.querySelector('figcaption').getBoundingClientRect().left"
        before = browser.value(left)
        browser.value(f"{box}.scrollLeft = 100")
        assert browser.value(f"{box}.scrollLeft") == (100 if classes else 0)
        assert browser.value(left) == before


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_paper_is_white_whatever_the_theme(browser: Any, page: str, theme: str) -> None:
    browser.open(page)
    browser.value(f"document.documentElement.dataset.theme = '{theme}'")
    browser.ask("Emulation.setEmulatedMedia", media="print")
    ground = "getComputedStyle(document.documentElement).getPropertyValue('{}').trim()"
    assert browser.value(ground.format("--pst-color-background")) == "#fff"
    assert browser.value(ground.format("--fails")) == "#a63a00"
    browser.value("document.querySelectorAll('details').forEach((cell) => (cell.open = false))")
    closed = "document.querySelector('details').getClientRects().length"
    assert browser.value(closed) == 0  # folded code is not printed
    browser.ask("Emulation.setEmulatedMedia", media="")


def test_in_the_dark_a_drawing_is_dark_and_an_image_as_it_is(browser: Any, page: str) -> None:
    browser.open(page)
    kinds = "<svg class=drawing></svg>", "<img class=drawing>", "<svg></svg>", "<img>"
    made = "".join(f"<figure>{kind}</figure>" for kind in kinds)
    html = made
    for kind in ("cell_output", "bd-article", "bd-content"):
        html = f"<div class={kind}>{html}</div>"
    browser.value(f"document.body.insertAdjacentHTML('beforeend', `{html}`)")
    filters = (
        "[...document.querySelectorAll('.cell_output figure > *')].slice(-4)"
        ".map((one) => getComputedStyle(one).filter != 'none')"
    )
    for theme, media, turned in (
        ("light", "", False),
        ("dark", "", True),
        ("dark", "print", False),
    ):
        browser.value(f"document.documentElement.dataset.theme = '{theme}'")
        browser.ask("Emulation.setEmulatedMedia", media=media)
        assert browser.value(filters) == [turned, turned, False, False]
    browser.ask("Emulation.setEmulatedMedia", media="")


@pytest.mark.parametrize(("theme", "words"), [("light", "#222832"), ("dark", "#ced6dd")])
@pytest.mark.parametrize("verdict", ["reproduced", "undecided", "not-reproduced"])
def test_the_frame_of_an_exploratory_cell_shows_on_its_ground(
    browser: Any, page: str, theme: str, words: str, verdict: str
) -> None:
    def light(colour: str) -> float:  # relative luminance, as WCAG has it
        parts = [int(part) / 255 for part in colour[4:-1].split(",")]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    browser.open(page)
    browser.value(f"document.documentElement.dataset.theme = '{theme}'")
    browser.value(f"document.documentElement.style.setProperty('--pst-color-text-base', '{words}')")
    cell = f"<span id=cell class='cell-of exploratory {verdict}'>1/3</span>"
    browser.value(f'document.body.insertAdjacentHTML("beforeend", "{cell}")')
    style = "getComputedStyle(document.querySelector('#cell'))"
    frame, ground = browser.value(f"[{style}.borderTopColor, {style}.backgroundColor]")
    low, high = sorted((light(frame), light(ground)))
    assert (high + 0.05) / (low + 0.05) > 3


def test_errors_and_requests_are_told(
    of_book: Callable[[str], ModuleType], browser: Any, tmp_path: Path
) -> None:
    sees = of_book("browse").sees
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<body><div style='width:2000px'>wide</div><img src='http://127.0.0.1:9/x.png'>"
        "<script>console.error('oh', 1)</script><script>const a = 1; const a = 2;</script>",
        encoding="utf-8",
    )
    told = "\n".join(sees(browser, bad))
    for fault in ("oh 1", "SyntaxError", "asks for http://127.0.0.1:9/x.png", "at 400 px"):
        assert fault in told
    good = tmp_path / "good.html"
    good.write_text("<!doctype html><meta charset=utf-8><body><p>Nothing", encoding="utf-8")
    assert sees(browser, good) == []


BARRIERS = """<!doctype html><html lang=en><meta charset=utf-8><title>A page</title>
<style>@media (prefers-color-scheme: dark) { b { color: #333; background: #000 } }
@media (max-width: 500px) { pre { overflow-x: auto; width: 200px } }</style>
<main><h1>A page</h1><p>Words <b>that fade in the dark</b></p>
<details><summary>More</summary><img src=""></details>
<pre>a line that is too long for the screen of a phone, which then scrolls</pre></main>"""


def test_barriers_are_found_in_both_themes_and_widths_and_what_is_folded(
    of_book: Callable[[str], ModuleType], browser: Any, tmp_path: Path
) -> None:
    reaches, axe = of_book("browse").reaches, of_book("accessibility").axe_core()
    page = tmp_path / "page.html"
    page.write_text(BARRIERS, encoding="utf-8")
    browser.open(page.as_uri())
    known: set[str] = set()
    found = {fault.rsplit(": ", 1)[0] for fault in reaches(browser, axe, known)}
    assert found == {
        "axe, light at 400 px: scrollable-region-focusable",
        "axe, dark at 400 px: color-contrast",
        "axe, light at 1400 px: image-alt",
    }
    assert not any("contrast" in fault for fault in reaches(browser, axe, known))  # asked once
    good = BARRIERS.replace('src=""', 'src="" alt=""').replace("#333", "#fff")
    page.write_text(good.replace("<pre>", "<pre tabindex=0>"), encoding="utf-8")
    browser.open(page.as_uri())
    assert reaches(browser, axe, set()) == []
    browser.prefer("light")


def test_without_axe_core_there_is_a_sentence_and_no_success(
    of_book: Callable[[str], ModuleType],
) -> None:
    if of_book("browser").executable() is None:
        pytest.skip("no chromium here")
    script = STATIC.parent / "browse.py"
    command = [sys.executable, "-S", str(script)]  # -S: nothing that is installed
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("axe-core can look at no page: axe-playwright-python is not")


def test_a_pdf_is_printed_with_its_outline(
    of_book: Callable[[str], ModuleType], browser: Any, page: str, tmp_path: Path
) -> None:
    to = tmp_path / "book.pdf"
    module = of_book("pdf")
    module.print_page(module.executable(), tmp_path / "page.html", to)
    assert to.read_bytes().startswith(b"%PDF-")
    assert b"/Outlines" in to.read_bytes()


def test_without_a_browser_there_is_a_sentence_and_no_pdf(
    of_book: Callable[[str], ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    of_book("pdf").main()
    assert capsys.readouterr().out.startswith("No PDF: it is printed by Chromium or Chrome")


def test_a_table_is_saved_as_it_is_shown(browser: Any, tmp_path: Path) -> None:
    rows = (("One", ("a, b", "−1.0 ± 2")), ("One", ("a, b", "3")), ("Two", ('the "c"', "—")))
    table = Table(("Name", "Value"), rows, "Of two groups", spans=("", "mean"))
    script = (STATIC / "csv.js").read_text(encoding="utf-8")
    path = tmp_path / "some.html"
    path.write_text(
        f"<!doctype html><meta charset=utf-8><main class=bd-article><div class='output text_html'>"
        f"{table._repr_html_()}<table><tr><td>no caption</td></tr></table></div></main>"
        f"<script>{script}</script>",
        encoding="utf-8",
    )
    browser.open(path.as_uri())
    assert browser.value("document.querySelectorAll('button.csv').length") == 1
    browser.value("URL.createObjectURL = (saved) => { window.saved = saved; return '#'; }")
    browser.value(
        "HTMLAnchorElement.prototype.click = function () { window.named = this.download; }"
    )
    browser.value("document.querySelector('tbody').rows[2].hidden = true")
    browser.value("document.querySelector('button.csv').click()")
    assert browser.value("named") == f"{tmp_path.name}-some-table.csv"
    lines = browser.value("window.saved.text()").splitlines()
    assert lines == ["group,Name,mean Value", 'One,"a, b",-1.0 ± 2', 'Two,"the ""c""",—']
    browser.value("document.querySelector('tbody').append(document.querySelector('tbody').rows[1])")
    browser.value("document.querySelector('button.csv').click()")  # sorted: the groups stay
    lines = browser.value("window.saved.text()").splitlines()
    assert lines[1:] == ['Two,"the ""c""",—', 'One,"a, b",-1.0 ± 2']
    browser.value(
        "document.querySelector('table').append(document.querySelector('tbody').cloneNode(true))"
    )
    browser.value("document.querySelector('button.csv').click()")
    assert len(browser.value("window.saved.text()").splitlines()) == 3  # what came later is no row
