"""The settings of the laptop's tables are those that the declared searches chose, and no others."""

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from unlearnlib import Grid, read_records
from unlearnlib.fields import differing, first_defaults
from unlearnlib.runs.declared_search import best_of_each
from unlearnlib.runs.specification import made

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
SUPER_CLASSES = 5
SEARCHES = {
    "class": ("jit/full_class", "dampening/full_class", "pgu/removal", "nabla_tau/class"),
    "subclass": ("jit/sub_class", "dampening/sub_class"),
    "random": ("jit/random", "dampening/random", "nabla_tau/tables"),
    "data": ("pgu/random",),
    "poison": ("pgu/poison",),
}
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
]
TRIALS = 12
UNSEARCHED = {("nabla_tau/tables", "FineTune")}
"""Of the release, as a part of NablaTau: alpha 0."""
CALLED = {("nabla_tau/tables", "SSD"): "SSD as released"}
"""What a table calls otherwise than the searches do."""


def parameters(page: str) -> dict[str, Any]:
    """The parameters of a page."""
    notebook = nbformat.read(NOTEBOOKS / f"{page}.ipynb", as_version=4)
    cell = next(c for c in notebook.cells if "parameters" in c.metadata.get("tags", []))
    values: dict[str, Any] = {}
    exec(cell.source, values)
    return values


def specification(search: str) -> Grid:
    part, _, name = search.partition("/")
    return Grid.read(NOTEBOOKS / part / "search" / f"{name}.laptop.yaml")


def chosen(kind: str) -> dict[str, dict[str, Any]]:
    """The best setting of each method that was searched on one kind of request."""
    best: dict[str, dict[str, Any]] = {}
    for search in SEARCHES[kind]:
        grid = specification(search)
        tried = read_records(grid.part, "search")
        tried = tried[tried["run_id"].isin({run.run_id for run in grid.runs()})]
        classes = SUPER_CLASSES if "super" in grid.dataset else 10
        for row in best_of_each(tried, classes).to_dict("records"):
            best[row["method"]] = json.loads(row["params"])
    return best


@pytest.mark.parametrize("kind", SEARCHES)
def test_every_method_was_given_as_many_trials(kind: str) -> None:
    for search in SEARCHES[kind]:
        grid = specification(search)
        assert set(grid.seeds) == {0, 1, 2}
        assert all("test" not in split and split != "retain" for split in grid.splits)
        labels = [options.get("label", name) for name, options in grid.methods.items()]
        assert {name: labels.count(name) for name in set(labels) - {"Original"}} == dict.fromkeys(
            set(labels) - {"Original"}, TRIALS
        )


@pytest.mark.parametrize(("page", "name", "kind"), GRIDS)
def test_settings_are_those_that_were_chosen(page: str, name: str, kind: str) -> None:
    best = chosen(kind)
    methods = parameters(page)[name]
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
    tried = {request for search in SEARCHES[kind] for request in specification(search).requests}
    if kind != "poison":  # there is one way to forget what is poisoned
        assert not tried & set(given[requests])
