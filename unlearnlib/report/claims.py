"""What a claim is, and its form in `data/claims.yaml`.

A claim is a sentence of ours with its source and a test. The test on records is a conjunction of
inequalities, each of which must hold in the same trained model; `data/claims.yaml` writes them as

    - where: {request: "class:*"}                # optional: patterns for dataset, model, request,
                                                 # and the part, if not the claim's own
      left: {method: JiT, metric: accuracy, split: test_forget, params: {sigma: 1.0}}
      right: {method: Retrain}                   # optional; what it leaves out it takes from left
      ratio: true                                # optional: left / right instead of left - right
      way: true                                  # optional: left alone, from Original, 0, to
                                                 # Retrain, 1, of the same trained model
      origin: Retrain                            # optional: first, of both, |value - Retrain's|
      at_least: -0.02                            # one of the two or both: the borders of what
      at_most: 0.02                              # the claim allows, in the metric's unit

Tests whose `where` fits a setting make the conjunction of that setting. `given` is a list of such
inequalities too: where none of them holds in a model, the claim says nothing about that model.
`method` is the one that the claim is about, and that its controls stand in for; by default the left
one of the first test. `controls` says why a claim has none. With `access`, the method saw these
names only. `forms` judges the claim for other forms of its methods too, each under an id of its
own:

      forms: [{id: jit-class-released, says: As released, methods: {JiT: JiT as released}}]

`kinds` is a list of patterns as of `where`: the claim is about all of these together. In place of
`tests` a claim has `cell` (a page computes in how many of how many models it holds) or `untestable`
(why). With `exact` no model is drawn: a count or an identity, that holds or does not. `printed`
says in how many of the printed set-ups it holds, "24 of 29"; `ours` that no paper makes it.
`frozen` says since when nothing that decides the verdict was changed, with the digests by which
this is checked. `claims_file` reads all this; a claim is judged in `models`, `settings` and
`scales`.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import NamedTuple

from .summary import Quantity

SLACK = 1e-9  # 0.77 - 0.8 is not -0.03 in binary
WHERE = ("part", "dataset", "model", "request")
"""Columns of the records that a test may be limited by."""


def fits(where: Mapping[str, str], place: Mapping[str, str]) -> bool:
    """Tell whether a place is within patterns; a column without one may hold anything."""
    return all(fnmatchcase(place[name], where.get(name, "*")) for name in place)


@dataclass(frozen=True)
class Inequality:
    """A border or two for a quantity, or for the difference of two, in one trained model.

    Attributes:
        left: The first quantity.
        right: The one that is subtracted, or divides; None for `left` by itself.
        ratio: Divide instead of subtracting.
        way: `left` is taken as the share of the way from Original's value, 0, to Retrain's, 1.
        origin: A method; both quantities are their distances from its.
        at_least: Lower border, included.
        at_most: Upper border, included.
        where: Patterns (as of a shell) for the columns of `WHERE`; the part is a plain name.
    """

    left: Quantity
    right: Quantity | None = None
    ratio: bool = False
    way: bool = False
    origin: str = ""
    at_least: float = -math.inf
    at_most: float = math.inf
    where: Mapping[str, str] = field(default_factory=dict)

    def fits(self, **place: str) -> bool:
        """Tell whether the test is about this data set, model and request."""
        return fits(self.where, place)

    def allows(self, value: float) -> bool:
        """Tell whether a value is within the borders."""
        return self.at_least - SLACK <= value <= self.at_most + SLACK

    def about(self, methods: Mapping[str, str], *, free: bool = False) -> "Inequality":
        """Return the test with other methods in the place of some; `free` of their settings."""

        def other(quantity: Quantity) -> Quantity:
            if quantity.method not in methods:
                return quantity
            params = {} if free else quantity.params
            return replace(quantity, method=methods[quantity.method], params=params)

        right = other(self.right) if self.right is not None else None
        return replace(self, left=other(self.left), right=right)


class Frozen(NamedTuple):
    """Since when nothing that decides a verdict was changed.

    Attributes:
        time: In UTC, "2026-11-29T11:05:00+00:00", as records have it: a run that was made before
            does not confirm the claim.
        digest: Of the claim, see :func:`.claims_file.digest`.
        settings: Of the parameters of its page, by place: a scale, and of a claim with tests the
            data set too, "paper/cifar10"; none where it has no page.
        anew: The time instead, of a place whose settings alone were changed and frozen later; of
            one whose settings are gone too, for its runs may be there.
    """

    time: str
    digest: str
    settings: Mapping[str, str]
    anew: Mapping[str, str] = {}


@dataclass(frozen=True)
class Claim:
    """A sentence of a paper in our own words, and how it is tested.

    Attributes:
        id: Its name, unique.
        part: The part of the book, such as "jit".
        sentence: The claim.
        source: Where the paper makes it.
        page: The notebook that computes it, without suffix.
        tests: Inequalities on records, which must all hold in the same trained model.
        given: Where none of these holds in a model, the claim says nothing about that model.
        method: The one that the claim is about; "" for the left one of the first test.
        controls: Why neither the original nor a retrained model can stand in its place; "" if both
            can, and do.
        access: The names that the method may have seen; None if that is not part of the claim.
        kinds: Patterns of settings; the claim is about all of them together, and fails if it fails
            in one.
        cell: The page computes the verdict and hands it to :func:`ledger`.
        exact: No model is drawn, so that it holds or does not: a count, an identity.
        ours: A question of our own, that no paper answers.
        untestable: Why it cannot be tested; "" if it can.
        printed: In how many of the printed set-ups it holds, such as "24 of 29"; "" if all.
        frozen: Since when it is as it is; None if it is not frozen.
        changed: It was changed since.
    """

    id: str
    part: str
    sentence: str
    source: str
    page: str = ""
    tests: tuple[Inequality, ...] = ()
    given: tuple[Inequality, ...] = ()
    method: str = ""
    controls: str = ""
    access: frozenset[str] | None = None
    kinds: tuple[Mapping[str, str], ...] = ()
    cell: bool = False
    exact: bool = False
    ours: bool = False
    untestable: str = ""
    printed: str = ""
    frozen: Frozen | None = None
    changed: bool = False

    @property
    def subject(self) -> str:
        """The method that the claim is about."""
        return self.method or (self.tests[0].left.method if self.tests else "")

    @property
    def unfrozen(self) -> str:
        """Why no verdict on it is confirming; "" if one can be."""
        if self.frozen is None:
            return "the claim is not frozen"
        if self.changed:
            return f"the claim was changed after it was frozen at {self.frozen.time[:16]}"
        return ""

    @property
    def since(self) -> str:
        """From which time on a run can confirm it; "" if none can."""
        return self.frozen.time if self.frozen and not self.unfrozen else ""

    def at(self, scale: str, dataset: str = "") -> "Claim":
        """Return the claim as it is frozen at a scale, for the runs on a data set.

        Its time is that of this place, and `anew` has it alone, if it was later. A data set that
        no settings name, such as one that a page makes of another, has the last of its scale.
        """
        if self.frozen is None:
            return self
        place, anew = f"{scale}/{dataset}" if dataset else scale, self.frozen.anew
        if place not in {*self.frozen.settings, *anew}:
            there = [one for one in anew if one.partition("/")[0] == scale]
            place = max(there, key=lambda one: anew[one], default=place)
        later = {place: anew[place]} if place in anew else {}
        time = later.get(place, self.frozen.time)
        return replace(self, frozen=self.frozen._replace(time=time, anew=later))

    def doubts(self, dates: Iterable[str]) -> tuple[str, ...]:
        """Return why a verdict by runs of these dates is exploratory; nothing if it confirms."""
        if self.frozen is None or self.unfrozen:
            return (self.unfrozen,)
        if any(date < self.frozen.time for date in dates):
            when = " for ".join((self.frozen.time[:16], *self.frozen.anew))
            return (f"some runs are older than the claim, which was frozen at {when}",)
        return ()

    def about(self, methods: Mapping[str, str], *, free: bool = False) -> "Claim":
        """Return the claim with other methods in the place of some, see `Inequality.about`."""
        return replace(
            self,
            method=methods.get(self.subject, self.subject),
            tests=tuple(test.about(methods, free=free) for test in self.tests),
            given=tuple(test.about(methods, free=free) for test in self.given),
        )
