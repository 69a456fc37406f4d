"""The verdicts on claims, and the share of models that decides between them."""

from typing import NamedTuple

from .summary import share_interval

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


def where_it_depends(verdict: str, settings: str) -> str:
    """Return in how many settings a claim that depends is reproduced; of another verdict nothing.

    Args:
        verdict: Of the claim at a scale.
        settings: In how many of how many settings it is reproduced, such as "2/5".

    >>> where_it_depends("depends", "0/5"), where_it_depends("undecided", "0/5")
    ('reproduced in 0 of 5 settings', '')
    """
    good, _, of = settings.partition("/")
    return f"reproduced in {good} of {of} settings" if verdict == DEPENDS else ""


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
