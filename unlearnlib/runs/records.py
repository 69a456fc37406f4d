"""Records: a number exists once, in one file, beside where it came from.

A record is the rows of one run with its identity and its provenance. A running grid writes each as
a JSON file of its own, atomically; `merge` packs those of one scale into a file of JSON lines, one
record a line, which is what is committed.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from ..cache import Contents, atomic, contents, locked
from ..errors import RecordError
from ..fields import first_defaults, nearest
from ..locations import committed_records, home_of_records, records_folder
from ..methods import METHODS
from . import behaviour
from .environment import environment as environment
from .record_form import IDENTITY as IDENTITY
from .record_form import Record as Record
from .record_form import parsed
from .record_form import run_id as run_id

PROVENANCE = ("date", "commit", "dirty", "device", "seconds")
COLUMNS = ("run_id", *IDENTITY, "metric", "split", "value", "stale", *PROVENANCE)
"""Columns of the tidy table; after them comes one for each hyper-parameter of its methods."""


def folder(part: str, scale: str) -> Path:
    """Return where the records of one part at one scale are written, see `records_folder`.

    Raises:
        RecordError: A name is no word, so that its records would lie elsewhere.
    """
    return records_folder(scale) / _word("part", part) / _word("scale", scale)


def packed(part: str, scale: str) -> Path:
    """Return the file that `merge` packs the records of one part at one scale into."""
    return folder(part, scale).with_name(f"{scale}.jsonl")


WORD = re.compile(r"\w[\w.-]*")


def _word(what: str, word: str) -> str:
    """Return `word` if it can be the name of a file and leads nowhere else."""
    if not isinstance(word, str) or not WORD.fullmatch(word):
        raise RecordError(
            f"The {what} {word!r} cannot name records: give it a word of letters, digits, '_', '-' "
            "and '.', which begins with one of the first three."
        )
    return word


def write(record: Record) -> None:
    """Write one record, atomically, to a file of its own.

    Raises:
        RecordError: Its part, its scale or its run id is no word.
        StorageError: The file cannot be written.
    """
    identity = record["identity"]
    home = folder(identity["part"], identity["scale"])
    path = home / f"{_word('run id', record['run_id'])}.json"
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(record, sort_keys=True) + "\n")


def load_all(part: str, scale: str) -> dict[str, Record]:
    """Return every record that runs of one part at one scale have written, by its run id.

    Raises:
        RecordError: A file or a line of the packed file is not a record, or two of them are of one
            run; the message names all such places.
    """
    # What `merge` moves meanwhile is not missed: it is in the packed file before it goes.
    return _all(_loose(part, scale), packed(part, scale), part, scale)


def at_home(part: str, scale: str) -> dict[str, Record]:
    """Return the records of one part at one scale that lie where they belong, see `load_all`.

    None if that is where runs write anyway: it is for those that write to a folder of their own.
    """
    home = home_of_records(scale) / _word("part", part) / _word("scale", scale)
    if home == folder(part, scale):
        return {}
    return _all(_texts(home), home.with_name(f"{scale}.jsonl"), part, scale)


def _loose(part: str, scale: str) -> dict[Path, Contents]:
    """Return the files that are not packed yet, with what is in them."""
    return _texts(folder(part, scale))


def _texts(home: Path) -> dict[Path, Contents]:
    """Return what is in the loose files of a folder."""
    texts = {path: contents(path) for path in sorted(home.glob("*.json"))}
    return {path: text for path, text in texts.items() if text is not None}


def _all(loose: dict[Path, Contents], place: Path, part: str, scale: str) -> dict[str, Record]:
    """Return the records in loose files and in the packed one: of two of a run, the later one."""
    whole = contents(place) or b""
    lines: dict[str, Contents] = {str(place): whole}
    if isinstance(whole, bytes):
        lines = {f"{place}, line {i}": line for i, line in enumerate(whole.splitlines(), 1)}
    faults: list[str] = []
    packed_ones = _records_in(lines, (part, scale), faults, copies=False)
    files = {str(path): text for path, text in loose.items()}
    later = _records_in(files, (part, scale), faults, copies=True)
    if faults:
        more = [f"There are {len(faults) - 20} more."] if len(faults) > 20 else []
        raise RecordError("\n".join(faults[:20] + more))
    return packed_ones | {
        k: r for k, r in later.items() if k not in packed_ones or _date(r) >= _date(packed_ones[k])
    }


def _date(record: Record) -> str:
    """Return when a record was made, so that later dates are greater."""
    return str(record["provenance"].get("date", ""))


def _records_in(
    texts: Mapping[str, Contents], home: tuple[str, str], faults: list[str], copies: bool
) -> dict[str, Record]:
    """Return the records of a part and scale in texts by their places; note all that is wrong."""
    by_run: dict[str, Record] = {}
    places: dict[str, str] = {}
    for place, text in texts.items():
        try:
            record = parsed(place, text)
        except RecordError as error:
            faults.append(str(error))
            continue
        own = tuple(record["identity"][k] for k in ("part", "scale"))
        if own != home:
            faults.append(f"{place}: of part and scale {own}, not {home}. Move it, or delete it.")
        known = places.setdefault(record["run_id"], place)
        if known != place and not (copies and text == texts[known]):
            faults.append(f"{place}: of the same run as {known}. Delete the one that is wrong.")
        by_run[record["run_id"]] = record
    return by_run


def merge(part: str, scale: str) -> Path | None:
    """Pack the loose records of one part at one scale into one file; return it, if there is any.

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
    with locked(place.with_suffix(".lock")):
        loose = _loose(part, scale)  # what is written meanwhile stays loose
        lines = sorted(
            _all(loose, place, part, scale).values(),
            key=lambda r: ([str(value) for value in _identity_in_full(r).values()], r["run_id"]),
        )
        with atomic(place) as temporary:
            temporary.write_text("".join(json.dumps(r, sort_keys=True) + "\n" for r in lines))
        for path, text in loose.items():
            if contents(path) == text:  # and not a later one
                path.unlink(missing_ok=True)
    return place


def stale(record: Record) -> bool:
    """Tell whether the method does something else than when the record was made."""
    kind, dataset = record["specification"]["type"], record["identity"]["dataset"]
    now = behaviour.of_kind(kind, dataset)
    return now is not None and bool(record["provenance"]["behaviour"] != now)


def table(records: Iterable[Record]) -> pd.DataFrame:
    """Return the tidy table of `records`: one measurement a row, see `COLUMNS`.

    `params` is the JSON text of all hyper-parameters, and each of them is a column too, with NaN
    where a method has no such.
    """
    rows = [
        (r["run_id"], *identity.values(), *row, old, *(r["provenance"].get(k) for k in PROVENANCE))
        for r in records
        for identity, old in [(_identity_in_full(r), stale(r))]
        for row in r["rows"]
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame["value"] = frame["value"].astype(float)
    frame["stale"] = frame["stale"].astype(bool)
    return unfolded(frame)


def _identity_in_full(record: Record) -> dict[str, Any]:
    """Return the identity of a record, its parameters with those that are at their defaults."""
    identity: dict[str, Any] = {name: record["identity"][name] for name in IDENTITY}
    method = METHODS.get(record["specification"]["type"].partition(".")[0])
    if method is not None:
        params = first_defaults(method) | json.loads(identity["params"])
        identity["params"] = json.dumps(params, sort_keys=True)
    return identity


def unfolded(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with a column for each hyper-parameter in the JSON text of its `params`.

    NaN stands where a method has no such; a list is a tuple. Whole numbers and None stay what they
    are beside that NaN, in columns of objects.
    """
    settings = {text: json.loads(text or "{}") for text in frame["params"].unique()}
    columns = {}
    for name in sorted({name for setting in settings.values() for name in setting}):
        values = [settings[text].get(name, math.nan) for text in frame["params"]]
        cells = [tuple(v) if isinstance(v, list) else v for v in values]
        kind = object if any(v is None or type(v) is int for v in cells) else None
        columns[name] = pd.Series(cells, frame.index, dtype=kind)
    return frame.assign(**columns)


def hyper_parameters(frame: pd.DataFrame) -> list[str]:
    """Return the names of a tidy table's columns that hold hyper-parameters of its methods.

    Columns that a page or a sweep adds are none.

    >>> table = pd.DataFrame({"params": ['{"lr": 0.1}'], "lr": [0.1], "sweep": ["a"]})
    >>> hyper_parameters(table)
    ['lr']
    """
    texts = frame["params"].dropna().unique()
    names = {name for text in texts for name in json.loads(text or "{}")}
    return [str(column) for column in frame if column in names]


def read(part: str, scale: str) -> pd.DataFrame:
    """Return the tidy table of every record of one part at one scale; empty if there is none.

    Those that are committed are among them, wherever runs write theirs.
    """
    known = load_all(part, scale)
    committed = committed_records() / part / f"{scale}.jsonl"
    if committed != packed(part, scale):
        known = _all({}, committed, part, scale) | known
    return table(known.values())


def read_all(scale: str) -> pd.DataFrame:
    """Return the tidy table of every record of every part at one scale; empty if there is none."""
    roots = {committed_records(), records_folder(scale)}
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
