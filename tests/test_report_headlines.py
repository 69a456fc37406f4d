"""What the front page says first, against counts made one verdict at a time."""

import re
from html import unescape
from typing import Any

import numpy as np
import pandas as pd
import pytest

from unlearnlib.errors import SpecError
from unlearnlib.report import (
    CLAIM_GLYPHS,
    ledger,
    read_claims,
    show_counts_of_verdicts,
    show_papers,
)
from unlearnlib.report.headlines import PAPERS
from unlearnlib.report.rows import row_dicts

from .made_verdicts import frames, whole

WORDS = {
    "reproduced": "reproduced", "not reproduced": "not reproduced",
    "depends": "depend on the setting", "undecided": "undecided",
    "no power here": "without power", "cannot be tested here": "cannot be tested",
}  # fmt: skip
NUMBERS = dict(zip((2, 4, 5, 8), ("two", "four", "five", "eight"), strict=True))


def every_paper(**changed: Any) -> list[dict[str, Any]]:
    """Return a verdict on each main claim of each paper."""
    return [whole(id=name, **changed) for paper in PAPERS for name in paper.main.values()]


def other_verdicts() -> pd.DataFrame:
    """Return verdicts on all claims that are drawn by chance."""
    claims = ledger({})
    chosen = np.random.default_rng(0).choice(list(CLAIM_GLYPHS), len(claims))
    return claims.assign(
        verdict=chosen,
        glyph=[CLAIM_GLYPHS[word] for word in chosen],
        exploratory=[i % 5 == 0 for i in range(len(claims))],
    )


def test_the_counts_of_the_box_are_those_of_the_ledger() -> None:
    claims = other_verdicts()
    lines = repr(show_counts_of_verdicts(claims)).splitlines()
    ours = {claim.id for claim in read_claims() if claim.ours}
    assert ours
    for scale, line in zip(("laptop", "workstation", "paper"), lines, strict=True):
        counts, doubtful = dict.fromkeys(WORDS, 0), 0
        for row in row_dicts(claims):
            if row["scale"] == scale and row["id"] not in ours:
                counts[row["verdict"]] += 1
                doubtful += row["exploratory"] and row["verdict"] != "cannot be tested here"
        assert line.startswith(f"At {scale} scale")
        found = dict(
            zip(WORDS, re.findall(r"\S (\d+) (?!verdicts|claims|papers)", line), strict=True)
        )
        assert {word: int(number) for word, number in found.items()} == counts
        assert f"(exploratory: {doubtful})." in line
    told = re.findall(r"of (\d+) verdicts on (\d+) claims of (\d) papers", lines[0])
    names = {claim.id for claim in read_claims()} - ours
    bare = {name.removesuffix("-released").removesuffix("-equation") for name in names}
    assert told == [(str(len(names)), str(len(bare)), "6")]


def test_a_scale_that_was_not_run_says_so_and_no_exploratory_verdict_is_not_told() -> None:
    untested = whole(scale="paper", verdict="cannot be tested here")
    assert repr(show_counts_of_verdicts(frames(whole(), untested))).splitlines() == [
        "At laptop scale, of 1 verdicts on 1 claims of 1 papers: ● 1 reproduced.",
        "At paper scale nothing was run.",
    ]


def test_each_paper_counts_its_own_claims() -> None:
    claims = other_verdicts()
    text = repr(show_papers(claims))
    entries = re.split(rf"^(?={'|'.join(f'{paper.name} ' for paper in PAPERS)})", text, flags=re.M)
    for paper, entry in zip(PAPERS, entries[1:], strict=True):
        assert entry.startswith(f"{paper.name} ")
        told = re.findall(r"Of (\d+) verdicts? at (\w+) scale: (.*?)\.", entry)
        of_scale = {"laptop": 0, "workstation": 0, "paper": 0}
        for row in row_dicts(claims):
            if row["id"].startswith(paper.ids) and not row["ours"]:
                says = row["verdict"] in ("reproduced", "not reproduced", "depends")
                of_scale[row["scale"]] += says
        assert [scale for _, scale, _ in told] == [
            scale for scale, say in of_scale.items() if say or scale == "laptop"
        ]
        for total, scale, counts in told:
            of_paper = [
                row["verdict"]
                for row in row_dicts(claims)
                if row["id"].startswith(paper.ids) and row["scale"] == scale and not row["ours"]
            ]
            assert int(total) == len(of_paper)
            wanted = {w: of_paper.count(w) for w in WORDS if w == "reproduced" or w in of_paper}
            counts = counts.replace(" (exact counts)", "")
            assert counts == ", ".join(f"{n} {WORDS[word]}" for word, n in wanted.items())


@pytest.mark.parametrize(
    ("rows", "box", "entry"),
    [
        ([(True, "not reproduced")] * 2, "2 not reproduced (exact counts: one model decides)",
         "2 not reproduced (exact counts)."),
        ([(True, "not reproduced"), (False, "not reproduced")], "2 not reproduced.",
         "2 not reproduced."),
        ([(True, "cannot be tested here"), (False, "not reproduced")], "1 cannot be tested.",
         "1 cannot be tested."),
    ],
)  # fmt: skip
def test_a_number_that_counts_alone_decide_is_marked(
    rows: list[tuple[bool, str]], box: str, entry: str
) -> None:
    paper = [
        whole(id=f"pgu-{i}", scale="paper", exact=exact, verdict=verdict)
        for i, (exact, verdict) in enumerate(rows)
    ]
    claims = frames(*every_paper(), *paper)
    line = repr(show_counts_of_verdicts(claims)).splitlines()[1]
    assert box in line
    assert line.count("exact counts") == box.count("exact counts")
    lines = repr(show_papers(claims)).splitlines()
    (of_pgu,) = [line for line in lines if "at paper scale" in line]
    assert entry in of_pgu
    assert "0 reproduced (" not in of_pgu


def test_a_main_claim_has_its_verdict_in_each_form_and_leads_to_its_row() -> None:
    released = whole(id="jit-class-released", verdict="not reproduced", share="1/30")
    other = whole(id="jit-class", scale="workstation", verdict="depends", share="2/3")
    silent = whole(id="jit-random", scale="workstation", verdict="undecided", share="1/3")
    claims = frames(*every_paper(share="30/30"), released, other, silent)
    html = show_papers(claims)._repr_html_()
    lines = repr(show_papers(claims)).splitlines()
    assert "A class at most 15 points above retraining: ●30/30 ◐2/3 workstation: ○1/30" in lines
    assert "Random images within 5 points of retraining: ●30/30" in lines
    assert "Main claims: by the equation: as released" in lines
    assert 'href="ledger.html#claim-jit-class-released"><span class="cell-of not-reproduced' in html
    assert html.count("Main claims") == len(PAPERS)
    for other_form in ("ssd-class-equation", "ssd-random-equation"):
        frame = frames(*every_paper(), whole(id=other_form))
        assert "Main claims: as released: by the equation" in repr(show_papers(frame))


def test_what_is_exploratory_or_stale_shows_in_the_papers() -> None:
    html = show_papers(frames(*every_paper(exploratory=True, stale=True)))._repr_html_()
    number = sum(len(paper.main) for paper in PAPERS)
    assert html.count('class="cell-of reproduced exploratory"') == number
    assert html.count("●⚠9/10") == number


def test_main_claims_are_claims_of_their_paper_and_name_their_borders() -> None:
    claims = {claim.id: claim for claim in read_claims()}
    for paper in PAPERS:
        for says, name in paper.main.items():
            assert name.startswith(paper.ids)
            assert not claims[name].ours
            sentence = unescape(claims[name].sentence)
            for number in map(int, re.findall(r"\d+", says)):
                assert re.search(rf"\b({number}|{NUMBERS.get(number, number)})\b", sentence), name


def test_every_claim_of_a_paper_is_of_exactly_one() -> None:
    for claim in read_claims():
        assert sum(claim.id.startswith(paper.ids) for paper in PAPERS) == 1, claim.id


def test_a_claim_without_a_paper_and_a_main_claim_without_a_verdict_are_refused() -> None:
    for show in (show_counts_of_verdicts, show_papers):
        with pytest.raises(SpecError, match="new-method-class"):
            show(frames(whole(id="new-method-class")))
        show(frames(*every_paper(), whole(id="new-method-class", ours=True)))
    with pytest.raises(SpecError, match="jit-random"):
        show_papers(frames(*(row for row in every_paper() if row["id"] != "jit-random")))
