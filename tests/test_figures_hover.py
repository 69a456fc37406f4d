"""Marks of figures say the value that they stand for, in SVG that may stand beside other SVG."""

import json
import re
from collections.abc import Iterator
from html import unescape
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from unlearnlib.report import figures, paired
from unlearnlib.report.figures import picture
from unlearnlib.report.figures.style import STYLE

from .made_tables import records

MEASURED = ("accuracy_batch_mean", "test_retain")
VALUES = {"JiT": [0.1, 0.2, 0.3, 0.4, 0.5], "Retrain": [0.0] * 5}


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    with plt.style.context(dict(STYLE)):
        yield
    plt.close("all")


def html_of(figure: Figure, alt: str = "Dots") -> str:
    return figures.show_figure(figure, alt)._repr_html_()


def titles(html: str) -> list[str]:
    return [unescape(title) for title in re.findall("<title>(.*?)</title>", html, re.DOTALL)]


def test_each_dot_and_each_mean_says_its_method_and_value() -> None:
    told = titles(html_of(figures.dots(records(VALUES), *MEASURED, item="Table 2b")))
    mean = "JiT: 30 ± 15.8 (SD) %, 95 % interval 18 to 42, n = 5"
    assert [text for text in told if text.startswith("JiT")] == [
        *(f"JiT, model seed {seed}: {value} %" for seed, value in enumerate(range(10, 60, 10))),
        mean, mean,  # bar and mark
        "JiT, printed in Table 2b: 66.2 %",
    ]  # fmt: skip
    assert "Range of Retrain: 0 to 0 %" in told


def test_a_title_stands_at_the_place_of_its_value() -> None:
    """One dot has no number and is not drawn, another is far outside: neither shifts the rest."""
    figure, ax = plt.subplots(figsize=(4, 3))
    (line,) = ax.plot([0, np.nan, 900, 2, 3], [0, 1, 900, 2, 3], "o-")
    figures.tell(line, *"abcde")
    ax.set(xlim=(0, 4), ylim=(0, 4))
    root = ElementTree.fromstring(html_of(figure))
    svg = "{http://www.w3.org/2000/svg}"
    found = {}
    for mark in root.iter(f"{svg}use"):
        if (title := mark.find(f"{svg}title")) is not None:
            found[title.text] = float(mark.attrib["x"]), float(mark.attrib["y"])
    inside = np.array([found[name] for name in "ade"])
    assert "b" not in found
    assert (inside[1:, 0] - inside[0, 0]) / (inside[2, 0] - inside[0, 0]) == pytest.approx(
        [2 / 3, 1], abs=1e-3
    )
    assert (inside[1:, 1] - inside[0, 1]) / (inside[2, 1] - inside[0, 1]) == pytest.approx(
        [2 / 3, 1], abs=1e-3
    )


def test_two_figures_of_a_page_share_no_id_and_refer_to_their_own() -> None:
    pages = [html_of(figures.dots(records(VALUES), *MEASURED), alt) for alt in ("One", "Two")]
    ids = [re.findall(r' id="([^"]+)"', page) for page in pages]
    assert all(ids)
    assert len({*ids[0], *ids[1]}) == len(ids[0]) + len(ids[1])
    for page, own in zip(pages, ids, strict=True):
        assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', page)) == set(own)


def test_svg_is_the_same_twice_and_holds_for_itself_alone() -> None:
    once, again = (html_of(figures.dots(records(VALUES), *MEASURED)) for _ in range(2))
    assert once == again
    assert "<style" not in once  # it would hold for the whole page
    assert "dc:date" not in once
    assert '<svg xmlns="http://www.w3.org/2000/svg"' in once
    assert 'role="img"' in once
    assert 'aria-label="A &quot;box&quot; &lt; 1"' in html_of(
        figures.boxes(VALUES, "Entropy (nats)"), 'A "box" < 1'
    )


def test_a_cell_says_its_settings_and_its_mean() -> None:
    points = [
        records({"JiT": [sigma * lr]}, params=json.dumps({"sigma": sigma, "lr": lr}))
        for sigma, lr in ((0.1, 0.2), (0.1, 0.4), (0.5, 0.4))
    ]
    told = titles(html_of(figures.heatmap(pd.concat(points), *MEASURED)))
    assert told == [
        "σ = 0.1, η = 0.2: 2 %, n = 1", "σ = 0.1, η = 0.4: 4 %, n = 1",
        "σ = 0.5, η = 0.2: no number", "σ = 0.5, η = 0.4: 20 %, n = 1",
    ]  # fmt: skip
    grid = pd.DataFrame({0.25: [3.0, 9.0], 0.5: [-1.0, float("nan")]}, index=[0.15, 0.3])
    figure = figures.deviations({"One": grid}, 5 / 3, x="α", y="Share", title="all")
    assert titles(html_of(figure)) == [
        "15 %, 0.25: +3.0 points", "15 %, 0.5: -1.0 points",
        "30 %, 0.25: +9.0 points", "30 %, 0.5: no number",
    ]  # fmt: skip


def test_differences_boxes_and_lines_say_theirs() -> None:
    pairs = paired(records(VALUES), *MEASURED, "JiT")
    (told,) = titles(html_of(figures.intervals(pairs, margin=0.02)))
    assert told == "JiT − Retrain, test_retain: 30 %, 95 % interval 18 to 42, n = 5 pairs"
    assert titles(html_of(figures.boxes({"JiT": [1.0, 2.0, 4.0]}, "x"))) == [
        "JiT: median 2, quartiles 1.5 and 3, n = 3"
    ]
    figure, ax = plt.subplots()
    figures.draw_line(ax, pd.DataFrame([[1.0, 2.0], [3.0, 4.0]], index=[0, 5]), ink="k", label="A")
    assert titles(html_of(figure)) == ["A: 1 at 0", "A: 3 at 5", "A: 2 at 0", "A: 4 at 5"]


def test_what_says_nothing_or_has_too_many_marks_is_png(monkeypatch: pytest.MonkeyPatch) -> None:
    assert html_of(plt.figure()).startswith("<img alt=")
    monkeypatch.setattr(picture, "MOST", 100)
    dense = html_of(figures.dots(records(VALUES), *MEASURED))
    assert dense.startswith('<img alt="Dots"')
    assert not plt.get_fignums()
