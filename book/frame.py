"""What stands around the text of every page: an extension of Sphinx, named in _config.yml.

The answer stands under the title and code is folded, figures and tables have numbers and links,
headings lead to the question that they answer, the foot of a page says where it comes from and how
to cite it, and nothing is loaded that a page from a folder cannot load.
"""

import re
from html import escape
from pathlib import Path
from typing import Any

from captions import asked, captioned, headed, unbroken
from docutils import nodes
from sources import NOTEBOOKS, PUBLISHED, bibtex, records, specifications
from sphinx.application import Sphinx

EXECUTED = "book/_executed/"  # where build.py puts the copies that pages are made from
SOURCES = "#sources"  # where the foot of such a page names its records
FIRST = ("answer", "main-figure")
"""Tags of the cells that stand under the title, in this order."""
_ICON_FONTS = re.compile(r"\s*<link [^>]*vendor/fontawesome/[^>]*>")
_SIDEBAR = '<div class="bd-sidebar-primary bd-sidebar">'


def fold(app: Sphinx, document: nodes.document) -> None:
    """Fold the code of every cell that is not tagged "show-input"; a click opens it."""
    for cell in document.findall(nodes.container):
        if cell.get("nb_element") == "cell_code" and "tag_show-input" not in cell["classes"]:
            cell["hide_mode"] = "input"
            cell["prompt_show"], cell["prompt_hide"] = "Show code", "Hide code"


def answer_first(app: Sphinx, document: nodes.document) -> None:
    """Put the answer and the main figure, as cells are tagged, under the title of the page.

    In the notebook they follow what they are computed from.
    """
    cells = list(document.findall(nodes.container))
    first = [cell for tag in FIRST for cell in cells if f"tag_{tag}" in cell["classes"]]
    for cell in first:
        cell.parent.remove(cell)
    for title in list(document.findall(nodes.title))[:1]:
        title.parent[1:1] = first


def frame(app: Sphinx, page: str, template: str, context: dict[str, Any], document: Any) -> None:
    """Finish the text of a page, and leave out the scripts that would run its code elsewhere."""
    context["script_files"] = [
        script
        for script in context["script_files"]
        if "thebe" not in f"{script.filename} {script.attributes.get('body')}".lower()
    ]
    has_foot = app.builder.name == "html" and page.startswith(EXECUTED)
    if context.get("body"):
        body = headed(unbroken(context["body"]))
        context["body"] = captioned(body, SOURCES if has_foot else "")
    if has_foot:
        questions = f"{'../' * page.removeprefix(EXECUTED).count('/')}questions.html"
        context["body"] = asked(context["body"], questions)
        context["body"] += foot(page.removeprefix(EXECUTED), context)


def foot(page: str, context: dict[str, Any]) -> str:
    """Return the HTML below a page: its notebook, specifications and records, and its citation."""
    root = "../" * page.count("/") + "../../"
    copy = f"{root}_sources/{EXECUTED}{page}.ipynb"

    def files(name: str, paths: list[Path]) -> str:
        if not paths:
            return ""
        link = f'<li><a href="{root}{PUBLISHED}/{{0}}">{{0}}</a></li>'
        links = [link.format(path.as_posix()) for path in paths]
        return (
            f"<details><summary>{name} ({len(links)})</summary><ul>{''.join(links)}</ul></details>"
        )

    title = re.sub(r"<[^>]+>", "", context["title"])
    return (
        f'<section class="page-sources" id="{SOURCES[1:]}" aria-label="Sources of this page">'
        f'<p>This page is <a href="{copy}" download>{NOTEBOOKS}/{page}.ipynb</a>, executed.</p>'
        f"{files('Specifications of its recorded runs', specifications(page))}"
        f"{files('Records of the parts that it reads', records(page))}"
        f"<details><summary>Cite this page</summary><pre>{escape(bibtex(page, title))}</pre>"
        f'<p>Cite the papers, too: <a href="{root}book/bibliography.html">bibliography</a>.</p>'
        "</details></section>"
    )


def of_the_theme(page: str) -> str:
    """Return the HTML of a whole page with what the theme does otherwise.

    No font is loaded for icons: they are drawn as SVG, and from a folder a browser loads no font.
    The bar at the side is a landmark with a name, which who hears the page can go to or pass over,
    and an entry of the bibliography is an item of its list: its own role is no longer in ARIA.

    >>> of_the_theme('<div class="bd-sidebar-primary bd-sidebar">')
    '<div class="bd-sidebar-primary bd-sidebar" role="complementary" aria-label="Book">'
    """
    landmark = f'{_SIDEBAR[:-1]} role="complementary" aria-label="Book">'
    page = _ICON_FONTS.sub("", page).replace(_SIDEBAR, landmark)
    return page.replace('role="doc-biblioentry"', 'role="listitem"')


def finish(app: Sphinx, error: Exception | None) -> None:
    """Change in every page that is written what the theme does otherwise."""
    if error is None and app.builder.format == "html":
        for path in Path(app.outdir).rglob("*.html"):
            path.write_text(of_the_theme(path.read_text(encoding="utf-8")), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the functions above to their events."""
    app.connect("doctree-read", fold)
    app.connect("doctree-read", answer_first)
    app.connect("html-page-context", frame, priority=900)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
