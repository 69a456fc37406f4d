"""Verdicts made by hand, in the frames of `ledger` and `by_setting`."""

from typing import Any

import pandas as pd

GLYPHS = {
    "reproduced": "●", "depends": "◐", "undecided": "?", "not reproduced": "○",
    "no power here": "∅", "cannot be tested here": "–",
}  # fmt: skip


def whole(**changed: Any) -> dict[str, Any]:
    """Return a row of `ledger`: a claim at laptop scale, reproduced in 9 of 10 models."""
    row = {
        "id": "jit-fast", "part": "jit", "sentence": "JiT is fast & light.", "source": "Table 1",
        "page": "jit/full_class", "scale": "laptop", "verdict": "reproduced", "detail": "told",
        "share": "9/10", "settings": "1/1", "exploratory": False, "frozen": "2026-11-29 11:05",
        "stale": False, "ours": False, "together": False, "exact": False, **changed,
    }  # fmt: skip
    return {**row, "glyph": GLYPHS[row["verdict"]]}


def one(**changed: Any) -> dict[str, Any]:
    """Return a row of `by_setting`: one setting of the claim of :func:`whole`."""
    row = {
        "id": "jit-fast", "part": "jit", "sentence": "JiT is fast & light.",
        "page": "jit/full_class", "scale": "laptop", "dataset": "faces", "model": "mlp",
        "request": "class:3", "params": '{"lr": 0.1}', "verdict": "reproduced", "k": 9, "n": 10,
        "original_k": 0, "original_n": 10, "oracle_k": 10, "oracle_n": 10, "exact": False,
        "exploratory": False, "stale": False, "detail": "told", **changed,
    }  # fmt: skip
    return {**row, "glyph": GLYPHS[row["verdict"]]}


def frames(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(rows))
