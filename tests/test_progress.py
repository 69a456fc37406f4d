"""What takes long is shown in a terminal, and nowhere else."""

import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from tqdm import tqdm

from unlearnlib import (
    GradientAscent,
    GradientSpace,
    Labelled,
    OwnScenario,
    Recipe,
    Splits,
    fisher_diagonal,
    progress,
    train,
    tune,
)

from .toys import seeded


class Terminal(io.StringIO):
    """Standard error as it is where someone looks at it."""

    def isatty(self) -> bool:
        return True


def data(seed: int) -> Labelled:
    return Labelled(torch.randn(12, 4, generator=seeded(seed)), torch.arange(12) % 3)


def tuned(model: nn.Module) -> object:
    splits = Splits.of(forget=data(0), retain=data(1), test=data(2), validation=data(3))
    return tune(GradientAscent(), OwnScenario(model, splits), margin=1.0, lr=[0.1, 0.2])


LONG: dict[str, Callable[[nn.Module], object]] = {
    "training": lambda m: train(m, data(0), Recipe(2), seeded(0)),
    "importance": lambda m: fisher_diagonal(m, data(0), chunk=4),
    "importance, in groups": lambda m: fisher_diagonal(m, data(0), group=4),
    "moments": lambda m: GradientSpace.of(m, data(0).inputs, chunk=4),
    "tuning": tuned,
}


@pytest.mark.parametrize("name", LONG)
def test_a_terminal_shows_what_takes_long(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tqdm, "monitor_interval", 0)
    monkeypatch.setattr(progress, "DELAY", 0.0)
    for terminal, seen in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr("sys.stderr", terminal)
        LONG[name](nn.Linear(4, 3).eval())
        assert (f"{name.partition(',')[0]}:" in terminal.getvalue()) == seen
        assert bool(terminal.getvalue()) == seen


def test_what_is_over_soon_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tqdm, "monitor_interval", 0)
    terminal: Any = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    assert [*progress.shown(range(3), "counting", "number")] == [0, 1, 2]
    assert not terminal.getvalue().strip()
