"""Kernels: no output is lost, or the run fails; what a user has configured changes nothing."""

import asyncio
import multiprocessing.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import pytest
from filelock import FileLock
from jupyter_client.manager import start_new_kernel
from jupyter_client.session import Session

from unlearnlib.errors import SweepError
from unlearnlib.locations import PACKAGE
from unlearnlib.sweep import CellError, execute, kernel

pytestmark = pytest.mark.usefixtures("kernels_leave_nothing")

LINES = 10_000  # of which 2,013 were lost


def texts(folder: Path, *cells: str) -> list[str]:
    """Return what the cells of a notebook print."""
    new: Any = nbformat.v4
    nbformat.write(
        new.new_notebook(cells=[new.new_code_cell(c) for c in cells]), folder / "p.ipynb"
    )
    done = execute(folder / "p.ipynb", folder / "q.ipynb")
    return ["".join(o.get("text", "") for o in cell.outputs) for cell in done.cells]


def test_every_line_arrives(tmp_path: Path) -> None:
    warned, printed = texts(
        tmp_path,
        f"import logging\nfor i in range({LINES}): logging.warning('%06d' % i + 93 * '.')",
        f"for i in range({LINES}): print(i, flush=True)",
    )
    assert warned.splitlines() == [f"WARNING:root:{i:06}{93 * '.'}" for i in range(LINES)]
    assert printed.split() == [str(i) for i in range(LINES)]


def test_every_line_arrives_where_another_tool_starts_the_kernel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As nbval does: its manager, our provisioner; nobody reads until the cell has ended."""
    monkeypatch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", "unlearnlib-fork")
    manager, client = start_new_kernel(kernel_name="python3", startup_timeout=600)
    try:
        asked = client.execute(f"for i in range({LINES}): print(i, flush=True)")
        client.get_shell_msg(timeout=600)
        lines: list[str] = []
        while True:
            message = client.get_iopub_msg(timeout=600)
            if message["parent_header"].get("msg_id") == asked:
                lines += message["content"].get("text", "").split()
                if message["content"].get("execution_state") == "idle":
                    break
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.context.destroy()
    assert lines == [str(i) for i in range(LINES)]


def test_what_children_and_threads_write(tmp_path: Path) -> None:
    child = (
        "import os\nif not os.fork():\n    print('child', flush=True)\n    os._exit(0)\nos.wait()"
    )
    thread = "import threading\nt = threading.Thread(target=print, args=('thread',))\nt.start()\n"
    assert texts(tmp_path, child + ";", thread + "t.join()") == ["child\n", "thread\n"]


def test_a_lost_message_is_a_run_that_fails(tmp_path: Path) -> None:
    lose = "from unlearnlib.sweep.serve import NumberedSocket\nNumberedSocket.sent += 3"
    with pytest.raises(CellError, match="3 messages of the kernel's output were lost") as caught:
        texts(tmp_path, lose)
    assert str(tmp_path / "q.ipynb") in str(caught.value)


@pytest.mark.parametrize(
    ("numbers", "lost"),
    [([7, 8, 9], 0), ([7, 9], 1), ([7, 8, 12], 3), ([7, 8, 1, 2], 0), ([7, None, 8], 0)],
)
def test_messages_are_counted(numbers: list[int | None], lost: int) -> None:
    """The reader comes late, and a kernel that was restarted counts from the beginning."""
    session = Session(key=b"secret")

    class Socket:
        async def recv_multipart(self) -> list[bytes]:
            number = waiting.pop(0)
            numbered = [] if number is None else [b"#%d" % number]
            message = session.serialize(session.msg("stream", {"text": "x"}))
            return [b"stream.stdout", *numbered, *message]

    waiting = list(numbers)
    channel: Any = object.__new__(kernel.CountedChannel)  # it wants a real socket
    channel.socket, channel.session = Socket(), session

    async def read() -> None:
        while waiting:
            assert (await channel._recv())["content"] == {"text": "x"}

    if lost:
        with pytest.raises(SweepError, match=f"^{lost} messages"):
            asyncio.run(read())
    else:
        asyncio.run(read())


SCRIPT = """
import sys
from concurrent.futures import ThreadPoolExecutor
from unlearnlib.sweep import execute
print("script")
with ThreadPoolExecutor(2) as pool:
    list(pool.map(lambda i: execute(f"{i}.ipynb", f"done{i}.ipynb"), range(2)))
assert sys.modules["__main__"].__spec__ is None
"""
ASK = """
1; 2
import matplotlib, os
print("started" in globals(), matplotlib.rcParams["text.usetex"], matplotlib.rcParams["figure.dpi"])
print(matplotlib.get_backend(), os.environ.get("PYTHONSTARTUP"), __name__)
"""


def test_the_surroundings_change_nothing(tmp_path: Path) -> None:
    """A script without a main guard, two notebooks in threads, a user's settings, a long TMPDIR."""
    startup = tmp_path / ".ipython" / "profile_default" / "startup"
    long = tmp_path / (104 * "x")
    for folder in (startup, tmp_path / ".config" / "matplotlib", long):
        folder.mkdir(parents=True)
    setting = "c.InteractiveShell.ast_node_interactivity = 'all'"
    for name in ("ipython_config.py", "ipython_kernel_config.py"):
        (startup.parent / name).write_text(setting)
    (startup / "first.py").write_text("started = 1")
    (tmp_path / ".config" / "matplotlib" / "matplotlibrc").write_text("text.usetex: true")
    (tmp_path / "rc").write_text("figure.dpi: 33")
    (tmp_path / "matplotlibrc").write_text("figure.dpi: 44")
    new: Any = nbformat.v4
    for i in range(2):
        page = new.new_notebook(cells=[new.new_code_cell(ASK)])
        nbformat.write(page, tmp_path / f"{i}.ipynb")
    (tmp_path / "script.py").write_text(SCRIPT)
    own = {"HOME": tmp_path, "PYTHONSTARTUP": startup / "first.py", "MPLBACKEND": "agg",
           "MATPLOTLIBRC": tmp_path / "rc", "TMPDIR": long, "PYTHONPATH": PACKAGE.parent,
           "IPYTHONDIR": tmp_path / ".ipython"}  # fmt: skip
    said = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, text=True, check=True, capture_output=True,
        env=os.environ | {name: str(value) for name, value in own.items()},
    ).stdout  # fmt: skip
    assert said == "script\n"  # once: no kernel runs the script again
    for i in range(2):
        (cell,) = nbformat.read(tmp_path / f"done{i}.ipynb", as_version=4).cells
        assert [output.output_type for output in cell.outputs] == ["stream"]
        assert cell.outputs[0].text.splitlines() == [
            "False False 100.0",
            "module://matplotlib_inline.backend_inline None __main__",
        ]
    assert not [path for path in long.iterdir() if path.name.startswith(("unl", "new", "pymp"))]


def test_folders_of_processes_that_were_killed_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    short = Path(tempfile.mkdtemp(dir="/tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(short))
    monkeypatch.setattr(multiprocessing.util, "get_temp_dir", lambda: None)
    for name in ("dead", "lives", "other"):
        (short / f"unlearnlib-{name}").mkdir()
    (short / "unlearnlib-dead" / "alive").touch()
    with FileLock(short / "unlearnlib-lives" / "alive"):
        mine = Path(kernel._folder_of.__wrapped__(0))
        names = {path.name for path in short.iterdir()}
    assert names == {"unlearnlib-lives", "unlearnlib-other", mine.name}
    with pytest.raises(TimeoutError), FileLock(mine / "alive", timeout=0):
        pass
    assert mine.stat().st_mode & 0o777 == 0o700
    assert tempfile.tempdir == str(short)
