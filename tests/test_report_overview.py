"""The ledger as a picture and as tables: every verdict is there, and links lead somewhere."""

import ast
import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from unlearnlib.report import (
    CLAIM_GLYPHS,
    by_setting,
    ledger,
    read_claims,
    show_by_setting,
    show_ledger,
    show_overview,
)

from .made_verdicts import frames, one, whole

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"


class Read(HTMLParser):
    """The elements of a page in order: tag and attributes, and the text after each."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append((tag, dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.elements:
            tag, attributes, text = self.elements[-1]
            self.elements[-1] = (tag, attributes, text + data)

    def cells(self) -> list[tuple[dict[str, str | None], str]]:
        """Return the cells of a picture, without those of its key."""
        return [(a, text.strip()) for _, a, text in self.elements if a.get("role") == "img"]


def test_the_picture_has_a_cell_a_setting_and_one_a_scale_where_there_are_none() -> None:
    claims = frames(whole(), whole(scale="paper", verdict="cannot be tested here", share=""))
    settings = frames(one(), one(request="class:4", verdict="not reproduced", k=1, detail="why"))
    overview = show_overview(claims, settings)
    assert repr(overview).splitlines() == [
        "claim: laptop | paper",
        "-- JiT",
        "fast  ●9/10 ○1/10 | –",
    ]
    cells = Read(overview._repr_html_()).cells()
    assert [text for _, text in cells] == ["●9/10", "○1/10", "–"]
    assert cells[1][0]["title"] == "laptop, faces, mlp, class:4: not reproduced; why"
    assert [str(a["class"]) for a, _ in cells] == [
        "cell-of reproduced",
        "cell-of not-reproduced",
        "cell-of cannot-be-tested-here",
    ]


def test_what_is_exploratory_or_stale_is_marked_in_picture_and_tables() -> None:
    marks: Any = {"exploratory": True, "stale": True}
    pictures = [
        show_overview(frames(whole()), frames(one(**marks))),
        show_overview(frames(whole(**marks)), frames(one(scale="paper"))),
    ]
    for overview in pictures:
        ((attributes, text),) = Read(overview._repr_html_()).cells()
        assert text == "●⚠9/10"
        assert str(attributes["class"]).split() == ["cell-of", "reproduced", "exploratory"]
        assert "; exploratory; stale; told" in str(attributes["title"])
        assert repr(overview).endswith("●9/10*⚠")
    for table in (show_ledger(frames(whole(**marks))), show_by_setting(frames(one(**marks)))):
        assert "⚠ stale" in repr(table)
        assert "exploratory" in repr(table)
    for table in (show_ledger(frames(whole())), show_by_setting(frames(one()))):
        assert "⚠" not in repr(table)
        assert "exploratory" not in repr(table)


def test_a_claim_that_depends_says_in_how_many_settings_it_is_reproduced() -> None:
    marks: Any = {"verdict": "depends", "settings": "0/5", "exploratory": True}
    told = show_ledger(frames(whole(**marks)))._repr_html_()
    assert "<small>reproduced in 0 of 5 settings · <em>exploratory</em>" in told
    other = show_ledger(frames(whole(verdict="undecided", settings="0/5")))._repr_html_()
    assert "settings" not in other.partition("</thead>")[2]


def test_every_verdict_of_the_ledger_is_in_the_picture() -> None:
    claims, settings = ledger({}), by_setting({})
    drawn = Read(show_overview(claims, settings)._repr_html_()).cells()
    assert len(drawn) == len(claims) == 3 * len(read_claims())
    some = frames(*(one(id=name, scale="paper") for name in claims["id"].unique()[:4]))
    html = show_overview(claims, some)._repr_html_()
    kinds = Counter(str(a["class"]) for a, _ in Read(html).cells())
    assert kinds["cell-of reproduced"] == 4
    assert sum(kinds.values()) == len(claims)
    key = html[html.index("overview-key") :]
    assert all(f">{glyph}</span> {word}" in key for word, glyph in CLAIM_GLYPHS.items())
    assert "exploratory: some runs are older than what judges them" in key


def test_a_cell_of_the_picture_leads_where_its_name_leads() -> None:
    claims = frames(whole(), whole(id="jit-class"))
    html = show_overview(claims, frames(one(), one(request="class:4")))._repr_html_()
    for line in html.split("<tr>")[2:]:
        links = re.findall('href="(.*?)"', line)
        assert len(links) == (3 if "jit-fast" in line else 2)
        assert len(set(links)) == 1


def test_a_name_in_the_picture_leads_to_the_row_of_its_claim() -> None:
    claims = ledger({})
    picture = Read(show_overview(claims, by_setting({}))._repr_html_())
    links = {str(a["href"]) for tag, a, _ in picture.elements if tag == "a"}
    cells = re.findall(r"<td>(.*?)</td>", show_overview(claims, by_setting({}))._repr_html_())
    assert all(re.fullmatch(r'<a href="(\S+)" tabindex="-1"><span .*</span></a>', c) for c in cells)
    page = Read(show_ledger(claims, root="")._repr_html_())
    places = [str(a["id"]) for tag, a, _ in page.elements if tag == "span" and "id" in a]
    assert links == {f"ledger.html#{place}" for place in places}
    assert len(set(places)) == len(places)


@pytest.mark.parametrize("folder", ["", "jit", "pgu"])
def test_a_claim_leads_to_its_page_from_wherever_it_is_told(folder: str) -> None:
    claims = ledger({})
    html = (show_ledger(claims) if folder else show_ledger(claims, root=""))._repr_html_()
    links = [str(a["href"]) for tag, a, _ in Read(html).elements if tag == "a"]
    assert len(links) == sum(bool(claim.page) for claim in read_claims())
    for link in links:
        assert link.endswith(".html#claims")
        page = NOTEBOOKS / folder / link.replace(".html#claims", ".ipynb")
        assert page.exists(), f"{link} leads nowhere from {folder or 'the front page'}"
        assert '"## Claims' in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.rglob("*.ipynb")), ids=lambda p: p.stem)
def test_a_page_tells_the_ledger_where_it_stands(path: Path) -> None:
    """Pages of a part take the default; those beside the parts' folders say so."""
    code = [c["source"] for c in json.loads(path.read_text())["cells"] if c["cell_type"] == "code"]
    for node in (node for text in code for node in ast.walk(ast.parse("".join(text)))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "show_ledger":
            roots = [ast.literal_eval(k.value) for k in node.keywords if k.arg == "root"]
            assert roots == ([""] if path.parent == NOTEBOOKS else [])


def test_the_date_is_told_where_a_claim_is_frozen() -> None:
    assert "frozen 2026-11-29 11:05" in repr(show_ledger(frames(whole())))
    assert "frozen" not in repr(show_ledger(frames(whole(frozen=""))))
    anew = frames(whole(), whole(scale="workstation", frozen="2026-11-30 12:00"))
    assert "frozen 2026-11-29 11:05; workstation 2026-11-30 12:00" in repr(show_ledger(anew))


def test_a_setting_has_its_controls_and_what_sets_it_apart() -> None:
    rows = [one(), one(params='{"lr": 0.2}', oracle_k=0, oracle_n=0), one(id="jit-x")]
    rows += [one(request="class:5", params='{"lr": 0.5}')]
    table = show_by_setting(frames(*rows))
    at = {name: i for i, name in enumerate(table.columns)}
    cells = [row for _, row in table.rows]
    assert [row[at["Set to"]] for row in cells] == ["lr = 0.1", "lr = 0.2", "", ""]
    assert [row[at["Original"]] for row in cells] == ["0/10"] * 4
    assert [row[at["Second oracle"]] for row in cells] == ["10/10", "—", "10/10", "10/10"]
    html = table._repr_html_()
    assert html.count('href="#claim-jit-fast">JiT: fast<') == 3  # no first cell is left out
    assert '<table class="sortable"' in html


def test_no_settings_at_all_are_an_empty_table() -> None:
    assert show_by_setting(by_setting({})).rows == ()
    assert isinstance(by_setting({}), pd.DataFrame)


def test_text_of_claims_is_no_html() -> None:
    rows = frames(whole(sentence="a < b & c", source='"<x>"', detail="<i>"))
    html = show_ledger(rows)._repr_html_() + show_overview(rows, frames(one()))._repr_html_()
    assert not re.search("<x>|<i>|a < b", html)
    assert "a &lt; b &amp; c" in html


def test_long_details_are_folded_and_still_there() -> None:
    for detail, folds in (("holds in 9 of 10 models", False), ("cifar10 class:3 9/10, " * 9, True)):
        table = show_ledger(frames(whole(detail=detail)))
        assert ("<details>" in table._repr_html_()) == folds
        assert detail.strip() in repr(table)
