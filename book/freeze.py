"""Freeze claims: write into data/claims.yaml since when nothing that decides them was changed.

    python book/freeze.py jit-class ssd-class

Each claim that is named gets the time (UTC), the digest of its entry, and that of the settings of
its page at every scale: the parameters in the notebook and in its `PAGE.*.yaml`, all but seeds,
remarks and worth, and of the methods those that the claim names; the controls have no settings. A
claim that was frozen is frozen anew. Verdicts are confirming if all of their runs are later, and of
seeds that no search has seen.
"""

import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from unlearnlib.cache import atomic
from unlearnlib.errors import SpecError
from unlearnlib.fields import nearest
from unlearnlib.methods import METHODS
from unlearnlib.report.claims import WHERE
from unlearnlib.report.claims_file import digest, read_claims
from unlearnlib.report.presentation import presented
from unlearnlib.report.settings import CONTROLS
from unlearnlib.runs.mapping import mapping, values
from unlearnlib.runs.records import read_all
from unlearnlib.sweep.parameters import UNKNOWN, parameters_of

ROOT = Path(__file__).resolve().parent.parent
CLAIMS = ROOT / "data" / "claims.yaml"
LONGEST = 10
"""Ways from the original to a retrained model: a border further off is one in per cent."""


def settings_of(entry: Mapping[str, Any], notebooks: Path = ROOT / "notebooks") -> str:
    """Return the digest of what decides a claim's numbers at every scale, all but seeds.

    A method that the claim does not name may join its page; the page's own computation may be about
    any of them.
    """
    page = entry["page"]
    if not (notebooks / f"{page}.ipynb").is_file():
        sys.exit(
            f"There is no page '{page}'. A page is named by its path in notebooks/ without the "
            "suffix, such as jit/full_class."
        )
    declared = parameters_of(notebooks / f"{page}.ipynb")
    if computed := [name for name, one in declared.items() if one.default is UNKNOWN]:
        sys.exit(
            f"The parameters {', '.join(computed)} of {page} are computed, so that no digest tells "
            "whether they were changed. Write their values."
        )
    at = {"": {name: one.default for name, one in declared.items()}}
    folder, name = (notebooks / page).parent, Path(page).name
    at |= {path.name: mapping(path) for path in sorted(folder.glob(f"{name}.*.yaml"))}
    named = methods_of(entry)
    decide = {
        scale: {
            k: {m: dials for m, dials in v.items() if m in named} if k == "methods" and named else v
            for k, v in setting.items()
            if "seed" not in k and k not in ("note", "worth")
        }
        for scale, setting in at.items()
    }
    text = json.dumps(decide, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def sides_of(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what the inequalities of a claim compare."""
    tests = [*entry.get("tests", ()), *entry.get("given", ())]
    return [test[side] for test in tests for side in ("left", "right") if side in test]


def methods_of(entry: Mapping[str, Any]) -> set[str]:
    """Return the methods that the tests of a claim and its forms are about, controls left out."""
    origins = [test.get("origin") for test in (*entry.get("tests", ()), *entry.get("given", ()))]
    forms = [method for form in entry.get("forms", ()) for method in form["methods"].values()]
    sides = [side.get("method") for side in sides_of(entry)]
    return {*sides, *origins, *forms} - {None, "Retrain", *CONTROLS}


@cache
def names_in(notebooks: Path) -> dict[str, set[str]]:
    """Return what a claim may name, by its kind: on a page, in one of its files, in a record."""
    given = [
        *({k: v.default for k, v in parameters_of(p).items()} for p in notebooks.rglob("*.ipynb")),
        *map(mapping, notebooks.rglob("*.*.yaml")),
    ]
    rows = read_all("laptop")
    columns = {
        column: {*rows[column], *_each(given, column), *_each(given, f"{column}s")}
        for column in ("metric", "split", *WHERE)
    }
    return columns | {
        "method": {m for m in _each(given, "methods") if "=" not in m},  # no trials of searches
        "params": {field.name for method in METHODS.values() for field in fields(method)},
    }


def misspelt(
    entries: Sequence[Mapping[str, Any]], notebooks: Path = ROOT / "notebooks"
) -> Iterator[str]:
    """Yield what claims name that is on no page and in no record, and borders in another unit."""
    known = names_in(notebooks)
    for entry in entries:
        who, sides = f"'{entry['id']}'", sides_of(entry)
        asked = {k: {side[k] for side in sides if k in side} for k in ("metric", "split")}
        asked |= {"method": methods_of(entry) - {*CONTROLS}, "part": {entry["part"]}}
        asked["params"] = {name for side in sides for name in side.get("params", ())}
        for kind, names in asked.items():
            for name in sorted(names - known[kind]):
                near = nearest(name, sorted(known[kind]))
                yield f"{who} names the {kind} '{name}', which is nowhere. {near}"
        tests = [*entry.get("tests", ()), *entry.get("given", ())]
        for where in (*entry.get("kinds", ()), *(test.get("where", {}) for test in tests)):
            for column, pattern in where.items():
                if not any(fnmatchcase(value, pattern) for value in known[column]):
                    near = nearest(pattern, sorted(known[column]))
                    yield f"{who} is about the {column} '{pattern}', which fits nothing. {near}"
        yield from (f"{who}: {fault}" for test in tests for fault in _wrong_unit(test))


def _each(given: Sequence[Mapping[str, Any]], name: str) -> set[str]:
    """Return the words that a parameter holds, or is, on any page and in any of its files."""
    values = (one.get(name) or () for one in given)
    return {w for v in values for w in ([v] if isinstance(v, str) else v) if isinstance(w, str)}


def _wrong_unit(test: Mapping[str, Any]) -> Iterator[str]:
    """Yield which borders are beyond what the quantity can be, such as per cent for a share."""
    metric = test["left"]["metric"]
    low, high = presented(metric).bounds
    if "right" in test and not test.get("origin"):
        low, high = low - high, high - low  # of a difference
    of = f"a share of {metric}" if high == 1 else metric
    if test.get("way"):
        low, high, of = -LONGEST, LONGEST, "a share of the way"
    for name in ("at_least", "at_most"):
        border = test.get(name)
        if border is not None and not test.get("ratio") and not low <= border <= high:
            yield (
                f"{name} is {border:g}, and {of} lies between {low:g} and {high:g}. Per cent and "
                f"points are hundredths: {border / 100:g}."
            )


def frozen(text: str, name: str, line: str) -> str:
    """Return the text of claims.yaml with a new line on since when a claim is frozen."""
    head = re.compile(rf"^- id: {re.escape(name)}\n(  frozen: .*\n)?", re.MULTILINE)
    changed, count = head.subn(f"- id: {name}\n{line}", text)
    if count != 1:
        sys.exit(f"{CLAIMS.name} has no claim '{name}' that begins with '- id: {name}'.")
    return changed


def main(names: list[str]) -> None:
    """Freeze the claims that are named; the file stays as it was if one of them cannot be."""
    if not names:
        sys.exit('Name the claims to freeze: make freeze CLAIM="jit-class ssd-class".')
    try:
        read_claims(CLAIMS)
    except SpecError as error:
        sys.exit(f"Nothing is frozen: {error}")
    entries: dict[str, dict[str, Any]] = {entry["id"]: entry for entry in values(CLAIMS)}
    if unknown := sorted(set(names) - set(entries)):
        sys.exit(f"No claim is called {', '.join(unknown)}. Known are: {', '.join(entries)}.")
    if wrong := [*misspelt([entries[name] for name in names])]:
        sys.exit("\n".join(["Nothing is frozen:", *wrong]))
    text, now = CLAIMS.read_text("utf-8"), datetime.now(UTC).isoformat(timespec="seconds")
    for name in names:
        entry = entries[name]
        own, settings = digest(entry), settings_of(entry) if entry.get("page") else ""
        text = frozen(
            text, name,
            f'  frozen: {{time: "{now}", digest: "{own}", settings: "{settings}"}}\n',
        )  # fmt: skip
    with atomic(CLAIMS) as temporary:
        temporary.write_text(text, "utf-8")
        try:
            read_claims(temporary)
        except SpecError as error:
            sys.exit(f"Nothing is frozen, since {CLAIMS.name} could not be read then: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
