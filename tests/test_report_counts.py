"""In how many models something holds."""

import pandas as pd
import pytest

from unlearnlib.errors import RecordError
from unlearnlib.report import by_model, of_models, show_counts

from .made_tables import rows

SEEN = ("accuracy", "forget")


def test_a_model_is_a_row_and_its_number_is_in_per_cent() -> None:
    made = [rows("JiT", [0.25, 0.75], measured=SEEN), rows("Retrain", [0.5, 0.5], measured=SEEN)]
    found = by_model(pd.concat(made), *SEEN)
    assert found.columns.tolist() == ["JiT", "Retrain"]
    assert found["JiT"].tolist() == [25.0, 75.0]
    assert of_models(found["JiT"] < found["Retrain"]) == "1 of 2 models"


def test_a_run_without_a_number_holds_nowhere() -> None:
    found = by_model(rows("JiT", [0.25, float("nan")], measured=SEEN), *SEEN)
    assert of_models(found["JiT"] < 50) == "1 of 2 models"
    assert of_models(found["JiT"] > 0) == "1 of 2 models"


def test_settings_are_not_mixed() -> None:
    table = rows("JiT", [0.25], measured=SEEN)
    other = table.assign(params='{"lr": 1}', run_id="other")
    with pytest.raises(RecordError, match="several settings of 'JiT'"):
        by_model(pd.concat([table, other]), *SEEN)


def test_counts_stand_by_request_and_in_all() -> None:
    made = [
        rows(method, numbers, request, measured=SEEN)
        for method, numbers in {"JiT": [0.25, 0.75], "Retrain": [0.5, 0.5]}.items()
        for request in ("class:b", "class:a")
    ]
    table = show_counts(by_model(pd.concat(made), *SEEN) <= 50, "at most a half")
    assert table.columns == ("Method", "In all", "class:b", "class:a")
    counted = {cells[0]: cells[1:] for _, cells in table.rows}
    assert counted == {
        "JiT": ("2 of 4", "1 of 2", "1 of 2"),
        "Retrain": ("4 of 4", "2 of 2", "2 of 2"),
    }
