"""Freeze claims: write into data/claims.yaml since when nothing that decides them was changed.

    python book/freeze.py jit-class ssd-class
    python book/freeze.py jit-random --at workstation/cifar10

Each claim that is named gets the time (UTC), the digest of its entry, and for every scale and data
set that of the settings that decide it there: the parameters of its page, and of every page and
`PAGE.*.yaml` whose runs its tests are about, all but seeds, remarks and worth, and of the methods
those that the claim names; the controls have no settings. A claim that was frozen is frozen anew;
with `--at` there alone, where nothing else was changed (a claim that its page judges has scales).
Verdicts are confirming if all of their runs are later, and of seeds that no search has seen.
"""

import argparse
import hashlib
import json
import re
import sys
from argparse import RawDescriptionHelpFormatter as Raw
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from unlearnlib import Grid
from unlearnlib.cache import atomic
from unlearnlib.errors import SpecError
from unlearnlib.fields import nearest
from unlearnlib.methods import METHODS
from unlearnlib.report.claims import WHERE
from unlearnlib.report.claims_file import digest, read_claims
from unlearnlib.report.presentation import presented
from unlearnlib.report.scales import SCALES
from unlearnlib.report.settings import CONTROLS
from unlearnlib.runs.mapping import mapping, values
from unlearnlib.runs.records import read_all
from unlearnlib.sweep.parameters import UNKNOWN, parameters_of

ROOT = Path(__file__).resolve().parent.parent
CLAIMS = ROOT / "data" / "claims.yaml"
_REMARKS = ("note", "worth")
LONGEST = 10
"""Ways from the original to a retrained model: a border further off is one in per cent."""


def settings_of(entry: Mapping[str, Any], notebooks: Path = ROOT / "notebooks") -> dict[str, str]:
    """Return the digests, by place, of what decides a claim's numbers there, all but seeds.

    Of a claim with tests these are the parameters of its page, and of every page and file whose
    runs its tests are about, and a place is a scale and a data set. Of one that its page judges
    they are those of the page, and of the files beside it, which say what differs at their scale.
    A method that the claim does not name may join them; the page's own computation may be about
    any of them.
    """
    page = entry.get("page")
    if not page:
        return {}
    declared = dict(_declared(notebooks))
    if (name := f"{page}.ipynb") not in declared:
        sys.exit(
            f"There is no page '{page}'. A page is named by its path in notebooks/ without the "
            "suffix, such as jit/full_class."
        )
    own, named = declared[name], methods_of(entry)
    if computed := [name for name, one in own.items() if one is UNKNOWN]:
        sys.exit(
            f"The parameters {', '.join(computed)} of {page} are computed, so that no digest tells "
            "whether they were changed. Write their values."
        )
    at: dict[str, dict[str, Any]] = {}
    for path, setting in declared.items():
        if path == name:
            decides = own
        elif entry.get("tests"):
            decides = _grid_of(setting, named) if _is_tested_on(entry, setting) else {}
        else:
            decides = own | setting if path.startswith(f"{page}.") else {}
        for place in _places(decides, by_dataset=bool(entry.get("tests"))) if decides else ():
            at.setdefault(place, {})[path] = {
                key: _of_methods(key, value, named)
                for key, value in decides.items()
                if "seed" not in key and key not in _REMARKS
            }
    order = sorted(at, key=lambda place: (SCALES.index(place.partition("/")[0]), place))
    texts = {place: json.dumps(at[place], sort_keys=True, default=str) for place in order}
    return {place: hashlib.sha256(text.encode()).hexdigest()[:12] for place, text in texts.items()}


def _places(decides: Mapping[str, Any], *, by_dataset: bool) -> list[str]:
    """Return where settings decide: at a scale, or at it on each of their data sets."""
    scale = str(decides.get("scale", SCALES[0]))
    datasets = sorted(str(v) for k, v in decides.items() if "dataset" in k) if by_dataset else []
    return [f"{scale}/{dataset}" for dataset in dict.fromkeys(datasets)] or [scale]


def _declared(notebooks: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what every page and every file of parameters declares, by its path."""
    for path in sorted((*notebooks.rglob("*.ipynb"), *notebooks.rglob("*.*.yaml"))):
        yield path.relative_to(notebooks).as_posix(), dict(_read(path, path.read_bytes()))


@cache
def _read(path: Path, _: bytes) -> dict[str, Any]:
    """Return what a page or a file declares; it is read once while its bytes are the same."""
    if path.suffix == ".yaml":
        return mapping(path)
    return {name: one.default for name, one in parameters_of(path).items()}


def _is_tested_on(entry: Mapping[str, Any], setting: Mapping[str, Any]) -> bool:
    """Return whether a test of the claim is about runs of what a page or a file declares."""
    if setting.get("scale") == "search" or "part" not in setting:
        return False
    words = {
        "part": [setting["part"]],
        "request": [w for v in setting.values() if isinstance(v, list) for w in v],
        **{k: [v for name, v in setting.items() if k in name] for k in ("dataset", "model")},
    }
    return any(
        all(
            any(fnmatchcase(str(word), str(pattern)) for word in words[column])
            for column, pattern in {"part": entry["part"], **test.get("where", {})}.items()
        )
        for test in (*entry["tests"], *entry.get("given", ()))
    )


def _grid_of(setting: Mapping[str, Any], named: set[str]) -> dict[str, Any]:
    """Return what decides the runs of the named methods; nothing if there is none of these."""
    methods = {k: v for k, v in setting.items() if k.endswith("methods")}
    if not any(_of_methods(k, v, named) for k, v in methods.items()):
        return {}
    grid = {field.name for field in fields(Grid)} | {"classes"}
    return {k: v for k, v in setting.items() if k in grid} | methods


def _of_methods(key: str, value: Any, named: set[str]) -> Any:
    """Return the value of a parameter, and of methods those that are named, if any are."""
    if not named or not key.endswith("methods"):
        return value
    return {name: dials for name, dials in value.items() if name in named}


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


def _line(entry: Mapping[str, Any], places: Sequence[str], now: str) -> str:
    """Return the line of a claim that is frozen now, everywhere or at these places."""
    told: dict[str, Any] = {"time": now, "digest": digest(entry), "settings": settings_of(entry)}
    if places:
        old, name = entry.get("frozen"), entry["id"]
        if not old or old["digest"] != told["digest"]:
            sys.exit(
                f"'{name}' is not frozen, or was changed since. Freeze it whole, without --at; no "
                "run that is there confirms it then."
            )
        was, now_is = old["settings"], told["settings"]
        if strange := [place for place in places if place not in {**was, **now_is}]:
            sys.exit(
                f"'{name}' has no settings at {', '.join(strange)}. It has some at "
                f"{', '.join({**was, **now_is})}."
            )
        moved = [place for place in {**was, **now_is} if was.get(place) != now_is.get(place)]
        if others := [place for place in moved if place not in places]:
            also = " ".join(f"--at {place}" for place in others)
            sys.exit(f"The settings of '{name}' were changed elsewhere too. Add: {also}")
        if same := [place for place in places if place not in moved]:
            sys.exit(f"'{name}' has the settings at {', '.join(same)} with which it was frozen.")
        told["time"], told["anew"] = old["time"], old.get("anew", {}) | dict.fromkeys(places, now)
    return f"  frozen: {_flow(told)}\n"


def _flow(value: Any) -> str:
    """Return a mapping of mappings and words as YAML on one line."""
    if isinstance(value, str):
        return f'"{value}"'
    return "{" + ", ".join(f"{key}: {_flow(one)}" for key, one in value.items()) + "}"


def main(arguments: list[str]) -> None:
    """Freeze the claims that are named; the file stays as it was if one of them cannot be."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=Raw)
    reader.add_argument("claims", nargs="*", metavar="CLAIM")
    reader.add_argument(
        "--at", action="append", default=[], metavar="SCALE/DATASET",
        help="a place whose settings alone were changed; may be given several times",
    )  # fmt: skip
    options = reader.parse_args(arguments)
    if not options.claims:
        sys.exit('Name the claims to freeze: make freeze CLAIM="jit-class ssd-class".')
    try:
        read_claims(CLAIMS)
    except SpecError as error:
        sys.exit(f"Nothing is frozen: {error}")
    entries: dict[str, dict[str, Any]] = {entry["id"]: entry for entry in values(CLAIMS)}
    if unknown := sorted(set(options.claims) - set(entries)):
        sys.exit(f"No claim is called {', '.join(unknown)}. Known are: {', '.join(entries)}.")
    if wrong := [*misspelt([entries[name] for name in options.claims])]:
        sys.exit("\n".join(["Nothing is frozen:", *wrong]))
    text, now = CLAIMS.read_text("utf-8"), datetime.now(UTC).isoformat(timespec="seconds")
    for name in options.claims:
        text = frozen(text, name, _line(entries[name], options.at, now))
    with atomic(CLAIMS) as temporary:
        temporary.write_text(text, "utf-8")
        try:
            read_claims(temporary)
        except SpecError as error:
            sys.exit(f"Nothing is frozen, since {CLAIMS.name} could not be read then: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
