"""Kernels that start at once, forked from a process that has imported what notebooks import.

A fresh kernel spends most of its first seconds on imports that are the same for every notebook. A
server process (`multiprocessing`'s forkserver) makes them once; a kernel is then a fork of it, as
clean as a fresh one: nothing has run there but imports.
"""

import multiprocessing
import multiprocessing.util
import os
import shutil
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any, ClassVar

from filelock import BaseFileLock, FileLock
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import CaselessStrEnum, DottedObjectName, Type

from ..errors import SweepError

PRELOAD = [
    "unlearnlib.sweep.preload", "ipykernel.debugger", "ipykernel.kernelapp", "ipykernel.zmqshell",
    "pandas", "matplotlib.pyplot", "seaborn", "scipy.stats", "sklearn.linear_model",
    "torch._dynamo", "unlearnlib.report", "unlearnlib.sweep.serve",
]  # fmt: skip
"""What the server imports, `torch._dynamo` since the first optimiser does; a module that is not
installed is left out."""

LAUNCHER = ["-m", "ipykernel_launcher"]

CONFIGURATION = {
    "MATPLOTLIBRC": os.devnull,
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # or debugpy prints a warning
}
"""Variables of every kernel: what a user has configured changes no output."""

_LOCK = threading.Lock()
_LOCKS: list[BaseFileLock] = []
"""Held as long as this process lives: its folder is in use."""


class ForkedProvisioner(LocalProvisioner):
    """Starts Python kernels of this environment by forking, all others as processes of their own.

    A daemonic process, as dask's workers are by default, must not fork; its kernels start slowly.

    `JUPYTER_DEFAULT_PROVISIONER_NAME=unlearnlib-fork` makes it that of every Jupyter tool.
    """

    home = ""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start the kernel that `cmd` would start."""
        self.home = self.home or tempfile.mkdtemp(prefix="ipython-", dir=short_folder())
        env = dict(kwargs.get("env") or os.environ) | CONFIGURATION | {"IPYTHONDIR": self.home}
        env |= getattr(self.parent, "environment", {})
        env.pop("PYTHONSTARTUP", None)
        ours = cmd[0] == sys.executable and any(cmd[i : i + 2] == LAUNCHER for i in (1, 2))
        able = "forkserver" in multiprocessing.get_all_start_methods()
        if not ours or not able or multiprocessing.current_process().daemon:
            return await super().launch_kernel(cmd, **kwargs | {"env": env})
        kernel = _Forked(cmd[cmd.index(LAUNCHER[1]) + 1 :], env, kwargs.get("cwd"))
        self.process: Any = kernel
        self.pid = kernel.pid
        return self.connection_info

    async def cleanup(self, restart: bool = False) -> None:
        """Remove what the kernel leaves."""
        await super().cleanup(restart)
        if not restart:
            shutil.rmtree(self.home, ignore_errors=True)


class CountedChannel(AsyncZMQSocketChannel):
    """The channel of output, which sees from the numbers of the messages when one is missing."""

    last = 0

    async def _recv(  # type: ignore[override]
        self, **kwargs: Any
    ) -> dict[str, Any]:
        """Return the next message."""
        assert self.socket is not None
        addresses, message = self.session.feed_identities(
            await self.socket.recv_multipart(**kwargs)
        )
        for number in (int(a[1:]) for a in addresses if a.startswith(b"#")):
            if self.last and number > self.last + 1:
                raise SweepError(
                    f"{number - self.last - 1} messages of the kernel's output were lost."
                )
            self.last = number
        return self.session.deserialize(message)


class CountingClient(AsyncKernelClient):
    """A client that sees when output is lost."""

    iopub_channel_class = Type(CountedChannel)


class ForkedKernelManager(AsyncKernelManager):
    """Forked kernels that talk through sockets in files: no TCP port to find free or to protect."""

    environment: ClassVar[dict[str, str]] = {}
    """Variables that the kernel has besides those of this process."""

    transport = CaselessStrEnum(["tcp", "ipc"], default_value="ipc", config=True)
    client_class = DottedObjectName(f"{__name__}.CountingClient")
    client_factory = Type(CountingClient)

    def __init__(self, **kwargs: Any) -> None:
        """Make this the manager of a forked kernel."""
        super().__init__(**kwargs)
        self.ip = os.path.join(short_folder(), f"kernel-{uuid.uuid4().hex[:12]}")
        os.environ.setdefault("JUPYTER_DEFAULT_PROVISIONER_NAME", "unlearnlib-fork")


class _Forked:
    """A forked kernel, with what `jupyter_client` uses of `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, arguments: list[str], env: dict[str, str], cwd: str | None) -> None:
        from .serve import serve

        context = multiprocessing.get_context("forkserver")
        with _LOCK, _main_unseen():
            context.set_forkserver_preload(PRELOAD)
            self._process = context.Process(target=serve, args=(arguments, env, cwd or os.getcwd()))
            self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Return the exit status, or None while the kernel runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for the end and return the exit status."""
        self._process.join(timeout)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask the kernel to end."""
        self._process.terminate()

    def kill(self) -> None:
        """End the kernel."""
        self._process.kill()


def short_folder() -> str:
    """Return this process's folder for sockets, whose paths have at most 104 characters.

    It lies in `TMPDIR` if that is short. What a process left that was killed goes at the next
    start: its lock is free.
    """
    with _LOCK:
        return _folder_of(os.getpid())


@lru_cache(maxsize=1)
def _folder_of(pid: int) -> str:
    """Make the folder of the process `pid`, which is this one."""
    usual = tempfile.gettempdir()
    place = usual if len(os.fsencode(usual)) <= 50 else "/tmp"
    for old in Path(place).glob("unlearnlib-*/alive"):
        with suppress(OSError), FileLock(old, timeout=0):
            shutil.rmtree(old.parent, ignore_errors=True)
    new = tempfile.mkdtemp(prefix="new-", dir=place)  # nobody finds it before it is locked
    _LOCKS.append(FileLock(Path(new) / "alive"))
    _LOCKS[-1].acquire()
    folder = os.path.join(place, os.path.basename(new).replace("new-", "unlearnlib-"))
    os.rename(new, folder)
    before, tempfile.tempdir = tempfile.tempdir, folder
    multiprocessing.util.get_temp_dir()  # which it remembers: the server's socket is here too
    tempfile.tempdir = before
    multiprocessing.util.Finalize(
        None, shutil.rmtree, (folder,), {"ignore_errors": True}, exitpriority=-200
    )
    return folder


@contextmanager
def _main_unseen() -> Iterator[None]:
    """Keep `multiprocessing` from running the user's script again in a kernel.

    What a kernel is told to run lies in this package. A script without a main guard would start
    kernels in its kernels.
    """
    main: Any = sys.modules["__main__"]
    before, main.__spec__ = main.__spec__, ModuleSpec("__main__", None)
    try:
        yield
    finally:
        main.__spec__ = before
