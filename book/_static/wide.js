/* Tables that are wider than the page: set closer if that is enough, else their box scrolls. On a
   narrow screen figures scroll, too.

   A box that scrolls says so, keeps the first column in sight and can be scrolled by the keyboard.
   Without JavaScript it scrolls, too. */
(function () {
  "use strict";

  const BOXES = ".bd-article :is(.output.text_html, .pst-scrollable-table-container)";

  /* What a caption says, without its links. */
  function words(caption) {
    const links = (node) => node.matches && node.matches("a, button");
    const said = [...caption.childNodes].filter((node) => !links(node));
    return said.map((node) => node.textContent).join("").trim();
  }

  function fit(box) {
    box.classList.remove("close", "scrolls");
    const tooWide = () => box.scrollWidth > box.clientWidth + 1;
    if (tooWide()) box.classList.add("close");
    const scrolls = tooWide();
    box.classList.toggle("scrolls", scrolls);
    if (!scrolls) {
      for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
      return;
    }
    const caption = box.querySelector("caption, figcaption");
    box.style.setProperty("--seen", `${box.clientWidth}px`); // a caption is no wider
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", caption ? words(caption) : "Wide table");
  }

  document.addEventListener("DOMContentLoaded", () => {
    const wide = (box) => box.querySelector("table, figure");
    const boxes = [...document.querySelectorAll(BOXES)].filter(wide);
    const width = new Map();
    const watch = new ResizeObserver((entries) => {
      for (const { target } of entries) {
        if (width.get(target) === target.clientWidth) continue; // only its height has changed
        width.set(target, target.clientWidth);
        fit(target);
      }
    });
    boxes.forEach((box) => watch.observe(box));
  });
})();
