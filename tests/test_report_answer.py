"""The box under the title of a page says what the tables below it say."""

import pandas as pd
import pytest

from unlearnlib.errors import SpecError
from unlearnlib.report import show_answer
from unlearnlib.report.verdicts import CLAIM_GLYPHS, DEPENDS, NO_POWER, NOT, REPRODUCED, UNDECIDED


def verdicts(**words: str) -> pd.DataFrame:
    """Return verdicts as the ledger does, by the ids of their claims."""
    rows = [
        {
            "id": name, "sentence": f"Claim {name} holds - by two points.", "scale": "laptop",
            "verdict": word, "glyph": CLAIM_GLYPHS[word], "share": "9/10", "exploratory": False,
            "settings": "2/3", "stale": False,
        }
        for name, word in words.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_the_main_claim_has_its_verdict_and_its_count() -> None:
    box = repr(show_answer("Does it?", verdicts=verdicts(a=REPRODUCED, b=NOT), main=["a"]))
    assert "● reproduced (holds in 9 of 10 models): Claim a holds." in box
    assert "Claim b" not in box


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("It forgets - the class loses 30 points (or more). (Chosen on images.)", "It forgets."),
        ("It forgets, and it keeps (so in 2 of 3 tables).", "It forgets, and it keeps."),
        ("It forgets (by two points), and keeps.", "It forgets (by two points), and keeps."),
    ],
)
def test_the_borders_at_the_end_of_a_claim_are_left_to_the_ledger(sentence: str, said: str) -> None:
    judged = verdicts(a=REPRODUCED).assign(sentence=sentence)
    line = repr(show_answer("Does it?", verdicts=judged, main=["a"])).splitlines()[1]
    assert line == f"● reproduced (holds in 9 of 10 models): {said}"


@pytest.mark.parametrize("word", CLAIM_GLYPHS)
def test_another_verdict_makes_another_box(word: str) -> None:
    judged = verdicts(a=word, b=NOT)
    line = repr(show_answer("Does it?", verdicts=judged, main=["a"])).splitlines()[1]
    assert line.startswith(f"{CLAIM_GLYPHS[word]} {word} (")
    judged.loc[0, ["verdict", "glyph", "share"]] = [UNDECIDED, "?", "5/10"]
    changed = repr(show_answer("Does it?", verdicts=judged, main=["a"])).splitlines()[1]
    assert changed.startswith("? undecided (holds in 5 of 10 models)")


def test_a_claim_that_depends_says_in_how_many_settings_it_is_reproduced() -> None:
    """Undecided in some and not reproduced in the others is no success in any."""
    judged = verdicts(a=DEPENDS).assign(settings="0/3")
    line = repr(show_answer("Does it?", verdicts=judged, main=["a"])).splitlines()[1]
    told = "holds in 9 of 10 models, reproduced in 0 of 3 settings"
    assert line == f"◐ depends ({told}): Claim a holds."
    assert (
        "settings" not in repr(show_answer("", verdicts=verdicts(a=NOT), main=["a"])).split("\n")[1]
    )


def test_all_claims_are_counted_by_verdict() -> None:
    judged = verdicts(a=REPRODUCED, b=NOT, c=NOT, d=NO_POWER)
    box = repr(show_answer("Does it?", verdicts=judged, main=["a"]))
    assert "At laptop scale; all 4 claims of this page: " in box
    assert "reproduced 1, not reproduced 2, no power here 1 (" in box


def test_the_scale_is_told_where_all_claims_are_main_ones() -> None:
    box = repr(show_answer("Does it?", verdicts=verdicts(a=REPRODUCED), main=["a"]))
    assert box.endswith("At laptop scale (other scales and settings).")


def test_claims_lead_to_their_rows_of_the_ledger() -> None:
    judged = verdicts(a=REPRODUCED, b=NOT)
    html = show_answer("Does it?", verdicts=judged, main=["a"])._repr_html_()
    assert '<a href="../ledger.html#claim-a">' in html
    html = show_answer("Does it?", verdicts=judged, main=["a"], root="")._repr_html_()
    assert '<a href="ledger.html#claim-a">' in html


def test_a_verdict_has_its_colour_and_its_doubts() -> None:
    judged = verdicts(a=NO_POWER).assign(stale=True, exploratory=True)
    box = show_answer("Does it?", verdicts=judged, main=["a"])
    assert '<span class="verdict no-power-here">∅ no power here ⚠ stale</span>' in (
        box._repr_html_()
    )
    assert "(holds in 9 of 10 models, exploratory)" in repr(box)


def test_what_is_exact_has_no_count() -> None:
    box = repr(show_answer("Is it?", verdicts=verdicts(a=REPRODUCED).assign(share=""), main=["a"]))
    assert "● reproduced: Claim a holds." in box


def test_a_sentence_answers_where_there_is_no_claim() -> None:
    box = show_answer("Is a < b?", "It is: 1 < 2.")
    assert repr(box) == "Is a < b?\nIt is: 1 < 2."
    assert "Is a &lt; b?" in box._repr_html_()
    assert "1 &lt; 2" in box._repr_html_()


def test_no_answer_is_refused() -> None:
    with pytest.raises(SpecError, match="no answer"):
        show_answer("Does it?")
    with pytest.raises(SpecError, match=r"\['z'\] are none of the claims"):
        show_answer("Does it?", verdicts=verdicts(a=NOT), main=["z"])
    two = pd.concat([verdicts(a=NOT), verdicts(a=NOT).assign(scale="paper")])
    with pytest.raises(SpecError, match=r"\['laptop', 'paper'\]"):
        show_answer("Does it?", verdicts=two, main=["a"])
