"""One run of a sweep: a notebook executed at a point, with a status file that outlives it."""

import errno
import json
import os
import shutil
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd

from ..cache import atomic, digest
from ..errors import RecordError, SweepError
from ..runs import records
from ..runs.environment import library_hash
from .execute import CellError, execute

Status = dict[str, Any]
PLAN = "plan.json"
"""The file of a sweep's folder that names the runs of the last command."""
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def notebook_hash(notebook: Path) -> str:
    """Return a hash of a notebook's code."""
    cells = nbformat.read(notebook, as_version=4).cells  # type: ignore[no-untyped-call]
    return digest({"code": [cell.source for cell in cells if cell.cell_type == "code"]})


@dataclass(frozen=True)
class NotebookRun:
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
        """Return what became of the run; None if it has not ended, or a file of it is damaged."""
        status = _read_status(self.status_file)
        try:
            if status is not None:
                _read_table(self.status_file, status)
        except RecordError:
            return None
        return status

    def end(self, state: str, error: str = "", seconds: float = 0.0) -> Status:
        """Write what became of the run, and return it."""
        status = {
            "run": self.name, "state": state, "error": error, "seconds": round(seconds, 2),
            "notebook": self.notebook.name, "point": dict(self.point), "library": library_hash(),
            "parameters": dict(self.parameters), "date": records.now(),
            "provenance": records.environment() | {"threads": self.threads},
            "records": _names(self.records),
        }  # fmt: skip
        with atomic(self.status_file) as temporary:
            temporary.write_text(json.dumps(status, sort_keys=True) + "\n")
        self.started_file.unlink(missing_ok=True)
        return status


def make(run: NotebookRun) -> Status:
    """Make a run, whatever happens in its notebook; a run that is done is not repeated.

    Raises:
        SweepError: The folder cannot be written to.
    """
    known = run.status()
    if known and known["state"] == "done":
        return known
    with writing(run.folder):
        shutil.rmtree(run.records, ignore_errors=True)  # of a run that was stopped, or is damaged
        run.records.mkdir(parents=True, exist_ok=True)
        run.started_file.touch()
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, str(run.threads))  # read when the first kernel starts
    start = time.perf_counter()
    environment = {"UNLEARNLIB_RECORDS": str(run.records), "TQDM_DISABLE": "1", "RERUN": "none"}
    state, text = "failed", ""
    try:
        execute(run.notebook, run.executed, run.parameters, run.timeout, environment)
        state = "done"
    except CellError as error:
        text = str(error)
    except Exception as error:  # a broken notebook or kernel is no reason to stop the others
        if _folder_failed(error, run.folder):
            with writing(run.folder):
                raise
        text = f"{type(error).__name__}: {error}"
    with writing(run.folder):
        return run.end(state, text, time.perf_counter() - start)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Say what to do when the folder cannot take what is written."""
    try:
        yield
    except OSError as error:
        what = "The disk is full" if error.errno in DISK_FULL else "Writing failed"
        raise SweepError(
            f"{what}: {error}. What has ended is kept in {folder}; make room, or the folder "
            "writable, and give the same command again, or another folder with --out."
        ) from error


def _folder_failed(error: Exception, folder: Path) -> bool:
    """Tell whether it is the folder that failed, and not the kernel."""
    if not isinstance(error, OSError):
        return False
    if error.filename is None:  # as when a file that is open cannot grow
        return error.errno in DISK_FULL
    return Path(os.fsdecode(error.filename)).is_relative_to(folder)


def _read_status(path: Path) -> Status | None:
    """Return what a status file says; None if it is missing, damaged, or another run's."""
    try:
        status: Status = json.loads(path.read_text())
        good = status["run"] == path.stem and status["state"] in ("done", "failed")
        # What `collect` reads later fails here, where a damaged file is no error
        status["point"].keys(), status["provenance"]["commit"], status["seconds"] + 0.0
        return status if good else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _read_table(path: Path, status: Status) -> pd.DataFrame:
    """Return the table of the records of a run.

    Raises:
        RecordError: One of them is missing or damaged.
    """
    folder = path.with_suffix("")
    names = status.get("records", _names(folder))
    read = []
    for file in (folder / f"{name}.json" for name in names):
        try:
            read.append(json.loads(file.read_text()))
            records.table(read[-1:])  # one that cannot be unfolded is told by its name
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RecordError(
                f"{file} is missing or damaged ({type(error).__name__}: {error}), so its run is "
                "left out; the same command repeats it."
            ) from None
    return records.table(read)


def _names(folder: Path) -> list[str]:
    """Return the records in a run's folder, by their paths within it without the suffix."""
    files = [file.relative_to(folder) for file in folder.rglob("*.json")]
    return sorted(file.with_suffix("").as_posix() for file in files)


def collect(folder: str | Path) -> pd.DataFrame:
    """Return the measurements of the finished runs of a sweep, one a row.

    The runs are those of the last command that was given for the folder: what an older grid,
    notebook or library left there is not among them. A run with a damaged record is left out, with
    a warning.

    Columns: `run`, what varies by its name in the grid file, the other columns of the tidy table
    (empty where the notebook runs no grid) but for their provenance, and that of the run of the
    notebook: `commit`, `device`, `seconds`, `date`.
    """
    frames = []
    for path in _status_files(Path(folder)):
        status = _read_status(path)
        if status is None or status["state"] != "done":
            continue
        try:
            table = _read_table(path, status)
        except RecordError as error:
            warnings.warn(str(error), stacklevel=2)
            continue
        point = {"run": status["run"], **{k: _cell_value(v) for k, v in status["point"].items()}}
        origin = {"commit": status["provenance"]["commit"], "seconds": status["seconds"]}
        origin |= {"device": status["provenance"]["device"], "date": status["date"]}
        table = table.drop(columns=[*records.PROVENANCE, *(k for k in point if k in table)])
        rows = table if len(table) else pd.DataFrame([{}])
        frames.append(
            pd.concat([pd.DataFrame([point] * len(rows)), rows.reset_index(drop=True),
                       pd.DataFrame([origin] * len(rows))], axis=1)
        )  # fmt: skip
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _status_files(folder: Path) -> list[Path]:
    """Return the status files of the runs of the present plan, or of all where none is noted."""
    every = sorted((folder / "runs").glob("*.json"))
    try:
        names = set(json.loads((folder / PLAN).read_text()))
    except (OSError, ValueError, TypeError):
        return every
    return [path for path in every if path.stem in names]


def _cell_value(value: Any) -> Any:
    """Return numbers and texts as they are, all else as JSON."""
    return value if isinstance(value, int | float | str) else json.dumps(value)
