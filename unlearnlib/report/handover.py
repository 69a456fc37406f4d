"""Verdicts that pages compute themselves, on their way to the ledger's page."""

import json
from collections.abc import Mapping
from pathlib import Path

from ..cache import atomic
from ..errors import RecordError, SpecError
from ..locations import records_folder
from .claims import read_claims
from .ledger import truth


def hand_over(part: str, cells: Mapping[str, bool]) -> None:
    """Keep what a page computed, by the id of the claim, for the ledger's page; others stay.

    Raises:
        SpecError: An id is no cell claim, or a value is neither true nor false.
    """
    if stray := sorted(set(cells) - set(_known(cells))):
        raise SpecError(f"{stray} are no claims of claims.yaml with 'cell: true'.")
    if strange := [name for name, value in cells.items() if not truth(value)]:
        raise SpecError(f"What was computed for {strange} is neither True nor False.")
    kept = handed_over(part) | {name: bool(value) for name, value in cells.items()}
    with atomic(_place(part)) as temporary:
        temporary.write_text(json.dumps(kept, sort_keys=True) + "\n", "utf-8")


def handed_over(part: str = "") -> dict[str, bool]:
    """Return what the pages of `part`, or of all parts, computed, for :func:`ledger`.

    What older pages handed over for claims that are no cell claims any more is left out.

    Raises:
        RecordError: A file is damaged.
    """
    cells: dict[str, bool] = {}
    for path in sorted(_place("x").parents[1].glob(f"{part or '*'}/cells.jsonl")):
        try:
            values = json.loads(path.read_text("utf-8"))
            if strange := [name for name, value in values.items() if not truth(value)]:
                raise ValueError(f"neither true nor false: {', '.join(strange)}")
            cells |= values
        except (ValueError, AttributeError) as error:
            raise RecordError(
                f"{path} is not what a page handed over ({error}). Delete it and run the pages "
                "again."
            ) from None
    return _known(cells)


def _known(cells: Mapping[str, bool]) -> dict[str, bool]:
    claims = {claim.id for claim in read_claims() if claim.cell}
    return {name: value for name, value in cells.items() if name.partition("@")[0] in claims}


def _place(part: str) -> Path:
    return records_folder("laptop") / part / "cells.jsonl"  # no record, so not .json
