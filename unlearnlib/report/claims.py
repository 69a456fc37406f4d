"""What a claim is, and how `data/claims.yaml` is read.

A claim is a sentence of ours with its source and a test. The test on records is a conjunction of
inequalities, each of which must hold in the same trained model; `data/claims.yaml` writes them as

    - where: {request: "class:*"}                # optional: patterns for dataset, model, request,
                                                 # and the part, if not the claim's own
      left: {method: JiT, metric: accuracy, split: test_forget, params: {sigma: 1.0}}
      right: {method: Retrain}                   # optional; what it leaves out it takes from left
      ratio: true                                # optional: left / right instead of left - right
      way: true                                  # optional: left alone, from Original, 0, to
                                                 # Retrain, 1, of the same trained model
      origin: Retrain                            # optional: first, of both, |value - Retrain's|
      at_least: -0.02                            # one of the two or both: the borders of what
      at_most: 0.02                              # the claim allows, in the metric's unit

Tests whose `where` fits a setting make the conjunction of that setting. `given` is a list of such
inequalities too: where none of them holds in a model, the claim says nothing about that model.
`method` is the one that the claim is about, and that its controls stand in for; by default the left
one of the first test. `controls` says why a claim has none. With `access`, the method saw these
names only. `forms` judges the claim for other forms of its methods too, each under an id of its
own:

      forms: [{id: jit-class-released, says: As released, methods: {JiT: JiT as released}}]

In place of `tests` a claim has `cell` (a page computes in how many of how many models it holds;
with `exact`, whether it holds, where no model is drawn) or `untestable` (why). `printed` says in
how many of the printed set-ups it holds, "24 of 29". `frozen` says since when nothing that decides
the verdict was changed, with the digests by which this is checked. How a claim is judged is in
`models` and `ledger`.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from ..access import ACCESS
from ..errors import SpecError
from ..fields import mistakes, nearest
from ..locations import data_folder
from ..runs.mapping import values
from .summary import Quantity

SLACK = 1e-9  # 0.77 - 0.8 is not -0.03 in binary
WHERE = ("part", "dataset", "model", "request")
"""Columns of the records that a test may be limited by."""
_NESTED = ("tests", "given", "access", "forms", "frozen")
_DECIDES_NOTHING = ("frozen", "source", "page")


@dataclass(frozen=True)
class Inequality:
    """A border or two for a quantity, or for the difference of two, in one trained model.

    Attributes:
        left: The first quantity.
        right: The one that is subtracted, or divides; None for `left` by itself.
        ratio: Divide instead of subtracting.
        way: `left` is taken as the share of the way from Original's value, 0, to Retrain's, 1.
        origin: A method; both quantities are their distances from its.
        at_least: Lower border, included.
        at_most: Upper border, included.
        where: Patterns (as of a shell) for the columns of `WHERE`; the part is a plain name.
    """

    left: Quantity
    right: Quantity | None = None
    ratio: bool = False
    way: bool = False
    origin: str = ""
    at_least: float = -math.inf
    at_most: float = math.inf
    where: Mapping[str, str] = field(default_factory=dict)

    def fits(self, **place: str) -> bool:
        """Tell whether the test is about this data set, model and request."""
        return all(fnmatchcase(place[name], self.where.get(name, "*")) for name in place)

    def allows(self, value: float) -> bool:
        """Tell whether a value is within the borders."""
        return self.at_least - SLACK <= value <= self.at_most + SLACK

    def about(self, methods: Mapping[str, str], *, free: bool = False) -> "Inequality":
        """Return the test with other methods in the place of some; `free` of their settings."""

        def other(quantity: Quantity) -> Quantity:
            if quantity.method not in methods:
                return quantity
            params = {} if free else quantity.params
            return replace(quantity, method=methods[quantity.method], params=params)

        right = other(self.right) if self.right is not None else None
        return replace(self, left=other(self.left), right=right)


class Frozen(NamedTuple):
    """Since when nothing that decides a verdict was changed.

    Attributes:
        date: Of the day, "2026-11-29".
        digest: Of the claim, see :func:`digest`.
        settings: Of the parameters of its page at every scale.
    """

    date: str
    digest: str
    settings: str


@dataclass(frozen=True)
class Claim:
    """A sentence of a paper in our own words, and how it is tested.

    Attributes:
        id: Its name, unique.
        part: The part of the book, such as "jit".
        sentence: The claim.
        source: Where the paper makes it.
        page: The notebook that computes it, without suffix.
        tests: Inequalities on records, which must all hold in the same trained model.
        given: Where none of these holds in a model, the claim says nothing about that model.
        method: The one that the claim is about; "" for the left one of the first test.
        controls: Why neither the original nor a retrained model can stand in its place; "" if both
            can, and do.
        access: The names that the method may have seen; None if that is not part of the claim.
        cell: The page computes the verdict and hands it to :func:`ledger`.
        exact: Of a cell: no model is drawn, so that it holds or does not.
        untestable: Why it cannot be tested; "" if it can.
        printed: In how many of the printed set-ups it holds, such as "24 of 29"; "" if all.
        frozen: Since when it is as it is; None if it is not frozen.
        changed: It was changed since.
    """

    id: str
    part: str
    sentence: str
    source: str
    page: str = ""
    tests: tuple[Inequality, ...] = ()
    given: tuple[Inequality, ...] = ()
    method: str = ""
    controls: str = ""
    access: frozenset[str] | None = None
    cell: bool = False
    exact: bool = False
    untestable: str = ""
    printed: str = ""
    frozen: Frozen | None = None
    changed: bool = False

    @property
    def subject(self) -> str:
        """The method that the claim is about."""
        return self.method or (self.tests[0].left.method if self.tests else "")

    def about(self, methods: Mapping[str, str], *, free: bool = False) -> "Claim":
        """Return the claim with other methods in the place of some, see `Inequality.about`."""
        return replace(
            self,
            method=methods.get(self.subject, self.subject),
            tests=tuple(test.about(methods, free=free) for test in self.tests),
            given=tuple(test.about(methods, free=free) for test in self.given),
        )


def digest(entry: Mapping[str, Any]) -> str:
    """Return the digest of all that decides the verdict on an entry of `claims.yaml`."""
    judged = {name: value for name, value in entry.items() if name not in _DECIDES_NOTHING}
    return hashlib.sha256(json.dumps(judged, sort_keys=True).encode()).hexdigest()[:12]


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
    ids.update(str(form.get("id")) for entry in entries for form in _dicts(entry.get("forms")))
    wrong += [
        f"{path.name} uses the id '{name}' {'twice' if count == 2 else f'{count} times'}. Give "
        "each claim its own."
        for name, count in ids.items()
        if count > 1
    ]
    if wrong:
        raise SpecError("\n".join(wrong))
    return tuple(claim for entry in entries for claim in _claims(entry))


def _dicts(forms: Any) -> list[dict[str, Any]]:
    return [form for form in forms if isinstance(form, dict)] if isinstance(forms, list) else []


def _mistakes(who: str, entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with one claim."""
    for name in ("id", "part", "sentence", "source"):
        if not entry.get(name):
            yield f"{who} has no {name}."
    kinds = [k for k in ("tests", "cell", "untestable") if entry.get(k)]
    if len(kinds) != 1:
        yield (
            f"{who} has {' and '.join(kinds) or 'no test'}, but a claim is judged in exactly one "
            "way. Give it one of: tests, cell, untestable."
        )
    yield from (f"{who}: {mistake}" for mistake in _inside(entry))


def _inside(entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the values of one claim."""
    yield from mistakes(Claim, {k: v for k, v in entry.items() if k not in _NESTED})
    if "changed" in entry:
        yield "changed is found out, and cannot be set."
    tests = entry.get("tests", [])
    for name, inequalities in (("tests", tests), ("given", entry.get("given", []))):
        if not isinstance(inequalities, list):
            yield f"{name} must be a list of inequalities, not {inequalities!r:.60}."
            continue
        for i, test in enumerate(inequalities):
            yield from _wrong_test(f"{name}[{i}]", test)
    for name in ("given", "access", "forms", "method", "controls"):
        if name in entry and not tests:
            yield f"{name} is about tests, and there are none."
    if entry.get("exact") and not entry.get("cell"):
        yield "exact is about a cell, and there is none."
    if "access" in entry:
        yield from _wrong_access(entry["access"])
    for name, keys in (("forms", {"id", "says", "methods"}), ("frozen", set(Frozen._fields))):
        ones = entry.get(name, [])
        for one in ones if isinstance(ones, list) else [ones]:
            if not isinstance(one, dict) or set(one) != keys:
                yield f"{name} has the keys {', '.join(sorted(keys))}, not {one!r:.60}."


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
    if test.get("way") and ("right" in test or test.get("origin")):
        yield f"{place} is a way, which is of left alone. Leave out right and origin."
    where = test.get("where", {})
    for column, pattern in where.items() if isinstance(where, dict) else ():
        if column not in WHERE:
            yield f"{place}.where has no column {column}. {nearest(str(column), WHERE)}"
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
    if not isinstance(access, list):
        yield f"access must be a list of the names that the method may have seen, not {access!r}."
        return
    for name in access:
        if name not in ACCESS:
            yield f"access: nothing is named {name}. {nearest(str(name), ACCESS)}"


def _claims(entry: Mapping[str, Any]) -> Iterator[Claim]:
    """Yield a claim from its YAML mapping, and its other forms."""
    own = {"part": entry["part"]}
    fields = {name: value for name, value in entry.items() if name != "forms"}
    for name in ("tests", "given"):
        fields[name] = tuple(_inequality(test, own) for test in entry.get(name, ()))
    if "access" in entry:
        fields["access"] = frozenset(entry["access"])
    if "frozen" in entry:
        fields["frozen"] = Frozen(**entry["frozen"])
        fields["changed"] = digest(entry) != entry["frozen"]["digest"]
    claim = Claim(**fields)
    yield claim
    for form in entry.get("forms", ()):
        sentence = f"{form['says']}: {claim.sentence}"
        yield replace(claim.about(form["methods"]), id=form["id"], sentence=sentence, printed="")


def _inequality(entry: Mapping[str, Any], own: Mapping[str, str]) -> Inequality:
    """Build one inequality; it is about the records of its claim's `own` part unless it says so."""
    fields = dict(entry)
    fields["where"] = {**own, **fields.get("where", {})}
    left = fields.pop("left")
    right = fields.pop("right", None)
    pair = (Quantity(**left), Quantity(**{**left, **right}) if right else None)
    return Inequality(*pair, **fields)
