"""A claim in every trained model by itself: in how many of how many it holds."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from .claims import Claim, Inequality
from .measurements import DIVERGED, Measured, Number, Trained
from .summary import Quantity
from .verdicts import Share


@dataclass
class Look:
    """One look at some models.

    Attributes:
        numbers: What is measured.
        used: What was read of it.
        uncounted: Why some models do not count, and how many.
        results: Of each model that counts, which of the tests it passes; the last is on access.
    """

    numbers: Measured
    used: list[Number] = field(default_factory=list)
    uncounted: Counter[str] = field(default_factory=Counter)
    results: list[tuple[bool, ...]] = field(default_factory=list)

    def share(self, claim: Claim, models: Sequence[Trained], dials: Mapping[str, Any]) -> Share:
        """Return in how many of `models` a claim holds, whose method has these `dials`."""
        place = models[0].place  # that of all: they are of one setting
        claim = replace(
            claim,
            method=claim.subject,
            tests=tuple(test for test in claim.tests if test.fits(**place)),
            given=tuple(test for test in claim.given if test.fits(**place)),
        )
        for one in models:
            found = self._passes(claim, one, dials)
            if isinstance(found, str):
                self.uncounted[found] += 1
            else:
                self.results.append(found)
        return self.all()

    @property
    def tests(self) -> int:
        """The number of tests that are about the setting."""
        return len(self.results[0]) - 1 if self.results else 0

    def all(self) -> Share:
        """Return in how many of the models that count all tests hold, and the access is allowed."""
        return self.passing(range(self.tests + 1))

    def passing(self, which: Collection[int]) -> Share:
        """Return in how many of the models that count all of some tests hold."""
        passed = [all(result[i] for i in which) for result in self.results]
        return Share(sum(passed), len(passed))

    def _passes(
        self, claim: Claim, model: Trained, dials: Mapping[str, Any]
    ) -> tuple[bool, ...] | str:
        """Return which tests of a claim one model passes, or why that is not known."""
        part = claim.tests[0].where["part"]
        subject = Quantity(claim.subject, DIVERGED)
        if self._read(part, subject, model, claim, dials):
            return (False,) * (len(claim.tests) + 1)
        premises = [self._inside(test, claim, model, dials) for test in claim.given]
        if premises and True not in premises:
            return "the premise does not hold" if False in premises else str(premises[0])
        results = [self._inside(test, claim, model, dials) for test in claim.tests]
        if unknown := [result for result in results if isinstance(result, str)]:
            return unknown[0]
        allowed = True
        if claim.access is not None:
            seen = self._read(part, claim.tests[0].left, model, claim, dials)
            allowed = all(set(filter(None, o.access.split(", "))) <= claim.access for o in seen)
        return (*(result is True for result in results), allowed)

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
                ended = replace(quantity, metric=DIVERGED, split="")
                if self._read(part, ended, model, claim, dials):
                    return f"{quantity.method} diverged"
                return f"no run of {quantity.method} with {told}"
            if any(one.value != one.value for one in side):
                return f"{told} of {quantity.method} has no number"
        results = []
        for values in product(*([one.value for one in side] for side in sides)):
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
        Those that are older than the freeze are left out where there are later ones.
        """
        ones = self.numbers.get((part, quantity.method, quantity.metric, quantity.split), {})
        own = dials if quantity.method == claim.subject else {}
        found = [one for one in ones.get(model, ()) if one.has({**own, **quantity.params})]
        found = [one for one in found if one.date >= claim.since] or found
        self.used += found
        return found


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
