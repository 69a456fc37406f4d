"""What tables of several requests hold."""

import math

import pandas as pd
import pytest

from unlearnlib.errors import RecordError
from unlearnlib.report import paired, show_by_request, show_paired, show_paired_by_request

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


def test_n_is_a_range_where_requests_lack_different_runs() -> None:
    table = made().dropna(subset="value")
    lost = table["method"].eq("JiT") & table["request"].eq("class:b") & table["seed_model"].eq(0)
    cells = {row[0]: row[1:] for _, row in show_by_request(table[~lost], *MEASURED).rows}
    assert cells["JiT"][-1] == "1 to 2"
    assert cells["Retrain"][-1] == "3"


def test_differences_stand_under_their_floor() -> None:
    table = show_paired_by_request(made(), *MEASURED, ["JiT"])
    (_, floor), (_, jit) = table.rows
    assert [cell.partition(" ")[0] for cell in floor[1:]] == ["-10.0", "-10.0"]
    assert floor[0] == "Floor: two retrained"
    assert jit == ("JiT − Retrain", *["— (1 of 3 pairs has no number)"] * 2)
    ends = show_paired_by_request(made().dropna(subset="value"), *MEASURED, ["JiT"])
    assert ends.rows[1][1][1].startswith("+0.0")


def test_a_difference_that_rounds_to_zero_has_no_minus() -> None:
    near = rows("JiT", [0.4999, 0.5999, 0.6999, 0.7999, 0.8999], "class:a")
    table = pd.concat([rows("Retrain", [0.5, 0.6, 0.7, 0.8, 0.9], "class:a"), near])
    (_, (_, cell)), *_ = show_paired_by_request(table, *MEASURED, ["JiT"]).rows
    assert cell == "+0.0 (+0.0 to +0.0)"
    (_, cells), *_ = show_paired(paired(table, *MEASURED, "JiT", "Retrain")).rows
    assert cells[2:4] == ("+0.0", "+0.0 to +0.0")


def test_without_a_second_retrained_model_there_is_no_row_of_a_floor() -> None:
    alone = made().query("method != 'Retrain again'").dropna(subset="value")
    ((_, jit),) = show_paired_by_request(alone, *MEASURED, ["JiT"]).rows
    assert jit[0] == "JiT − Retrain"


def test_a_run_that_diverged_is_a_pair_without_a_number() -> None:
    wild = rows("JiT", [1.0], "class:a", ("diverged", "")).assign(seed_model=2)
    table = pd.concat([made().dropna(subset="value"), wild])
    _, (_, jit) = show_paired_by_request(table, *MEASURED, ["JiT"]).rows
    assert jit[1] == "— (1 of 3 pairs has no number)"
    assert jit[2].startswith("+0.0")


def test_settings_of_one_method_are_not_lost() -> None:
    """Neither where a cell has room for one, nor where two rows would read alike."""
    runs = [rows("Retrain", [0.1] * 3), rows("JiT", [0.3] * 3, params='{"lr": 0.1}'),
            rows("JiT", [0.8] * 3, params='{"lr": 1.0}')]  # fmt: skip
    table = pd.concat(runs)
    with pytest.raises(RecordError, match="several settings, data sets or networks of 'JiT'"):
        show_paired_by_request(table, *MEASURED, ["JiT"])
    with pytest.raises(RecordError, match="several settings of JiT − Retrain"):
        show_paired(paired(table, *MEASURED, "JiT"))
    with pytest.raises(RecordError, match="several settings of Retrain − JiT"):
        show_paired(paired(table, *MEASURED, "Retrain", "JiT"))


def test_a_setting_that_all_rows_share_is_named_once() -> None:
    table = pd.concat([rows("JiT", [1.0, 3.0]), rows("Retrain", [2.0, 4.0])])
    one = paired(table, *MEASURED, "JiT")
    text = repr(show_paired(pd.concat([one, one])))
    assert "Setting" not in text
    assert text.count(one["request"].iloc[0]) == 1
    text = repr(show_paired(pd.concat([one, one.assign(request="class:other")])))
    assert "Setting" in text
    assert "All on" not in text
