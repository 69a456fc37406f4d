"""What a sweep may vary: read from the notebook, checked before anything starts."""

from pathlib import Path
from typing import Any

import nbformat
import pytest

from unlearnlib.errors import SpecError
from unlearnlib.locations import PACKAGE
from unlearnlib.sweep.parameters import parameters_of
from unlearnlib.sweep.space import grid_of, parameters_at, points, read_axes

from .made_notebooks import notebook
from .toys import grid

PAGE = PACKAGE.parent / "notebooks" / "jit" / "full_class.ipynb"


def test_parameters_are_read_with_their_types(tmp_path: Path) -> None:
    declared = parameters_of(notebook(tmp_path))
    kinds = {name: parameter.kind for name, parameter in declared.items()}
    assert kinds == {"a": int, "b": float, "name": str, "tags": list, "nested": dict}
    assert declared["nested"].default["JiT"] == {"sigma": 1.0}


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"c": [1]}, "no parameter 'c'. Known are: a, b, name, tags, nested"),
        ({"a": ["x"]}, "a must be a whole number, not the text 'x'"),
        ({"a": [True]}, "a must be a whole number, not true"),
        ({"a": [0.5]}, "a must be a whole number, not 0.5"),
        ({"a": 3}, "neither a list of values nor"),
        ({"a": []}, "'a' has no values. Give one at least."),
        ({"tags": [1]}, "Each value of the axis 'tags' is a list itself"),
        ({"nested.JTi.sigma": [1]}, r"no 'JTi.sigma' to reach. nested has: JiT, JiT σ=0.1"),
        ({"a.b": [1]}, "there is no 'b' to reach"),
        ({"a": {"low": 1}}, "neither a list of values nor"),
    ],
)
def test_what_cannot_vary_is_refused(tmp_path: Path, axes: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message.replace("(", r"\(")):
        read_axes(grid(tmp_path, **axes), parameters_of(notebook(tmp_path)))


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"methods.JiT.lr": ["1e-3"]}, r"methods\.JiT\.lr must be a finite number, not the text"),
        ({"methods.JiT.clamp": [1]}, r"methods\.JiT\.clamp must be true or false, not 1"),
        ({"methods.JiT.noises": [2.5]}, r"methods\.JiT\.noises must be a whole number"),
        ({"methods.JiT.reduction": ["men"]}, r"reduction cannot be the text 'men'.*mean"),
        ({"methods.JiT.sgima": [1]}, r"There is no methods\.JiT\.sgima\. Did you mean sigma"),
        ({"methods.JiT as released.sgima": [1]}, r"Did you mean sigma"),
        ({"methods.JiT.label": [1]}, r"methods\.JiT\.label must be text"),
        ({"training.lr": [None]}, r"training\.lr must be a finite number, not null"),
        ({"training.lt": [1]}, r"There is no training\.lt\."),
        ({"methods.JiT.clamp": {"low": 0, "high": 1}}, "'methods.JiT.clamp' is not a number"),
        ({"dataset": {"low": 0, "high": 1}}, "'dataset' is not a number"),
        ({"methods.JiT.lr": {"low": 0.2, "high": 0.1}}, r"lr\.low is 0\.2, above .*high, 0\.1"),
        ({"methods.JiT.lr": {"low": 0, "high": 1, "log": True}}, r"low must be above 0 .*, not 0"),
        ({"methods.JiT.lr": {"low": 1, "high": 2, "log": 1}}, r"lr\.log must be true or false"),
        ({"methods.JiT.noises": {"low": 0.5, "high": 2}}, r"noises\.low must be a whole"),
        ({"methods.JiT.lr": {"low": True, "high": 2}}, r"lr\.low must be a finite number"),
        ({"methods.JiT.lr": {"low": 1, "high": "2"}}, r"lr\.high must be a finite number"),
        ({"methods.JiT.lr": {"low": 1e-300, "high": 1e300, "log": True}}, r"at most 1e.30"),
        ({"methods.JiT.noises": {"low": 1, "high": 10**20}}, "at most 2147483647"),
        ({"methods.JiT.lr": {"low": 1, "high": 2, "lgo": True}}, "neither a list"),
        ({"methods.JiT.sigma": [1, 2], "methods": [{}]}, r"'methods\.JiT\.sigma' is a part of"),
        ({"methods.JiT": [{}], "methods.JiT.lr": [1]}, r"'methods\.JiT\.lr' is a part of"),
        ({"methods.JiT.lr": [1, 2, 1.0]}, r"'methods\.JiT\.lr' has the value 1\.0 twice"),
        ({"methods": [{"a": {}, "b": {}}, {"b": {}, "a": {}}]}, "twice"),
        ({"validation": ["0.1"]}, "validation must be a finite number"),
    ],
)
def test_what_a_dotted_name_reaches_has_its_annotation(
    tmp_path: Path, axes: Any, message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        read_axes(grid(tmp_path, **axes), parameters_of(PAGE))


@pytest.mark.parametrize(
    ("axes", "sentence"),
    [
        ({"seeds": [3, 4]}, "Each value of the axis 'seeds' is a list itself. Write [[3, 4]]."),
        ({"requests": ["x"]}, "Each value of the axis 'requests' is a list itself. Write [['x']]."),
        ({"methods.Original.x": [1]}, "There is no methods.Original.x. There are no fields."),
        ({"seeds\n": [1]}, r"There is no parameter 'seeds\n'. Did you mean seeds? Known"),
    ],
)
def test_one_mistake_is_one_sentence(tmp_path: Path, axes: Any, sentence: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_axes(path := grid(tmp_path, **axes), parameters_of(PAGE))
    assert str(caught.value).startswith(f"{path}: {sentence}")
    assert len(str(caught.value).splitlines()) == 1


def test_every_mistake_of_a_grid_file_is_told(tmp_path: Path) -> None:
    path = grid(
        tmp_path, **{"modle": ["x"], "methods.JiT.lr": ["a", "b"], "dataset": [], "part": 1}
    )
    with pytest.raises(SpecError) as caught:
        read_axes(path, parameters_of(PAGE))
    lines = str(caught.value).splitlines()
    assert len(lines) == 5
    assert all(line.startswith(str(path)) for line in lines)


def test_what_can_vary(tmp_path: Path) -> None:
    axes = {
        "methods.JiT.lr": [1, 0.5], "methods.JiT.clamp": [True, False], "seeds": [[0], [0, 1]],
        "methods.JiT as released.type": ["JiT"], "training.epochs": {"low": 1, "high": 9},
        "nothing": [1, True, None, "x"], "exact": [2, None],
    }  # fmt: skip
    cell = nbformat.read(PAGE, as_version=4).cells[1].source
    cell += "\nnothing = None\nexact: float | None = 10 ** -3"
    known = parameters_of(notebook(tmp_path, cell))
    assert read_axes(grid(tmp_path, **axes), known) == axes


@pytest.mark.parametrize(
    ("name", "axis", "kind"),
    [
        ("methods.JiT.lr", {"low": 0, "high": 1}, float),
        ("methods.JiT.lr", {"low": 1, "high": 100, "log": True}, float),
        ("methods.JiT.noises", {"low": 1, "high": 100, "log": True}, int),
        ("methods.JiT.noises", {"low": 1, "high": 4}, int),
        ("validation", {"low": 0, "high": 1}, float),
    ],
)
def test_a_range_has_numbers_of_the_kind(
    tmp_path: Path, name: str, axis: dict[str, Any], kind: type
) -> None:
    axes = read_axes(grid(tmp_path, **{name: axis}), parameters_of(PAGE))
    values = [point[name] for point in points(axes, 200)]
    assert {type(value) for value in values} == {kind}
    assert all(axis["low"] <= value <= axis["high"] for value in values)
    if axis["high"] == 4:
        assert set(values) == {1, 2, 3, 4}
    if axis.get("log"):
        assert min(values) < 3
        assert max(values) > 80


def test_a_range_may_be_one_number(tmp_path: Path) -> None:
    axes = read_axes(grid(tmp_path, validation={"low": 1, "high": 1}), parameters_of(PAGE))
    assert list(points(axes, 5)) == [{"validation": 1.0}]


def test_keys_may_have_dots(tmp_path: Path) -> None:
    """The longest one that fits is meant."""
    known = parameters_of(notebook(tmp_path, 'd = {"a": {"b": {}}, "a.b": {"c": 1}}'))
    assert parameters_at({"d.a.b.c": 2}, known)["d"] == {"a": {"b": {}}, "a.b": {"c": 2}}


def test_training_is_a_recipe_only_where_a_grid_is_run(tmp_path: Path) -> None:
    known = parameters_of(notebook(tmp_path, 'training = {"x": 1}\nmethods = {"JiT": {"x": 1}}'))
    axes = {"training.x": [2], "methods.JiT.x": [2]}
    assert read_axes(grid(tmp_path, **axes), known) == axes


def test_logarithmic_whole_numbers_reach_both_ends() -> None:
    axes = {"a": {"low": 1, "high": 3, "log": True}}
    assert {point["a"] for point in points(axes, 50)} == {1, 2, 3}


def test_ranges_of_a_dictionary_without_annotations(tmp_path: Path) -> None:
    """Its defaults tell the kind; a whole number may be replaced by any."""
    known = parameters_of(notebook(tmp_path, 'd = {"f": 1.0, "i": 1, "b": True, "t": "x"}'))
    axes = {"d.f": {"low": 0, "high": 1}, "d.i": {"low": 0, "high": 3}, "d.new": [1, "x"]}
    point = next(points(read_axes(grid(tmp_path, **axes), known), 1))
    assert (type(point["d.f"]), type(point["d.i"])) == (float, int)
    assert read_axes(grid(tmp_path, **{"d.i": {"low": 0, "high": 0.5}}), known)
    for wrong in ({"d.b": [1]}, {"d.t": {"low": 0, "high": 1}}, {"d.f": ["x"]}):
        with pytest.raises(SpecError):
            read_axes(grid(tmp_path, **wrong), known)


@pytest.mark.parametrize("sobol", [False, True])
def test_the_number_of_points_is_bounded(sobol: bool) -> None:
    million = {name: list(range(100)) for name in "abc"}
    with pytest.raises(SpecError, match="1,000,000 points"):
        next(points(million))
    for sample in (0, -1, 2**20):
        with pytest.raises(SpecError, match="--sample must be from 1 to 10,000"):
            next(points(million, sample, sobol))
    assert list(points({}, 3, sobol)) == [{}]


def test_points_are_all_combinations() -> None:
    every = list(points({"a": [1, 2], "b": [0.1, 0.2, 0.3]}))
    assert len(every) == 6
    assert every[0] == {"a": 1, "b": 0.1}
    assert every[-1] == {"a": 2, "b": 0.3}


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
    given = parameters_at(point, known)
    assert given["nested"] == {"JiT": {"sigma": 9.0, "lr": 7.0}, "JiT σ=0.1": {"sigma": 8.0}}
    assert known["nested"].default["JiT"] == {"sigma": 1.0}


def test_grids_are_checked_before_anything_starts() -> None:
    """Names inside the methods of a tables notebook are hyper-parameters of those methods."""
    page = PACKAGE.parent / "notebooks" / "jit" / "full_class.ipynb"
    known = parameters_of(page)
    assert parameters_at({"methods.JiT.noises": 3}, known)["methods"]["JiT"]["noises"] == 3
    with pytest.raises(SpecError, match="sgima"):
        parameters_at({"methods.JiT.sgima": 3}, known)


def test_the_grid_of_a_page_has_the_values_of_its_parameters() -> None:
    page = PACKAGE.parent / "notebooks" / "jit" / "full_class.ipynb"
    grid = grid_of(page)
    known = {name: parameter.default for name, parameter in parameters_of(page).items()}
    assert (grid.part, grid.scale, grid.requests) == (
        "jit",
        "laptop",
        ["class:Dress", "class:Shirt", "class:Ankle boot"],
    )
    assert grid.methods == known["methods"]
    assert {run.label for run in grid.runs()} == known["methods"].keys()


def test_a_page_without_a_grid_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"does not run a grid: .*'dataset'"):
        grid_of(notebook(tmp_path))
