"""The notebooks have the form that the book promises, and carry the outputs that nbval compares.

nbval says nothing about a notebook whose outputs were stripped, nor about one without checked
cells, so these tests do.
"""

import ast
import json
import re
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from papermill.cli import papermill

from unlearnlib import PGU, Grid, Recipe
from unlearnlib.report import read_claims
from unlearnlib.runs import records
from unlearnlib.sweep import plan

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "notebooks"
EXECUTED = "book/_executed/"
TOC = (ROOT / "_toc.yml").read_text(encoding="utf-8")
PAGES = re.findall(rf"(?:root|file): {EXECUTED}(\S+)", TOC)
SPECIFICATIONS = sorted(p for p in FOLDER.rglob("*.yaml") if p.parent.name != "sweeps")
BESIDE_NOTEBOOKS = [path for path in SPECIFICATIONS if path.parent.name != "search"]
CHECKED = "nbval-check-output"
ANSWERED = [page for page in PAGES if "/" in page or page == "side_by_side"]
WITHOUT_FIGURE = ("jit/further",)  # three questions, and none has a figure of its own
SUM_UP = ("intro", "ledger", "this_build")
"""Pages whose tables are those of the records that there are; tests of the report hold them."""


@pytest.fixture(scope="module", params=PAGES)
def notebook(request: pytest.FixtureRequest) -> Any:
    path = FOLDER / f"{request.param}.ipynb"
    assert path.exists(), f"_toc.yml names {request.param}, but there is no {path.name}"
    return nbformat.read(path, as_version=4)


def code_of(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def is_checked(cell: Any) -> bool:
    """Tell whether nbval compares the outputs of a cell."""
    return CHECKED in cell.metadata.get("tags", [])


def parameters_of(notebook: Any) -> dict[str, Any]:
    """Return name -> value of the parameters cell, which holds literals only."""
    (cell,) = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    return {
        line.target.id: ast.literal_eval(line.value)
        for line in ast.parse(cell.source).body
        if isinstance(line, ast.AnnAssign)
        and isinstance(line.target, ast.Name)
        and line.value is not None
    }


def test_every_notebook_is_a_page_of_the_book() -> None:
    found = {
        path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.ipynb")
    }
    assert found == set(PAGES)


def test_it_is_a_notebook_of_the_current_format(notebook: Any) -> None:
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"


def test_it_begins_with_a_title_and_then_its_parameters(notebook: Any) -> None:
    first = notebook.cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert "parameters" in code_of(notebook)[0].metadata.get("tags", [])


def test_each_parameter_is_typed_literal_json_and_explained(notebook: Any) -> None:
    cell = code_of(notebook)[0]
    lines = ast.parse(cell.source).body
    assert all(isinstance(line, ast.AnnAssign) for line in lines), "only `name: type = value`"
    json.dumps(parameters_of(notebook))
    source = cell.source.splitlines()
    for line in lines:
        text = source[line.end_lineno - 1]
        before = source[line.lineno - 2] if line.lineno > 1 else ""
        assert "  # " in text or before.startswith("#"), f"{line.target.id} has no comment"


def test_it_holds_no_code_that_belongs_in_the_library(notebook: Any) -> None:
    for cell in code_of(notebook):
        tree = ast.parse(cell.source)
        for node in ast.walk(tree):
            assert not isinstance(node, ast.ClassDef), f"class {node.name}"
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                assert length <= 10, f"{node.name} has {length} lines, more than ten"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert node.func.attr not in ("backward", "zero_grad"), "training by hand"


def test_it_does_not_depend_on_the_current_folder(notebook: Any) -> None:
    for cell in code_of(notebook):
        found = re.search(r"getcwd|chdir|Path\.cwd|open\(|[\"'](\.\.?/|~|notebooks/)", cell.source)
        assert not found, f"{found[0]!r} in: {cell.source}"


def test_every_code_cell_was_executed_in_order_and_without_error(notebook: Any) -> None:
    counts = [cell.execution_count for cell in code_of(notebook) if cell.source.strip()]
    assert counts == list(range(1, len(counts) + 1))
    outputs = [output for cell in code_of(notebook) for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]


def test_it_has_checked_cells_and_they_carry_outputs(notebook: Any) -> None:
    checked = [cell for cell in code_of(notebook) if is_checked(cell)]
    assert checked, "nbval compares nothing here"
    for cell in checked:
        assert cell.outputs, f"nothing to compare in: {cell.source}"
        assert all("text/plain" in o.get("data", {"text/plain": 0}) for o in cell.outputs)
        figures = [o for o in cell.outputs if re.search("<svg|image/png", str(o.get("data")))]
        assert not figures, "letters and lines may stand elsewhere on another machine"


def test_marks_for_nbval_are_tags_which_readers_do_not_see(notebook: Any) -> None:
    assert not [cell.source for cell in notebook.cells if "NBVAL_" in cell.source]


@pytest.mark.parametrize("page", [page for page in PAGES if page not in SUM_UP])
def test_results_stand_in_checked_cells(page: str) -> None:
    """Tables wherever they are, and whatever is printed where the page says what to see."""
    heading = ""
    for cell in nbformat.read(FOLDER / f"{page}.ipynb", as_version=4).cells:
        if cell.cell_type == "markdown":
            heading = (re.findall(r"^## (.*)", cell.source, re.MULTILINE) or [heading])[-1]
        elif cell.cell_type == "code" and not is_checked(cell):
            tables = [o for o in cell.outputs if "<table" in o.get("data", {}).get("text/html", "")]
            printed = [o for o in cell.outputs if o.output_type == "stream"]
            told = printed if heading in ("What to see", "Claims") else []
            assert not tables + told, f"tag this with {CHECKED}: {cell.source}"


def tagged(page: str, tag: str) -> list[Any]:
    cells = code_of(nbformat.read(FOLDER / f"{page}.ipynb", as_version=4))
    return [cell for cell in cells if tag in cell.metadata.get("tags", [])]


@pytest.mark.parametrize("page", ANSWERED)
def test_a_page_that_answers_something_has_one_box_that_is_checked_and_one_figure(
    page: str,
) -> None:
    """The book puts both under the title, see `frame.answer_first`."""
    (box,) = tagged(page, "answer")
    assert box.source.rstrip().endswith(")")
    assert "show_answer(" in box.source
    assert is_checked(box)
    (output,) = box.outputs
    assert 'class="answer"' in output["data"]["text/html"]
    figures = tagged(page, "main-figure")
    assert len(figures) == (page not in WITHOUT_FIGURE)
    assert all("Figure: " in str(cell.outputs) for cell in figures)


@pytest.mark.parametrize("page", sorted({claim.page for claim in read_claims()} - {""}))
def test_the_box_counts_the_claims_of_its_page(page: str) -> None:
    (box,) = tagged(page, "answer")
    assert "verdicts=" in box.source
    assert " scale" in box.outputs[0]["data"]["text/plain"].splitlines()[-1]


def test_it_carries_nothing_of_the_machine(notebook: Any) -> None:
    assert not {"papermill", "inputs"} & notebook.metadata.keys()
    found = re.search(r"/(home|Users|root|tmp|work)/\w+", nbformat.writes(notebook))
    assert not found, found[0]


@pytest.mark.parametrize("path", SPECIFICATIONS, ids=lambda p: p.relative_to(FOLDER).as_posix())
def test_a_specification_is_json_that_yaml_reads_alike_and_a_grid(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) == yaml.safe_load(text)
    assert any(Grid.read(path).runs())


@pytest.mark.parametrize("path", BESIDE_NOTEBOOKS, ids=lambda p: p.relative_to(FOLDER).as_posix())
def test_a_parameter_file_sets_parameters_of_its_notebook(path: Path) -> None:
    page, *_, scale, _ = path.name.split(".")  # full_class.cifar20.paper.yaml is one too
    values = json.loads(path.read_text(encoding="utf-8"))
    folder = path.parents[path.parent.name == "more"]  # what `make paper` runs last
    known = parameters_of(nbformat.read(folder / f"{page}.ipynb", as_version=4))
    assert values["scale"] == scale
    unknown = {name for name in values if not name.startswith("note")} - known.keys() - {"worth"}
    assert not unknown, f"papermill would only warn of {unknown}"


def test_the_command_of_the_attack_is_complete_and_sets_its_parameters() -> None:
    """No file holds them: 90 models that an attack compares are no grid."""
    notebook = nbformat.read(FOLDER / "pgu" / "attack.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells)
    (command,) = re.findall(r"```\n(papermill .*?)```", text, re.DOTALL)
    words = shlex.split(command.replace("\\\n", " "))
    options = papermill.make_context(words[0], words[1:]).params
    given = dict(options["parameters"])
    for more in options["parameters_yaml"]:
        given |= yaml.safe_load(more)
    assert (FOLDER.parent / options["notebook_path"]).exists()
    assert given.keys() == parameters_of(notebook).keys() - {"part", "every", "seed"}
    assert Recipe(**given["training"]).epochs == 200
    assert PGU(**given["pgu"]) == PGU()


def test_every_sweep_of_the_book_has_a_grid_that_fits_its_notebook(tmp_path: Path) -> None:
    sweeps = parameters_of(nbformat.read(FOLDER / "sweeps.ipynb", as_version=4))["sweeps"]
    grids = {entry["grid"] for entry in sweeps.values()}
    assert grids == {f"sweeps/{path.name}" for path in (FOLDER / "sweeps").glob("*.yaml")}
    for name, entry in sweeps.items():
        runs = plan(FOLDER / f"{entry['notebook']}.ipynb", FOLDER / entry["grid"], tmp_path)
        assert len(runs) > 1
        for axis in (entry["x"], entry["y"]):
            assert f"methods.{name}.{axis}" in runs[0].point


def test_every_run_of_the_sweeps_is_recorded_in_a_part_of_its_own(tmp_path: Path) -> None:
    """No build trains for them, and no claim is judged at their settings."""
    sweeps = parameters_of(nbformat.read(FOLDER / "sweeps.ipynb", as_version=4))["sweeps"]
    keys = {key.name for key in fields(Grid)}
    for entry in sweeps.values():
        page = FOLDER / f"{entry['notebook']}.ipynb"
        own = parameters_of(nbformat.read(page, as_version=4))
        for run in plan(page, FOLDER / entry["grid"], tmp_path):
            values = own | dict(run.parameters)
            grid = Grid(**{name: value for name, value in values.items() if name in keys})
            assert grid.part not in {own["part"], *(claim.part for claim in read_claims())}
            known = records.committed(grid.part, grid.scale)
            assert not [one.run_id for one in grid.runs() if one.run_id not in known], run.point
