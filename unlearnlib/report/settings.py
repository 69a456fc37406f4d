"""A claim in each setting: the share of its models decides, and two controls.

A setting is a data set, a network, a request and the hyper-parameters of the claim's method. In it
the claim holds in k of n trained models, and the exact interval of that share decides. The same
count is made with the original and with a second retrained model in the place of the method. That
the method passes says something where the original fails and the retrained model passes. That it
fails says something as far as the retrained model passes: what that fails too is left out. Else
the test has no power, as it has none where the originals do not know their training set by heart.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import isnan, nan
from typing import Any

from .claims import Claim
from .headroom import MEMORISED
from .measurements import DIVERGED, FRESH, SEARCHED, Measured, Number, Trained
from .models import Look
from .summary import FEWEST, Quantity
from .verdicts import NO_POWER, NOT, REPRODUCED, UNDECIDED, UNTESTED, Share

ORIGINAL, ORACLE = "Original", "Retrain again"
CONTROLS = {ORIGINAL: "the original", ORACLE: "a second retrained model"}


@dataclass(frozen=True)
class Setting:
    """A claim in one setting.

    Attributes:
        dataset: Name of the data set.
        model: Name of the network.
        request: The request.
        params: The hyper-parameters of the claim's method, as JSON.
        verdict: One of `CLAIM_GLYPHS`.
        detail: What it rests on.
        why: What keeps it from being plainly one or the other; "" if nothing does.
        holds: In how many models the claim holds.
        original: The same with the original in the place of the method; None without controls.
        oracle: The same with a second retrained model.
        doubts: Why the verdict is exploratory; none if it is confirming.
        stale: It rests on a run whose method does something else now.
        too_few: It decides nothing, since there are too few trained models.
    """

    dataset: str
    model: str
    request: str
    params: str
    verdict: str
    detail: str
    why: str
    holds: Share
    original: Share | None
    oracle: Share | None
    doubts: tuple[str, ...]
    stale: bool
    too_few: bool = False


def quantities(claim: Claim) -> Iterator[Quantity]:
    """Yield what a claim and its controls are about."""
    for one in (claim, *(claim.about({claim.subject: name}, free=True) for name in CONTROLS)):
        for test in (*one.tests, *one.given):
            yield from filter(None, (test.left, test.right))
            for name in (test.origin, *CONTROLS, "Retrain"):
                yield Quantity(name, test.left.metric, test.left.split)
    yield from _KNOWN


def judged(claim: Claim, numbers: Measured) -> list[Setting]:
    """Return the verdict on a claim in each setting of its method that has runs."""
    return [
        _setting(claim, numbers, models, params, dials)
        for params, dials, models in _models(claim, numbers)
    ]


def _models(
    claim: Claim, numbers: Measured
) -> Iterator[tuple[str, Mapping[str, Any], list[Trained]]]:
    """Yield the hyper-parameters of the claim's method in a setting, and the models of it.

    Where a request has runs that are later than the freeze of the claim, the older ones, which
    were looked at before, are left out.
    """
    dials: dict[tuple[str, ...], Mapping[str, Any]] = {}
    models: dict[tuple[str, ...], set[Trained]] = {}
    ones = list(_own(claim, numbers))
    confirming = {model[:3] for model, one in ones if one.date >= claim.since}
    for model, one in ones:
        if one.date >= claim.since or model[:3] not in confirming:
            key = (*model.place.values(), one.params)
            dials[key] = one.dials
            models.setdefault(key, set()).add(model)
    for key, ones_dials in dials.items():
        yield key[-1], ones_dials, sorted(models[key])


def _own(claim: Claim, numbers: Measured) -> Iterator[tuple[Trained, Number]]:
    """Yield what is measured of the claim's own method, by the trained model."""
    for test in claim.tests:
        own = next(q for q in (test.left, test.right) if q and q.method == claim.subject)
        for metric, split in ((own.metric, own.split), (DIVERGED, "")):
            runs = numbers.get((test.where["part"], own.method, metric, split), {})
            for model, ones in runs.items():
                if test.fits(**model.place):
                    yield from ((model, one) for one in ones if one.has(own.params))


def _setting(
    claim: Claim,
    numbers: Measured,
    models: list[Trained],
    params: str,
    dials: Mapping[str, Any],
) -> Setting:
    """Return the verdict on a claim in one setting."""
    look = Look(numbers)
    own = look.share(claim, models, dials)
    controls: dict[str, Look] = {}
    if not claim.controls:
        for control in CONTROLS:
            stands_in = claim.about({claim.subject: control}, free=True)
            controls[control] = Look(numbers, look.used)
            controls[control].share(_without_access(stands_in), models, {})
    counted = {name: control.all() for name, control in controls.items()}
    known = 1.0 if claim.controls else _known(claim, numbers, models)
    verdict, why = _verdict(claim, look, controls, known)
    total = sum(look.uncounted.values()) + own.n
    lost = [f"{reason} in {count} of {total}" for reason, count in look.uncounted.items()]
    if verdict == UNTESTED:
        why = ", ".join(lost)
    details = [f"holds in {own} models", *lost] if own.n else lost
    alone = [look.passing([i]) for i in range(look.tests)]
    if own.k < own.n and len(alone) > 1:
        each = ", ".join(str(share.k) for share in alone)
        details.append(f"its inequalities, one by one, in {each}")
    if own.n:
        details.append(_controls(claim, counted))
        details.append(why if verdict in (UNDECIDED, NOT) or known < MEMORISED else "")
    first = models[0]
    return Setting(
        dataset=first.dataset, model=first.model, request=first.request, params=params,
        verdict=verdict, detail="; ".join(filter(None, details)), why=why, holds=own,
        original=counted.get(ORIGINAL), oracle=counted.get(ORACLE),
        doubts=_doubts(claim, models, look.used) if own.n else (),
        stale=any(one.stale for one in look.used),
        too_few=why == _TOO_FEW and len(models) < FEWEST,
    )  # fmt: skip


def _without_access(claim: Claim) -> Claim:
    """Return a claim with tests alone: what a control sees is not what the claim is about."""
    return Claim(claim.id, claim.part, claim.sentence, claim.source, tests=claim.tests,
                 given=claim.given, method=claim.method, frozen=claim.frozen,
                 changed=claim.changed)  # fmt: skip


def _controls(claim: Claim, controls: Mapping[str, Share]) -> str:
    """Return what the controls did, in words, or why there are none."""
    return f"no controls: {claim.controls}" if claim.controls else told_of(controls)


def told_of(controls: Mapping[str, Share]) -> str:
    """Return what the controls did, in words."""
    return ", ".join(
        f"{CONTROLS[name]} passes in {share}" if share.n else f"{CONTROLS[name]} has no records"
        for name, share in controls.items()
    )


def _known(claim: Claim, numbers: Measured, models: Sequence[Trained]) -> float:
    """Return the least accuracy of an original on a part of its training set; NaN if unknown."""
    parts = {test.where["part"] for test in claim.tests if test.fits(**models[0].place)}
    values = [
        number.value
        for part, q in product(parts, _KNOWN)
        for model in models
        for number in numbers.get((part, q.method, q.metric, q.split), {}).get(model, ())
    ]
    return min((value for value in values if not isnan(value)), default=nan)


_TOO_FEW = f"fewer than {FEWEST} models decide nothing"
_KNOWN = tuple(Quantity(ORIGINAL, "accuracy", split) for split in ("forget", "retain"))


def _verdict(
    claim: Claim, look: Look, controls: Mapping[str, Look], known: float
) -> tuple[str, str]:
    """Return the verdict in one setting from the counts, and why it is no plainer one."""
    own = look.all()
    if own.n == 0:
        return UNTESTED, ""
    if claim.exact:
        some = UNDECIDED, f"it is exact, and holds in {own} models"
        return {0: (NOT, ""), own.n: (REPRODUCED, "")}.get(own.k, some)
    if own.n < FEWEST:
        return UNDECIDED, _TOO_FEW
    if claim.controls:
        return own.word, ""
    for name, control in controls.items():
        if (n := control.all().n) < FEWEST:
            few = f"{n} records of" if n else "no records of"
            return UNDECIDED, f"{few} its control, {CONTROLS[name]}"
    if isnan(known):
        return UNDECIDED, "no record of what the originals know of their training set"
    if known < MEMORISED:
        return NO_POWER, (
            f"an original knows {known:.1%} of a part of its training set, and below "
            f"{MEMORISED:.0%} not to know is no sign of having forgotten"
        )
    original, oracle = controls.values()
    told = [i for i in range(oracle.tests) if oracle.passing([i]).word == REPRODUCED]
    if (failed := look.passing(told)).word == NOT:
        return NOT, "" if len(told) == oracle.tests else _by_some(told, failed)
    if original.all().word == NOT and oracle.all().word == REPRODUCED:
        return own.word, ""
    return NO_POWER, _controls(claim, {name: one.all() for name, one in controls.items()})


def _by_some(told: Sequence[int], failed: Share) -> str:
    """Return by which inequalities a method failed."""
    which = ", ".join(str(i + 1) for i in told)
    kind = "inequality" if len(told) == 1 else "inequalities"
    passes = "which a second retrained model passes, and the method"
    return f"judged by its {kind} {which}, {passes} in {failed}"


def _doubts(claim: Claim, models: Sequence[Trained], used: Sequence[Number]) -> tuple[str, ...]:
    """Return why a verdict is exploratory; nothing if it is confirming."""
    of_search = any(model.seed_model < FRESH for model in models)
    return (*claim.doubts(one.date for one in used), *((SEARCHED,) if of_search else ()))
