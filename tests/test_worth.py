"""What a specification is worth: the claims that its runs, or its page on them, test."""

import random
from pathlib import Path
from typing import Any

import pytest

from unlearnlib import Grid
from unlearnlib.locations import PACKAGE
from unlearnlib.report import read_claims
from unlearnlib.report.measurements import measured
from unlearnlib.report.settings import judged, quantities
from unlearnlib.runs import records

FOLDER = PACKAGE.parent / "notebooks"
CLAIMS = read_claims()
WANTED = [quantity for claim in CLAIMS for quantity in quantities(claim)]


def made_up(one: Grid, draw: random.Random) -> list[Any]:
    """Records of all runs of a grid, with random numbers in all that claims are about."""
    what = sorted({(q.metric, q.split) for q in WANTED})
    kept = [(m, s) for m, s in what if s in ("", *one.splits)]
    return [
        {
            "run_id": run.run_id, "identity": run.identity, "specification": run.specification,
            "rows": [(metric, split, draw.random()) for metric, split in kept],
            "provenance": {"behaviour": "", "seconds": 1.0},
        }
        for run in one.runs()
    ]  # fmt: skip


def claims_of(path: Path) -> set[str]:
    """The claims that have a number in a model of the grid; those of a page's cell are its own."""
    one, draw, found = Grid.read(path), random.Random(0), set[str]()
    for _ in range(3):  # what is given in one model may not be given in another
        numbers = measured(records.table(made_up(one, draw)), WANTED)
        found |= {c.id for c in CLAIMS if any(s.holds.n for s in judged(c, numbers))}
    page = f"{path.relative_to(FOLDER).parts[0]}/{path.name.partition('.')[0]}"
    return found | {claim.id for claim in CLAIMS if claim.cell and claim.page == page}


@pytest.mark.parametrize(
    "path", sorted(FOLDER.rglob("*.paper.yaml")), ids=lambda p: p.relative_to(FOLDER).as_posix()
)
def test_the_declared_worth_is_the_number_of_claims_it_tests(path: Path) -> None:
    assert Grid.read(path).worth == len(claims_of(path))
