"""Open every page of the built book in a browser, from its folder and without a network.

`make browse` runs it. No page may write an error to the console, ask for anything outside the book
or scroll sideways as a whole; axe-core may find no barrier on it, in either theme. The search has
to find, and the switch for code has to be remembered.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from accessibility import CONTRAST, NARROW, PACKAGE, THEMES, axe_core, barriers
from browser import Browser, browsing, executable

HTML = Path(__file__).resolve().parent / "_build" / "html"
DESK, PHONE = 1400, 400  # pixels
SIDEWAYS = "document.documentElement.scrollWidth - innerWidth"
WIDE = "[...document.querySelectorAll('.bd-article .scrolls caption')].map((c) => c.textContent)"
BROWSERS = 2  # at a time
SETTLED = "new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100)))"
LOCAL = ("file:", "data:", "blob:", "about:", "chrome:")


def complaints(browser: Browser) -> list[str]:
    """Return the errors and warnings of the page, and what it asked for outside."""
    told = []
    for event in browser.events:
        kind, what = event.get("method"), event.get("params", {})
        if kind == "Runtime.exceptionThrown":
            details = what["exceptionDetails"]
            told.append(details.get("exception", {}).get("description", details["text"]))
        elif kind == "Log.entryAdded" and what["entry"]["level"] in ("error", "warning"):
            told.append(what["entry"]["text"])
        elif kind == "Runtime.consoleAPICalled" and what["type"] in ("error", "warning", "assert"):
            told.append(" ".join(str(given.get("value")) for given in what["args"]))
        elif kind == "Network.requestWillBeSent":
            url = what["request"]["url"]
            told += [] if url.startswith(LOCAL) else [f"asks for {url}"]
    return told


def sees(browser: Browser, page: Path) -> list[str]:
    """Return what is wrong with one page, on a desk and on a phone."""
    browser.prefer(THEMES[0])
    browser.widen(DESK)
    browser.open(page.as_uri())
    wrong = []
    for width in (DESK, PHONE):
        browser.widen(width)
        browser.value(SETTLED)
        over = browser.value(SIDEWAYS)
        wrong += [f"scrolls sideways by {over} px at {width} px"] if over > 0 else []
        if width == DESK:
            wrong += [f"a table is too wide: {caption[:60]}" for caption in browser.value(WIDE)]
    return [*complaints(browser), *wrong]


def reaches(browser: Browser, axe: str, known: set[str]) -> list[str]:
    """Return the barriers of the open page, on a phone and on a desk, in both themes.

    Not every rule is asked each time: all but contrast see the same in either theme.

    Args:
        browser: Shows the page.
        axe: The script of axe-core.
        known: The kinds of words of which the contrast is known.
    """
    wrong = []
    for width, rules in ((PHONE, NARROW), (DESK, None)):
        browser.widen(width)
        browser.value("new Promise((done) => setTimeout(done, 300))")  # as long as the theme waits
        for theme in THEMES:
            browser.prefer(theme)
            browser.value(SETTLED)
            asked = rules if theme == THEMES[0] else (CONTRAST,)
            found = barriers(browser, axe, known, asked)
            wrong += [f"axe, {theme} at {width} px: {barrier}" for barrier in found]
    return wrong


def looked_at(pages: list[Path], chromium: str, axe: str, known: set[str]) -> dict[str, list[str]]:
    """Return what is wrong with each of the pages, which one browser opens in turn."""
    with browsing(chromium) as browser:
        return {
            page.relative_to(HTML).as_posix(): sees(browser, page) + reaches(browser, axe, known)
            for page in pages
        }


def finds(browser: Browser) -> list[str]:
    """Return what is wrong with the search."""
    browser.open(f"{(HTML / 'search.html').as_uri()}?q=dampening")
    for _ in range(50):
        if browser.value("document.querySelectorAll('#search-results li a').length"):
            return complaints(browser)
        time.sleep(0.1)
    return ["finds nothing for 'dampening'", *complaints(browser)]


def folds(browser: Browser, page: Path) -> list[str]:
    """Return what is wrong with the switch for code: closed, opened by a click, remembered."""
    states = []
    for click in (False, True, False):
        browser.open(page.as_uri())
        if click:
            browser.value("document.querySelector('.code-switch').click()")
        cells = "[...document.querySelectorAll('details.above-input')].map((cell) => cell.open)"
        states.append(set(browser.value(cells)))
    right = [{False}, {True}, {True}]
    return [] if states == right else [f"the switch for code leaves {states}, not {right}"]


if __name__ == "__main__":
    chromium, axe = executable(), axe_core()
    if chromium is None:
        sys.exit(print("Skipped: no Chromium or Chrome is installed here."))
    if axe is None:
        sys.exit(f"axe-core can look at no page: {PACKAGE} is not installed. Run: make install")
    leads_on = HTML / "index.html"  # to the front page, at once
    pages = sorted(p for p in {*HTML.rglob("*.html")} - {leads_on} if "_static" not in p.parts)
    if not pages:
        sys.exit(f"There is no book in {HTML}. Build it: make book.")
    faults: dict[str, list[str]] = {}
    known: set[str] = set()  # of both browsers: which of them asks for a kind does not matter
    with ThreadPoolExecutor(BROWSERS) as pool:
        parts = [
            pool.submit(looked_at, pages[i::BROWSERS], chromium, axe, known)
            for i in range(BROWSERS)
        ]
        for part in parts:
            faults |= part.result()
    with browsing(chromium) as browser:
        browser.widen(DESK)
        faults["search"] = finds(browser) + reaches(browser, axe, set())
        found = HTML / "book/_executed/dampening/method.html"  # its words are marked, this once
        faults["a page that was found"] = sees(browser, found) + reaches(browser, axe, set())
        faults["code"] = folds(browser, HTML / "book/_executed/jit/random.html")
    for name, wrong in faults.items():
        print(*(f"{name}: {fault}" for fault in wrong), sep="\n", end="\n" if wrong else "")
    count = sum(map(len, faults.values()))
    print(f"{len(pages)} pages, {count} faults")
    sys.exit(count > 0)
