"""Audits: what looks into a model, or needs many models or more training than a metric may ask for.

- `shadows`: many small models of one architecture, trained at once
- `reference_attack`: a membership attack with such models, of the release of PGU
- `relearning`: how fast a model learns again what it forgot, and what pull it has on it
- `representation`: what the last hidden layer still knows: a linear readout
- `information`: gradients of the loss: by the input, their curvature, by the parameters
- `smoothness`: local Lipschitz ratio: how fast the outputs change around an input
- `activations`: what a step does to retained activations; gradient spaces compared
- `stop_rule`: what a stop rule sends forward, apart from the rest
- `dampening`: which parameters a dampening changed; importances compared
- `impostors`: models that have not forgotten and look as if, as controls of a measure
- `proxies`: of smoothness and of what a model knows of an example, side by side
- `noise`: the length of noise, its mean and how much it varies
- `strata`: examples in thirds, by how typical they are or how well they were learned
- `clouds`: two classes in the plane, and models of them
"""

from .reference_attack import attack_scores, fit_attack, precision_recall, roc
from .relearning import gradient_norm, relearning
from .shadows import train_many

__all__ = [
    "attack_scores", "fit_attack", "gradient_norm", "precision_recall", "relearning", "roc",
    "train_many",
]  # fmt: skip
