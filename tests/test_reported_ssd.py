"""The numbers printed in SSD's tables: complete, unique, and with the sums they should have."""

import pandas as pd
import pytest

from unlearnlib.report import compare, reported, show_comparison
from unlearnlib.runs.records import COLUMNS, unfolded

TABLES = {1: 48, 2: 84, 3: 84, 4: 21, 5: 84, 6: 36, 7: 280, 8: 280, 9: 280}
EMPTY = pd.DataFrame(columns=list(COLUMNS)).astype({"value": float, "stale": bool})


@pytest.fixture(scope="module")
def printed() -> pd.DataFrame:
    return reported("ssd")


def test_every_printed_cell_is_there_once(printed: pd.DataFrame) -> None:
    table = printed["item"].str.extract(r"^Table (\d),")[0].dropna().astype(int)
    assert table.value_counts().to_dict() == TABLES
    assert sum(TABLES.values()) == 1197
    others = printed["item"].drop(table.index).value_counts().to_dict()
    assert others == {"Figure 2": 8, "Note to Table 8": 3}
    key = ["paper", "item", "dataset", "model", "request", "method", "params", "metric", "split"]
    assert not printed.duplicated(key).any()
    assert printed["mean"].notna().all()
    assert printed["source"].str.startswith("arXiv 2308.07707v1, ").all()
    percent = printed[printed["unit"] == "%"]
    assert percent["mean"].between(0, 100).all()
    assert (printed.groupby("item")[["dataset", "model", "request"]].nunique() == 1).all(axis=None)


@pytest.mark.parametrize(
    ("table", "metric", "split", "model", "means"),
    [
        (8, "accuracy_batch_mean", "test_retain", "resnet18", (76.31, 72.91, 63.97, 68.76)),
        (8, "accuracy_batch_mean", "test_forget", "vit", (93.51, 0, 0.63, 7.38)),
        (9, "mia_entropy", "forget", "resnet18", (88.41, 7.46, 24.84, 6.44)),
        (9, "seconds_unlearn", "", "vit", (601, 2129, 1393, 718)),
        (7, "accuracy_batch_mean", "test_forget", "resnet18", (81.49, 43.13, 36.73, 17.43)),
        (7, "mia_entropy", "forget", "vit", (83.84, 30.94, 34.33, 33.68)),
    ],
)
def test_means_over_the_five_classes(
    printed: pd.DataFrame, table: int, metric: str, split: str, model: str, means: tuple[float, ...]
) -> None:
    chosen = printed[
        printed["item"].str.startswith(f"Table {table},")
        & (printed["metric"] == metric)
        & (printed["split"] == split)
        & (printed["model"] == model)
    ]
    found = chosen.groupby("method")["mean"].mean()
    for method, mean in zip(("Original", "Retrain", "FineTune", "SSD"), means, strict=True):
        assert found[method] == pytest.approx(mean, abs=0.5 if table == 9 and not split else 0.006)


def test_main_tables_repeat_rows_of_the_appendix(printed: pd.DataFrame) -> None:
    """Tables 2, 3 and 5 are rows of 8, 9 and 7; only two spreads of Table 2 differ."""
    key = ["model", "request", "method", "metric", "split"]
    for main, appendix in ((2, 8), (3, 9), (5, 7)):
        one, two = (
            printed[printed["item"].str.startswith(f"Table {t},")].set_index(key)
            for t in (main, appendix)
        )
        assert (one["mean"] == two.loc[one.index, "mean"]).all()


def test_each_item_stands_beside_nothing_yet(printed: pd.DataFrame) -> None:
    for item, rows in printed.groupby("item"):
        times = (rows["metric"] == "seconds_unlearn").any()
        methods = set(rows["method"])
        reference = "Original" if "Original" in methods else "Retrain"
        found = compare(str(item), EMPTY, paper="ssd", relative_to=reference if times else None)
        assert len(found) == len(rows)
        assert set(found["verdict"]) == {"not run"}


def runs_of_ssd(params: str) -> pd.DataFrame:
    """Return one run of SSD in the set-up of Table 2, ResNet18, rocket."""
    columns = dict.fromkeys(COLUMNS, "") | {
        "run_id": "0", "scale": "paper", "dataset": "cifar100", "model": "resnet18",
        "request": "class:rocket", "method": "SSD", "params": params, "access": "forget, fisher",
        "metric": "accuracy_batch_mean", "split": "test_retain", "value": 0.74, "stale": False,
    }  # fmt: skip
    return unfolded(pd.DataFrame([columns]))


def test_a_method_not_run_stands_with_what_ours_of_the_name_sees() -> None:
    found = compare("Table 2, ResNet18, rocket", EMPTY, paper="ssd").set_index("method")["access"]
    assert set(found["SSD"]) == {"forget, fisher"}
    assert set(found["FineTune"]) == {"retain, generator"}
    assert set(found["Amnesiac"]) == {"more"}


def test_another_setting_than_the_printed_one_is_said() -> None:
    for alpha, note in ((10, []), (20, ["SSD: alpha 20.0 (printed 10)."])):
        runs = runs_of_ssd(f'{{"alpha": {alpha}.0, "group": 64, "lam": 1.0}}')
        notes = show_comparison(compare("Table 2, ResNet18, rocket", runs, paper="ssd")).notes
        said = [text for text in notes if text.startswith("Ours at other settings")]
        assert [text.split("print. ")[1] for text in said] == note
