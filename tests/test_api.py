"""The API page has every public name once, and each method says what makes what it needs."""

import inspect
import re
from operator import attrgetter
from pathlib import Path

import pytest

import unlearnlib
from unlearnlib import METHODS, OwnScenario, access
from unlearnlib.access import STORED

PAGE = (Path(__file__).parents[1] / "book" / "api.md").read_text("utf-8")
SHOWN = re.findall(r"^\.\. auto(class|function|data):: unlearnlib\.([\w.]+)$", PAGE, re.MULTILINE)
BASES = ("Distillation", "Boundary", "ImpairRepair")
"""Which hold the fields that two methods share."""


def test_every_public_name_is_on_the_page_once() -> None:
    names = [name.rpartition(".")[2] for _, name in SHOWN]
    assert sorted(names) == sorted([*unlearnlib.__all__, *BASES])


@pytest.mark.parametrize(("kind", "name"), [pair for pair in SHOWN if pair[0] != "data"])
def test_it_is_of_the_kind_that_the_page_says(kind: str, name: str) -> None:
    shown = attrgetter(name)(unlearnlib)
    assert inspect.isclass(shown) == (kind == "class")
    assert inspect.getdoc(shown)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_says_what_makes_what_it_needs(name: str) -> None:
    """Data are the reader's own; what else it is handed has to come from somewhere."""
    told = " ".join(str(inspect.getdoc(METHODS[name])).split())
    for asked in access(METHODS[name]()):
        if asked in STORED:
            assert re.search(rf"`{name}\(\.\.\.\)\.stored\.of\(.*?\)` makes `{asked}`", told)
        if asked == "fresh_model":
            assert f"`{asked}`" in told
            assert OwnScenario.__name__ in told
        if asked == "validation":
            assert "alidation examples" in told
