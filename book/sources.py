"""Where a page comes from: its notebook, its specifications, its records; and how to cite it."""

import json
import re
from pathlib import Path

import yaml

NOTEBOOKS, RECORDS = Path("notebooks"), Path("data/records")
PUBLISHED = "sources"
"""The folder of the built book that holds copies of specifications and records."""


def specifications(page: str) -> list[Path]:
    """Return the parameter files of a notebook: those of its name, and grids in a folder of it."""
    source = NOTEBOOKS / f"{page}.ipynb"
    beside = source.parent.rglob(f"{source.stem}.*.yaml")
    return sorted({*beside, *source.with_suffix("").rglob("*.yaml")})


def records(page: str) -> list[Path]:
    """Return the files of records that a notebook reads: it names them, in quotes.

    Of a part that its code names, or a grid of its own, these are the tables of runs, and those of
    experiments (SCALE.NAME.csv) that it names as well.
    """
    cells = json.loads((NOTEBOOKS / f"{page}.ipynb").read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    code = code.replace("{part}", page.partition("/")[0])
    words = {*re.findall(r'"([\w-]+)"', code)}
    for path in specifications(page):
        part = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("part", [])
        words |= {part} if isinstance(part, str) else {*part}
    words |= {"runs", "rows"}
    return [
        path
        for path in sorted(RECORDS.glob("*/*.csv*"))
        if path.parent.name in words and path.name.split(".")[1] in words
    ]


def bibtex(page: str, title: str) -> str:
    """Return the entry by which a page is cited; author and version are those of CITATION.cff."""
    known = yaml.safe_load(Path("CITATION.cff").read_text(encoding="utf-8"))
    book = yaml.safe_load(Path("_config.yml").read_text(encoding="utf-8"))
    author = " and ".join(f"{{{person['name']}}}" for person in known["authors"])
    fields = {
        "author": author,
        "title": title,
        "howpublished": f"In: {book['title']}, version {known['version']}, page {page}",
        "year": book["copyright"],
    }
    lines = "".join(f",\n  {name} = {{{value}}}" for name, value in fields.items())
    return f"@misc{{unlearnlib-{page.replace('/', '-')}{lines}\n}}"
