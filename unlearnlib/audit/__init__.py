"""Audits: what needs many models or more training than a metric may ask for."""

from .closeness import divergence, gradient_norm, relearning
from .many import train_many
from .reference_attack import fit, precision_recall, roc, scores

__all__ = [
    "divergence", "fit", "gradient_norm", "precision_recall", "relearning", "roc", "scores",
    "train_many",
]  # fmt: skip
