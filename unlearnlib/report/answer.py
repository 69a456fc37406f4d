"""The box under the title of a page: what it asks, and the answer in two or three lines."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape, unescape
from typing import Any

import pandas as pd

from ..errors import SpecError
from .rows import marked, row_dicts
from .verdicts import CLAIM_GLYPHS, where_it_depends

_BORDERS = re.compile(r" - .*| \([^()]*\)$")
BOX = "border-left:4px solid;padding:0.1em 0 0.1em 0.8em;margin:0.5em 0;max-width:700px"


@dataclass(frozen=True)
class Answer:
    """A question and its answer, shown as a box in a notebook and as plain text elsewhere.

    The cell that shows it is tagged "answer": the book puts it under the title of the page.

    Attributes:
        question: What the page asks.
        lines: The answer, as HTML.
    """

    question: str
    lines: tuple[str, ...]

    def _repr_html_(self) -> str:
        lines = (f"<strong>{escape(self.question)}</strong>", *self.lines)
        return f'<div class="answer" style="{BOX}">{"<br>".join(lines)}</div>'

    def __repr__(self) -> str:
        """Return the box as plain text, a line for each of its own."""
        lines = (unescape(re.sub(r"<[^>]+>", "", line)) for line in self.lines)
        return "\n".join([self.question, *lines])


def show_answer(
    question: str,
    *said: str,
    verdicts: pd.DataFrame | None = None,
    main: Sequence[str] = (),
    root: str = "../",
) -> Answer:
    """Return the box with the answer of a page.

    Args:
        question: What the page asks, one line.
        said: Sentences with the numbers of the page, computed.
        verdicts: What :func:`ledger` or :func:`verdicts_on` returned of the claims of the page, at
            one scale: how many have which verdict.
        main: The ids of those of them that answer the question: each with its verdict.
        root: As of :func:`show_ledger`, whose rows the names of claims lead to.

    Raises:
        SpecError: Nothing is answered, the verdicts are of several scales, or a main claim is none
            of them.
    """
    lines = [*map(escape, said)]
    if verdicts is not None:
        lines += _of_claims(verdicts, main, f"{escape(root, quote=True)}ledger.html")
    if not lines:
        raise SpecError(
            f"'{question}' has no answer. Give show_answer a sentence, or verdicts on claims."
        )
    return Answer(question, tuple(lines))


def _of_claims(verdicts: pd.DataFrame, main: Sequence[str], ledger: str) -> list[str]:
    """Return the verdicts on the main claims, and how many of all have which."""
    scales, rows = set(verdicts["scale"]), {row["id"]: row for row in row_dicts(verdicts)}
    if stray := [name for name in main if name not in rows]:
        raise SpecError(f"{stray} are none of the claims that were judged: {', '.join(rows)}.")
    if len(scales) != 1:
        raise SpecError(
            f"The box has verdicts at one scale, and these are at {sorted(scales)}. Filter them."
        )
    words = verdicts["verdict"].value_counts()
    counts = ", ".join(f"{word} {words[word]}" for word in CLAIM_GLYPHS if word in words)
    others = f"all {len(rows)} claims of this page: {counts}" if len(rows) > len(main) else ""
    where = "; ".join(filter(None, (f"At {scales.pop()} scale", others)))
    more = f'{where} (<a href="{ledger}">other scales and settings</a>).'
    return [*(verdict_line(rows[name], ledger) for name in main), more]


def in_a_word(row: Mapping[str, Any] | pd.Series) -> str:
    """Return the verdict of a row of :func:`ledger` in the middle of a sentence.

    >>> row = {"glyph": "○", "verdict": "not reproduced", "share": "0/5", "stale": False}
    >>> in_a_word(row | {"exploratory": True})
    '○ not reproduced (0/5, exploratory)'
    """
    word = marked(f"{row['glyph']} {row['verdict']}", row["stale"])
    told = ", ".join(filter(None, (row["share"], "exploratory" if row["exploratory"] else "")))
    return f"{word} ({told})" if told else word


def verdict_line(row: dict[str, Any], ledger: str, *, scale: bool = False) -> str:
    """Return the verdict on a claim, in how many models it holds, and what it says, as HTML.

    Of one that depends, in how many settings it is reproduced: in none, where others are undecided.
    The borders at the end of its sentence, after " - " or in brackets, are left to the ledger.

    Args:
        row: Of :func:`ledger`.
        ledger: The ledger's page, which the sentence leads to.
        scale: Whether to name the scale.
    """
    word = marked(f"{row['glyph']} {row['verdict']}", row["stale"])
    kind = f"verdict {row['verdict'].replace(' ', '-')}"
    k, _, n = row["share"].partition("/")
    told = [f"holds in {k} of {n} models"] if n else []
    told += [depends] if (depends := where_it_depends(row["verdict"], row["settings"])) else []
    told += ["exploratory"] if row["exploratory"] else []
    told += [f"{row['scale']} scale"] if scale else []
    where = f" ({', '.join(told)})" if told else ""
    says = _BORDERS.sub("", row["sentence"].rstrip("."))
    link = f'<a href="{ledger}#claim-{row["id"]}">{escape(says)}</a>'
    return f'<span class="{kind}">{escape(word)}</span>{where}: {link}.'
