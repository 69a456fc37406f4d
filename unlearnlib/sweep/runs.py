"""One run of a sweep: a notebook executed at a point, with a status file that outlives it."""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd

from .. import records
from ..cache import atomic, digest
from ..locations import PACKAGE
from .execute import CellError, execute

Status = dict[str, Any]


@lru_cache(maxsize=1)
def library_hash() -> str:
    """Return a hash of the library's source: other code, other runs."""
    found = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        found.update(path.relative_to(PACKAGE).as_posix().encode() + path.read_bytes())
    return found.hexdigest()[:12]


def notebook_hash(notebook: Path) -> str:
    """Return a hash of a notebook's code."""
    cells = nbformat.read(notebook, as_version=4).cells  # type: ignore[no-untyped-call]
    return digest({"code": [cell.source for cell in cells if cell.cell_type == "code"]})


@dataclass(frozen=True)
class Run:
    """A notebook at a point of the space.

    Attributes:
        notebook: The notebook.
        folder: The sweep's folder.
        point: What varies, by the names of the grid file.
        parameters: What papermill sets.
        name: A hash of the notebook's code, the parameters and the library.
        timeout: Seconds that a cell may take; None for no limit.
        threads: Threads of the kernel.
    """

    notebook: Path
    folder: Path
    point: Mapping[str, Any]
    parameters: Mapping[str, Any]
    name: str
    timeout: int | None = None
    threads: int = 1

    @property
    def executed(self) -> Path:
        """The executed notebook."""
        return self.folder / "runs" / f"{self.name}.ipynb"

    @property
    def status_file(self) -> Path:
        """What became of the run; written when it ends."""
        return self.executed.with_suffix(".json")

    @property
    def started_file(self) -> Path:
        """Exists while the run goes on, and after it was killed."""
        return self.executed.with_suffix(".started")

    @property
    def records(self) -> Path:
        """Where the notebook's grids write their records."""
        return self.folder / "runs" / self.name

    def status(self) -> Status | None:
        """Return what became of the run; None if it has not ended, or its file is damaged."""
        return _status(self.status_file)

    def end(self, state: str, error: str = "", seconds: float = 0.0) -> Status:
        """Write what became of the run, and return it."""
        status = {
            "run": self.name, "state": state, "error": error, "seconds": round(seconds, 2),
            "notebook": self.notebook.name, "point": dict(self.point), "library": library_hash(),
            "parameters": dict(self.parameters), "date": records.now(),
            "provenance": records.environment() | {"threads": self.threads},
        }  # fmt: skip
        with atomic(self.status_file) as temporary:
            temporary.write_text(json.dumps(status, sort_keys=True) + "\n")
        self.started_file.unlink(missing_ok=True)
        return status


def go(run: Run) -> Status:
    """Make a run, whatever happens in its notebook; a run that is done is not repeated.

    Raises:
        OSError: The folder cannot be written to.
    """
    known = run.status()
    if known and known["state"] == "done":
        return known
    run.records.mkdir(parents=True, exist_ok=True)
    run.started_file.touch()
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, str(run.threads))  # read when the first kernel starts
    start = time.perf_counter()
    environment = {records.SWEEP: str(run.records), "TQDM_DISABLE": "1"}
    try:
        execute(run.notebook, run.executed, run.parameters, run.timeout, environment)
    except CellError as error:
        return run.end("failed", str(error), time.perf_counter() - start)
    except OSError:
        raise
    except Exception as error:  # a broken notebook or kernel is no reason to stop the others
        text = f"{type(error).__name__}: {error}"
        return run.end("failed", text, time.perf_counter() - start)
    return run.end("done", seconds=time.perf_counter() - start)


def _status(path: Path) -> Status | None:
    """Return what a status file says; None if it is missing, damaged, or another run's."""
    try:
        found: Status = json.loads(path.read_text())
        return found if found["run"] == path.stem and found["state"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def collect(folder: str | Path) -> pd.DataFrame:
    """Return the measurements of all finished runs of a sweep, one a row.

    Columns: `run`, what varies by its name in the grid file, the columns of the tidy table (empty
    where the notebook runs no grid), and where it came from: `commit`, `device`, `seconds`, `date`.
    """
    frames = []
    for path in sorted((Path(folder) / "runs").glob("*.json")):
        status = _status(path)
        if status is None or status["state"] != "done":
            continue
        measured = [
            json.loads(file.read_text()) for file in sorted(path.with_suffix("").glob("*.json"))
        ]
        table = records.table(measured)
        point = {"run": status["run"], **{k: _plain(v) for k, v in status["point"].items()}}
        origin = {"commit": status["provenance"]["commit"], "seconds": status["seconds"]}
        origin |= {"device": status["provenance"]["device"], "date": status["date"]}
        rows = table if len(table) else pd.DataFrame([{}])
        frames.append(
            pd.concat([pd.DataFrame([point] * len(rows)), rows.reset_index(drop=True),
                       pd.DataFrame([origin] * len(rows))], axis=1)
        )  # fmt: skip
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _plain(value: Any) -> Any:
    """Return numbers and texts as they are, all else as JSON."""
    return value if isinstance(value, int | float | str) else json.dumps(value)
