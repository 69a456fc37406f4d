"""A claim at one scale: a word if its settings agree."""

import pandas as pd
import pytest

from unlearnlib.report.claims import Inequality
from unlearnlib.report.verdicts import (
    DEPENDS,
    NO_POWER,
    NOT,
    REPRODUCED,
    UNDECIDED,
    UNTESTED,
)

from .made_tables import forgets_and_keeps, forgotten, verdict

WHERE = {"part": "jit"}


@pytest.mark.parametrize(
    ("first", "second", "word"),
    [(10, 10, REPRODUCED), (0, 0, NOT), (6, 5, UNDECIDED), (10, 0, DEPENDS), (10, 6, DEPENDS),
     (6, 0, DEPENDS)],
)  # fmt: skip
def test_a_word_if_they_agree(first: int, second: int, word: str) -> None:
    table = pd.concat([forgotten(first), forgotten(second, request="class:sea")])
    found = verdict(table)
    assert (found["verdict"], found["share"]) == (word, f"{first + second}/20")
    assert found["settings"] == f"{(first == 10) + (second == 10)}/2"
    assert f"class:rocket {first}/10" in found["detail"]
    assert f"class:sea {second}/10" in found["detail"]


def test_those_without_power_do_not_count_and_are_told() -> None:
    weak = forgotten(10, original=9, request="class:sea")
    found = verdict(pd.concat([forgotten(0), weak]))
    assert (found["verdict"], found["share"]) == (NOT, "0/10")
    assert "no power here: class:sea 10/10 (the original passes in 9 of 10" in found["detail"]
    assert verdict(weak)["verdict"] == NO_POWER


def test_too_few_models_do_not_count_beside_others_and_are_told() -> None:
    few = forgotten(0, n=4, request="class:sea")
    for k, word in ((10, REPRODUCED), (6, UNDECIDED), (0, NOT)):
        found = verdict(pd.concat([forgotten(k), few]))
        assert (found["verdict"], found["share"], found["settings"]) == (
            word, f"{k}/10", f"{int(k == 10)}/1",
        )  # fmt: skip
        assert "class:sea 0/4 (fewer than 5 models decide nothing)" in found["detail"]
    assert verdict(few)["verdict"] == UNDECIDED
    enough = forgotten(0, n=5, request="class:sea")
    assert verdict(pd.concat([forgotten(10), enough]))["verdict"] == DEPENDS


def test_too_few_models_count_where_their_kind_has_no_others() -> None:
    claim = forgets_and_keeps(kinds=({"request": "class:*"}, {"request": "random:*"}))
    few = forgotten(4, n=4, request="random:9")
    found = verdict(pd.concat([forgotten(10), few]), claim)
    assert (found["verdict"], found["share"]) == (UNDECIDED, "14/14")


def test_each_kind_of_request_has_tests_of_its_own() -> None:
    tests = tuple(
        Inequality(t.left, t.right, at_least=t.at_least, at_most=t.at_most,
                   where=WHERE | {"request": kind})
        for kind in ("class:*", "random:*") for t in forgets_and_keeps().tests
    )  # fmt: skip
    claim = forgets_and_keeps(tests=tests)
    both = pd.concat([forgotten(10), forgotten(10, request="random:9")])
    assert verdict(both, claim)["verdict"] == REPRODUCED
    found = verdict(forgotten(10), claim)
    assert found["verdict"] == UNDECIDED
    assert found["detail"].split("; ")[2].startswith("no records of random:*")
    found = verdict(forgotten(0), claim)
    assert found["verdict"] == NOT
    assert "no records of random:*" in found["detail"]
    assert verdict(forgotten(10, request="subclass:a"), claim)["verdict"] == UNTESTED


@pytest.mark.parametrize(
    ("classes", "images", "word"),
    [([10], [10], REPRODUCED), ([10], [0], NOT), ([10], [6], UNDECIDED), ([10], [], UNTESTED),
     ([6], [], UNTESTED), ([10, 0], [], UNTESTED), ([0], [], NOT), ([10, 0], [10], DEPENDS),
     ([0, 0], [10], NOT), ([10], [10, 0], DEPENDS)],
)  # fmt: skip
def test_a_claim_about_kinds_fails_if_it_fails_in_one(
    classes: list[int], images: list[int], word: str
) -> None:
    claim = forgets_and_keeps(kinds=({"request": "class:*"}, {"request": "random:*"}))
    table = pd.concat(
        [forgotten(k, request=f"{kind}:{i}")
         for kind, counts in (("class", classes), ("random", images))
         for i, k in enumerate(counts)]
    )  # fmt: skip
    found = verdict(table, claim)
    assert found["verdict"] == word
    assert (found["share"] == "") == (word == UNTESTED)


def test_another_part_is_another_matter() -> None:
    assert verdict(forgotten(10, part="ssd"))["detail"] == "no records at this scale"
