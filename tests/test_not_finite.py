"""Numbers that are NaN or infinite: argmax of NaN is class 0, so a run that has them has failed."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from unlearnlib import (
    FineTune,
    Grid,
    JiT,
    Labelled,
    Method,
    Recipe,
    Retrain,
    Scenario,
    measure,
    rng,
    run,
    run_grid,
)
from unlearnlib.errors import NonFiniteError
from unlearnlib.report import figures


def scenario(request: str = "class:Boot", **changes: Any) -> Scenario:
    return Scenario("toy", "mlp", request, Recipe(2, lr=0.05, batch_size=32), **changes)


def spoilt(value: float) -> Method:
    """A method that fills the model with a number."""

    @dataclass(frozen=True)
    class Spoilt:
        def __call__(self, model: nn.Module) -> nn.Module:
            for parameter in model.parameters():
                parameter.data.fill_(value)
            return model

    return Spoilt()


@pytest.mark.usefixtures("lab")
class TestNotFinite:
    @pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
    def test_a_model_is_no_measurement(self, value: float) -> None:
        with pytest.raises(NonFiniteError, match=r"^Spoilt on class:Boot: '.*weight' of the resul"):
            run(spoilt(value), scenario())

    def test_nor_are_outputs_of_a_finite_model(self) -> None:
        """3e38 is a float32, and its product with itself is none."""
        told = r"^Spoilt on random:9: outputs on the split 'forget' are NaN or infinite\.$"
        with pytest.raises(NonFiniteError, match=told):
            run(spoilt(3e38), scenario("random:9"))

    @pytest.mark.parametrize("split", ["retain", "validation"])
    def test_each_split_is_looked_at(self, split: str) -> None:
        made = scenario(validation=0.25)
        part = getattr(made.splits, split)
        spoilt = Labelled(part.x.clone(), part.y)
        spoilt.x[-1] = torch.nan
        change: Any = {split: spoilt}
        splits = replace(made.splits, **change)
        with pytest.raises(NonFiniteError, match=f"the split '{split}' are NaN"):
            measure(made.original[0], splits)
        measure(made.original[0], splits, ["forget", "test"])

    @pytest.mark.parametrize("epochs", [1, 3])  # infinite outputs, then parameters that are NaN
    def test_a_training_that_diverges_is_told_and_not_kept(self, lab: Path, epochs: int) -> None:
        made = Scenario("toy", "mlp", "class:Boot", Recipe(epochs, lr=1e30))
        told = (
            r"The training of mlp on toy with seed 0 diverged: .* training\.lr, which is 1e\+30\."
        )
        with pytest.raises(NonFiniteError, match=f"^{told}$"):
            run(JiT(), made)
        assert not made.trained
        assert not [*(lab / "cache").rglob("*.pt")]

    def test_nor_is_a_model_that_is_retrained(
        self, lab: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = scenario()
        assert made.original
        before = [*(lab / "cache").rglob("*.pt")]
        bad = type(spoilt(torch.nan)).__call__
        monkeypatch.setattr(
            Retrain,
            "__call__",
            lambda self, model, *, retain, fresh_model, recipe, generator: bad(self, model),
        )
        with pytest.raises(NonFiniteError, match=r"^Retrain on class:Boot: "):
            run(Retrain(), made)
        assert [*(lab / "cache").rglob("*.pt")] == before

    def test_a_diverged_original_of_an_older_cache(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = scenario()
        bad = made.fresh_model(rng("a", 0))
        next(bad.parameters()).data.fill_(torch.nan)
        monkeypatch.setattr(Scenario, "_cached", lambda *_: (bad, {"seconds": 1.0}))
        with pytest.raises(NonFiniteError, match="diverged"):
            _ = made.original


@pytest.mark.usefixtures("lab")
class TestGrid:
    """A grid that looks for the limits of a setting goes on where one is passed."""

    def grid(self, **methods: dict[str, Any]) -> Grid:
        methods = {"Original": {}, "wild": {"type": "GradientAscent", "lr": 1e20}, **methods}
        training = {"epochs": 1, "lr": 0.05, "batch_size": 32}
        return Grid("try", "laptop", "toy", "mlp", ["class:Boot"], training, methods, [0, 1])

    def test_what_diverges_is_told_and_has_no_number(self) -> None:
        told = "^2 of 4 runs diverged and have no number: in wild on class:Boot, seed 0; in wild"
        with pytest.warns(UserWarning, match=told):
            table = run_grid(self.grid())
        assert set(table.loc[table["method"] == "wild", "metric"]) == {"diverged"}
        first, second = table.attrs["diverged"]
        assert first.startswith("GradientAscent on class:Boot: ")
        assert "seed 0" in first
        assert "seed 1" in second
        assert "2 of 4 runs diverged and left no number" in figures.provenance_line(table)

    def test_where_nothing_diverges_nothing_is_said(self) -> None:
        methods: dict[str, dict[str, Any]] = {"Original": {}}
        table = run_grid(replace(self.grid(), methods=methods))
        assert table.attrs["diverged"] == []
        assert "diverged" not in figures.provenance_line(table)

    def test_another_failure_is_raised_with_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails(
            self: FineTune, model: nn.Module, *, retain: Labelled, generator: torch.Generator
        ) -> nn.Module:
            raise RuntimeError("no")

        monkeypatch.setattr(FineTune, "__call__", fails)
        with pytest.raises(ExceptionGroup, match="4 of 6 runs are recorded") as caught:
            run_grid(self.grid(FineTune={}))
        assert len(caught.value.exceptions) == 2
