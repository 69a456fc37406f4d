"""Dials of the recorded sweep of JiT's page, and of tables made by hand."""

from functools import cache
from typing import Any

import pandas as pd

from unlearnlib import read_records
from unlearnlib.locations import committed_records
from unlearnlib.report import show_dial
from unlearnlib.report.dial import Dial

from .made_tables import rows

FORGET, TEST, SURE = ("accuracy", "forget"), ("accuracy", "test"), ("entropy", "test")
BY = {"sigma": "σ", "lr": "η"}


@cache
def sweep() -> pd.DataFrame:
    """The recorded sweep of JiT's page."""
    runs = read_records("jit-sensitivity", "laptop")
    five = runs["noises"].isna() | (runs["noises"].astype(float) == 5)
    return runs[(runs["model"] == "strided_cnn_plain") & five]


@cache
def histograms() -> pd.DataFrame:
    """The recorded histograms of that sweep."""
    path = committed_records() / "jit-sensitivity" / "laptop.entropies.csv"
    return pd.read_csv(path, header=1, dtype={"sigma": str, "lr": str}, keep_default_na=False)


@cache
def recorded() -> Dial:
    """The dial of both."""
    return show_dial(sweep(), BY, [FORGET, TEST, SURE], "JiT", histograms=histograms())


def made(values: dict[float, list[float]], **columns: Any) -> pd.DataFrame:
    """Records of JiT at several σ, with the references, as fractions of the images."""
    tables = [rows("Original", [0.9, 0.8], measured=TEST), rows("Retrain", [0.7], measured=TEST)]
    tables += [
        rows("JiT", numbers, measured=TEST, params=f'{{"sigma": {sigma}}}', **columns)
        for sigma, numbers in values.items()
    ]
    return pd.concat(tables, ignore_index=True)
