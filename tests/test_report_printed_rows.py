"""The printed rows of one kind of request, all tables together, beside ours."""

import pandas as pd
import pytest

from unlearnlib.errors import SpecError
from unlearnlib.report import show_rows_of_print

from .made_tables import records

TABLES = "Table [12]"
NAMES = {"JiT": "JiT as released"}


def ours() -> pd.DataFrame:
    """JiT and the original on two requests, of two models each."""
    values = {"Original": [0.9, 0.92], "JiT as released": [0.5, 0.6]}
    first = records(values, metric="accuracy", request="class:a")
    second = records({"JiT as released": [0.1, 0.3]}, metric="accuracy", request="class:b")
    second["run_id"] += "-b"
    return pd.concat([first, second], ignore_index=True)


def cells(method: str) -> dict[str, str]:
    """The row of a method."""
    table = show_rows_of_print(ours(), "jit", TABLES, NAMES)
    (row,) = [row for _, row in table.rows if row[0] == method]
    return dict(zip(table.columns, row, strict=True))


def test_both_ranges_are_those_of_means() -> None:
    row = cells("JiT: JiT as released")
    kept = "Accuracy, test, retained (%)"
    assert row[f"{kept}: print"] == "66.2 to 91.4"
    assert row[f"{kept}: ours"] == "20.0 to 55.0"


def test_one_request_has_one_number_and_a_method_without_runs_says_so() -> None:
    kept = "Accuracy, test, retained (%): ours"
    assert cells("Original")[kept] == "91.0"
    assert cells("SCRUB")[kept] == "not run"


def test_what_is_printed_nowhere_is_a_dash() -> None:
    only = show_rows_of_print(ours(), "jit", "Table 2a", NAMES)
    (scrub,) = [row for _, row in only.rows if row[0] == "SCRUB"]
    assert scrub[1] == "—"


def diverged(method: str, *seeds: int) -> pd.DataFrame:
    """Our runs, of which some diverged: one row each, as `run_grid` records it."""
    table = ours()
    wild = (table["method"] == method) & table["seed_model"].isin(seeds)
    lost = table[wild].assign(metric="diverged", split="", value=1.0)
    return pd.concat([table[~wild], lost])


def test_of_runs_that_diverged_the_note_tells_and_the_range_is_of_the_others() -> None:
    shown = show_rows_of_print(diverged("JiT as released", 1), "jit", TABLES, NAMES)
    assert shown.notes == ("JiT as released: 2 of 4 runs have no number.",)
    (row,) = [row for _, row in shown.rows if row[0] == "JiT: JiT as released"]
    assert dict(zip(shown.columns, row, strict=True))["Accuracy, test, retained (%): ours"] == (
        "10.0 to 50.0"
    )


def test_a_method_whose_every_run_diverged_was_run() -> None:
    shown = show_rows_of_print(diverged("Original", 0, 1), "jit", TABLES, NAMES)
    (row,) = [row for _, row in shown.rows if row[0] == "Original"]
    assert dict(zip(shown.columns, row, strict=True))["Accuracy, test, retained (%): ours"] == "—"
    assert shown.notes == ("Original: 2 of 2 runs have no number.",)


def test_an_item_that_no_table_has_is_refused() -> None:
    with pytest.raises(SpecError, match="No item of 'jit' with more than times matches 'Table 9'"):
        show_rows_of_print(ours(), "jit", "Table 9")
    with pytest.raises(SpecError, match="with more than times matches 'Figure 5'"):
        show_rows_of_print(ours(), "jit", "Figure 5")
