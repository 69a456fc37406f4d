"""Many methods at once: which of them pass a test in most models, by what they are given."""

from collections.abc import Mapping

import pandas as pd

from ..errors import SpecError
from .presentation import MORE, STORED_TOO, ZERO_SHOT

SEEN = (ZERO_SHOT, STORED_TOO, MORE)
"""The groups of data access, from the least on."""
_WITH = {
    ZERO_SHOT: "with the forget set alone",
    STORED_TOO: "with stored or held-out data too",
    MORE: "with retained data",
}
_FORMS = (" as released", " as published", " as committed", " as printed", " as copied")
"""End the name of a row whose form or values are those of a release, a paper or a copy."""


def without_form(row: str) -> str:
    """Return the name of a row without that of its form.

    >>> without_form("SSD as released"), without_form("SSD")
    ('SSD', 'SSD')
    """
    for form in _FORMS:
        row = row.removesuffix(form)
    return row


def leaders(passed: pd.DataFrame, seen: Mapping[str, str]) -> str:
    """Return by data access the methods that pass in more than half of the models, most first.

    Args:
        passed: Whether a method passes, a model and request a row and a method a column.
        seen: The group of each method, of `SEEN`.

    Raises:
        SpecError: A method is in none of these groups.

    >>> passed = pd.DataFrame({"A": [True, True], "B": [True, False], "C": [True, True]})
    >>> leaders(passed, {"A": MORE, "B": MORE, "C": STORED_TOO}).partition("; ")[2]
    'with stored or held-out data too: C 2; with retained data: A 2'
    """
    counts = passed.sum().sort_values(ascending=False, kind="stable")
    most = counts[counts > len(passed) / 2]
    rows = _by_group(passed, seen)
    named = {kind: [f"{m} {n}" for m, n in most.items() if m in rows[kind]] for kind in SEEN}
    return "; ".join(f"{_WITH[kind]}: {', '.join(named[kind]) or 'none'}" for kind in SEEN)


def rows_that_pass(passed: pd.DataFrame, seen: Mapping[str, str]) -> str:
    """Return how many methods pass in more than half of the models: a line in all, one a group.

    >>> passed = pd.DataFrame({"A": [True, True], "B": [True, False]})
    >>> print(rows_that_pass(passed, {"A": MORE, "B": ZERO_SHOT}).splitlines()[0])
    rows that do both in more than half of the models: 1 of 2
    """
    most = passed.sum() > len(passed) / 2
    lines = [f"rows that do both in more than half of the models: {most.sum()} of {len(most)}"]
    for kind, rows in _by_group(passed, seen).items():
        lines.append(f"- {kind[0].lower()}{kind[1:]}: {most[rows].sum()} of {len(rows)}")
    return "\n".join(lines)


def beside_own(passed: pd.DataFrame) -> str:
    """Return how often a searched setting passes in more models than that of a release or paper.

    Args:
        passed: As in :func:`leaders`; "A as released" and the like are the rows beside "A".

    >>> text = beside_own(pd.DataFrame({"A": [True, True], "A as released": [True, False]}))
    >>> text.partition(": ")[2]
    'does both in more models in 1 of 1 rows, in fewer: none'
    """
    counts = passed.sum()
    pairs = [(row, own) for own in counts.index if (row := without_form(own)) in counts.drop(own)]
    gain = [(own, counts[row] - counts[own]) for row, own in pairs]
    fewer = ", ".join(without_form(own) for own, more in gain if more < 0) or "none"
    return (
        "searched beside the release's or paper's setting: does both in more models in "
        f"{sum(more > 0 for _, more in gain)} of {len(gain)} rows, in fewer: {fewer}"
    )


def _by_group(passed: pd.DataFrame, seen: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the methods of each group."""
    lost = [str(m) for m in passed if seen.get(str(m)) not in SEEN]
    if lost:
        raise SpecError(
            f"Of {', '.join(lost)} it is not known what they see. `seen` gives each method one of: "
            f"{'; '.join(SEEN)}. References, such as the original, are none: leave them out."
        )
    return {kind: [str(m) for m in passed if seen[str(m)] == kind] for kind in SEEN}
