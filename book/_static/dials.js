/* Dials: sliders that show one setting out of a table of all of them.

   Without JavaScript the setting in the middle is shown, and the table of all can be opened. A row of
   that table says in data-at where it stands on each knob; the row of a reference in data-beside
   beside which settings, "*" for all; data-shares, where it has them, fill the histogram. */
(function () {
  "use strict";

  function upgrade(dial) {
    const knobs = [...dial.querySelectorAll(".dial-knobs :is(input, select)")];
    const all = [...dial.querySelectorAll(".dial-all tbody tr")];
    const lines = [...dial.querySelectorAll(".dial-frame tbody tr")];
    const named = dial.querySelector(".dial-now");
    const n = dial.querySelector(".dial-n");
    const bins = [...dial.querySelectorAll(".dial-outputs td")];
    const FIRST = 2; // cells of a row, in either table, before the numbers

    function percent(part) {
      return `${Math.min(100, Math.max(0, 100 * part || 0)).toFixed(1)}%`;
    }

    function belongs(row, at) {
      const places = (row.dataset.beside || "").split(" ");
      return places.every((place, i) => place === "*" || place === at[i]);
    }

    function fill(rows) {
      const top = bins[0].closest("table").dataset.top;
      const shares = rows.map((row) => (row ? row.dataset.shares.split(" ") : []));
      bins.forEach((bin, i) => {
        const marks = bin.querySelectorAll("i");
        shares.forEach((of, j) => {
          marks[j].style[j ? "bottom" : "height"] = percent(parseFloat(of[i]) / top);
        });
        bin.lastChild.textContent = shares[0][i] || "—";
      });
    }

    function value(knob) {
      if (knob.options) return knob.options[knob.value].textContent;
      return knob.dataset.values.split("|")[knob.value];
    }

    function show() {
      const at = knobs.map((knob) => knob.value);
      const chosen = all.find((row) => row.dataset.at === at.join(" "));
      const rows = [chosen, ...all.filter((row) => belongs(row, at))];
      lines.forEach((line, i) => {
        const marks = line.querySelectorAll("i");
        rows.forEach((row, j) => {
          const text = row ? row.cells[FIRST + i].textContent : "—";
          const number = parseFloat(text.replace("\u2212", "-"));
          line.cells[FIRST + j].textContent = text;
          marks[j].style[j ? "left" : "width"] = percent(number / line.dataset.top);
        });
      });
      if (bins.length) fill(rows);
      for (const knob of knobs) {
        if (knob.options) continue;
        knob.setAttribute("aria-valuetext", value(knob));
        knob.parentElement.nextElementSibling.textContent = value(knob);
      }
      const said = (knob) => (knob.options ? "" : `${knob.dataset.word} = `) + value(knob);
      named.textContent = knobs.map(said).join(", ");
      n.textContent = chosen ? chosen.lastElementChild.textContent : "0: this was not run";
    }

    for (const knob of knobs) knob.addEventListener("input", show);
    const table = dial.querySelector(".dial-all"); // it may be wide, and scrolls by the keyboard
    table.tabIndex = 0;
    table.setAttribute("role", "region");
    table.setAttribute("aria-label", dial.querySelector("summary").textContent);
    dial.querySelector(".dial-knobs").hidden = false;
    show(); // a browser may keep where the sliders stood
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(".dial").forEach(upgrade);
  });
})();
