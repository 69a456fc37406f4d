"""Figures and tests by example say how many values have no number."""

import math
from typing import Any

import matplotlib as mpl
import pandas as pd
import pytest
import torch

mpl.use("Agg")


from unlearnlib.audit.dampening import rank_correlation
from unlearnlib.errors import SpecError
from unlearnlib.report import figures
from unlearnlib.report.figures import plane
from unlearnlib.report.figures.style import provenance_line
from unlearnlib.report.paired_examples import wilcoxon

from .made_tables import records

pytestmark = pytest.mark.usefixtures("figures_closed")


BATCH = ("accuracy_batch_mean", "test_retain")
NONE = [math.nan, math.inf, -math.inf]


def frame(none: float = math.nan) -> pd.DataFrame:
    return records({"JiT": [0.2, none, 0.4], "Retrain": [0.1, 0.3, 0.5]})


class TestFigures:
    @pytest.mark.parametrize("none", NONE)
    def test_dots(self, none: float) -> None:
        many = records({"JiT": [0.2, none, *[0.4, 0.6] * 2], "Retrain": [0.1, 0.3, 0.5] * 2})
        ax = figures.dots(many, *BATCH).axes[0]
        assert [t.get_text() for t in ax.texts] == ["30.0", "44.0"]
        ax = figures.dots(frame(none), *BATCH).axes[0]
        title = ax.get_title(loc="center") + ax.get_title(loc="left")
        assert "n = 2 to 3; 1 of 6 runs has no number, band" in title
        never = records({"JiT": [none], "Retrain": [none]})
        title = figures.dots(never, *BATCH).axes[0].get_title()
        assert "n = 0; 2 of 2 runs have no number\n" in title

    def sweep(self, none: float = math.nan) -> pd.DataFrame:
        return pd.concat(
            records({"JiT": [lr, none if lr > 0.1 else lr]}, params=f'{{"lr": {lr}, "sigma": 1}}')
            for lr in (0.1, 0.2)
        )

    @pytest.mark.parametrize("none", NONE)
    def test_heatmap_and_curves(self, none: float) -> None:
        table = self.sweep(none)
        for ax in (
            figures.heatmap(table, *BATCH).axes[0],
            figures.curves(table, *BATCH, "lr").axes[0],
        ):
            assert "n = 1 to 2; 1 of 4 runs has no number" in ax.get_title()
        texts = [t.get_text() for t in figures.heatmap(table, *BATCH).axes[0].texts]
        assert texts == ["10.0", "20.0"]

    def test_a_line_is_named_where_it_ends(self) -> None:
        table = self.sweep()
        table.loc[table["params"].str.contains("0.2"), "value"] = math.nan
        level = records({"Original": [math.nan]})
        ax = figures.curves(pd.concat([table, level]), *BATCH, "lr").axes[0]
        assert [t.get_text() for t in ax.texts] == ["JiT"]
        assert math.isfinite(ax.texts[0].get_position()[1])

    def test_a_grid_without_a_number(self) -> None:
        table = self.sweep().assign(value=math.nan)
        ax = figures.heatmap(table, *BATCH).axes[0]
        assert [t.get_text() for t in ax.texts] == ["", ""]
        assert "n = 0; 4 of 4 runs have no number" in ax.get_title()

    @pytest.mark.parametrize("none", NONE)
    def test_boxes(self, none: float) -> None:
        ax = figures.boxes({"JiT": [0.1, none, 0.3], "Retrain": [0.2]}, "Entropy").axes[0]
        assert "n = 1 to 2 examples; 1 of 4 values has no number" in ax.get_title()
        assert "no number" not in figures.boxes({"JiT": [1]}, "Entropy").axes[0].get_title()

    def test_lines(self) -> None:
        cells = [("a", "JiT", s, r, 0.1 * r + s) for s in (0, 1) for r in (1.0, 2.0)]
        table = pd.DataFrame(cells, columns=["panel", "method", "seed", "r", "ratio"])
        table.loc[3, "ratio"] = math.nan
        text = plane.lines(table, "r", "ratio", "method", "panel", "seed").get_suptitle()
        assert text.endswith("n = 1 to 2; 1 of 4 values has no number")

    def test_provenance(self) -> None:
        origin = {"device": None, "commit": None, "seconds": None, "dirty": None}
        told = provenance_line(frame().assign(**origin))
        assert "⚠ 1 of 6 runs has no number for some measurement" in told
        assert "unknown, commit unknown" in told
        assert "no number" not in provenance_line(frame(0.3).assign(**origin))


class TestExamples:
    @pytest.mark.parametrize("none", NONE)
    def test_a_test_of_what_is_not_finite_is_nan(self, none: float) -> None:
        found = wilcoxon({"a": [1.0, none, 3.0], "b": [0.0, 0.0, 0.0], "c": [1.0, 1.0, 1.0]})
        assert found.loc[0, ["mean", "median", "share", "p"]].isna().all()
        assert found["n"].tolist() == [2, 2, 3]
        assert found.loc[2, "p"] == 0.25

    @pytest.mark.parametrize("other", [[0.0], [], [[0.0], [0.0], [0.0]]])
    def test_examples_are_the_same(self, other: list[float]) -> None:
        with pytest.raises(SpecError, match="pairs examples"):
            wilcoxon({"a": [1.0, 2.0, 3.0], "b": other})
        with pytest.raises(SpecError, match="pairs examples"):
            wilcoxon({"a": [], "b": []})

    def test_ranks_of_what_is_not_finite(self) -> None:
        class Held:
            def __init__(self, *values: float) -> None:
                self.values = {"w": torch.tensor(values), "v": torch.tensor([1.0, 2.0])}

            def __getitem__(self, name: str) -> torch.Tensor:
                return self.values[name]

        one: Any = Held(1.0, 2.0, math.nan)
        other: Any = Held(1.0, 2.0, 3.0)
        found = rank_correlation(one, other)
        assert found["correlation"].isna().tolist() == [True, False, True]
