"""The questions that the book answers: the section that answers each, and the answer, computed.

What is shown of an answer are verdicts on claims, and lines that checked cells of the page print.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import SpecError
from ..fields import Checked, mistakes
from ..locations import data_folder
from ..runs.mapping import values
from .answer import verdict_line
from .headlines import Headlines
from .rows import row_dicts
from .verdicts import UNTESTED

CHECKED = "nbval-check-output"
"""The tag of a cell whose output is compared at each test of the notebooks."""


@dataclass(frozen=True)
class Question(Checked):
    """A question, and where its answer is.

    Attributes:
        id: The anchor of the section that answers it.
        asks: In words.
        page: The page of the section.
        says: A sentence without a number, for what a table answers, or no page does.
        claims: The ids of claims whose verdicts answer it.
        lines: Patterns (as of a shell) of lines of the page that answer it.
    """

    id: str
    asks: str
    page: str
    says: str = ""
    claims: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a number in the sentence, which no cell would hold to what is recorded."""
        super().__post_init__()
        if re.search(r"\d", self.says):
            raise SpecError(
                f"Question '{self.id}' says '{self.says}', a number that nothing checks. Give the "
                "pattern of a line that its page prints, or a claim."
            )


def read_questions(path: Path | None = None) -> tuple[Question, ...]:
    """Return the questions of `data/questions.yaml`, or of `path`, in its order.

    Raises:
        SpecError: The file is no list of questions; or one sentence for each mistake in one: an
            unknown key, one that is missing, a number that is said, an id used twice.
    """
    path = path or data_folder() / "questions.yaml"
    entries = values(path)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        keys = ", ".join(field.name for field in fields(Question))
        raise SpecError(f"{path.name} must be a list of questions, each a mapping of {keys}.")
    wrong = []
    for entry in entries:
        told = [f"It lacks '{name}'." for name in ("id", "asks", "page") if name not in entry]
        told += mistakes(Question, entry)
        wrong += [f"{path.name}, question '{entry.get('id')}': {mistake}" for mistake in told]
    ids = Counter(str(entry.get("id")) for entry in entries if "id" in entry)
    wrong += [
        f"{path.name} uses the id '{name}' more than once. Give each question its own."
        for name, count in ids.items()
        if count > 1
    ]
    if wrong:
        raise SpecError("\n".join(wrong))
    return tuple(Question(**entry) for entry in entries)


def checked_lines(notebook: Path) -> list[str]:
    """Return the lines that the checked cells of an executed notebook print, and its answer's."""
    lines = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if CHECKED in cell["metadata"].get("tags", []):
            printed = "".join("".join(output.get("text", "")) for output in cell["outputs"])
            shown = ("".join(o.get("data", {}).get("text/plain", "")) for o in cell["outputs"])
            lines += [line.strip() for text in (printed, *shown) for line in text.splitlines()]
    return lines


def show_questions(
    questions: Sequence[Question], verdicts: pd.DataFrame, lines: Mapping[str, Sequence[str]]
) -> Headlines:
    """Return each question, which leads to the section that answers it, with the answer.

    Args:
        questions: Of :func:`read_questions`.
        verdicts: What :func:`ledger` returned. Of each claim that at the first scale where it can
            be tested is shown.
        lines: What :func:`checked_lines` returned of each page.

    Raises:
        SpecError: A question names a claim that was not judged, or a line that its page has not.
    """
    judged: dict[str, dict[str, Any]] = {}
    for row in row_dicts(verdicts):
        first = judged.setdefault(row["id"], row)
        if first["verdict"] == UNTESTED != row["verdict"]:
            judged[row["id"]] = row
    entries = "\n".join(_entry(one, judged, lines.get(one.page, ())) for one in questions)
    return Headlines(f'<dl class="questions">\n{entries}\n</dl>')


def _entry(question: Question, judged: Mapping[str, dict[str, Any]], lines: Sequence[str]) -> str:
    """Return a question and its answer as an entry of a list."""
    if stray := [name for name in question.claims if name not in judged]:
        raise SpecError(f"Question '{question.id}' names {stray}, which were not judged.")
    told = [escape(question.says)] if question.says else []
    told += [verdict_line(judged[name], "ledger.html", scale=True) for name in question.claims]
    for pattern in question.lines:
        found = [line for line in lines if fnmatchcase(line, pattern)]
        if not found:
            raise SpecError(
                f"Question '{question.id}' is answered by '{pattern}', but no checked cell of "
                f"{question.page} prints that. Give the pattern of a line that it prints."
            )
        told += [f"<q>{escape(line)}</q>" for line in found]
    answer = "".join(f"<dd>{line}</dd>" for line in told or ["No page answers this."])
    link = f'<a href="{question.page}.html#{question.id}">{escape(question.asks)}</a>'
    return f'<dt id="question-{question.id}">{link}</dt>{answer}'
