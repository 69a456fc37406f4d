"""The list of questions: each is answered where the list says, by what the page prints."""

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from unlearnlib.errors import SpecError
from unlearnlib.report import checked_lines, read_claims, read_questions, show_questions
from unlearnlib.report.questions import Question

from .made_verdicts import frames, whole

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
QUESTIONS = read_questions()
LABEL = re.compile(r"^\(((?:jit|pgu|lf|nt)-\w+)\)=\n#+ ", re.MULTILINE)


def labels(page: str) -> list[str]:
    """Return the labels of the headings of a page that answer a question."""
    cells = nbformat.read(FOLDER / f"{page}.ipynb", as_version=4).cells
    return [name for cell in cells for name in LABEL.findall(cell.source)]


def test_there_are_44_of_four_papers() -> None:
    papers = [question.id.partition("-")[0] for question in QUESTIONS]
    counts = {paper: papers.count(paper) for paper in papers}
    assert counts == {"jit": 14, "pgu": 10, "lf": 10, "nt": 10}
    title = nbformat.read(FOLDER / "questions.ipynb", as_version=4).cells[0].source
    assert title.startswith(f"# {len(QUESTIONS)} questions")


def test_each_has_a_heading_on_its_page_and_no_heading_has_another() -> None:
    pages = [
        path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.ipynb")
    ]
    found = sorted((name, page) for page in pages for name in labels(page))
    assert found == sorted((question.id, question.page) for question in QUESTIONS)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_its_page_prints_what_is_quoted_and_its_claims_are_judged(question: Question) -> None:
    assert set(question.claims) <= {claim.id for claim in read_claims()}
    verdicts = frames(*(whole(id=name) for name in question.claims or ["jit-fast"]))
    lines = {question.page: checked_lines(FOLDER / f"{question.page}.ipynb")}
    html = show_questions([question], verdicts, lines)._repr_html_()
    assert f'id="question-{question.id}"><a href="{question.page}.html#{question.id}">' in html
    assert html.count("<q>") >= len(question.lines)
    assert html.count('<span class="verdict') == len(question.claims)


def asked(**changed: Any) -> Question:
    return Question(**{"id": "jit-q1", "asks": "Is it <so>?", "page": "jit/method", **changed})


def test_the_first_scale_that_can_be_tested_answers() -> None:
    untested = whole(verdict="cannot be tested here", share="")
    decided = whole(scale="workstation", verdict="not reproduced", share="1/10")
    later = whole(scale="paper")
    question = asked(claims=("jit-fast",))
    shown = repr(show_questions([question], frames(untested, decided, later), {}))
    says = "JiT is fast & light."
    assert shown.splitlines() == [
        "Is it <so>?",
        f"○ not reproduced (holds in 1 of 10 models, workstation scale): {says}",
    ]
    none = repr(show_questions([question], frames(untested), {}))
    assert f"– cannot be tested here (laptop scale): {says}" in none


def test_a_line_is_quoted_as_it_is_and_one_without_an_answer_says_so() -> None:
    lines = {"jit/method": ["JiT: 3 of 10 < 4", "SSD: 1 of 10", "JiT: 9 of 10"]}
    quoted = show_questions([asked(lines=("JiT: *",))], frames(whole()), lines)
    assert "<dd><q>JiT: 3 of 10 &lt; 4</q></dd><dd><q>JiT: 9 of 10</q></dd>" in quoted._repr_html_()
    assert "SSD" not in quoted._repr_html_()
    silent = show_questions([asked()], frames(whole()), {})
    assert repr(silent).splitlines() == ["Is it <so>?", "No page answers this."]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"lines": ("JiT: *",)}, "'jit-q1' is answered by 'JiT: .', but no checked cell of jit/me"),
        ({"claims": ("none",)}, r"'jit-q1' names \['none'\], which were not judged"),
    ],
)
def test_what_is_not_there_is_refused(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        show_questions([asked(**changed)], frames(whole()), {"jit/method": ["SSD: 1"]})


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({"id": "a"}, "must be a list of questions, each a mapping of id, asks, page, says"),
        ([{"id": "a", "asks": "?"}], "question 'a': It lacks 'page'"),
        (
            [{"id": "a", "asks": "?", "page": "b", "line": []}],
            "no line. Did you mean lines",
        ),
        ([{"id": "a", "asks": 3, "page": "b"}], "question 'a': asks must be text, not 3"),
        ([{"id": "a", "asks": "?", "page": "b"}] * 2, "uses the id 'a' more than once"),
        ([{"id": "a", "asks": "?", "page": "b", "says": "In 3."}], "'a' says 'In 3.', a number"),
    ],
)
def test_a_mistake_in_the_list_is_told(tmp_path: Path, entries: Any, says: str) -> None:
    path = tmp_path / "questions.yaml"
    path.write_text(json.dumps(entries), encoding="utf-8")
    with pytest.raises(SpecError, match=re.escape(says)):
        read_questions(path)


def test_lines_are_those_of_checked_cells_in_one_piece(tmp_path: Path) -> None:
    new: Any = nbformat.v4
    stream = [new.new_output("stream", text=text) for text in ("one\ntw", "o\n  three\n")]
    box = new.new_output("display_data", data={"text/plain": "Why?\nSo.", "text/html": "<p>"})
    tags = {"tags": ["hide-input", "nbval-check-output"]}
    cells = [
        new.new_code_cell("", outputs=stream, metadata=tags),
        new.new_code_cell("", outputs=[box], metadata=tags),
        new.new_code_cell("", outputs=[new.new_output("stream", text="not checked")]),
    ]
    path = tmp_path / "page.ipynb"
    path.write_text(json.dumps(new.new_notebook(cells=cells)), encoding="utf-8")
    assert checked_lines(path) == ["one", "two", "three", "Why?", "So."]
