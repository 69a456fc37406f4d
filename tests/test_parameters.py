"""What a parameters cell may hold, read without running it."""

from pathlib import Path

import nbformat
import pytest

from unlearnlib.errors import SpecError
from unlearnlib.locations import PACKAGE
from unlearnlib.sweep.parameters import parameters_of
from unlearnlib.sweep.space import parameters_at, read_axes

from .made_notebooks import notebook
from .toys import grid

PAGE = PACKAGE.parent / "notebooks" / "jit" / "full_class.ipynb"


CELL = """
a: float = 10 ** -3
b: "int | None" = None
c: Literal["x", "y"] = "x"
d: Optional[list[str]] = None
e: int
f = g = 2
h, i = 1, 2
j: np.ndarray = None
k: dict = make()
l: Literal[x] = 1
m: dict[str] = {}
n: "a b" = 1
"""


def test_what_a_parameters_cell_may_hold(tmp_path: Path) -> None:
    known = parameters_of(notebook(tmp_path, CELL))
    assert list(known) == ["a", "b", "c", "d", "e", "f", "g", "j", "k", "l", "m", "n"]
    good = {
        "a": [0.1],
        "b": [1, None],
        "c": ["y"],
        "d": [["x"], None],
        "e": [3],
        "j": ["any"],
        "l": ["any"],
        "m": [{"a": 1}],
    }
    assert read_axes(grid(tmp_path, **good), known) == good
    for name, value in {"a": "x", "b": 0.5, "c": "z", "d": [1], "e": None, "f": "x"}.items():
        with pytest.raises(SpecError, match=name):
            read_axes(grid(tmp_path, **{name: [value]}), known)
    with pytest.raises(SpecError, match="the default of k is computed; give k as a whole"):
        read_axes(grid(tmp_path, **{"k.x": [1]}), known)
    assert parameters_at({"k": {"x": 1}}, known) == {"k": {"x": 1}}


def test_a_computed_parameter_of_a_grid_blocks_no_other(tmp_path: Path) -> None:
    cell = nbformat.read(PAGE, as_version=4).cells[1].source
    known = parameters_of(notebook(tmp_path, cell.replace("float = 0.1", "float = 1 / 10")))
    assert parameters_at({"model": "mlp"}, known) == {"model": "mlp"}
    assert known["validation"].kind is float
    with pytest.raises(SpecError, match="sgima"):
        parameters_at({"methods": {"JiT": {"sgima": 1}}}, known)


@pytest.mark.parametrize(
    ("cell", "message"),
    [("%matplotlib inline\na = 1", "Line 1 of the parameters of .* is not Python")],
)
def test_a_cell_that_is_not_python(tmp_path: Path, cell: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parameters_of(notebook(tmp_path, cell))


def test_what_is_no_notebook(tmp_path: Path) -> None:
    for text in ("x", "[]", "{}", '{"cells": 1, "nbformat": 4, "nbformat_minor": 5}'):
        (tmp_path / "page.ipynb").write_text(text)
        with pytest.raises(SpecError):
            parameters_of(tmp_path / "page.ipynb")
