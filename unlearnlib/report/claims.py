"""What a claim is, and how `data/claims.yaml` is read.

A claim is a sentence of ours with its source and a test. The test of a claim on records is a list
of inequalities between paired differences; `data/claims.yaml` writes them down as

    - where: {request: "class:*"}                # optional patterns on the table's columns; the
                                                 # part is the claim's own unless given here
      left: {method: JiT, metric: accuracy, split: test_forget, params: {sigma: 1.0}}
      right: {method: Retrain}                   # optional; what it leaves out it takes from left
      ratio: true                                # optional: left / right instead of left - right
      origin: Retrain                            # optional: first, of both, |value - Retrain's|
      at_least: -0.02                            # one of the two or both: the borders of what
      at_most: 0.02                              # the claim allows, in the metric's unit

`given` is an inequality of the same form, and the premise of the others. Besides `tests` a claim
may have `access` (a method saw these names only), `cell` (a page computes it) or `untestable` (why
it cannot be tested). How a claim is judged is in `ledger`.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pandas as pd

from ..access import ACCESS
from ..errors import SpecError
from ..fields import mistakes, nearest
from ..locations import data_folder
from ..runs.mapping import values
from ..runs.records import IDENTITY
from .summary import Quantity, away, differences

SLACK = 1e-9  # 0.77 - 0.8 is not -0.03 in binary
_NESTED = ("tests", "given", "access")


@dataclass(frozen=True)
class Inequality:
    """A border or two for a quantity, or for the paired difference of two.

    Attributes:
        left: The first quantity.
        right: The one that is subtracted, or divides; None for `left` by itself.
        ratio: Divide instead of subtracting.
        origin: A method; both quantities are their distances from its.
        at_least: Lower border, included.
        at_most: Upper border, included.
        where: Patterns (as of a shell) on columns of the table.
    """

    left: Quantity
    right: Quantity | None = None
    ratio: bool = False
    origin: str = ""
    at_least: float = -math.inf
    at_most: float = math.inf
    where: Mapping[str, str] = field(default_factory=dict)

    def settings(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the paired differences, one row a setting, with `inside` and `leans`."""
        for column, pattern in self.where.items():
            fits = [fnmatchcase(str(value), pattern) for value in table[column]]
            table = table.loc[pd.Series(fits, index=table.index, dtype=bool)]
        table = away(table, self.origin) if self.origin else table
        rows = differences(table, self.left, self.right, ratio=self.ratio)
        least, most = self.at_least - SLACK, self.at_most + SLACK
        inside = (rows["low"] >= least) & (rows["high"] <= most)
        return rows.assign(inside=inside, leans=rows["mean"].between(least, most))


@dataclass(frozen=True)
class Claim:
    """A sentence of a paper in our own words, and how it is tested.

    Attributes:
        id: Its name, unique.
        part: The part of the book, such as "jit".
        sentence: The claim.
        source: Where the paper makes it.
        page: The notebook that computes it, without suffix.
        tests: Inequalities on records.
        given: What must hold in a setting for the claim to say something there.
        access: (method, names it may have seen).
        cell: The page computes the verdict and hands it to :func:`ledger`.
        untestable: Why it cannot be tested; "" if it can.
    """

    id: str
    part: str
    sentence: str
    source: str
    page: str = ""
    tests: tuple[Inequality, ...] = ()
    given: Inequality | None = None
    access: tuple[str, frozenset[str]] | None = None
    cell: bool = False
    untestable: str = ""


def read_claims(path: Path | None = None) -> tuple[Claim, ...]:
    """Return the claims of `data/claims.yaml`, or of `path`.

    Raises:
        SpecError: The file cannot be read, or is no list of claims; or one sentence for each
            mistake in a claim: an unknown key, a value of the wrong kind, no test, an id used
            twice.
    """
    path = path or data_folder() / "claims.yaml"
    entries = values(path)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SpecError(
            f"{path.name} must be a list of claims, each of them a mapping of its keys. The form "
            "is at the head of unlearnlib/report/claims.py."
        )
    wrong = [
        mistake
        for i, entry in enumerate(entries, 1)
        for mistake in _mistakes(f"Claim '{entry.get('id', f'number {i}')}'", entry)
    ]
    ids = Counter(str(entry.get("id")) for entry in entries if "id" in entry)
    wrong += [
        f"{path.name} uses the id '{name}' {'twice' if count == 2 else f'{count} times'}. Give "
        "each claim its own."
        for name, count in ids.items()
        if count > 1
    ]
    if wrong:
        raise SpecError("\n".join(wrong))
    return tuple(map(_claim, entries))


def _mistakes(who: str, entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with one claim."""
    for name in ("id", "part", "sentence", "source"):
        if not entry.get(name):
            yield f"{who} has no {name}."
    kinds = [k for k in ("tests", "access", "cell", "untestable") if entry.get(k)]
    if len(kinds) != 1:
        yield (
            f"{who} has {' and '.join(kinds) or 'no test'}, but a claim is judged in exactly one "
            "way. Give it one of: tests, access, cell, untestable."
        )
    yield from (f"{who}: {mistake}" for mistake in _inside(entry))


def _inside(entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the values of one claim."""
    yield from mistakes(Claim, {k: v for k, v in entry.items() if k not in _NESTED})
    tests = entry.get("tests", [])
    if not isinstance(tests, list):
        yield f"tests must be a list of inequalities, not {tests!r:.60}."
        tests = []
    for i, test in enumerate(tests):
        yield from _wrong_test(f"tests[{i}]", test)
    if "given" in entry:
        yield from _wrong_test("given", entry["given"])
        if not tests:
            yield "given is the premise of tests, and there are none."
    if "access" in entry:
        yield from _wrong_access(entry["access"])


def _wrong_test(place: str, test: Any) -> Iterator[str]:
    """Yield what is wrong with one inequality."""
    if not isinstance(test, dict):
        yield f"{place} must be a mapping, not {test!r:.60}."
        return
    plain = {k: v for k, v in test.items() if k not in ("left", "right")}
    yield from mistakes(Inequality, plain, f"{place}.")
    if "at_least" not in test and "at_most" not in test:
        yield f"{place} has neither at_least nor at_most. Give it one of them or both."
    yield from _wrong_quantity(f"{place}.left", test.get("left"), ("method", "metric"))
    if "right" in test:
        yield from _wrong_quantity(f"{place}.right", test["right"], ())
    elif test.get("ratio"):
        yield f"{place} is a ratio of left to nothing. Give it a right."
    where = test.get("where", {})
    for column, pattern in where.items() if isinstance(where, dict) else ():
        if column not in IDENTITY:
            yield f"{place}.where has no column {column}. {nearest(str(column), IDENTITY)}"
        if not isinstance(pattern, str):
            yield f"{place}.where.{column} must be a pattern, which is text, not {pattern!r:.60}."
    borders = [test.get("at_least", -math.inf), test.get("at_most", math.inf)]
    if all(isinstance(end, int | float) for end in borders) and borders[0] > borders[1]:
        yield f"{place} allows nothing: at_least is {borders[0]} and at_most {borders[1]}."


def _wrong_quantity(place: str, quantity: Any, needed: tuple[str, ...]) -> Iterator[str]:
    """Yield what is wrong with one side of an inequality."""
    if not isinstance(quantity, dict) or not quantity:
        yield f"{place} must be a mapping such as {{method: JiT, metric: loss}}, not {quantity!r}."
        return
    yield from mistakes(Quantity, quantity, f"{place}.")
    yield from (f"{place} has no {name}." for name in needed if not quantity.get(name))


def _wrong_access(access: Any) -> Iterator[str]:
    """Yield what is wrong with what a method may have seen."""
    form = "access must be a mapping {method: JiT, only: [names it may have seen]}"
    if (
        not isinstance(access, dict)
        or set(access) != {"method", "only"}
        or not isinstance(access["method"], str)
        or not isinstance(access["only"], list)
    ):
        yield f"{form}, not {access!r:.60}."
    else:
        for name in access["only"]:
            if name not in ACCESS:
                yield f"access.only: nothing is named {name}. {nearest(str(name), ACCESS)}"


def _claim(entry: Mapping[str, Any]) -> Claim:
    """Build one claim from its YAML mapping."""
    fields = dict(entry)
    own = {"part": fields["part"]}
    fields["tests"] = tuple(_inequality(test, own) for test in fields.get("tests", ()))
    if "given" in fields:
        fields["given"] = _inequality(fields["given"], own)
    if "access" in fields:
        fields["access"] = (fields["access"]["method"], frozenset(fields["access"]["only"]))
    return Claim(**fields)


def _inequality(entry: Mapping[str, Any], own: Mapping[str, str]) -> Inequality:
    """Build one inequality; it is about the records of its claim's `own` part unless it says so."""
    fields = dict(entry)
    fields["where"] = {**own, **fields.get("where", {})}
    left = fields.pop("left")
    right = fields.pop("right", None)
    pair = (Quantity(**left), Quantity(**{**left, **right}) if right else None)
    return Inequality(*pair, **fields)
