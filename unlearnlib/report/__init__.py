"""From records to pages: comparisons with print, verdicts, claims, tables.

Figures are in `unlearnlib.report.figures`, which needs matplotlib and is imported on its own.
"""

from ..audit.dampening import dampened, quotients, rank_correlation
from .claims import glance, ledger, read_claims
from .compare import Verdict, compare, reported, rule, verdict
from .handover import hand_over, handed_over
from .paired_examples import wilcoxon
from .pairs import pairs_of
from .summary import Quantity, differences, interval, paired, summary
from .tables import Table, plain, show

__all__ = [
    "Quantity",
    "Table",
    "Verdict",
    "compare",
    "dampened",
    "differences",
    "glance",
    "hand_over",
    "handed_over",
    "interval",
    "ledger",
    "paired",
    "pairs_of",
    "plain",
    "quotients",
    "rank_correlation",
    "read_claims",
    "reported",
    "rule",
    "show",
    "summary",
    "verdict",
    "wilcoxon",
]
