"""What a sweep may vary: read from the notebook, checked before anything starts."""

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from unlearnlib.errors import SpecError
from unlearnlib.locations import PACKAGE
from unlearnlib.sweep.space import grid_of, parameters_of, points, read_axes, resolve

PARAMETERS = """
a: int = 1  # a number
b: float = 0.5
name: str = "x"
tags: list = [1, 2]
nested: dict = {"JiT": {"sigma": 1.0}, "JiT σ=0.1": {"sigma": 0.1}}
"""


def notebook(folder: Path) -> Path:
    """Write a notebook with a parameters cell."""
    new: Any = nbformat.v4
    cell = new.new_code_cell(PARAMETERS.strip(), metadata={"tags": ["parameters"]})
    path = folder / "page.ipynb"
    nbformat.write(new.new_notebook(cells=[cell]), path)
    return path


def grid(folder: Path, **axes: Any) -> Path:
    path = folder / "grid.yaml"
    path.write_text(json.dumps(axes))
    return path


def test_parameters_are_read_with_their_types(tmp_path: Path) -> None:
    found = parameters_of(notebook(tmp_path))
    kinds = {name: parameter.kind for name, parameter in found.items()}
    assert kinds == {"a": int, "b": float, "name": str, "tags": list, "nested": dict}
    assert found["nested"].default["JiT"] == {"sigma": 1.0}


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"c": [1]}, "no parameter 'c'. Known are: a, b, name, tags, nested"),
        ({"a": ["x"]}, "a must be a whole number, not the text 'x'"),
        ({"a": [True]}, "a must be a whole number, not true"),
        ({"a": [0.5]}, "a must be a whole number, not 0.5"),
        ({"a": 3}, "neither a list of values nor"),
        ({"a": []}, "neither a list of values nor"),
        ({"tags": [1]}, "Each value of the axis 'tags' is a list itself"),
        ({"nested.JTi.sigma": [1]}, r"no 'JTi.sigma' to reach. nested has: JiT, JiT σ=0.1"),
        ({"a.b": [1]}, "there is no 'b' to reach"),
        ({"a": {"low": 1}}, "neither a list of values nor"),
    ],
)
def test_what_cannot_vary_is_refused(tmp_path: Path, axes: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message.replace("(", r"\(")):
        read_axes(grid(tmp_path, **axes), parameters_of(notebook(tmp_path)))


def test_points_are_all_combinations() -> None:
    found = list(points({"a": [1, 2], "b": [0.1, 0.2, 0.3]}))
    assert len(found) == 6
    assert found[0] == {"a": 1, "b": 0.1}
    assert found[-1] == {"a": 2, "b": 0.3}


@pytest.mark.parametrize("sobol", [False, True])
def test_samples_stay_inside_repeat_and_spread(sobol: bool) -> None:
    axes = {"a": {"low": 1, "high": 4}, "b": {"low": 0.01, "high": 1.0, "log": True}, "c": ["u"]}
    one, two = (list(points(axes, 64, sobol, seed=3)) for _ in range(2))
    assert one == two != list(points(axes, 64, sobol, seed=4))
    assert {point["a"] for point in one} == {1, 2, 3, 4}
    below = sum(point["b"] < 0.1 for point in one)
    assert below == 32 if sobol else 16 < below < 48
    assert all(0.01 <= point["b"] <= 1.0 for point in one)


def test_a_range_needs_a_sample_and_equal_points_are_one() -> None:
    with pytest.raises(SpecError, match="--sample"):
        list(points({"a": {"low": 0, "high": 1}}))
    assert len(list(points({"a": [1, 2]}, sample=50))) == 2


def test_dotted_names_change_a_copy(tmp_path: Path) -> None:
    known = parameters_of(notebook(tmp_path))
    point = {"nested.JiT.sigma": 9.0, "nested.JiT σ=0.1.sigma": 8.0, "nested.JiT.lr": 7.0}
    given = resolve(point, known)
    assert given["nested"] == {"JiT": {"sigma": 9.0, "lr": 7.0}, "JiT σ=0.1": {"sigma": 8.0}}
    assert known["nested"].default["JiT"] == {"sigma": 1.0}


def test_grids_are_checked_before_anything_starts() -> None:
    """Names inside the methods of a tables notebook are hyper-parameters of those methods."""
    page = PACKAGE.parent / "notebooks" / "jit" / "full_class.ipynb"
    known = parameters_of(page)
    assert resolve({"methods.JiT.noises": 3}, known)["methods"]["JiT"]["noises"] == 3
    with pytest.raises(SpecError, match="'JiT' has no sgima"):
        resolve({"methods.JiT.sgima": 3}, known)


def test_the_grid_of_a_page_has_the_values_of_its_parameters() -> None:
    page = PACKAGE.parent / "notebooks" / "jit" / "full_class.ipynb"
    grid = grid_of(page)
    known = {name: parameter.default for name, parameter in parameters_of(page).items()}
    assert (grid.part, grid.scale, grid.requests) == ("jit", "laptop", ["class:Trouser"])
    assert grid.methods == known["methods"]
    assert {run.label for run in grid.runs()} == known["methods"].keys()


def test_a_page_without_a_grid_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"does not run a grid: .*'dataset'"):
        grid_of(notebook(tmp_path))
