/* A button in the caption of each table saves the rows that are shown, as CSV.

   The name of a group becomes a first column, a row of headings above the headings a part of these,
   and a first cell that is empty because it says the same as the one above says it again. */
(function () {
  "use strict";

  function text(cell) {
    const copy = cell.cloneNode(true);
    copy.querySelectorAll("br, details, summary, p, div").forEach((part) => part.before(" "));
    const words = copy.textContent.replace(/[▲▼]/g, "").trim();
    return words.replace(/\s+/g, " ").replace(/\u2212/g, "-");
  }

  function wide(row) {
    return [...row.cells].flatMap((cell) => Array(cell.colSpan).fill(text(cell)));
  }

  function headings(table) {
    const rows = [...(table.tHead ? table.tHead.rows : [])].map(wide);
    const last = rows.length ? rows[rows.length - 1] : [];
    return last.map((_, i) => [...new Set(rows.map((row) => row[i]))].filter(Boolean).join(" "));
  }

  const rowsOf = (table) => [...table.tBodies].flatMap((body) => [...body.rows]);

  /* Each row that is a line: its group and its first cell, while they stand as on the page. */
  function origins(table) {
    const found = new Map();
    let [group, first] = ["", ""];
    for (const row of rowsOf(table)) {
      if (row.cells.length === 1 && headings(table).length > 1) group = text(row.cells[0]);
      else {
        first = text(row.cells[0]) || first;
        found.set(row, [group, first]);
      }
    }
    return found;
  }

  function csv(table, origin) {
    const shown = rowsOf(table).filter((row) => origin.has(row) && !row.hidden);
    const lines = shown.map((row) => [...origin.get(row), ...wide(row).slice(1)]);
    const grouped = [...origin.values()].some(([group]) => group);
    const heads = headings(table);
    const all = [["group", ...heads], ...lines].map((line) => (grouped ? line : line.slice(1)));
    const quoted = (words) => (/[",]/.test(words) ? `"${words.replace(/"/g, '""')}"` : words);
    return all.map((line) => line.map(quoted).join(",") + "\n").join("");
  }

  function save(table, origin) {
    const page = location.pathname.split("/").slice(-2).join("-").replace(/\.html$/, "");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv(table, origin)], { type: "text/csv" }));
    link.download = `${page}-${table.caption.id || "table"}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const table of document.querySelectorAll(".bd-article .output.text_html table")) {
      if (!table.caption || !table.tBodies.length) continue;
      const button = document.createElement("button");
      const origin = origins(table); // before it is sorted
      button.type = "button";
      button.className = "csv";
      button.title = "Save the rows that are shown";
      button.textContent = "CSV";
      button.addEventListener("click", () => save(table, origin));
      table.caption.append(" ", button);
    }
  });
})();
