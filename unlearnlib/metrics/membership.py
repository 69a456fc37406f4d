"""Membership inference: can an attacker tell that the forget set was trained on?"""

import numpy as np
from jaxtyping import Float
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from .entropy import entropy


def mia_entropy(
    forget: Float[Tensor, "f classes"],
    retain: Float[Tensor, "r classes"],
    test: Float[Tensor, "t classes"],
) -> float:
    """Return the share of the forget set that the entropy attack of SSD and JiT calls members.

    A balanced logistic regression on one feature, the entropy of the output, learns retain
    (member) against test (non-member) and is asked about forget. A low value is not good in
    itself: compare it with that of the retrained model. From the bad-teaching release, by way of
    SSD (arXiv:2308.07707) and JiT (arXiv:2402.01401).

    Args:
        forget: Outputs of the forget set, (n, classes).
        retain: Outputs of the retain set.
        test: Outputs of the whole test set, the forgotten class included.

    Returns:
        A fraction, or nan if an output is not finite.
    """
    h_f, h_r, h_t = (entropy(z).detach().cpu().numpy()[:, None] for z in (forget, retain, test))
    if not all(np.isfinite(h).all() for h in (h_f, h_r, h_t)):
        return float("nan")
    members = np.r_[np.ones(len(h_r)), np.zeros(len(h_t))]
    attack = LogisticRegression(class_weight="balanced").fit(np.r_[h_r, h_t], members)
    return float(attack.predict(h_f).mean())
