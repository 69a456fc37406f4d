"""What a stop rule costs: it sends held-out images forward before the first epoch and after each.

A small training set beside a large held-out one makes that the most of what PGU sends forward.
"""

import pandas as pd
import torch

from ..methods.parts.stopping import Stop
from ..request import Splits


def passes_apart(passes: "pd.Series[float]", stop: Stop, splits: Splits) -> pd.DataFrame:
    r"""Return how many epochs PGU ran on one request, and its passes without its stop rule's.

    With :math:`n` examples of training, :math:`f` to forget and :math:`v` that the rule watches,
    :math:`E` epochs send :math:`f` forward for the moments, :math:`E f` for the steps, and
    :math:`(E + 1) v` for the rule, so that

    .. math:: E = \frac{n \cdot \text{passes} - f - v}{f + v}

    Args:
        passes: What was sent forward in all, in units of the training set, of runs in one step.
        stop: The rule: `gap` watches the validation and the forget set, `drop` the validation
            examples of classes that are not in the forget set (all of them, if there are none).
        splits: Of the request.

    Returns:
        epochs, and the passes of the rule and of the rest, a run a row.
    """
    f, n = len(splits.forget), len(splits.forget) + len(splits.retain)
    watched = 0
    if stop == "gap":
        watched = len(splits.validation) + f
    elif stop == "drop":
        spared = ~torch.isin(splits.validation.y, splits.forget.y)
        watched = int(spared.sum()) or len(splits.validation)
    epochs = (n * passes - f - watched) / (f + watched)
    rule = (epochs + 1) * watched / n
    return pd.DataFrame({"epochs": epochs, "rule": rule, "rest": passes - rule})
