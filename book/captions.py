"""Figures and tables of a built page get a number, a visible caption and a link to themselves.

Headings of sections that answer a question of the book's list lead to its place there.
"""

import re

_CAPTIONED = re.compile(
    r"<caption(?P<style>[^>]*)>(?P<table>.*?)</caption>"
    r'|<img alt="(?P<figure>[^"]+)"(?P<rest>[^>]*src="data:image[^>]*)>'
    r'|(?P<svg><svg [^>]*aria-label=")(?P<drawn>[^"]+)(?P<marks>".*?</svg>)'
    r'|<span id="(?P<claim>claim-[^"]+)">(?P<sentence>.*?)</span>',
    re.DOTALL,
)
_HEADING = re.compile(r"(?<=>)[^<>]+(?=</th>)")
_INTERVAL = re.compile(r"\(\S+ to \S+\)(?=</td>)")
_ASKED = re.compile(
    r'<span id="(?P<id>(?:jit|pgu|lf|nt)-[a-z]\d+)"></span>\s*<h\d>.*?(?=<a class="headerlink")',
    re.DOTALL,
)
_CORNER = re.compile(r"<th((?:\s[^>]*)?)>(?:\s|&nbsp;|<p></p>)*</th>")


def captioned(body: str, sources: str = "") -> str:
    """Return the HTML of a page with numbered figures and tables, each of which can be linked to.

    A table has its caption already, above it. The alternative text of a figure becomes the caption
    below it, for all readers. Claims, which have names, get their link.

    Args:
        body: The HTML.
        sources: Where the page names its records and specifications, to which captions lead, too.

    >>> captioned("<caption>Accuracy</caption>")
    '<caption id="table-1"><b>Table 1.</b> Accuracy<a class="headerlink" href="#table-1" ...
    """
    counts = {"Figure": 0, "Table": 0}
    origin = f' <a class="records" href="{sources}">records</a>' if sources else ""

    def numbered(kind: str) -> tuple[str, str]:
        counts[kind] += 1
        return f"{kind} {counts[kind]}", f"{kind.lower()}-{counts[kind]}"

    def written(found: re.Match[str]) -> str:
        if found["claim"]:
            return f"{found[0]}{_link(found['claim'], 'claim')}"
        if found["table"] is not None:
            name, anchor = numbered("Table")
            text = f"<b>{name}.</b> {found['table']}{_link(anchor, 'table')}{origin}"
            return f'<caption{found["style"]} id="{anchor}">{text}</caption>'
        name, anchor = numbered("Figure")
        text = (
            f"<b>{name}.</b> {found['figure'] or found['drawn']}{_link(anchor, 'figure')}{origin}"
        )
        image = f"{found['svg']}{name}{found['marks']}"
        if found["figure"]:
            image = f'<img alt="{name}"{found["rest"]}>'
        return f'<figure id="{anchor}">{image}<figcaption>{text}</figcaption></figure>'

    return _CAPTIONED.sub(written, body)


def _link(anchor: str, what: str) -> str:
    return f'<a class="headerlink" href="#{anchor}" title="Link to this {what}">#</a>'


def asked(body: str, questions: str) -> str:
    """Return the HTML of a page whose headings, where they answer a question, lead to the list.

    Args:
        body: The HTML; the label of such a heading is the id of the question.
        questions: The address of the page with the list.

    >>> asked('<span id="lf-q6"></span><h2>Norms<a class="headerlink" ...', "questions.html")
    '<span id="lf-q6"></span><h2>Norms <a class="question" href="questions.html#question-lf-q6"...
    """

    def led(found: re.Match[str]) -> str:
        return (
            f'{found[0]} <a class="question" href="{questions}#question-{found["id"]}">question</a>'
        )

    return _ASKED.sub(led, body)


def headed(body: str) -> str:
    """Return the HTML of a page whose headings of columns say something, and can be broken.

    An empty corner is no heading: who hears a table would be told of one that says nothing. A long
    name has places at which a line may end, so that its column is not as wide as it is.

    >>> headed("<tr><th></th><th>class:Hans_Blix</th></tr>")
    '<tr><td></td><th>class:<wbr>Hans_<wbr>Blix</th></tr>'
    """
    body = _CORNER.sub(r"<td\1></td>", body)
    return _HEADING.sub(lambda found: re.sub("([_:])(?=.)", r"\1<wbr>", found[0]), body)


def unbroken(body: str) -> str:
    """Return the HTML of a page whose tables begin a new line before an interval, and not in it.

    >>> unbroken("<td>0.85 (0.83 to 0.86)</td>")
    '<td>0.85 <span class="interval">(0.83 to 0.86)</span></td>'
    """
    return _INTERVAL.sub(r'<span class="interval">\g<0></span>', body)
