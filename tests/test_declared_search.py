"""The target of a search, by the kind of request."""

import json

import pandas as pd
import pytest

from unlearnlib.runs.declared_search import SPLITS, best_of_each, scores, settings
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
        ("class:boot", 0.01),
        ("subclass:poisoned", 0.01),  # labels known to be wrong
        ("subclass:parka", 0.1),  # chance of ten classes
        ("random:17", 0.75),  # what the original reaches on validation images
    ],
)
def test_the_setting_nearest_to_the_target_wins(request_: str, best: float) -> None:
    ends = {1.0: 0.01, 2.0: 0.1, 3.0: 0.75}
    found = scores(searched(request_, ends), classes=10)
    assert found["forget"].iloc[0] == best
    target = {"random:17": 0.8, "subclass:parka": 0.1}.get(request_, 0.0)
    assert found["J"].iloc[0] == pytest.approx(abs(best - target))


def test_what_a_setting_loses_on_the_rest_counts_and_what_it_gains_does_not() -> None:
    table = searched("class:boot", {1.0: 0.01, 2.0: 0.02, 3.0: 0.03})
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
    assert list(scores(searched("class:boot", {2.0: 0.1, 1.0: 0.1}), 10)["lr"]) == [2.0, 1.0]


def test_a_setting_that_diverged_on_a_seed_is_not_chosen() -> None:
    table = searched("class:boot", {1.0: 0.0, 2.0: 0.1})
    other = table[(table["params"] != json.dumps({"lr": 1.0}))].assign(seed_model=1)
    ranked = scores(pd.concat([table, other], ignore_index=True), classes=10)
    assert list(ranked["lr"]) == [2.0, 1.0]
    assert list(ranked["J"]) == [pytest.approx(0.1), float("inf")]


def test_every_method_has_its_own_best_setting() -> None:
    one = searched("class:boot", {1.0: 0.2, 2.0: 0.1, 3.0: 0.3})
    other = searched("class:boot", {1.0: 0.05, 2.0: 0.4}).replace({"method": {"PGU": "SSD"}})
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
