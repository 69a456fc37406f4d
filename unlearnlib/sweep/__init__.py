"""Notebooks executed by papermill, one or many: the only part that knows that they exist.

`README.md` in this folder explains the design.

- `schedule`: `plan` and `sweep`: which runs there are, and who makes them; begin here
- `notebook_run`: one run, its status file, and `collect`, the table of all
- `space`: the points of a grid file, and what papermill is to set at each
- `parameters`: the parameters of a notebook, read without running it
- `execute`: one notebook, in a kernel that starts at once
- `kernel`: such kernels, from the side of who asks for one
- `serve`: such a kernel, from its own side; `preload`: what its server imports first
"""

from .execute import CellError, execute
from .notebook_run import collect
from .schedule import plan, sweep
from .space import grid_of

__all__ = ["CellError", "collect", "execute", "grid_of", "plan", "sweep"]
