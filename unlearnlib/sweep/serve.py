"""Being a kernel: what runs in the forked process, until it is told to stop."""

import json
import multiprocessing
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

import zmq
from ipykernel.kernelapp import IPKernelApp

DELIMITER = b"<IDS|MSG>"
"""Ends the addresses of a message, which Jupyter does not sign."""


class NumberedSocket(zmq.Socket[bytes]):
    """A socket that numbers its messages, in an address of its own: `#1`, `#2`, ..."""

    sent = 0

    def send_multipart(self, msg_parts: Any, *args: Any, **kwargs: Any) -> Any:
        """Send a message."""
        parts = list(msg_parts)
        type(self).sent += 1
        parts.insert(parts.index(DELIMITER), b"#%d" % self.sent)
        return super().send_multipart(parts, *args, **kwargs)


class Kernel(IPKernelApp):
    """A kernel that loses no output.

    A socket that publishes drops what it cannot send when a thousand messages wait: a reader is
    slower than `print`. This one drops nothing, and a reader that misses a number knows of a loss.
    """

    def init_iopub(self, context: Any) -> None:
        """Open the socket for output."""
        context.setsockopt(zmq.SNDHWM, 0)  # no high-water mark
        context._socket_class = NumberedSocket
        super().init_iopub(context)  # type: ignore[no-untyped-call]
        context._socket_class = zmq.Socket


def serve(arguments: list[str], env: dict[str, str], cwd: str) -> None:
    """Be a kernel until told to stop, or until who asked for it has ended.

    Args:
        arguments: Those of `ipykernel_launcher`.
        env: The whole environment.
        cwd: The current folder.
    """
    os.setsid()  # Ctrl-C in the terminal is for the parent
    multiprocessing.set_start_method(None, force=True)  # a forked process has "forkserver"
    os.environ.clear()
    os.environ.update(env)
    os.environ["JPY_PARENT_PID"] = str(os.getppid())
    connection = Path(arguments[arguments.index("-f") + 1])
    threading.Thread(target=_end_with_parent, args=(connection,), daemon=True).start()
    os.chdir(cwd)
    sys.path[:] = [path for path in sys.path if path != str(Path(sys.argv[0]).parent)]
    sys.argv = ["ipykernel_launcher", *arguments]
    import numpy as np

    np.random.seed()  # NumPy's global state would be the same in all forks  # noqa: NPY002
    Kernel.launch_instance()


def _end_with_parent(connection: Path) -> None:
    """End this process when the one that asked for it has ended, in whatever way.

    The server lives as long as a kernel does, so a kernel cannot learn it from the server; but
    from a pipe of which only that process has the other end.
    """
    at = json.loads(connection.read_text())["ip"]
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    for left in (*Path(at).parent.glob(f"{Path(at).name}-*"), connection):  # sockets in files
        left.unlink(missing_ok=True)
    shutil.rmtree(os.environ["IPYTHONDIR"], ignore_errors=True)
    os._exit(1)
