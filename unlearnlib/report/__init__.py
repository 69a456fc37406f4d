"""From records to pages: comparisons with print, verdicts, claims, tables.

- `rows`: the rows that all else rests on: once each, with a number or without, stale or not
- `presentation`: how each measurement is named, printed and compared
- `summary`: means over seeds, and differences between methods paired by seed
- `printed`: the numbers that papers print; `compare`: ours beside them, and the rule of verdicts
- `claims`: what a claim is, and its file; `ledger`: its verdict at each scale
- `handover`: verdicts that pages compute themselves, on their way to the ledger's page
- `paired_examples`: tests that pair examples rather than runs
- `table`: what a finished table is; `show`: the tables of pages; `side_by_side`: a comparison's
- `beside`: recorded runs beside a printed table, and by request
- `recorded_runs`: the recorded runs of a data set, and those of a printed item's own setting
- `shares`: what changes with the share of the training set that is forgotten
- `spans`: means with their intervals, as text
- `figures`: the figures of pages; needs matplotlib, so it is imported on its own
"""

from ..audit.dampening import dampened, quotient_correlation, quotients, rank_correlation
from .beside import as_printed, by_request, show_beside
from .claims import read_claims
from .compare import Verdict, compare, rule, verdict
from .handover import hand_over, handed_over
from .ledger import glance, ledger, verdicts_on
from .paired_examples import wilcoxon
from .printed import reported
from .recorded_runs import random_shares, show_printed, show_random_shares
from .rows import what_ran
from .show import pairs_of, plain, show_glance, show_ledger, show_paired, show_summary
from .side_by_side import show_comparison
from .spans import span
from .summary import (
    Quantity,
    differences,
    interval,
    mean_by_method,
    paired,
    paired_each,
    summary,
)
from .table import Table

__all__ = [
    "Quantity",
    "Table",
    "Verdict",
    "as_printed",
    "by_request",
    "compare",
    "dampened",
    "differences",
    "glance",
    "hand_over",
    "handed_over",
    "interval",
    "ledger",
    "mean_by_method",
    "paired",
    "paired_each",
    "pairs_of",
    "plain",
    "quotient_correlation",
    "quotients",
    "random_shares",
    "rank_correlation",
    "read_claims",
    "reported",
    "rule",
    "show_beside",
    "show_comparison",
    "show_glance",
    "show_ledger",
    "show_paired",
    "show_printed",
    "show_random_shares",
    "show_summary",
    "span",
    "summary",
    "verdict",
    "verdicts_on",
    "what_ran",
    "wilcoxon",
]
