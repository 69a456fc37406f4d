"""From records to pages: comparisons with print, verdicts, claims, tables.

- `rows`: the rows that all else rests on: once each, with a number or without, stale or not
- `presentation`: how each measurement is named, printed and compared
- `summary`: means over seeds, and differences between methods paired by seed
- `printed`: the numbers that papers print; `compare`: ours beside them; `printed_rows`: each
  method of them beside ours
- `agreement`: the rule that says whether a number of ours agrees with the printed one
- `claims`: what a claim is; `claims_file`: the file of claims, read and checked
- `measurements`: what records hold of each trained model
- `models`: a claim in each trained model; `settings`: in each setting, with its controls; `scales`:
  at each scale; `ledger`: the verdicts on all claims
- `verdicts`: the words for them, and the share of models that decides
- `handover`: verdicts that pages compute themselves, on their way to the ledger's page
- `this_build`: what pages made anew, on its way to the page that sums up the build
- `paired_examples`: tests that pair examples rather than runs
- `table`: what a finished table is; `show`: the tables of pages; `side_by_side`: a comparison's
- `verdict_tables`: the tables of the ledger; `overview`: the ledger as a picture
- `headlines`: how many claims hold, and which main ones of each paper, for the front page
- `questions`: the questions that the book answers, each with its section and its answer
- `recorded_tables`: recorded runs beside a printed item, of a data set, one request a row
- `counts`: in how many models something holds, for the sentences and the tables of pages
- `field`: many methods at once, and which of them pass in most models
- `answer`: the box under the title of a page
- `dial`: what one setting of a sweep forgets and keeps, chosen by sliders; `dial_models`: its
  settings and references; `dial_histogram`: how the outputs of a setting are distributed
- `searches`: what declared searches found
- `headroom`: what there is to forget, in the first table of a page
- `model_by_model`: tables with a column a request
- `shares`: what changes with the share of the training set that is forgotten
- `figures`: the figures of pages; needs matplotlib, so it is imported on its own
"""

from .agreement import Verdict, rule, verdict
from .answer import in_a_word, show_answer
from .claims_file import read_claims
from .compare import compare
from .counts import by_model, of_models, show_counts
from .dial import show_dial
from .handover import hand_over, handed_over
from .headlines import show_counts_of_verdicts, show_papers
from .headroom import headroom, show_headroom
from .ledger import by_setting, glance, ledger, verdicts_on
from .model_by_model import show_by_request, show_paired_by_request
from .overview import show_overview
from .paired_examples import wilcoxon
from .printed import as_printed, reported
from .printed_rows import show_rows_of_print
from .questions import checked_lines, read_questions, show_questions
from .recorded_tables import (
    random_shares,
    show_beside,
    show_printed,
    show_random_shares,
)
from .rows import what_ran
from .searches import best_settings, show_searches, tried_settings
from .show import pairs_of, plain, show_paired, show_summary
from .side_by_side import show_comparison
from .summary import (
    Quantity,
    differences,
    interval,
    mean_by_method,
    paired,
    paired_each,
    share_interval,
    span,
    summary,
)
from .table import Table
from .this_build import (
    hand_over_rerun,
    machine,
    rerun_line,
    rerun_table,
    reruns_handed_over,
)
from .verdict_tables import show_by_setting, show_glance, show_ledger
from .verdicts import CLAIM_GLYPHS

__all__ = [
    "CLAIM_GLYPHS",
    "Quantity",
    "Table",
    "Verdict",
    "as_printed",
    "best_settings",
    "by_model",
    "by_setting",
    "checked_lines",
    "compare",
    "differences",
    "glance",
    "hand_over",
    "hand_over_rerun",
    "handed_over",
    "headroom",
    "in_a_word",
    "interval",
    "ledger",
    "machine",
    "mean_by_method",
    "of_models",
    "paired",
    "paired_each",
    "pairs_of",
    "plain",
    "random_shares",
    "read_claims",
    "read_questions",
    "reported",
    "rerun_line",
    "rerun_table",
    "reruns_handed_over",
    "rule",
    "share_interval",
    "show_answer",
    "show_beside",
    "show_by_request",
    "show_by_setting",
    "show_comparison",
    "show_counts",
    "show_counts_of_verdicts",
    "show_dial",
    "show_glance",
    "show_headroom",
    "show_ledger",
    "show_overview",
    "show_paired",
    "show_paired_by_request",
    "show_papers",
    "show_printed",
    "show_questions",
    "show_random_shares",
    "show_rows_of_print",
    "show_searches",
    "show_summary",
    "span",
    "summary",
    "tried_settings",
    "verdict",
    "verdicts_on",
    "what_ran",
    "wilcoxon",
]
