"""Audits: what needs many models or more training than a metric may ask for."""

from .many import train_many
from .reference_attack import fit, precision_recall, roc, scores

__all__ = ["fit", "precision_recall", "roc", "scores", "train_many"]
