"""Notebooks executed by papermill, one or many: the only part that knows that they exist."""

from .execute import CellError, execute
from .notebook_run import collect
from .schedule import plan, sweep
from .space import grid_of

__all__ = ["CellError", "collect", "execute", "grid_of", "plan", "sweep"]
