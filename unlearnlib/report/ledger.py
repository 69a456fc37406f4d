"""The ledger: whether the records bear out what each paper claims, at each scale and setting."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

import pandas as pd

from ..errors import SpecError
from .claims import Claim
from .claims_file import read_claims
from .handover import Cell, is_cell, of_cell
from .measurements import measured
from .scales import SCALES, at_scale
from .settings import Setting, judged, quantities
from .verdicts import CLAIM_GLYPHS, Share


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
        cells: What pages computed, by the id of the claim, as :func:`hand_over` returned it. It
            stands under the laptop scale; what they read from other records, as `id@scale`, under
            theirs.
        claims: The claims; those of `data/claims.yaml` if None.
        part: Only the claims of this part; all if "".

    Returns:
        One row a (claim, scale): id, part, sentence, source, page, scale, verdict, glyph, detail,
        share ("9/10" of the models of all settings that count, "" if there are none or it is
        exact), settings ("2/3": reproduced in two of the three that count), exploratory, frozen
        (when, in UTC, on which data sets later, and whether it was changed since; "" if it is
        not), stale, ours (no paper
        makes it), together (it is about kinds of settings together), exact (no model is drawn).

    Raises:
        SpecError: `tables` or `cells` has an unknown scale, or `cells` an id that is no cell
            claim or a value that a claim cannot have.
    """
    rows = []
    for claim, scale, settings in _judged(tables, *_asked(tables, cells, claims, part)):
        names = {k: getattr(claim, k) for k in ("id", "part", "sentence", "source", "page")}
        one = at_scale(claim, scale, settings)
        glyph = {"scale": scale, "glyph": CLAIM_GLYPHS[one["verdict"]]}
        kind = {"frozen": _since(claim, scale), "ours": claim.ours, "together": bool(claim.kinds)}
        kind |= {"exact": claim.exact}
        rows.append({**names, **glyph, **one, **kind})
    columns = ["id", "part", "sentence", "source", "page", "scale", "verdict", "glyph", "detail",
               "share", "settings", "exploratory", "frozen", "stale", "ours", "together",
               "exact"]  # fmt: skip
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
        none), exact (no model is drawn), exploratory, stale, detail. What a page computed has no
        data set, model and request.

    Raises:
        SpecError: As of :func:`ledger`.
    """
    rows, none = [], Share(0, 0)
    for claim, scale, settings in _judged(tables, *_asked(tables, cells, claims, part)):
        for one in settings:
            rows.append((
                claim.id, claim.part, claim.sentence, claim.page, scale,
                one.dataset, one.model, one.request, one.params,
                one.verdict, CLAIM_GLYPHS[one.verdict], *one.holds,
                *(one.original or none), *(one.oracle or none),
                claim.exact, bool(one.doubts), one.stale, one.detail,
            ))  # fmt: skip
    columns = [
        "id", "part", "sentence", "page", "scale", "dataset", "model", "request", "params",
        "verdict", "glyph", "k", "n", "original_k", "original_n", "oracle_k", "oracle_n",
        "exact", "exploratory", "stale", "detail",
    ]  # fmt: skip
    truths = dict.fromkeys(("exact", "exploratory", "stale"), bool)
    return pd.DataFrame(rows, columns=columns).astype(truths)


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
            f"What was computed for {unsure} is no verdict. Give hand_over (k, n), in how many of "
            "how many models it holds, or True or False where a claim is exact, and the ledger "
            "what that returns."
        )
    return [claim for claim in claims if not part or claim.part == part], cells


def _judged(
    tables: Mapping[str, pd.DataFrame], claims: Sequence[Claim], cells: Mapping[str, Cell]
) -> Iterator[tuple[Claim, str, list[Setting]]]:
    """Yield every claim at each scale, with its verdict in each setting there."""
    wanted = [quantity for claim in claims for quantity in quantities(claim)]
    full = {scale: table for scale, table in tables.items() if wanted and not table.empty}
    numbers = {
        (scale, str(dataset)): measured(rows, wanted)
        for scale, table in full.items()
        for dataset, rows in table.groupby("dataset")
    }
    for claim in claims:
        for scale in SCALES:
            name = claim.id if scale == "laptop" else f"{claim.id}@{scale}"
            cell = cells.get(name) if claim.cell else None
            if cell is None:
                at = {dataset: one for (where, dataset), one in numbers.items() if where == scale}
                each = (judged(claim.at(scale, dataset), one) for dataset, one in at.items())
                yield claim, scale, [*chain.from_iterable(each)]
            else:
                yield claim, scale, [of_cell(claim.at(scale), cell)]


def _since(claim: Claim, scale: str) -> str:
    """Return when a claim was frozen at a scale, and on which data sets later; "" if never."""
    if claim.frozen is None:
        return ""
    there, anew = (
        [place for place in places if place.partition("/")[0] == scale]
        for places in (claim.frozen.settings, claim.frozen.anew)
    )
    times = {"": claim.frozen.time} if not there or {*there} - {*anew} else {}
    times |= {place.partition("/")[2]: claim.frozen.anew[place] for place in anew}
    told = [f"{time[:16].replace('T', ' ')} {name}".rstrip() for name, time in times.items()]
    return ", ".join((*told, "changed since") if claim.changed else told)


def verdicts_on(
    table: pd.DataFrame, scale: str, *about: str, cells: Mapping[str, Cell] | None = None
) -> pd.DataFrame:
    """Return the verdicts at one scale on some of the claims, as :func:`ledger` does.

    Args:
        table: Records of this scale.
        scale: laptop, workstation or paper.
        about: The claims: pages that they belong to, or what their ids begin with.
        cells: What the page computed of them, as of :func:`ledger`.

    Raises:
        SpecError: There is no claim of one of these, or the scale is unknown.
    """
    claims = read_claims()
    for name in about:
        if not any(_is_about(claim, name) for claim in claims):
            raise SpecError(f"No claim is of the page '{name}', and no id begins with it.")
    chosen = [claim for claim in claims if any(_is_about(claim, name) for name in about)]
    verdicts = ledger({scale: table}, cells=cells, claims=chosen)
    return verdicts[verdicts["scale"] == scale]


def _is_about(claim: Claim, name: str) -> bool:
    return claim.page == name or claim.id.startswith(name)


def glance(frame: pd.DataFrame) -> pd.DataFrame:
    """Return how many claims of each part have which verdict at each scale.

    Returns:
        part, scale, the number of each verdict, and `stale`: how many of them rest on stale runs.
    """
    parts = frame.groupby(["part", "scale"], sort=False)
    counts = parts["verdict"].value_counts().unstack(fill_value=0)
    counts = counts.reindex(columns=list(CLAIM_GLYPHS), fill_value=0)
    return counts.assign(stale=parts["stale"].sum()).reset_index()
