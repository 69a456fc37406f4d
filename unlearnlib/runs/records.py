"""Records: a number exists once, in one file, beside where it came from.

A record is the rows of one run with its identity and its provenance. A running grid writes each as
a JSON file of its own, atomically; `merge` packs those of one scale into two compressed tables,
which are what is committed. A record that is committed stands, whatever else there is of its run.
"""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from ..cache import Contents, atomic, contents, locked
from ..errors import RecordError
from ..fields import nearest
from ..locations import committed_records, home_of_records, records_folder
from .environment import environment as environment
from .packed import packed_form, rows_beside, unpacked, unreadable
from .record_form import IDENTITY as IDENTITY
from .record_form import Record as Record
from .record_form import parsed
from .record_form import run_id as run_id
from .tidy import COLUMNS as COLUMNS
from .tidy import PROVENANCE as PROVENANCE
from .tidy import hyper_parameters as hyper_parameters
from .tidy import identity_in_full
from .tidy import stale as stale
from .tidy import table as table
from .tidy import unfolded as unfolded


def folder(part: str, scale: str) -> Path:
    """Return where the records of one part at one scale are written, see `records_folder`.

    Raises:
        RecordError: A name is no word, so that its records would lie elsewhere.
    """
    return records_folder(scale) / word("part", part) / word("scale", scale)


def packed(part: str, scale: str) -> Path:
    """Return the table of runs that `merge` packs records into; that of rows lies beside it."""
    return _packed_in(records_folder(scale), part, scale)


def _packed_in(root: Path, part: str, scale: str) -> Path:
    return root / word("part", part) / f"{word('scale', scale)}.runs.csv.gz"


WORD = re.compile(r"\w[\w.-]*")


def word(what: str, given: str) -> str:
    """Return a word if it can be the name of a file and leads nowhere else."""
    if not isinstance(given, str) or not WORD.fullmatch(given):
        raise RecordError(
            f"The {what} {given!r} cannot name records: give it a word of letters, digits, '_', "
            "'-' and '.', which begins with one of the first three."
        )
    return given


def write(record: Record) -> None:
    """Write one record, atomically, to a file of its own.

    Raises:
        RecordError: Its part, its scale or its run id is no word.
        StorageError: The file cannot be written.
    """
    identity = record["identity"]
    home = folder(identity["part"], identity["scale"])
    path = home / f"{word('run id', record['run_id'])}.json"
    with atomic(path) as temporary:
        temporary.write_text(_text(record))


def _text(record: Record) -> str:
    """Return the one text of a record, as a loose file has it."""
    return json.dumps(record, sort_keys=True) + "\n"


def load_all(part: str, scale: str) -> dict[str, Record]:
    """Return every record that runs of one part at one scale have written, by its run id.

    Raises:
        RecordError: A file or a line of the packed tables is not a record, or two of them are of
            one run; the message names all such places.
    """
    # What `merge` moves meanwhile is not missed: it is in the packed tables before it goes.
    return _all(_loose(part, scale), packed(part, scale), part, scale)


def known(part: str, scale: str) -> dict[str, Record]:
    """Return every record of one part at one scale: what runs have written, and see `elsewhere`."""
    return load_all(part, scale) | elsewhere(part, scale)


def elsewhere(part: str, scale: str) -> dict[str, Record]:
    """Return the records at home and the committed ones, where runs write to another folder.

    Of two records of a run the committed one stands. Runs that are made to be committed, in the
    folder of those that are, take nothing over.
    """
    own = records_folder(scale)
    if own == committed_records():
        return {}
    home = home_of_records(scale)
    at_home = {} if home == own else _lying_in(home, part, scale)
    return at_home | committed(part, scale)


def committed(part: str, scale: str) -> dict[str, Record]:
    """Return the records of one part at one scale that belong to the repository, see `load_all`."""
    return _lying_in(committed_records(), part, scale)


def _lying_in(root: Path, part: str, scale: str) -> dict[str, Record]:
    place = _packed_in(root, part, scale)
    return _all(_texts(place.parent / scale), place, part, scale)


def _loose(part: str, scale: str) -> dict[Path, Contents]:
    """Return the files that are not packed yet, with what is in them."""
    return _texts(folder(part, scale))


def _texts(home: Path) -> dict[Path, Contents]:
    """Return what is in the loose files of a folder."""
    texts = {path: contents(path) for path in sorted(home.glob("*.json"))}
    return {path: text for path, text in texts.items() if text is not None}


def _all(loose: dict[Path, Contents], place: Path, part: str, scale: str) -> dict[str, Record]:
    """Return the records in loose files and in packed tables: of two of a run, the later one."""
    runs = contents(place)
    rows = contents(rows_beside(place))  # after the runs, which are written after them
    faults: list[str] = []
    found: list[tuple[str, Record]] = []
    if isinstance(runs, bytes) and isinstance(rows, bytes):
        found, wrong = unpacked(str(place), runs, rows)
        faults += wrong
    elif runs is not None:
        at, why = (rows_beside(place), rows) if isinstance(runs, bytes) else (place, runs)
        fault = f"OSError: {why}" if isinstance(why, OSError) else "it is missing"
        faults.append(unreadable(str(at), fault))
    packed_ones = _by_run(found, (part, scale), faults, copies=False)
    files: list[tuple[str, Record]] = []
    for path, text in loose.items():
        try:
            files.append((str(path), parsed(str(path), text)))
        except RecordError as error:
            faults.append(str(error))
    later = _by_run(files, (part, scale), faults, copies=True)
    if faults:
        more = [f"There are {len(faults) - 20} more."] if len(faults) > 20 else []
        raise RecordError("\n".join(faults[:20] + more))
    return packed_ones | {
        k: r for k, r in later.items() if k not in packed_ones or _date(r) >= _date(packed_ones[k])
    }


def _date(record: Record) -> str:
    """Return when a record was made, so that later dates are greater."""
    return str(record["provenance"].get("date") or "")


def _by_run(
    found: Iterable[tuple[str, Record]], home: tuple[str, str], faults: list[str], copies: bool
) -> dict[str, Record]:
    """Return records of a part and scale, which have their places, by run; note what is wrong."""
    by_run: dict[str, Record] = {}
    places: dict[str, str] = {}
    for place, record in found:
        own = tuple(record["identity"][k] for k in ("part", "scale"))
        if own != home:
            faults.append(f"{place}: of part and scale {own}, not {home}. Move it, or delete it.")
        run = record["run_id"]
        first = places.setdefault(run, place)
        if first != place and not (copies and _text(record) == _text(by_run[run])):
            faults.append(f"{place}: of the same run as {first}. Delete the one that is wrong.")
        by_run[run] = record
    return by_run


def merge(part: str, scale: str) -> Path | None:
    """Pack the loose records of one part at one scale; return the table of runs, if there is any.

    Of several processes, one packs and the others wait for it.

    Raises:
        RecordError: See `load_all`; nothing is packed then.
        StorageError: The file cannot be written; the loose records stay.
    """
    if not load_all(part, scale):
        return None
    place = packed(part, scale)
    if not _loose(part, scale):
        return place
    with locked(place.with_name(f"{scale}.lock")):
        loose = _loose(part, scale)  # what is written meanwhile stays loose
        lines = sorted(
            _all(loose, place, part, scale).values(),
            key=lambda r: ([str(value) for value in identity_in_full(r).values()], r["run_id"]),
        )
        runs, rows = packed_form(lines)
        for table, path in ((rows, rows_beside(place)), (runs, place)):
            with atomic(path) as temporary:
                temporary.write_bytes(table)
        for path, text in loose.items():
            if contents(path) == text:  # and not a later one
                path.unlink(missing_ok=True)
    return place


def read(part: str, scale: str) -> pd.DataFrame:
    """Return the tidy table of every record of one part at one scale; empty if there is none.

    Those that are committed are among them, wherever runs write theirs.
    """
    return table(known(part, scale).values())


def read_all(scale: str) -> pd.DataFrame:
    """Return the tidy table of every record of every part at one scale; empty if there is none."""
    roots = {committed_records(), home_of_records(scale), records_folder(scale)}
    names = {path.name for root in roots for path in root.glob("*") if path.is_dir()}
    parts = sorted(name for name in names if WORD.fullmatch(name))
    tables = [frame for frame in (read(part, scale) for part in parts) if not frame.empty]
    return pd.concat(tables, ignore_index=True) if tables else table([])


def recorded(part: str, **where: str | int) -> pd.DataFrame:
    """Return the records whose identity columns read `where`, of the largest scale that has any.

    >>> recorded("jit", dataset="no such set").empty
    True
    """
    largest = read(part, "paper").iloc[:0]
    if strange := [column for column in where if column not in largest]:
        raise RecordError(f"Records have no column {strange[0]}. {nearest(strange[0], COLUMNS)}")
    for scale in ("workstation", "paper"):
        table = read(part, scale)
        for column, value in where.items():
            same = table[column] == value
            table = table[same | (table[column].astype(str) == str(value))]  # 3 is "3"
        largest = largest if table.empty else table
    return largest


def now() -> str:
    """Return the time in UTC to the second, as ISO 8601 writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
