"""Whether a number of ours agrees with the printed one: one rule for the whole project."""

import math
from dataclasses import dataclass

from scipy.special import ndtri, stdtrit

from ..errors import SpecError
from .presentation import ACCURACY_MARGIN, ATTACK_MARGIN, TIME_MARGIN, presented
from .summary import CONFIDENCE, FEWEST

PRINTED_QUANTILE = float(ndtri((1 + CONFIDENCE) / 2))

AGREEMENT_GLYPHS = {
    "agrees": "✓",
    "differs": "✗",
    "undecided": "?",
    "not run": "–",
    "not known": "·",
}


def rule() -> str:
    """Return the rule of :func:`verdict` as Markdown, written from its constants."""
    glyphs = AGREEMENT_GLYPHS
    return (
        "With printed mean $m_p$ and spread $s_p$, and ours $m_o$ and $s_o$ over $n$ runs, let "
        "$d = m_o - m_p$. Its "
        f"{CONFIDENCE * 100:g} % interval is $d \\pm \\sqrt{{(t_{{n-1}}\\, s_o / \\sqrt n)^2 + "
        f"({PRINTED_QUANTILE:.2f}\\, s_p)^2}}$, as far as the bounds of the measurement allow: the "
        "printed spread counts as it is, since no paper prints of how many runs it is. The "
        f"tolerance is {ACCURACY_MARGIN * 100:g} points for accuracies, {ATTACK_MARGIN * 100:g} "
        f"points for attack rates, {TIME_MARGIN * 100:g} % for times (only as ratios to a method "
        "measured in the same runs) and none for all else, which can differ but not agree.\n\n"
        f"- {glyphs['agrees']} **agrees**: the whole interval lies within the tolerance\n"
        f"- {glyphs['differs']} **differs**: the whole interval lies outside\n"
        f"- {glyphs['undecided']} **undecided**: neither; always so below {FEWEST} runs\n"
        f"- {glyphs['not run']} **not run**: not measured by us in the paper's set-up "
        "(data set, network, request, training)\n"
        f"- {glyphs['not known']} **not known**: no printed number\n\n"
        "A printed spread that is not known counts as 0 and is marked."
    )


@dataclass(frozen=True)
class Verdict:
    """Whether our number agrees with the printed one.

    Attributes:
        word: agrees, differs, undecided, not run or not known.
        difference: d, ours minus printed; NaN where one is missing.
        low: Lower end of its interval; NaN where one is missing, -inf at n = 1.
        high: Upper end.
        tolerance: Of the metric, in a record's unit; NaN where one is missing.
        note: What a reader must know to trust the word; "" if nothing.
    """

    word: str
    difference: float = math.nan
    low: float = math.nan
    high: float = math.nan
    tolerance: float = math.nan
    note: str = ""

    def __str__(self) -> str:
        """Return glyph, word and note: "? undecided (n = 1)"."""
        text = f"{AGREEMENT_GLYPHS[self.word]} {self.word}"
        return f"{text} ({self.note})" if self.note else text


def verdict(
    reported_mean: float,
    reported_sd: float,
    ours_mean: float,
    ours_sd: float,
    n: int,
    metric: str,
) -> Verdict:
    r"""Return whether our number agrees with the printed one, by the one rule of the project.

    .. math::
        d = m_o - m_p, \qquad
        d \pm \sqrt{(t_{0.975,\,n-1}\, s_o / \sqrt n)^2 + (z_{0.975}\, s_p)^2}

    agrees: the whole interval is within the tolerance of the metric; differs: all of it is outside;
    undecided: neither, or fewer than five runs. The interval ends where the metric does: an
    accuracy is no more than 1.

    Args:
        reported_mean: m_p, in a record's unit (fractions); NaN if not printed.
        reported_sd: s_p; NaN if not printed, which counts as 0.
        ours_mean: m_o; NaN if not run. For times both means are ratios to the same method.
        ours_sd: s_o; NaN at n = 1, where there is no interval.
        n: Number of our runs.
        metric: Name of the metric, which decides tolerance and bounds.

    Raises:
        SpecError: n or a spread is negative.

    >>> str(verdict(0.662, 0.003, 0.665, 0.004, 5, "accuracy_batch_mean"))
    '✓ agrees'
    >>> str(verdict(0.662, 0.003, 0.665, float("nan"), 1, "accuracy_batch_mean"))
    '? undecided (n = 1)'
    """
    if n < 0 or reported_sd < 0 or ours_sd < 0:
        raise SpecError(
            f"A verdict was asked with n = {n} and spreads {reported_sd} and {ours_sd}. None of "
            "them can be negative: pass NaN for a spread that is not known."
        )
    if math.isnan(reported_mean):
        return Verdict("not known", note=f"n = {n}" if 0 < n < FEWEST else "")
    if n == 0 or math.isnan(ours_mean):
        return Verdict("not run")
    how = presented(metric)
    margin = how.margin * abs(reported_mean) if how.relative else how.margin
    least, most = how.bounds
    d, half = ours_mean - reported_mean, _half(reported_sd, ours_sd, n)
    low, high = max(d - half, least - reported_mean), min(d + half, most - reported_mean)
    slack = 1e-9 * max(1.0, abs(reported_mean))  # 0.87 - 0.85 is not 0.02 in binary
    if half == math.inf or n < FEWEST:
        word = "undecided"
    elif max(-low, high) <= margin + slack and margin:
        word = "agrees"
    else:
        word = "differs" if max(low, -high) > margin + slack else "undecided"
    doubts = []
    if n < FEWEST:
        doubts.append(f"n = {n}")
    if math.isnan(reported_sd):
        doubts.append("printed without spread")
    if n > 1 and math.isnan(ours_sd):
        doubts.append("our spread not known")
    return Verdict(word, d, low, high, margin, ", ".join(doubts))


def _half(reported_sd: float, ours_sd: float, n: int) -> float:
    """Return half the width of the interval of a difference; infinite where ours has none."""
    if n == 1 or math.isnan(ours_sd):
        return math.inf
    ours = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * ours_sd / math.sqrt(n)
    printed = 0.0 if math.isnan(reported_sd) else PRINTED_QUANTILE * reported_sd
    return math.hypot(ours, printed)
