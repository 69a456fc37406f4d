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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from unlearnlib.cache import atomic
from unlearnlib.errors import SpecError
from unlearnlib.fields import nearest
from unlearnlib.report.claims_file import digest, read_claims
from unlearnlib.report.settings import CONTROLS
from unlearnlib.runs.mapping import mapping, values
from unlearnlib.runs.records import read_all
from unlearnlib.sweep.parameters import UNKNOWN, parameters_of

ROOT = Path(__file__).resolve().parent.parent
CLAIMS = ROOT / "data" / "claims.yaml"


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


def misspelt(
    entries: Sequence[Mapping[str, Any]], notebooks: Path = ROOT / "notebooks"
) -> Iterator[str]:
    """Yield which methods and measurements of claims are on no page and in no record."""
    given = [
        *({k: v.default for k, v in parameters_of(p).items()} for p in notebooks.rglob("*.ipynb")),
        *map(mapping, notebooks.rglob("*.*.yaml")),
    ]
    named = {m for one in given for m in one.get("methods") or () if isinstance(m, str)}
    labels = sorted(m for m in named if "=" not in m)  # without the trials of searches
    rows = read_all("laptop")
    known = {"method": labels, **{k: sorted(rows[k].unique()) for k in ("metric", "split")}}
    for entry in entries:
        sides = sides_of(entry)
        asked = {k: {side[k] for side in sides if k in side} for k in ("metric", "split")}
        for kind, names in {"method": methods_of(entry), **asked}.items():
            for name in sorted(names - {*known[kind], *CONTROLS}):
                near = nearest(name, known[kind])
                yield f"'{entry['id']}' names the {kind} '{name}', which is nowhere. {near}"


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
