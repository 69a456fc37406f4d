"""Kernels that start at once, forked from a process that has imported what notebooks import.

A fresh kernel spends most of its first seconds on imports that are the same for every notebook. A
server process (`multiprocessing`'s forkserver) makes them once; a kernel is then a fork of it, as
clean as a fresh one: nothing has run there but imports.
"""

import multiprocessing
import os
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import Any, ClassVar

from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import CaselessStrEnum

PRELOAD = [
    "__main__", "ipykernel.debugger", "ipykernel.kernelapp", "ipykernel.zmqshell", "pandas",
    "matplotlib.pyplot", "seaborn", "scipy.stats", "sklearn.linear_model", "torch._dynamo",
    "unlearnlib.report", "unlearnlib.sweep.kernel",
]  # fmt: skip
"""What the server imports, `torch._dynamo` since the first optimiser does; a module that is not
installed is left out."""

LAUNCHER = ["-m", "ipykernel_launcher"]


class ForkedProvisioner(LocalProvisioner):
    """Starts Python kernels of this environment by forking, all others as processes of their own.

    A daemonic process, as dask's workers are by default, must not fork; its kernels start slowly.

    `JUPYTER_DEFAULT_PROVISIONER_NAME=unlearnlib-fork` makes it that of every Jupyter tool.
    """

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start the kernel that `cmd` would start."""
        env = (kwargs.get("env") or dict(os.environ)) | getattr(self.parent, "environment", {})
        ours = cmd[0] == sys.executable and any(cmd[i : i + 2] == LAUNCHER for i in (1, 2))
        able = "forkserver" in multiprocessing.get_all_start_methods()
        if not ours or not able or multiprocessing.current_process().daemon:
            return await super().launch_kernel(cmd, **kwargs | {"env": env})
        kernel = _Forked(cmd[cmd.index(LAUNCHER[1]) + 1 :], env, kwargs.get("cwd"))
        self.process: Any = kernel
        self.pid = kernel.pid
        return self.connection_info


class ForkedKernelManager(AsyncKernelManager):
    """Forked kernels that talk through sockets in files: no TCP port to find free or to protect."""

    environment: ClassVar[dict[str, str]] = {}
    """Variables that the kernel has besides those of this process."""

    transport = CaselessStrEnum(["tcp", "ipc"], default_value="ipc", config=True)

    def __init__(self, **kwargs: Any) -> None:
        """Make this the manager of a forked kernel."""
        super().__init__(**kwargs)
        self.ip = os.path.join(tempfile.gettempdir(), f"kernel-{uuid.uuid4().hex[:12]}")
        os.environ.setdefault("JUPYTER_DEFAULT_PROVISIONER_NAME", "unlearnlib-fork")


class _Forked:
    """A forked kernel, with what `jupyter_client` uses of `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, arguments: list[str], env: dict[str, str], cwd: str | None) -> None:
        # Inherited by the server, which reads it when it imports matplotlib.
        os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # or debugpy prints a warning
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOAD)
        self._process = context.Process(
            target=_serve, args=(arguments, env, cwd or os.getcwd(), os.getpid())
        )
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


def _serve(arguments: list[str], env: dict[str, str], cwd: str, parent: int) -> None:
    """Be a kernel until told to stop."""
    os.setsid()  # Ctrl-C in the terminal is for the parent
    multiprocessing.set_start_method(None, force=True)  # a forked process has "forkserver"
    os.environ.update(env)
    os.environ["JPY_PARENT_PID"] = str(os.getppid())
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    os.chdir(cwd)
    sys.path[:] = [path for path in sys.path if path != str(Path(sys.argv[0]).parent)]
    sys.argv = ["ipykernel_launcher", *arguments]
    import numpy as np
    from ipykernel.kernelapp import launch_new_instance

    np.random.seed()  # NumPy's global state would be the same in all forks  # noqa: NPY002
    launch_new_instance()


def _end_with(parent: int) -> None:
    """End this process when the one that asked for it has ended, in whatever way.

    The server lives as long as a kernel does, so a kernel cannot learn it from the server.
    """
    while True:
        try:
            os.kill(parent, 0)
        except ProcessLookupError:
            os._exit(1)
        time.sleep(1)
