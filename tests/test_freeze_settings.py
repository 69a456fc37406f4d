"""What decides a frozen claim: the settings of every run that it is tested on, place by place."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from unlearnlib.runs.mapping import values

from .made_notebooks import notebook


@pytest.fixture
def freeze(of_book: Callable[[str], ModuleType]) -> ModuleType:
    """book/freeze.py."""
    return of_book("freeze")


def test_the_settings_of_a_frozen_claim_are_what_they_were(freeze: ModuleType) -> None:
    """Whoever changes them freezes the claim anew, which makes its older runs exploratory."""
    changed = [
        entry["id"]
        for entry in values(freeze.CLAIMS)
        if "frozen" in entry and entry["frozen"]["settings"] != freeze.settings_of(entry)
    ]
    assert not changed


CLAIM: dict[str, Any] = {
    "id": "a",
    "part": "jit",
    "page": "jit/page",
}  # judged by its page, by any of its methods
TEST = {"left": {"method": "JiT", "metric": "accuracy"}, "right": {"method": "Original"}}


@pytest.mark.parametrize(
    "named",
    [
        {"tests": [TEST]},
        {"tests": [TEST | {"left": {"method": "SSD"}, "right": {"method": "JiT"}}]},
        {"tests": [TEST | {"left": {"method": "SSD"}, "origin": "JiT"}]},
        {"tests": [TEST | {"left": {"method": "SSD"}}], "given": [TEST]},
        {"tests": [TEST | {"left": {"method": "SSD"}}], "forms": [{"methods": {"SSD": "JiT"}}]},
    ],
)
def test_methods_that_a_claim_does_not_name_may_join_its_page(
    freeze: ModuleType, tmp_path: Path, named: dict[str, Any]
) -> None:
    methods = 'methods: dict = {"JiT": {"lr": 0.1}, "SSD": {"alpha": 2.0}}\n'
    joined = methods.replace("}}", '}, "Retrain": {}, "Retrain again": {"again": 1}, "New": {}}')
    page(tmp_path, methods)
    first, whole = (freeze.settings_of(one, tmp_path) for one in (CLAIM | named, CLAIM))
    page(tmp_path, joined)
    assert freeze.settings_of(CLAIM | named, tmp_path) == first
    assert freeze.settings_of(CLAIM, tmp_path) != whole
    page(tmp_path, methods.replace("0.1", "0.2"))
    assert freeze.settings_of(CLAIM | named, tmp_path) != first
    page(tmp_path, methods.replace("2.0", "3.0"))
    of_ssd = any("SSD" in str(one) for one in named.values())
    assert (freeze.settings_of(CLAIM | named, tmp_path) != first) == of_ssd


def page(folder: Path, text: str) -> None:
    (folder / "jit").mkdir(exist_ok=True)
    notebook(folder / "jit", text)


def test_what_decides_a_run_is_in_the_digest_and_seeds_are_not(
    freeze: ModuleType, tmp_path: Path
) -> None:
    text = (
        'methods: dict = {"JiT": {"lr": 0.1}}\nseeds: list = [0]\nnote: str = "a"\nworth: int = 1\n'
    )
    page(tmp_path, text)
    first = freeze.settings_of(CLAIM, tmp_path)
    page(tmp_path, text.replace("[0]", "[10, 11]").replace('"a"', '"b"').replace("= 1", "= 2"))
    assert freeze.settings_of(CLAIM, tmp_path) == first
    page(tmp_path, text.replace("0.1", "0.2"))
    assert freeze.settings_of(CLAIM, tmp_path) != first


def test_each_scale_has_a_digest_of_its_own(freeze: ModuleType, tmp_path: Path) -> None:
    """A file says what differs at its scale; of the rest what the page says holds there too."""
    text = 'methods: dict = {"JiT": {"lr": 0.1}}\nscale: str = "laptop"\nmodel: str = "a"\n'
    scale = tmp_path / "jit" / "page.paper.yaml"

    def settings(text: str, lr: float) -> dict[str, str]:
        page(tmp_path, text)
        scale.write_text(json.dumps({"scale": "paper", "methods": {"JiT": {"lr": lr}}}))
        return dict(freeze.settings_of(CLAIM, tmp_path))

    first = settings(text, 0.1)
    assert [*first] == ["laptop", "paper"]
    there, here, both = (
        {name for name, digest in one.items() if digest != first[name]}
        for one in (
            settings(text, 0.2),
            settings(text.replace("0.1", "0.3"), 0.1),
            settings(text.replace('"a"', '"b"'), 0.1),
        )
    )
    assert (there, here, both) == ({"paper"}, {"laptop"}, {"laptop", "paper"})
    assert freeze.settings_of({"id": "a"}, tmp_path) == {}


def test_what_decides_are_all_runs_that_a_claim_is_tested_on(
    freeze: ModuleType, tmp_path: Path
) -> None:
    """Those of other pages and of files of its part too, and not what its own page alone has."""
    (tmp_path / "jit").mkdir()
    entry = CLAIM | {"tests": [TEST | {"where": {"request": "random:*"}}]}
    grid = {
        "part": "jit", "scale": "paper", "dataset": "cifar10", "model": "a", "validation": 0.1,
        "requests": ["random:100"], "methods": {"JiT": {"lr": 0.1}, "SSD": {}}, "seeds": [0],
    }  # fmt: skip

    def settings(page_too: str = "", **changed: Any) -> dict[str, str]:
        text = 'part: str = "jit"\nrequests: list = ["random:0.1"]\nmethods: dict = {"JiT": {}}\n'
        page(tmp_path, text + page_too)
        (tmp_path / "jit" / "other.paper.yaml").write_text(json.dumps(grid | changed))
        return dict(freeze.settings_of(entry, tmp_path))

    first = settings()
    assert [*first] == ["laptop", "paper/cifar10"]
    none: dict[str, Any]
    for none in ({"part": "pgu"}, {"requests": ["class:1"]}, {"methods": {"SSD": {}}},
                 {"scale": "search"}):  # fmt: skip
        assert settings(**none) == {"laptop": first["laptop"]}
    for same in ({"seeds": [10]}, {"note": "x"}, {"methods": {"JiT": {"lr": 0.1}, "PGU": {}}}):
        assert settings(**same) == first
    for other in ({"methods": {"JiT": {"lr": 0.2}}}, {"model": "b"}, {"validation": 0.2},
                  {"requests": ["random:100", "random:83"]}):  # fmt: skip
        found = settings(**other)
        assert moved(found, first) == {"paper/cifar10"}
    assert moved(settings(dataset="cifar20"), first) == {"paper/cifar10", "paper/cifar20"}
    found = settings("levels: list = [1, 2]\n")  # a parameter of the page alone
    assert moved(found, first) == {"laptop"}
    assert settings('class_methods: dict = {"PGU": {}}\n') == settings("class_methods: dict = {}\n")


def moved(one: dict[str, str], other: dict[str, str]) -> set[str]:
    return {place for place in {**one, **other} if one.get(place) != other.get(place)}


def test_each_data_set_has_a_digest_of_its_own(freeze: ModuleType, tmp_path: Path) -> None:
    """What is changed on one leaves the runs on another as they were; a page may be about two."""
    entry = CLAIM | {"tests": [TEST]}
    grid = {"part": "jit", "scale": "paper", "requests": ["class:1"], "methods": {"JiT": {}}}

    def settings(lr: float, second: str = "b") -> dict[str, str]:
        page(tmp_path, 'part: str = "jit"\nmethods: dict = {"JiT": {}}\ndataset: str = "a"\n'
                       f'small_dataset: str = "{second}"\n')  # fmt: skip
        for name, dials in (("a", {"lr": 0.1}), ("b", {"lr": lr})):
            of_one = grid | {"dataset": name, "methods": {"JiT": dials}}
            (tmp_path / "jit" / f"page.{name}.paper.yaml").write_text(json.dumps(of_one))
        return dict(freeze.settings_of(entry, tmp_path))

    first = settings(0.1)
    assert [*first] == ["laptop/a", "laptop/b", "paper/a", "paper/b"]
    assert first["laptop/a"] == first["laptop/b"]
    assert moved(settings(0.2), first) == {"paper/b"}
    assert moved(settings(0.1, "c"), first) == {"laptop/a", "laptop/b", "laptop/c"}
    judged_by_its_page = freeze.settings_of(CLAIM, tmp_path)
    assert [*judged_by_its_page] == ["laptop", "paper"]


def test_a_page_whose_settings_are_computed_cannot_be_frozen(
    freeze: ModuleType, tmp_path: Path
) -> None:
    page(tmp_path, "training: dict = dict(epochs=20)\n")
    with pytest.raises(SystemExit, match="The parameters training of jit/page are computed"):
        freeze.settings_of(CLAIM, tmp_path)
