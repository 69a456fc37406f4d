/* A switch in the header that opens and closes the code of every cell, and is remembered.

   Without JavaScript each cell opens by a click of its own. The theme lets the keyboard scroll code
   that is too wide, but sees so only of what is open when the page is loaded. */
(function () {
  "use strict";

  const KEY = "code"; // in the browser's storage: "open" or ""

  function remembered() {
    try {
      return localStorage.getItem(KEY) === "open";
    } catch (error) {
      return false; // a browser that keeps nothing for pages from a folder
    }
  }

  function remember(open) {
    try {
      localStorage.setItem(KEY, open ? "open" : "");
    } catch (error) {
      // the switch works all the same, on this page
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    const cells = [...document.querySelectorAll("details.above-input")];
    const bar = document.querySelector(".article-header-buttons");
    if (!cells.length || !bar) return;
    const button = document.createElement("button");

    for (const cell of cells) {
      cell.addEventListener("toggle", () => {
        for (const code of cell.querySelectorAll("pre")) {
          code.tabIndex = code.scrollWidth > code.clientWidth ? 0 : -1;
        }
      });
    }

    function show(open) {
      for (const cell of cells) cell.open = open;
      button.setAttribute("aria-pressed", String(open));
    }

    button.type = "button";
    button.className = "btn btn-sm code-switch";
    button.title = "Show or hide the code of all cells";
    button.textContent = "Code";
    button.addEventListener("click", () => {
      const open = button.getAttribute("aria-pressed") !== "true";
      show(open);
      remember(open);
    });
    bar.prepend(button);
    show(remembered());
  });
})();
