"""The target of a search, by the kind of request."""

import json

import pandas as pd
import pytest

from unlearnlib.search import SPLITS, scores


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
    return pd.DataFrame(rows, columns=columns)


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
