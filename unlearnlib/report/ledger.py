"""The ledger: whether the records bear out what each paper claims.

The form of a claim, and how its file is read, are in `claims`. An inequality of a claim is judged
in every (dataset, model, request, hyper-parameters) by the 95 % t-interval of the mean over runs
paired by seed. A claim about an effect may demand first that there is one: `given` is an inequality
of the same form, and settings in which its mean does not hold are left out.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..errors import SpecError
from .claims import Claim, read_claims
from .rows import outdated
from .summary import SETTING

SCALES = ("laptop", "workstation", "paper")
REPRODUCED, PARTLY, NOT, UNTESTED = (
    "reproduced",
    "partly",
    "not reproduced",
    "cannot be tested here",
)
CLAIM_GLYPHS = {REPRODUCED: "●", PARTLY: "◐", NOT: "○", UNTESTED: "–"}


class Judgement(NamedTuple):
    """The verdict on a claim at one scale.

    Attributes:
        verdict: reproduced, partly, not reproduced or cannot be tested here.
        detail: What it rests on.
        stale: It rests on a run whose method does something else now.
    """

    verdict: str
    detail: str
    stale: bool = False


_NO_RECORDS = Judgement(UNTESTED, "no records at this scale")


def judge(claim: Claim, table: pd.DataFrame) -> Judgement:
    """Return the verdict on `claim` from the records of one scale, and what it rests on.

    reproduced: the whole interval satisfies every inequality in every setting. partly: some do, or
    a mean does and its interval does not (always so at n = 1), or some tests have no records.
    not reproduced: no mean satisfies its inequality. A setting in which a run has no number is
    judged neither way, and one of them leaves no more than partly.
    """
    if claim.untestable:
        return Judgement(UNTESTED, claim.untestable)
    if claim.access is not None:
        return _judge_access(*claim.access, table)
    tests = [test.settings(table) for test in claim.tests]
    if pd.concat(tests).empty:
        return _NO_RECORDS
    if claim.given is not None:
        premise = claim.given.settings(table)
        tests = [_where_met(premise, settings) for settings in tests]
        if pd.concat(tests).empty:
            stale = bool(premise["stale"].any())
            none = f"its premise holds in none of {len(premise)} settings"
            return Judgement(UNTESTED, none + _on_stale(premise), stale)
    return _judge_settings(tests)


def _where_met(premise: pd.DataFrame, settings: pd.DataFrame) -> pd.DataFrame:
    """Return the settings in which the mean of the premise holds, or is not known.

    Where it is not known the setting has no number either; where it is stale the setting is too.
    """
    on = [*SETTING, "params"]
    premise = premise.assign(unknown=premise["mean"].isna(), old=premise["stale"])
    met = premise[premise["leans"] | premise["unknown"]]
    known = met.groupby(on).agg(unknown=("unknown", "all"), old=("old", "any"))
    rows = settings.merge(known.reset_index(), on=on)
    stale = rows["stale"] | rows["old"]
    return rows.assign(mean=rows["mean"].mask(rows["unknown"]), stale=stale)


def _judge_settings(tests: Sequence[pd.DataFrame]) -> Judgement:
    """Return the verdict from the settings of each test, of which there is at least one."""
    every = pd.concat(tests)
    stale = bool(every["stale"].any())
    rows = every[every["mean"].notna()]
    unknown = f"no number in {len(every) - len(rows)} of {len(every)} settings"
    if rows.empty:
        return Judgement(UNTESTED, unknown + _on_stale(every), stale)
    inside, leans, total = int(rows["inside"].sum()), int(rows["leans"].sum()), len(rows)
    fewest, most = int(rows["n"].min()), int(rows["n"].max())
    without = sum(settings.empty for settings in tests)
    detail = f"interval holds in {inside}, mean in {leans} of {total}; n = {fewest}"
    if most > fewest:
        detail += f" to {most}"
    if without:
        detail += f"; {without} of {len(tests)} tests without records"
    if total < len(every):
        detail += f"; {unknown}"
    detail += _on_stale(every)
    if leans == 0:
        return Judgement(NOT, detail, stale)
    whole = inside == len(every) and not without
    return Judgement(REPRODUCED if whole else PARTLY, detail, stale)


def _on_stale(settings: pd.DataFrame) -> str:
    """Return in how many of the settings there are stale runs, to end a detail; "" if in none."""
    stale = int(settings["stale"].sum())
    return f"; stale runs in {stale} of {len(settings)} settings" if stale else ""


def _judge_access(method: str, only: frozenset[str], table: pd.DataFrame) -> Judgement:
    """Return whether a method saw nothing but what it may have seen."""
    runs = table[table["method"] == method]
    if runs.empty:
        return _NO_RECORDS
    seen = {name for text in runs["access"].unique() for name in str(text).split(", ") if name}
    beyond = sorted(seen - only)
    if beyond:
        verdict, detail = NOT, f"{method} also saw {', '.join(beyond)}"
    else:
        count = runs["run_id"].nunique()
        verdict, detail = REPRODUCED, f"{method} saw {', '.join(sorted(seen))} in {count} runs"
    if old := outdated(runs):
        detail += f"; {old}"
    return Judgement(verdict, detail, bool(old))


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
            the pages are computed live; what they read from records, as `id@scale`, under theirs.
        claims: The claims; those of `data/claims.yaml` if None.
        part: Only the claims of this part; all if "".

    Returns:
        id, part, sentence, source, page, scale, verdict, glyph, detail, stale: one row a
        (claim, scale).

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
                judgement = _judge_cell(claim.id, scale, cells)
            elif scale in tables or claim.untestable:
                judgement = judge(claim, tables.get(scale, pd.DataFrame()))
            else:
                judgement = _NO_RECORDS
            verdict, detail, stale = judgement
            judged = {"scale": scale, "verdict": verdict, "glyph": CLAIM_GLYPHS[verdict]}
            rows.append({**names, **judged, "detail": detail, "stale": stale})
    return pd.DataFrame(rows)


def verdicts_on(table: pd.DataFrame, scale: str, *about: str) -> pd.DataFrame:
    """Return the verdicts at one scale on some of the claims, as :func:`ledger` does.

    Args:
        table: Records of this scale.
        scale: laptop, workstation or paper.
        about: The claims: pages that they belong to, or what their ids begin with.

    Raises:
        SpecError: There is no claim of one of these, or the scale is unknown.
    """
    claims = read_claims()
    for name in about:
        if not any(_is_about(claim, name) for claim in claims):
            raise SpecError(f"No claim is of the page '{name}', and no id begins with it.")
    chosen = [claim for claim in claims if any(_is_about(claim, name) for name in about)]
    verdicts = ledger({scale: table}, claims=chosen)
    return verdicts[verdicts["scale"] == scale]


def _is_about(claim: Claim, name: str) -> bool:
    return claim.page == name or claim.id.startswith(name)


def truth(value: object) -> bool:
    """Tell whether what a page computed is True or False; NaN, say, is neither."""
    return isinstance(value, bool | np.bool_)


def _judge_cell(name: str, scale: str, cells: Mapping[str, bool]) -> Judgement:
    """Return the verdict that a page computed."""
    key = name if scale == "laptop" else f"{name}@{scale}"
    if key in cells:
        return Judgement(REPRODUCED if cells[key] else NOT, "computed on its page")
    if key == name:
        return Judgement(UNTESTED, "its page was not run")
    return Judgement(UNTESTED, "a toy without scale: see laptop")


def glance(frame: pd.DataFrame) -> pd.DataFrame:
    """Return how many claims of each part have which verdict at each scale.

    Returns:
        part, scale, the number of each verdict, and `stale`: how many of them rest on stale runs.
    """
    parts = frame.groupby(["part", "scale"], sort=False)
    counts = parts["verdict"].value_counts().unstack(fill_value=0)
    counts = counts.reindex(columns=list(CLAIM_GLYPHS), fill_value=0)
    return counts.assign(stale=parts["stale"].sum()).reset_index()
