"""Attacks that ask whether forget examples look like members: scores, and what they tell."""

import math
import warnings

import numpy as np
import torch
from jaxtyping import Float, Float64, Int, Real
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from ..checks.outputs import finite
from ..errors import DataError, SpecError
from ..losses import Labels
from .shapes import NAN, labels, one_label, scores, told


def example_loss(logits: Float[Tensor, "n classes"], y: Labels) -> Float64[Tensor, " n"]:
    """Return the loss of every example in nats, (n,); that of several labels is their sum.

    Args:
        logits: Outputs, (n, classes).
        y: Labels: (n,), integers; or (n, classes), floats that are 0 or 1.
    """
    z, y = told(logits), labels(logits, y)
    if y.is_floating_point():
        return binary_cross_entropy_with_logits(z, y.double(), reduction="none").sum(1)
    return cross_entropy(z, y, reduction="none")


def confidence(logits: Float[Tensor, "n classes"], y: Int[Tensor, " n"]) -> Float64[Tensor, " n"]:
    """Return the probability :math:`p_y` of the label of every example, (n,)."""
    return (-cross_entropy(told(logits), one_label(logits, y), reduction="none")).exp()


def margin(logits: Float[Tensor, "n classes"], y: Int[Tensor, " n"]) -> Float64[Tensor, " n"]:
    r"""Return the logit-scaled confidence :math:`\log p_y - \log(1 - p_y)`, (n,).

    It is :math:`z_y - \log \sum_{c \ne y} e^{z_c}`, which stays finite where :math:`p_y` is 1.
    """
    z, y = told(logits), one_label(logits, y)
    return z.gather(1, y[:, None]).squeeze(1) - _others(z, y)


def modified_entropy(
    logits: Float[Tensor, "n classes"], y: Int[Tensor, " n"]
) -> Float64[Tensor, " n"]:
    r"""Return :math:`-(1 - p_y) \log p_y - \sum_{c \ne y} p_c \log(1 - p_c)`, (n,).

    Song and Mittal, USENIX Security 2021, arXiv:2003.10595: unlike the entropy it is large where
    the model is sure of a wrong label.
    """
    z, y = told(logits), one_label(logits, y)
    log_p = z.log_softmax(1)
    top = log_p.argmax(1)
    log_rest = (-log_p.exp()).log1p()  # log(1 - p_c), which needs care where p_c is near 1
    # log(1 - p_top) is that of the sum of the others, which needs no difference from 1
    log_rest = log_rest.scatter(1, top[:, None], (_others(z, top) - z.logsumexp(1))[:, None])
    terms = log_p.exp() * log_rest  # p_c log(1 - p_c)
    label = y[:, None]
    of_label = log_rest.gather(1, label).exp() * log_p.gather(1, label)  # (1 - p_y) log p_y
    return -(of_label + terms.scatter(1, label, 0.0).sum(1, keepdim=True)).squeeze(1)


def _others(z: Tensor, y: Tensor) -> Tensor:
    r"""Return :math:`\log \sum_{c \ne y} e^{z_c}`, (n,)."""
    return z.scatter(1, y[:, None], -torch.inf).logsumexp(1)


def attack_accuracy(
    members: Real[Tensor, " n"], others: Real[Tensor, " m"], splits: int = 10
) -> float:
    """Return how often a logistic regression on one score tells members from others.

    The attack of the NablaTau release, after that of the NeurIPS 2023 unlearning challenge: the
    larger set is cut to the size of the smaller, nine tenths train the attacker, one tenth tests
    it, and the mean over ten such splits is its accuracy. One half is a guess; the attacker learns
    the direction, so that scores that are too high give away as much as scores that are too low.
    The regression is fitted exactly; the release's lbfgs stops a little before, which now and then
    puts an example on the other side.

    Args:
        members: Scores of what the original was trained on, the forget set, (n,).
        others: Scores of examples that no model was trained on, (m,).
        splits: Number of splits.

    Returns:
        A fraction, or nan if a score is not finite or a set has fewer than six examples.

    Raises:
        SpecError: There is no split.
    """
    if splits < 1:
        raise SpecError(f"An attack needs one split or more, and was given {splits}.")
    inside, outside = (one.cpu().numpy().copy() for one in scores(members, others))
    size = min(len(inside), len(outside))
    if size < 6 or not (np.isfinite(inside).all() and np.isfinite(outside).all()):
        return NAN
    np.random.default_rng(1).shuffle(outside if len(outside) > len(inside) else inside)
    x = np.r_[outside[:size], inside[:size]][:, None]  # one feature, the score
    member = np.repeat([0, 1], size)
    attacker = LogisticRegression(solver="newton-cholesky")  # three times as fast as lbfgs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where scores are huge it goes on with lbfgs, and says so
        hits = [
            attacker.fit(x[train], member[train]).score(x[test], member[test])
            for train, test in StratifiedShuffleSplit(splits, random_state=0).split(x, member)
        ]
    return float(np.mean(hits))


def attack_auc(members: Real[Tensor, " n"], others: Real[Tensor, " m"]) -> float:
    """Return the chance that a member's score is above another's; equal scores count half.

    Args:
        members: Scores, (n,), larger where membership is more likely, such as `margin`.
        others: Scores of examples that no model was trained on, (m,).

    Returns:
        A fraction, or nan if a score is not finite.
    """
    x, others = _filled(members, others)
    if not (finite(x) and finite(others)):
        return NAN
    ranked = others.sort().values
    # How many others are below x, and how many at most x: ties are half of the difference
    below, not_above = (torch.searchsorted(ranked, x, right=right) for right in (False, True))
    return ((below + not_above) / 2).mean().item() / len(others)


def attack_tpr(members: Real[Tensor, " n"], others: Real[Tensor, " m"], fpr: float = 0.01) -> float:
    """Return the share of members above a threshold that at most a share `fpr` of others is above.

    Args:
        members: Scores, (n,), larger where membership is more likely, such as `margin`.
        others: Scores of examples that no model was trained on, (m,).
        fpr: False positive rate that is allowed, below 1.

    Returns:
        A fraction, or nan if a score is not finite.

    Raises:
        SpecError: `fpr` is not at least 0 and below 1.
    """
    if not 0 <= fpr < 1:
        raise SpecError(
            f"fpr must be at least 0 and below 1, not {fpr!r}: it is a share of others."
        )
    x, others = _filled(members, others)
    if not (finite(x) and finite(others)):
        return NAN
    ranked = others.sort(descending=True).values
    allowed = math.floor(fpr * len(others) + 1e-9)  # 0.29 of 100 is 28.999999999999996
    # Above it are the `allowed` largest at most, fewer where others are equal to it
    threshold = ranked[min(allowed, len(others) - 1)]
    return (x > threshold).double().mean().item()


def _filled(members: Tensor, others: Tensor) -> list[Tensor]:
    """Return the scores of two sets, each of which has some."""
    both = scores(members, others)
    if not all(map(len, both)):
        raise DataError(
            f"An attack compares members with others, and was given {len(members)} scores of "
            f"members and {len(others)} of others. It needs one of each at least."
        )
    return both
