"""Metrics: pure functions of outputs and labels; none ever sees a model."""

from .accuracy import accuracy, accuracy_batch_mean, loss
from .alignment import alignment
from .entropy import entropy
from .membership import mia_entropy

__all__ = ["accuracy", "accuracy_batch_mean", "alignment", "entropy", "loss", "mia_entropy"]
