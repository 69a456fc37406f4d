"""One notebook, executed by papermill in a kernel that starts at once."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat

from ..errors import SweepError

BACKLOG = 600
"""Seconds that output may take to arrive after its cell has ended."""


class CellError(Exception):
    """A cell failed; the notebook is kept as far as it came."""


def execute(
    source: str | Path,
    output: str | Path,
    parameters: Mapping[str, Any] | None = None,
    timeout: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> nbformat.NotebookNode:
    """Execute the notebook `source` with `parameters` into `output`, and return it.

    Args:
        source: The notebook.
        output: Its executed copy, written after every cell.
        parameters: Values that replace those of the `parameters` cell.
        timeout: Seconds that a single cell may take.
        environment: Variables that the kernel has besides those of this process.

    Raises:
        CellError: A cell failed or took too long, or some of its output was lost; the message has
            its source and its traceback.
    """
    from jupyter_core.utils import ensure_event_loop
    from nbclient.exceptions import CellTimeoutError
    from papermill import PapermillExecutionError, execute_notebook  # slow to import

    from .kernel import ForkedKernelManager

    manager = type("Manager", (ForkedKernelManager,), {"environment": dict(environment or {})})
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    try:
        done: nbformat.NotebookNode = execute_notebook(
            source,
            output,
            dict(parameters or {}),
            kernel_name="python3",
            language="python",
            kernel_manager_class=manager,
            extra_arguments=["--log-level=CRITICAL"],  # kernels grumble when they are stopped
            progress_bar=False,
            execution_timeout=timeout,
            iopub_timeout=BACKLOG,
            start_timeout=600,  # the first kernel waits for the server to import everything
        )
    except PapermillExecutionError as error:
        traceback = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback))
        raise CellError(
            f"Cell {error.cell_index} of {source} failed: {error.ename}: {error.evalue}\n\n"
            f"{error.source}\n\n{traceback}\n\nAs far as it came it is in {output}."
        ) from None
    except CellTimeoutError as error:
        what = (
            f"took longer than {timeout} s and was stopped; give it more time, or see why it hangs"
        )
        if "IOPub" in str(error):
            what = f"has ended, but its output did not arrive within {BACKLOG} s"
        raise CellError(
            f"A cell of {source} {what}. As far as it came it is in {output}.\n\n{error}"
        ) from None
    except SweepError as error:
        raise CellError(f"{source}: {error} As far as it came it is in {output}.") from None
    finally:
        loop = ensure_event_loop()  # the one that jupyter_client made for this thread
        if not loop.is_running():  # as it is where a notebook executes another
            loop.close()
    return done
