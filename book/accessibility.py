"""What axe-core finds on a page that keeps out who hears it, uses no mouse or needs contrast.

Contrast is by far the slowest of its rules. It depends on colours and on how large letters are, so
it is asked once for each kind of words that differs in these, not on each page anew.
"""

import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from browser import Browser

PACKAGE = "axe-playwright-python"  # of which we use the axe-core alone: no Playwright
THEMES = ("light", "dark")
CONTRAST = "color-contrast"
NARROW = (CONTRAST, "scrollable-region-focusable", "button-name")
"""What a narrow screen can break in a page that is right on a wide one: its buttons are others."""

_UNFOLD = """document.querySelectorAll("details").forEach((part) => (part.open = true));
new Promise((done) => requestAnimationFrame(() => setTimeout(done)))
  .then(() => document.getAnimations().forEach((fading) => fading.finish()))"""
_SELECT = f'axe.configure({{ rules: [{{ id: "{CONTRAST}", selector: "[data-kind]" }}] }})'
_MARK = """((known) => {
  const NOTHING = "rgba(0, 0, 0, 0)"; // the ground of what has none
  const grounds = new Map([[null, { under: "", opacity: 1 }]]);
  const ground = (element) => {
    if (!grounds.has(element)) {
      const below = ground(element.parentElement);
      const { backgroundColor, backgroundImage, opacity } = getComputedStyle(element);
      const own = backgroundColor + backgroundImage.replace("none", "");
      const seen = own === NOTHING ? "" : own; // over what is below, unless it hides that
      const under = own.startsWith("rgb(") ? own : below.under + seen;
      grounds.set(element, { under, opacity: below.opacity * opacity });
    }
    return grounds.get(element);
  };
  const kinds = new Set();
  for (const element of document.querySelectorAll("body *")) {
    delete element.dataset.kind;
    const words = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!words || !element.checkVisibility({ visibilityProperty: true })) continue;
    const { color, fontSize, fontWeight } = getComputedStyle(element);
    const large = parseFloat(fontSize) >= (fontWeight >= 700 ? 18.66 : 24); // as WCAG has it
    const { under, opacity } = ground(element);
    const kind = [color, large, under, opacity].join();
    if (!known.includes(kind) && !kinds.has(kind)) element.dataset.kind = "new";
    kinds.add(kind);
  }
  return [...kinds];
})(%s)"""
_RUN = """axe.run(%s).then((found) =>
  found.violations.flatMap(({ id, nodes }) => nodes.map(
    ({ target, html }) => [id, target.flat().join(" "), html.slice(0, 120)])))"""


def axe_core() -> str | None:
    """Return the script of axe-core; None if it is not installed."""
    try:
        script = distribution(PACKAGE).locate_file("axe_playwright_python/axe.min.js")
    except PackageNotFoundError:
        return None
    return Path(str(script)).read_text(encoding="utf-8")


def barriers(
    browser: Browser, axe: str, known: set[str], rules: tuple[str, ...] | None = None
) -> list[str]:
    """Return what the script `axe` finds on the page that is open, as it is shown now.

    Args:
        browser: Shows the page; what it can unfold is unfolded.
        axe: What `axe_core` returns.
        known: The kinds of words of which the contrast is known; those of the page are added.
        rules: The rules of axe-core to ask for; all if None.
    """
    browser.value(f"window.axe || (0, eval)({json.dumps(axe)}); {_SELECT}; {_UNFOLD}")
    kinds = set(browser.value(_MARK % json.dumps(sorted(known))))
    new = not kinds <= known
    known |= kinds
    if rules is None:
        asked: dict[str, object] = {"rules": {CONTRAST: {"enabled": new}}}
    else:
        left = [rule for rule in rules if rule != CONTRAST or new]
        if not left:
            return []
        asked = {"runOnly": left}
    options = {"resultTypes": ["violations"], "preload": False, **asked}
    found = browser.value(_RUN % json.dumps(options))
    return [f"{rule}: {target} {html}" for rule, target, html in found]
