"""Notebooks executed by papermill, one or many: the only part that knows that they exist."""

from .execute import CellError, execute

__all__ = ["CellError", "execute"]
