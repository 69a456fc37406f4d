"""Paired differences of many requests in one table, against `paired` one by one."""

import pandas as pd

from unlearnlib.report import pairs_of
from unlearnlib.runs.records import COLUMNS

PAIRS = [("LFSSD", "SSD"), ("LFSSD as released", "SSD as released")]


def runs(request: str, values: dict[str, list[float]]) -> pd.DataFrame:
    """Return accuracies of methods, one a seed."""
    shared = dict.fromkeys(COLUMNS, "") | {"dataset": "cifar20", "request": request, "stale": False}
    measured = {"metric": "accuracy", "split": "test"}
    return pd.DataFrame(
        shared | measured | {"method": method, "seed_model": seed, "seed_request": 0, "value": v}
        for method, numbers in values.items()
        for seed, v in enumerate(numbers)
    )


def test_a_row_a_request_and_a_column_a_pair() -> None:
    table = pd.concat(
        [
            runs("class:b_c", {"SSD": [0.5, 0.5], "LFSSD": [0.6, 0.8]}),
            runs("class:a", {"SSD as released": [0.5], "LFSSD as released": [0.25]}),
        ]
    )
    found = pairs_of(table, [("accuracy", "test")], PAIRS)
    assert found.columns.tolist()[2:] == ["LFSSD − SSD", "LFSSD as released − SSD as released"]
    half = 12.706 * 10  # t of 97.5 % at one degree, times s / sqrt(2) = 10 points
    assert found.to_numpy().tolist() == [
        ["cifar20: a", "Accuracy, test set (%)", "—", "-25.0 (n = 1)"],
        ["cifar20: b c", "Accuracy, test set (%)",
         f"+20.0 ({20 - half:+.1f} to {20 + half:+.1f})", "—"],
    ]  # fmt: skip
    assert pairs_of(table.iloc[:0], [("accuracy", "test")], PAIRS).empty
