"""The library without Jupyter.

python -m unlearnlib run SPEC ...                     make the runs that are missing in grids
python -m unlearnlib sweep NOTEBOOK --grid GRID.yaml  run a notebook at many points
python -m unlearnlib data NAME ...                    download data sets and check them
"""

import argparse
import re
import sys
import time
from pathlib import Path

from . import records
from .data import NAMES, load
from .errors import UnlearnError
from .grid import Grid, run_grid
from .locations import cache_folder


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.go(options) or 0)
    except KeyboardInterrupt:
        print("stopped; the same command goes on where this one was", file=sys.stderr)
        return 130
    except (UnlearnError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(prog="python -m unlearnlib")
    commands = parser.add_subparsers(required=True)

    run = commands.add_parser("run", help="make the runs that are missing in grids")
    run.add_argument("specs", nargs="+", type=Path, help="files of JSON or YAML, one grid each")
    run.add_argument("--budget", type=seconds, metavar="25m", help=BUDGET)
    run.set_defaults(go=_run)

    sweep = commands.add_parser("sweep", help="run a notebook at many points")
    sweep.add_argument("notebook", type=Path)
    sweep.add_argument("--grid", type=Path, required=True, help="file: parameter -> values")
    sweep.add_argument("--out", type=Path, help="folder of the sweep (default: in the cache)")
    sweep.add_argument("--jobs", type=int, default=1, help="runs at a time (default 1)")
    sweep.add_argument("--sample", type=int, metavar="N", help="N points in place of all")
    sweep.add_argument("--sobol", action="store_true", help="draw the sample evenly")
    sweep.add_argument("--seed", type=int, default=0, help="seed of the sample (default 0)")
    sweep.add_argument("--timeout", type=int, metavar="S", help="seconds that a cell may take")
    sweep.add_argument("--budget", type=seconds, metavar="25m", help=BUDGET)
    sweep.add_argument("--dry-run", action="store_true", help="list the runs and stop")
    sweep.add_argument("--retry-failed", action="store_true", help="repeat what failed")
    sweep.add_argument("--backend", choices=["loky", "dask"], default="loky")
    sweep.add_argument("--scheduler", metavar="ADDRESS", help="of a dask cluster")
    sweep.set_defaults(go=_sweep)

    data = commands.add_parser("data", help="download data sets and check them")
    data.add_argument("names", nargs="+", choices=NAMES)
    data.set_defaults(go=_data)
    return parser


BUDGET = "time to spend, such as 90s, 25m or 2h: what would not end within it is not started"


def seconds(text: str) -> float:
    """Return the seconds that a text such as `25m` stands for.

    >>> seconds("1.5h")
    5400.0
    """
    found = re.fullmatch(r"([0-9.]+)([smh]?)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"'{text}' is no time; write 90s, 25m or 2h")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


def _data(options: argparse.Namespace) -> None:
    """Download data sets."""
    for name in options.names:
        data = load(name)
        print(f"{name}: {len(data.train)} + {len(data.test)} examples")


def _run(options: argparse.Namespace) -> None:
    """Make the runs of grids."""
    end = time.monotonic() + options.budget if options.budget is not None else None
    for spec, grid in [(spec, Grid.read(spec)) for spec in options.specs]:
        print(f"{spec}: {sum(1 for _ in grid.runs())} runs")
        try:
            table = run_grid(grid, None if end is None else max(0.0, end - time.monotonic()))
        finally:  # what did not fail is packed all the same
            place = records.merge(grid.part, grid.scale)
        print(f"{table['run_id'].nunique()} runs in {place}")


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
