"""A record: what it holds, what it is known by, and what is wrong with a text that is none."""

import json
from collections.abc import Mapping
from typing import Any

from ..cache import Contents, digest
from ..errors import RecordError

IDENTITY = (
    "part", "scale", "dataset", "model", "request", "method", "params", "access",
    "seed_model", "seed_request", "seed_method",
)  # fmt: skip
Record = dict[str, Any]
"""`run_id`, `identity`, `specification`, `rows` of (metric, split, value), and `provenance`."""


def run_id(identity: Mapping[str, Any], specification: Mapping[str, Any]) -> str:
    """Return the hash that a run is known by: of all that decides its numbers, and nothing else.

    The parameters of method and training are those that differ from their first defaults, see
    `fields.differing`; what the method sees follows from the method, and by which of its
    constructors it was made is all one.
    """
    decides = {**identity, **specification, "params": json.loads(identity["params"])}
    del decides["access"]
    return digest(decides | {"type": specification["type"].partition(".")[0]})


def parsed(place: str, text: Contents) -> Record:
    """Return the record that `text` holds."""
    try:
        if isinstance(text, OSError):
            raise text
        record: Record = json.loads(text, object_pairs_hook=_once)
        record["run_id"], record["rows"], record["provenance"]["behaviour"]
        record["specification"]["type"]
        if missing := set(IDENTITY) - set(record["identity"]):
            raise KeyError(*missing)
        fault = fault_of(record)
    except (ValueError, KeyError, TypeError, OSError, OverflowError, RecursionError) as error:
        fault = f"{type(error).__name__}: {error}"
    if fault:
        raise refused(place, fault)
    return record


def refused(place: str, fault: str) -> RecordError:
    """Return the error of what is no record."""
    return RecordError(
        f"{place}: not a record ({fault}). Delete it, and the run that it held is repeated."
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the mapping of keys and values; of a key that stands twice, neither is right."""
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(k for k in keys if keys.count(k) > 1)!r} stands twice")
    return mapping


def fault_of(record: Record) -> str:
    """Return what contradicts itself in a record, or is no measurement; nothing if it is sound."""
    for column in IDENTITY:
        kind, named = (int, "whole number") if column.startswith("seed_") else (str, "text")
        if type(value := record["identity"][column]) is not kind:
            return f"its {column}, {json.dumps(value)}, is no {named}"
    if type(name := record["specification"]["type"]) is not str:
        return f"its type, {json.dumps(name)}, is no text"
    if record["run_id"] != run_id(record["identity"], record["specification"]):
        return "its run id is not that of its identity and specification"
    seen = set[tuple[str, str]]()
    for i, row in enumerate(record["rows"], 1):
        if [*map(type, row)] not in ([str, str, float], [str, str, int]):
            return f"row {i}, {json.dumps(row)}, is no metric with its split and a number"
        metric, split, value = row
        float(value)  # a whole number may be too large
        if (metric, split) in seen:
            return f"row {i} measures the {metric} of {split or 'the run'} again"
        if metric in ("accuracy", "accuracy_batch_mean") and (value < 0 or value > 1):
            return f"row {i}, {json.dumps(row)}, is an accuracy outside of 0 to 1"
        seen.add((metric, split))
    return "" if seen else "it has no rows"
