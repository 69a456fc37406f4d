"""A claim in each setting: the share of its models decides, and two controls.

A setting is a data set, a network, a request and the hyper-parameters of the claim's method. In it
the claim holds in k of n trained models, and the exact interval of that share decides. The same
count is made with the original, which must fail, and with a second retrained model, which must
pass, in the place of the method: a test that these do not tell apart has no power.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .claims import Claim
from .measurements import DIVERGED, FRESH, Measured, Number, Trained
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


def quantities(claim: Claim) -> Iterator[Quantity]:
    """Yield what a claim and its controls are about."""
    for one in (claim, *(claim.about({claim.subject: name}, free=True) for name in CONTROLS)):
        for test in (*one.tests, *one.given):
            yield from filter(None, (test.left, test.right))
            for name in (test.origin, *CONTROLS, "Retrain"):
                yield Quantity(name, test.left.metric, test.left.split)


def judged(claim: Claim, numbers: Measured) -> list[Setting]:
    """Return the verdict on a claim in each setting of its method that has runs."""
    return [
        _setting(claim, numbers, models, params, dials)
        for params, dials, models in _models(claim, numbers)
    ]


def _models(
    claim: Claim, numbers: Measured
) -> Iterator[tuple[str, Mapping[str, Any], list[Trained]]]:
    """Yield the hyper-parameters of the claim's method in a setting, and the models of it."""
    dials: dict[tuple[str, ...], Mapping[str, Any]] = {}
    models: dict[tuple[str, ...], set[Trained]] = {}
    for test in claim.tests:
        own = next(q for q in (test.left, test.right) if q and q.method == claim.subject)
        for metric, split in ((own.metric, own.split), (DIVERGED, "")):
            runs = numbers.get((test.where["part"], own.method, metric, split), {})
            for model, ones in runs.items():
                for one in ones:
                    if test.fits(**model.place) and one.has(own.params):
                        key = (*model.place.values(), one.params)
                        dials[key] = one.dials
                        models.setdefault(key, set()).add(model)
    for key, ones_dials in dials.items():
        yield key[-1], ones_dials, sorted(models[key])


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
    counted: dict[str, Share] = {}
    if not claim.controls:
        for control in CONTROLS:
            stands_in = claim.about({claim.subject: control}, free=True)
            counted[control] = Look(numbers, look.used).share(
                _without_access(stands_in), models, {}
            )
    verdict, why = _verdict(claim, own, counted)
    total = sum(look.uncounted.values()) + own.n
    lost = [f"{reason} in {count} of {total}" for reason, count in look.uncounted.items()]
    if verdict == UNTESTED:
        why = ", ".join(lost)
    details = [f"holds in {own} models", *lost] if own.n else lost
    if own.k < own.n and len(claim.tests) > 1:
        alone = ", ".join(str(look.alone[i]) for i in range(look.tests))
        details.append(f"its inequalities, one by one, in {alone}")
    if own.n:
        details.append(_controls(claim, counted))
        details.append(why if verdict == UNDECIDED else "")
    first = models[0]
    return Setting(
        dataset=first.dataset, model=first.model, request=first.request, params=params,
        verdict=verdict, detail="; ".join(filter(None, details)), why=why, holds=own,
        original=counted.get(ORIGINAL), oracle=counted.get(ORACLE),
        doubts=_doubts(claim, models, look.used) if own.n else (),
        stale=any(one.stale for one in look.used),
    )  # fmt: skip


def _without_access(claim: Claim) -> Claim:
    """Return a claim with tests alone: what a control sees is not what the claim is about."""
    return Claim(claim.id, claim.part, claim.sentence, claim.source, tests=claim.tests,
                 given=claim.given, method=claim.method)  # fmt: skip


def _controls(claim: Claim, controls: Mapping[str, Share]) -> str:
    """Return what the controls did, in words."""
    if claim.controls:
        return f"no controls: {claim.controls}"
    return ", ".join(
        f"{CONTROLS[name]} passes in {share}" if share.n else f"{CONTROLS[name]} has no records"
        for name, share in controls.items()
    )


def _verdict(claim: Claim, own: Share, controls: Mapping[str, Share]) -> tuple[str, str]:
    """Return the verdict in one setting from the counts, and why it is no plainer one."""
    if own.n == 0:
        return UNTESTED, ""
    if own.n < FEWEST:
        return UNDECIDED, f"fewer than {FEWEST} models decide nothing"
    if claim.controls:
        return own.word, ""
    for name, share in controls.items():
        if share.n < FEWEST:
            few = f"{share.n} records of" if share.n else "no records of"
            return UNDECIDED, f"{few} its control, {CONTROLS[name]}"
    original, oracle = controls.values()
    if original.word == NOT and oracle.word == REPRODUCED:
        return own.word, ""
    return NO_POWER, _controls(claim, controls)


def _doubts(claim: Claim, models: Sequence[Trained], used: Sequence[Number]) -> tuple[str, ...]:
    """Return why a verdict is exploratory; nothing if it is confirming."""
    doubts = [claim.unfrozen] if claim.unfrozen else []
    if claim.frozen and not doubts and any(one.date[:10] < claim.frozen.date for one in used):
        doubts.append(
            f"some runs are older than the claim, which was frozen on {claim.frozen.date}"
        )
    if any(model.seed_model < FRESH for model in models):
        doubts.append(f"seeds below {FRESH} served the search")
    return tuple(doubts)
