"""The library without Jupyter.

python -m unlearnlib run SPEC ...     make the runs that are missing in grids
python -m unlearnlib data NAME ...    download data sets and check them
"""

import argparse
import sys
from pathlib import Path

from . import records
from .data import NAMES, load
from .errors import UnlearnError
from .grid import Grid, run_grid


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m unlearnlib")
    commands = parser.add_subparsers(dest="command", required=True)
    runner = commands.add_parser("run", help="make the runs that are missing in grids")
    runner.add_argument("specs", nargs="+", type=Path, help="files of JSON or YAML, one grid each")
    loader = commands.add_parser("data", help="download data sets and check them")
    loader.add_argument("names", nargs="+", choices=NAMES)
    options = parser.parse_args(arguments)
    try:
        if options.command == "data":
            for name in options.names:
                data = load(name)
                print(f"{name}: {len(data.train)} + {len(data.test)} images")
            return 0
        grids = [(spec, Grid.read(spec)) for spec in options.specs]
        for spec, grid in grids:
            print(f"{spec}: {sum(1 for _ in grid.runs())} runs")
            try:
                table = run_grid(grid)
            finally:  # what did not fail is packed all the same
                place = records.merge(grid.part, grid.scale)
            print(f"{table['run_id'].nunique()} runs in {place}")
    except (UnlearnError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
