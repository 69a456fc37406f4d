"""The script that sorts and filters tables, in a browser, if there is one."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from unlearnlib.report import Table

SCRIPT = Path(__file__).resolve().parent.parent / "book" / "_static" / "tables.js"
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
NUMBERS = ["9/10", "5/5", "−3.5 ± 1", "—", "12", "0/3", "1", "2", "3", "4", "5", "6", "7"]

DO = """
<script>addEventListener("DOMContentLoaded", () => setTimeout(() => {
  const rows = () => [...document.querySelectorAll("tbody tr")].filter((row) => !row.hidden);
  const seen = () => rows().map((row) => row.cells[row.cells.length - 1].textContent.trim());
  const [name, number] = document.querySelectorAll("thead button");
  const state = () => number.parentElement.getAttribute("aria-sort");
  const field = document.querySelector("input");
  const told = [[seen(), state()]];
  for (let i = 0; i < 3; i++) { number.click(); told.push([seen(), state()]); }
  name.click(); told.push([seen().slice(0, 2), state()]); name.click(); name.click();
  const filter = (words) => {
    field.value = words;
    field.dispatchEvent(new Event("input"));
    return [seen(), document.querySelector("[aria-live]").textContent];
  };
  told.push(filter("TWO 9"), filter("nothing"), filter(""));
  document.body.textContent = JSON.stringify(told);
}));</script>
"""


@pytest.mark.skipif(BROWSER is None, reason="no chromium here")
def test_a_table_is_sorted_by_number_and_filtered_with_its_groups(tmp_path: Path) -> None:
    rows = tuple(
        ("One" if i < 6 else "Two", (f"row {len(NUMBERS) - i}", number))
        for i, number in enumerate([*NUMBERS, "9"])
    )
    table = Table(("Name", "Number"), rows, numeric=frozenset({"Number"}), sortable=True)
    page = tmp_path / "page.html"
    script = f"<script>{SCRIPT.read_text(encoding='utf-8')}</script>"
    page.write_text(f"<meta charset=utf-8><body>{table._repr_html_()}{script}{DO}", "utf-8")
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000"]
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    command = [str(BROWSER), *options, profile, "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    body = done.stdout[done.stdout.index("[[[") : done.stdout.rindex("]]") + 2]
    first, up, down, again, names, two, none, all_of_them = json.loads(body)

    def value(text: str) -> float:
        k, _, n = text.partition("/")
        return int(k) / int(n) if n else float(text.partition(" ")[0].replace("−", "-"))

    page_order = ["One", *NUMBERS[:6], "Two", *NUMBERS[6:], "9"]
    known = sorted((n for n in [*NUMBERS, "9"] if n != "—"), key=value)
    assert first == [page_order, None]
    assert up == [[*known, "—"], "ascending"]
    assert [value(n) for n in down[0][:-1]] == [value(n) for n in known[::-1]]
    assert (down[0][-1], down[1]) == ("—", "descending")
    assert again == first
    assert names == [["9", "7"], None]  # row 0, row 1: as numbers, not as letters
    assert two == [["Two", "9"], "1 of 14 rows"]
    assert none == [[], "0 of 14 rows"]
    assert all_of_them == [page_order, "14 rows"]
