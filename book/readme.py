"""Write what the README says of verdicts anew, from the records: `make readme`.

The part between the two marks is counted here, so that it cannot go further than the ledger, and
tests/test_readme.py holds the file to it. What pages compute is not in the counts: it is judged on
their pages and in the ledger.
"""

from pathlib import Path

import pandas as pd

from unlearnlib.locations import committed_records
from unlearnlib.report import CLAIM_GLYPHS, glance, ledger, read_claims
from unlearnlib.report.presentation import part_name
from unlearnlib.runs.records import committed, table

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- verdicts: make readme -->", "<!-- /verdicts -->"


def recorded(scale: str) -> pd.DataFrame:
    """Return the committed records of all parts at one scale, and no others."""
    parts = sorted(path.name for path in committed_records().iterdir() if path.is_dir())
    return table(record for part in parts for record in committed(part, scale).values())


def verdicts() -> str:
    """Return the table of how many claims came to which verdict, as Markdown."""
    known = [claim for claim in read_claims() if not claim.ours]
    claims = [claim for claim in known if claim.tests]
    forms = sum(claim.id.endswith(("-released", "-equation")) for claim in claims)
    tables = {scale: recorded(scale) for scale in ("laptop", "workstation", "paper")}
    judged = ledger(tables, claims=claims)
    judged = judged[judged["verdict"] != "cannot be tested here"]
    heads = [f"{glyph} {word}" for word, glyph in CLAIM_GLYPHS.items()][:-1]
    lines = [f"| part | scale | {' | '.join(heads)} |", "|---" * (len(heads) + 2) + "|"]
    for row in glance(judged).to_dict("records"):
        counts = [str(row[word]) for word in CLAIM_GLYPHS][:-1]
        lines.append(f"| {part_name(row['part'])} | {row['scale']} | {' | '.join(counts)} |")
    confirmed = judged[~judged["exploratory"]]["scale"].value_counts()
    of_scales = judged["scale"].value_counts(sort=False).items()
    told = (f"{confirmed.get(scale, 0)} of the {n} at {scale} scale" for scale, n in of_scales)
    runs = {name: table["run_id"].nunique() for name, table in tables.items()}
    lines += [
        "",
        f"These are {len(judged)} verdicts on {len(claims) - forms} claims of the papers that are "
        f"tested on records, {forms} of them in two forms, as the equation says and as released. "
        "Confirming, on runs that were made after all that they are judged by was frozen, are "
        f"{', '.join(told)}. "
        f"Recorded runs: {', '.join(f'{count:,} {name}' for name, count in runs.items())}.",
    ]
    return "\n".join(lines)


def with_verdicts(text: str) -> str:
    """Return the text of the README with the counts of today between its marks."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{verdicts()}\n{END}{tail}"


if __name__ == "__main__":
    README.write_text(with_verdicts(README.read_text("utf-8")), "utf-8")
