"""Sweeps on clusters: real schedulers and workers, each a process of its own."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import nbformat
import pytest

from unlearnlib.__main__ import main
from unlearnlib.locations import PACKAGE
from unlearnlib.sweep import collect

ROOT = PACKAGE.parent
RECIPE = re.compile(r"```python\n(from dask_jobqueue.*?)```", re.DOTALL)
BODY = """
from pathlib import Path
with (Path(folder) / f"{a}.count").open("a") as file: file.write("x")
assert a != 13
"""
Sweep = Callable[..., int]


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    """Return a function that sweeps a notebook, which counts its runs, over some values of `a`."""
    new: Any = nbformat.v4
    parameters = f'a: int = 1\nfolder: str = "{tmp_path}"'
    first = new.new_code_cell(parameters, metadata={"tags": ["parameters"]})
    page, grid = tmp_path / "page.ipynb", tmp_path / "grid.yaml"
    nbformat.write(new.new_notebook(cells=[first, new.new_code_cell(BODY)]), page)

    def go(address: str, a: list[int]) -> int:
        grid.write_text(json.dumps({"a": a}))
        where = ["--backend", "dask", "--scheduler", address, "--out", str(tmp_path / "out")]
        return main(["sweep", str(page), "--grid", str(grid), "--jobs", "2", *where])

    return go


@pytest.fixture
def processes() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return a function that starts a process, which is killed after the test."""
    with ExitStack() as stack:

        def start(*command: str, **options: Any) -> subprocess.Popen[str]:
            pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
            process = subprocess.Popen(command, cwd=ROOT, **{**pipes, **options})
            stack.callback(process.communicate)
            stack.callback(process.kill)
            return process

        yield start


def test_processes_started_by_hand(tmp_path: Path, sweep: Sweep, processes: Any) -> None:
    file = tmp_path / "scheduler.json"
    quiet, where = {"stdout": subprocess.DEVNULL}, ["--scheduler-file", str(file)]
    tool = [sys.executable, "-m"]
    processes(
        *tool, "distributed.cli.dask_scheduler", *where, "--port", "0", "--no-dashboard", **quiet
    )
    for _ in range(2):
        processes(*tool, "distributed.cli.dask_worker", *where, "--nthreads", "1", **quiet)
    deadline = time.monotonic() + 60
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    address = json.loads(file.read_text())["address"]
    assert sweep(address, [1, 2, 13, 4]) == 1  # one fails, and stops no other
    assert sorted(collect(tmp_path / "out")["a"]) == [1, 2, 4]
    assert sweep(address, [1, 2, 4]) == 0  # what is done is not repeated
    assert [path.read_text() for path in tmp_path.glob("*.count")] == ["x"] * 4


def test_the_recipe_for_slurm(tmp_path: Path, sweep: Sweep, processes: Any) -> None:
    """The page's recipe, beside an `sbatch` that starts each job at once on this machine."""
    pytest.importorskip("dask_jobqueue")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, script in {
        "sbatch": f'cp "$1" {tmp_path}/job.$$\nsetsid bash {tmp_path}/job.$$ >/dev/null 2>&1 &\n'
        'echo "Submitted batch job $!"',
        "scancel": 'kill -- "-$1"',
    }.items():
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    (recipe,) = RECIPE.findall((ROOT / "book" / "how_to.md").read_text(encoding="utf-8"))
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    environment["PYTHONUNBUFFERED"] = "1"
    process = processes(
        sys.executable, "-c", recipe.replace("jobs=8", "jobs=2"), stdout=subprocess.PIPE,
        env=environment,
    )  # fmt: skip
    assert sweep(process.stdout.readline().strip(), [1, 2]) == 0
    assert len(list(tmp_path.glob("job.*"))) == 2
    process.stdin.write("\n")  # Enter: the machines are given back
    process.stdin.flush()
    assert process.wait(timeout=60) == 0
