"""Many methods at once: which of them pass a test in most models, by what they are given."""

from collections.abc import Mapping

import pandas as pd

from .presentation import MORE, STORED_TOO, ZERO_SHOT

SEEN = (ZERO_SHOT, STORED_TOO, MORE)
"""The groups of data access, from the least on."""
_WITH = {
    ZERO_SHOT: "with the forget set alone",
    STORED_TOO: "with stored or held-out data too",
    MORE: "with retained data",
}
OWN_FORMS = (" as released", " as published", " as copied")
"""End the name of a row whose setting is that of a release, a paper or somebody's copy."""


def leaders(passed: pd.DataFrame, seen: Mapping[str, str]) -> str:
    """Return by data access the methods that pass in more than half of the models, most first.

    Args:
        passed: Whether a method passes, a model and request a row and a method a column.
        seen: The group of each method, of `SEEN`.

    >>> passed = pd.DataFrame({"A": [True, True], "B": [True, False], "C": [True, True]})
    >>> leaders(passed, {"A": MORE, "B": MORE, "C": STORED_TOO}).partition("; ")[2]
    'with stored or held-out data too: C 2; with retained data: A 2'
    """
    counts = passed.sum().sort_values(ascending=False, kind="stable")
    most = counts[counts > len(passed) / 2]
    named = {kind: [f"{m} {n}" for m, n in most.items() if seen[str(m)] == kind] for kind in SEEN}
    return "; ".join(f"{_WITH[kind]}: {', '.join(named[kind]) or 'none'}" for kind in SEEN)


def rows_that_pass(passed: pd.DataFrame, seen: Mapping[str, str]) -> str:
    """Return how many methods pass in more than half of the models: a line in all, one a group.

    >>> passed = pd.DataFrame({"A": [True, True], "B": [True, False]})
    >>> print(rows_that_pass(passed, {"A": MORE, "B": ZERO_SHOT}).splitlines()[0])
    rows that do both in more than half of the models: 1 of 2
    """
    most = passed.sum() > len(passed) / 2
    lines = [f"rows that do both in more than half of the models: {most.sum()} of {len(most)}"]
    for kind in SEEN:
        mine = most[[m for m in most.index if seen[str(m)] == kind]]
        lines.append(f"- {kind[0].lower()}{kind[1:]}: {mine.sum()} of {len(mine)}")
    return "\n".join(lines)


def beside_own(passed: pd.DataFrame) -> str:
    """Return how often a searched setting passes in more models than that of a release or paper.

    Args:
        passed: As in :func:`leaders`; "A as released" is the row beside "A".

    >>> text = beside_own(pd.DataFrame({"A": [True, True], "A as released": [True, False]}))
    >>> text.partition(": ")[2]
    'does both in more models in 1 of 1 methods, in fewer: none'
    """
    counts = passed.sum()
    pairs = {str(m).rpartition(" as ")[0]: m for m in counts.index if str(m).endswith(OWN_FORMS)}
    gain = {m: counts[m] - counts[own] for m, own in pairs.items() if m in counts}
    fewer = ", ".join(m for m, more in gain.items() if more < 0) or "none"
    return (
        "searched beside the release's or paper's setting: does both in more models in "
        f"{sum(more > 0 for more in gain.values())} of {len(gain)} methods, in fewer: {fewer}"
    )
