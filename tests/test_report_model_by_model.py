"""Counts of models against a loop over the rows, and what tables of several requests hold."""

import math

import pandas as pd
import pytest

from unlearnlib.errors import RecordError
from unlearnlib.report import by_model, of_models, show_by_request, show_paired_by_request

from .made_tables import rows

MEASURED = ("accuracy", "test_retain")


def made() -> pd.DataFrame:
    values = {
        "Retrain": [0.5, 0.6, 0.7], "Retrain again": [0.5, 0.5, 0.5], "JiT": [0.4, 0.7, math.nan],
    }  # fmt: skip
    return pd.concat(
        [
            rows(method, [value + shift for value in numbers], request)
            for request, shift in {"class:a": 0.0, "class:b": 0.1}.items()
            for method, numbers in values.items()
        ]
    )


def test_by_model_has_each_value_at_its_model_and_method() -> None:
    table = made()
    wide = by_model(table, *MEASURED)
    assert list(wide) == ["Retrain", "Retrain again", "JiT"]
    assert len(wide) == 6
    wide = wide.reset_index()
    for row in table.itertuples():
        at = wide[(wide["request"] == row.request) & (wide["seed_model"] == row.seed_model)]
        assert at[row.method].tolist() == pytest.approx([row.value], nan_ok=True)


def test_seeds_of_the_method_are_averaged_and_one_without_a_number_spoils_the_model() -> None:
    second = made().assign(seed_method=1, run_id=lambda t: t["run_id"] + "x")
    table = pd.concat([made(), second.assign(value=second["value"] + 0.2)])
    before, after = (by_model(t, *MEASURED) for t in (made(), table))
    pd.testing.assert_frame_equal(after, before + 0.1)
    bad = table.assign(value=table["value"].mask(table["run_id"].duplicated() | (table.index == 0)))
    assert by_model(bad, *MEASURED)["Retrain"].isna().sum() == 2


def test_two_settings_of_a_method_are_no_model_twice() -> None:
    table = pd.concat([made(), rows("JiT", [0.1], "class:a", params='{"lr": 1}')])
    with pytest.raises(RecordError, match="up to 2 settings"):
        by_model(table, *MEASURED)


def test_a_model_without_a_number_is_counted_as_one_in_which_nothing_holds() -> None:
    wide = by_model(made(), *MEASURED)
    assert of_models(wide["JiT"] > wide["Retrain"]) == "2 of 6 models"
    assert of_models(wide["JiT"] <= wide["Retrain"]) == "2 of 6 models"


def test_a_column_a_request_with_mean_and_spread() -> None:
    table = show_by_request(made(), *MEASURED)
    assert table.columns == ("Method", "class:a", "class:b", "n")
    cells = {row[0]: row[1:] for _, row in table.rows}
    assert cells["Retrain"] == ("60.0 ± 10.0", "70.0 ± 10.0", "3")
    assert cells["JiT"] == ("55.0 ± 21.2", "65.0 ± 21.2", "2")
    assert table.notes == ("JiT: 2 of 6 runs have no number.",)
    with pytest.raises(RecordError, match="several settings"):
        show_by_request(
            pd.concat([made(), rows("JiT", [0.1], "class:a", params='{"lr": 1}')]), *MEASURED
        )


def test_differences_stand_under_their_floor() -> None:
    table = show_paired_by_request(made(), *MEASURED, ["JiT"])
    (_, floor), (_, jit) = table.rows
    assert [cell.partition(" ")[0] for cell in floor[1:]] == ["-10.0", "-10.0"]
    assert floor[0] == "Floor: two retrained"
    assert jit == ("JiT − Retrain", *["— (1 of 3 pairs has no number)"] * 2)
    ends = show_paired_by_request(made().dropna(subset="value"), *MEASURED, ["JiT"])
    assert ends.rows[1][1][1].startswith("+0.0")


def test_a_run_that_diverged_is_a_pair_without_a_number() -> None:
    wild = rows("JiT", [1.0], "class:a", ("diverged", "")).assign(seed_model=2)
    table = pd.concat([made().dropna(subset="value"), wild])
    _, (_, jit) = show_paired_by_request(table, *MEASURED, ["JiT"]).rows
    assert jit[1] == "— (1 of 3 pairs has no number)"
    assert jit[2].startswith("+0.0")
