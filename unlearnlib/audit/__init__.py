"""Audits: what looks at models, or needs many models or more training than a metric may ask for.

- `reference_attack`, `shadows`: the attack that many models are trained for, all at once
- `relearning`: how fast a model learns again what it forgot, and what pull that has on it
- `representation`, `activations`: what the last features still tell, how far layers have moved
- `smoothness`, `information`: around an input, and of an example; `proxies`: all side by side
- `dampening`: what a dampening method did, layer by layer
- `impostors`: models that only look as if they had forgotten
- `noise`, `strata`: lengths of noise; examples in thirds; `clouds`: two classes in the plane
"""

from .reference_attack import fit, precision_recall, roc, scores
from .relearning import gradient_norm, relearning
from .shadows import train_many

__all__ = [
    "fit", "gradient_norm", "precision_recall", "relearning", "roc", "scores",
    "train_many",
]  # fmt: skip
