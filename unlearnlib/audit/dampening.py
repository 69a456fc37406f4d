"""What a dampening method did, layer by layer; whether two importances, or two methods, agree."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from ..data.tensors import Labelled
from ..stored.importance import Importance, Statistic

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


def quotient_correlation(one: Sequence[Importance], other: Sequence[Importance]) -> float:
    """Correlate the ranks (Spearman) that the quotients of two pairs give to the parameters.

    Parameters that have no quotient in one of them are left out.

    Args:
        one: :math:`I_D` and :math:`I_{D_f}`, of one model.
        other: Another two, of a model of the same architecture.
    """
    I_D, I_Df = one
    J_D, J_Df = other
    x = torch.cat([(I_Df[name] / I_D[name]).flatten() for name in I_D.values]).double().cpu()
    y = torch.cat([(J_Df[name] / J_D[name]).flatten() for name in I_D.values]).double().cpu()
    both = x.isfinite() & y.isfinite()
    return float(pd.Series(x[both].numpy()).rank().corr(pd.Series(y[both].numpy()).rank()))


def concentration(
    statistic: Statistic, model: nn.Module, data: Labelled, per_cent: Sequence[int]
) -> list[float]:
    """Return the share of the importance of `data` that its most important examples have.

    The importance of an example is summed over the parameters.

    Args:
        statistic: Which importance.
        model: A classifier in eval mode; it stays as it is.
        data: The examples, each of which is measured by itself.
        per_cent: Shares of the examples, in %; of each at least one example is taken.

    Returns:
        Shares of the summed importance in %, one for each of `per_cent`.
    """
    each = [statistic.of(model, data[torch.tensor([i])]).values for i in range(len(data))]
    sums = np.sort([sum(float(value.sum()) for value in one.values()) for one in each])[::-1]
    counts = [max(1, len(data) * share // 100) for share in per_cent]
    return [float(100 * sums[:count].sum() / sums.sum()) for count in counts]
