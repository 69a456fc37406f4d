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

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ..errors import SpecError
from .claim import Claim, Inequality, read_claims
from .summary import SETTING

__all__ = ["Claim", "Inequality", "glance", "judge", "ledger", "read_claims", "truth"]

SCALES = ("laptop", "workstation", "paper")
REPRODUCED, PARTLY, NOT, UNTESTED = (
    "reproduced",
    "partly",
    "not reproduced",
    "cannot be tested here",
)
GLYPHS = {REPRODUCED: "●", PARTLY: "◐", NOT: "○", UNTESTED: "–"}


def judge(claim: Claim, table: pd.DataFrame) -> tuple[str, str]:
    """Return the verdict on `claim` from the records of one scale, and what it rests on.

    reproduced: the whole interval satisfies every inequality in every setting. partly: some do, or
    a mean does and its interval does not (always so at n = 1), or some tests have no records.
    not reproduced: no mean satisfies its inequality. A setting in which a run has no number is
    judged neither way, and one of them leaves no more than partly.
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
        premise = premise.assign(unknown=premise["mean"].isna())
        met = premise[premise["leans"] | premise["unknown"]]
        met = met.groupby([*SETTING, "params"]).agg(unknown=("unknown", "all")).reset_index()
        found = [rows.merge(met, on=[*SETTING, "params"]) for rows in found]
        found = [rows.assign(mean=rows["mean"].mask(rows["unknown"])) for rows in found]
    every = pd.concat(found)
    if every.empty:
        return UNTESTED, f"its premise holds in none of {len(premise)} settings"
    rows = every[every["mean"].notna()]
    unknown = f"no number in {len(every) - len(rows)} of {len(every)} settings"
    if rows.empty:
        return UNTESTED, unknown
    inside, leans, total = int(rows["inside"].sum()), int(rows["leans"].sum()), len(rows)
    fewest, most = int(rows["n"].min()), int(rows["n"].max())
    lacking = sum(part.empty for part in found)
    detail = f"interval holds in {inside}, mean in {leans} of {total}; n = {fewest}"
    detail += f" to {most}" * (most > fewest)
    if lacking:
        detail += f"; {lacking} of {len(found)} tests without records"
    if total < len(every):
        detail += f"; {unknown}"
    if leans == 0:
        return NOT, detail
    whole = inside == len(every) and not lacking
    return (REPRODUCED if whole else PARTLY), detail


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
        SpecError: `tables` or `cells` has an unknown scale, or `cells` an id that is no cell
            claim or a value that is neither true nor false.
    """
    claims = read_claims() if claims is None else claims
    cells = cells or {}
    named = {name.partition("@")[2] for name in cells if "@" in name}
    strange = (set(tables) | named) - set(SCALES)
    stray = {name.partition("@")[0] for name in cells} - {c.id for c in claims if c.cell}
    if strange or stray:
        raise SpecError(
            f"The ledger does not know the scales {sorted(strange)} or the cell claims "
            f"{sorted(stray)}. Scales: {', '.join(SCALES)}; cell claims are those of claims.yaml "
            "with 'cell: true'."
        )
    if unsure := [name for name, value in cells.items() if not truth(value)]:
        raise SpecError(f"What was computed for {unsure} is neither True nor False.")
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


def truth(value: object) -> bool:
    """Tell whether what a page computed is True or False; NaN, say, is neither."""
    return isinstance(value, bool | np.bool_)


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
