"""What a dampening method did, layer by layer; whether two importances, or two methods, agree."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from ..stored.importance import Importance

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
    # 0 / 0 is NaN and x / 0 infinite: neither is finite
    r = torch.cat([(I_Df[name] / I_D[name]).flatten() for name in I_D.values])
    finite: FloatArray = r[r.isfinite()].double().cpu().numpy()
    return finite
