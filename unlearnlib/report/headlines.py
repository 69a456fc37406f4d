"""What the front page says first: how many claims hold, and of each paper which of its main ones.

Every word that judges is taken from the verdicts, so that another ledger gives another text.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape, unescape
from types import MappingProxyType

import pandas as pd

from ..errors import SpecError
from .answer import BOX
from .overview import cell_of
from .rows import row_dicts
from .verdicts import (
    CLAIM_GLYPHS,
    DEPENDS,
    NO_POWER,
    NOT,
    REPRODUCED,
    UNDECIDED,
    UNTESTED,
)

_COUNTED = {
    REPRODUCED: "reproduced", NOT: "not reproduced", DEPENDS: "depend on the setting",
    UNDECIDED: "undecided", NO_POWER: "without power", UNTESTED: "cannot be tested",
}  # fmt: skip
_EXACT = '<a href="../glossary.html#term-exact">exact counts</a>'
_SAYS = (REPRODUCED, NOT, DEPENDS)
"""Verdicts that say something about a claim."""
_FORMS = {"released": "as released", "equation": "by the equation"}
"""The forms of a claim by the end of its id."""
_OTHER = {"released": _FORMS["equation"], "equation": _FORMS["released"]}
"""What the plain id is, by the form that has an id of its own."""
_FORM = re.compile(f"-({'|'.join(_FORMS)})$")


@dataclass(frozen=True)
class Paper:
    """A paper whose claims are judged.

    Attributes:
        name: Of its method.
        ids: What the ids of its claims begin with.
        page: The page of the method.
        does: What the method does and what it sees, after its name.
        main: The ids of its main claims by what they say in a few words, with their border: how
            near it comes to retraining on a class and on single images, what an attack sees, and
            what it costs, as far as the paper claims that.
    """

    name: str
    ids: str
    page: str
    does: str
    main: Mapping[str, str] = field(default_factory=dict)


PAPERS = (
    Paper(
        "JiT", "jit-", "jit/method",
        "makes the network smooth around the images to forget, and sees nothing but these.",
        MappingProxyType({
            "A class loses 30 points, the others at most 4": "jit-zero-shot",
            "A class at most 15 points above retraining": "jit-class",
            "Random images within 5 points of retraining": "jit-random",
            "An attack on a class within 8 points of retraining": "jit-class-attack",
            "Fewer images through the network than fine-tuning": "jit-fast",
        }),
    ),
    Paper(
        "SSD", "ssd-", "dampening/method",
        "shrinks the parameters that matter most to what is to be forgotten, by the images to "
        "forget, their labels, and a statistic that was stored with the model.",
        MappingProxyType({
            "A class at most 2 points above retraining": "ssd-class",
            "Random images within 4 points of retraining": "ssd-random",
            "An attack on a class within 8 points of retraining": "ssd-class-attack",
            "Less than a tenth of the images that retraining needs": "ssd-fast",
        }),
    ),
    Paper(
        "LFSSD", "lfssd-", "dampening/method",
        "is SSD without labels: its statistic is how much the outputs respond.",
        MappingProxyType({
            "A class loses 30 points, the others at most 4": "lfssd-no-labels",
            "Within 5 points of SSD, whatever is forgotten": "lfssd-like-ssd",
        }),
    ),
    Paper(
        "ASSD", "assd-", "dampening/method",
        "is SSD that chooses how much to dampen by itself.",
        MappingProxyType({"A class at most 2 points above retraining": "assd-class"}),
    ),
    Paper(
        "PGU", "pgu-", "pgu/method",
        "takes gradient steps that keep clear of the directions which the retained data use: it "
        "sees the forget set, these directions, which are stored, and held-out data.",
        MappingProxyType({
            "A class at most 5 points above retraining": "pgu-class",
            "Single images within 5 points of retraining": "pgu-images-like-retrained",
            "A part of a class within 5 points of retraining": "pgu-part-like-retrained",
            "An attack on a class within 5 points of retraining": "pgu-class-attack",
            "A class for less than half of the images that retraining needs": "pgu-fast",
        }),
    ),
    Paper(
        "NablaTau", "nabla-tau-", "nabla_tau/method",
        "raises the loss of what is to be forgotten to that of unseen data, and trains on: it sees "
        "all of the training set.",
        MappingProxyType({
            "Up to 30 % of the data, attacks within 5 points of retraining": "nabla-tau-thirty",
            "Attacks are right in 45 to 55 %": "nabla-tau-attack",
            "A class at most 5 points above retraining": "nabla-tau-class",
            "Needs no tuning": "nabla-tau-no-tuning",
        }),
    ),
)  # fmt: skip
"""The papers of the book, in its order."""


@dataclass(frozen=True)
class Headlines:
    """Finished text with verdicts in it: HTML in a notebook, plain text elsewhere.

    Attributes:
        html: The text; its links are those of a page beside the ledger's.
    """

    html: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        """Return the text without its marks, a line for each of its lines."""
        html = re.sub(r"</t[hd]>", ": ", re.sub("<br>|</p>|</tr>|</d[td]>", "\n", self.html))
        text = unescape(re.sub(r"<[^>]+>", "", html))
        return "\n".join(filter(None, (line.strip(" :") for line in text.splitlines())))


def show_counts_of_verdicts(claims: pd.DataFrame) -> Headlines:
    """Return in a box how many claims of the papers have which verdict at each scale.

    Args:
        claims: What :func:`ledger` returned; what no paper claims is not counted.
    """
    claims = _of_papers(claims)
    names = list(dict.fromkeys(claims["id"]))
    bare = dict.fromkeys(_FORM.sub("", name) for name in names)
    of = f"{len(names)} verdicts on {len(bare)} claims of {len(_papers(names))} papers"
    lines = []
    for scale, rows in claims.groupby("scale", sort=False):
        if set(rows["verdict"]) == {UNTESTED}:
            lines.append(f"At <strong>{escape(str(scale))}</strong> scale nothing was run.")
            continue
        doubtful = int((rows["exploratory"] & (rows["verdict"] != UNTESTED)).sum())
        doubt = f" (exploratory: {doubtful})" if doubtful else ""
        first = f", of {of}" if not lines else ""
        counts = _counts(rows, marked=True)
        lines.append(f"At <strong>{escape(str(scale))}</strong> scale{first}: {counts}{doubt}.")
    return Headlines(f'<div class="answer" style="{BOX}">{"<br>".join(lines)}</div>')


def show_papers(claims: pd.DataFrame) -> Headlines:
    """Return for each paper what its method does, how many of its claims hold, and its main ones.

    Each main claim has its verdict at the first scale, and at others where they say something, in
    all of its forms, and leads to its row on the page `ledger`, beside that of the text.

    Args:
        claims: What :func:`ledger` returned, of all claims of the papers or of those of some.

    Raises:
        SpecError: A claim is of no paper, or a main claim of a paper was not judged.
    """
    claims = _of_papers(claims)
    papers = _papers(claims["id"])
    return Headlines(f'<div class="papers">\n{"".join(_paper(p, claims) for p in papers)}</div>')


def _of_papers(claims: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of what papers claim."""
    return claims[~claims["ours"].astype(bool)]


def _papers(names: Iterable[str]) -> list[Paper]:
    """Return the papers of claims; or complain about a claim without one."""
    names = list(dict.fromkeys(names))
    stray = [name for name in names if not any(name.startswith(paper.ids) for paper in PAPERS)]
    if stray:
        raise SpecError(
            f"The claims {stray} are of no paper that the front page knows: "
            f"{', '.join(paper.name for paper in PAPERS)}. Add theirs to `headlines.PAPERS`."
        )
    return [paper for paper in PAPERS if any(name.startswith(paper.ids) for name in names)]


def _counts(rows: pd.DataFrame, *, marked: bool = False) -> str:
    """Return "12 reproduced, 3 undecided": always the first, and what else there is.

    Where exact counts alone make a number, this is said.
    """
    told = []
    for word, text in _COUNTED.items():
        of_word = rows[rows["verdict"] == word]
        exact = word in _SAYS and len(of_word) > 0 and bool(of_word["exact"].all())
        if word == REPRODUCED or len(of_word):
            number = str(len(of_word))
            if marked:
                kind = word.replace(" ", "-")
                number = f'<span class="cell-of {kind}">{CLAIM_GLYPHS[word]} {number}</span>'
                why = f" ({_EXACT}: one model decides)" if exact else ""
                told.append(f'<span class="counted">{number} {text}</span>{why}')
            else:
                told.append(f"{number} {text}{' (exact counts)' if exact else ''}")
    return ", ".join(told)


def _paper(paper: Paper, claims: pd.DataFrame) -> str:
    """Return the entry of a paper."""
    rows = claims[claims["id"].str.startswith(paper.ids)]
    sentences = list[str]()
    for scale, judged in rows.groupby("scale", sort=False):
        if not sentences or judged["verdict"].isin(_SAYS).any():
            verdicts = "verdicts" if len(judged) > 1 else "verdict"
            counts = _counts(judged)
            sentences.append(f"Of {len(judged)} {verdicts} at {scale} scale: {counts}.")
    link = f'<a href="{paper.page}.html"><strong>{paper.name}</strong></a>'
    text = f"{link} {escape(paper.does)} {escape(' '.join(sentences))}"
    return f"<section><p>{text}</p>\n{_main(paper, rows)}</section>\n"


def _main(paper: Paper, rows: pd.DataFrame) -> str:
    """Return the table of the main claims: a row a claim, a column a form of the method."""
    ids = set(rows["id"])
    if strange := [name for name in paper.main.values() if name not in ids]:
        raise SpecError(
            f"The main claims {strange} of {paper.name} were not judged. Give `show_papers` the "
            "verdicts on all claims of a paper, or name others in `headlines.PAPERS`."
        )
    named = [end for end in _FORMS if any(f"{name}-{end}" in ids for name in paper.main.values())]
    forms = ["", *named]
    heads = [_OTHER[named[0]] if named else "verdict", *(_FORMS[end] for end in named)]
    lines = []
    for says, name in paper.main.items():
        found = (rows[rows["id"] == (f"{name}-{end}" if end else name)] for end in forms)
        cells = "".join(f"<td>{_verdicts(one)}</td>" for one in found)
        lines.append(f'<tr><th scope="row">{escape(says)}</th>{cells}</tr>')
    head = "".join(f'<th scope="col">{text}</th>' for text in ("Main claims", *heads))
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n" + "\n".join(lines) + "</tbody></table>"


def _verdicts(rows: pd.DataFrame) -> str:
    """Return the verdicts on one form of a claim, at the scales where they say something."""
    told = []
    for i, row in enumerate(row_dicts(rows)):
        if i == 0 or row["verdict"] in _SAYS:
            cell = cell_of(row, "", row["share"])._repr_html_()
            link = f'<a href="ledger.html#claim-{row["id"]}">{cell}</a>'
            told.append(f"{link} {row['scale']}" if i else link)
    return " ".join(told)
