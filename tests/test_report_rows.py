"""The rows of one measurement."""

import math

import pandas as pd
import pytest

from unlearnlib.errors import RecordError
from unlearnlib.report.rows import pick


def test_a_run_that_diverged_is_one_without_a_number() -> None:
    """It has one row, which is of another measurement, and is counted all the same."""
    runs = [
        ("a", 0.5, "accuracy", "test"),
        ("b", 0.7, "accuracy", "test"),
        ("c", 1, "diverged", ""),
    ]
    rows = pd.DataFrame(runs, columns=["run_id", "value", "metric", "split"])
    picked = pick(rows, "accuracy", "test")
    assert picked["run_id"].tolist() == ["a", "b", "c"]
    assert picked["value"].tolist()[:2] == [0.5, 0.7]
    assert math.isnan(picked["value"].tolist()[2])
    assert set(picked["metric"]) == {"accuracy"}
    assert set(picked["split"]) == {"test"}
    assert pick(rows, "diverged")["value"].tolist() == [1]
    with pytest.raises(RecordError, match="has no 'entropy' on split 'test'"):
        pick(rows, "entropy", "test")
