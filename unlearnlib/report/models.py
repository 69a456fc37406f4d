"""A claim in every trained model by itself, and its verdict in each setting.

A setting is a data set, a network, a request and the hyper-parameters of the claim's method. In it
the claim holds in k of n trained models, and the exact interval of that share decides. The same
count is made with the original, which must fail, and with a second retrained model, which must
pass, in the place of the method: a test that these do not tell apart has no power.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any, NamedTuple

import pandas as pd

from ..runs.records import hyper_parameters
from .claims import Claim, Inequality
from .rows import once, row_dicts
from .summary import FEWEST, Quantity, share_interval

REPRODUCED, DEPENDS, UNDECIDED, NOT, NO_POWER, UNTESTED = (
    "reproduced",
    "depends",
    "undecided",
    "not reproduced",
    "no power here",
    "cannot be tested here",
)
CLAIM_GLYPHS = {
    REPRODUCED: "●", DEPENDS: "◐", UNDECIDED: "?", NOT: "○", NO_POWER: "∅", UNTESTED: "–",
}  # fmt: skip
HALF = 0.5
FRESH = 10
"""Settings are searched with the seeds below; verdicts come from the seeds from here on."""
ORIGINAL, ORACLE = "Original", "Retrain again"
CONTROLS = {ORIGINAL: "the original", ORACLE: "a second retrained model"}
DIVERGED = "diverged"


class Trained(NamedTuple):
    """One trained model, with the request on it."""

    dataset: str
    model: str
    request: str
    seed_model: int
    seed_request: int


class Number(NamedTuple):
    """A measurement on a trained model, the mean over the seeds of the method.

    Attributes:
        value: NaN if one of these has no number.
        params: The hyper-parameters, as JSON.
        dials: The same by name.
        access: What the method saw.
        stale: One of the runs is of a method that does something else now.
        date: When the first of the runs was made; "" if that is not known.
    """

    value: float
    params: str
    dials: Mapping[str, Any]
    access: str
    stale: bool
    date: str


Measured = Mapping[tuple[str, str, str, str], Mapping[Trained, Sequence[Number]]]
"""Numbers by part, method, metric and split, and in each by the trained model."""


def measured(table: pd.DataFrame, wanted: Collection[Quantity]) -> Measured:
    """Return what is in records of one scale of some quantities, whatever its hyper-parameters.

    Where a request has runs with fresh seeds, those with the seeds of searches are left out.
    """
    names = {(q.method, q.metric, q.split) for q in wanted}
    names |= {(q.method, DIVERGED, "") for q in wanted}
    methods, metrics, splits = map(set, zip(*names, strict=True))
    few = table[table["method"].isin(methods) & table["metric"].isin(metrics)]
    rows = once(few[few["split"].isin(splits)])
    dials = _dials_of(rows)
    if "date" not in rows:
        rows = rows.assign(date="")
    columns = [rows[name].to_list() for name in _COLUMNS]
    newest: dict[tuple[str, ...], int] = {}
    for *request, seed in zip(*(rows[name].to_list() for name in _PLACE), strict=True):
        newest[tuple(request)] = max(newest.get(tuple(request), 0), seed)
    runs: dict[tuple[tuple[str, str, str, str], Trained, str], list[tuple[Any, ...]]] = {}
    for part, method, metric, split, *place, params, value, access, stale, date in zip(
        *columns, strict=True
    ):
        model = Trained(*place)
        searched = model.seed_model < FRESH <= newest[(part, *model[:3])]
        if (method, metric, split) in names and not searched:
            one = ((part, method, metric, split), model, params)
            runs.setdefault(one, []).append((value, access, stale, str(date)))
    found: dict[tuple[str, str, str, str], dict[Trained, list[Number]]] = {}
    for (what, model, params), ones in runs.items():
        values, accesses, stales, dates = zip(*ones, strict=True)
        number = Number(fmean(values), params, dials[params], accesses[0], any(stales), min(dates))
        found.setdefault(what, {}).setdefault(model, []).append(number)
    return found


_PLACE = ("part", "dataset", "model", "request", "seed_model")
_COLUMNS = (
    "part", "method", "metric", "split", *Trained._fields, "params", "value", "access", "stale",
    "date",
)  # fmt: skip


def _dials_of(rows: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the hyper-parameters by name of each text of them."""
    names = hyper_parameters(rows)
    return {
        row["params"]: {name: row[name] for name in names if row[name] == row[name]}
        for row in row_dicts(rows.drop_duplicates("params")[["params", *names]])
    }


class Share(NamedTuple):
    """In how many of how many models something holds."""

    k: int
    n: int

    @property
    def word(self) -> str:
        """Reproduced if the whole interval is above one half, not if it is below, or undecided."""
        low, high = share_interval(self.k, self.n)
        if low > HALF:
            return REPRODUCED
        return NOT if high < HALF else UNDECIDED

    def __str__(self) -> str:
        """Return "9 of 10"."""
        return f"{self.k} of {self.n}"


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


@dataclass
class _Look:
    """One look at some models: what was read, and why some do not count."""

    numbers: Measured
    used: list[Number] = field(default_factory=list)
    uncounted: Counter[str] = field(default_factory=Counter)
    alone: Counter[int] = field(default_factory=Counter)
    tests: int = 0

    def share(self, claim: Claim, models: Sequence[Trained], dials: Mapping[str, Any]) -> Share:
        """Return in how many of `models` a claim holds, whose method has these `dials`."""
        place = _place(models[0])  # that of all: they are of one setting
        claim = replace(
            claim,
            method=claim.subject,
            tests=tuple(test for test in claim.tests if test.fits(**place)),
            given=tuple(test for test in claim.given if test.fits(**place)),
        )
        verdicts = [self._holds(claim, one, dials) for one in models]
        self.uncounted.update(verdict for verdict in verdicts if isinstance(verdict, str))
        known = [verdict for verdict in verdicts if isinstance(verdict, bool)]
        return Share(sum(known), len(known))

    def _holds(self, claim: Claim, model: Trained, dials: Mapping[str, Any]) -> bool | str:
        """Tell whether a claim holds in one model, or why that is not known."""
        part = claim.tests[0].where["part"]
        subject = Quantity(claim.subject, DIVERGED)
        if self._read(part, subject, model, claim, dials):
            return False
        premises = [self._inside(test, claim, model, dials) for test in claim.given]
        if premises and True not in premises:
            return "the premise does not hold" if False in premises else str(premises[0])
        results = [self._inside(test, claim, model, dials) for test in claim.tests]
        if unknown := [result for result in results if isinstance(result, str)]:
            return unknown[0]
        self.tests = len(claim.tests)
        self.alone.update(i for i, result in enumerate(results) if result)
        if claim.access is not None:
            seen = self._read(part, claim.tests[0].left, model, claim, dials)
            results += [set(filter(None, one.access.split(", "))) <= claim.access for one in seen]
        return all(results)

    def _inside(
        self, test: Inequality, claim: Claim, model: Trained, dials: Mapping[str, Any]
    ) -> bool | str:
        """Tell whether the quantities of a test are within its borders in one model."""
        what, part = test.left, test.where["part"]
        wanted = [what] if test.right is None else [what, test.right]
        if test.origin:
            wanted.append(Quantity(test.origin, what.metric, what.split))
        if test.way:
            wanted += [Quantity(name, what.metric, what.split) for name in ("Original", "Retrain")]
        sides = [self._read(part, quantity, model, claim, dials) for quantity in wanted]
        for quantity, side in zip(wanted, sides, strict=True):
            told = " ".join(filter(None, [quantity.metric, quantity.split]))
            if not side:
                return f"no run of {quantity.method} with {told}"
            if any(one.value != one.value for one in side):
                return f"{told} of {quantity.method} has no number"
        results = []
        for values in _products([[one.value for one in side] for side in sides]):
            value = _value(test, values)
            if value is None:
                return "original and retrained do not differ" if test.way else "divided by 0"
            results.append(test.allows(value))
        return all(results)

    def _read(
        self,
        part: str,
        quantity: Quantity,
        model: Trained,
        claim: Claim,
        dials: Mapping[str, Any],
    ) -> list[Number]:
        """Return the numbers of a quantity in one model: one for each setting of its method.

        The claim's own method is looked at with `dials`, except for those that the quantity names.
        """
        ones = self.numbers.get((part, quantity.method, quantity.metric, quantity.split), {})
        wanted = _plain(quantity.params)
        if quantity.method == claim.subject:
            wanted = {**dials, **wanted}
        found = [one for one in ones.get(model, ()) if _has(one, wanted)]
        self.used += found
        return found


def _products(sides: Sequence[Sequence[float]]) -> Iterator[tuple[float, ...]]:
    """Yield every combination of one value of each side."""
    if not sides:
        yield ()
        return
    for value in sides[0]:
        for others in _products(sides[1:]):
            yield (value, *others)


def _value(test: Inequality, values: Sequence[float]) -> float | None:
    """Return what a test compares with its borders; None if it would be divided by nothing."""
    left, *others = values
    if test.way:
        original, retrained = others
        return (left - original) / (retrained - original) if retrained != original else None
    right = others[0] if test.right is not None else None
    if test.origin:
        left = abs(left - others[-1])
        right = abs(right - others[-1]) if right is not None else None
    if right is None:
        return left
    if test.ratio:
        return left / right if right else None
    return left - right


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
                    if test.fits(**_place(model)) and _has(one, _plain(own.params)):
                        key = (*_place(model).values(), one.params)
                        dials[key] = one.dials
                        models.setdefault(key, set()).add(model)
    for key, ones_dials in dials.items():
        yield key[-1], ones_dials, sorted(models[key])


def _place(model: Trained) -> dict[str, str]:
    return {"dataset": model.dataset, "model": model.model, "request": model.request}


def _plain(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return hyper-parameters as the table of records has them."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in params.items()}


def _has(one: Number, wanted: Mapping[str, Any]) -> bool:
    return all(name in one.dials and one.dials[name] == wanted[name] for name in wanted)


def _setting(
    claim: Claim,
    numbers: Measured,
    models: list[Trained],
    params: str,
    dials: Mapping[str, Any],
) -> Setting:
    """Return the verdict on a claim in one setting."""
    look = _Look(numbers)
    own = look.share(claim, models, dials)
    counted: dict[str, Share] = {}
    if not claim.controls:
        for control in CONTROLS:
            stands_in = claim.about({claim.subject: control}, free=True)
            counted[control] = _Look(numbers, look.used).share(
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
    doubts = []
    if claim.frozen is None:
        doubts.append("the claim is not frozen")
    elif claim.changed:
        doubts.append(f"the claim was changed after it was frozen on {claim.frozen.date}")
    elif any(one.date[:10] < claim.frozen.date for one in used):
        doubts.append(
            f"some runs are older than the claim, which was frozen on {claim.frozen.date}"
        )
    if any(model.seed_model < FRESH for model in models):
        doubts.append(f"seeds below {FRESH} served the search")
    return tuple(doubts)
