"""What a dampening method did, layer by layer; whether two importances, or two methods, agree."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from ..importance import Importance
from .measures import label, lacking, measure
from .summary import paired
from .table import records

FloatArray = npt.NDArray[np.float64]


def dampened(before: nn.Module, after: nn.Module) -> pd.DataFrame:
    """Count the parameters whose value has changed, one row a parameter tensor and one in total.

    Args:
        before: The original model.
        after: The unlearned model, of the same architecture.

    Returns:
        `name`, `parameters`, `dampened` (how many changed), `share`, `zero` (how many became 0).
    """
    new = dict(after.named_parameters())
    rows = []
    for name, theta in before.named_parameters():
        changed = new[name] != theta
        zero = changed & (new[name] == 0)
        rows.append((name, theta.numel(), int(changed.sum()), int(zero.sum())))
    rows.append(("total", *(sum(column) for column in list(zip(*rows, strict=True))[1:])))
    frame = pd.DataFrame(rows, columns=["name", "parameters", "dampened", "zero"])
    frame.insert(3, "share", frame["dampened"] / frame["parameters"])
    return frame


def rank_correlation(one: Importance, other: Importance) -> pd.DataFrame:
    """Correlate the ranks that two importances give to the parameters (Spearman).

    One row a parameter tensor and one for all: `name`, `parameters`, `correlation`. A tensor whose
    importances do not vary, or are not finite, has none (NaN).
    """
    pairs = {
        name: (value.flatten().double().cpu().numpy(), other[name].flatten().double().cpu().numpy())
        for name, value in one.values.items()
    }
    xs, ys = zip(*pairs.values(), strict=True)
    pairs["all"] = (np.concatenate(xs), np.concatenate(ys))
    rows = [
        (name, len(x), pd.Series(x).rank().corr(pd.Series(y).rank()) if whole else np.nan)
        for name, (x, y) in pairs.items()
        for whole in [np.isfinite(x).all() and np.isfinite(y).all()]
    ]
    return pd.DataFrame(rows, columns=["name", "parameters", "correlation"])


def quotients(I_D: Importance, I_Df: Importance) -> FloatArray:
    """Return the importance for the forget set over that for D, of every parameter, flat.

    Where both are zero there is none; what only the forget set needs is left out too.
    """
    r = torch.cat([(I_Df[name] / I_D[name]).flatten() for name in I_D.values])
    found: FloatArray = r[r.isfinite()].double().cpu().numpy()
    return found


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
