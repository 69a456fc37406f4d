"""What the cache is asked to keep: it counts how often it was made."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from unlearnlib.cache import FORMAT, digest, kept


class Maker:
    """Makes numbers and counts how often it was asked to."""

    def __init__(self, size: int = 3) -> None:
        self.calls, self.size = 0, size

    def __call__(self) -> Any:
        self.calls += 1
        return [torch.randn(self.size)]

    def model(self) -> tuple[nn.Linear, dict[str, float]]:
        self()
        return nn.Linear(3, 2).eval(), {"seconds": 0.5}


def load(path: Path) -> Any:
    return torch.load(path, weights_only=True)


def ask(make: Maker, identity: Any = None) -> Any:
    return kept("numbers", {"name": "a"} if identity is None else identity, load, make, torch.save)


def place(lab: Path, name: str = "a", folder: str = "numbers") -> Path:
    return lab / "cache" / folder / f"{digest({'name': name, 'format': FORMAT})}.pt"
