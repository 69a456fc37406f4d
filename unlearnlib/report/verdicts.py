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
