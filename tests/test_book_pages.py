"""What a built page says besides its text: numbers, captions, links, sources, citation."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from docutils import nodes
from docutils.utils import new_document

from unlearnlib.report import Table, figures
from unlearnlib.report.show import plain

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def captions(of_book: Callable[[str], ModuleType]) -> ModuleType:
    return of_book("captions")


@pytest.fixture
def sources(of_book: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.chdir(ROOT)
    return of_book("sources")


def test_tables_and_figures_are_numbered_apart_and_link_to_themselves(captions: ModuleType) -> None:
    table = Table(("Method", "n"), (("", ("JiT", "3")),), "Runs < 5")._repr_html_()
    picture = figures.show_figure(plt.figure(), "A dot a model & its mean")._repr_html_()
    folded = '<img alt="logo" src="_static/logo.svg">'  # no figure of the page
    body = captions.captioned(table + picture + folded + table)
    assert re.findall(r' id="([^"]+)"', body) == ["table-1", "figure-1", "table-2"]
    assert re.findall(r'href="#([^"]+)"', body) == ["table-1", "figure-1", "table-2"]
    words = re.sub(r"<[^>]+>", "", body)
    assert "Table 1. Runs &lt; 5#" in words
    assert "Figure 1. A dot a model &amp; its mean#" in words
    assert body.count("<figure") == body.count("</figure>") == body.count("<figcaption>") == 1
    assert folded in body
    assert "records" not in body
    led = captions.captioned(table + picture, "#sources")
    assert led.count('<a class="records" href="#sources">records</a></') == 2


def test_a_figure_whose_marks_speak_is_numbered_as_others_are(captions: ModuleType) -> None:
    pictures = []
    for _ in range(2):
        figure, ax = plt.subplots()
        figures.tell(ax.plot([1], [1], "o")[0], "JiT: 1 > 0")
        pictures.append(figures.show_figure(figure, "A dot & its mean")._repr_html_())
    body = captions.captioned("<p>between</p>".join(pictures))
    assert re.findall('<figure id="([^"]+)"><svg', body) == ["figure-1", "figure-2"]
    assert re.findall('aria-label="([^"]+)"', body) == ["Figure 1", "Figure 2"]
    assert body.count("<title>JiT: 1 &gt; 0</title>") == 2
    assert "<b>Figure 2.</b> A dot &amp; its mean<a" in body
    assert body.count("<p>between</p>") == body.count("</svg><figcaption>") - 1 == 1


def test_a_claim_links_to_itself(captions: ModuleType) -> None:
    row = '<td><span id="claim-jit-class">JiT forgets.</span><br><small>Table 1</small></td>'
    found = captions.captioned(row)
    assert 'JiT forgets.</span><a class="headerlink" href="#claim-jit-class"' in found
    assert found.endswith("<br><small>Table 1</small></td>")


def test_a_heading_that_answers_a_question_leads_to_it(captions: ModuleType) -> None:
    link = '<a class="headerlink" href="#norms" title="Link to this heading">#</a>'
    heading = f'<span id="{{}}"></span><h2>Norms <em>of</em> it{link}</h2>'
    plain = f"<h2>Plain{link}</h2>" + heading.format("fig-q1")
    body = captions.asked(plain + heading.format("lf-q6"), "../questions.html")
    led = ' <a class="question" href="../questions.html#question-lf-q6">question</a>'
    assert body == plain + heading.format("lf-q6").replace(link, led + link)


def test_an_empty_corner_is_no_heading(captions: ModuleType) -> None:
    frame = pd.DataFrame({"": ["a"], "n": [1]})
    for html in (plain(frame)._repr_html_(), frame.to_html()):
        body = captions.headed(html)
        assert html.count("<th") > body.count("<th") > 0
        assert not re.search(r"<th[^>]*>\s*</th>", body)
        assert body.count("<td") + body.count("<th") == html.count("<td") + html.count("<th")
        assert body.count("<td") == body.count("</td>")


def test_an_empty_corner_of_a_table_in_prose_is_no_heading(captions: ModuleType) -> None:
    row = '<tr><th class="head"><p></p></th>\n<th class="head"><p>Alone</p></th></tr>'
    corner = '<td class="head"></td>'
    assert captions.headed(row) == row.replace('<th class="head"><p></p></th>', corner)


def test_the_bar_at_the_side_is_a_landmark_and_no_font_is_loaded(
    of_book: Callable[[str], ModuleType],
) -> None:
    link = '<link href="vendor/fontawesome/6/solid.woff2" />'
    page = f'{link}<div class="bd-sidebar-primary bd-sidebar"><a href="intro.html">Home</a></div>'
    page += '<div role="list"><div role="doc-biblioentry">A paper</div></div>'
    finished = of_book("frame").of_the_theme(page)
    assert "fontawesome" not in finished
    assert 'role="complementary" aria-label="Book"><a href="intro.html">' in finished
    assert '<div role="list"><div role="listitem">A paper' in finished


def test_a_long_heading_has_places_to_break_and_other_text_stays(captions: ModuleType) -> None:
    row = "<tr><th style='text-align:right'>class:Hans_Blix</th><td>class:Hans_Blix</td></tr>"
    assert captions.headed(row) == row.replace(
        "class:Hans_Blix</th>", "class:<wbr>Hans_<wbr>Blix</th>"
    )


def test_an_interval_in_a_cell_is_not_broken_and_a_sentence_stays(captions: ModuleType) -> None:
    sentence = "<p>0.85 (0.83 to 0.86)</p><td>not known (10 of 10)</td>"
    cell = "<td>-1.3 (-2.5 to +0.1)</td>"
    whole = '<td>-1.3 <span class="interval">(-2.5 to +0.1)</span></td>'
    assert captions.unbroken(sentence + cell) == sentence + whole


def test_a_page_has_the_specifications_of_its_name_and_the_records_it_names(
    sources: ModuleType,
) -> None:
    found = {path.as_posix() for path in sources.specifications("jit/random")}
    assert {"notebooks/jit/random.paper.yaml", "notebooks/jit/search/random.laptop.yaml"} <= found
    assert all("/random." in path for path in found)
    (grid,) = sources.specifications("sweeps")
    assert grid == Path("notebooks/sweeps/jit.yaml")
    parts = {path.parent.name for path in sources.records("jit/departures")}
    assert parts == {"jit", "jit-further"}
    assert {path.parent.name for path in sources.records("sweeps")} == {"jit-sweep"}
    read = {path.as_posix() for path in sources.records("jit/departures")}
    assert "data/records/jit/laptop.runs.csv.gz" in read
    assert "data/records/jit-further/laptop.step-length.csv" in read
    assert "data/records/jit-further/laptop.overlap.csv" not in read  # of another page


def test_every_committed_record_is_linked_from_a_page(sources: ModuleType) -> None:
    pages = sources.NOTEBOOKS.rglob("*.ipynb")
    names = [path.relative_to(sources.NOTEBOOKS).with_suffix("").as_posix() for path in pages]
    read = {path for name in names for path in sources.records(name)}
    assert read == {*sources.RECORDS.glob("*/*.csv*")}


def test_a_page_is_cited_by_its_title_and_name(sources: ModuleType) -> None:
    entry = sources.bibtex("jit/random", "Forgetting random images")
    assert entry.startswith("@misc{unlearnlib-jit-random,\n  author = {{The unlearnlib authors}},")
    assert "title = {Forgetting random images}" in entry
    assert "page jit/random}" in entry
    assert entry.count("{") == entry.count("}")


def test_the_answer_and_the_main_figure_stand_under_the_title(
    of_book: Callable[[str], ModuleType],
) -> None:
    document = new_document("page")
    first, second = nodes.section(), nodes.section()
    document += first
    first += nodes.title(text="Title")
    first += nodes.paragraph(text="prose")
    first += nodes.container("", nodes.paragraph(text="figure"), classes=["tag_main-figure"])
    first += second
    second += nodes.title(text="Claims")
    second += nodes.container("", nodes.paragraph(text="table"), classes=["cell"])
    second += nodes.container("", nodes.paragraph(text="answer"), classes=["cell", "tag_answer"])
    of_book("frame").answer_first(None, document)
    assert first.astext().split() == ["Title", "answer", "figure", "prose", "Claims", "table"]


def test_the_foot_of_a_page_links_to_what_is_there(
    of_book: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    foot = of_book("frame").foot("jit/random", {"title": "Forgetting <em>random</em> images"})
    links = re.findall(r'href="([^"]+)"', foot)
    page = "/html/book/_executed/jit/"
    there = {os.path.normpath(page + link) for link in links}
    assert "/html/_sources/book/_executed/jit/random.ipynb" in there
    assert "/html/book/bibliography.html" in there
    files = [Path(path).relative_to("/html/sources") for path in there if "/data/" in path]
    assert files
    assert all((ROOT / path).is_file() for path in files)
    assert "title = {Forgetting random images}" in foot
