"""Sweeps whose processes are killed: nothing that has ended is lost, and nothing lives on."""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from unlearnlib.__main__ import main
from unlearnlib.locations import PACKAGE
from unlearnlib.sweep import collect, plan, sweep

from .made_notebooks import notebook

PATIENCE = 300  # seconds until what does not happen is said not to happen
BODY = """
import os, pathlib, signal, time
folder = pathlib.Path(home)
(folder / f"a{a}.count").open("a").write("x")
state = pathlib.Path(f"/proc/{os.getppid()}/stat").read_text()  # of the server
worker = int(state.rpartition(")")[2].split()[1])
if a == 3 and len((folder / "a3.count").read_text()) <= deaths:
    os.kill(worker, signal.SIGKILL)
    time.sleep(600)
if a == 14:
    (folder / "fifo").write_text(f"{os.getpid()} {worker}")
    time.sleep(600)
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A notebook that counts how often it ran at each `a`, and sleeps or kills at some."""
    os.mkfifo(tmp_path / "fifo")
    return notebook(tmp_path, f'a: int = 1\nhome: str = "{tmp_path}"\ndeaths: int = 0', BODY)


def command(page: Path, *options: str, **axes: Any) -> list[str]:
    grid = page.parent / "grid.yaml"
    grid.write_text(json.dumps(axes))
    return ["sweep", str(page), "--grid", str(grid), "--out", str(page.parent / "out"), *options]


def counts(page: Path) -> dict[str, int]:
    return {path.stem: len(path.read_text()) for path in sorted(page.parent.glob("*.count"))}


@pytest.fixture
def asleep(page: Path, tmp_path: Path) -> Iterator[Any]:
    """Return a function that starts a sweep and waits until its run at 14 sleeps."""
    fifo = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    started = list[subprocess.Popen[str]]()
    (tmp_path / "tmp").mkdir(exist_ok=True)

    def start(*options: str, a: list[int]) -> tuple[subprocess.Popen[str], list[int]]:
        process = subprocess.Popen(
            [sys.executable, "-m", "unlearnlib", *command(page, *options, a=a)],
            cwd=PACKAGE.parent, stderr=subprocess.PIPE, text=True,
            env=os.environ | {"TMPDIR": str(short)},
        )  # fmt: skip
        started.append(process)
        ready, _, _ = select.select([fifo, os.pidfd_open(process.pid)], [], [], PATIENCE)
        assert ready == [fifo]
        return process, [int(word) for word in os.read(fifo, 100).split()]

    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        start.folder = Path(short)  # type: ignore[attr-defined]
        yield start
        for process in started:
            process.kill()
            process.communicate()
    os.close(fifo)


@pytest.mark.parametrize(("deaths", "state"), [(1, "done"), (9, "failed")])
def test_a_worker_that_is_killed(page: Path, deaths: int, state: str) -> None:
    """Once: the run is made again. Always: it fails, and the others do not."""
    command(page, a=[1, 3, 4, 5], deaths=[deaths])
    folder = page.parent
    ended = sweep(plan(page, folder / "grid.yaml", folder / "out", jobs=2), jobs=2)
    states = {status["point"]["a"]: status["state"] for status in ended}
    assert states == {1: "done", 3: state, 4: "done", 5: "done"}
    assert len(collect(folder / "out")) == (4 if state == "done" else 3)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_sweep_that_is_killed_loses_what_was_in_flight(
    page: Path, asleep: Any, jobs: str
) -> None:
    """Kill -9 while a run sleeps: workers and kernel end too, and what had ended is kept."""
    process, others = asleep("--jobs", jobs, a=[1, 14] if jobs == "1" else [14])
    ends = [os.pidfd_open(number) for number in others]
    assert (others[1] == process.pid) == (jobs == "1")
    process.kill()
    for end in ends:
        assert select.select([end], [], [], PATIENCE)[0]
    process.communicate(timeout=PATIENCE / 3)  # the worker that had nothing to do has ended too
    left = [path.name for path in asleep.folder.rglob("*")]
    assert not [name for name in left if name.startswith(("kernel-", "ipython-", "tmp"))]
    (page.parent / "fifo").unlink()  # nobody reads it now, but all may write
    (page.parent / "fifo").touch()
    assert main(command(page, a=[1])) == 0
    assert counts(page) == {"a1": 1, "a14": 1}  # what had ended is not repeated


def test_ctrl_c_says_how_to_go_on(page: Path, asleep: Any) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored, and inherited, behind an &
    process, _ = asleep(a=[1, 14])
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "the same command goes on" in said
    assert len(collect(page.parent / "out")) == 1
    assert (page.parent / "out" / "results.csv").exists()
