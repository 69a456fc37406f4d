"""The settings of the tables are those that the declared searches chose, and no others.

Pages with seeds from `SECOND` on have the best of both rounds. Those with seeds below it were
recorded before there was a second round, and have the best of the first.
"""

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from unlearnlib import Grid
from unlearnlib.data.sizes import size_of
from unlearnlib.fields import differing, first_defaults
from unlearnlib.runs.declared_search import best_of_each, declared, scores, trials
from unlearnlib.runs.specification import made

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
SEARCHES = {
    "class": (
        "jit/full_class", "dampening/full_class", "pgu/removal", "nabla_tau/class",
        "baselines/full_class",
    ),
    "subclass": ("jit/sub_class", "dampening/sub_class", "baselines/sub_class"),
    "random": ("jit/random", "dampening/random", "nabla_tau/tables", "baselines/random"),
    "data": ("pgu/random",),
    "poison": ("pgu/poison",),
}  # fmt: skip
"""Kind of request -> the specifications of its searches, in `search/` of a part."""
GRIDS = [
    ("jit/full_class", "methods", "class"),
    ("jit/sub_class", "methods", "subclass"),
    ("jit/random", "methods", "random"),
    ("jit/entropy", "methods", "random"),
    ("dampening/full_class", "methods", "class"),
    ("dampening/sub_class", "methods", "subclass"),
    ("dampening/random", "methods", "random"),
    ("pgu/removal", "methods", "class"),
    ("pgu/removal", "data_methods", "data"),
    ("pgu/poison", "methods", "poison"),
    ("nabla_tau/tables", "methods", "random"),
    ("nabla_tau/tables", "class_methods", "class"),
    ("baselines/full_class", "methods", "class"),
    ("baselines/random", "methods", "random"),
    ("baselines/sub_class", "methods", "subclass"),
]
TRIALS = 12
COMPLETE = {"EUK": {"k"}, "CFK": {"k"}}
"""Dials whose values were all tried: the numbers of layers that the network has."""
ENDS = {"epochs": (1,), "ascents": (1,), "r": (1.0,), "every": (1,)}
"""Values of dials beyond which there is none."""
FEWER = {"EUK": 3, "Amnesiac": 4}
"""Trials of a round for which the rule has no more settings."""
SECOND = 20
"""The least seed of a page whose settings are of both rounds."""
UNSEARCHED = {("nabla_tau/tables", "FineTune")}
"""Of the release, as a part of NablaTau: alpha 0."""
OTHERWISE = {"baselines/vision_transformer.workstation"}
"""Searched by a rule of its own, which its page tells: two seeds, and fewer trials."""
LARGER = [
    search for part in sorted({path.parts[-3] for path in NOTEBOOKS.glob("*/search/*.yaml")})
    for name in declared(part)
    if name.endswith(".workstation") and (search := f"{part}/{name}") not in OTHERWISE
]  # fmt: skip
"""The searches at workstation scale."""
ONE_ROUND = {("pgu/part.workstation", "FineTune")}
"""Whose second round was not run: it is no row of a table, and the page says so."""
CALLED = {("nabla_tau/tables", "SSD"): "SSD as released"}
"""What a table calls otherwise than the searches do."""


def parameters(page: str) -> dict[str, Any]:
    """The parameters of a page."""
    notebook = nbformat.read(NOTEBOOKS / f"{page}.ipynb", as_version=4)
    cell = next(c for c in notebook.cells if "parameters" in c.metadata.get("tags", []))
    values: dict[str, Any] = {}
    exec(cell.source, values)
    return values


def rounds(search: str) -> list[Grid]:
    """The declared files of a search: of its first round and, if it has one, of its second."""
    part, _, name = search.partition("/")
    return declared(part)[name if "." in name else f"{name}.laptop"]


def classes(grid: Grid) -> int:
    return size_of(grid.dataset).classes


def chosen(kind: str, last: int) -> dict[str, dict[str, Any]]:
    """The best setting of each method on one kind of request, of the rounds up to the last."""
    best: dict[str, dict[str, Any]] = {}
    for search in SEARCHES[kind]:
        grids = rounds(search)[:last]
        for row in best_of_each(trials(*grids), classes(grids[0])).to_dict("records"):
            best[row["method"]] = json.loads(row["params"])
    return best


def settings_of(grid: Grid) -> dict[str, list[dict[str, Any]]]:
    """The settings of each method in a declared file."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, options in grid.methods.items():
        if name != "Original":
            label = options["label"]
            found.setdefault(label, []).append(options)
    return found


ALL = [search for searches in SEARCHES.values() for search in searches] + LARGER


@pytest.mark.parametrize("search", ALL)
def test_every_method_was_given_as_many_trials(search: str) -> None:
    first, *second = rounds(search)
    assert len(second) <= 1
    for grid in (first, *second):
        assert set(grid.seeds) == {0, 1, 2}
        assert all("test" not in split and split != "retain" for split in grid.splits)
        for label, settings in settings_of(grid).items():
            assert len(settings) in (TRIALS, FEWER.get(label)), label
        assert not grid.missing()


def at_edge(words: str) -> set[str]:
    """The dials of words such as "k 1, lr 0.1"."""
    return {one.partition(" ")[0] for one in words.split(", ")} - {""}


@pytest.mark.parametrize("search", ALL)
def test_a_second_round_is_as_the_rule_has_it(search: str) -> None:
    first, *second = rounds(search)
    table = trials(first)
    best = best_of_each(table, classes(first)).set_index("method")
    again = settings_of(second[0]) if second else {}
    ends = {str(m): at_edge(words) for m, words in best["edge"].items()}
    beyond = [m for m, dials in ends.items() if dials - COMPLETE.get(m, set())]
    due = best[~best["found"] | best.index.isin(beyond)]
    due = due.drop(index=[m for s, m in ONE_ROUND if s == search])
    assert set(again) == set(due.index)
    for row in due.reset_index().to_dict("records"):
        label = row["method"]
        before, now = settings_of(first)[label], again[label]
        assert not [options for options in now if options in before]
        ranked = scores(table[table["method"].isin(["Original", label])], classes(first))
        dials = [name for name in ranked if name in before[0] and name != "lr_end"]
        for dial in dials:
            old, new = ({options[dial] for options in those} for those in (before, now))
            value = ranked[dial].iloc[0]
            if not row["found"]:  # the setting of paper or release is inside, see the file
                assert old.isdisjoint(new)
            elif value in ENDS.get(dial, ()):  # nothing lies beyond it
                near = min(abs(one - value) for one in old - {value})
                assert all(abs(one - value) < near for one in new)
            elif value in (min(old), max(old)):
                assert old.isdisjoint(new)
                assert min(new) < value < max(new)
            else:
                assert old == new


@pytest.mark.parametrize(("page", "name", "kind"), GRIDS)
def test_settings_are_those_that_were_chosen(page: str, name: str, kind: str) -> None:
    given = parameters(page)
    best = chosen(kind, 2 if min(given["seeds"]) >= SECOND else 1)
    methods = given[name]
    searched = [
        m for m in methods if CALLED.get((page, m), m) in best and (page, m) not in UNSEARCHED
    ]
    assert searched
    for label in searched:
        method = made(label, methods[label])
        own = first_defaults(type(method)) | differing(method)
        assert own == best[CALLED.get((page, label), label)], label


@pytest.mark.parametrize(("page", "name", "kind"), GRIDS)
def test_confirming_seeds_and_requests_are_not_those_of_the_search(
    page: str, name: str, kind: str
) -> None:
    given = parameters(page)
    assert min(given["seeds"]) >= 10
    requests = {"data_methods": "data_requests", "class_methods": "classes"}.get(name, "requests")
    tried = {request for search in SEARCHES[kind] for request in rounds(search)[0].requests}
    if kind != "poison":  # there is one way to forget what is poisoned
        assert not tried & set(given[requests])


@pytest.mark.parametrize("search", LARGER)
def test_workstation_tables_have_what_their_search_chose(search: str) -> None:
    """The files of the same part, set, network and kind of request have it, and all of it."""
    grids = rounds(search)
    first, kind = grids[0], grids[0].requests[0].partition(":")[0]
    best = best_of_each(trials(*grids), classes(first))
    found = best[best["found"]].set_index("method")["params"].map(json.loads)
    files = sorted((NOTEBOOKS / first.part).glob("*.workstation.yaml"))
    same = [
        grid for grid in map(Grid.read, files)
        if (grid.dataset, grid.model) == (first.dataset, first.model)
        and {request.partition(":")[0] for request in grid.requests} == {kind}
        and set(found.index) & set(grid.methods)  # those of a dial have all of its values
    ]  # fmt: skip
    absent = set(found.index).difference(*(grid.methods for grid in same))
    assert {(search, method) for method in absent} <= ONE_ROUND
    for grid in same:
        assert min(grid.seeds) >= 10
        if kind != "random":  # whose images the seed draws
            assert not set(grid.requests) & set(first.requests)
        assert grid.training == first.training
        for label in [label for label in grid.methods if label in found]:
            method = made(label, grid.methods[label])
            assert first_defaults(type(method)) | differing(method) == found[label], label
