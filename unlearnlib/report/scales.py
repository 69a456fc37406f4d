"""A claim at one scale: it has a word there if its settings agree, and else it depends."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .claims import Claim, fits
from .settings import Setting
from .verdicts import CLAIM_GLYPHS, DEPENDS, NO_POWER, NOT, REPRODUCED, UNDECIDED, UNTESTED

SCALES = ("laptop", "workstation", "paper")


def at_scale(claim: Claim, scale: str, settings: Sequence[Setting]) -> dict[str, Any]:
    """Return verdict, detail, shares, exploratory and stale of a claim from its settings there."""
    if claim.untestable:
        return _row(UNTESTED, claim.untestable)
    if settings:
        return _together(claim, settings)
    if not claim.cell:
        return _row(UNTESTED, "no records at this scale")
    here = scale == "laptop"
    return _row(UNTESTED, "its page was not run" if here else "its page has no such runs")


def _row(
    verdict: str, detail: str, settings: Sequence[Setting] = (), *, exact: bool = False
) -> dict[str, Any]:
    told = verdict != UNTESTED
    n = sum(one.holds.n for one in settings) if told and not exact else 0
    good = sum(one.verdict == REPRODUCED for one in settings)
    return {
        "verdict": verdict,
        "detail": detail,
        "share": f"{sum(one.holds.k for one in settings)}/{n}" if n else "",
        "settings": f"{good}/{len(settings)}" if settings and told else "",
        "exploratory": any(one.doubts for one in settings),
        "stale": any(one.stale for one in settings),
    }


def _together(claim: Claim, settings: Sequence[Setting]) -> dict[str, Any]:
    """Return the verdict from those of all settings at one scale.

    Settings without power, those that could not be tested, and those with too few trained
    models to decide anything are left out if others can tell.
    """
    kinds = [_telling(_of(kind, settings)) for kind in claim.kinds or ({},)]
    chosen = [one for kind in kinds for one in kind]
    word = _by_kind(kinds) if claim.kinds else _word(chosen)
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
    return _row(word, "; ".join(filter(None, detail)), chosen, exact=claim.exact)


def _telling(settings: Sequence[Setting]) -> Sequence[Setting]:
    """Return the settings that can tell; all if none can."""
    able = [one for one in settings if one.verdict not in (NO_POWER, UNTESTED)]
    enough = [one for one in able if not one.too_few]
    return enough or able or [one for one in settings if one.verdict == NO_POWER] or settings


def _word(settings: Sequence[Setting]) -> str:
    """Return the verdict that settings share, or that it depends."""
    words = {one.verdict for one in settings}
    return words.pop() if len(words) == 1 else DEPENDS


def _of(kind: Mapping[str, str], settings: Sequence[Setting]) -> Sequence[Setting]:
    """Return the settings of a kind, of a kind without patterns all."""
    return [one for one in settings if fits(kind, {name: getattr(one, name) for name in kind})]


def _by_kind(kinds: Sequence[Sequence[Setting]]) -> str:
    """Return the verdict on a claim about several kinds together: it fails if it fails in one.

    Where it fails in none, and one of them has no records, it cannot be tested.
    """
    words = [_word(settings) if settings else UNTESTED for settings in kinds]
    for word in (NOT, UNTESTED, NO_POWER, UNDECIDED, DEPENDS):
        if word in words:
            return UNDECIDED if word == NO_POWER else word
    return REPRODUCED


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
        why = "" if one.verdict == REPRODUCED else one.why
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
