"""Execute the notebooks of _toc.yml with papermill, then build the book's HTML.

Run it through `make book`. The executed copies go to book/_executed, and the pages are made from
those. A copy remembers a checksum of all that it was computed from, so a notebook whose inputs did
not change is not executed again.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from time import perf_counter

import IPython.paths  # noqa: F401  # jupyter_client imports it late, which two threads at once cannot
import nbformat
import yaml
from links import dead_links
from sources import NOTEBOOKS as SOURCES
from sources import PUBLISHED, RECORDS, specifications

ROOT = Path(__file__).resolve().parent.parent
EXECUTED, BUILD = Path("book/_executed"), Path("book/_build")
EXTRA = EXECUTED / "_extra"  # copied into the built book as it is
TIMES = EXECUTED / "_times.md"
LAST = "this_build"  # the page that sums up what all others made anew


def pages(entry: object) -> Iterator[str]:
    """Yield the names of the notebooks in (a part of) the table of contents, in its order."""
    if isinstance(entry, list):
        for item in entry:
            yield from pages(item)
    elif isinstance(entry, dict):
        for key, value in entry.items():
            if key in ("root", "file") and Path(value).is_relative_to(EXECUTED):
                yield Path(value).relative_to(EXECUTED).with_suffix("").as_posix()
            else:
                yield from pages(value)


def files_behind_all() -> list[Path]:
    """Return the files that every notebook depends on: library, data and pinned versions."""
    data = (path for path in Path("data").rglob("*") if path.is_file())
    return sorted([*Path("unlearnlib").rglob("*.py"), *data, Path("requirements.txt")])


def checksum(paths: list[Path]) -> str:
    """Return a digest over the names and the contents of `paths`."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.as_posix().encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def inputs_of(page: str, common: str) -> str:
    """Return a digest over a notebook's cells (not outputs), its parameter files and `common`."""
    cells = read(SOURCES / f"{page}.ipynb").cells
    told = [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in cells]
    beside = checksum(specifications(page))
    anew = os.environ.get("RERUN") or "sample"
    return hashlib.sha256(repr((told, beside, common, anew)).encode()).hexdigest()


def read(path: Path) -> nbformat.NotebookNode:
    """Read a notebook of the current format."""
    return nbformat.read(path, as_version=4)


def execute(page: str, inputs: str) -> float:
    """Execute one notebook into its copy, mark the copy with `inputs`, return the seconds."""
    from unlearnlib.sweep import execute  # slow to import, and often not needed

    start = perf_counter()
    sys.stdout.write(f"      {page} ...\n")  # in one piece: several of these run at a time
    copy = EXECUTED / f"{page}.ipynb"
    notebook = execute(SOURCES / f"{page}.ipynb", copy)
    notebook.metadata.pop("papermill", None)  # times and paths of this run
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if not cell.metadata.get("tags"):
            cell.metadata.pop("tags", None)
    seconds = perf_counter() - start
    now = datetime.now(UTC).isoformat(" ", "minutes").partition("+")[0]
    notebook.metadata |= {"inputs": inputs, "executed": now, "seconds": round(seconds, 1)}
    nbformat.write(notebook, copy)
    return seconds


def apart(names: list[str]) -> list[str]:
    """Return the pages in an order in which neighbours have different data or networks.

    Those with the same train the same models, and the second would wait for the first. The last of
    a part come first: they are the longest.
    """
    groups: dict[str, list[str]] = {}
    for page in reversed(names):
        text = (SOURCES / f"{page}.ipynb").read_text(encoding="utf-8")
        common = re.findall(r"(?:dataset|model): str = ([^#]*)", text)
        groups.setdefault(repr(common), []).append(page)
    turns = zip_longest(*groups.values())
    return [page for turn in turns for page in turn if page is not None]


def inputs_of_all(names: list[str]) -> dict[str, str]:
    """Return the digest of each page's inputs.

    The pages at the top level sum up the others: they depend on all of them.
    """
    common = checksum(files_behind_all())
    inputs = {page: inputs_of(page, common) for page in names if "/" in page}
    together = repr(list(inputs.values()))
    return inputs | {page: inputs_of(page, together) for page in names if "/" not in page}


def stages(names: list[str]) -> list[list[str]]:
    """Return the pages in the order in which to execute them; those that sum up come last."""
    tops = [page for page in names if "/" not in page]
    last = [page for page in tops if page == LAST]
    return [apart([page for page in names if "/" in page]), [p for p in tops if p != LAST], last]


def execute_all(names: list[str], jobs: int) -> None:
    """Execute what has changed since its copy was made, `jobs` at a time, and say so by line."""
    inputs, done = inputs_of_all(names), 0
    with ThreadPoolExecutor(jobs) as pool:
        for stage in stages(names):
            running = {}
            for page in stage:
                copy = EXECUTED / f"{page}.ipynb"
                if copy.exists() and read(copy).metadata.get("inputs") == inputs[page]:
                    done += 1
                    print(f"[{done}/{len(names)}] {page}  unchanged")
                else:
                    running[pool.submit(execute, page, inputs[page])] = page
            for future in as_completed(running):
                if error := future.exception():
                    pool.shutdown(cancel_futures=True)  # what runs is finished, and kept
                    sys.exit(f"\n\n{error}\nWhat the other notebooks computed is kept.")
                done += 1
                page = running[future]
                sys.stdout.write(f"[{done}/{len(names)}] {page}  {future.result():.1f} s\n")


def take_committed(names: list[str]) -> None:
    """Take the committed outputs of the pages that have no copy of their present inputs."""
    current = inputs_of_all(names)
    for page in names:
        copy = EXECUTED / f"{page}.ipynb"
        if not copy.exists() or read(copy).metadata.get("inputs") != current[page]:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(SOURCES / f"{page}.ipynb", copy)


def copy_back(names: list[str]) -> None:
    """Write the executed copies over the notebooks, without times, paths and checksums."""
    for page in names:
        shutil.copyfile(EXECUTED / f"{page}.ipynb", SOURCES / f"{page}.ipynb")
    ours = " ".join(f"metadata.{key}" for key in ("inputs", "executed", "seconds"))
    strip = ["nbstripout", "--keep-output", "--keep-count", "--extra-keys", ours]
    run(*strip, *(str(SOURCES / f"{page}.ipynb") for page in names))


def publish_sweeps() -> set[str]:
    """Copy the executed notebooks of the sweeps to where the book links to them.

    Returns:
        The names of those that are not there, since no sweep was made with this cache.
    """
    target = EXTRA / EXECUTED / "sweeps"  # beside the page that links to them
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    from unlearnlib.locations import cache_folder  # torch comes with it, and is often not needed

    found = {path.name: path for path in cache_folder().glob("sweeps/*/runs/*.ipynb")}
    page = (EXECUTED / "sweeps.ipynb").read_text(encoding="utf-8")
    linked = set(re.findall(r"sweeps/([0-9a-f]{16}\.ipynb)", page))
    for name in linked & found.keys():
        shutil.copyfile(found[name], target / name)
    return linked - found.keys()


def publish_sources(names: list[str]) -> None:
    """Copy the specifications and the records to where the foot of each page links to them."""
    target = EXTRA / PUBLISHED
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(RECORDS, target / RECORDS, ignore=shutil.ignore_patterns("*.lock"))
    for path in {path for page in names for path in specifications(page)}:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / path)


def tell_times(names: list[str]) -> None:
    """Write the table of when each page was executed, which book/pages.md includes."""
    lines = ["| Page | Executed (UTC) | Seconds |", "| :-- | :-- | --: |"]
    for page in names:
        told = read(EXECUTED / f"{page}.ipynb").metadata
        when = told.get("executed", "before: outputs as committed")
        lines.append(f"| [](_executed/{page}.ipynb) | {when} | {told.get('seconds', '—')} |")
    TIMES.write_text("\n".join([*lines, ""]), encoding="utf-8")


def build_html(names: list[str]) -> None:
    """Build the pages from nothing, so that the warnings of every page count."""
    start = perf_counter()
    absent = publish_sweeps()
    publish_sources(names)
    tell_times(names)
    shutil.rmtree(BUILD, ignore_errors=True)
    run("jupyter-book", "build", ".", "--path-output", "book", "-W", "-n", "--keep-going", "-q")
    follow_links(absent)
    print(f"HTML  {perf_counter() - start:.1f} s")
    print(f"The book: {ROOT / BUILD / 'html' / 'index.html'}")


def follow_links(absent: set[str]) -> None:
    """End if a link of the pages leads nowhere; say which sweeps are `absent`, and go on."""
    dead = dead_links(BUILD / "html")
    of_sweeps = [link for link in dead if link.rpartition("/")[2] in absent]
    if wrong := [link for link in dead if link not in of_sweeps]:
        sys.exit("\n".join([f"{len(wrong)} links of the book lead nowhere:", *wrong]))
    if of_sweeps:
        print(f"{len(of_sweeps)} notebooks of sweeps are missing: `make book` executes them.")


def run(tool: str, *arguments: str) -> None:
    """Run a command-line tool of this environment, and end with its status if it fails."""
    command = [str(Path(sys.executable).with_name(tool)), *arguments]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)  # errors are on stderr
    if done.returncode:
        sys.exit(f"{tool} failed ({done.returncode}): see above.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Execute the notebooks and build the book.")
    parser.add_argument(
        "--copy-back",
        action="store_true",
        help="write the executed notebooks to notebooks/ instead of building the HTML",
    )
    parser.add_argument(
        "--jobs", type=int, default=2, help="notebooks at a time; they share the cores (default 2)"
    )
    parser.add_argument(
        "--committed",
        action="store_true",
        help="build the HTML from the committed outputs where no copy is up to date",
    )
    parser.add_argument(
        "--list", action="store_true", help="print the notebooks, a line for each stage, and end"
    )
    options = parser.parse_args()
    os.chdir(ROOT)  # kernels start here, whatever folder make was called from
    names = list(pages(yaml.safe_load(Path("_toc.yml").read_text(encoding="utf-8"))))
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // options.jobs))
    if options.list:
        for stage in filter(None, stages(names)):
            print(*(SOURCES / f"{page}.ipynb" for page in stage))
    elif options.committed:
        take_committed(names)
        build_html(names)
    else:
        execute_all(names, options.jobs)
        copy_back(names) if options.copy_back else build_html(names)
