"""The paired differences of many requests, side by side."""

import pandas as pd

from .measures import label, lacking, measure
from .summary import paired
from .table import records


def pairs_of(
    runs: pd.DataFrame, measured: list[tuple[str, str]], pairs: list[tuple[str, str]]
) -> pd.DataFrame:
    """Return the paired differences of many requests, one column a pair of methods.

    Args:
        runs: Records, of several data sets or requests.
        measured: Pairs (metric, split), one row each for every request.
        pairs: Pairs (method, reference).

    Returns:
        request, measured, and for each pair "mean (low to high)" in the printed unit, with the
        95 % interval of the mean, or "mean (n = 1)"; "—" where it was not run, and "— (1 of 3
        pairs has no number)" where it has no mean.
    """
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for metric, split in measured:
        kind = measure(metric)
        for pair in pairs:
            for row in records(paired(runs, metric, split, *pair)):
                mean, *ends = (
                    f"{row[end] * kind.scale:+.{kind.decimals}f}" for end in ("mean", "low", "high")
                )
                name = row["request"].partition(":")[2].replace("_", " ")
                key = (f"{row['dataset']}: {name}", label(metric, split, unit=True))
                spread = " to ".join(ends) if row["n"] > 1 else "n = 1"
                if row["missing"]:
                    mean = "—"
                    spread = lacking(row["missing"], row["n"] + row["missing"], "pair")
                rows.setdefault(key, {})[" − ".join(pair)] = f"{mean} ({spread})"
    heads = [" − ".join(pair) for pair in pairs]
    lines = sorted(rows.items(), key=lambda line: line[0][0])
    found = [(*key, *(cells.get(head, "—") for head in heads)) for key, cells in lines]
    return pd.DataFrame(found, columns=["request", "measured", *heads])
