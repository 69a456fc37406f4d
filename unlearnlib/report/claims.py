"""The ledger: what each paper claims, and whether the records bear it out.

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

An inequality is judged in every (dataset, model, request, hyper-parameters) by the 95 % t-interval
of the mean over runs paired by seed. A claim about an effect may demand first that there is one:
`given` is an inequality of the same form, and settings in which its mean does not hold are left
out. Besides `tests` a claim may have `access` (a method saw these
names only), `cell` (a page computes it) or `untestable` (why it cannot be tested).
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import SpecError
from ..locations import data_folder
from .summary import SETTING, Quantity, away, differences

SCALES = ("laptop", "workstation", "paper")
REPRODUCED, PARTLY, NOT, UNTESTED = (
    "reproduced",
    "partly",
    "not reproduced",
    "cannot be tested here",
)
SLACK = 1e-9  # 0.77 - 0.8 is not -0.03 in binary
GLYPHS = {REPRODUCED: "●", PARTLY: "◐", NOT: "○", UNTESTED: "–"}


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
        SpecError: A claim has an unknown key, no test, or an id used twice.
    """
    import yaml

    path = path or data_folder() / "claims.yaml"
    claims = tuple(_claim(entry) for entry in yaml.safe_load(path.read_text("utf-8")))
    twice = [name for name, count in Counter(claim.id for claim in claims).items() if count > 1]
    if twice:
        raise SpecError(f"{path.name} uses the id '{twice[0]}' twice. Give each claim its own.")
    return claims


def _claim(entry: Mapping[str, Any]) -> Claim:
    """Build one claim from its YAML mapping, with errors that name it."""
    name = entry.get("id", "without id")
    kinds = [k for k in ("tests", "access", "cell", "untestable") if entry.get(k)]
    if len(kinds) != 1:
        raise SpecError(
            f"Claim '{name}' has {' and '.join(kinds) or 'no test'}, but a claim is judged in "
            "exactly one way. Give it one of: tests, access, cell, untestable."
        )
    try:
        fields = dict(entry)
        own = {"part": str(fields["part"])}
        fields["tests"] = tuple(_inequality(test, own) for test in fields.get("tests", ()))
        if "given" in fields:
            fields["given"] = _inequality(fields["given"], own)
        if "access" in fields:
            only = fields["access"]["only"]
            fields["access"] = (str(fields["access"]["method"]), frozenset(only))
        return Claim(**fields)
    except (TypeError, KeyError, AttributeError) as error:
        raise SpecError(
            f"Claim '{name}' cannot be read: {error}. The keys are those of "
            "unlearnlib.report.claims; see the head of that file for an example."
        ) from error


def _inequality(entry: Mapping[str, Any], own: Mapping[str, str]) -> Inequality:
    """Build one inequality; it is about the records of its claim's `own` part unless it says so."""
    fields = dict(entry)
    fields["where"] = {**own, **fields.get("where", {})}
    if "at_least" not in fields and "at_most" not in fields:
        raise TypeError("a test has neither at_least nor at_most")
    left = fields.pop("left")
    right = fields.pop("right", None)
    pair = (Quantity(**left), Quantity(**{**left, **right}) if right else None)
    return Inequality(*pair, **fields)


def judge(claim: Claim, table: pd.DataFrame) -> tuple[str, str]:
    """Return the verdict on `claim` from the records of one scale, and what it rests on.

    reproduced: the whole interval satisfies every inequality in every setting. partly: some do, or
    a mean does and its interval does not (always so at n = 1), or some tests have no records.
    not reproduced: no mean satisfies its inequality.
    """
    if claim.untestable:
        return UNTESTED, claim.untestable
    if claim.access is not None:
        return _judge_access(*claim.access, table)
    found = [test.settings(table) for test in claim.tests]
    if pd.concat(found).empty:
        return UNTESTED, "no records at this scale"
    if claim.given is not None:
        premise = claim.given.settings(table)
        met = premise.loc[premise["leans"], [*SETTING, "params"]]
        found = [rows.merge(met, on=[*SETTING, "params"]) for rows in found]
    rows = pd.concat(found)
    if rows.empty:
        return UNTESTED, f"its premise holds in none of {len(premise)} settings"
    inside, leans, total = int(rows["inside"].sum()), int(rows["leans"].sum()), len(rows)
    fewest, most = int(rows["n"].min()), int(rows["n"].max())
    lacking = sum(part.empty for part in found)
    detail = f"interval holds in {inside}, mean in {leans} of {total}; n = {fewest}"
    detail += f" to {most}" * (most > fewest)
    if lacking:
        detail += f"; {lacking} of {len(found)} tests without records"
    if leans == 0:
        return NOT, detail
    return (REPRODUCED if inside == total and not lacking else PARTLY), detail


def _judge_access(method: str, only: frozenset[str], table: pd.DataFrame) -> tuple[str, str]:
    runs = table[table["method"] == method]
    if runs.empty:
        return UNTESTED, "no records at this scale"
    seen = {name for text in runs["access"].unique() for name in str(text).split(", ") if name}
    beyond = sorted(seen - only)
    if beyond:
        return NOT, f"{method} also saw {', '.join(beyond)}"
    return REPRODUCED, f"{method} saw {', '.join(sorted(seen))} in {runs['run_id'].nunique()} runs"


def ledger(
    tables: Mapping[str, pd.DataFrame],
    *,
    cells: Mapping[str, bool] | None = None,
    claims: Sequence[Claim] | None = None,
    part: str = "",
) -> pd.DataFrame:
    """Return the verdict on every claim at every scale.

    Args:
        tables: Records by scale; a scale that is missing has none. Each setting of a method's
            hyper-parameters is judged by itself, so sweeps are a part of their own.
        cells: What pages computed, by the id of the claim. It stands under the laptop scale, where
            the pages are computed live; what they found in records, as `id@scale`, under theirs.
        claims: The claims; those of `data/claims.yaml` if None.
        part: Only the claims of this part; all if "".

    Returns:
        id, part, sentence, source, page, scale, verdict, glyph, detail: one row a (claim, scale).

    Raises:
        SpecError: `tables` has an unknown scale, or `cells` an id that is no cell claim.
    """
    claims = read_claims() if claims is None else claims
    cells = cells or {}
    strange = set(tables) - set(SCALES)
    stray = {name.partition("@")[0] for name in cells} - {c.id for c in claims if c.cell}
    if strange or stray:
        raise SpecError(
            f"The ledger does not know the scales {sorted(strange)} or the cell claims "
            f"{sorted(stray)}. Scales: {', '.join(SCALES)}; cell claims are those of claims.yaml "
            "with 'cell: true'."
        )
    rows = []
    for claim in (claim for claim in claims if not part or claim.part == part):
        names = {k: getattr(claim, k) for k in ("id", "part", "sentence", "source", "page")}
        for scale in SCALES:
            if claim.cell:
                verdict, detail = _judge_cell(claim.id, scale, cells)
            elif scale in tables or claim.untestable:
                verdict, detail = judge(claim, tables.get(scale, pd.DataFrame()))
            else:
                verdict, detail = UNTESTED, "no records at this scale"
            judged = {"scale": scale, "verdict": verdict, "glyph": GLYPHS[verdict]}
            rows.append({**names, **judged, "detail": detail})
    return pd.DataFrame(rows)


def _judge_cell(name: str, scale: str, cells: Mapping[str, bool]) -> tuple[str, str]:
    key = name if scale == "laptop" else f"{name}@{scale}"
    if key not in cells:
        none = "its page was not run" if key == name else "a toy without scale: see laptop"
        return UNTESTED, none
    return (REPRODUCED if cells[key] else NOT), "computed on its page"


def glance(frame: pd.DataFrame) -> pd.DataFrame:
    """Return how many claims of each part have which verdict at each scale."""
    counts = frame.groupby(["part", "scale"], sort=False)["verdict"].value_counts()
    return counts.unstack(fill_value=0).reindex(columns=list(GLYPHS), fill_value=0).reset_index()
