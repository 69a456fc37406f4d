"""The whole book as one PDF, printed by a headless Chromium: `make pdf`.

It is made of what `make book` has executed, or else of what is committed.
"""

import base64
import os
import shutil
from pathlib import Path

import yaml
from browser import browsing, executable
from build import BUILD, EXECUTED, ROOT, pages, run, take_committed

SINGLE, PDF = BUILD / "singlehtml", BUILD / "book.pdf"
MADE = SINGLE / EXECUTED / "intro.html"  # whose links are those of a page in SINGLE
_FOOTER = (
    '<p style="width:100%;text-align:center;font-size:8px">'
    '<span class="pageNumber"></span> / <span class="totalPages"></span></p>'
)
PAPER = {"paperWidth": 8.27, "paperHeight": 11.69, "marginTop": 0.6, "marginBottom": 0.7}  # A4, in
SIDES = {"marginLeft": 0.6, "marginRight": 0.6, "scale": 0.8}


def build_single_page() -> Path:
    """Build the book as one page of HTML and return the page, which stands beside what it shows."""
    shutil.rmtree(SINGLE, ignore_errors=True)
    run("jupyter-book", "build", ".", "--path-output", "book", "--builder", "singlehtml", "-q")
    return Path(shutil.copyfile(MADE, SINGLE / "book.html"))


def print_page(chromium: str, page: Path, to: Path) -> None:
    """Print `page` to the file `to`, with an outline, tags for readers aloud, and page numbers."""
    with browsing(chromium) as browser:
        browser.open(page.resolve().as_uri())
        printed = browser.ask(
            "Page.printToPDF",
            printBackground=True,
            generateDocumentOutline=True,
            generateTaggedPDF=True,
            displayHeaderFooter=True,
            headerTemplate="<span></span>",
            footerTemplate=_FOOTER,
            **PAPER,
            **SIDES,
        )
    to.write_bytes(base64.b64decode(printed["data"]))


def main() -> None:
    """Build the page, print it, and say where the PDF is."""
    chromium = executable()
    if chromium is None:
        print("No PDF: it is printed by Chromium or Chrome, and neither is installed here.")
        return
    os.chdir(ROOT)
    take_committed(list(pages(yaml.safe_load(Path("_toc.yml").read_text(encoding="utf-8")))))
    print_page(chromium, build_single_page(), PDF)
    print(f"The book: {ROOT / PDF} ({PDF.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
