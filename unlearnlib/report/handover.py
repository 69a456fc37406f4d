"""Verdicts that pages compute themselves: what they are, and their way to the ledger's page."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd

from ..cache import atomic, locked
from ..errors import RecordError, SpecError
from ..locations import records_folder
from .claims import Claim
from .claims_file import read_claims
from .measurements import FRESH, SEARCHED, dates, in_utc
from .scales import SCALES
from .settings import ORACLE, ORIGINAL, Setting, told_of
from .verdicts import NO_POWER, NOT, REPRODUCED, UNDECIDED, Share

T = TypeVar("T")
Counts = bool | tuple[int, ...]
"""In k of n models a claim holds, (k, n); with four more numbers, the same of the original and of a
second retrained model; with two more, the same of those of its parts which the latter passes; or,
if it is exact, whether."""


class Cell(NamedTuple):
    """What a page computed of a claim.

    Attributes:
        counts: In how many of how many models it holds, or whether.
        date: When the first of what it rests on was made, as records have it; "" if unknown.
        searched: Some of that has a seed that served the search.
        stale: Some of that is of a method that does something else now; of experiments it is not
            known.
    """

    counts: Counts
    date: str = ""
    searched: bool = False
    stale: bool = False


def is_cell(cell: object) -> bool:
    """Tell whether something is what a page computed; NaN is none."""
    if not isinstance(cell, tuple | list) or len(cell) != len(Cell._fields):
        return False
    counts, *rest = cell
    return are_counts(counts) and all(map(isinstance, rest, (str, bool, bool)))


def are_counts(value: object) -> bool:
    """Tell whether these are the counts of a verdict; NaN is none."""
    if isinstance(value, tuple | list) and len(value) in (2, 6, 8):
        whole = all(isinstance(one, int | np.integer) for one in value)
        return whole and all(0 <= k <= n > 0 for k, n in _pairs(value))
    return isinstance(value, bool | np.bool_)


def _pairs(counts: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield (k, n) of the claim, of its controls and of a part of it, if there are any."""
    yield from zip(counts[::2], counts[1::2], strict=True)


def of_cell(claim: Claim, cell: Cell) -> Setting:
    """Return the verdict that a page computed."""
    original = oracle = None
    why = ""
    if isinstance(counts := cell.counts, tuple):
        share, *controls = (Share(*pair) for pair in _pairs(counts))
        word, detail = share.word, f"holds in {share} models, computed on its page"
        if controls:
            original, oracle, *parts = controls
            why = told_of({ORIGINAL: original, ORACLE: oracle})
            detail = f"{detail}; {why}"
            if parts and parts[0].word == NOT:
                word, by = NOT, "judged by what a second retrained model passes, and the method in"
                detail = f"{detail}; {by} {parts[0]}"
            elif oracle.word != REPRODUCED or (original.word != NOT != word):
                word = NO_POWER
    else:
        share = Share(int(counts), 1)
        word, detail = (REPRODUCED if counts else NOT), "exact, computed on its page"
        if not claim.exact:
            word, detail = UNDECIDED, "computed on its page, which says not of how many models"
    doubts: tuple[str, ...] = ()
    if not claim.exact:
        doubts = (*claim.doubts([cell.date]), *((SEARCHED,) if cell.searched else ()))
    return Setting(
        dataset="", model="", request="", params="", verdict=word, detail=detail, why=why,
        holds=share, original=original, oracle=oracle, doubts=doubts, stale=cell.stale,
    )  # fmt: skip


def hand_over(part: str, cells: Mapping[str, Counts], *tables: pd.DataFrame) -> dict[str, Cell]:
    """Keep what a page computed, by the id of the claim, for the ledger's page; others stay.

    Args:
        part: The part of the page.
        cells: (k, n): in k of n models the claim holds; (k, n, k, n, k, n): the same of the
            original and of a second retrained model after it; with two more, of those of its parts
            which a second retrained model passes, by which it fails; True or False where it is
            exact.
        tables: What it rests on, of records or of experiments: a claim that was frozen after one
            of them was made is not confirmed by it, nor by one with seeds that served the search.

    Returns:
        The cells, for :func:`ledger`.

    Raises:
        SpecError: An id is no cell claim or names no scale, a value is neither of the two, or a
            table has no date.
    """
    if stray := sorted(set(cells) - set(_known(cells))):
        raise SpecError(f"{stray} are no claims of claims.yaml with 'cell: true'.")
    if lost := [name for name in cells if "@" in name and name.partition("@")[2] not in SCALES[1:]]:
        raise SpecError(
            f"{lost} name no scale. What is of the laptop's goes under the id alone, the rest "
            f"under id@scale, with one of {', '.join(SCALES[1:])}."
        )
    if strange := [name for name, value in cells.items() if not are_counts(value)]:
        raise SpecError(
            f"What was computed for {strange} is neither (k, n), in how many of how many models it "
            "holds, with or without the same of both controls, nor True or False."
        )
    stale = any(table["stale"].any() for table in tables if "stale" in table)
    rests_on = _oldest(tables), any(map(_of_search, tables)), bool(stale)
    made = {name: Cell(_plain(value), *rests_on) for name, value in cells.items()}
    place = _place(part)
    with locked(place.with_suffix(".lock")):  # pages of one part run at the same time
        kept = handed_over(part) | made
        with atomic(place) as temporary:
            temporary.write_text(json.dumps(kept, sort_keys=True) + "\n", "utf-8")
    return made


def _oldest(tables: Sequence[pd.DataFrame]) -> str:
    """Return when the first run of some tables was made; "" without tables."""
    made: list[str] = []
    for table in tables:
        told: dict[str, Any] = table.attrs.get("provenance", {})
        if "date" not in table and "date" not in told:
            raise SpecError(
                "A table that a verdict rests on has no date. Hand over what run_grid or "
                "experiment returned, before it is changed."
            )
        made += dates(table) if "date" in table else [in_utc(told["date"])]
    return min(made, default="")


def _of_search(table: pd.DataFrame) -> bool:
    """Tell whether some of a table has a seed that served the search."""
    return any((table[name] < FRESH).any() for name in ("seed", "seed_model") if name in table)


def handed_over(part: str = "") -> dict[str, Cell]:
    """Return what the pages of `part`, or of all parts, computed, for :func:`ledger`.

    What older pages handed over for claims that are no cell claims any more is left out.

    Raises:
        RecordError: A file is damaged.
    """
    cells: dict[str, Cell] = {}
    for path in sorted(_place("x").parents[1].glob(f"{part or '*'}/page_verdicts.jsonl")):
        try:
            values = json.loads(path.read_text("utf-8"))
            if strange := [name for name, value in values.items() if not is_cell(value)]:
                raise ValueError(f"no verdict: {', '.join(strange)}")
            cells |= {name: Cell(_plain(one[0]), *one[1:]) for name, one in values.items()}
        except (ValueError, AttributeError) as error:
            raise RecordError(
                f"{path} is not what a page handed over ({error}). Delete it and run the pages "
                "again."
            ) from None
    return _known(cells)


def _plain(counts: bool | Sequence[int]) -> Counts:
    """Return counts as plain numbers: pages have numpy's, and JSON has lists."""
    return tuple(map(int, counts)) if isinstance(counts, Sequence) else bool(counts)


def _known(cells: Mapping[str, T]) -> dict[str, T]:
    claims = {claim.id for claim in read_claims() if claim.cell}
    return {name: value for name, value in cells.items() if name.partition("@")[0] in claims}


def _place(part: str) -> Path:
    return records_folder("laptop") / part / "page_verdicts.jsonl"  # no record, so not .json
