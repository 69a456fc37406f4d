"""Many methods at once: what the pages on the whole field say of them."""

import pandas as pd
import pytest

from unlearnlib.errors import SpecError
from unlearnlib.report.field import SEEN, beside_own, leaders, rows_that_pass, without_form
from unlearnlib.report.presentation import MORE, ZERO_SHOT, group

PASSED = pd.DataFrame(
    {
        "JiT": [True, True, False, False],  # half is not more than half
        "DELETE": [True, True, True, False],
        "BoundaryShrink": [True, True, True, True],
        "FineTune": [False, False, False, False],
        "FineTune as published": [True, True, True, True],
        "DELETE as released": [True, False, False, False],
    }
)
KINDS = {str(name): MORE if "FineTune" in str(name) else ZERO_SHOT for name in PASSED}


def test_the_groups_are_those_of_the_tables_from_the_least_on() -> None:
    accesses = ["forget_inputs, generator", "forget, fisher", "retain, generator"]
    assert [group("Method", access) for access in accesses] == list(SEEN)


def test_leaders_are_those_of_more_than_half_of_the_models_most_first() -> None:
    assert leaders(PASSED, KINDS) == (
        "with the forget set alone: BoundaryShrink 4, DELETE 3; with stored or held-out data too: "
        "none; with retained data: FineTune as published 4"
    )


def test_rows_are_counted_by_what_they_see() -> None:
    assert rows_that_pass(PASSED, KINDS).splitlines() == [
        "rows that do both in more than half of the models: 3 of 6",
        "- sees the forget set at most: 2 of 4",
        "- sees stored or held-out data too: 0 of 0",
        "- sees retained data: 1 of 2",
    ]


def test_a_searched_setting_is_compared_with_that_of_its_release() -> None:
    text = beside_own(PASSED)
    assert text.endswith("in 1 of 2 rows, in fewer: FineTune")
    alone = PASSED.drop(columns=["FineTune", "DELETE"])  # no searched row, nothing to compare
    assert beside_own(alone).endswith("in 0 of 0 rows, in fewer: none")
    level = pd.DataFrame({"MSG": [True], "MSG as published": [True]})  # neither more nor fewer
    assert beside_own(level).endswith("in 0 of 1 rows, in fewer: none")
    two = {"SSD": [True, False], "SSD as released": [True, True], "SSD as published": [False] * 2}
    assert beside_own(pd.DataFrame(two)).endswith("in 1 of 2 rows, in fewer: SSD")


def test_a_name_with_as_in_it_that_is_no_form_stays_whole() -> None:
    assert without_form("SSD as mine") == "SSD as mine"
    assert without_form("SCRUB as released") == "SCRUB"
    assert without_form("JiT as committed") == "JiT"
    assert without_form("SSD as printed") == "SSD"
    mine = pd.DataFrame({"SSD": [True], "SSD as mine": [False]})
    assert beside_own(mine).endswith("in 0 of 0 rows, in fewer: none")


@pytest.mark.parametrize("seen", [{"JiT": ZERO_SHOT}, dict.fromkeys(["JiT", "Mine"], "Reference")])
def test_a_method_of_no_group_is_refused(seen: dict[str, str]) -> None:
    passed = pd.DataFrame({"JiT": [True], "Mine": [False]})  # not only when it passes
    for told in (leaders, rows_that_pass):
        with pytest.raises(SpecError, match="Mine it is not known what they see"):
            told(passed, seen)
