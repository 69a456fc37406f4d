"""Others' re-runs of SSD and LFSSD: counted, apart from the papers, one set-up an item."""

import pandas as pd
import pytest

from unlearnlib.report import reported

ITEMS = {
    "UnAct": 33 + 72 + 32 + 5 + 2,
    "Hugging Face": 20,
    "SUPREME": 21 + 18 + 21 + 18,
    "Issue 3": 2,
}


@pytest.fixture(scope="module")
def reruns() -> pd.DataFrame:
    return reported("ssd_reruns")


def test_every_number_is_there_once_with_its_source(reruns: pd.DataFrame) -> None:
    assert reruns["item"].str.partition(",")[0].value_counts().to_dict() == ITEMS
    key = ["item", "dataset", "model", "request", "method", "params", "metric", "split"]
    assert not reruns.duplicated(key).any()
    assert reruns["mean"].notna().all()
    assert reruns["source"].str.contains("@[0-9a-f]{7}|Hugging Face|issue 3 of").all()
    assert reruns.loc[reruns["unit"] == "%", "mean"].between(0, 100).all()
    assert reruns.loc[reruns["unit"] == "fraction", "mean"].between(0, 1).all()
    assert (reruns.groupby("item")[["dataset", "model", "request"]].nunique() == 1).all(axis=None)


def test_none_of_it_passes_for_print(reruns: pd.DataFrame) -> None:
    assert set(reruns["paper"]) == {"ssd_reruns"}
    assert not set(reruns["item"]) & set(reported("ssd")["item"])
    assert not reruns["source"].str.contains("2308.07707|2402.19308").any()


@pytest.mark.parametrize(
    ("item", "method", "split", "value"),
    [
        ("UnAct, cifar10, five classes", "LFSSD", "test_retain", 95.66),
        ("UnAct, cifar100, rocket", "SSD", "test_retain", 77.04),
        ("Hugging Face, dog", "SSD", "test_retain", 12.53),
        ("Hugging Face, horse", "SSD", "test_retain", 17.71),
        ("SUPREME, ResNet18, Pins, random", "SSD", "test", 17.73),
        ("SUPREME, ViT, Pins, class", "LFSSD", "test_retain", 95.90),
        ("Issue 3, ViT, lowest", "Original", "test", 56),
        ("Issue 3, ViT, highest", "Original", "test", 62),
    ],
)
def test_some_of_it_by_hand(
    reruns: pd.DataFrame, item: str, method: str, split: str, value: float
) -> None:
    chosen = reruns.query("item == @item and method == @method and split == @split")
    assert chosen.query("metric == 'accuracy'")["mean"].tolist() == [value]
