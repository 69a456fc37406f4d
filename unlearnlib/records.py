"""Records: a number exists once, in one file, beside where it came from.

A record is the rows of one run with its identity and its provenance. A running grid writes each as
a JSON file of its own, atomically; `merge` packs those of one scale into a file of JSON lines, one
record a line, which is what is committed.
"""

import json
import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from . import fingerprint
from .cache import atomic
from .errors import RecordError
from .locations import PACKAGE, cache_folder, data_folder

IDENTITY = (
    "part", "scale", "dataset", "model", "request", "method", "params", "access",
    "seed_model", "seed_request", "seed_method",
)  # fmt: skip
COLUMNS = ("run_id", *IDENTITY, "metric", "split", "value", "stale")
Record = dict[str, Any]
SWEEP = "UNLEARNLIB_SWEEP_RUN"
"""Variable that names a folder of its own for the records of one run of a sweep."""


def folder(part: str, scale: str) -> Path:
    """Return where the records of one part at one scale lie; laptop records are not kept."""
    root = cache_folder() if scale == "laptop" else data_folder()
    return root / "records" / part / scale


def packed(part: str, scale: str) -> Path:
    """Return the file that `merge` packs the records of one part at one scale into."""
    return folder(part, scale).with_suffix(".jsonl")


def write(record: Record) -> None:
    """Write one record, atomically, to a file of its own; within a sweep, to its run's folder."""
    identity = record["identity"]
    home = os.environ.get(SWEEP) or folder(identity["part"], identity["scale"])
    path = Path(home) / f"{record['run_id']}.json"
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(record, sort_keys=True) + "\n")


def load_all(part: str, scale: str) -> dict[str, Record]:
    """Return every record of one part at one scale by its run id.

    Raises:
        RecordError: A file or a line of the packed file is not a record.
    """
    texts: list[tuple[str, str]] = []
    if packed(part, scale).exists():
        lines = packed(part, scale).read_text().splitlines()
        texts += [(f"{packed(part, scale)}, line {i}", s) for i, s in enumerate(lines, 1)]
    texts += [(str(p), p.read_text()) for p in sorted(folder(part, scale).glob("*.json"))]
    return {record["run_id"]: record for record in (_parse(*text) for text in texts)}


def _parse(place: str, text: str) -> Record:
    """Return the record that `text` holds."""
    try:
        record: Record = json.loads(text)
        record["run_id"], record["rows"], record["provenance"]["behaviour"]
        record["specification"]["type"]
        if missing := set(IDENTITY) - set(record["identity"]):
            raise KeyError(*missing)
    except (ValueError, KeyError, TypeError) as error:
        raise RecordError(
            f"{place}: not a record ({type(error).__name__}: {error}). Delete it, and the run that "
            "it held is repeated."
        ) from None
    return record


def merge(part: str, scale: str) -> Path | None:
    """Pack the loose records of one part at one scale into one file; return it, if there is any."""
    loose = list(folder(part, scale).glob("*.json"))  # what is written meanwhile stays loose
    records = load_all(part, scale)
    if not records:
        return None
    lines = sorted(
        records.values(), key=lambda r: ([str(r["identity"][k]) for k in IDENTITY], r["run_id"])
    )
    with atomic(packed(part, scale)) as temporary:
        temporary.write_text("".join(json.dumps(r, sort_keys=True) + "\n" for r in lines))
    for path in loose:
        path.unlink()
    return packed(part, scale)


def stale(record: Record) -> bool:
    """Tell whether the method does something else than when the record was made."""
    kind, dataset = record["specification"]["type"], record["identity"]["dataset"]
    now = fingerprint.of_kind(kind, dataset)
    return now is not None and bool(record["provenance"]["behaviour"] != now)


def table(records: Iterable[Record]) -> pd.DataFrame:
    """Return the tidy table of `records`: one measurement a row, see `COLUMNS`."""
    rows = [
        (r["run_id"], *(r["identity"][k] for k in IDENTITY), *row, old)
        for r in records
        for old in [stale(r)]
        for row in r["rows"]
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame["value"] = frame["value"].astype(float)
    frame["stale"] = frame["stale"].astype(bool)
    return frame


def read(part: str, scale: str) -> pd.DataFrame:
    """Return the tidy table of every record of one part at one scale; empty if there is none."""
    return table(load_all(part, scale).values())


def read_all(scale: str) -> pd.DataFrame:
    """Return the tidy table of every record of every part at one scale; empty if there is none."""
    places = folder("*", scale).parent.parent
    parts = sorted(path.name for path in places.glob("*") if path.is_dir())
    found = [frame for frame in (read(part, scale) for part in parts) if not frame.empty]
    return pd.concat(found, ignore_index=True) if found else table([])


def recorded(part: str, **where: str) -> pd.DataFrame:
    """Return the records whose identity columns equal `where`, of the largest scale that has any.

    >>> recorded("jit", dataset="no such set").empty
    True
    """
    found = read(part, "paper").iloc[:0]
    for scale in ("workstation", "paper"):
        table = read(part, scale)
        for column, value in where.items():
            table = table[table[column] == value]
        found = found if table.empty else table
    return found


def provenance(frame: pd.DataFrame) -> pd.DataFrame:
    """Return where the runs of a tidy table came from, one run a row, by `run_id`."""
    places = frame[["part", "scale"]].drop_duplicates().itertuples(index=False)
    known = {k: r for place in places for k, r in load_all(*place).items()}
    wanted = dict.fromkeys(frame["run_id"])
    rows = [{"run_id": i, **known[i]["provenance"]} for i in wanted if i in known]
    return pd.DataFrame(rows).set_index("run_id") if rows else pd.DataFrame()


@lru_cache(maxsize=1)
def environment() -> dict[str, Any]:
    """Return the code, the versions and the device; no host name and no path."""

    def git(*command: str) -> str | None:
        try:
            answer = subprocess.run(
                ["git", "-C", str(PACKAGE), *command], capture_output=True, text=True, check=True
            )
        except (OSError, subprocess.CalledProcessError):
            return None
        return answer.stdout.strip()

    cuda = torch.cuda.is_available()
    changed = git("status", "--porcelain", "--", str(PACKAGE))
    return {
        "commit": git("rev-parse", "--short=12", "HEAD"),
        "dirty": None if changed is None else bool(changed),
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("torch", "numpy", "pandas", "scikit-learn")},
        "device": torch.cuda.get_device_name() if cuda else f"CPU ({platform.machine()})",
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
    }


def now() -> str:
    """Return the time in UTC to the second, as ISO 8601 writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
