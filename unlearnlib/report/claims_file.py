"""`data/claims.yaml` as it is read: every mistake is a sentence; its form is in `claims`."""

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..access import ACCESS
from ..errors import SpecError
from ..fields import mistakes, nearest
from ..locations import data_folder
from ..runs.mapping import values
from .claims import WHERE, Claim, Frozen, Inequality
from .scales import SCALES
from .summary import Quantity

_NESTED = ("tests", "given", "access", "forms", "frozen", "kinds")
_DECIDES_NOTHING = ("frozen", "source", "page")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", re.ASCII)


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
    claims = [[*_claims(entry)] for entry in entries]
    wrong = [
        f"Claim '{of_one[0].id}': {mistake}"
        for entry, of_one in zip(entries, claims, strict=True)
        for mistake in _unnamed(entry, of_one[0])
    ]
    if wrong:
        raise SpecError("\n".join(wrong))
    return tuple(claim for of_one in claims for claim in of_one)


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
    for name in ("given", "access", "forms", "kinds", "method", "controls"):
        if name in entry and not tests:
            yield f"{name} is about tests, and there are none."
    if entry.get("exact") and not (entry.get("cell") or entry.get("controls")):
        yield "exact is about what no model is drawn for: a cell, or tests that have no controls."
    kinds = entry.get("kinds", [])
    if not isinstance(kinds, list):
        yield f"kinds must be a list of patterns of columns, not {kinds!r:.60}."
    for kind in kinds if isinstance(kinds, list) else []:
        yield from _wrong_where("kinds", kind)
        if isinstance(kind, dict) and "part" in kind:
            yield "kinds are of settings, which have no part. Leave it out."
    if "access" in entry:
        yield from _wrong_access(entry["access"])
    if "frozen" in entry:
        yield from _wrong_frozen(entry["frozen"])
    forms = entry.get("forms", [])
    for one in forms if isinstance(forms, list) else [forms]:
        if not isinstance(one, dict) or set(one) != {"id", "says", "methods"}:
            yield f"forms has the keys id, methods, says, not {one!r:.60}."
        elif not isinstance(one["methods"], dict):
            yield f"forms.methods must be a mapping of methods, not {one['methods']!r:.60}."


def _wrong_frozen(frozen: Any) -> Iterator[str]:
    """Yield what is wrong with the line of a claim that book/freeze.py writes."""
    needed = {"digest", "settings", "time"}
    if not isinstance(frozen, dict) or not needed <= set(frozen) <= {*needed, "anew"}:
        yield f"frozen has the keys digest, settings, time, and may have anew, not {frozen!r:.60}."
        return
    for name in ("settings", "anew"):
        by_place = frozen.get(name, {})
        if not isinstance(by_place, dict) or not {_scale(place) for place in by_place} <= {*SCALES}:
            yield (
                f"frozen.{name} must be a mapping with keys of {', '.join(SCALES)}, or of these "
                f"and a data set, paper/cifar10, not {by_place!r:.60}. book/freeze.py writes it."
            )
            return
    anew = frozen.get("anew", {})
    for time in (frozen["time"], *anew.values()):
        if not _TIME.fullmatch(str(time)):
            yield (
                f"frozen.time must be in UTC and as records have it, to be compared with them, "
                f"2026-11-29T11:05:00+00:00, not {time!r:.60}. book/freeze.py writes it."
            )
            return
    if any(time < frozen["time"] for time in anew.values()):
        yield "frozen.anew is later than frozen.time."


def _scale(place: Any) -> str:
    """Return the scale of a place, which may name a data set too."""
    return str(place).partition("/")[0]


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
    if isinstance(where := test.get("where", {}), dict):
        yield from _wrong_where(f"{place}.where", where)
    borders = [test.get("at_least", -math.inf), test.get("at_most", math.inf)]
    if all(isinstance(end, int | float) for end in borders) and borders[0] > borders[1]:
        yield f"{place} allows nothing: at_least is {borders[0]} and at_most {borders[1]}."


def _wrong_where(place: str, where: Any) -> Iterator[str]:
    """Yield what is wrong with patterns of settings."""
    if not isinstance(where, dict):
        yield f"{place} must be patterns of columns, not {where!r:.60}."
        return
    for column, pattern in where.items():
        if column not in WHERE:
            yield f"{place} has no column {column}. {nearest(str(column), WHERE)}"
        if not isinstance(pattern, str):
            yield f"{place}.{column} must be a pattern, which is text, not {pattern!r:.60}."


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


def _unnamed(entry: Mapping[str, Any], claim: Claim) -> Iterator[str]:
    """Yield which methods a claim names that are nowhere in what it tests."""
    named = [{q.method for q in (t.left, t.right) if q} for t in (*claim.tests, *claim.given)]
    for i, methods in enumerate(named[: len(claim.tests)]):
        if claim.subject not in methods:
            yield (
                f"tests[{i}] is not about {claim.subject}, which the claim is about. Let it have "
                "that on one of its sides, name another method, or move the test to given."
            )
    for form in entry.get("forms", ()):
        for method in sorted(set(form["methods"]).difference(*named)):
            yield f"the form '{form['id']}' replaces {method}, which no test has. Name another."


def _claims(entry: Mapping[str, Any]) -> Iterator[Claim]:
    """Yield a claim from its YAML mapping, and its other forms."""
    own = {"part": entry["part"]}
    fields = {name: value for name, value in entry.items() if name != "forms"}
    for name in ("tests", "given"):
        fields[name] = tuple(_inequality(test, own) for test in entry.get(name, ()))
    fields["kinds"] = tuple(entry.get("kinds", ()))
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
