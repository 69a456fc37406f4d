"""Grids: what is run, resumed, kept after a failure, and refused."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch import nn

from unlearnlib import FineTune, Grid, JiT, Labelled, Retrain, access, run_grid
from unlearnlib.errors import SpecError
from unlearnlib.runs import behaviour as fingerprint
from unlearnlib.runs import records
from unlearnlib.runs.specification import method_of

RECIPE = {"epochs": 2, "lr": 0.05, "batch_size": 32}
METHODS: dict[str, dict[str, Any]] = {
    "Original": {},
    "Retrain": {},
    "FineTune": {"epochs": 1},
    "JiT as released": {"type": "JiT.as_released", "noises": 2},
}


def grid(**changes: Any) -> Grid:
    """Two seeds of four methods on one request."""
    values: dict[str, Any] = {
        "part": "try", "scale": "laptop", "dataset": "toy", "model": "mlp",
        "requests": ["class:Boot"], "training": RECIPE, "methods": METHODS, "seeds": [0, 1],
    }  # fmt: skip
    return Grid(**(values | changes))


def raising(error: BaseException) -> Callable[..., nn.Module]:
    """What FineTune looks like, and what it never does."""

    def call(
        self: FineTune, model: nn.Module, *, retain: Labelled, generator: torch.Generator
    ) -> nn.Module:
        raise error

    return call


ALL = [(label, seed) for seed in (0, 1) for label in METHODS]


def test_a_page_names_the_methods_that_it_cannot_do_without() -> None:
    grid().needs("Original", "Retrain")
    with pytest.raises(SpecError, match=r"^methods has no Retrain again, SSD, of which") as raised:
        grid().needs("Original", "Retrain again", "SSD")
    assert "{'type': 'Retrain', 'again': 1}" in str(raised.value)


class TestGrid:
    @pytest.mark.parametrize("scale", ["laptop", "workstation"])
    def test_a_grid_is_run_once(self, lab: Path, went: list[tuple[str, int]], scale: str) -> None:
        table = run_grid(grid(scale=scale))
        assert went == ALL
        assert tuple(table.columns[: len(records.COLUMNS)]) == records.COLUMNS
        assert {"sigma", "accumulate"} <= set(table.columns)
        assert table["run_id"].nunique() == 8
        assert list(table["method"].unique()) == list(METHODS)
        assert not table["stale"].any()
        assert (table["seed_model"] == table["seed_method"]).all()
        of_jit = table[table["method"] == "JiT as released"].iloc[0]
        assert json.loads(of_jit["params"])["accumulate"] is of_jit["accumulate"] is True
        assert of_jit["access"] == ", ".join(access(JiT()))
        place = lab / ("cache" if scale == "laptop" else "data") / "records" / "try" / scale
        assert {path.stem for path in place.iterdir()} == set(table["run_id"])
        again = run_grid(grid(scale=scale))
        assert went == ALL
        pd.testing.assert_frame_equal(table, again)
        one, other = (
            t.sort_values(["run_id", "metric", "split"], ignore_index=True)
            for t in (table, records.read("try", scale))
        )
        pd.testing.assert_frame_equal(one, other)

    def test_a_larger_grid_makes_only_what_is_new(self, went: list[tuple[str, int]]) -> None:
        run_grid(grid(methods={"Original": {}}))
        run_grid(grid(methods={"Original": {}, "JiT": {"noises": 2}}, seeds=[1, 2]))
        assert went == [("Original", 0), ("Original", 1), ("JiT", 1), ("Original", 2), ("JiT", 2)]

    def test_the_methods_of_a_scenario_share_its_models(self, lab: Path) -> None:
        run_grid(grid())
        assert len(list((lab / "cache" / "models").iterdir())) == 2 + 2  # originals, oracles

    def test_a_failure_keeps_the_others(
        self, went: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(FineTune, "__call__", raising(RuntimeError("out of paper")))
            with pytest.raises(ExceptionGroup, match="6 of 8 runs are recorded") as caught:
                run_grid(grid())
        assert [str(error) for error in caught.value.exceptions] == ["out of paper"] * 2
        assert "in FineTune on class:Boot, seed 1" in caught.value.exceptions[1].__notes__
        assert went == ALL
        went.clear()
        run_grid(grid())
        assert went == [("FineTune", 0), ("FineTune", 1)]

    def test_what_was_made_before_a_kill_is_kept(
        self, went: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(FineTune, "__call__", raising(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            run_grid(grid())
        assert went == ALL[:3]
        assert set(records.read("try", "laptop")["method"]) == {"Original", "Retrain"}

    @pytest.mark.parametrize("scale", ["laptop", "workstation"])
    def test_what_older_code_made_stands_and_is_told(
        self, went: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch, scale: str
    ) -> None:
        plan = grid(scale=scale, seeds=[0])
        run_grid(plan)
        went.clear()
        real = fingerprint.of_kind
        monkeypatch.setattr(
            fingerprint,
            "of_kind",
            lambda kind, data: "changed" if "JiT" in kind else real(kind, data),
        )
        table = run_grid(plan)
        old = set(table.loc[table["stale"], "method"])
        assert went == []
        assert old == {"JiT as released"}
        assert table["run_id"].nunique() == 4

    @pytest.mark.parametrize(
        "change",
        [
            {"model": "vgg_mini"}, {"requests": ["class:Bag"]}, {"seeds": [5]},
            {"training": {**RECIPE, "lr": 0.04}}, {"validation": 0.1}, {"splits": ["forget"]},
            {"methods": {"JiT": {"noises": 3}}}, {"scale": "paper"}, {"part": "other"},
            {"methods": {"Another": {"type": "JiT", "noises": 2}}},
        ],
    )  # fmt: skip
    def test_whatever_decides_the_numbers_is_in_the_run_id(self, change: dict[str, Any]) -> None:
        base = {"methods": {"JiT": {"noises": 2}}, "seeds": [0]}
        (one,) = grid(**base).runs()
        (other,) = grid(**(base | change)).runs()
        (same,) = grid(**base).runs()
        assert one.run_id == same.run_id != other.run_id

    def test_defaults_spelled_out_are_the_same_run(self) -> None:
        (one,) = grid(methods={"JiT": {}}, seeds=[0]).runs()
        spelled = {"JiT": {"sigma": 0.5, "lr": 0.01}}
        (other,) = grid(
            methods=spelled, seeds=[0], training={**RECIPE, "momentum": 0.9}, validation=0.0
        ).runs()
        assert one.run_id == other.run_id

    def test_runs_of_a_scenario_stand_together(self) -> None:
        runs = list(grid(requests=["class:Boot", "random:5"]).runs())
        assert len(runs) == 16
        keys = [(cell.request, cell.seed) for cell in runs]
        assert keys == sorted(keys, key=keys.index)
        assert len(dict.fromkeys(keys)) == 4
        assert {cell.scenario.request for cell in runs} == {"class:Boot", "random:5"}
        assert runs[5].scenario.seed_model == runs[5].scenario.seed_request == 1
        assert runs[5].method == Retrain()

    def test_the_settings_of_a_sweep_share_a_label(self, went: list[tuple[str, int]]) -> None:
        sweep = {f"s{i}": {"type": "JiT", "label": "JiT", "noises": i} for i in (1, 2)}
        table = run_grid(grid(methods=sweep, seeds=[0]))
        assert went == [("s1", 0), ("s2", 0)]
        assert set(table["method"]) == {"JiT"}
        assert table["params"].nunique() == table["run_id"].nunique() == 2


class TestSpecifications:
    def spec(self, folder: Path, text: str | None = None, **changes: Any) -> Path:
        values = {
            "note": "a remark", "note_2": "another", "part": "try", "scale": "laptop",
            "dataset": "toy", "model": "mlp", "requests": ["class:Boot"], "training": RECIPE,
            "methods": METHODS, "seeds": [0, 1],
        } | changes  # fmt: skip
        path = folder / "page.laptop.yaml"
        path.write_text(text or json.dumps({k: v for k, v in values.items() if v is not None}))
        return path

    def test_json_and_yaml(self, tmp_path: Path) -> None:
        assert Grid.read(self.spec(tmp_path)) == grid()
        yaml = pytest.importorskip("yaml")
        text = yaml.safe_dump(json.loads(self.spec(tmp_path).read_text()))
        assert Grid.read(self.spec(tmp_path, text)) == grid()

    def test_changes_override_the_file(self, tmp_path: Path) -> None:
        assert Grid.read(self.spec(tmp_path), seeds=[4]) == grid(seeds=[4])

    def test_unknown_and_missing_keys(self, tmp_path: Path) -> None:
        path = self.spec(tmp_path, epoch=3, seeds=None, model=None, modl="mlp")
        with pytest.raises(SpecError) as caught:
            Grid.read(path)
        known = (
            "Known are: part, scale, dataset, model, requests, training, methods, seeds, "
            "validation, splits, worth."
        )
        assert str(caught.value).splitlines() == [
            f"{path}: seeds is missing.",
            f"{path}: There is no epoch. {known}",
            f"{path}: There is no modl. Did you mean model? {known}",  # and so none is missing
        ]

    def test_what_a_method_needs_is_told_with_the_file(self, tmp_path: Path) -> None:
        path = self.spec(tmp_path, methods={"NablaTau": {}})
        with pytest.raises(SpecError, match=f"^{path}: methods.NablaTau: NablaTau needs validatio"):
            Grid.read(path)

    def test_a_changed_key_is_checked_as_the_file_is(self, tmp_path: Path) -> None:
        with pytest.raises(SpecError, match=r"yaml: seeds\[1\] must be at least 0, not -1\.$"):
            Grid.read(self.spec(tmp_path), seeds=[0, -1])

    def test_a_file_that_is_no_mapping(self, tmp_path: Path) -> None:
        with pytest.raises(SpecError, match="holds a list; a grid is a mapping"):
            Grid.read(self.spec(tmp_path, "[1, 2]"))

    def test_other_yaml_without_pyyaml(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "yaml", None)
        assert Grid.read(self.spec(tmp_path)) == grid()
        with pytest.raises(SpecError, match=r"is not JSON, and PyYAML.* pip install pyyaml"):
            Grid.read(self.spec(tmp_path, "part: try"))

    def test_methods_by_label_type_and_constructor(self) -> None:
        assert method_of("JiT", {"sigma": 0.1}) == JiT(0.1)
        assert method_of("smooth", {"type": "JiT"}) == JiT()
        assert method_of("x", {"type": "JiT.as_released", "lr": 0.1}) == JiT.as_released(lr=0.1)
