"""Notebooks executed by papermill, one or many: the only part that knows that they exist."""

from .execute import CellError, execute
from .runs import collect
from .schedule import plan, sweep

__all__ = ["CellError", "collect", "execute", "plan", "sweep"]
