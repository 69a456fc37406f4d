"""Exact intervals of shares, and the words that follow from them."""

import re
from itertools import product
from math import comb
from pathlib import Path

import pytest

from unlearnlib.report import share_interval
from unlearnlib.report.verdicts import (
    CLAIM_GLYPHS,
    NOT,
    REPRODUCED,
    UNDECIDED,
    Share,
)


def at_least(n: int, k: int, p: float) -> float:
    """The probability of k or more of n."""
    return sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))


@pytest.mark.parametrize("n", [1, 2, 5, 10, 23])
def test_the_interval_of_a_share_is_exact(n: int) -> None:
    for k in range(n + 1):
        low, high = share_interval(k, n)
        assert low == 0 if k == 0 else at_least(n, k, low) == pytest.approx(0.05)
        assert high == 1 if k == n else 1 - at_least(n, k + 1, high) == pytest.approx(0.05)
        assert low < k / n + 1e-12
        assert high > k / n - 1e-12


def test_the_word_is_that_of_a_coin_that_would_be_fair() -> None:
    """Reproduced: a fair coin gives so many or more in less than 1 of 20; so it is for few."""
    for n, k in product(range(1, 31), range(31)):
        if k <= n:
            many, few = at_least(n, k, 0.5) < 0.05, 1 - at_least(n, k + 1, 0.5) < 0.05
            assert Share(k, n).word == (REPRODUCED if many else NOT if few else UNDECIDED)
    words = {"5 of 5": REPRODUCED, "4 of 4": UNDECIDED, "9 of 10": REPRODUCED, "8 of 10": UNDECIDED,
             "1 of 10": NOT, "2 of 10": UNDECIDED, "0 of 5": NOT, "0 of 4": UNDECIDED}  # fmt: skip
    for text, word in words.items():
        k, n = map(int, text.split(" of "))
        assert Share(k, n).word == word


def test_the_book_gives_the_words_as_they_are() -> None:
    """Each verdict is in how_to.md with its glyph, and the shares it names there are its own."""
    text = (Path(__file__).parents[1] / "book" / "how_to.md").read_text("utf-8")
    for word, glyph in CLAIM_GLYPHS.items():
        (line,) = re.findall(rf"^{re.escape(glyph)} {word}\n: (.*)$", text, re.MULTILINE)
        for k, n in re.findall(r"(\d+) of (\d+)", line):
            assert Share(int(k), int(n)).word == word
