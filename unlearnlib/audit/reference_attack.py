"""The membership attack in the release of PGU: an attacker with reference models of both kinds.

Some reference models were trained with the forget set, some without it. A classifier learns to tell
the two kinds by what they say about the forget set: the probabilities and the true label of one
example. It is then asked about unlearned and retrained models; if it cannot tell them apart (area
under both curves 1/2), unlearning has worked. The attacker knows the forget set, so this is strong.

Departs from the release (hnanhtuan/projected_gradient_unlearning @ b3275c3): scikit-learn's
histogram gradient boosting with its rate (0.2), depth (10) and L2 penalty (10) in the place of
XGBoost, so no subsampling of rows; its validation models are not used for early stopping.
"""

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import auc, precision_recall_curve, roc_curve
from torch import Tensor
from torch.nn.functional import one_hot

from ..errors import DataError, NonFiniteError
from ..metrics.shapes import one_label, told

Array = npt.NDArray[np.float64]
_NOTHING = (np.array([np.nan]), np.array([np.nan]), float("nan"))


def features(logits: Tensor, y: Tensor) -> Array:
    """Return probabilities beside the label as an indicator, (models * n, 2 classes).

    Args:
        logits: Outputs of each model on the same examples, (models, n, classes).
        y: Their true labels, (n,).

    Raises:
        DataError: The outputs are not of one or more models, or the labels not theirs.
    """
    if logits.dim() != 3:
        raise DataError(
            f"The attack wants outputs (models, n, classes), not of shape {tuple(logits.shape)}. "
            "Stack those of one model or more."
        )
    p = told(logits.flatten(0, 1)).softmax(1).view_as(logits)
    labels = one_hot(one_label(logits[0], y), p.shape[2]).expand_as(p)
    return np.concatenate([p.flatten(0, 1).cpu().numpy(), labels.flatten(0, 1).cpu().numpy()], 1)


def fit_attack(
    with_forget: Tensor, without: Tensor, y: Tensor, seed: int = 0
) -> HistGradientBoostingClassifier:
    """Return the attack, learnt from reference models.

    Args:
        with_forget: Outputs on the forget set of models trained with it, (models, n, classes).
        without: The same of models trained without it.
        y: True labels of the forget set, (n,).
        seed: Of the binning, which samples where there are more than 200,000 rows.

    Raises:
        NonFiniteError: An output is NaN or infinite, which the classifier would learn from.
    """
    x = np.concatenate([features(with_forget, y), features(without, y)])
    if not np.isfinite(x).all():
        raise NonFiniteError(
            "An output of a reference model is NaN or infinite, and the attack would learn from "
            "that. Leave out the models that diverged."
        )
    member = np.repeat([1, 0], [len(with_forget) * len(y), len(without) * len(y)])
    return HistGradientBoostingClassifier(
        learning_rate=0.2, max_depth=10, l2_regularization=10.0, early_stopping=False,
        random_state=seed,
    ).fit(x, member)  # fmt: skip


def attack_scores(attack: HistGradientBoostingClassifier, logits: Tensor, y: Tensor) -> Array:
    """Return the probability that each model was trained with each example, (models, n).

    It is NaN where an output is not finite.
    """
    x = features(logits, y)
    p: Array = attack.predict_proba(x)[:, 1]
    return np.where(np.isfinite(x).all(1), p, np.nan).reshape(len(logits), len(y))


def roc(unlearned: Array, retrained: Array) -> tuple[Array, Array, float]:
    """Return false-positive rates, true-positive rates, and the area under the curve.

    Args:
        unlearned: Scores of unlearned (or original) models, any shape: what should be caught.
        retrained: Scores of retrained models, any shape.

    Returns:
        Rates and area; NaN if a score is not finite.

    Raises:
        DataError: There are no scores of one of the two.
    """
    caught, s = _pooled(unlearned, retrained)
    if not np.isfinite(s).all():
        return _NOTHING
    false, true, _ = roc_curve(caught, s)
    return false, true, float(auc(false, true))


def precision_recall(unlearned: Array, retrained: Array) -> tuple[Array, Array, float]:
    """Return recalls, precisions, and the area under the curve; all else as of `roc`."""
    caught, s = _pooled(unlearned, retrained)
    if not np.isfinite(s).all():
        return _NOTHING
    precision, recall, _ = precision_recall_curve(caught, s)
    return recall, precision, float(auc(recall, precision))


def _pooled(unlearned: Array, retrained: Array) -> tuple[npt.NDArray[np.int64], Array]:
    """Return which scores should be high, and all scores."""
    if not (unlearned.size and retrained.size):
        raise DataError(
            f"A curve needs scores of both kinds, and was given {unlearned.size} of unlearned and "
            f"{retrained.size} of retrained models."
        )
    caught = np.repeat(np.array([1, 0]), [unlearned.size, retrained.size])
    return caught, np.concatenate([unlearned.ravel(), retrained.ravel()])
