"""The cells of PGU's tables, none of which could be read."""

import pandas as pd
import pytest

from unlearnlib import Grid
from unlearnlib.locations import PACKAGE
from unlearnlib.report import compare, reported, show_comparison
from unlearnlib.runs.records import table


def test_no_number_is_given_and_no_cell_twice() -> None:
    rows = reported("pgu")
    assert rows["mean"].isna().all()
    assert rows["sd"].isna().all()
    assert rows["source"].str.startswith("not known").all()
    assert not rows.duplicated(["item", "method", "metric", "split"]).any()


def test_a_cell_without_a_number_says_so() -> None:
    rows = compare("Sub-class removal", table([]), paper="pgu")
    assert set(rows["verdict"].astype(str)) == {"not known"}
    assert show_comparison(rows).notes[-1] == "Not run by us, and no printed number is known."


@pytest.mark.parametrize("model", ["small_vgg", "small_vgg_mini"])  # the paper's, and another
def test_ours_beside_no_number_is_not_judged(model: str) -> None:
    times = {"Retrain": 20.0, "PGU": 5.0}
    rows = pd.DataFrame(
        [
            {
                "run_id": method, "scale": "paper", "dataset": "cifar10", "model": model,
                "request": "random:1000", "method": method, "params": "{}", "access": "",
                "metric": "seconds_unlearn", "split": "", "value": value, "stale": False,
            }
            for method, value in times.items()
        ]
    )  # fmt: skip
    found = compare("Runtime", rows, paper="pgu", relative_to="Retrain").set_index("method")
    assert found["ours_mean"].to_dict() == {"Retrain": 1.0, "PGU": 0.25}
    assert set(found["verdict"]) == {"not known"}
    note = show_comparison(found.reset_index()).notes[-1]
    assert "no printed number is known" in note
    assert ("and ours is another set-up" in note) == (model == "small_vgg_mini")


def test_the_paper_specifications_are_those_of_the_cells() -> None:
    rows = reported("pgu")
    known = set(zip(rows["dataset"], rows["model"], rows["request"], strict=True))
    folder = PACKAGE.parent / "notebooks" / "pgu"
    numbers = ("incremental", *(f"incremental.{n}000" for n in (1, 2, 3)))
    for name in (*numbers, "poison", "poison.1000", "removal.part", "removal.tiny"):
        grid = Grid.read(folder / f"{name}.paper.yaml")
        assert {(grid.dataset, grid.model, request) for request in grid.requests} <= known
