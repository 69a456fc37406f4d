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
LEFT: dict[tuple[str, str], str] = {}
"""What is left as it is, by rule and element, and why."""

_UNFOLD = """document.querySelectorAll("details").forEach((part) => (part.open = true));
new Promise((done) => requestAnimationFrame(() => setTimeout(done)))
  .then(() => document.getAnimations().forEach((fading) => fading.finish()))"""
_CONTRAST = 'axe.configure({ rules: [{ id: "color-contrast", selector: "[data-kind]" }] })'
_MARK = """((known) => {
  const grounds = new Map([[null, ""]]);
  const ground = (element) => {
    if (!grounds.has(element)) {
      const { backgroundColor, backgroundImage, opacity } = getComputedStyle(element);
      const own = [backgroundColor, backgroundImage, opacity].join();
      const below = ground(element.parentElement);
      grounds.set(element, own === "rgba(0, 0, 0, 0),none,1" ? below : `${below} ${own}`);
    }
    return grounds.get(element);
  };
  const kinds = new Set();
  for (const element of document.querySelectorAll("body *")) {
    delete element.dataset.kind;
    const words = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!words || !element.checkVisibility({ visibilityProperty: true })) continue;
    const { color, fontSize, fontWeight } = getComputedStyle(element);
    const kind = [color, fontSize, fontWeight, ground(element)].join();
    if (!known.includes(kind) && !kinds.has(kind)) element.dataset.kind = "new";
    kinds.add(kind);
  }
  return [...kinds];
})(%s)"""
_RUN = """axe.run({ resultTypes: ["violations"], preload: false, %s }).then((found) =>
  found.violations.flatMap(({ id, nodes }) => nodes.map(
    ({ target, html }) => [id, target.flat().join(" "), html.slice(0, 120)])))"""


def axe_core() -> str | None:
    """Return the script of axe-core; None if it is not installed."""
    try:
        script = distribution(PACKAGE).locate_file("axe_playwright_python/axe.min.js")
    except PackageNotFoundError:
        return None
    return Path(str(script)).read_text(encoding="utf-8")


def barriers(browser: Browser, axe: str, known: set[str], only_contrast: bool = False) -> list[str]:
    """Return what the script `axe` finds on the page that is open, as it is shown now.

    Args:
        browser: Shows the page; what it can unfold is unfolded.
        axe: What `axe_core` returns.
        known: The kinds of words of which the contrast is known; those of the page are added.
        only_contrast: Whether all else is known, too, as it is in the other theme.
    """
    browser.value(f"window.axe || (0, eval)({json.dumps(axe)}); {_CONTRAST}; {_UNFOLD}")
    kinds = set(browser.value(_MARK % json.dumps(sorted(known))))
    seen_all = kinds <= known
    known |= kinds
    if only_contrast and seen_all:
        return []
    contrast = '"color-contrast"'
    without = f"rules: {{ {contrast}: {{ enabled: {json.dumps(not seen_all)} }} }}"
    found = browser.value(_RUN % (f"runOnly: [{contrast}]" if only_contrast else without))
    return [
        f"{rule}: {target} {html}" for rule, target, html in found if (rule, target) not in LEFT
    ]
