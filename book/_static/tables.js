/* Tables of the class "sortable": a button in each heading sorts, a field above filters.

   Without JavaScript they are ordinary tables. A row with one cell over all columns names the group
   of those below it; groups are shown in the order of the page, and as a part of each row's text
   when filtering. */
(function () {
  "use strict";

  const LONG = 12; // rows from which on a table has a field to filter it
  const VERY_LONG = 120; // and from which on it scrolls in a box of its own
  const WORDS = { ascending: "▲", descending: "▼", none: "" };

  function text(cell) {
    return cell ? cell.textContent.trim() : "";
  }

  /* "97.0 ± 0.3" is 97, "9/10" is 0.9, what does not begin with a number is none. */
  function number(words) {
    const plain = words.replace(/\u2212/g, "-");
    const share = /^(\d+)\/(\d+)$/.exec(plain);
    if (share) return Number(share[1]) / Number(share[2]);
    const found = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?/i.exec(plain);
    return found ? Number(found[0]) : NaN;
  }

  /* What has no number, or says nothing, comes last in either order. */
  function compare(a, b, numeric, sign) {
    if (!numeric) {
      if (!a || !b) return (a ? 0 : 1) - (b ? 0 : 1);
      return sign * a.localeCompare(b, "en", { numeric: true });
    }
    const [x, y] = [number(a), number(b)];
    if (isNaN(x) || isNaN(y)) return (isNaN(x) ? 1 : 0) - (isNaN(y) ? 1 : 0);
    return sign * (x - y);
  }

  function upgrade(table) {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
    if (!body || body.querySelector("[rowspan]")) return;
    const rows = [...body.rows]; // in the order of the page
    const isGroup = (row) => row.cells.length === 1 && heads.length > 1;
    const groupOf = new Map();
    let group = null;
    for (const row of rows) {
      if (isGroup(row)) group = row;
      else groupOf.set(row, group);
    }
    const lines = [...groupOf.keys()];

    const field = document.createElement("input");
    const told = document.createElement("span");
    let sorted = false;

    function show() {
      const wanted = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let seen = 0;
      for (const row of lines) {
        const words = (text(groupOf.get(row)) + " " + text(row)).toLowerCase();
        row.hidden = !wanted.every((word) => words.includes(word));
        seen += row.hidden ? 0 : 1;
      }
      for (const row of rows.filter(isGroup)) {
        row.hidden = sorted || !lines.some((line) => groupOf.get(line) === row && !line.hidden);
      }
      told.textContent = wanted.length ? `${seen} of ${lines.length} rows` : `${lines.length} rows`;
    }

    function sortBy(head, order) {
      const column = heads.indexOf(head);
      sorted = order !== "none";
      for (const other of heads) {
        const now = other === head ? order : "none";
        if (now === "none") other.removeAttribute("aria-sort");
        else other.setAttribute("aria-sort", now);
        other.querySelector(".sort-arrow").textContent = WORDS[now];
      }
      if (!sorted) body.append(...rows);
      else {
        const cells = new Map(lines.map((row) => [row, text(row.cells[column])]));
        const filled = [...cells.values()].filter((words) => words && words !== "—");
        const numeric = filled.length > 0 && filled.every((words) => !isNaN(number(words)));
        const sign = order === "ascending" ? 1 : -1;
        const ordered = [...lines];
        ordered.sort((a, b) => compare(cells.get(a), cells.get(b), numeric, sign));
        body.append(...ordered);
      }
      show();
    }

    for (const head of heads) {
      const button = document.createElement("button");
      const arrow = document.createElement("span");
      button.type = "button";
      button.title = "Sort by this column";
      arrow.className = "sort-arrow";
      arrow.setAttribute("aria-hidden", "true");
      button.append(...head.childNodes, arrow);
      head.append(button);
      button.addEventListener("click", () => {
        const next = { ascending: "descending", descending: "none" };
        sortBy(head, next[head.getAttribute("aria-sort")] || "ascending");
      });
    }

    if (lines.length <= LONG) return;
    const bar = document.createElement("p");
    const label = document.createElement("label");
    bar.className = "table-filter";
    field.type = "search";
    told.setAttribute("aria-live", "polite");
    label.append("Filter: ", field);
    bar.append(label, " ", told);
    table.before(bar);
    if (lines.length > VERY_LONG) table.parentElement.classList.add("table-box");
    field.addEventListener("input", show);
    show();
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("table.sortable").forEach(upgrade);
  });
})();
