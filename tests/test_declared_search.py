"""The target of a search, by the kind of request."""

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from unlearnlib import Grid
from unlearnlib.errors import SpecError
from unlearnlib.runs import records
from unlearnlib.runs.declared_search import (
    SPLITS,
    best_of_each,
    each_trial,
    of_doing_nothing,
    scores,
    settings,
    trials,
)
from unlearnlib.runs.records import unfolded


def searched(request: str, forget: dict[float, float]) -> pd.DataFrame:
    """A search on one seed in which step sizes end at accuracies on the forget set."""
    ends = [("Original", "{}", 1.0)]
    ends += [("PGU", json.dumps({"lr": lr}), value) for lr, value in forget.items()]
    rows = [
        (request, method, params, 0, "accuracy", split, value if split == "forget" else 0.8)
        for method, params, value in ends
        for split in SPLITS
    ]
    columns = ["request", "method", "params", "seed_model", "metric", "split", "value"]
    return unfolded(pd.DataFrame(rows, columns=columns))


@pytest.mark.parametrize(
    ("request_", "best"),
    [
        ("class:Boot", 0.01),
        ("subclass:poisoned", 0.01),  # labels known to be wrong
        ("subclass:Parka", 0.1),  # chance of ten classes
        ("random:17", 0.75),  # what the original reaches on validation images
    ],
)
def test_the_setting_nearest_to_the_target_wins(request_: str, best: float) -> None:
    ends = {1.0: 0.01, 2.0: 0.1, 3.0: 0.75}
    found = scores(searched(request_, ends), classes=10)
    assert found["forget"].iloc[0] == best
    target = {"random:17": 0.8, "subclass:Parka": 0.1}.get(request_, 0.0)
    assert found["J"].iloc[0] == pytest.approx(abs(best - target))


def test_what_a_setting_loses_on_the_rest_counts_and_what_it_gains_does_not() -> None:
    table = searched("class:Boot", {1.0: 0.01, 2.0: 0.02, 3.0: 0.03})
    seeds = [table, table.assign(seed_model=1)]
    both = pd.concat(seeds, ignore_index=True)
    rest = {1.0: (0.7, 0.4), 2.0: (0.95, 0.85), 3.0: (0.9, 0.78)}  # before: 0.8 on both seeds
    for lr, values in rest.items():
        for seed, value in enumerate(values):
            row = (both["params"] == json.dumps({"lr": lr})) & (both["seed_model"] == seed)
            both.loc[row & (both["split"] == "validation_retain"), "value"] = value
    found = scores(both, classes=10)
    assert list(found["lr"]) == [2.0, 3.0, 1.0]
    assert list(found["J"]) == pytest.approx([0.02, 0.03 + 0.01, 0.01 + 0.25])  # seed by seed
    assert list(found["validation_retain"]) == pytest.approx([0.9, 0.84, 0.55])


def test_of_equal_settings_the_first_is_chosen() -> None:
    assert list(scores(searched("class:Boot", {2.0: 0.1, 1.0: 0.1}), 10)["lr"]) == [2.0, 1.0]


def test_a_setting_that_diverged_on_a_seed_is_not_chosen() -> None:
    table = searched("class:Boot", {1.0: 0.0, 2.0: 0.1})
    other = table[(table["params"] != json.dumps({"lr": 1.0}))].assign(seed_model=1)
    ranked = scores(pd.concat([table, other], ignore_index=True), classes=10)
    assert list(ranked["lr"]) == [2.0, 1.0]
    assert list(ranked["J"]) == [pytest.approx(0.1), float("inf")]


def test_every_method_has_its_own_best_setting() -> None:
    one = searched("class:Boot", {1.0: 0.2, 2.0: 0.1, 3.0: 0.3})
    other = searched("class:Boot", {1.0: 0.05, 2.0: 0.4}).replace({"method": {"PGU": "SSD"}})
    table = pd.concat([one, other[other["method"] == "SSD"]], ignore_index=True)
    best = best_of_each(table, classes=10).set_index("method")
    assert dict(best["params"].map(json.loads)) == {"PGU": {"lr": 2.0}, "SSD": {"lr": 1.0}}
    assert dict(best["tried"]) == {"PGU": 3, "SSD": 2}
    assert best.loc["SSD", "J"] == pytest.approx(0.05)


def test_settings_are_all_combinations_with_one_label() -> None:
    found = settings("JiT.as_released", sigma=[1, 2], lr=[3, 4])
    assert [tuple(v.values()) for v in list(found.values())[1:]] == [
        ("JiT.as_released", "JiT", sigma, lr) for sigma in (1, 2) for lr in (3, 4)
    ]


def test_the_best_of_each_against_brute_force(hand_made: pd.DataFrame) -> None:
    found = best_of_each(hand_made, classes=10)
    accuracy = {
        (row["method"], row["params"], row["seed_model"], row["split"]): row["value"]
        for row in hand_made.to_dict("records")
        if row["metric"] == "accuracy"
    }

    def objective(method: str, params: str) -> float:
        values = []
        for seed in (0, 1):
            kept = accuracy["Original", "{}", seed, "validation_retain"]
            own = [accuracy.get((method, params, seed, s)) for s in ("forget", "validation_retain")]
            if None in own:
                return float("inf")
            target = accuracy["Original", "{}", seed, "validation"]
            values.append(abs(own[0] - target) + max(0, kept - own[1]))
        return sum(values) / len(values)

    for row in found.to_dict("records"):
        mine = hand_made[hand_made["method"] == row["method"]]
        by_params = {params: objective(row["method"], params) for params in mine["params"].unique()}
        best = min(by_params, key=by_params.__getitem__)
        dials = {name: [json.loads(p)[name] for p in by_params] for name in ("lr", "ascents")}
        at = [
            f"{name} {json.loads(best)[name]}"
            for name, tried in dials.items()
            if min(tried) < max(tried) and json.loads(best)[name] in (min(tried), max(tried))
        ]
        assert (row["params"], row["tried"]) == (best, len(by_params))
        assert row["J"] == pytest.approx(by_params[best])
        assert row["nothing"] == pytest.approx(objective("Original", "{}"))
        every = each_trial(hand_made, classes=10).query("method == @row['method']")
        assert every["J"].to_list() == pytest.approx(sorted(by_params.values()))
        assert every["setting"].iloc[0] == row["setting"]
        assert every["setting"].nunique() == len(by_params)
        assert row["found"] == (by_params[best] < objective("Original", "{}"))
        assert set(filter(None, row["edge"].split(", "))) == set(at)
    # what the table was made to have: a best inside, one at an edge, and none
    columns = ["method", "setting", "tried", "found", "edge"]
    assert sorted(found[columns].itertuples(index=False, name=None)) == [
        ("PGU", "ascents 2, lr 0.2", 9, True, ""),
        ("SCRUB", "ascents 1, lr 0.1", 4, False, "ascents 1, lr 0.1"),
        ("SSD", "lr 0.3", 3, True, "lr 0.3"),
    ]


@pytest.fixture
def hand_made() -> pd.DataFrame:
    """A search of three methods with two dials on a random request, on two seeds."""
    near = {("PGU", 0.2, 2): 0.81, ("PGU", 0.3, 3): 0.85, ("SSD", 0.3, 1): 0.9}
    tried = [("PGU", lr, ascents) for lr in (0.1, 0.2, 0.3) for ascents in (1, 2, 3)]
    tried += [("SCRUB", lr, ascents) for lr in (0.1, 0.2) for ascents in (1, 2)]
    tried += [("SSD", lr, 1) for lr in (0.1, 0.2, 0.3)]
    rows = []
    for seed in (0, 1):
        held_out = 0.8 - 0.01 * seed
        ends = [("Original", "{}", 1.0, held_out)]
        for method, lr, ascents in tried:
            params = json.dumps({"lr": lr, "lr_end": lr / 10, "ascents": ascents})
            if (method, lr, seed) == ("SSD", 0.2, 1):
                rows.append((method, params, seed, "diverged", "", 1.0))
                continue
            if (method, lr) == ("SSD", 0.1):
                rows.append((method, params, seed, "diverged", "", 1.0))
                continue
            best = near.get((method, lr, ascents), 1.0)
            ends.append((method, params, best, held_out - 0.02 * ascents * (method == "PGU")))
        rows += [
            (method, params, seed, "accuracy", split, forget if split == "forget" else rest)
            for method, params, forget, rest in ends
            for split in SPLITS
        ]
    columns = ["method", "params", "seed_model", "metric", "split", "value"]
    return unfolded(pd.DataFrame(rows, columns=columns).assign(request="random:17"))


def rounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> tuple[Grid, Grid]:
    """Two rounds of one search, of which one run each is recorded, and a run of neither."""
    monkeypatch.setenv("UNLEARNLIB_RECORDS", str(tmp_path))
    base: dict[str, Any] = {
        "part": "jit", "scale": "search", "dataset": "fashion_small", "model": "mlp",
        "requests": ["class:Trouser"], "training": {"epochs": 1, "lr": 0.1, "batch_size": 64},
        "seeds": [0], "validation": 0.1, "splits": SPLITS,
    }  # fmt: skip
    grids = [
        Grid(**base | change, methods=settings("JiT", lr=lr))
        for lr, change in (([0.2], {}), ([0.1], changes), ([0.3], {}))
    ]
    for grid in grids:
        *_, run = grid.runs()
        records.write(
            {
                "run_id": run.run_id, "identity": run.identity, "provenance": {"behaviour": None},
                "specification": run.specification, "rows": [["accuracy", "forget", 0.5]],
            }
        )  # fmt: skip
    return grids[0], grids[1]


def test_trials_are_those_of_the_declared_files_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = rounds(tmp_path, monkeypatch)
    assert list(trials(first, second)["lr"]) == [0.2, 0.1]
    assert list(trials(second, first)["lr"]) == [0.1, 0.2]
    assert list(trials(first, second, first)["lr"]) == [0.2, 0.1]  # where it came first
    assert list(trials(first)["lr"]) == [0.2]


@pytest.mark.parametrize(
    ("field", "value"),
    [("seeds", [0, 1]), ("training", {"epochs": 2}), ("requests", ["class:Bag"]),
     ("model", "strided_cnn"), ("dataset", "toy"), ("part", "pgu"), ("scale", "laptop"),
     ("validation", 0.2), ("splits", ["forget"])],
)  # fmt: skip
def test_rounds_of_two_searches_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str, value: Any
) -> None:
    first, other = rounds(tmp_path, monkeypatch, **{field: value})
    with pytest.raises(SpecError, match=f"here {field} is .* and {re.escape(str(value))}"):
        trials(first, other)


def test_doing_nothing_is_as_far_below_the_target_as_above() -> None:
    table = searched("random:17", {1.0: 0.75})
    table.loc[(table["method"] == "Original") & (table["split"] == "forget"), "value"] = 0.7
    assert of_doing_nothing(table, classes=10) == pytest.approx(0.1)


def test_what_is_better_by_rounding_alone_is_no_better() -> None:
    table = searched("class:Boot", {1.0: 0.3})
    table.loc[(table["method"] == "Original") & (table["split"] == "forget"), "value"] = 0.1 + 0.2
    (found,) = best_of_each(table, classes=10).to_dict("records")
    assert found["J"] < found["nothing"]
    assert not found["found"]


def test_a_part_of_a_class_is_known_as_well_as_what_was_never_seen() -> None:
    found = scores(searched("part:Boot:5", {1.0: 0.01, 2.0: 0.75}), classes=10)
    assert found["forget"].iloc[0] == 0.75
    assert found["J"].iloc[0] == pytest.approx(0.05)


def test_a_dial_may_be_tried_without_a_value() -> None:
    table = searched("class:Boot", {1.0: 0.1, 2.0: 0.2})
    none = (
        table["params"]
        .str.replace('"lr": 1.0', '"stop": null')
        .str.replace('"lr": 2.0', '"stop": "drop"')
    )
    found = scores(unfolded(table.drop(columns="lr").assign(params=none)), classes=10)
    assert found["stop"].tolist() == [None, "drop"]
