"""The library without Jupyter.

python -m unlearnlib run SPEC ...                     make the runs that are missing in grids
python -m unlearnlib record NOTEBOOK ...              record the laptop runs that pages lack
python -m unlearnlib sweep NOTEBOOK --grid GRID.yaml  run a notebook at many points
python -m unlearnlib data NAME ...                    download data sets and check them
"""

import argparse
import os
import re
import sys
import tempfile
import time
import traceback
import warnings
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import StoppedError, UnlearnError, sentences
from .locations import cache_folder, committed_records

if TYPE_CHECKING:  # a command imports what it needs: --help has no use for torch
    from .runs.grid import Grid


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        status = int(options.go(options) or 0)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print("stopped; the same command goes on where this one was", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read the output has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        _tell(error, options.verbose)
        return 1


def _parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(prog="python -m unlearnlib")
    parser.set_defaults(verbose=False)
    commands = parser.add_subparsers(required=True)
    every = argparse.ArgumentParser(add_help=False)
    every.add_argument("--verbose", action="store_true", help="show the traceback of an error")

    run = commands.add_parser(
        "run", parents=[every], description=RUN, help="make the runs that are missing in grids"
    )
    run.add_argument("specs", nargs="+", type=Path, help="files of JSON or YAML, one grid each")
    run.add_argument("--budget", type=seconds, metavar="25m", help=f"{BUDGET}; {PAUSE}")
    run.add_argument("--threads", type=count, metavar="N", help="threads of the processor")
    run.add_argument(
        "--dry-run", action="store_true", help="measure speeds, print the plan and run nothing"
    )
    run.set_defaults(go=_run)

    record = commands.add_parser(
        "record", parents=[every], description=RECORD, help="record the runs that pages lack"
    )
    record.add_argument("notebooks", nargs="+", type=Path)
    record.add_argument("--grid", type=Path, help="of a sweep, whose points all are recorded")
    record.set_defaults(go=_record)

    sweep = commands.add_parser("sweep", parents=[every], help="run a notebook at many points")
    sweep.add_argument("notebook", type=Path)
    sweep.add_argument("--grid", type=Path, required=True, help="file: parameter -> values")
    sweep.add_argument("--out", type=Path, help="folder of the sweep (default: in the cache)")
    sweep.add_argument("--jobs", type=count, default=1, help="runs at a time (default 1)")
    sweep.add_argument("--sample", type=count, metavar="N", help="N points in place of all")
    sweep.add_argument("--sobol", action="store_true", help="draw the sample evenly")
    sweep.add_argument("--seed", type=whole, default=0, help="seed of the sample (default 0)")
    sweep.add_argument("--timeout", type=count, metavar="S", help="seconds that a cell may take")
    sweep.add_argument("--budget", type=seconds, metavar="25m", help=BUDGET)
    sweep.add_argument("--dry-run", action="store_true", help="list the runs and stop")
    sweep.add_argument("--retry-failed", action="store_true", help="repeat what failed")
    sweep.add_argument("--backend", choices=["loky", "dask"], default="loky")
    sweep.add_argument("--scheduler", metavar="ADDRESS", help="of a dask cluster")
    sweep.set_defaults(go=_sweep)

    data = commands.add_parser("data", parents=[every], help="download data sets and check them")
    data.add_argument("names", nargs="+", metavar="NAME", help=SETS)
    data.set_defaults(go=_data)
    return parser


RUN = (
    "Make the runs that are missing in grids. All specifications are checked first, and all of "
    "their mistakes are told before anything is trained. One that is wrong is left out, and a run "
    "that fails does not stop the others: failures are listed at the end, and the exit status is "
    "1. If nothing can be written any more, everything stops. Specifications that declare a worth "
    "are taken in the order of worth an hour, by an estimate that --dry-run prints; of these "
    "--budget skips one whose first training does not fit in the time that is left, and what is "
    "left at the end goes to the first that was skipped, as far as a checkpoint."
)
RECORD = (
    "Execute notebooks, so that the runs and the experiments that they lack are made and recorded "
    "in data/records, each as soon as it ends; when a notebook has ended, its runs are packed. "
    "What is recorded is not made again: delete it to have it made anew. A notebook that fails "
    "does not stop the others, and the same command goes on where this one was. With --grid they "
    "are executed at every point of a sweep, which then reads its numbers from the records; of an "
    "experiment those of the last point stay. UNLEARNLIB_RECORDS is not heeded."
)
PAUSE = "a training that runs stops at a checkpoint, and the same command goes on from there"
SETS = "such as cifar10; the error about a name that there is not tells all names"
BUDGET = "time to spend, such as 90s, 25m or 2h: what would not end within it is not started"


def seconds(text: str) -> float:
    """Return the seconds that a text such as `25m` stands for.

    >>> seconds("1.5h")
    5400.0
    """
    parts = re.fullmatch(r"([0-9]+\.?[0-9]*|\.[0-9]+)([smh]?)", text, re.ASCII)
    if parts is None:
        raise argparse.ArgumentTypeError(f"'{text}' is no time; write 90s, 25m or 2h")
    return float(parts[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[parts[2]]


def whole(text: str, least: int = 0) -> int:
    """Return the whole number that a text says, `least` or more."""
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) < least:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from {least}")
    return int(text)


def count(text: str) -> int:
    """Return the whole number that a text says, one or more."""
    return whole(text, 1)


def _tell(error: BaseException, verbose: bool, place: str = "") -> None:
    """Print an error, one sentence for each mistake or kind of failure; no traceback."""
    for sentence in sentences(error):
        print(f"error: {place}{sentence}", file=sys.stderr)
    if verbose:
        traceback.print_exception(error)


def _data(options: argparse.Namespace) -> int:
    """Download data sets; one that fails does not stop the others."""
    from .data import load

    failed: list[Exception] = []
    for name in options.names:
        try:
            data = load(name)
        except Exception as error:
            failed.append(error)
            continue
        print(f"{name}: {len(data.train)} + {len(data.test)} examples", flush=True)
    for one in failed:
        _tell(one, options.verbose)
    return int(bool(failed))


def _run(options: argparse.Namespace) -> int:
    """Make the runs of grids, or say what would be made."""
    import torch

    from .runs.grid import Grid
    from .runs.timetable import table, turns

    if options.threads:
        torch.set_num_threads(options.threads)
    end = time.monotonic() + options.budget if options.budget is not None else inf
    grids: list[tuple[str, Grid]] = []
    failed: list[tuple[str, Exception]] = []
    for spec in map(str, options.specs):
        try:
            grids.append((spec, Grid.read(spec)))
        except Exception as error:  # it names the file
            _tell(error, options.verbose)
            failed.append((spec, UnlearnError("left out for the mistakes above")))
    failed = failed if grids else []
    if options.dry_run:
        print(*table(grids, inf if options.budget is None else options.budget), sep="\n")
        return int(bool(failed) or not grids)  # the mistakes are told
    ahead = turns(grids, lambda: inf if end == inf else max(0.0, end - time.monotonic()))
    for spec, grid, left, why in ahead:
        if why:
            print(f"{spec}: skipped: {why}", flush=True)
            continue
        try:
            _make(spec, grid, None if left == inf else left)
        except BrokenPipeError:
            raise
        except Exception as error:
            failed.append((spec, error))
            if isinstance(error, StoppedError):
                failed += [(late, UnlearnError("not started")) for late, *_ in ahead]
    for spec, fault in failed:
        _tell(fault, options.verbose, f"{spec}: ")
    return int(bool(failed) or not grids)


def _make(spec: str, grid: "Grid", budget: float | None) -> None:
    """Make the runs of a grid that are missing, and pack what is recorded."""
    from .runs import records
    from .runs.run_grid import run_grid

    print(f"{spec}: ", end="", flush=True)  # a large grid takes a while to look through
    missing = len(grid.missing())
    if not missing:
        records.merge(grid.part, grid.scale)
        print(f"all {len(grid)} runs are recorded, nothing to do", flush=True)
        return
    print(f"{len(grid)} runs, {missing} of them missing", flush=True)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".* diverged and have no number")  # told at the end
            diverged = run_grid(grid, budget).attrs["diverged"]
    except StoppedError:
        raise  # there is no room to pack anything either
    except BaseException:
        with suppress(UnlearnError):  # the failure is told, and loose records stay as they are
            _pack(grid)
        raise
    _pack(grid)
    for text in diverged:
        print(f"diverged: {text}", flush=True)


def _pack(grid: "Grid") -> None:
    """Pack what is recorded, and say how much that is."""
    from .runs import records

    if place := records.merge(grid.part, grid.scale):
        print(f"{len(grid) - len(grid.missing())} of {len(grid)} runs in {place}", flush=True)


def _record(options: argparse.Namespace) -> int:
    """Execute notebooks whose runs are written to the records that are committed."""
    from .runs import records
    from .sweep import execute, plan  # needs papermill, which the rest does not

    home, failed = committed_records(), 0
    environment = {"UNLEARNLIB_RECORDS": str(home), "RERUN": "none"}
    os.environ |= environment
    for notebook in options.notebooks:
        start, errors = time.monotonic(), list[Exception]()
        try:
            with tempfile.TemporaryDirectory() as folder:
                copy = Path(folder, notebook.name)
                runs = plan(notebook, options.grid, folder) if options.grid else []
                for parameters in [run.parameters for run in runs] or [{}]:
                    execute(notebook, copy, parameters, environment=environment)
        except Exception as error:
            errors.append(error)
        for loose in sorted(path for path in home.glob("[!.]*/[!.]*") if path.is_dir()):
            try:
                records.merge(loose.parent.name, loose.name)
            except UnlearnError as error:  # the loose records stay, those of other parts are packed
                errors.append(error)
        for one in errors:
            _tell(one, options.verbose, f"{notebook}: ")
        failed += bool(errors)
        print(f"{notebook}: {time.monotonic() - start:.0f} s", flush=True)
    return int(bool(failed))


def _sweep(options: argparse.Namespace) -> int:
    """Run a notebook at many points."""
    from .sweep import plan, sweep  # needs papermill, which the rest does not

    folder = options.out or cache_folder() / "sweeps" / (
        f"{options.notebook.stem}-{options.grid.stem}"
    )
    drawn = {name: getattr(options, name) for name in ("jobs", "sample", "sobol", "seed")}
    runs = plan(options.notebook, options.grid, folder, timeout=options.timeout, **drawn)
    states = [(run, (run.status() or {"state": "missing"})["state"]) for run in runs]
    missing = sum(state == "missing" for _, state in states)
    print(f"{options.notebook.name}: {len(runs)} runs, {missing} of them missing, in {folder}")
    if options.dry_run:
        for run, state in states:
            print(f"{run.name}  {state:7}  {dict(run.point)}")
        return 0
    how = {name: getattr(options, name) for name in ("jobs", "budget", "backend", "scheduler")}
    ended = sweep(runs, retry_failed=options.retry_failed, **how)
    failed = [status for status in ended if status["state"] == "failed"]
    for status in failed:
        print(f"failed: {status['point']}\n    {status['error'].partition(chr(10))[0]}")
    late = len(runs) - len(ended)
    print(f"{len(ended) - len(failed)} done, {len(failed)} failed, {late} not started")
    print(f"The table: {folder / 'results.csv'}; the notebooks: {folder / 'runs'}")
    return int(bool(failed or late))


if __name__ == "__main__":
    sys.exit(main())
