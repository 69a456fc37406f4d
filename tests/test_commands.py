"""Every command that a page tells the reader to type works, as it stands there."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from unlearnlib.locations import cache_folder
from unlearnlib.runs.mapping import mapping

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
PAGES = ["book/how_to.md", "README.md"]
BLOCKS = [
    pytest.param(block, id=f"{page}-{number}")
    for page in PAGES
    for number, block in enumerate(BLOCK.findall((ROOT / page).read_text("utf-8")))
    if "make " not in block.partition("papermill")[0]  # they are what runs this test
    and "mine.yaml" not in block
]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder that looks like the repository, with what has been trained, and a grid of a point.

    It is one that is recorded, so that no block of commands waits for trainings.
    """
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    cache_folder().mkdir(parents=True, exist_ok=True)
    (tmp_path / ".cache").symlink_to(cache_folder())
    place = tmp_path / "notebooks" / "sweeps" / "jit.yaml"
    point = {name: values[:1] for name, values in mapping(place).items()}
    place.write_text(json.dumps(point))
    return tmp_path


def test_pages_have_commands() -> None:
    assert len(BLOCKS) >= 6


def test_a_grid_of_ones_own_runs_and_is_read(tmp_path: Path) -> None:
    """The file, the command and the lines that read its records, with a cache of their own."""
    page = (ROOT / "book" / "how_to.md").read_text("utf-8")
    section = page.partition("as `mine.yaml`:")[2]
    blocks = re.findall(r"```(yaml|console|python)\n(.*?)```", section, re.DOTALL)[:3]
    assert [kind for kind, _ in blocks] == ["yaml", "console", "python"]
    (_, text), (_, console), (_, code) = blocks
    (tmp_path / "mine.yaml").write_text(text)
    command = console.removeprefix("$ ").strip().replace("python", sys.executable, 1)
    environment = {
        **os.environ,
        "UNLEARNLIB_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": str(ROOT),
    }
    for arguments in (command.split(), [sys.executable, "-c", code]):
        done = subprocess.run(
            arguments, cwd=tmp_path, env=environment, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-4000:]
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["JiT", "Original", "Retrain"]
    assert "test_forget" in lines[0]


CODE = re.findall(r"python -c '(from .*?)'$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


def test_the_makefile_has_code() -> None:
    assert CODE


@pytest.mark.parametrize("code", CODE)
def test_what_the_makefile_calls_is_there(code: str) -> None:
    """The imports are made, and what is called is looked up but not called."""
    imports, _, call = code.partition("; ")
    space: dict[str, object] = {}
    exec(imports, space)
    assert callable(eval(call.removesuffix("()"), space))


@pytest.mark.parametrize("block", BLOCKS)
def test_the_commands_of_a_page(block: str, clone: Path) -> None:
    lines = [line[2:] for line in block.splitlines() if line.startswith("$ ")]
    lines = [line for line in lines if not line.startswith("make ")]
    script = "\n".join(["set -e", "trap 'kill $(jobs -p) 2>/dev/null || :' EXIT", *lines])
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "UNLEARNLIB_CACHE": str(cache_folder()),
    }
    done = subprocess.run(
        ["bash", "-c", script], cwd=clone, env=environment, capture_output=True, text=True,
        timeout=580, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{script}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    assert "unknown parameter" not in done.stderr
