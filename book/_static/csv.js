/* A button in the caption of each table saves the rows that are shown, as CSV.

   The name of a group becomes a first column, a row of headings above the headings a part of these,
   and a first cell that is empty because it says the same as the one above says it again. */
(function () {
  "use strict";

  function text(cell) {
    const words = cell.textContent.replace(/[▲▼]/g, "").trim();
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

  function csv(table) {
    const heads = headings(table);
    const groups = [];
    const lines = [];
    let first = "";
    for (const row of table.tBodies[0].rows) {
      if (row.cells.length === 1 && heads.length > 1) groups.push(text(row.cells[0]));
      else if (!row.hidden) {
        const cells = wide(row);
        first = cells[0] || first;
        lines.push([groups[groups.length - 1] || "", first, ...cells.slice(1)]);
      }
    }
    const all = [["group", ...heads], ...lines].map((line) => (groups.length ? line : line.slice(1)));
    const quoted = (words) => (/[",]/.test(words) ? `"${words.replace(/"/g, '""')}"` : words);
    return all.map((line) => line.map(quoted).join(",") + "\n").join("");
  }

  function save(table) {
    const page = location.pathname.split("/").pop().replace(/\.html$/, "");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv(table)], { type: "text/csv" }));
    link.download = `${page}-${table.caption.id || "table"}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const table of document.querySelectorAll(".bd-article .output.text_html table")) {
      if (!table.caption || !table.tBodies.length) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "csv";
      button.title = "Save the rows that are shown";
      button.textContent = "CSV";
      button.addEventListener("click", () => save(table));
      table.caption.append(" ", button);
    }
  });
})();
