"""The ledger: whether the records bear out what each paper claims.

How a claim is judged in one setting is in `models`. Here its settings are put together: a claim
has a word at a scale if they agree, and else it depends.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..errors import SpecError
from .claims import Claim, read_claims
from .models import (
    CLAIM_GLYPHS,
    DEPENDS,
    NO_POWER,
    NOT,
    REPRODUCED,
    UNDECIDED,
    UNTESTED,
    Measured,
    Setting,
    Share,
    judged,
    measured,
    quantities,
)

SCALES = ("laptop", "workstation", "paper")
Cell = bool | tuple[int, int]
"""What a page computes of a claim: in k of n models it holds; or, if it is exact, whether."""


def ledger(
    tables: Mapping[str, pd.DataFrame],
    *,
    cells: Mapping[str, Cell] | None = None,
    claims: Sequence[Claim] | None = None,
    part: str = "",
) -> pd.DataFrame:
    """Return the verdict on every claim at every scale.

    Args:
        tables: Records by scale; a scale that is missing has none. Each setting of a method's
            hyper-parameters is judged by itself, so sweeps are a part of their own.
        cells: What pages computed, by the id of the claim: (k, n), or a truth value of an exact
            one. It stands under the laptop scale; what they read from other records, as
            `id@scale`, under theirs.
        claims: The claims; those of `data/claims.yaml` if None.
        part: Only the claims of this part; all if "".

    Returns:
        One row a (claim, scale): id, part, sentence, source, page, scale, verdict, glyph, detail,
        share ("9/10" of the models of all settings that count, "" if there are none), exploratory,
        frozen (the date, "" if it is not, and whether it was changed since), stale.

    Raises:
        SpecError: `tables` or `cells` has an unknown scale, or `cells` an id that is no cell
            claim or a value that a claim cannot have.
    """
    claims, cells = _asked(tables, cells, claims, part)
    numbers = _measured(tables, claims)
    rows = []
    for claim in claims:
        names = {k: getattr(claim, k) for k in ("id", "part", "sentence", "source", "page")}
        since = ", changed since" if claim.changed else ""
        frozen = "" if claim.frozen is None else f"{claim.frozen.date}{since}"
        for scale in SCALES:
            one = _at_scale(claim, scale, numbers, cells)
            glyph = {"scale": scale, "glyph": CLAIM_GLYPHS[one["verdict"]]}
            rows.append({**names, **glyph, **one, "frozen": frozen})
    columns = ["id", "part", "sentence", "source", "page", "scale", "verdict", "glyph", "detail",
               "share", "exploratory", "frozen", "stale"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def by_setting(
    tables: Mapping[str, pd.DataFrame],
    *,
    cells: Mapping[str, Cell] | None = None,
    claims: Sequence[Claim] | None = None,
    part: str = "",
) -> pd.DataFrame:
    """Return the verdict on every claim in every setting that has runs.

    Args:
        tables: As of :func:`ledger`.
        cells: As of :func:`ledger`.
        claims: As of :func:`ledger`.
        part: As of :func:`ledger`.

    Returns:
        One row a (claim, scale, dataset, model, request, params): id, part, sentence, page, scale,
        dataset, model, request, params, verdict, glyph, k, n (it holds in k of n models),
        original_k, original_n, oracle_k, oracle_n (the same of its controls, 0 of 0 where it has
        none), exploratory, stale, detail. What a page computed has no data set, model and request.

    Raises:
        SpecError: As of :func:`ledger`.
    """
    claims, cells = _asked(tables, cells, claims, part)
    numbers = _measured(tables, claims)
    rows = []
    for claim in claims:
        for scale in SCALES:
            settings = judged(claim, numbers.get(scale, {}))
            if claim.cell and (cell := cells.get(_key(claim.id, scale))) is not None:
                settings = [_of_cell(claim, cell)]
            for one in settings:
                none = Share(0, 0)
                rows.append((
                    claim.id, claim.part, claim.sentence, claim.page, scale,
                    one.dataset, one.model, one.request, one.params,
                    one.verdict, CLAIM_GLYPHS[one.verdict], *one.holds,
                    *(one.original or none), *(one.oracle or none),
                    bool(one.doubts), one.stale, one.detail,
                ))  # fmt: skip
    columns = [
        "id", "part", "sentence", "page", "scale", "dataset", "model", "request", "params",
        "verdict", "glyph", "k", "n", "original_k", "original_n", "oracle_k", "oracle_n",
        "exploratory", "stale", "detail",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).astype({"exploratory": bool, "stale": bool})


def _asked(
    tables: Mapping[str, pd.DataFrame],
    cells: Mapping[str, Cell] | None,
    claims: Sequence[Claim] | None,
    part: str,
) -> tuple[list[Claim], Mapping[str, Cell]]:
    """Return the claims that are asked for, and the cells; or complain about what is unknown."""
    claims = read_claims() if claims is None else claims
    cells = cells or {}
    named = {name.partition("@")[2] for name in cells if "@" in name}
    strange = (set(tables) | named) - set(SCALES)
    by_id = {claim.id: claim for claim in claims if claim.cell}
    stray = {name.partition("@")[0] for name in cells} - set(by_id)
    if strange or stray:
        raise SpecError(
            f"The ledger does not know the scales {sorted(strange)} or the cell claims "
            f"{sorted(stray)}. Scales: {', '.join(SCALES)}; cell claims are those of claims.yaml "
            "with 'cell: true'."
        )
    if unsure := [name for name, value in cells.items() if not is_cell(value)]:
        raise SpecError(
            f"What was computed for {unsure} is no verdict. Give (k, n), in how many of how many "
            "models it holds, or True or False where a claim is exact."
        )
    return [claim for claim in claims if not part or claim.part == part], cells


def _measured(tables: Mapping[str, pd.DataFrame], claims: Sequence[Claim]) -> dict[str, Measured]:
    """Return the numbers of each scale that the claims are about."""
    wanted = [quantity for claim in claims for quantity in quantities(claim)]
    full = {scale: table for scale, table in tables.items() if wanted and not table.empty}
    return {scale: measured(table, wanted) for scale, table in full.items()}


def _at_scale(
    claim: Claim, scale: str, numbers: Mapping[str, Measured], cells: Mapping[str, Cell]
) -> dict[str, Any]:
    """Return verdict, detail, share, exploratory and stale of a claim at one scale."""
    if claim.untestable:
        return _row(UNTESTED, claim.untestable)
    if claim.cell:
        cell = cells.get(_key(claim.id, scale))
        if cell is not None:
            return _together(claim, [_of_cell(claim, cell)])
        here = scale == "laptop"
        return _row(UNTESTED, "its page was not run" if here else "its page has no such runs")
    return _together(claim, judged(claim, numbers.get(scale, {})))


def _row(verdict: str, detail: str, settings: Sequence[Setting] = ()) -> dict[str, Any]:
    n = sum(one.holds.n for one in settings)
    return {
        "verdict": verdict,
        "detail": detail,
        "share": f"{sum(one.holds.k for one in settings)}/{n}" if n else "",
        "exploratory": any(one.doubts for one in settings),
        "stale": any(one.stale for one in settings),
    }


def _together(claim: Claim, settings: Sequence[Setting]) -> dict[str, Any]:
    """Return the verdict from those of all settings at one scale.

    Settings without power, and those that could not be tested, are left out if others can tell.
    """
    if not settings:
        return _row(UNTESTED, "no records at this scale")
    able = [one for one in settings if one.verdict not in (NO_POWER, UNTESTED)]
    weak = [one for one in settings if one.verdict == NO_POWER]
    chosen = able or weak or settings
    words = {one.verdict for one in chosen}
    word = words.pop() if len(words) == 1 else DEPENDS
    lacking = _lacking(claim, settings)
    if lacking and word == REPRODUCED:
        word = UNDECIDED
    detail = [settings[0].detail] if len(settings) == 1 else _by_verdict(claim, settings)
    if lacking:
        detail.append(f"no records of {', '.join(lacking)}")
    if doubts := dict.fromkeys(doubt for one in chosen for doubt in one.doubts):
        detail.append(f"exploratory: {', '.join(doubts)}")
    if old := sum(one.stale for one in chosen):
        detail.append(f"stale runs in {old} of {len(chosen)} settings")
    return _row(word, "; ".join(filter(None, detail)), chosen)


def _lacking(claim: Claim, settings: Sequence[Setting]) -> list[str]:
    """Return the kinds of settings that a claim is about too, and that have no records."""
    kinds = [
        " ".join(pattern for name, pattern in test.where.items() if name != "part")
        for test in claim.tests
        if not any(
            test.fits(dataset=one.dataset, model=one.model, request=one.request) for one in settings
        )
    ]
    return list(dict.fromkeys(kinds))


def _by_verdict(claim: Claim, settings: Sequence[Setting]) -> list[str]:
    """Return the settings of each verdict in words, and why it is not a plainer one."""
    lines: dict[tuple[str, str], list[str]] = {}
    for one in settings:
        why = "" if one.verdict in (REPRODUCED, NOT) else one.why
        lines.setdefault((one.verdict, why), []).append(_told(one, settings))
    detail = [
        f"{verdict}: {', '.join(places)}" + (f" ({why})" if why else "")
        for word in CLAIM_GLYPHS
        for (verdict, why), places in lines.items()
        if verdict == word
    ]
    return [*detail, f"no controls: {claim.controls}"] if claim.controls else detail


def _told(setting: Setting, settings: Sequence[Setting]) -> str:
    """Return where a setting is, as far as that tells it from the others, and its count."""
    places = [(one.request, one.dataset, one.model) for one in settings]
    own = (setting.request, setting.dataset, setting.model)
    varies = [len({place[i] for place in places}) > 1 for i in range(len(own))]
    words = [text for text, told in zip(own, varies, strict=True) if told]
    if places.count(own) > 1:
        alike = [one for one, place in zip(settings, places, strict=True) if place == own]
        words.append(_dials(setting, alike))
    return f"{' '.join(words)} {setting.holds.k}/{setting.holds.n}"


def _dials(setting: Setting, alike: Sequence[Setting]) -> str:
    """Return of a setting's hyper-parameters those that differ in others: "(lr 0.1, sigma 2)"."""
    others = [json.loads(one.params) for one in alike]
    mine = json.loads(setting.params)
    told = [k for k, v in mine.items() if any(other.get(k) != v for other in others)]
    return f"({', '.join(f'{name} {mine[name]}' for name in told)})"


def _of_cell(claim: Claim, cell: Cell) -> Setting:
    """Return the verdict that a page computed."""
    doubts: tuple[str, ...] = ()
    if isinstance(cell, tuple):
        share = Share(*cell)
        word, detail = share.word, f"holds in {share} models, computed on its page"
    else:
        share = Share(int(cell), 1)
        word, detail = (REPRODUCED if cell else NOT), "exact, computed on its page"
        if not claim.exact:
            word, detail = UNDECIDED, "computed on its page, which says not of how many models"
    if not claim.exact:
        if claim.frozen is None:
            doubts = ("the claim is not frozen",)
        elif claim.changed:
            doubts = (f"the claim was changed after it was frozen on {claim.frozen.date}",)
    return Setting(
        "",
        "",
        "",
        "",
        word,
        detail,
        "",
        share,
        original=None,
        oracle=None,
        doubts=doubts,
        stale=False,
    )


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


def _key(name: str, scale: str) -> str:
    return name if scale == "laptop" else f"{name}@{scale}"


def is_cell(value: object) -> bool:
    """Tell whether what a page computed is a verdict: (k, n), or True or False; NaN is none."""
    if isinstance(value, tuple | list) and len(value) == 2:
        k, n = value
        return all(isinstance(one, int | np.integer) for one in value) and 0 <= k <= n > 0
    return isinstance(value, bool | np.bool_)


def glance(frame: pd.DataFrame) -> pd.DataFrame:
    """Return how many claims of each part have which verdict at each scale.

    Returns:
        part, scale, the number of each verdict, and `stale`: how many of them rest on stale runs.
    """
    parts = frame.groupby(["part", "scale"], sort=False)
    counts = parts["verdict"].value_counts().unstack(fill_value=0)
    counts = counts.reindex(columns=list(CLAIM_GLYPHS), fill_value=0)
    return counts.assign(stale=parts["stale"].sum()).reset_index()
