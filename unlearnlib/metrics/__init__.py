"""Metrics: pure functions of outputs and labels; none ever sees a model.

- `accuracy`: accuracy and loss; also as the releases of SSD and JiT average them
- `entropy`: entropy of the outputs
- `histogram`: shares of scores in bins
- `divergence`: Jensen-Shannon divergence of two models' outputs
- `membership`: the entropy attack of SSD and JiT
- `attack`: scores of membership, and what an attack by one score can tell
- `alignment`: whether noise moves an output in one direction, of JiT
- `shapes`: what a metric may be given, checked once
"""

from .accuracy import accuracy, accuracy_batch_mean, loss
from .alignment import alignment
from .attack import (
    attack_accuracy,
    attack_auc,
    attack_tpr,
    confidence,
    example_loss,
    margin,
    modified_entropy,
)
from .divergence import divergence
from .entropy import entropy
from .histogram import histogram
from .membership import mia_entropy

__all__ = [
    "accuracy", "accuracy_batch_mean", "alignment", "attack_accuracy", "attack_auc", "attack_tpr",
    "confidence", "divergence", "entropy", "example_loss", "histogram", "loss", "margin",
    "mia_entropy", "modified_entropy",
]  # fmt: skip
