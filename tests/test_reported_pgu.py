"""The cells of PGU's tables, none of which could be read."""

from unlearnlib import Grid
from unlearnlib.locations import PACKAGE
from unlearnlib.records import table
from unlearnlib.report import compare, reported


def test_no_number_is_given_and_no_cell_twice() -> None:
    rows = reported("pgu")
    assert rows["mean"].isna().all()
    assert rows["sd"].isna().all()
    assert rows["source"].str.startswith("not known").all()
    assert not rows.duplicated(["item", "method", "metric", "split"]).any()


def test_a_cell_without_a_number_says_so() -> None:
    rows = compare("Sub-class removal", table([]), paper="pgu")
    assert set(rows["verdict"].astype(str)) == {"not run"}


def test_the_paper_specifications_are_those_of_the_cells() -> None:
    rows = reported("pgu")
    known = set(zip(rows["dataset"], rows["model"], rows["request"], strict=True))
    folder = PACKAGE.parent / "notebooks" / "pgu"
    numbers = ("incremental", *(f"incremental.{n}000" for n in (1, 2, 3)))
    for name in (*numbers, "poison", "poison.1000", "removal.part", "removal.tiny"):
        grid = Grid.read(folder / f"{name}.paper.yaml")
        assert {(grid.dataset, grid.model, request) for request in grid.requests} <= known
