"""Notebooks with a cell of parameters."""

from pathlib import Path
from typing import Any

import nbformat

PARAMETERS = """
a: int = 1  # a number
b: float = 0.5
name: str = "x"
tags: list = [1, 2]
nested: dict = {"JiT": {"sigma": 1.0}, "JiT σ=0.1": {"sigma": 0.1}}
"""


def notebook(folder: Path, parameters: str = PARAMETERS, body: str = "") -> Path:
    """Write `page.ipynb` into a folder: its parameters, and below them a cell if there is more."""
    new: Any = nbformat.v4
    cells = [new.new_code_cell(parameters.strip(), metadata={"tags": ["parameters"]})]
    if body:
        cells.append(new.new_code_cell(body.strip()))
    path = folder / "page.ipynb"
    nbformat.write(new.new_notebook(cells=cells), path)
    return path
