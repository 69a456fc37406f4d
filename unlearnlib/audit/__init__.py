"""Audits: what needs many models or more training than a metric may ask for."""

from .reference_attack import fit, precision_recall, roc, scores
from .relearning import gradient_norm, relearning
from .shadows import train_many

__all__ = [
    "fit", "gradient_norm", "precision_recall", "relearning", "roc", "scores",
    "train_many",
]  # fmt: skip
