"""From records to pages: comparisons with print, verdicts, claims, tables.

Figures are in `unlearnlib.report.figures`, which needs matplotlib and is imported on its own.
"""

from ..audit.dampening import dampened, quotients, rank_correlation
from .claims import read_claims
from .compare import Verdict, compare, rule, verdict
from .handover import hand_over, handed_over
from .ledger import glance, ledger
from .paired_examples import wilcoxon
from .printed import reported
from .show import pairs_of, plain, show_glance, show_ledger, show_paired, show_summary
from .side_by_side import show_comparison
from .summary import Quantity, differences, interval, paired, summary
from .table import Table

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
    "show_comparison",
    "show_glance",
    "show_ledger",
    "show_paired",
    "show_summary",
    "summary",
    "verdict",
    "wilcoxon",
]
