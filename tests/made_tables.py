"""Tables of records, made by hand, and a claim on them with its verdict."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from unlearnlib.report import by_setting, ledger
from unlearnlib.report.claims import Claim, Inequality
from unlearnlib.report.summary import Quantity
from unlearnlib.runs.records import unfolded

ACCESS = {
    "Original": "",
    "Retrain": "retain, fresh_model, recipe, generator",
    "Retrain again": "retain, fresh_model, recipe, generator",
    "FineTune": "retain, generator",
    "JiT": "forget_inputs, generator",
    "JiT as released": "forget_inputs, generator",
}
ACCURACY = ("accuracy", "test_retain")


def records(
    values: Mapping[str, Sequence[float]],
    metric: str = "accuracy_batch_mean",
    split: str = "test_retain",
    **columns: Any,
) -> pd.DataFrame:
    """Return a table with one row a (method, seed) from lists of values by method."""
    rows = [
        {
            "run_id": f"{method.replace(' ', '_')}-{seed}", "part": "jit", "scale": "paper",
            "dataset": "cifar100", "model": "vgg11", "request": "class:rocket", "method": method,
            "params": "{}", "access": ACCESS[method], "seed_model": seed, "seed_request": 0,
            "seed_method": 0, "metric": metric, "split": split, "value": value, "stale": False,
            "date": "2026-11-21", "commit": "abc", "dirty": False, "device": "CPU", "seconds": 2.0,
            **columns,
        }
        for method, numbers in values.items()
        for seed, value in enumerate(numbers)
    ]  # fmt: skip
    return unfolded(pd.DataFrame(rows))


def line(frame: pd.DataFrame, method: str, split: str = "test_retain") -> Any:
    return frame[(frame["method"] == method) & (frame["split"] == split)].iloc[0]


def rows(
    method: str,
    values: Sequence[float],
    request: str = "class:rocket",
    measured: tuple[str, str] = ACCURACY,
    params: str = "{}",
    **columns: Any,
) -> pd.DataFrame:
    """Return records of one method, one a model seed."""
    frame = pd.DataFrame(
        {
            "run_id": [f"{method}-{request}-{params}-{i}-{columns}" for i in range(len(values))],
            "part": "jit", "scale": "laptop", "dataset": "fashion_small", "model": "vgg_mini",
            "request": request, "method": method, "params": params,
            "access": ACCESS.get(method, ""),
            "seed_model": range(len(values)), "seed_request": 0, "seed_method": 0,
            "metric": measured[0], "split": measured[1], "value": values, "stale": False,
            **columns,
        }
    )  # fmt: skip
    return unfolded(frame)


FORGET, KEEP = ("accuracy", "test_forget"), ("accuracy", "test_retain")


def forgets_and_keeps(**more: Any) -> Claim:
    """Return a claim: JiT leaves the class at most ten points above Retrain, and costs the others
    at most three.
    """
    where = {"part": "jit"}
    tests = (
        Inequality(
            Quantity("JiT", *FORGET), Quantity("Retrain", *FORGET), at_most=0.1, where=where
        ),
        Inequality(
            Quantity("JiT", *KEEP), Quantity("Original", *KEEP), at_least=-0.03, where=where
        ),
    )
    given = {"id": "c", "part": "jit", "sentence": "A sentence.", "source": "a table"}
    return Claim(**{**given, "page": "jit/page", "tests": tests, **more})


def forgotten(
    jit: int, n: int = 10, *, original: int = 0, oracle: int | None = None, **columns: Any
) -> pd.DataFrame:
    """Return records of n models in which so many pass :func:`forgets_and_keeps`.

    Those that do not pass recognise the class; the originals know what they were trained on.
    `columns` are the request and so on.
    """
    passes = {"JiT": jit, "Original": original, "Retrain again": n if oracle is None else oracle}
    tables = [rows("Retrain", [0.0] * n, measured=FORGET, **columns)]
    tables.append(rows("Original", [1.0] * n, measured=("accuracy", "forget"), **columns))
    for method, k in passes.items():
        tables.append(rows(method, [0.05] * k + [0.9] * (n - k), measured=FORGET, **columns))
        tables.append(rows(method, [0.8] * n, measured=KEEP, **columns))
    return pd.concat(tables, ignore_index=True)


def verdict(table: pd.DataFrame, claim: Claim | None = None) -> Any:
    """Return the line of a claim in the ledger."""
    frame = ledger({"laptop": table}, claims=[claim or forgets_and_keeps()])
    return frame.iloc[0]


def settings(table: pd.DataFrame, claim: Claim | None = None) -> pd.DataFrame:
    """Return the lines of a claim in the frame of its settings."""
    return by_setting({"laptop": table}, claims=[claim or forgets_and_keeps()])
