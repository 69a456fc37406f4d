"""From records to pages: comparisons with print, verdicts, claims, tables.

Figures are in `unlearnlib.report.figures`, which needs matplotlib and is imported on its own.
"""

from .claims import glance, ledger, read_claims
from .compare import Verdict, compare, reported, rule, verdict
from .summary import Quantity, differences, interval, paired, summary
from .tables import Table, show

__all__ = [
    "Quantity",
    "Table",
    "Verdict",
    "compare",
    "differences",
    "glance",
    "interval",
    "ledger",
    "paired",
    "read_claims",
    "reported",
    "rule",
    "show",
    "summary",
    "verdict",
]
