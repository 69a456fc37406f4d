"""The build of the book: what changed is executed, what failed is told, what was done is kept."""

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest

pytestmark = pytest.mark.usefixtures("kernels_leave_nothing")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def build(
    of_book: Callable[[str], ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ModuleType:
    """book/build.py, in a folder of its own."""
    module = of_book("build")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "requirements.txt").touch()
    return module


def page(name: str, *cells: str) -> None:
    new: Any = nbformat.v4
    path = Path("notebooks") / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new.new_notebook(cells=[new.new_code_cell(cell) for cell in cells]), path)


def text(name: str) -> str:
    """Return the output of the first cell of code of an executed copy."""
    path = Path("book/_executed") / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    return "".join(output.get("text", "") for output in first.outputs)


def test_what_is_unchanged_is_not_executed_again(
    build: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    page("part/one", "print(1)")
    page("part/two", "print(2)")
    page("sum", "print('all')")
    names = ["sum", "part/one", "part/two"]
    build.execute_all(names, 2)
    assert [text(name) for name in names] == ["all\n", "1\n", "2\n"]
    said = capsys.readouterr().out
    assert "[3/3] sum" in said  # the page at the top comes last
    build.execute_all(names, 2)
    assert capsys.readouterr().out.count("unchanged") == 3
    page("part/two", "print(22)")
    build.execute_all(names, 2)
    said = capsys.readouterr().out
    assert "part/one  unchanged" in said
    assert "sum  unchanged" not in said  # it depends on all of them
    assert text("part/two") == "22\n"
    page("part/two", "print(22)")
    Path("notebooks/part/two.laptop.yaml").write_text("{}")
    build.execute_all(names, 2)
    assert "part/two  unchanged" not in capsys.readouterr().out


def test_a_failure_is_told_and_the_others_are_kept(
    build: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    page("part/bad", "print('before')", "1 / 0")
    page("part/good", "import time; time.sleep(1); print('good')")
    page("sum", "print('all')")
    names = ["sum", "part/bad", "part/good"]
    with pytest.raises(SystemExit) as caught:
        build.execute_all(names, 2)
    for part in ("Cell 1 of notebooks/part/bad.ipynb", "ZeroDivisionError", "1 / 0", "is kept"):
        assert part in str(caught.value)
    assert text("part/bad") == "before\n"  # for inspection
    assert text("part/good") == "good\n"
    assert not Path("book/_executed/sum.ipynb").exists()
    capsys.readouterr()
    page("part/bad", "print('mended')")
    build.execute_all(names, 2)
    assert "part/good  unchanged" in capsys.readouterr().out
    assert text("part/bad") == "mended\n"


def test_committed_outputs_stand_in_for_copies_that_are_not_current(build: ModuleType) -> None:
    page("part/one", "print(1)")
    page("part/two", "print(2)")
    names = ["part/one", "part/two"]
    build.execute_all(names, 2)
    page("part/two", "print(22)")
    build.take_committed(names)
    assert text("part/one") == "1\n"  # current: kept
    assert text("part/two") == ""  # as committed, here without outputs


def test_neighbours_do_not_train_the_same_models(build: ModuleType) -> None:
    for name, model in [("a", "x"), ("b", "x"), ("c", "y"), ("d", "x")]:
        page(f"part/{name}", f"dataset: str = 'small'  # a set\nmodel: str = '{model}'")
    order = build.apart([f"part/{name}" for name in "abcd"])
    assert order == ["part/d", "part/c", "part/b", "part/a"]


def test_another_sample_is_another_build_and_its_page_comes_last(
    build: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["this_build", "part/one", "sum"]
    for name in names:
        page(name, "import os; print(os.environ.get('RERUN'))")
    assert build.stages(names) == [["part/one"], ["sum"], ["this_build"]]
    monkeypatch.setenv("RERUN", "none")
    build.execute_all(names, 2)
    assert [text(name) for name in names] == ["none\n"] * 3
    monkeypatch.setenv("RERUN", "all")
    capsys.readouterr()
    build.execute_all(names, 2)
    said = capsys.readouterr().out
    assert "unchanged" not in said
    assert "[3/3] this_build" in said
    assert [text(name) for name in names] == ["all\n"] * 3


def test_the_times_of_pages_are_told_and_are_not_copied_back(build: ModuleType) -> None:
    page("part/one", "print(1)")
    page("part/two", "print(2)")
    build.execute_all(["part/one"], 1)
    build.take_committed(["part/two"])
    build.tell_times(["part/one", "part/two"])
    _, _, one, two = build.TIMES.read_text(encoding="utf-8").splitlines()
    assert re.fullmatch(r"\| \[\]\(_executed/part/one.ipynb\) \| \d{4}-.{11} \| [\d.]+ \|", one)
    assert "as committed" in two
    build.copy_back(["part/one"])
    copied = nbformat.read("notebooks/part/one.ipynb", as_version=4).metadata
    assert not {"inputs", "executed", "seconds"} & copied.keys()
