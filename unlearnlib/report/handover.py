"""Verdicts that pages compute themselves: what they are, and their way to the ledger's page."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from ..cache import atomic
from ..errors import RecordError, SpecError
from ..locations import records_folder
from .claims import Claim
from .claims_file import read_claims
from .settings import ORACLE, ORIGINAL, Setting, told_of
from .verdicts import NO_POWER, NOT, REPRODUCED, UNDECIDED, Share

Cell = bool | tuple[int, ...]
"""What a page computes of a claim: in k of n models it holds; with four more numbers, the same of
the original and of a second retrained model; or, if it is exact, whether."""


def is_cell(value: object) -> bool:
    """Tell whether what a page computed is a verdict; NaN is none."""
    if isinstance(value, tuple | list) and len(value) in (2, 6):
        whole = all(isinstance(one, int | np.integer) for one in value)
        return whole and all(0 <= k <= n > 0 for k, n in _pairs(value))
    return isinstance(value, bool | np.bool_)


def _pairs(cell: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the counts of a cell, (k, n) each."""
    yield from zip(cell[::2], cell[1::2], strict=True)


def of_cell(claim: Claim, cell: Cell) -> Setting:
    """Return the verdict that a page computed."""
    original = oracle = None
    why = ""
    if isinstance(cell, tuple):
        share, *controls = (Share(*pair) for pair in _pairs(cell))
        word, detail = share.word, f"holds in {share} models, computed on its page"
        if controls:
            original, oracle = controls
            why = told_of({ORIGINAL: original, ORACLE: oracle})
            detail = f"{detail}; {why}"
            if oracle.word != REPRODUCED or (original.word != NOT != word):
                word = NO_POWER
    else:
        share = Share(int(cell), 1)
        word, detail = (REPRODUCED if cell else NOT), "exact, computed on its page"
        if not claim.exact:
            word, detail = UNDECIDED, "computed on its page, which says not of how many models"
    doubts = () if claim.exact or not claim.unfrozen else (claim.unfrozen,)
    return Setting(
        dataset="", model="", request="", params="", verdict=word, detail=detail, why=why,
        holds=share, original=original, oracle=oracle, doubts=doubts, stale=False,
    )  # fmt: skip


def hand_over(part: str, cells: Mapping[str, Cell]) -> None:
    """Keep what a page computed, by the id of the claim, for the ledger's page; others stay.

    Args:
        part: The part of the page.
        cells: (k, n): in k of n models the claim holds; (k, n, k, n, k, n): the same of the
            original and of a second retrained model after it; True or False where it is exact.

    Raises:
        SpecError: An id is no cell claim, or a value is neither of the two.
    """
    if stray := sorted(set(cells) - set(_known(cells))):
        raise SpecError(f"{stray} are no claims of claims.yaml with 'cell: true'.")
    if strange := [name for name, value in cells.items() if not is_cell(value)]:
        raise SpecError(
            f"What was computed for {strange} is neither (k, n), in how many of how many models it "
            "holds, with or without the same of both controls, nor True or False."
        )
    kept = handed_over(part) | {name: _plain(value) for name, value in cells.items()}
    with atomic(_place(part)) as temporary:
        temporary.write_text(json.dumps(kept, sort_keys=True) + "\n", "utf-8")


def handed_over(part: str = "") -> dict[str, Cell]:
    """Return what the pages of `part`, or of all parts, computed, for :func:`ledger`.

    What older pages handed over for claims that are no cell claims any more is left out.

    Raises:
        RecordError: A file is damaged.
    """
    cells: dict[str, Cell] = {}
    for path in sorted(_place("x").parents[1].glob(f"{part or '*'}/cells.jsonl")):
        try:
            values = json.loads(path.read_text("utf-8"))
            if strange := [name for name, value in values.items() if not is_cell(value)]:
                raise ValueError(f"no verdict: {', '.join(strange)}")
            cells |= {name: _plain(value) for name, value in values.items()}
        except (ValueError, AttributeError) as error:
            raise RecordError(
                f"{path} is not what a page handed over ({error}). Delete it and run the pages "
                "again."
            ) from None
    return _known(cells)


def _plain(cell: bool | Sequence[int]) -> Cell:
    """Return a cell as plain numbers: pages have numpy's, and JSON has lists."""
    return tuple(map(int, cell)) if isinstance(cell, Sequence) else bool(cell)


def _known(cells: Mapping[str, Cell]) -> dict[str, Cell]:
    claims = {claim.id for claim in read_claims() if claim.cell}
    return {name: value for name, value in cells.items() if name.partition("@")[0] in claims}


def _place(part: str) -> Path:
    return records_folder("laptop") / part / "cells.jsonl"  # no record, so not .json
