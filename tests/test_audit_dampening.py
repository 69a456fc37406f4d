"""Importances compared: their ranks, their quotients, and pairs of runs one by one."""

import pandas as pd
import pytest
import torch

from unlearnlib import output_sensitivity
from unlearnlib.audit.dampening import quotients, rank_correlation
from unlearnlib.errors import RecordError
from unlearnlib.report import pairs_of
from unlearnlib.runs.records import COLUMNS

from .toys import convolution

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
    assert found.to_numpy().tolist() == [
        ["cifar20: a", "Accuracy, test set (%)", "—", "-25.0 (n = 1, no interval)"],
        ["cifar20: b c", "Accuracy, test set (%)", "+20.0 (n = 2, no interval)", "—"],
    ]
    assert pairs_of(table.iloc[:0], [("accuracy", "test")], PAIRS).empty


def test_a_cell_has_room_for_one_setting() -> None:
    one = runs("class:a", {"SSD": [0.5], "LFSSD": [0.25]})
    other = one.assign(model="wide", value=0.1)
    with pytest.raises(RecordError, match=r"several settings of LFSSD on cifar20: a, Accuracy"):
        pairs_of(pd.concat([one, other]), [("accuracy", "test")], PAIRS)


def test_rank_correlation_sees_the_order_only() -> None:
    model, data = convolution()
    one = output_sensitivity(model, data)
    other = output_sensitivity(model, data)
    for name, value in other.values.items():
        value.copy_(one[name] ** 3 if name != "4.bias" else -one[name])
    found = rank_correlation(one, other).set_index("name")
    assert found["parameters"].to_dict() == {k: v.numel() for k, v in one.values.items()} | {
        "all": sum(v.numel() for v in one.values.values())
    }
    assert found.loc["0.weight", "correlation"] == pytest.approx(1)
    assert found.loc["4.bias", "correlation"] == pytest.approx(-1)
    assert found["correlation"].abs()["all"] < 1


def test_quotients_leave_out_what_has_none() -> None:
    model, data = convolution()
    D, Df = output_sensitivity(model, data), output_sensitivity(model, data[torch.arange(2)])
    D["4.bias"][0] = Df["4.bias"][0] = 0.0
    D["4.bias"][1] = 0.0
    found = quotients(D, Df)
    every = [Df[k].flatten() / D[k].flatten() for k in D.values]
    expected = torch.cat(every)
    assert found.tolist() == expected[expected.isfinite()].tolist()
    assert len(found) == len(expected) - 2
